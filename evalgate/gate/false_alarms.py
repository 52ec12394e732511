"""How often the gates together fail an agent that did not change, and when a report says so."""

from collections.abc import Iterable, Sequence
from math import prod
from typing import Final

from evalgate.schema.verdict import Check
from evalgate.text.counts import number_of

CAUTION: Final = "may be noise: "
"""How the warning begins that stands on top of a report."""

_MANY: Final = 0.1
"""The rate of false alarms from which on a reader is warned."""


def any_false_alarm(checks: Iterable[Check]) -> float | None:
    """Combine the rates of gating checks as if metrics were independent.

    Returns:
        Unknown where one is unknown, or none is noisy.
    """
    rates = [
        None if check.quality is None else check.quality.false_alarm_rate
        for check in _noisy(checks)
    ]
    known = [rate for rate in rates if rate is not None]
    if not known or len(known) < len(rates):
        return None
    return 1 - prod(1 - rate for rate in known)


def caution(checks: Sequence[Check]) -> str | None:
    """Warn of a verdict that an unchanged agent may well have got: one trial, or many alarms."""
    noisy = [check for check in _noisy(checks) if _varies(check)]
    open_ones = sum(not check.settled for check in noisy)
    if not open_ones:
        return None
    trials = min(c.trials_baseline or 1 for c in noisy), min(c.trials_candidate or 1 for c in noisy)
    rate = any_false_alarm(noisy)
    if min(trials) > 1 and (rate is None or rate < _MANY):
        return None
    often = "often" if rate is None else f"in about {100 * rate:.0f} % of runs"
    fix = (
        "evalgate baseline update --trials 10 --reason WHY"
        if trials[0] == 1
        else "evalgate run --trials 5"
    )
    return (
        f"{CAUTION}{number_of(len(noisy), 'metric')} of a noisy agent on {trials[0]} v {trials[1]} "
        f"trials a case, {open_ones} not settled: an unchanged agent fails {often}; "
        f"`{fix}`, or `gate: {{mode: confirmed}}` (docs/trials.md)"
    )


def _varies(check: Check) -> bool:
    """Say whether noise was seen: an agent that always passes, then and now, raises no alarm."""
    now = check.candidate
    shared = check.unit == "ratio" and now is not None and 0 < now < 1
    return shared or check.baseline != now


def _noisy(checks: Iterable[Check]) -> list[Check]:
    return [
        check
        for check in checks
        if check.kind == "relative" and check.gate != "advisory" and check.settled is not None
    ]
