"""Retry policies: the laws of real clients, layers, hints, budget."""

import importlib
from random import Random

import pytest

from evalgate.errors import ConfigError
from evalgate.quota.units import MILLISECOND, SECOND
from evalgate.stress.simulation.causes import Cause
from evalgate.stress.simulation.retry import (
    POLICIES,
    RetryBudget,
    after_failure,
    attempts_at_most,
    budget_allows,
    delay,
    layers,
    with_jitter,
    with_retries,
)


def _rng() -> Random:
    return Random(1)  # noqa: S311  a seeded law


def _waits(name: str, hint: int | None = None, cause: Cause = "throttled_requests") -> list[float]:
    """Return the waits of one call that fails for ever, in seconds."""
    policy, rng = POLICIES[name], _rng()
    found: list[float] = []
    while (wait := delay(policy, cause, len(found), hint, rng)) is not None:
        found.append(wait / SECOND)
    return found


@pytest.mark.parametrize(
    ("name", "bounds"),
    [
        ("openai", [(0.375, 0.5), (0.75, 1.0)]),
        ("anthropic", [(0.375, 0.5), (0.75, 1.0)]),
        ("google-genai", []),
        ("botocore", [(0, 1), (0, 2)]),
        ("langgraph", [(0.5, 1.5), (1.0, 2.0)]),
        ("langchain", [(0.75, 1.25), (1.5, 2.5)]),
        ("litellm", [(0.5, 1.25), (1.0, 1.75)]),
        ("staged", [(1, 1), (1, 1), (10, 10), (10, 10)]),
        ("staged-exp", [(1, 1), (2, 2), (10, 10), (20, 20)]),
        ("exact", [(0.5, 0.5), (1, 1)]),
    ],
)
def test_own_waits(name: str, bounds: list[tuple[float, float]]) -> None:
    """The clients' laws without a hint: table of the specification."""
    waits = _waits(name)
    assert len(bounds) == len(waits)
    assert all(low <= wait <= high for wait, (low, high) in zip(waits, bounds, strict=True))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("exact", [0.6441, 0.6441]),
        ("openai", [0.645, 0.645]),
        ("anthropic", [0.645, 0.645]),
        ("litellm", [1.0, 1.0]),
    ],
)
def test_obeyed_hints(name: str, expected: list[float]) -> None:
    """A hint of 644.1 ms as each client reads it, without jitter."""
    assert expected == _waits(name, 644_100_000)


@pytest.mark.parametrize("name", ["langgraph", "langchain", "staged", "staged-exp"])
def test_ignored_hints(name: str) -> None:
    """These wait their own time whatever the server says."""
    assert _waits(name) == _waits(name, 77 * SECOND)


def test_long_hints() -> None:
    """Above 120 s the openai client does not retry; anthropic waits; LiteLLM uses its own law."""
    long = 121 * SECOND
    assert [] == _waits("openai", long)
    assert [120.0, 120.0] == _waits("openai", 120 * SECOND)
    assert [121.0, 121.0] == _waits("anthropic", long)
    assert all(wait < 2 for wait in _waits("litellm", 61 * SECOND))


def test_caps() -> None:
    """Exponential growth ends at the cap: 8 s, and 60 s with its jitter for google-genai."""
    rng = _rng()
    openai = with_retries(POLICIES["openai"], 10)
    google = with_retries(POLICIES["google-genai"], 10)
    assert 6 * SECOND <= (delay(openai, "timeout", 9, None, rng) or 0) <= 8 * SECOND
    assert 60 * SECOND == delay(google, "timeout", 9, None, rng)


def test_what_is_retried() -> None:
    """LangGraph retries 400 too; the openai client does not; both retry insufficient_quota."""
    assert [] == _waits("openai", cause="bad_request")
    assert 2 == len(_waits("langgraph", cause="bad_request"))
    assert 2 == len(_waits("openai", cause="quota_exhausted"))


def test_layers_multiply() -> None:
    """Spec: ChatOpenAI alone 3 calls, under a LangGraph RetryPolicy 9."""
    assert [1, 3, 9, 15] == [
        attempts_at_most(layers(text))
        for text in ("none", "openai", "openai+langgraph", "openai+staged")
    ]


def test_an_outer_layer_starts_the_inner_ones_afresh() -> None:
    """The order of who waits: the SDK twice, then the framework, and again."""
    stack, made, seen = layers("openai+langgraph"), [0, 0], []
    while (step := after_failure(stack, made, "overloaded", None, _rng())) is not None:
        seen.append(step[1])
    assert [0, 0, 1, 0, 0, 1, 0, 0] == seen


def test_jitter_on_top_of_a_hint() -> None:
    """Full jitter only ever adds."""
    policy, rng = with_jitter(POLICIES["exact"], 2.0), _rng()
    waits = [delay(policy, "throttled_requests", 0, SECOND, rng) or 0 for _ in range(200)]
    assert SECOND <= min(waits) < 1.1 * SECOND
    assert 2.9 * SECOND < max(waits) <= 3 * SECOND


def test_budget() -> None:
    """20 retries for every 100 calls."""
    budget = RetryBudget()
    assert [True, False, True] == [
        budget_allows(budget, 100, 19),
        budget_allows(budget, 100, 20),
        budget_allows(None, 0, 10**6),
    ]


@pytest.mark.parametrize("text", ["opnai", "openai+", "openai:x", "openai:-1", "openai:1001", ""])
def test_unknown_policies_are_refused(text: str) -> None:
    """A misspelt policy is named with the way out."""
    with pytest.raises(ConfigError) as caught:
        layers(text)
    assert caught.value.fix


def test_retries_of_a_layer_can_be_set() -> None:
    """`openai:0` turns the SDK's own retries off."""
    assert [0, 1000] == [policy.retries for policy in layers("openai:0+langgraph:1000")]


@pytest.mark.parametrize("package", ["openai", "anthropic"])
def test_sdk_defaults_are_those_of_the_installed_client(package: str) -> None:
    """The constants of the real packages."""
    pytest.importorskip(package)
    constants = importlib.import_module(f"{package}._constants")
    policy = POLICIES[package]
    assert (constants.DEFAULT_MAX_RETRIES, constants.INITIAL_RETRY_DELAY) == (policy.retries, 0.5)
    assert constants.MAX_RETRY_DELAY == 8.0
    cap = getattr(constants, "MAX_RETRY_AFTER_DELAY", None)
    assert policy.hint is not None
    assert cap == policy.hint.cap


def test_langgraph_defaults_are_those_of_the_installed_package() -> None:
    """The fields of the real RetryPolicy."""
    types = pytest.importorskip("langgraph.types")
    real = types.RetryPolicy()
    assert (
        real.max_attempts - 1,
        real.initial_interval,
        real.max_interval,
        real.backoff_factor,
    ) == (
        POLICIES["langgraph"].retries,
        0.5,
        128.0,
        2.0,
    )


def test_a_hint_of_zero_is_no_hint() -> None:
    """Real clients take 0 for absent."""
    assert delay(POLICIES["exact"], "timeout", 0, 0, _rng()) == 500 * MILLISECOND
