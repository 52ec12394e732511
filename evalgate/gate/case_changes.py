"""What became of each case between baseline and candidate."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from evalgate.gate.comparison import CaseSets
from evalgate.metrics.metric import Metric
from evalgate.schema.result import TrialUsage
from evalgate.schema.score import Broken, Scored
from evalgate.schema.verdict import CaseChange, CaseOutcome
from evalgate.stats.pairing import Pair, Paired, case_value, fill
from evalgate.stats.rounding import round4
from evalgate.stats.summary import CaseSummary, RunSummary

TASK_SUCCESS: Final = "task_success"
"""Name of the score that says whether a trial did what its case asks."""

SUCCESS: Final = Metric(
    name="task_success_rate",
    score=TASK_SUCCESS,
    unit="ratio",
    direction="higher",
    gate="standard",
    doc="The score that cases are sorted by.",
)
"""Task success, whatever the suite's policy says of it."""
_CLOSE: Final = 1e-9
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
    common: Iterable[tuple[CaseSummary, CaseSummary]],
    candidate: RunSummary,
    paired: Mapping[str, Paired],
) -> tuple[CaseChange, ...]:
    """Say what became of each case, worst first.

    A case regressed where its mean task success went down, or, where a side has no task success,
    where any gated score got worse. It is errored where a score that decides is broken, or a
    trial was not measured.

    Args:
        sets: The cases of both sides, sorted.
        common: Baseline and candidate of each common case.
        candidate: The candidate, for the values of new cases.
        paired: The scores that decide, by name, paired.
    """
    moves: dict[str, dict[str, int]] = {}
    for name, pairing in paired.items():
        for pair in pairing.pairs:
            moves.setdefault(pair.id, {})[name] = _move(pairing.metric, pair)
    scores = paired.keys() | {TASK_SUCCESS}
    changes = [_common_change(old, new, moves.get(new.id, {}), scores) for old, new in common]
    changes += [CaseChange(id=name, outcome="missing") for name in sets.removed]
    changes += [
        CaseChange(
            id=name,
            outcome="errored" if _is_errored(candidate.cases[name], scores) else "new",
            candidate=_success(candidate.cases[name]),
            what=("the case asks something else than in the baseline",) if changed else (),
        )
        for changed, names in ((True, sets.changed), (False, sets.new))
        for name in names
    ]
    return tuple(sorted(changes, key=lambda c: (_WORST_FIRST.index(c.outcome), c.id)))


def _common_change(
    old: CaseSummary, new: CaseSummary, moves: Mapping[str, int], scores: Iterable[str]
) -> CaseChange:
    success = moves.get(TASK_SUCCESS)
    deciding = [success] if success is not None else list(moves.values())
    outcome: CaseOutcome = "unchanged"
    if _is_errored(new, scores):
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
    if pair.baseline == pair.candidate:
        return 0
    old = fill(pair.baseline, metric, favourable=True)
    new = fill(pair.candidate, metric, favourable=False)
    if not old or not new:
        return 0
    rise = sum(new) / len(new) - sum(old) / len(old)
    if abs(rise) < _CLOSE * max(1.0, *map(abs, old)):
        exactly = case_value(metric, new), case_value(metric, old)
        if None in exactly or exactly[0] == exactly[1]:
            return 0
    return 1 if (rise < 0) == (metric.direction == "higher") else -1


def _is_errored(case: CaseSummary, scores: Iterable[str]) -> bool:
    if "not_measured" in case.statuses or not case.numbers:
        return True
    columns = (case.columns.get(name, ()) for name in scores)
    return any(type(score) is Broken for column in columns for score in column)


def _success(case: CaseSummary) -> float | None:
    column = case.columns.get(TASK_SUCCESS, ())
    values = [score.value for score in column if isinstance(score, Scored)]
    return round4(sum(values) / len(values)) if values else None


def _what(old: CaseSummary, new: CaseSummary) -> tuple[str, ...]:
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


def _first_diverging_call(old: CaseSummary, new: CaseSummary) -> list[str]:
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


def _passed(case: CaseSummary) -> list[bool]:
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


def _mean(case: CaseSummary, name: str) -> float | None:
    column = case.columns.get(name, ())
    values = [score.value for score in column if isinstance(score, Scored)]
    return sum(values) / len(values) if values and len(values) == len(column) else None
