"""Sessions as they were recorded: from traces to plans, and what traces say about their loops."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from evalgate.errors import DataError
from evalgate.quota.quota import Request
from evalgate.quota.units import nanoseconds
from evalgate.schema.trace import LlmCall, Step, ToolCall, Trace, UserMessage
from evalgate.stress.load.workload import (
    ArrivalLaw,
    Burst,
    Call,
    Group,
    SessionPlan,
    Stage,
    Workload,
)


class Mix(NamedTuple):
    """So many sessions at once, drawn in turn from these traces."""

    name: str
    traces: Sequence[Trace]
    sessions: int
    rank: int = 1
    critical: bool = False
    tier: str | None = None


@dataclass(frozen=True, slots=True)
class Loops:
    """How the agent loops and fans out, over all traces."""

    turn_calls: int
    """The most LLM calls between two user messages."""
    fan_out: int
    """The most tool calls that followed one LLM call."""
    turns: int
    """Turns looked at."""
    sessions: int
    """Traces looked at."""


class _Span(NamedTuple):
    start: int
    end: int
    duration: int
    """Of the attempt that answered: recorded waits between attempts are not served again."""


def _span(call: LlmCall) -> _Span | None:
    start, end = call.start, call.end
    if start is None or end is None or end < start:
        return None
    lasted = end - start
    if call.attempts:
        last = call.attempts[-1]
        if last.start is not None and last.end is not None and last.end >= last.start:
            lasted = min(lasted, last.end - last.start)
    return _Span(nanoseconds(start), nanoseconds(end), nanoseconds(lasted))


def _request(call: LlmCall) -> Request:
    return Request(
        call.input_tokens or 0,
        call.output_tokens,
        call.max_tokens,
        min(call.cached_tokens or 0, call.input_tokens or 0),
    )


def _calls(trace: Trace) -> list[LlmCall]:
    return [step for step in trace.steps if isinstance(step, LlmCall)]


def plan_of(trace: Trace) -> SessionPlan | None:
    """Return the session a trace recorded; None when it made no LLM call.

    Calls that overlap in time become one stage. Where any call lacks its times, all calls come one
    after the other without a gap: the order is all that is known.
    """
    calls = _calls(trace)
    if not calls:
        return None
    spans = [_span(call) for call in calls]
    known = [span for span in spans if span is not None]
    if len(known) < len(calls):
        return SessionPlan(tuple(Stage((Call(_request(call)),)) for call in calls))
    timed = sorted(zip(known, calls, strict=True), key=lambda pair: pair[0].start)
    stages: list[Stage] = []
    clock = 0
    for group in _overlapping(timed):
        first = group[0][0].start
        members = tuple(
            Call(_request(call), span.duration, span.start - first) for span, call in group
        )
        stages.append(Stage(members, max(0, first - clock)))
        clock = max(span.end for span, _ in group)
    whole = None if trace.duration is None else nanoseconds(trace.duration)
    return SessionPlan(tuple(stages), 0 if whole is None else max(0, whole - clock))


def _overlapping(timed: list[tuple[_Span, LlmCall]]) -> list[list[tuple[_Span, LlmCall]]]:
    groups: list[list[tuple[_Span, LlmCall]]] = []
    end = -1
    for span, call in timed:
        if groups and span.start < end:
            groups[-1].append((span, call))
        else:
            groups.append([(span, call)])
        end = max(end, span.end)
    return groups


def workload_of(mixes: Iterable[Mix], law: ArrivalLaw | None = None) -> Workload:
    """Offer recorded sessions.

    Args:
        mixes: The kinds of session and how many of each come.
        law: When they come; None: all at once.

    Raises:
        DataError: The traces of a kind hold no LLM call.
    """
    groups: list[Group] = []
    times_known = tokens_known = True
    for mix in mixes:
        usable = [t for t in mix.traces if t.status != "not_measured"]
        plans = tuple(plan for plan in map(plan_of, usable) if plan is not None)
        if not plans:
            raise DataError(
                f"sessions of {mix.name!r}: expected traces with LLM calls, found none in "
                f"{len(mix.traces)} traces",
                fix="record the calls: run the suite through the gateway, or import full traces",
            )
        calls = [call for trace in usable for call in _calls(trace)]
        times_known &= all(_span(call) is not None for call in calls)
        tokens_known &= all(
            call.input_tokens is not None and call.output_tokens is not None for call in calls
        )
        groups.append(Group(mix.name, plans, mix.sessions, mix.rank, mix.critical, mix.tier))
    return Workload(tuple(groups), law or Burst(), times_known, tokens_known)


def loops_of(traces: Iterable[Trace]) -> Loops | None:
    """Return the longest loop and the widest fan-out; None when there is no LLM call at all.

    Args:
        traces: Any number of trials; a user message starts a new turn, and only the agent's own
            tool calls count.
    """
    found = [_loops(trace.steps) for trace in traces if trace.status != "not_measured"]
    found = [one for one in found if one.turn_calls]
    if not found:
        return None
    return Loops(
        max(one.turn_calls for one in found),
        max(one.fan_out for one in found),
        sum(one.turns for one in found),
        len(found),
    )


def _loops(steps: Sequence[Step]) -> Loops:
    longest = widest = calls = tools = 0
    turns = 1
    for step in steps:
        if isinstance(step, UserMessage):
            turns += calls > 0
            calls = tools = 0
        elif isinstance(step, LlmCall):
            calls += 1
            tools = 0
            longest = max(longest, calls)
        elif isinstance(step, ToolCall) and step.requestor == "assistant":
            tools += 1
            widest = max(widest, tools)
    return Loops(longest, widest, turns, 1)
