"""Calls of tools of a trace: those recorded on their own, and those that stand in messages."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from evalgate.importers.messages import arguments_of, conversation, tool_error, unread
from evalgate.importers.parts import Call, Message, Odd, Result
from evalgate.schema.base import Json
from evalgate.schema.trace import LlmCall, Step, ToolCall, Unread

_FINAL: Final = frozenset(
    {"stop", "end_turn", "stop_sequence", "length", "max_tokens", "content_filter", "refusal"}
)
"""Reasons to stop of an answer that asks for no tool."""
_ANSWERS: Final = frozenset({"final_result"})
"""Tools by which a framework has a model answer in a shape (Pydantic AI); nobody runs them."""


@dataclass(frozen=True, slots=True)
class ModelCall:
    """A record of a model call, a wrapper of one included."""

    id: str | None
    parent: str | None
    answer: tuple[Message, ...] | None
    """What the model answered; null: not recorded."""
    asked: tuple[Json, ...] = ()
    """The messages that it was given, as they came."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the messages of one model call tell."""

    source: ModelCall
    calls: tuple[Call, ...] = ()
    odd: tuple[Odd, ...] = ()


@dataclass(slots=True)
class _Pool:
    """Calls that have a span, each of which may be one that a message tells of."""

    free: list[ToolCall]
    taken: dict[str, ToolCall] = field(default_factory=dict)
    """By id of the step: the call, completed from the message."""

    def take(self, call: Call, match: int) -> bool:
        """Take the first free call that a message's call may be; 0 is the closest match."""
        for step in self.free:
            if _is_same(step, call, match):
                self.free.remove(step)
                self.taken[str(step.id)] = _completed(step, call)
                return True
        return False


def told_calls(sources: Iterable[ModelCall], parents: Mapping[str, str | None]) -> list[Told]:
    """Read the messages of model calls; what an enclosing call tells again is left out.

    Args:
        sources: Model calls, in order of time, wrappers included.
        parents: The parent of each record.
    """
    told: list[Told] = []
    for source in sources:
        items = [item for message in source.answer or () for item in message.items]
        around = [each for each in told if _is_around(each.source, source, parents)]
        known = [(call.name, _key(call)) for each in around for call in each.calls]
        calls = [
            item
            for item in items
            if isinstance(item, Call) and (item.name, _key(item)) not in known
        ]
        odd = () if around else tuple(item for item in items if isinstance(item, Odd))
        told.append(Told(source, tuple(calls), odd))
    return told


def with_told(steps: Sequence[Step], told: Sequence[Told]) -> list[Step]:
    """Add what messages tell: calls without a span, unknown items, and that nothing was recorded.

    Args:
        steps: A step of each span, in order of time.
        told: What the messages of the model calls tell.
    """
    pool = _Pool([step for step in steps if isinstance(step, ToolCall)])
    had_spans = bool(pool.free)
    left = [(each, number, call) for each in told for number, call in enumerate(each.calls)]
    for match in range(3):
        left = [row for row in left if not pool.take(row[2], match)]
    added: dict[str, list[Step]] = {}
    for each, number, call in left:
        if call.name in _ANSWERS:
            continue
        at = str(each.source.id)
        added.setdefault(at, []).append(_step(each, number, call, told))
    for each in told:
        found = [unread(odd, f"{each.source.id}.odd{n}") for n, odd in enumerate(each.odd)]
        added.setdefault(str(each.source.id), []).extend(found)
    return [
        new
        for step in steps
        for new in (
            pool.taken.get(str(step.id), step),
            *_timed(step, added.pop(str(step.id), [])),
            *_silent(step, told, had_spans=had_spans),
        )
    ]


def _silent(step: Step, told: Sequence[Told], *, had_spans: bool) -> list[Step]:
    """Say that a model call recorded no message, where no span of a tool shows what it asked."""
    if had_spans or not isinstance(step, LlmCall) or step.finish_reason in _FINAL:
        return []
    told_of = [each for each in told if each.source.id == step.id]
    if not told_of or told_of[0].source.answer is not None or step.error is not None:
        return []
    if any(each.calls for each in told):
        return []
    kind = "model call without its messages"
    return [Unread(id=f"{step.id}.unread", type=kind, start=step.end, end=step.end)]


def _timed(step: Step, added: list[Step]) -> list[Step]:
    """Place what a model call asked for at its end."""
    return [new.model_copy(update={"start": step.end, "end": step.end}) for new in added]


def _is_around(outer: ModelCall, inner: ModelCall, parents: Mapping[str, str | None]) -> bool:
    """Whether a span lies around another, or in it."""
    return _lies_in(inner, outer.id, parents) or _lies_in(outer, inner.id, parents)


def _lies_in(source: ModelCall, outer: str | None, parents: Mapping[str, str | None]) -> bool:
    at, seen = source.parent, set[str]()
    while at is not None and at not in seen:
        if at == outer:
            return True
        seen.add(at)
        at = parents.get(at)
    return False


def _key(call: Call) -> str:
    return repr(arguments_of(call.arguments))


def _is_same(step: ToolCall, call: Call, match: int) -> bool:
    if match == 0:
        return call.call_id is not None and step.call_id == call.call_id and step.name == call.name
    if step.name != call.name:
        return False
    ids_differ = None not in (call.call_id, step.call_id) and call.call_id != step.call_id
    if ids_differ:
        return False
    return match > 1 or step.arguments == arguments_of(call.arguments)


def _completed(step: ToolCall, call: Call) -> ToolCall:
    """Fill in what the span of a tool did not record."""
    arguments = step.arguments or arguments_of(call.arguments)
    return step.model_copy(update={"arguments": arguments, "call_id": step.call_id or call.call_id})


def _step(told: Told, number: int, call: Call, every: Sequence[Told]) -> ToolCall:
    """Make a step of a call that has no span; its result stands in what was sent next."""
    arguments = arguments_of(call.arguments)
    answered = call.result or _answered(told, call, every)
    error = None if answered is None else tool_error(answered.content, failed=answered.failed)
    return ToolCall(
        id=f"{told.source.id}.{number}",
        parent_id=told.source.id,
        name=call.name,
        arguments=arguments,
        result=None if answered is None else answered.content,
        error="unparsable" if isinstance(arguments, str) else error,
        call_id=call.call_id,
        executor="provider" if call.provided else "agent",
        metadata={"source": "messages"},
    )


def _answered(told: Told, call: Call, every: Sequence[Told]) -> Result | None:
    """Find the result of a call in the conversation that the next model call was given."""
    later = every[every.index(told) + 1 :]
    for each in later:
        steps = conversation(list(each.source.asked), "").steps
        same = [
            step
            for step in steps
            if isinstance(step, ToolCall)
            and step.name == call.name
            and step.call_id in (None, call.call_id)
            and step.arguments == arguments_of(call.arguments)
            and step.result is not None
        ]
        if same:
            return Result(same[-1].result, failed=same[-1].error is not None)
    return None
