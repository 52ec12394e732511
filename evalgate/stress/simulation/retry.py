"""What clients do after a failed attempt: retry policies as data, and layers of them.

The policies are those of real clients, read from and run against their newest packages; the table
with sources is in `docs/stress.md`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from random import Random
from typing import Literal

from evalgate.errors import ConfigError
from evalgate.quota.units import MILLISECOND, SECOND, nanoseconds, quantise
from evalgate.stress.simulation.causes import CAUSES, Cause

_TRANSIENT: frozenset[Cause] = frozenset(
    {
        "throttled_requests",
        "throttled_tokens",
        "concurrency",
        "never_fits",
        "quota_exhausted",
        "overloaded",
        "server_error",
        "timeout",
        "cut_stream",
    }
)
"""408, 409, 429, >= 500 and a broken connection: a client cannot tell one 429 from another."""

_EVERYTHING: frozenset[Cause] = frozenset(CAUSES) - {"queue_timeout", "queue_full"}


@dataclass(frozen=True, slots=True)
class Exponential:
    """`min(cap, base * 2^n)`, times U(`low`, `high`), plus U(0, `extra`), in seconds."""

    base: float
    cap: float
    low: float = 1.0
    high: float = 1.0
    extra: float = 0.0
    cap_covers_extra: bool = False
    """Whether `cap` also bounds the sum (google-genai)."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Fixed waits in seconds; the last one repeats."""

    waits: tuple[float, ...]


@dataclass(frozen=True)
class HintRule:
    """How a client obeys the server's hint."""

    unit: Literal["exact", "ms", "s"] = "ms"
    """The finest form of the hint that it reads."""
    cap: float | None = None
    """Seconds; a longer hint is not obeyed. None: any length is."""
    beyond: Literal["stop", "backoff"] = "backoff"
    """What a longer hint leads to: no retry at all, or the client's own wait."""

    @cached_property
    def step(self) -> int:
        """The resolution in nanoseconds."""
        return _UNIT[self.unit]

    @cached_property
    def longest(self) -> int | None:
        """The cap in nanoseconds."""
        return None if self.cap is None else nanoseconds(self.cap)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """One layer that tries again."""

    name: str
    retries: int
    """Attempts after the first, at most."""
    backoff: Exponential | Schedule
    hint: HintRule | None = None
    """None: the server's hint is ignored."""
    retries_on: frozenset[Cause] = _TRANSIENT
    spread: float = 0.0
    """Full jitter U(0, spread) seconds on top of an obeyed hint, against a thundering herd."""
    requeues: bool = False
    """Whether this layer puts the step back in line instead of retrying a call: its repeats do not
    count as retries of a call."""


@dataclass(frozen=True, slots=True)
class RetryBudget:
    """A shared cap on retries, as a share of calls, that stops a metastable storm."""

    percent: int = 20
    """Retries for every hundred calls."""


_UNIT = {"exact": 1, "ms": MILLISECOND, "s": SECOND}

_SDK = Exponential(base=0.5, cap=8.0, low=0.75)

POLICIES: dict[str, RetryPolicy] = {
    p.name: p
    for p in (
        RetryPolicy("exact", 2, Exponential(0.5, 8.0), HintRule("exact")),
        RetryPolicy("openai", 2, _SDK, HintRule("ms", cap=120.0, beyond="stop")),
        RetryPolicy("anthropic", 2, _SDK, HintRule("ms")),
        RetryPolicy("google-genai", 0, Exponential(1.0, 60.0, extra=1.0, cap_covers_extra=True)),
        RetryPolicy("botocore", 2, Exponential(1.0, 20.0, low=0.0), HintRule("ms")),
        RetryPolicy("langgraph", 2, Exponential(0.5, 128.0, extra=1.0), None, _EVERYTHING),
        RetryPolicy("langchain", 2, Exponential(1.0, 60.0, low=0.75, high=1.25)),
        RetryPolicy("litellm", 2, Exponential(0.5, 8.0, extra=0.75), HintRule("s", cap=60.0)),
        RetryPolicy("staged", 4, Schedule((1.0, 1.0, 10.0, 10.0)), requeues=True),
        RetryPolicy("staged-exp", 4, Schedule((1.0, 2.0, 10.0, 20.0)), requeues=True),
    )
}
"""The clients by name; `none` is the empty tuple of layers."""


