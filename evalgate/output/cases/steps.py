"""A step of a trace in words, and how it differs from the baseline's; all of it hostile text."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import assert_never

from evalgate.output.cases.cost_split import call_cost
from evalgate.pricing import PriceBook
from evalgate.schema.base import Json
from evalgate.schema.trace import (
    GuardrailStep,
    Handoff,
    LlmCall,
    Retrieval,
    Span,
    Step,
    ToolCall,
    Unread,
    UserMessage,
)
from evalgate.text.diff import json_diff, words


@dataclass(frozen=True, slots=True)
class StepView:
    """A step as people read it."""

    head: str
    """What was done."""
    meta: str = ""
    """Tokens, cost and time."""
    parts: tuple[tuple[str, str], ...] = ()
    """What it carried: a label, which may be empty, and a text."""


def view_step(step: Step, book: PriceBook) -> StepView:
    """Put a step into words."""
    time = _time(step)
    match step:
        case UserMessage():
            return StepView("user:", time, (("", step.content),))
        case LlmCall():
            return _view_model(step, book)
        case ToolCall():
            who = "user's tool" if step.requestor == "user" else "tool"
            failed = (("failed:", step.error),) if step.error else ()
            head = f"{who} {call_text(step.name, step.arguments)}"
            return StepView(head, time, (*failed, ("->", shown(step.result))))
        case Retrieval():
            texts = tuple((f"[{i}]", text) for i, text in enumerate(step.documents, start=1))
            return StepView(f"retrieval {step.query or ''}: {len(texts)} texts", time, texts)
        case Handoff():
            reason = (("because", step.reason),) if step.reason else ()
            return StepView(f"hand-over to {step.target or 'unknown'}", time, reason)
        case GuardrailStep():
            return StepView(f"guardrail {step.type or ''}: {step.decision}", time)
        case Span():
            return StepView(f"span {step.name or ''}", time)
        case Unread():
            return StepView(f"not understood: {step.type}", time, (("", shown(step.item)),))
        case _:
            assert_never(step)


def _view_model(call: LlmCall, book: PriceBook) -> StepView:
    cost = call_cost(call, None, book)
    counts = [
        f"{_count(call.input_tokens)} in",
        f"{_count(call.output_tokens)} out",
        *([f"{call.cached_tokens:,} cached"] if call.cached_tokens else []),
        *([f"{call.reasoning_tokens:,} reasoning"] if call.reasoning_tokens else []),
        "cost unknown" if cost is None else f"${float(cost.total):.4g}",
        *([time] if (time := _time(call)) else []),
        *([f"{len(call.attempts)} attempts"] if len(call.attempts) > 1 else []),
    ]
    words_ = said(call.output)
    parts = (
        *((("failed:", call.error),) if call.error else ()),
        *((("said:", words_),) if words_ else ()),
    )
    return StepView(f"model {call.model or 'unknown'}", ", ".join(counts), parts)


def step_changes(old: Step, new: Step) -> Iterator[str]:
    """Say how a step differs from the baseline's of the same name, line by line."""
    match old, new:
        case ToolCall(), ToolCall():
            if old.arguments != new.arguments:
                yield from (f"arguments {text}" for text in json_diff(old.arguments, new.arguments))
            yield from (f"result {t}" for t in json_diff(_parsed(old.result), _parsed(new.result)))
            if old.error != new.error:
                yield f"error {old.error or 'none'} -> {new.error or 'none'}"
        case LlmCall(), LlmCall():
            before, after = said(old.output), said(new.output)
            if before and after and before != after:
                yield f"said {words(before, after)}"
        case Retrieval(), Retrieval():
            if old.query != new.query:
                yield f"query {words(old.query or '', new.query or '')}"
            gone = len(set(old.documents) - set(new.documents))
            come = len(set(new.documents) - set(old.documents))
            yield f"texts: {come} new, {gone} gone"
        case UserMessage(), UserMessage():
            yield words(old.content, new.content)
        case Span(), Span():
            yield from (f"in {text}" for text in json_diff(old.input, new.input))
            yield from (f"out {text}" for text in json_diff(old.output, new.output))
        case _:
            yield f"was {view_step(old, PriceBook()).head}"


def said(message: Json) -> str:
    """Return the words of a model's message; its tool calls are steps of their own."""
    if not isinstance(message, dict):
        return message if isinstance(message, str) else ""
    content = message.get("content")
    if isinstance(content, list):
        content = "\n".join(
            str(part.get("text")) for part in content if isinstance(part, dict) and "text" in part
        )
    return content if isinstance(content, str) else ""


def call_text(name: str, arguments: Mapping[str, Json] | str) -> str:
    """Write a call as code does: `name(key=value)`."""
    if isinstance(arguments, str):
        return f"{name}({arguments})"
    return f"{name}({', '.join(f'{k}={shown(v)}' for k, v in arguments.items())})"


def shown(value: Json) -> str:
    """Write a value: a text as it is, nothing as nothing, the rest as JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _parsed(value: Json) -> Json:
    """Read a result that is JSON in a text, as most are."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            parsed: Json = json.loads(value)
        except (ValueError, RecursionError):
            return value
        return parsed
    return value


def _time(step: Step) -> str:
    if step.start is None or step.end is None:
        return ""
    return f"{max(step.end - step.start, 0):.3g} s"


def _count(tokens: int | None) -> str:
    return "unknown" if tokens is None else f"{tokens:,}"
