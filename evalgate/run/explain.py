"""Says of each case that moved what changed, and how to run it alone."""

import shlex
from collections.abc import Callable, Container, Iterable, Sequence

from evalgate.matching import first_divergence
from evalgate.schema.golden import Case
from evalgate.schema.result import TrialResult
from evalgate.schema.score import Scored
from evalgate.schema.trace import ToolCall, Trace
from evalgate.schema.verdict import CaseChange
from evalgate.suite.plan import Plan
from evalgate.suite.suite import Suite
from evalgate.text.escape import cap

ReadTraces = Callable[[Container[tuple[str, int]]], Iterable[Trace]]
"""Reads the traces of some trials, by case and number."""

_SHOWN = 50
_OUTPUT = 300
_MISS = 1500
_EXPLAINED = ("regressed", "errored")


def explain(
    changes: Sequence[CaseChange],
    plan: Plan,
    results: Iterable[TrialResult],
    read_traces: ReadTraces,
) -> tuple[CaseChange, ...]:
    """Add to the worst changes what happened in their first bad trial.

    Args:
        changes: Outcome of every case, worst first; the first 50 that regressed are explained.
        plan: What was run.
        results: Its trials.
        read_traces: Reads traces of some of them.
    """
    chosen = [change for change in changes if change.outcome in _EXPLAINED][:_SHOWN]
    wanted = {change.id for change in chosen}
    worst = _worst_trials(result for result in results if result.case_id in wanted)
    keys = {(result.case_id, result.trial) for result in worst.values()}
    traces = {trace.case_id: trace for trace in read_traces(keys)} if keys else {}
    cases = {case.id: case for case in plan.cases}
    return tuple(
        change.model_copy(
            update={
                "what": (
                    *(() if change.outcome == "errored" else change.what),
                    *_what(cases[change.id], worst.get(change.id), traces.get(change.id)),
                ),
                "reproduce": _again(plan.suite, change.id),
            }
        )
        if change.id in wanted and change.id in cases
        else change
        for change in changes
    )


def _again(suite: Suite, case_id: str) -> str:
    """Say what runs a case alone; no command finds a suite that a Python program holds."""
    if suite.given is not None:
        return f"evalgate.evaluate(suite, cases=[{case_id!r}])"
    return f"evalgate run {suite.asked} --case {shlex.quote(case_id)}"


def _worst_trials(results: Iterable[TrialResult]) -> dict[str, TrialResult]:
    """Return, for each case, its first trial with the lowest task success."""
    worst: dict[str, TrialResult] = {}
    for result in results:
        known = worst.get(result.case_id)
        if known is None or (_success(result), result.trial) < (_success(known), known.trial):
            worst[result.case_id] = result
    return worst


def _success(result: TrialResult) -> float:
    score = result.scores.get("task_success")
    return score.value if isinstance(score, Scored) else -1.0


def _what(case: Case, result: TrialResult | None, trace: Trace | None) -> Iterable[str]:
    if result is None:
        yield "it was not run"
        return
    if result.status == "not_measured":
        yield f"not measured: {cap(result.error or 'no reason given', _MISS)}"
        return
    if result.error:
        yield f"trial {result.trial} ended as {result.status}: {cap(result.error, _MISS)}"
    yield from (line for line in result.details if not line.startswith("the trial "))
    expected = case.expected.tool_calls
    if trace is not None and expected is not None:
        calls = [step for step in trace.steps if isinstance(step, ToolCall)]
        found = first_divergence(expected, calls, case.expected.tool_match)
        if found and not any(found in detail for detail in result.details):
            yield found
    if result.output:
        yield f"answered: {cap(result.output, _OUTPUT)}"
