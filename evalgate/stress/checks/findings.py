"""What only a live check can see: layers that multiply, swallowed errors, ignored hints, storms."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from evalgate.stress.simulation.attempts import UNDECLARED, layers_of_attempts
from evalgate.stress.simulation.live_log import LoggedCall, LoggedSession, reworded
from evalgate.stress.simulation.retry import RetryPolicy, attempts_at_most
from evalgate.text.counts import number_of

FindingKind = Literal[
    "layers_multiply",
    "silent_failure",
    "hint_ignored",
    "not_retryable",
    "storm",
    "no_timeout",
]
"""`layers_multiply`: more attempts at a call than the declared layers make. `silent_failure`: a
call failed and the session ended with another answer as if nothing had. `hint_ignored`: a retry
came before the server's hint had passed. `not_retryable`: an error was retried that waiting does
not cure. `storm`: retries came back together and were refused together. `no_timeout`: a session
had no end."""

_GATES: frozenset[FindingKind] = frozenset({"layers_multiply", "silent_failure", "no_timeout"})
_EARLY = 0.005
"""Seconds by which a clock may differ before a retry counts as early."""
_TOGETHER = 0.1
"""Seconds within which retries count as one wave."""
_WAVE = 10
"""Refused retries from which on a wave is a storm."""
_NOT_CURED = frozenset({"bad_request", "auth", "quota_exhausted", "content_filter", "never_fits"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of trouble, over all sessions of a check."""

    kind: FindingKind
    count: int
    """Calls, attempts or sessions it was seen in."""
    layer: str | None
    """The layer that did it, where that is known."""
    said: str
    fix: str

    @property
    def gates(self) -> bool:
        """Whether it fails the run."""
        return self.kind in _GATES


def find(
    sessions: Sequence[LoggedSession], declared: Sequence[RetryPolicy], *, seconds: float
) -> tuple[Finding, ...]:
    """Look for trouble in the log of a live check.

    Args:
        sessions: Every session that was started.
        declared: The retry layers that the configuration states, innermost first.
        seconds: Wall time a round was given.
    """
    found = (
        _multiply(sessions, declared),
        _silent(sessions),
        _early(sessions, declared),
        _hopeless(sessions, declared),
        _storm(sessions, declared),
        _endless(sessions, seconds),
    )
    return tuple(finding for finding in found if finding is not None)


def _calls(sessions: Iterable[LoggedSession]) -> list[LoggedCall]:
    return [call for session in sessions for call in session.calls]


def _most(names: Iterable[str]) -> str | None:
    """Return the most frequent name, the first of equals."""
    counted = Counter(names)
    return counted.most_common(1)[0][0] if counted else None


def _multiply(sessions: Sequence[LoggedSession], declared: Sequence[RetryPolicy]) -> Finding | None:
    allowed = attempts_at_most(declared)
    over = [call for call in _calls(sessions) if len(call.attempts) > allowed]
    if not over:
        return None
    worst = max(over, key=lambda call: len(call.attempts))
    names = layers_of_attempts(worst.retry_counts, declared)
    culprit = _most(name for name in names if name.startswith(UNDECLARED)) or _most(names)
    made = ", ".join(f"{name} {n}" for name, n in Counter(names).items())
    stated = "+".join(policy.name for policy in declared) or "none"
    return Finding(
        "layers_multiply",
        len(over),
        culprit,
        f"{len(worst.attempts)} attempts at one call where `retry: {stated}` makes at most "
        f"{allowed}; retries by layer: {made}",
        f"turn the retries of {culprit} off, or declare it in `stress: retry:`",
    )


def _silent(sessions: Sequence[LoggedSession]) -> Finding | None:
    hidden = [session for session in sessions if session.silent]
    if not hidden:
        return None
    first = hidden[0]
    phrase = next((p for s in hidden if (p := reworded(s.output)) is not None), None)
    worded = f"; its message speaks of {phrase!r}" if phrase else ""
    return Finding(
        "silent_failure",
        len(hidden),
        "the agent's own code",
        f"{number_of(len(hidden), 'session')} finished normally though a call had failed for "
        f"good, with another answer than without limits (case {first.case_id!r}){worded}",
        "let the error reach the caller (ModelRetryMiddleware: on_failure='error'), or fall back "
        "to something that gives the same answer",
    )


