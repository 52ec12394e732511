"""What of a stored trial was taken out as a secret: scores that it decides are not measured."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from evalgate.schema.golden import Case
from evalgate.schema.result import TrialResult
from evalgate.schema.score import Score, Scored
from evalgate.schema.trace import ToolCall, Trace
from evalgate.scorers import cost, experience, reliability, tools
from evalgate.scorers.settings import unknown
from evalgate.text.redact import holds_mark

_COUNTED: Final = frozenset(
    {
        *cost.SCORES,
        *experience.SCORES,
        *reliability.SCORES,
        "tool_failure",
        "tool_invocations",
        "guardrail_missed",
        "guardrail_false_block",
        "toxicity",
    }
)
"""Scores made of numbers, names and decisions, which no secret is part of."""

_WHY: Final = unknown(
    "not measured: a secret was taken out of the stored trace where it decides; run the suite "
    "again to score what the agent really said"
)


def without_redacted(result: TrialResult, case: Case, trace: Trace) -> TrialResult:
    """Leave unmeasured what a stored trace cannot tell any more.

    Args:
        result: The trial's result, scored from the stored trace.
        case: The case.
        trace: The stored trace.
    """
    if not holds_mark(trace.model_dump_json()):
        return result
    touched = frozenset(_touched(result.scores, case, trace))
    scores: dict[str, Score] = {
        name: _WHY if name in touched and isinstance(score, Scored) else score
        for name, score in result.scores.items()
    }
    return replace(result, scores=scores)


def _touched(names: Iterable[str], case: Case, trace: Trace) -> Iterator[str]:
    """Name the scores that rest on a part with a mark; those of foreign scorers may read all."""
    expected = case.expected
    called = any(holds_mark(s.model_dump_json()) for s in trace.steps if isinstance(s, ToolCall))
    answered = holds_mark(trace.model_dump_json(include={"output"}))
    stated = holds_mark(trace.model_dump_json(include={"final_state"}))
    success = (
        (called and expected.tool_calls is not None)
        or (answered and (expected.output is not None or expected.refusal is not None))
        or (stated and expected.final_state is not None)
    )
    for name in names:
        if name == "task_success":
            if success:
                yield name
        elif name in tools.SCORES:
            if called and name not in _COUNTED:
                yield name
        elif name not in _COUNTED:
            yield name
