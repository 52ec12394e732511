"""What providers and frameworks call the parts of a usage, from their own documentation.

A name is a path in snake case, dots between the levels; the boxes in which details stand are
called `in` (of the input), `out` (of the output) and `cached`.
"""

import re
from typing import Final

BOXES: Final = {
    **dict.fromkeys(
        (
            "prompt_tokens_details",
            "prompt_token_details",
            "prompt_details",
            "input_tokens_details",
            "input_token_details",
            "input_details",
        ),
        "in",
    ),
    **dict.fromkeys(
        (
            "completion_tokens_details",
            "completion_token_details",
            "completion_details",
            "output_tokens_details",
            "output_token_details",
            "output_details",
            "candidates_tokens_details",
            "response_tokens_details",
        ),
        "out",
    ),
    **dict.fromkeys(("cached_tokens_details", "cache_tokens_details"), "cached"),
}
"""Boxes of details, by the name they have here."""

PREFIXES: Final = ("gen_ai.usage.", "llm.usage.", "llm.token_count.", "usage.", "usage_metadata.")
"""What attributes of spans carry before the name."""

PROMPT: Final = frozenset(
    {"prompt_tokens", "prompt_token_count", "prompt", "llm_prompt_tokens", "input_token_count"}
)
"""Names of an input that holds its cached tokens, by convention."""

INPUT: Final = PROMPT | {"input_tokens", "input", "billed_units.input_tokens", "input_total_tokens"}
"""Names of the input tokens."""

OUTPUT: Final = frozenset(
    {
        "completion_tokens",
        "completion",
        "output_tokens",
        "output",
        "candidates_token_count",
        "output_token_count",
        "response_token_count",
        "billed_units.output_tokens",
    }
)
"""Names of the output tokens."""

TOTAL: Final = frozenset({"total_tokens", "total", "total_token_count"})
"""Names of the stated total."""

PARTS: Final = {
    # cache, read
    **dict.fromkeys(
        (
            "cached_tokens",
            "num_cached_tokens",
            "cached_input_tokens",
            "cached_content_token_count",
            "prompt_cache_hit_tokens",
            "cache_read_input_tokens",
            "cache_read_input_token_count",
            "cache_read_tokens",
            "cache_read.input_tokens",
            "input_cached_tokens",
            "input_cache_read",
            "input_cache_read_tokens",
            "in.cached_tokens",
            "in.cached",
            "in.cache_read",
            "in.cache_read_tokens",
            "in.cache_read_input_tokens",
        ),
        "cache_read",
    ),
    **dict.fromkeys(
        ("in.cached.audio_tokens", "in.cached.audio", "cached.audio_tokens"), "cache_read_audio"
    ),
    **dict.fromkeys(
        ("in.cached.image_tokens", "in.cached.image", "cached.image_tokens"), "cache_read_image"
    ),
    # cache, written
    **dict.fromkeys(
        (
            "cache_creation_input_tokens",
            "cache_write_input_tokens",
            "cache_write_input_token_count",
            "cache_write_tokens",
            "cache_creation_tokens",
            "cache_creation.input_tokens",
            "cache_write.input_tokens",
            "input_cache_creation",
            "input_cache_write",
            "input_cache_creation_tokens",
            "in.cache_write",
            "in.cache_write_tokens",
            "in.cache_creation",
            "in.cache_creation_tokens",
            "in.cached_creation_tokens",
            "in.cache_creation_input_tokens",
        ),
        "written",
    ),
    **dict.fromkeys(
        (
            "cache_creation.ephemeral_5m_input_tokens",
            "in.cache_creation_token_details.ephemeral_5m_input_tokens",
            "in.ephemeral_5m_input_tokens",
            "ephemeral_5m_input_tokens",
            "input_cache_creation_5m",
            "cache_details.5m_input_tokens",
        ),
        "cache_write",
    ),
    **dict.fromkeys(
        (
            "cache_creation.ephemeral_1h_input_tokens",
            "in.cache_creation_token_details.ephemeral_1h_input_tokens",
            "in.ephemeral_1h_input_tokens",
            "ephemeral_1h_input_tokens",
            "input_cache_creation_1h",
            "cache_details.1h_input_tokens",
        ),
        "cache_write_1h",
    ),
    # other kinds of input and output
    **dict.fromkeys(("in.audio_tokens", "in.audio", "input_audio_tokens"), "input_audio"),
    **dict.fromkeys(("in.image_tokens", "in.image", "input_image_tokens"), "input_image"),
    **dict.fromkeys(("in.video_tokens", "in.video", "input_video_tokens"), "input_video"),
    **dict.fromkeys(("out.audio_tokens", "out.audio", "output_audio_tokens"), "output_audio"),
    **dict.fromkeys(("out.image_tokens", "out.image", "output_image_tokens"), "output_image"),
    **dict.fromkeys(("out.video_tokens", "out.video", "output_video_tokens"), "output_video"),
    **dict.fromkeys(
        (
            "out.reasoning_tokens",
            "out.reasoning",
            "out.thinking_tokens",
            "reasoning_tokens",
            "reasoning.output_tokens",
            "thoughts_token_count",
            "thinking_tokens",
            "output_reasoning",
            "output_reasoning_tokens",
        ),
        "reasoning",
    ),
    # checks and additions
    **dict.fromkeys(("prompt_cache_miss_tokens", "in.no_cache_tokens"), "fresh"),
    "tool_use_prompt_token_count": "tool_prompt",
}
"""Names of parts. `written`: all cache writes;
`fresh`: what the cache did not have; `tool_prompt`: input beside the input."""

BESIDE: Final = frozenset({"thoughts_token_count", "tool_use_prompt_token_count"})
"""Names of parts that their total never holds, by convention."""

INSIDE: Final = frozenset(
    {
        "cached_tokens",
        "cached_input_tokens",
        "cache_read.input_tokens",
        "cache_creation.input_tokens",
        "cache_write.input_tokens",
    }
)
"""Names of parts that their count always holds, by convention."""

KNOWN: Final = frozenset(
    {
        "in.text_tokens",
        "in.text",
        "in.document_tokens",
        "out.text_tokens",
        "out.text",
        "out.accepted_prediction_tokens",
        "out.rejected_prediction_tokens",
        "cached.text_tokens",
        "cached.document_tokens",
        "in.cached.text_tokens",
        "in.cached.text",
        "estimated_cost",
        "server_tool_use_details.tool_calls_requested",
        "server_tool_use_details.tool_calls_executed",
    }
)
"""Numbers that are in another part already, or that are no bill."""

KNOWN_BOXES: Final = frozenset(
    {"cost_details", "tokens", "x_groq", "tool_use_prompt_tokens_details"}
)
"""Boxes whose numbers say nothing that is billed beside the rest."""

TIMING: Final = re.compile(
    r"(?:^|[._])(?:time|latency|duration|ttft)(?:_(?:ms|s|seconds))?$|_per_sec(?:ond)?$"
)
"""Names of times and speeds."""

TOOL_BOXES: Final = frozenset(
    {"server_tool_use", "server_tool_use_details", "server_side_tool_usage"}
)
"""Boxes that count uses of tools that the provider ran."""

TOOLS: Final = {
    "num_search_queries": "search_query",
    "num_sources_used": "source",
    "billed_units.search_units": "search_unit",
}
"""Counts of tool uses outside such a box."""

STANDARD_TIERS: Final = frozenset({"standard", "default", "auto", "on_demand", "standard_only"})
"""Service tiers at list price."""