def _retries(
    sessions: Sequence[LoggedSession],
    declared: Sequence[RetryPolicy],
    wanted: Callable[[LoggedCall, int], bool],
) -> list[str]:
    """Return the layer of each retry that is wanted, by call and number of the retry from 0."""
    found = []
    for call in _calls(sessions):
        names = layers_of_attempts(call.retry_counts, declared)
        found += [name for number, name in enumerate(names) if wanted(call, number)]
    return found


def _early(sessions: Sequence[LoggedSession], declared: Sequence[RetryPolicy]) -> Finding | None:
    def early(call: LoggedCall, number: int) -> bool:
        before, after = call.attempts[number], call.attempts[number + 1]
        if before.hint is None or before.end is None:
            return False
        return after.start < before.end + before.hint - _EARLY

    names = _retries(sessions, declared, early)
    if not names:
        return None
    return Finding(
        "hint_ignored",
        len(names),
        _most(names),
        f"{len(names)} retries came before the server's retry-after had passed (most by "
        f"{_most(names)})",
        "wait what retry-after says, and add full jitter to it",
    )


def _hopeless(sessions: Sequence[LoggedSession], declared: Sequence[RetryPolicy]) -> Finding | None:
    def hopeless(call: LoggedCall, number: int) -> bool:
        return call.attempts[number].cause in _NOT_CURED

    names = _retries(sessions, declared, hopeless)
    if not names:
        return None
    causes = {a.cause for c in _calls(sessions) for a in c.attempts if a.cause in _NOT_CURED}
    return Finding(
        "not_retryable",
        len(names),
        _most(names),
        f"{len(names)} retries after errors that waiting does not cure "
        f"({', '.join(sorted(map(str, causes)))}), most by {_most(names)}",
        "retry 408, 409, 429, 5xx and broken connections, and nothing else",
    )


def _storm(sessions: Sequence[LoggedSession], declared: Sequence[RetryPolicy]) -> Finding | None:
    """Look for a wave of retries most of which was refused again."""
    retries = sorted(
        (attempt.start, attempt.cause is not None, name)
        for call in _calls(sessions)
        for attempt, name in zip(
            call.attempts[1:], layers_of_attempts(call.retry_counts, declared), strict=True
        )
    )
    worst: list[tuple[float, bool, str]] = []
    first = 0
    for last, (moment, _, _) in enumerate(retries):
        while retries[first][0] < moment - _TOGETHER:
            first += 1
        if last + 1 - first > len(worst):
            worst = retries[first : last + 1]
    refused = [name for _, failed, name in worst if failed]
    if len(refused) < max(_WAVE, len(worst) / 2):
        return None
    return Finding(
        "storm",
        len(worst),
        _most(refused),
        f"{len(worst)} retries came within {_TOGETHER:g} s and {len(refused)} of them were refused "
        "again: clients that obey one hint come back together",
        "add full jitter to the server's hint, or a retry budget of 20 % of calls",
    )


def _endless(sessions: Sequence[LoggedSession], seconds: float) -> Finding | None:
    open_ones = [session for session in sessions if session.endless]
    if not open_ones:
        return None
    first = open_ones[0]
    gaps = [b.start - a.start for call in first.calls for a, b in pairwise(call.attempts)]
    waits = f", its longest wait between attempts {max(gaps):.3g} s" if gaps else ""
    return Finding(
        "no_timeout",
        len(open_ones),
        "the agent's own code",
        f"{number_of(len(open_ones), 'session')} had not ended when {seconds:g} s were up (case "
        f"{first.case_id!r}{waits})",
        "give calls and retries a time limit, or give the check more time: --seconds",
    )
