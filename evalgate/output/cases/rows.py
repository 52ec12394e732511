"""What became of each case of a report, worst first; the order in which people look at them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from evalgate.schema.result import CaseResult, Report, TrialResult
from evalgate.schema.score import Broken, Scored
from evalgate.schema.verdict import CaseChange

State = Literal[
    "regressed",
    "errored",
    "missing",
    "not measured",
    "failed",
    "not scored",
    "improved",
    "new",
    "passed",
]
"""What became of a case, worst first. `failed` failed in the baseline too, or there is none;
`not scored`: nothing was expected of it, or nothing came of the scorer."""

STATES: tuple[State, ...] = (
    "regressed",
    "errored",
    "missing",
    "not measured",
    "failed",
    "not scored",
    "improved",
    "new",
    "passed",
)

Kind = Literal["", "draft", "new", "changed"]
"""What a case is that no comparison judges; empty for all others. `changed` asks something else
than in the baseline."""

FAILED: frozenset[State] = frozenset({"regressed", "errored", "missing", "not measured", "failed"})
"""What `--failed` and the filter of that name show."""

BELOW = "task success below 1"
"""Why a case failed of which nothing else is known."""

NOT_RUN = "it was not run"
"""Why a case that has no trial was not measured."""

_SUCCESS = "task_success"
_STRESS = "stress"
_UNKNOWN = "a score is broken, or a trial was not measured"


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One case."""

    id: str
    state: State
    why: str
    """The first thing that is known about a case that did not pass; hostile text."""
    success: float | None
    """Mean of `task_success`; null is unknown."""
    before: float | None
    """The same in the baseline."""
    case: CaseResult | None
    """Its trials; null where the case is missing, or the report holds no cases."""
    change: CaseChange | None
    """What the comparison said; null without one."""

    @property
    def again(self) -> bool:
        """Whether it failed in the baseline too, as far as the comparison knows."""
        return self.state == "failed" and self.before is not None and self.before < 1

    @property
    def kind(self) -> Kind:
        """What keeps it out of the comparison."""
        if self.case is not None and self.case.draft:
            return "draft"
        if self.change is None or self.change.outcome != "new":
            return ""
        return "changed" if self.change.what else "new"


def judged_cases(report: Report) -> tuple[CaseResult, ...]:
    """Return the cases that a report judges: a stress check that stands alone scores none."""
    scored = report.scorers.keys() - {_STRESS} or any(case.trials for case in report.cases)
    return report.cases if scored else ()


def case_rows(report: Report) -> tuple[CaseRow, ...]:
    """List every case, worst first; within a state by success, then by id."""
    cases = {case.id: case for case in judged_cases(report)}
    changes = {change.id: change for change in report.changes}
    rows = [_row(name, cases.get(name), changes.get(name)) for name in {**cases, **changes}]
    return tuple(sorted(rows, key=_rank))


def is_failed(result: TrialResult) -> bool:
    """Tell whether a trial did not do what it should: it ended badly, or was not successful."""
    score = result.scores.get(_SUCCESS)
    if isinstance(score, Scored):
        return score.value < 1 or result.status != "finished"
    return isinstance(score, Broken) or result.status != "finished"


def said_beside_error(result: TrialResult) -> tuple[str, ...]:
    """Return what was found of a trial, without the line that only says its error again."""
    return tuple(d for d in result.details if not (result.error and d.startswith("the trial ")))


def broken_score(trials: Sequence[TrialResult]) -> tuple[str, str] | None:
    """Return the first broken score of trials that were measured: its name and the error."""
    for trial in trials:
        if trial.status != "not_measured":
            for name, score in trial.scores.items():
                if isinstance(score, Broken):
                    return name, score.error
    return None


def mean_score(trials: Sequence[TrialResult], name: str) -> float | None:
    """Return the mean of a score; None where one trial has no value."""
    scores = [trial.scores.get(name) for trial in trials]
    values = [score.value for score in scores if isinstance(score, Scored)]
    return sum(values) / len(values) if values and len(values) == len(scores) else None


def _rank(row: CaseRow) -> tuple[int, float, str]:
    return STATES.index(row.state), -1.0 if row.success is None else row.success, row.id


def _row(name: str, case: CaseResult | None, change: CaseChange | None) -> CaseRow:
    trials = () if case is None else case.trials
    state = _state(trials, change) if case or change is None else _compared(change)
    why = next(_reasons(case, change), "") if state in FAILED else ""
    success = mean_score(trials, _SUCCESS) if case or change is None else change.candidate
    return CaseRow(name, state, why, success, change.baseline if change else None, case, change)


def _compared(change: CaseChange) -> State:
    """Return the state of a case of which only the comparison is known, not its trials."""
    if change.outcome in ("regressed", "errored", "missing"):
        return change.outcome
    if change.candidate is None:
        return "not scored"
    if change.candidate < 1:
        return "failed"
    return "passed" if change.outcome == "unchanged" else change.outcome


def _state(trials: Sequence[TrialResult], change: CaseChange | None) -> State:
    outcome = None if change is None else change.outcome
    if outcome in ("regressed", "errored", "missing"):
        return outcome
    if not trials:
        return "not measured"
    scores = [trial.scores.get(_SUCCESS) for trial in trials]
    if any(t.status == "not_measured" for t in trials) or any(
        isinstance(score, Broken) for score in scores
    ):
        return "not measured"
    if any(is_failed(trial) for trial in trials):
        return "failed"
    if not all(isinstance(score, Scored) for score in scores):
        return "not scored"
    return outcome if outcome in ("improved", "new") else "passed"


def _reasons(case: CaseResult | None, change: CaseChange | None) -> Iterator[str]:
    """Give what is known, the most telling first."""
    trials = () if case is None else case.trials
    worst = [trial for trial in trials if is_failed(trial)]
    for trial in worst:
        if trial.error:
            yield f"{trial.status}: {trial.error}"
    for trial in worst:
        yield from trial.details
    if change is not None:
        yield from change.what
        if change.outcome == "missing":
            yield f"it is in the baseline and {'was not run' if case is None else 'a draft now'}"
        elif case is None:
            yield _UNKNOWN if change.outcome == "errored" else BELOW
    if case is not None and not case.trials:
        yield NOT_RUN
    for trial in worst:
        yield trial.status if trial.status != "finished" else BELOW
