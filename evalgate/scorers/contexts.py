"""What a judge, or a scorer of grounding, is shown of a trial."""

import json
from collections.abc import Iterable, Iterator

from evalgate.schema.base import Json
from evalgate.schema.golden import Case, Script
from evalgate.schema.judge import Evidence
from evalgate.schema.trace import Retrieval, Span, ToolCall, Trace, UserMessage
from evalgate.users.ending import OPENING
from evalgate.users.prompt import part_of


def evidence_of(case: Case, trace: Trace) -> Evidence:
    """Gather what can be judged of one trial."""
    output = case.expected.output
    calls = case.expected.tool_calls
    reference = None if output is None or output.equals is None else text_of(output.equals)
    return Evidence(
        question=question_of(case),
        answer=text_of(trace.output),
        contexts=contexts_of(case, trace),
        reference=reference or None,
        criteria=case.expected.criteria or None,
        conversation=tuple(_conversation(case, trace)),
        expected_calls=None
        if calls is None
        else tuple(
            {"name": call.name, "args": call.arguments}
            for call in calls
            if call.requestor == "assistant"
        ),
        script=None if case.user is None else "\n\n".join(part_of(case.user)),
    )


def contexts_of(case: Case, trace: Trace) -> tuple[str, ...]:
    """Return what an answer may rely on.

    The case's contexts; where it has none, what the trace retrieved and what the agent's tools
    returned, in order, each text once. An error that a tool reported counts too: an answer that
    passes it on is faithful.
    """
    if case.contexts:
        return case.contexts
    return tuple(dict.fromkeys(text for text in _seen(trace) if text.strip()))


def _seen(trace: Trace) -> Iterator[str]:
    for step in trace.steps:
        if isinstance(step, Retrieval):
            yield from step.documents
        elif isinstance(step, ToolCall) and step.requestor == "assistant":
            yield _returned(step)


def _returned(call: ToolCall) -> str:
    said = text_of(call.result)
    return f"error: {call.error}" if not said and call.error is not None else said


def question_of(case: Case) -> str:
    """Return what the user said: a text as it is, several messages with their roles."""
    match case.input:
        case str() as text:
            return text
        case Script(turns=turns):
            return turns[0] if len(turns) == 1 else "\n".join(f"user: {turn}" for turn in turns)
        case messages:
            said = [(m.role, _content(m.content)) for m in messages if m.role != "system"]
            if len(said) == 1:
                return said[0][1]
            return "\n".join(f"{role}: {text}" for role, text in said)


def _content(content: object) -> str:
    """Return the text of a message; of a list of parts, the parts that are text."""
    if isinstance(content, str):
        return content
    parts: Iterable[object] = content if isinstance(content, list | tuple) else ()
    texts = (part.get("text") for part in parts if isinstance(part, dict))
    return "\n".join(text for text in texts if isinstance(text, str))


def _conversation(case: Case, trace: Trace) -> Iterator[dict[str, Json]]:
    """Write what was said and done; with a simulated user also what the agent said to it."""
    played = trace.user is not None
    yield from _asked(case, trace)
    for step in trace.steps:
        if isinstance(step, UserMessage) and not (played and step.name == OPENING):
            yield {"role": "user", "content": step.content}
        elif played and isinstance(step, Span) and step.name == "turn":
            yield {"role": "assistant", "content": text_of(step.output)}
        elif isinstance(step, ToolCall) and step.requestor == "assistant":
            args: Json = step.arguments if isinstance(step.arguments, dict) else {}
            yield {"role": "assistant", "tool_calls": [{"name": step.name, "args": args}]}
            yield {"role": "tool", "content": _returned(step)}
    answer = text_of(trace.output)
    if answer and not played:
        yield {"role": "assistant", "content": answer}


def _asked(case: Case, trace: Trace) -> Iterator[dict[str, Json]]:
    """Yield the case's own messages, unless the trace holds what the user said."""
    match case.input:
        case str() as text:
            if text or trace.user is None:  # else the simulated user speaks first
                yield {"role": "user", "content": text}
        case Script(turns=turns):
            if not any(isinstance(step, UserMessage) for step in trace.steps):
                for turn in turns:
                    yield {"role": "user", "content": turn}
        case messages:
            for message in messages:
                if message.role in ("system", "user", "assistant"):
                    yield {"role": message.role, "content": _content(message.content)}


def text_of(value: Json) -> str:
    """Return a value as text: a text as it is, null as nothing, the rest as JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True)
