"""`must_pass` cases: outside the statistics, each failure confirmed by fresh trials.

Any failed trial of such a case asks for 2 fresh trials; the case fails where at least one of
them fails. Nothing is pooled. Without noise, with `zero_tolerance`, and where the case fails in
the baseline too, a failed trial fails at once.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from evalgate.gate.case_changes import TASK_SUCCESS
from evalgate.schema.score import Score, Scored
from evalgate.schema.verdict import Check, Outcome
from evalgate.stats.summary import FAILED, CaseSummary, RunSummary
from evalgate.text.counts import number_of

FRESH_TRIALS: Final = 2
"""Fresh trials that confirm, or clear, a failure."""

_Trial = Literal["passed", "failed", "unclear"]


def failing_cases(side: RunSummary) -> tuple[str, ...]:
    """Name the `must_pass` cases of which some trial failed, drafts aside."""
    return tuple(case.id for case in side.gating() if case.must_pass and "failed" in _trials(case))


def needs_confirmation(candidate: RunSummary, baseline: RunSummary | None) -> tuple[str, ...]:
    """Name the `must_pass` cases whose failure takes fresh trials to confirm.

    Args:
        candidate: The side under judgement.
        baseline: Its baseline; a case that fails there too needs no confirmation.
    """
    return tuple(
        name
        for name in failing_cases(candidate)
        if not _fails_at_once(candidate.cases[name], candidate, baseline)
        and name not in candidate.cleared
    )


def confirmed(fresh: Sequence[Score]) -> Outcome:
    """Decide about a failed case from its fresh trials.

    Args:
        fresh: `task_success` of each fresh trial.

    Returns:
        Fail iff at least one fresh trial fails; inconclusive with fewer than 2 trials, or where
        one has no score.
    """
    trials = [_judge(score) for score in fresh]
    if "failed" in trials:
        return "fail"
    return "inconclusive" if "unclear" in trials or len(trials) < FRESH_TRIALS else "pass"


def must_pass_checks(
    candidate: RunSummary, baseline: RunSummary | None, fresh: Mapping[str, Sequence[Score]]
) -> tuple[Check, ...]:
    """Return a check for each `must_pass` case that did not pass, and one for those that did."""
    cases = [case for case in candidate.gating() if case.must_pass]
    clean = [case for case in cases if set(_trials(case)) == {"passed"}]
    checks = [
        _check(case, candidate, baseline, fresh.get(case.id, ()))
        for case in cases
        if case not in clean
    ]
    if clean:
        reason = f"{number_of(len(clean), 'must-pass case')} passed every trial"
        checks.append(Check(id="must_pass", kind="must_pass", outcome="pass", reason=reason))
    return tuple(checks)


def _check(
    case: CaseSummary, candidate: RunSummary, baseline: RunSummary | None, fresh: Sequence[Score]
) -> Check:
    outcome, reason, fix = _decide(case, candidate, baseline, fresh)
    if _fails_in(baseline, case.id):
        reason += "; it fails in the baseline too"
    return Check(
        id=f"must_pass.{case.id}", kind="must_pass", outcome=outcome, reason=reason, fix=fix
    )


def _decide(
    case: CaseSummary, candidate: RunSummary, baseline: RunSummary | None, fresh: Sequence[Score]
) -> tuple[Outcome, str, str | None]:
    trials = _trials(case)
    rerun = "`evalgate run` gives it fresh trials"
    if "failed" not in trials:
        return "inconclusive", f"must-pass case {case.id} has trials without a score", rerun
    failed = f"{trials.count('failed')} of {len(trials)} trials failed"
    if _fails_at_once(case, candidate, baseline):
        return "fail", failed, None
    if case.id in candidate.cleared:
        return "pass", f"{failed}, and fresh trials passed when the report was made", None
    if not fresh:
        return "inconclusive", f"{failed}, and no fresh trial has confirmed it", rerun
    outcome = confirmed(fresh)
    again = [_judge(score) for score in fresh]
    told = f"{failed}, then {again.count('failed')} of {len(again)} fresh trials failed"
    if outcome == "inconclusive":
        told += f", {again.count('unclear')} without a score"
    return outcome, told, rerun if outcome == "inconclusive" else None


def _fails_at_once(case: CaseSummary, candidate: RunSummary, baseline: RunSummary | None) -> bool:
    final = case.zero_tolerance or candidate.noise == "none" or case.id in candidate.confirmed
    return final or _fails_in(baseline, case.id)


def _fails_in(baseline: RunSummary | None, name: str) -> bool:
    old = None if baseline is None else baseline.cases.get(name)
    return old is not None and "failed" in _trials(old)


def _trials(case: CaseSummary) -> list[_Trial]:
    column = case.columns.get(TASK_SUCCESS)
    trials: list[_Trial] = []
    for place, status in enumerate(case.statuses):
        if status in FAILED:
            trials.append("failed")
        elif column is None or status == "not_measured":
            trials.append("unclear")
        else:
            trials.append(_judge(column[place]))
    return trials


def _judge(score: Score) -> _Trial:
    if not isinstance(score, Scored):
        return "unclear"
    return "passed" if score.value >= 1 else "failed"
