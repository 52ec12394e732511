"""One accounting of tokens: every provider's usage as parts that do not overlap."""

import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.schema.usage import INPUT_PARTS, OUTPUT_PARTS, Usage
from evalgate.usage.names import INPUT, OUTPUT, PARTS, TOTAL
from evalgate.usage.parse import parse_usage, usage_of_totals
from evalgate.usage.sums import add_usages, merge_usages

SHAPES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "OpenAI chat: cached and reasoning lie inside (platform.openai.com, prompt caching)": (
        {
            "prompt_tokens": 2006,
            "completion_tokens": 300,
            "total_tokens": 2306,
            "prompt_tokens_details": {"cached_tokens": 1920, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": 100,
                "accepted_prediction_tokens": 50,
                "rejected_prediction_tokens": 20,
            },
        },
        {"input": 86, "cache_read": 1920, "input_audio": 0, "output": 200, "reasoning": 100},
    ),
    "Gemini: what its tools read lies beside the input, and is told by modality again": (
        {
            "promptTokenCount": 32,
            "candidatesTokenCount": 41,
            "totalTokenCount": 2515,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 32}],
            "toolUsePromptTokenCount": 2395,
            "toolUsePromptTokensDetails": [{"modality": "TEXT", "tokenCount": 2395}],
            "thoughtsTokenCount": 47,
        },
        {"input": 2427, "output": 41, "reasoning": 47},
    ),
    "Bedrock: cache writes by lifetime": (
        {
            "inputTokens": 3,
            "outputTokens": 288,
            "totalTokens": 2365,
            "cacheReadInputTokens": 0,
            "cacheWriteInputTokens": 2074,
            "cacheDetails": [
                {"ttl": "5m", "inputTokens": 74},
                {"ttl": "1h", "inputTokens": 2000},
            ],
        },
        {"input": 3, "cache_read": 0, "cache_write": 74, "cache_write_1h": 2000, "output": 288},
    ),
    "OpenRouter: tools that it ran are told beside": (
        {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "total_tokens": 15,
            "server_tool_use_details": {
                "web_search_requests": 1,
                "tool_calls_requested": 1,
                "tool_calls_executed": 1,
            },
        },
        {"input": 10, "output": 5, "tool_uses": {"web_search": 1}},
    ),
    "OpenAI responses: the same under other names": (
        {
            "input_tokens": 81,
            "input_tokens_details": {"cached_tokens": 10},
            "output_tokens": 1035,
            "output_tokens_details": {"reasoning_tokens": 832},
            "total_tokens": 1116,
        },
        {"input": 71, "cache_read": 10, "output": 203, "reasoning": 832},
    ),
    "xAI: reasoning beside the completion, as the total tells (inspect_ai 5528)": (
        {
            "prompt_tokens": 1000,
            "completion_tokens": 10,
            "total_tokens": 3010,
            "completion_tokens_details": {"reasoning_tokens": 2000},
        },
        {"input": 1000, "output": 10, "reasoning": 2000},
    ),
    "Anthropic: the cache beside the input, writes by lifetime (inspect_ai 4705)": (
        {
            "input_tokens": 100,
            "cache_creation_input_tokens": 100_000,
            "cache_read_input_tokens": 7,
            "cache_creation": {
                "ephemeral_5m_input_tokens": 20_000,
                "ephemeral_1h_input_tokens": 80_000,
            },
            "output_tokens": 10,
            "service_tier": "standard",
        },
        {
            "input": 100,
            "cache_read": 7,
            "cache_write": 20_000,
            "cache_write_1h": 80_000,
            "output": 10,
            "service_tier": "standard",
        },
    ),
    "Anthropic: searches are billed by use (litellm 16996)": (
        {
            "input_tokens": 1000,
            "output_tokens": 100,
            "server_tool_use": {"web_search_requests": 3, "web_fetch_requests": 0},
        },
        {"input": 1000, "output": 100, "tool_uses": {"web_search": 3}},
    ),
    "Moonshot: cached tokens at the top (pi 8119)": (
        {"prompt_tokens": 10, "completion_tokens": 0, "total_tokens": 10, "cached_tokens": 9},
        {"input": 1, "cache_read": 9, "output": 0},
    ),
    "DeepSeek: hits and misses (hermes-agent 61871)": (
        {
            "prompt_tokens": 10,
            "completion_tokens": 2,
            "total_tokens": 12,
            "prompt_cache_hit_tokens": 9,
            "prompt_cache_miss_tokens": 1,
        },
        {"input": 1, "cache_read": 9, "output": 2},
    ),
    "Gemini: thoughts beside the candidates, modalities in lists, the cache inside": (
        {
            "promptTokenCount": 100,
            "candidatesTokenCount": 10,
            "thoughtsTokenCount": 50,
            "totalTokenCount": 160,
            "cachedContentTokenCount": 40,
            "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": 90},
                {"modality": "AUDIO", "tokenCount": 10},
            ],
        },
        {"input": 50, "cache_read": 40, "input_audio": 10, "output": 10, "reasoning": 50},
    ),
    "Bedrock: camel case, the cache beside the input and in the total": (
        {
            "inputTokens": 4,
            "outputTokens": 21,
            "totalTokens": 1225,
            "cacheReadInputTokens": 1200,
            "cacheWriteInputTokens": 0,
        },
        {"input": 4, "cache_read": 1200, "cache_write": 0, "output": 21},
    ),
    "LiteLLM over Anthropic: the cache inside prompt_tokens, named twice": (
        {
            "prompt_tokens": 110,
            "completion_tokens": 10,
            "total_tokens": 120,
            "cache_read_input_tokens": 100,
            "cache_creation_input_tokens": 0,
            "prompt_tokens_details": {"cached_tokens": 100},
        },
        {"input": 10, "cache_read": 100, "cache_write": 0, "output": 10},
    ),
    "OpenRouter: what it billed": (
        {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "total_tokens": 15,
            "cost": 0.0125,
            "is_byok": False,
            "cost_details": {"upstream_inference_cost": None},
        },
        {"input": 10, "output": 5, "billed_usd": 0.0125},
    ),
    "OpenRouter with a key of one's own: its fee and the provider's bill": (
        {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "cost": 0.25,
            "is_byok": True,
            "cost_details": {"upstream_inference_cost": 4.0},
        },
        {"input": 10, "output": 5, "billed_usd": 4.25},
    ),
    "Perplexity: the cost has parts": (
        {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "total_tokens": 15,
            "cost": {"input_tokens_cost": 0.5, "request_cost": 0.25, "total_cost": 0.75},
        },
        {"input": 10, "output": 5, "billed_usd": 0.75},
    ),
    "Langfuse: details by lifetime that do not overlap (langfuse 15856)": (
        {
            "input": 100,
            "input_cache_creation_5m": 50_000,
            "input_cache_creation_1h": 50_000,
            "output": 10,
            "total": 100_110,
        },
        {"input": 100, "cache_write": 50_000, "cache_write_1h": 50_000, "output": 10},
    ),
    "Langfuse: audio beside the text": (
        {
            "input": 10,
            "input_audio_tokens": 1000,
            "output": 20,
            "output_audio_tokens": 500,
            "total": 1530,
        },
        {"input": 10, "input_audio": 1000, "output": 20, "output_audio": 500},
    ),
    "Langfuse: cached tokens inside, as the total tells": (
        {"input": 100, "input_cached_tokens": 40, "output": 10, "total": 110},
        {"input": 60, "cache_read": 40, "output": 10},
    ),
    "OpenTelemetry: attributes hold the cache inside (semantic conventions)": (
        {
            "gen_ai.usage.input_tokens": 100,
            "gen_ai.usage.output_tokens": 10,
            "gen_ai.usage.cache_read.input_tokens": 50,
        },
        {"input": 50, "cache_read": 50, "output": 10},
    ),
    "OpenInference: attributes with boxes": (
        {
            "llm.token_count.prompt": 100,
            "llm.token_count.completion": 10,
            "llm.token_count.total": 110,
            "llm.token_count.prompt_details.cache_read": 50,
        },
        {"input": 50, "cache_read": 50, "output": 10},
    ),
    "LangChain: details in boxes": (
        {
            "input_tokens": 350,
            "output_tokens": 240,
            "total_tokens": 590,
            "input_token_details": {"audio": 10, "cache_creation": 200, "cache_read": 100},
            "output_token_details": {"audio": 10, "reasoning": 200},
        },
        {
            "input": 40,
            "input_audio": 10,
            "cache_write": 200,
            "cache_read": 100,
            "output": 30,
            "output_audio": 10,
            "reasoning": 200,
        },
    ),
    "OpenAI realtime: audio among the cached": (
        {
            "input_tokens": 100,
            "output_tokens": 10,
            "total_tokens": 110,
            "input_token_details": {
                "text_tokens": 30,
                "audio_tokens": 70,
                "cached_tokens": 60,
                "cached_tokens_details": {"text_tokens": 20, "audio_tokens": 40},
            },
        },
        {
            "input": 10,
            "cache_read": 20,
            "cache_read_audio": 40,
            "input_audio": 30,
            "output": 10,
        },
    ),
    "Embeddings: a total that is the input": (
        {"prompt_tokens": 8, "total_tokens": 8},
        {"input": 8, "output": 0},
    ),
    "Groq: times are no money": (
        {
            "queue_time": 0.02,
            "prompt_tokens": 10,
            "prompt_time": 0.001,
            "completion_tokens": 5,
            "completion_time": 0.1,
            "total_tokens": 15,
            "total_time": 0.101,
        },
        {"input": 10, "output": 5},
    ),
    "Anthropic: the bill of a compaction is the sum of its iterations": (
        {
            "input_tokens": 200,
            "output_tokens": 10,
            "iterations": [
                {"type": "compaction", "input_tokens": 100, "output_tokens": 90},
                {"type": "message", "input_tokens": 200, "output_tokens": 10},
            ],
        },
        {"input": 300, "output": 100},
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_usage_of_a_provider_in_parts(shape: str) -> None:
    """Each provider's documented usage gives parts that add up to its totals, without problems."""
    raw, expected = SHAPES[shape]
    assert parse_usage(raw).model_dump(exclude_unset=True, exclude_defaults=True) == expected


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        ({"prompt_tokens": 1000, "completion_tokens": 10, "total_tokens": 5010}, "total_tokens"),
        ({"prompt_tokens": 10, "completion_tokens": 5, "video_frames": 3}, "video_frames"),
        ({"prompt_tokens": 10, "completion_tokens": 5, "prompt_audio_seconds": 3}, "audio_seconds"),
        ({"prompt_tokens": "ten", "completion_tokens": 5}, "prompt_tokens"),
        ({"prompt_tokens": math.nan, "completion_tokens": 5}, "prompt_tokens"),
        ({"prompt_tokens": -1, "completion_tokens": 5}, "prompt_tokens"),
        ({"prompt_tokens": 1.5, "completion_tokens": 5}, "prompt_tokens"),
        ({"prompt_tokens": 10, "cached_tokens": 11, "completion_tokens": 5}, "cached_tokens"),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "cached_tokens": 3,
                "prompt_tokens_details": {"cached_tokens": 4},
            },
            "prompt_tokens_details.cached_tokens",
        ),
        (
            {
                "input_tokens": 1,
                "output_tokens": 5,
                "cache_creation_input_tokens": 30,
                "cache_creation": {"ephemeral_1h_input_tokens": 20},
            },
            "cache_creation_input_tokens",
        ),
        ({"input_tokens": 1, "output_tokens": 5, "inference_geo": "us"}, "inference_geo"),
        (
            {
                "input_tokens": 1,
                "output_tokens": 5,
                "iterations": [{"input_tokens": 1, "output_tokens": 5, "model": "another"}],
            },
            "another",
        ),
        ({"prompt_tokens": 1, "completion_tokens": 5, "cost": -1}, "cost"),
    ],
)
def test_what_does_not_add_up_is_named(raw: dict[str, Any], named: str) -> None:
    """A field nobody knows, a count that is none and a total that contradicts are problems."""
    problems = parse_usage(raw).problems
    assert any(named in problem for problem in problems), problems


