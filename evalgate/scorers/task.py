"""Task success: every expectation of the case holds."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from evalgate.matching import Matcher, first_divergence, json_equal
from evalgate.schema.golden import Case, Expected
from evalgate.schema.score import Abstained, Broken, Score, Scored
from evalgate.schema.status import ENDED
from evalgate.schema.trace import ToolCall, Trace, UnreadPart
from evalgate.scorers.output import SchemaCheck, compile_schema, failed_output
from evalgate.scorers.recorded import recorded_value
from evalgate.scorers.settings import NO, YES, Settings, failed, unknown
from evalgate.scorers.signals import blocked, handed_over, refused
from evalgate.scorers.tools import compile_case, score_tools
from evalgate.scorers.unread import unread_parts
from evalgate.text.escape import cap

VERSION = "1"
"""Changes when the definition changes."""

SCORES = ("task_success",)
"""Names of the scores of a trial."""

_NOTHING_EXPECTED = Abstained("the case expects nothing")
_SHOWN = 120


@dataclass(frozen=True, slots=True)
class Prepared:
    """What depends on the case alone, made once for all its trials."""

    matcher: Matcher | None = None
    """Its expected tool calls."""
    schema: SchemaCheck | None = None
    """Its JSON Schema of the output."""


_UNPREPARED = Prepared()


def prepare(case: Case) -> Prepared:
    """Compile what a case expects.

    Raises:
        ValueError: For an expectation that cannot be applied; scoring such a case is broken.
    """
    output = case.expected.output
    schema = None if output is None or output.json_schema is None else output.json_schema
    return Prepared(compile_case(case), None if schema is None else compile_schema(schema))


def score_task(
    case: Case,
    trace: Trace,
    settings: Settings,
    tools: Mapping[str, Score] | None = None,
    prepared: Prepared = _UNPREPARED,
) -> dict[str, Score]:
    """Score task success: 1 if every expectation holds, 0 if one does not.

    Recorded scores (`expected.scores`) stand for success: they stay graded, the lowest of them
    counts, and the tool calls, which their source has judged already, are left to the tool
    metrics. Every other expectation is ANDed with them. A failed trial is 0. An expectation that
    cannot be judged makes the score broken, unless another one fails.

    Args:
        case: The case.
        trace: Its trial.
        settings: What the suite says.
        tools: What `score_tools` said of the trial, where it is at hand.
        prepared: What `prepare` made of the case, where it is at hand.
    """
    if failed(trace):
        return {"task_success": NO}
    tools = score_tools(case, trace, prepared.matcher) if tools is None else tools
    if next(_failures(case, trace, prepared), None) is not None:
        return {"task_success": NO}
    grades = [recorded_value(trace, name, settings) for name in case.expected.scores]
    return {"task_success": _success(case, tools, [*grades, *_not_measured(case, trace)])}


def _not_measured(case: Case, trace: Trace) -> Iterator[Score]:
    """Give an unknown score for each part that the case judges and nobody could read."""
    for part, reason in unread_parts(trace).items():
        if _judges(case.expected, part):
            yield unknown(reason)


def _judges(expected: Expected, part: UnreadPart) -> bool:
    """Return whether an expectation rests on a part, tool calls aside, which their scores tell."""
    match part:
        case "output":
            return expected.output is not None or expected.refusal is not None
        case "tool_calls":
            return expected.handoff is not None or expected.guardrail is not None
        case "arguments" | "usage":
            return False


def _success(case: Case, tools: Mapping[str, Score], grades: list[Score]) -> Score:
    """Put the tool calls and the grades together; all else holds."""
    expected = case.expected
    judged = list(grades)
    if expected.tool_calls is not None and not expected.scores:
        match = tools["tool_calls_match"]
        if not isinstance(match, Abstained) or match.unknown:
            judged.append(match)
    values = [score.value for score in judged if isinstance(score, Scored)]
    lowest = min(values, default=1.0)
    if lowest == 0:
        return NO
    unsound = [score for score in judged if not isinstance(score, Scored)]
    if unsound:
        first = unsound[0]
        return Broken(first.error if isinstance(first, Broken) else first.reason)
    if not 0 <= lowest <= max(values, default=1.0) <= 1:
        return Broken(f"a recorded score that stands for success is outside 0 to 1: {values!r}")
    others = {"tool_calls": None, "scores": (), "criteria": ()}  # criteria are for a judge
    if not judged and expected.model_copy(update=others).says_nothing:
        return _NOTHING_EXPECTED
    return YES if lowest == 1 else Scored(lowest)


def failed_expectations(
    case: Case, trace: Trace, settings: Settings, prepared: Prepared = _UNPREPARED
) -> tuple[str, ...]:
    """Say in words why a trial is no success; empty where every expectation holds.

    The words quote the case and the trial: escape them where they are printed.

    Raises:
        ValueError: For an expectation that cannot be applied.
    """
    if failed(trace):
        first = (trace.error or "").partition("\n")[0]
        reason = f": {cap(first, _SHOWN)}" if first else ""
        return (f"the trial {ENDED[trace.status]}{reason}",)
    found = [*_failures(case, trace, prepared)]
    if case.expected.scores:
        found += _low_grades(case, trace, settings)
    elif case.expected.tool_calls is not None:
        calls = [step for step in trace.steps if isinstance(step, ToolCall)]
        expected = case.expected
        divergence = first_divergence(expected.tool_calls or (), calls, expected.tool_match)
        found += [] if divergence is None else [f"tool calls: {divergence}"]
    return tuple(found)


def _low_grades(case: Case, trace: Trace, settings: Settings) -> Iterator[str]:
    for name in case.expected.scores:
        match recorded_value(trace, name, settings):
            case Scored(value) if value < 1:
                yield f"the recorded score {name!r} is {value:g}"
            case Broken(error):
                yield error
            case Abstained(reason):
                yield reason
            case _:
                pass


def _failures(case: Case, trace: Trace, prepared: Prepared) -> Iterator[str]:
    """Say which expectations fail, recorded scores and tool calls aside."""
    expected, unread = case.expected, unread_parts(trace)
    if expected.output is not None and "output" not in unread:
        yield from failed_output(expected.output, trace.output, prepared.schema)
    if expected.final_state is not None:
        yield from _failed_state(expected.final_state, trace)
    if (
        expected.refusal is not None
        and "output" not in unread
        and refused(trace) != expected.refusal
    ):
        yield "the agent did not decline" if expected.refusal else "the agent declined"
    if "tool_calls" in unread:
        return
    if expected.handoff is not None and handed_over(trace) != expected.handoff:
        yield "no hand-over to a person" if expected.handoff else "a hand-over to a person"
    if expected.guardrail is not None and blocked(trace) != (expected.guardrail == "block"):
        yield "no guardrail blocked" if expected.guardrail == "block" else "a guardrail blocked"


def _failed_state(expected: Mapping[str, object], trace: Trace) -> Iterator[str]:
    if trace.final_state is None:
        yield "no final state is reported"
        return
    for key, wanted in expected.items():
        if key not in trace.final_state:
            yield f"the final state has no {cap(key, _SHOWN)!r}"
        elif not json_equal(wanted, trace.final_state[key]):
            found = cap(repr(trace.final_state[key]), _SHOWN)
            yield f"final state {cap(key, _SHOWN)!r} is {found}, not {cap(repr(wanted), _SHOWN)}"
