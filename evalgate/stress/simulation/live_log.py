"""From the log of a live round to the same outcome that the simulator gives."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from evalgate.quota.quota import Quota
from evalgate.quota.units import nanoseconds, seconds
from evalgate.stress.simulation.attempts import layers_of_attempts
from evalgate.stress.simulation.causes import Cause
from evalgate.stress.simulation.outcome import Counts, Series, StressOutcome
from evalgate.stress.simulation.retry import RetryPolicy


class LoggedAttempt(NamedTuple):
    """One HTTP request; times are seconds since the round began."""

    start: float
    end: float | None
    cause: Cause | None
    """Why it failed; None: it did not."""
    hint: float | None = None
    """The server's hint in seconds."""
    retry_count: int | None = None
    """What the client said in `x-stainless-retry-count`."""


class LoggedCall(NamedTuple):
    """One logical call and every attempt at it."""

    attempts: tuple[LoggedAttempt, ...]
    closed: bool = True
    """Whether it came to an end before time was up."""

    @property
    def cause(self) -> Cause | None:
        """Why the call failed; None where its last attempt did not."""
        return self.attempts[-1].cause

    @property
    def retry_counts(self) -> tuple[int | None, ...]:
        """What each attempt said about itself."""
        return tuple(attempt.retry_count for attempt in self.attempts)


@dataclass(frozen=True, slots=True)
class LoggedSession:
    """One session of a round, beside the same session without any limit."""

    number: int
    group: str
    case_id: str
    start: float
    end: float | None
    """Seconds since the round began; None: time was up before."""
    status: str
    """How the trial ended."""
    output: str
    """Its final message."""
    calls: tuple[LoggedCall, ...]
    ideal: float
    """Seconds it took without any limit."""
    planned: int
    """Calls it made without any limit."""
    ideal_output: str
    """Its final message without any limit."""

    @property
    def lost(self) -> tuple[LoggedCall, ...]:
        """Calls that failed for good."""
        return tuple(call for call in self.calls if call.closed and call.cause is not None)

    @property
    def endless(self) -> bool:
        """Whether it had no end of its own."""
        return self.end is None or self.status == "timed_out"

    @property
    def ended_well(self) -> bool:
        """Whether the agent itself says that it finished."""
        return self.end is not None and self.status == "finished"

    @property
    def silent(self) -> int:
        """Failed calls behind a normal answer that is another one than without limits."""
        hidden = self.ended_well and self.output != self.ideal_output
        return len(self.lost) if hidden else 0


class Decided(NamedTuple):
    """One decision of the quota: nanoseconds since the round began, and what was charged."""

    at: int
    admitted: bool
    charges: tuple[int, ...]


_PHRASES = (
    "model call failed",
    "rate limit",
    "too many requests",
    "429",
    "overloaded",
    "try again later",
    "temporarily unavailable",
    "something went wrong",
)


def reworded(output: str) -> str | None:
    """Return the phrase of a final message that gives a swallowed failure away; None: none does."""
    low = output.lower()
    return next((phrase for phrase in _PHRASES if phrase in low), None)


def live_outcome(
    sessions: Sequence[LoggedSession],
    decisions: Iterable[Decided],
    quota: Quota,
    tiers: Mapping[str, str | None],
    declared: Sequence[RetryPolicy],
) -> StressOutcome:
    """Count a round.

    Args:
        sessions: Every session that was started.
        decisions: Every decision of the quota, in order of time.
        quota: The limits.
        tiers: The business class of each kind of session.
        declared: The retry layers that the configuration states, innermost first.
    """
    groups = {name: Counts(silent=0) for name in tiers}
    series = Series()
    for session in sessions:
        _count(groups[session.group], session, declared)
        if session.end is not None and session.ended_well:
            series.finished[series.place(nanoseconds(session.end))] += 1
    made = list(decisions)
    for decision in made:
        column = series.admitted if decision.admitted else series.throttled
        place = series.place(decision.at)  # may widen the bins, so before the column is used
        column[place] += 1
        if decision.admitted:
            for dimension, charge in zip(quota.dimensions, decision.charges, strict=True):
                if dimension.name != "requests":
                    series.column_of(dimension.name)[place] += charge
    refused = [decision.at for decision in made if not decision.admitted]
    last_start = max((session.start for session in sessions), default=0.0)
    still = any(session.endless for session in sessions)
    ends = [session.end for session in sessions if session.end is not None]
    return StressOutcome(
        groups=groups,
        tiers=dict(tiers),
        utilisation=_utilisation(made, quota),
        series=series,
        recovery=_recovery(refused, last_start, still=still),
        end=max([*ends, *(seconds(d.at) for d in made[-1:])], default=0.0),
        sampled=True,
        engine="live",
    )


def _recovery(refused: Sequence[int], last_start: float, *, still: bool) -> float | None:
    if still:
        return None
    return max(0.0, seconds(refused[-1]) - last_start) if refused else 0.0


def _utilisation(made: Sequence[Decided], quota: Quota) -> dict[str, float]:
    """Admitted charge / (limit x time from first arrival to last admission + burst)."""
    admitted = [decision for decision in made if decision.admitted]
    span = admitted[-1].at - made[0].at if admitted else 0
    return {
        d.name: sum(one.charges[index] for one in admitted)
        * d.window
        / (d.limit * span + d.room * d.window)
        for index, d in enumerate(quota.dimensions)
    }


def _count(counts: Counts, session: LoggedSession, declared: Sequence[RetryPolicy]) -> None:
    counts.sessions += 1
    counts.planned += session.planned
    counts.ideal.add(nanoseconds(session.ideal))
    # A session that hides a failed call behind another answer did not get all its answers.
    whole = session.ended_well and not session.silent
    answered = sum(call.closed and call.cause is None for call in session.calls)
    counts.calls += len(session.calls)
    counts.succeeded += answered
    counts.silent = (counts.silent or 0) + session.silent
    for call in session.calls:
        _count_attempts(counts, call, declared)
    for call in session.lost:
        cause = call.cause or "unknown"
        counts.causes[cause] = counts.causes.get(cause, 0) + 1
        if cause == "never_fits":
            counts.never_fits += 1
        else:
            counts.exhausted += 1
    if whole and session.end is not None:
        counts.finished += 1
        counts.useful += answered
        counts.completion.add(nanoseconds(session.end - session.start))


_THROTTLES = frozenset({"throttled_requests", "throttled_tokens", "concurrency", "never_fits"})


def _count_attempts(counts: Counts, call: LoggedCall, declared: Sequence[RetryPolicy]) -> None:
    counts.attempts += len(call.attempts)
    for attempt in call.attempts:
        if attempt.cause in _THROTTLES:
            counts.throttled += 1
            counts.throttles[attempt.cause] = counts.throttles.get(attempt.cause, 0) + 1
        elif attempt.cause is not None:
            counts.errors += 1
    requeues = {policy.name for policy in declared if policy.requeues}
    most = since = 0
    for name in layers_of_attempts(call.retry_counts, declared):
        counts.by_layer[name] = counts.by_layer.get(name, 0) + 1
        since = 0 if name in requeues else since + 1
        most = max(most, since)
    if most:
        counts.retries[most] = counts.retries.get(most, 0) + 1