def test_a_field_without_a_number_is_no_problem() -> None:
    """Words, nulls and zeros of unknown fields change no bill."""
    raw = {"prompt_tokens": 1, "completion_tokens": 2, "a": None, "b": 0, "c": "x", "d": {"e": 0}}
    assert parse_usage(raw) == Usage(input=1, output=2)


def test_a_stream_keeps_the_last_number_of_each_field() -> None:
    """Neither null nor zero takes the place of a number; later numbers do."""
    merged = merge_usages(
        [
            {"input_tokens": 100, "output_tokens": 1, "cache": {"a": 5}},
            {"input_tokens": 0, "output_tokens": 9, "cache": {"a": None, "b": 2}},
            {"input_tokens": None},
        ]
    )
    assert merged == {"input_tokens": 100, "output_tokens": 9, "cache": {"a": 5, "b": 2}}


def test_totals_become_parts() -> None:
    """Flat counts of older traces: what was cached or reasoned lies inside."""
    usage = usage_of_totals(100, 20, 30, 5, 15)
    assert usage == Usage(input=65, cache_read=30, cache_write=5, output=5, reasoning=15)
    assert usage_of_totals(10, 5, 11).problems != ()


def test_a_sum_with_an_unknown_count_is_unknown() -> None:
    """Adding a call without counts gives no total."""
    assert add_usages([Usage(input=1, output=2), Usage()]).input_tokens is None


