"""Accepting failures: a waived failure stays a failure, is shown as accepted, and does not count.

Only failures are accepted. What is inconclusive lacks evidence, and no waiver stands in for that.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from types import MappingProxyType
from typing import Final

from evalgate.gate.case_changes import TASK_SUCCESS
from evalgate.gate.verdict import verdict_of
from evalgate.schema.score import Scored
from evalgate.schema.verdict import Check, Verdict
from evalgate.schema.waiver import Waiver
from evalgate.stats.summary import RunSummary

MOST_DAYS: Final = 366
"""Days ahead that a waiver may expire at most: none is open-ended."""

_WAIVABLE: Final = ("relative", "limit", "must_pass")
_REFERENCE: Final = "reference."
_OF_CASE: Final = "must_pass."


@dataclass(frozen=True, slots=True)
class Standing:
    """Waivers, sorted by whether they count today."""

    counting: tuple[Waiver, ...]
    notes: tuple[str, ...]
    """Why the others do not."""


def current(waivers: Iterable[Waiver], suite: str, today: date) -> Standing:
    """Sort out the waivers of a suite that count on a day."""
    counting: list[Waiver] = []
    notes: list[str] = []
    for waiver in waivers:
        if waiver.suite != suite:
            continue
        if waiver.expires < today:
            notes.append(f"a waiver has expired and does not count: {waiver}")
        elif waiver.expires > today + timedelta(days=MOST_DAYS):
            notes.append(
                f"a waiver expires more than {MOST_DAYS} days ahead and does not count: {waiver}"
            )
        else:
            counting.append(waiver)
    return Standing(tuple(counting), tuple(notes))


def accept(
    verdict: Verdict,
    candidate: RunSummary,
    waivers: Sequence[Waiver],
    decide_without: Callable[[frozenset[str]], Verdict],
) -> Verdict:
    """Mark the failures that waivers accept, and add the checks up again.

    A failing check of a waived metric is accepted down to the waiver's floor. A failing check is
    accepted for waived cases where it does not fail once they are left out on both sides.

    Args:
        verdict: The verdict without waivers.
        candidate: The side it is about.
        waivers: Those that count.
        decide_without: Decides again with some cases left out on both sides.
    """
    failing = [check for check in verdict.checks if _is_waivable(check)]
    if not failing or not waivers:
        return verdict
    cases = {w.case: w for w in waivers if w.case is not None and _down_to_floor(w, candidate)}
    still: frozenset[str] = frozenset()
    if cases:
        rest = decide_without(frozenset(cases))
        bad = {check.id for check in rest.checks if check.outcome != "pass"}
        still = frozenset(bad) | _unsaid(failing, rest)
    words = {check.id: _accepted(check, waivers, cases, still) for check in failing}
    checks = [
        check.model_copy(update={"accepted": words[check.id]}) if words.get(check.id) else check
        for check in verdict.checks
    ]
    return verdict_of(checks, warnings=verdict.warnings, partial=verdict.partial)


def _is_waivable(check: Check) -> bool:
    return check.outcome == "fail" and check.gate != "advisory" and check.kind in _WAIVABLE


def _unsaid(failing: Iterable[Check], rest: Verdict) -> frozenset[str]:
    """Name failing checks that are not made without the cases: that is no evidence of a pass."""
    said = {check.id for check in rest.checks}
    return frozenset(c.id for c in failing if c.id not in said and c.kind != "must_pass")


def _accepted(
    check: Check,
    waivers: Iterable[Waiver],
    cases: dict[str, Waiver],
    still: frozenset[str],
) -> str | None:
    """Return the waiver that accepts a failing check, in words."""
    if check.kind == "must_pass":
        waiver = cases.get(check.id.removeprefix(_REFERENCE).removeprefix(_OF_CASE))
        return None if waiver is None else str(waiver)
    for waiver in waivers:
        if waiver.metric == check.metric and _is_within(check, waiver.floor):
            return str(waiver)
    if cases and check.id not in still:
        return "; ".join(str(waiver) for waiver in cases.values())
    return None


def _is_within(check: Check, floor: float | None) -> bool:
    if check.candidate is None or floor is None or check.direction is None:
        return False
    if check.direction == "higher":
        return check.candidate >= floor
    return check.candidate <= floor


def _down_to_floor(waiver: Waiver, candidate: RunSummary) -> bool:
    """Say whether a waived case is no worse than its waiver allows."""
    case = candidate.cases.get(waiver.case or "")
    if case is None:
        return False
    scores = case.columns.get(TASK_SUCCESS, ())
    values = [score.value for score in scores if isinstance(score, Scored)]
    if waiver.floor is None or waiver.floor <= 0:
        return True
    return bool(values) and sum(values) / len(values) >= waiver.floor


def without_cases(side: RunSummary, cases: frozenset[str]) -> RunSummary:
    """Leave cases out of a side; its stored values, which are over all cases, go too."""
    kept = {name: case for name, case in side.cases.items() if name not in cases}
    return replace(side, cases=MappingProxyType(kept), values=MappingProxyType({}))
