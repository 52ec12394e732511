"""Says of each case that moved what changed, and how to run it alone."""

import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from evalgate.core.matching import first_divergence
from evalgate.core.sides import Side, SideCase
from evalgate.pipeline.plan import Plan
from evalgate.schema.golden import Case
from evalgate.schema.result import TrialResult
from evalgate.schema.score import Scored
from evalgate.schema.trace import ToolCall, Trace
from evalgate.schema.verdict import CaseChange
from evalgate.store.runs import iter_traces
from evalgate.text.escape import cap

__all__ = ["explain"]

_SHOWN = 50
_OUTPUT = 300
_NOTED = 0.05
_EXPLAINED = ("regressed", "errored")


def explain(
    changes: Sequence[CaseChange],
    plan: Plan,
    results: Iterable[TrialResult],
    folder: Path,
    baseline: Side | None,
) -> tuple[CaseChange, ...]:
    """Add to the worst changes what happened in their first bad trial.

    Args:
        changes: Outcome of every case, worst first; the first 50 that regressed are explained.
        plan: What was run.
        results: Its trials.
        folder: Its run folder, for the traces.
        baseline: The other side, for tokens and calls.
    """
    chosen = [change for change in changes if change.outcome in _EXPLAINED][:_SHOWN]
    wanted = {change.id for change in chosen}
    worst = _worst_trials(result for result in results if result.case_id in wanted)
    keys = {(result.case_id, result.trial) for result in worst.values()}
    traces = {trace.case_id: trace for trace in iter_traces(folder, keys)} if keys else {}
    cases = {case.id: case for case in plan.cases}
    before = baseline.cases if baseline is not None else {}
    return tuple(
        change.model_copy(
            update={
                "what": tuple(
                    _what(
                        cases[change.id],
                        worst.get(change.id),
                        traces.get(change.id),
                        before.get(change.id),
                    )
                ),
                "reproduce": f"evalgate run {plan.suite.asked} --case {shlex.quote(change.id)}",
            }
        )
        if change.id in wanted and change.id in cases
        else change
        for change in changes
    )


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


def _what(
    case: Case, result: TrialResult | None, trace: Trace | None, before: SideCase | None
) -> Iterable[str]:
    if result is None:
        yield "it was not run"
        return
    if result.error:
        yield f"trial {result.trial} ended as {result.status}: {cap(result.error, _OUTPUT)}"
    yield from result.details
    expected = case.expected.tool_calls
    if trace is not None and expected is not None:
        calls = [step for step in trace.steps if isinstance(step, ToolCall)]
        found = first_divergence(expected, calls, case.expected.tool_match)
        if found and found not in result.details:
            yield found
    if before is not None:
        yield from _against(before, result)
    if result.output:
        yield f"answered: {cap(result.output, _OUTPUT)}"


def _against(before: SideCase, result: TrialResult) -> Iterable[str]:
    """Compare with the baseline's trials: tools called, tokens."""
    if before.calls and result.calls not in before.calls:
        old, new = (" > ".join(c) or "no tool" for c in (before.calls[0], result.calls))
        yield f"called {new}; the baseline called {old}"
    for name, field in (("input tokens", "input_tokens"), ("output tokens", "output_tokens")):
        known = [getattr(u, field) for u in before.usage if getattr(u, field) is not None]
        now = getattr(result.usage, field)
        if known and now is not None:
            mean = sum(known) / len(known)
            if mean and abs(now - mean) / mean >= _NOTED:
                yield f"{name}: {mean:.0f} -> {now} ({(now - mean) / mean:+.0%})"