_COUNTS = st.one_of(
    st.none(),
    st.integers(-1, 2000),
    st.sampled_from([0, 100, 100.0, 1.5, math.nan, math.inf, "100", True, 10**400]),
)
_NAMES = st.sampled_from(sorted(INPUT | OUTPUT | TOTAL | PARTS.keys() | {"cost", "queue_time"}))
_USAGES = st.recursive(
    st.dictionaries(_NAMES, _COUNTS, max_size=6),
    lambda inner: st.dictionaries(
        st.sampled_from(["prompt_tokens_details", "output_tokens_details", "iterations", "x"]),
        st.one_of(inner, st.lists(st.one_of(inner, _COUNTS), max_size=2)),
        max_size=3,
    ),
    max_leaves=4,
).flatmap(
    lambda box: st.builds(
        lambda flat: {**box, **flat}, st.dictionaries(_NAMES, _COUNTS, max_size=5)
    )
)


@given(_USAGES)
def test_any_usage_is_read_and_its_parts_add_up(raw: dict[str, Any]) -> None:
    """Nothing raises; without a problem the parts are the stated total, each token once."""
    usage = parse_usage(raw)
    whole = [Fraction(getattr(usage, name) or 0) for name in (*INPUT_PARTS, *OUTPUT_PARTS)]
    total = raw.get("total_tokens")
    counted = usage.input_tokens is not None and usage.output_tokens is not None
    if isinstance(total, int) and counted and not usage.problems and "iterations" not in raw:
        cache = usage.cached_tokens or 0, usage.cache_write_tokens or 0
        assert sum(whole) in {total, total + sum(cache)}
