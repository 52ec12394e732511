"""Regressions, crashes and losses that `evalgate selftest` plants into recorded trials."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from evalgate.schema.golden import Case
from evalgate.schema.score import Scored
from evalgate.schema.trace import LlmCall, Trace, UserMessage
from evalgate.scorers.builtin import score_trial
from evalgate.suite.plan import Plan
from evalgate.text.counts import percent_text

_SMALLEST: Final = Fraction(1, 10)
"""Smallest relative drop that is planted; a threshold above it is planted in full."""

_SAID: Final = "planted by evalgate selftest"


@dataclass(frozen=True, slots=True)
class Recording:
    """What a suite was measured on."""

    cases: tuple[Case, ...]
    """Its golden set."""
    traces: tuple[Trace, ...]
    """Its trials."""


@dataclass(frozen=True, slots=True)
class Plant:
    """Something that is wrong, and that a gate must stop."""

    name: str
    """What it is, in a word or two."""
    make: Callable[[Plan, Recording], tuple[Recording, str] | None]
    """Returns the recording with it, and what was done; null where it cannot be planted."""
    impossible: str
    """What a golden set lacks where it cannot be planted."""


def _regression(plan: Plan, given: Recording) -> tuple[Recording, str] | None:
    """Spoil answers case by case until task success has fallen by the threshold, at least 10 %."""
    successes = {case.id: _success(plan, case, given) for case in given.cases}
    gating = [case for case in given.cases if case.status == "reviewed"]
    weights = {case.id: Fraction(case.weight) for case in gating}
    known = {name: mean for name in weights if (mean := successes[name]) is not None}
    before = sum((weights[name] * mean for name, mean in known.items()), Fraction(0))
    wanted = max(_SMALLEST, _threshold(plan, before, sum(weights[name] for name in known)))
    spoilt: dict[tuple[str, int], Trace] = {}
    lost, hit = Fraction(0), 0
    for case in gating:
        if before and lost >= wanted * before:
            break
        worse = {(t.case_id, t.trial): _spoil(t) for t in given.traces if t.case_id == case.id}
        after = _success(plan, case, Recording((case,), tuple(worse.values())))
        mean = known.get(case.id)
        if mean is not None and after is not None and after < mean:
            lost, hit = lost + weights[case.id] * (mean - after), hit + 1
            spoilt |= worse
    if not before or lost < wanted * before:
        return None
    traces = tuple(spoilt.get((t.case_id, t.trial), t) for t in given.traces)
    said = (
        f"{hit} of {len(gating)} cases answered wrongly, {percent_text(float(lost / before))} worse"
    )
    return Recording(given.cases, traces), said


def _threshold(plan: Plan, before: Fraction, weight: Fraction | int) -> Fraction:
    """Return the drop that fails task success, relative to what it is."""
    policy = plan.suite.config.gate
    own = policy.metrics.get("task_success_rate")
    threshold = own.threshold if own is not None and own.threshold is not None else policy.threshold
    value = Fraction(str(threshold.value))
    mean = before / weight if weight else Fraction(0)
    return value / mean if threshold.unit == "points" and mean else value


def _success(plan: Plan, case: Case, given: Recording) -> Fraction | None:
    """Return the mean task success of a case; null where nothing says what is right."""
    values = []
    for trace in given.traces:
        if trace.case_id == case.id:
            score = score_trial(plan.scorers, case, trace, plan.settings).scores.get("task_success")
            if isinstance(score, Scored):
                values.append(Fraction(score.value))
    return sum(values, Fraction(0)) / len(values) if values else None


def _spoil(trace: Trace) -> Trace:
    """Keep what was asked and spent, and take away whatever was right about a trial."""
    steps = tuple(step for step in trace.steps if isinstance(step, LlmCall | UserMessage))
    scores = tuple(score.model_copy(update={"value": 0.0}) for score in trace.scores)
    return trace.model_copy(
        update={"output": _SAID, "steps": steps, "scores": scores, "final_state": None}
    )


def _crash(_: Plan, given: Recording) -> tuple[Recording, str] | None:
    """Let the agent crash in every trial of one case."""
    case = _first(given.cases)
    if case is None:
        return None
    crashed = {"status": "crashed", "error": _SAID, "output": None, "steps": (), "scores": ()}
    traces = _changed(given.traces, case.id, lambda trace: trace.model_copy(update=crashed))
    return Recording(given.cases, traces), f"case {case.id} crashes"


def _deleted(plan: Plan, given: Recording) -> tuple[Recording, str] | None:
    """Delete the hardest case from the golden set."""
    reviewed = [case for case in given.cases if case.status == "reviewed"]
    if len(reviewed) < 2:
        return None
    ease = {case.id: _success(plan, case, given) for case in reviewed}
    hardest = min(reviewed, key=lambda case: (ease[case.id] or Fraction(0), case.id))
    cases = tuple(case for case in given.cases if case.id != hardest.id)
    traces = tuple(trace for trace in given.traces if trace.case_id != hardest.id)
    return Recording(cases, traces), f"case {hardest.id} is deleted from the golden set"


def _lost(_: Plan, given: Recording) -> tuple[Recording, str] | None:
    """Lose the trials of one case."""
    case = _first(given.cases)
    left = tuple(t for t in given.traces if case is None or t.case_id != case.id)
    if case is None or not left:
        return None
    return Recording(given.cases, left), f"case {case.id} is not run"


def _first(cases: Iterable[Case]) -> Case | None:
    return next((case for case in cases if case.status == "reviewed"), None)


def _changed(
    traces: Sequence[Trace], case_id: str, change: Callable[[Trace], Trace]
) -> tuple[Trace, ...]:
    return tuple(change(trace) if trace.case_id == case_id else trace for trace in traces)


_ASKS_NOTHING: Final = "no case says what a right answer is (`expected`), so none can be wrong"

PLANTS: Final[Mapping[str, Plant]] = {
    plant.name: plant
    for plant in (
        Plant("regression", _regression, _ASKS_NOTHING),
        Plant("crash", _crash, "there is no reviewed case"),
        Plant("missing case", _deleted, "there are fewer than two reviewed cases"),
        Plant("lost trials", _lost, "there are fewer than two cases"),
    )
}
"""Everything that is planted, by name."""
