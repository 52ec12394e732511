"""Tool calls: which were right, which were missed, which failed.

Definitions and edges: `docs/tool_calls.md`. Only the agent's own calls count; under the preset
`tau2`, whose checker takes the calls of both sides, the gold actions count.
"""

from evalgate.matching import Matcher, MatchResult, compile_expected
from evalgate.schema.golden import Case
from evalgate.schema.score import Abstained, Broken, Score, Scored
from evalgate.schema.trace import ToolCall, Trace
from evalgate.scorers.settings import unknown
from evalgate.scorers.unread import unread_parts

VERSION = "1"
"""Changes when a definition below changes."""

_MATCHED = (
    "tool_call_accuracy",
    "tool_selection_accuracy",
    "tool_call_precision",
    "tool_call_recall",
    "tool_call_f1",
    "tool_calls_match",
)

SCORES = (*_MATCHED, "tool_failure", "tool_invocations")
"""Names of the scores of a trial."""


def compile_case(case: Case) -> Matcher | None:
    """Prepare a case's expected calls for all its trials; None where it expects nothing of tools.

    Raises:
        ValueError: For a rule that cannot be applied; `evalgate validate` reports it.
    """
    expected = case.expected
    if expected.tool_calls is None:
        return None
    return compile_expected(expected.tool_calls, expected.tool_match)


def score_tools(case: Case, trace: Trace, matcher: Matcher | None = None) -> dict[str, Score]:
    """Score the tool calls of one trial.

    Args:
        case: The case.
        trace: Its trial.
        matcher: What `compile_case` returned for the case, where it is at hand.

    Returns:
        One score for each of `SCORES`; ratios carry their counts. A trial that was not measured
        gives broken scores, never values; one with items that could be calls and that nobody
        could read gives unknown ones, unless a call that was made is wrong whatever they are.
    """
    if trace.status == "not_measured":
        broken = Broken(f"the trial was not measured: {trace.error or 'no reason given'}")
        return dict.fromkeys(SCORES, broken)
    calls = [step for step in trace.steps if isinstance(step, ToolCall)]
    matched, counted = _matched(case, trace, calls, matcher), _counted(calls)
    unread = unread_parts(trace)
    if "tool_calls" in unread:
        not_measured = unknown(unread["tool_calls"])
        counted = dict.fromkeys(counted, not_measured)
        if not _wrong_anyway(case, calls):
            matched = _unless_abstained(matched, not_measured)
    elif "arguments" in unread and _compares_arguments(case):
        names = {"tool_selection_accuracy": matched["tool_selection_accuracy"]}
        matched = _unless_abstained(matched, unknown(unread["arguments"])) | names
    return {**matched, **counted}


def _unless_abstained(scores: dict[str, Score], other: Score) -> dict[str, Score]:
    return {
        name: score if isinstance(score, Abstained) else other for name, score in scores.items()
    }


def _compares_arguments(case: Case) -> bool:
    return any(call.compare_args != () for call in case.expected.tool_calls or ())


def _wrong_anyway(case: Case, calls: list[ToolCall]) -> bool:
    """Return whether a call was made where none may be: no further call makes that right."""
    return case.expected.tool_calls == () and any(c.requestor == "assistant" for c in calls)


def _matched(
    case: Case, trace: Trace, calls: list[ToolCall], matcher: Matcher | None
) -> dict[str, Score]:
    try:
        compiled = matcher or compile_case(case)
    except ValueError as error:
        return dict.fromkeys(_MATCHED, Broken(f"case {case.id!r}: {error}"))
    if compiled is None:
        return dict.fromkeys(_MATCHED, Abstained("the case expects nothing of tool calls"))
    if not compiled.calls and not compiled.forbids_all:
        reason = "the case expects calls of the user only"
        return dict.fromkeys(_MATCHED, Abstained(reason))
    return _ratios(compiled.match(calls), finished=trace.status == "finished")


def _ratios(result: MatchResult, *, finished: bool) -> dict[str, Score]:
    correct, made, wanted = result.correct, result.made, result.wanted
    right = finished and result.matches
    # With nothing to count, a trial that left nothing out did all that was asked; one that broke
    # off did not show that it would have held still.
    empty = float(right and not result.missed)

    def ratio(numerator: int, denominator: int) -> Scored:
        value = numerator / denominator if denominator else empty
        return Scored(value, (numerator, denominator))

    return {
        "tool_call_accuracy": ratio(correct, made + len(result.missed)),
        "tool_selection_accuracy": ratio(result.names_right, made),
        "tool_call_precision": ratio(correct, made),
        "tool_call_recall": ratio(correct, wanted),
        "tool_call_f1": ratio(2 * correct, made + wanted),
        "tool_calls_match": Scored(float(right)),
    }


def _counted(calls: list[ToolCall]) -> dict[str, Score]:
    own = [call for call in calls if call.requestor == "assistant"]
    failed = sum(_failed(call) for call in own)
    return {
        "tool_failure": Scored(failed / len(own), (failed, len(own)))
        if own
        else Abstained("no tool was called"),
        "tool_invocations": Scored(float(len(own))),
    }


def _failed(call: ToolCall) -> bool:
    return call.error is not None or isinstance(call.arguments, str)
