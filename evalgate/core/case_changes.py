"""What became of each case between baseline and candidate."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from evalgate.core.comparison import CaseSets
from evalgate.core.metrics import Metric
from evalgate.core.pairing import Pair, case_value, fill, pair_cases
from evalgate.core.sides import Side, SideCase
from evalgate.schema.result import TrialUsage
from evalgate.schema.score import Broken, Scored
from evalgate.schema.verdict import CaseChange, CaseOutcome

__all__ = ["TASK_SUCCESS", "case_changes"]

TASK_SUCCESS: Final = "task_success"
"""Name of the score that says whether a trial did what its case asks."""

_SUCCESS: Final = Metric(
    name="task_success_rate",
    score=TASK_SUCCESS,
    unit="ratio",
    direction="higher",
    gate="standard",
    doc="The score that cases are sorted by.",
)
_WORST_FIRST: Final[tuple[CaseOutcome, ...]] = (
    "regressed",
    "errored",
    "missing",
    "improved",
    "new",
    "unchanged",
)


def case_changes(
    sets: CaseSets,
    common: Iterable[tuple[SideCase, SideCase]],
    candidate: Side,
    gated: Sequence[Metric],
) -> tuple[CaseChange, ...]:
    """Say what became of each case, worst first.

    A case regressed where its mean task success went down, or, where a side has no task success,
    where any gated score got worse. It is errored where a score that decides is broken, or a
    trial was not measured.

    Args:
        sets: The cases of both sides, sorted.
        common: Baseline and candidate of each common case.
        candidate: The candidate, for the values of new cases.
        gated: The metrics that gate.
    """
    metrics = [_SUCCESS, *(m for m in gated if m.aggregate == "mean" and m.score != TASK_SUCCESS)]
    changes = [_common_change(old, new, metrics) for old, new in common]
    changes += [CaseChange(id=name, outcome="missing") for name in sets.removed]
    changes += [
        CaseChange(
            id=name,
            outcome="errored" if _is_errored(candidate.cases[name], metrics) else "new",
            candidate=_success(candidate.cases[name]),
            what=("the case asks something else than in the baseline",) if changed else (),
        )
        for changed, names in ((True, sets.changed), (False, sets.new))
        for name in names
    ]
    return tuple(sorted(changes, key=lambda c: (_WORST_FIRST.index(c.outcome), c.id)))


def _common_change(old: SideCase, new: SideCase, metrics: Sequence[Metric]) -> CaseChange:
    moves = {}
    for metric in metrics:
        if metric.score in old.columns:
            pairs = pair_cases(metric, [(old, new)]).pairs
            if pairs:
                moves[metric.score] = _move(metric, pairs[0])
    success = moves.get(TASK_SUCCESS)
    deciding = [success] if success is not None else list(moves.values())
    outcome: CaseOutcome = "unchanged"
    if _is_errored(new, metrics):
        outcome = "errored"
    elif any(move > 0 for move in deciding):
        outcome = "regressed"
    elif any(move < 0 for move in deciding):
        outcome = "improved"
    return CaseChange(
        id=new.id,
        outcome=outcome,
        metrics=tuple(name for name, move in moves.items() if move != 0),
        baseline=_success(old),
        candidate=_success(new),
        what=_what(old, new) if outcome in ("regressed", "errored") else (),
    )


def _move(metric: Metric, pair: Pair) -> int:
    """Return the sign of the change, positive is worse; missing scores count as they do above."""
    old = fill(pair.baseline, metric, favourable=True)
    new = fill(pair.candidate, metric, favourable=False)
    if old == new:
        return 0
    before, after = case_value(metric, old), case_value(metric, new)
    if before is None or after is None or before == after:
        return 0
    return 1 if (after < before) == (metric.direction == "higher") else -1


def _is_errored(case: SideCase, metrics: Sequence[Metric]) -> bool:
    if "not_measured" in case.statuses or not case.numbers:
        return True
    return any(_is_broken(case, metric.score) for metric in metrics if metric.score in case.columns)


def _is_broken(case: SideCase, name: str) -> bool:
    return any(isinstance(score, Broken) for score in case.columns[name])


def _success(case: SideCase) -> float | None:
    column = case.columns.get(TASK_SUCCESS, ())
    values = [Decimal(repr(score.value)) for score in column if isinstance(score, Scored)]
    return float(sum(values) / len(values)) if values else None


def _what(old: SideCase, new: SideCase) -> tuple[str, ...]:
    """Say what else changed: how trials ended, the tool calls, tokens and cost."""
    lines: list[str] = []
    ends = [s for s in new.statuses if s != "finished"]
    if ends:
        was = [s for s in old.statuses if s != "finished"]
        before = f"{len(was)} of {len(old.statuses)} in the baseline"
        lines.append(f"trials that did not finish: {', '.join(ends)} ({before})")
    lines += _first_diverging_call(old, new)
    tokens0, tokens1 = _tokens(old.usage), _tokens(new.usage)
    if tokens0 is not None and tokens1 is not None and tokens0 != tokens1:
        lines.append(f"tokens a trial: {tokens0:.0f} -> {tokens1:.0f}")
    cost0, cost1 = _mean(old, "cost_usd"), _mean(new, "cost_usd")
    if cost0 is not None and cost1 is not None and cost0 != cost1:
        lines.append(f"cost a trial: ${cost0:.4g} -> ${cost1:.4g}")
    return tuple(lines)


def _first_diverging_call(old: SideCase, new: SideCase) -> list[str]:
    """Compare the first failing trial now with the trials of the baseline that passed."""
    if not old.calls or not new.calls:
        return []
    good = [calls for calls, ok in zip(old.calls, _passed(old), strict=True) if ok] or [*old.calls]
    bad = [calls for calls, ok in zip(new.calls, _passed(new), strict=True) if not ok]
    if not bad or bad[0] in good:
        return []
    now = bad[0]
    nearest = max(good, key=lambda calls: _agreement(calls, now))
    at = _agreement(nearest, now)
    was = nearest[at] if at < len(nearest) else "no further call"
    is_now = now[at] if at < len(now) else "no further call"
    return [f"tool call {at + 1}: {was} -> {is_now}"]


def _agreement(left: Sequence[str], right: Sequence[str]) -> int:
    """Count the calls that agree from the start."""
    for place, (a, b) in enumerate(zip(left, right, strict=False)):
        if a != b:
            return place
    return min(len(left), len(right))


def _passed(case: SideCase) -> list[bool]:
    column = case.columns.get(TASK_SUCCESS)
    if column is None:
        return [status == "finished" for status in case.statuses]
    return [isinstance(score, Scored) and score.value >= 1 for score in column]


def _tokens(usage: Sequence[TrialUsage]) -> float | None:
    sums = [
        u.input_tokens + u.output_tokens
        for u in usage
        if u.input_tokens is not None and u.output_tokens is not None
    ]
    return sum(sums) / len(sums) if sums and len(sums) == len(usage) else None


def _mean(case: SideCase, name: str) -> float | None:
    column = case.columns.get(name, ())
    values = [score.value for score in column if isinstance(score, Scored)]
    return sum(values) / len(values) if values and len(values) == len(column) else None