def layers(text: str) -> tuple[RetryPolicy, ...]:
    """Read nested layers, innermost first.

    Args:
        text: Names joined by `+`, e.g. `openai+langgraph`; a name may carry its number of
            retries, e.g. `openai:0`; `none` stands for no retries.

    Returns:
        The layers; empty for `none`.

    Raises:
        ConfigError: A name is unknown or a number is not one.
    """
    return () if text == "none" else tuple(_layer(part) for part in text.split("+"))


def _layer(part: str) -> RetryPolicy:
    name, colon, number = part.strip().partition(":")
    policy = POLICIES.get(name)
    if policy is None:
        close = get_close_matches(name, [*POLICIES, "none"], n=1)
        hint = f"did you mean {close[0]}?" if close else f"one of: none, {', '.join(POLICIES)}"
        raise ConfigError(f"retry: expected a known policy, found {name!r}", fix=hint)
    if not colon:
        return policy
    if not (number.isascii() and number.isdigit() and len(number) < 5 and int(number) <= 1000):
        raise ConfigError(
            f"retry: expected a number of retries from 0 to 1000 after {name!r}, found {number!r}",
            fix=f"write {name}:2",
        )
    return with_retries(policy, int(number))


def with_retries(policy: RetryPolicy, retries: int) -> RetryPolicy:
    """Return the policy with another number of retries."""
    return replace(policy, retries=retries)


def with_jitter(policy: RetryPolicy, spread: float) -> RetryPolicy:
    """Return the policy with full jitter of `spread` seconds added to an obeyed hint."""
    return replace(policy, spread=spread)


def delay(
    policy: RetryPolicy, cause: Cause, retry: int, hint: int | None, rng: Random
) -> int | None:
    """Return how long one layer waits before it tries again.

    Args:
        policy: The layer.
        cause: Why the attempt failed.
        retry: Retries this layer has made for the call.
        hint: The server's hint in nanoseconds, as the server tells it; None: there is none.
        rng: Source of jitter.

    Returns:
        Nanoseconds; None when the layer gives up.
    """
    if retry >= policy.retries or cause not in policy.retries_on:
        return None
    rule = policy.hint
    if rule is not None and hint is not None and hint > 0:
        step = rule.step
        told = hint if hint % step == 0 else quantise(hint, step)
        longest = rule.longest
        if longest is None or told <= longest:
            if policy.spread:
                told += round(rng.random() * policy.spread * SECOND)
            return told
        if rule.beyond == "stop":
            return None
    return round(_own_wait(policy.backoff, retry, rng) * SECOND)


def _own_wait(law: Exponential | Schedule, retry: int, rng: Random) -> float:
    if isinstance(law, Schedule):
        return law.waits[min(retry, len(law.waits) - 1)]
    wait = min(law.cap, law.base * (1 << min(retry, 60)))
    if law.low != law.high:
        wait *= law.low + (law.high - law.low) * rng.random()
    if law.extra:
        wait += law.extra * rng.random()
    return min(wait, law.cap) if law.cap_covers_extra else wait


def after_failure(
    stack: Sequence[RetryPolicy],
    made: list[int],
    cause: Cause,
    hint: int | None,
    rng: Random,
) -> tuple[int, int] | None:
    """Let the layers, innermost first, decide on a failed attempt.

    Args:
        stack: The layers, innermost first.
        made: Retries each layer has made for this call; changed in place. When an outer layer
            tries again, the inner ones start afresh: that is how layers multiply.
        cause: Why the attempt failed.
        hint: The server's hint in nanoseconds.
        rng: Source of jitter.

    Returns:
        The wait in nanoseconds and the index of the layer that waits; None: the call failed.
    """
    for depth, policy in enumerate(stack):
        wait = delay(policy, cause, made[depth], hint, rng)
        if wait is not None:
            made[depth] += 1
            for inner in range(depth):
                made[inner] = 0
            return wait, depth
    return None


def attempts_at_most(stack: Sequence[RetryPolicy]) -> int:
    """Return how many attempts one call can make: layers multiply."""
    most = 1
    for policy in stack:
        most *= 1 + policy.retries
    return most


def budget_allows(budget: RetryBudget | None, calls: int, retries: int) -> bool:
    """Say whether one more retry stays within the budget.

    Args:
        budget: The budget; None: there is none.
        calls: Calls offered so far.
        retries: Retries made so far.
    """
    return budget is None or (retries + 1) * 100 <= calls * budget.percent
