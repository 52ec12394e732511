"""What observability formats have in common: spans of a run become steps, and a draft case.

A recorded run says what an agent did. Its calls are proposed as expectations of a draft case,
which gates nothing until a person has reviewed it.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from evalgate.importers.imported import number_or_none
from evalgate.importers.parts import read_content, read_message
from evalgate.schema.base import Json
from evalgate.schema.canonical import canonical_bytes
from evalgate.schema.golden import Case, Expected, ExpectedCall
from evalgate.schema.trace import Feedback, LlmCall, RecordedScore, Step, ToolCall, Trace, Unread
from evalgate.text.counts import number_of
from evalgate.text.failures import literal
from evalgate.text.strict_json import Parsed, parse

_NAMED: Final = 5
_SHOWN: Final = 60
_FEEDBACK: Final = frozenset(
    {"user-feedback", "user_feedback", "feedback", "thumbs", "user-rating"}
)


def data_of(value: Json) -> Json:
    """Return the data in a text that holds JSON, else the value as it is."""
    if isinstance(value, str) and value[:1] in '{["':
        match parse(value):
            case Parsed(data):
                return data_of(data) if isinstance(data, str) and data != value else data
            case _:
                return value
    return value


def tool_arguments(value: Json) -> dict[str, Json] | str:
    """Return the arguments of a call: an object, JSON or Python's way of writing one, or text."""
    data = data_of(value)
    if isinstance(data, dict):
        only = data.get("input")
        return only if isinstance(only, dict) and len(data) == 1 else data
    if data is None or data == "":
        return {}
    if isinstance(data, str):
        # Some exporters write an object as Python does.
        found = literal(data)
        return found if isinstance(found, dict) else data
    return {"input": data}


def said(value: Json) -> Json:
    """Return the text of an answer that came as messages or content parts, else the data.

    The shapes are those of Anthropic (`content: [{type: text}]`), OpenAI (`role`, `content`, and
    `output: [{type: message}]`), LangChain (`messages: [...]`, and `kwargs` of what it wrote to
    JSON), Gemini (`candidates: [...]`) and OpenTelemetry (`parts: [...]`); some exporters write an
    object as Python does.
    """
    data = data_of(value)
    if isinstance(data, str) and data.startswith("{'"):
        found = literal(data)
        text = said(found) if isinstance(found, dict) else data
        return text if isinstance(text, str) else data
    match data:
        case {"lc": int(), "kwargs": dict() as kwargs}:
            return said(kwargs)
        case {"candidates": [{"content": dict() as first}, *_]}:
            return read_content(first).text or data
        case {"output": [*_, {"type": "message"} as last]}:
            message: Json = last
            return said(message)
        case {"messages": [*_, dict() as last]} | [*_, {"role": str()} as last]:
            inner: Json = last
            return said(inner)
        case {"content": str() as text} | {"role": str(), "text": str() as text}:
            return text
        case {"content": list() | dict() as content}:
            inner = content
            return read_content(inner).text or data
        case {"parts": list()}:
            return read_content(data).text or data
        case _:
            return data


def in_order(steps: Iterable[Step]) -> tuple[Step, ...]:
    """Sort steps by their start; one without a time stays behind the one it came after."""
    keyed: list[tuple[float, int, Step]] = []
    latest = 0.0
    for index, step in enumerate(steps):
        latest = latest if step.start is None else step.start
        keyed.append((latest, index, step))
    return tuple(step for _, _, step in sorted(keyed, key=lambda item: item[:2]))


def cost_of(steps: Iterable[Step]) -> float | None:
    """Sum the recorded costs of the calls; unknown as soon as one is, or is 0 with tokens."""
    total = 0.0
    known = False
    for step in steps:
        if not isinstance(step, LlmCall):
            continue
        tokens = step.input_tokens or step.output_tokens
        if step.cost_usd is None or (step.cost_usd == 0 and tokens):
            return None
        total, known = total + step.cost_usd, True
    return total if known else None


def tagged(tags: Iterable[str], name: str) -> str | None:
    """Return the value of the tag `name:value`, else null."""
    start = f"{name}:"
    return next((tag[len(start) :] for tag in tags if tag.startswith(start)), None)


def feedback_of(scores: Iterable[RecordedScore]) -> Feedback | None:
    """Return what the user said, where a score is named for it: 1 is a thumb up, 0 one down."""
    for score in scores:
        value = number_or_none(score.value) if not isinstance(score.value, bool) else score.value
        if score.name.lower() in _FEEDBACK and value in (0, 1):
            return Feedback(thumbs="up" if value else "down", comment=score.comment)
    return None


def proposed_calls(steps: Sequence[Step]) -> tuple[ExpectedCall, ...] | None:
    """Propose the calls that were made; null where some may have been that nobody could read.

    Where arguments were not recorded or could not be parsed the name alone is proposed.
    """
    unread = {part for step in steps if isinstance(step, Unread) for part in step.parts}
    if "tool_calls" in unread:
        return None
    return tuple(
        ExpectedCall(name=step.name, arguments=step.arguments)
        if isinstance(step.arguments, dict) and "arguments" not in unread
        else ExpectedCall(name=step.name, compare_args=())
        for step in steps
        if isinstance(step, ToolCall) and step.requestor == "assistant"
    )


def expected_calls(calls: tuple[ExpectedCall, ...] | None) -> Expected:
    """Expect calls in any order; nothing of tools where they are not known."""
    return Expected() if calls is None else Expected(tool_calls=calls, tool_match="any_order")


def unread_notes(traces: Iterable[Trace]) -> tuple[str, ...]:
    """Say how many traces hold items that are not understood, and of which types."""
    found = [[step.type for step in t.steps if isinstance(step, Unread)] for t in traces]
    names = list(dict.fromkeys(name for types in found for name in types))
    if not names:
        return ()
    shown = ", ".join(repr(name[:_SHOWN]) for name in names[:_NAMED])
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    count = sum(bool(types) for types in found)
    what = f"what is not understood or was not recorded ({shown}{more})"
    told = number_of(count, "trace holds", "traces hold")
    return (f"{told} {what}: what that could change is not measured",)


def draft_case(case_id: str, asked: Json, steps: Iterable[Step], source: str) -> Case:
    """Propose a case: what was asked, and the calls that were made.

    Args:
        case_id: Its id.
        asked: What the agent was given; JSON is kept as its text.
        steps: What it did.
        source: The format, as a tag.
    """
    return Case(
        id=case_id,
        input=asked_text(asked),
        expected=expected_calls(proposed_calls(tuple(steps))),
        tags=(source,),
        status="draft",
    )


def asked_text(asked: Json) -> str:
    """Return what was asked as text: the last user message, a prompt, or the data itself."""
    data = data_of(asked)
    match data:
        case str():
            return data
        case {"messages": list() as messages} | [*messages]:
            texts = [_user_text(message) for message in messages]
            users = [text for text in texts if text]
            return users[-1] if users else _as_json(data)
        case {"prompt": str() as text} | {"input": str() as text} | {"query": str() as text}:
            return text
        case {"role": "user", "content": _}:
            content = said(data)
            return content if isinstance(content, str) else _as_json(data)
        case None:
            return ""
        case _:
            return _as_json(data)


def _user_text(row: Json) -> str | None:
    message = read_message(row) if isinstance(row, dict) else None
    return message.text if message is not None and message.role == "user" else None


def _as_json(data: Json) -> str:
    return canonical_bytes(data).decode()
