"""From the log of a trial to the steps of its trace: pure, and the same in every replay."""

from collections.abc import Iterable
from dataclasses import dataclass

from evalgate.gateway.exchange import AttemptLog, CallLog, OddRequest
from evalgate.gateway.tool_calls import ToolRun
from evalgate.gateway.tool_results import arguments_of, content_of, error_of
from evalgate.gateway.tool_steps import with_runs
from evalgate.gateway.trial_log import Limit
from evalgate.gateway.wire.base import (
    Body,
    CalledTool,
    Reply,
    ToolResult,
    as_body,
    as_list,
    output_limit,
    result_id,
    settings_of,
)
from evalgate.schema.base import Json
from evalgate.schema.canonical import digest
from evalgate.schema.trace import Attempt, GuardrailStep, LlmCall, Span, ToolCall, Unread
from evalgate.text.escape import cap
from evalgate.text.tame_json import tame

GatewayStep = LlmCall | ToolCall | GuardrailStep | Span | Unread
"""What the gateway can see."""

_DIGITS = 4
_TYPE = 200
"""Characters of the type of an item that nobody knows."""


@dataclass(slots=True)
class _Open:
    """A tool call that waits for its result."""

    tool: CalledTool
    parent: str
    start: float | None
    result: ToolResult | None = None
    end: float | None = None


def build_steps(
    calls: Iterable[CallLog],
    odd: Iterable[OddRequest],
    limit: Limit | None,
    runs: Iterable[ToolRun] = (),
) -> tuple[GatewayStep, ...]:
    """Make the steps of a trace.

    Args:
        calls: The logged calls.
        odd: Requests that were no calls.
        limit: The loop limit, where it was reached.
        runs: Calls of tools that went through the gateway.

    Returns:
        Steps in order of time, as said: who writes them takes secrets out. A tool call starts when
        the response that asks for it has ended and ends when the request with its result arrives.
    """
    steps: list[GatewayStep] = []
    waiting: dict[str, list[_Open]] = {}
    answered: dict[str, list[ToolResult]] = {}
    unread: list[Unread] = []
    tools: list[_Open] = []
    ordered = sorted(calls, key=_when)
    for number, call in enumerate(ordered):
        name = f"llm-{number}"
        _answer(call, waiting, answered)
        steps.append(_call_step(call, name))
        for tool in _reply(call).tools:
            waiting_one = _Open(tool, name, call.last.end, tool.result, call.last.end)
            tools.append(waiting_one)
            if tool.result is None:
                waiting.setdefault(result_id(tool), []).append(waiting_one)
        unread += _unread_steps(call, name, len(unread))
    steps += unread
    asked = [_tool_step(tool, number) for number, tool in enumerate(tools)]
    steps += with_runs(asked, runs, by_model=any(step.kind == "llm_call" for step in steps))
    steps += [_odd_step(request, number) for number, request in enumerate(odd)]
    if limit is not None:
        steps.append(_limit_step(limit))
    return tuple(sorted(steps, key=lambda step: (step.start or 0.0, step.kind == "tool_call")))


def _when(call: CallLog) -> tuple[float, str, int]:
    return (call.attempts[0].start, call.prepared.key, call.attempts[0].order or 0)


def _reply(call: CallLog) -> Reply:
    sent = call.last.delivered
    return Reply() if sent is None or call.last.error is not None else sent.reply


def _unread_steps(call: CallLog, parent: str, number: int) -> list[Unread]:
    """Keep what nobody could read of an answer."""
    if call.route.wire.kind != "llm":
        return []
    at = call.last.end
    return [
        Unread(
            id=f"unread-{number + n}",
            parent_id=parent,
            start=at,
            end=at,
            type=cap(item.type, _TYPE),
            item=tame(item.item),
        )
        for n, item in enumerate(_reply(call).unknown)
    ]


def _answer(
    call: CallLog, waiting: dict[str, list[_Open]], answered: dict[str, list[ToolResult]]
) -> None:
    """Join the results that a request carries with the calls that wait for them.

    A conversation carries old results again, and some models give every call the same id: a result
    that has answered a call is not the next one's.
    """
    if not waiting:
        return
    old = {call_id: [*results] for call_id, results in answered.items()}
    for result in call.prepared.results:
        known = old.get(result.call_id)
        if known and result in known:
            known.remove(result)
            continue
        queue = waiting.get(result.call_id)
        if queue:
            found = queue.pop(0)
            found.result, found.end = result, call.attempts[0].start
            answered.setdefault(result.call_id, []).append(result)
            if not queue:
                del waiting[result.call_id]


def _call_step(call: CallLog, name: str) -> LlmCall | Span:
    reply = _reply(call)
    if call.route.wire.kind == "other":
        return _span(call, name, reply)
    request = call.prepared.canonical
    usage = reply.usage
    return LlmCall(
        id=name,
        name="embeddings" if call.route.wire.kind == "embeddings" else None,
        start=call.attempts[0].start,
        end=call.last.end,
        provider=call.route.served_by or call.route.target,
        model=reply.model or _text(request.get("model")),
        temperature=_number(settings_of(request).get("temperature")),
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cached_tokens=usage.cached_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        reasoning_tokens=usage.reasoning,
        usage=usage if usage.model_fields_set else None,
        max_tokens=output_limit(call.route.wire, request),
        time_to_first_token=_first_token(call, reply),
        attempts=tuple(_attempt(one) for a in call.attempts for one in (*a.own, a)),
        finish_reason=reply.finish_reason,
        error=call.last.error or reply.error,
        input=tame(request.get("messages")),
        output=tame(reply.message),
        prompt_digest=_prompt_digest(request),
        tools_digest=digest(request["tools"]) if request.get("tools") else None,
        sampling_digest=digest(request.get("sampling")),
        metadata=_metadata(call),
    )


def _span(call: CallLog, name: str, reply: Reply) -> Span:
    error = call.last.error or reply.error
    noted: dict[str, Json] = {"error": error} if error else {}
    return Span(
        id=name,
        name=call.route.wire.name,
        start=call.attempts[0].start,
        end=call.last.end,
        input=tame(call.prepared.canonical.get("messages")),
        output=tame(reply.message),
        metadata=noted,
    )


def _attempt(attempt: AttemptLog) -> Attempt:
    return Attempt(
        status=attempt.status,
        start=attempt.start,
        end=attempt.end,
        error=attempt.error or ("unfinished" if attempt.end is None else None),
        retry_after=attempt.hint,
    )


def _first_token(call: CallLog, reply: Reply) -> float | None:
    """Return seconds from the first request of the call: who waits does not see the retries."""
    if reply.first_token is None:
        return None
    waited = call.last.start - call.attempts[0].start
    return max(0.0, round(waited + reply.first_token, _DIGITS))


def _prompt_digest(request: Body) -> str | None:
    messages = map(as_body, as_list(request.get("messages")))
    system: list[Json] = [
        message.get("content")
        for message in messages
        if message.get("role") in {"system", "developer"}
    ]
    return digest(system) if system else None


def _metadata(call: CallLog) -> dict[str, Json]:
    counts = [attempt.retry_count for attempt in call.attempts]
    noted: dict[str, Json] = {"wire": call.route.wire.name}
    if len(counts) > 1:
        noted["retry_counts"] = list(counts)
    return noted


def _tool_step(waiting: _Open, number: int) -> ToolCall:
    arguments = arguments_of(waiting.tool)
    error = "unparsable" if isinstance(arguments, str) else None
    result = waiting.result
    if result is not None:
        error = error or error_of(result)
    return ToolCall(
        id=f"tool-{number}",
        parent_id=waiting.parent,
        name=waiting.tool.name,
        start=waiting.start,
        end=waiting.end,
        arguments=_arguments(arguments),
        result=None if result is None else tame(content_of(result)),
        executor="provider" if waiting.tool.by_provider else "agent",
        error=error,
        call_id=waiting.tool.call_id,
    )


def _arguments(given: dict[str, Json] | str) -> dict[str, Json] | str:
    kept = tame(given)
    return kept if isinstance(kept, dict | str) else given


def _odd_step(request: OddRequest, number: int) -> Span:
    noted: dict[str, Json] = {
        "error": request.error.code,
        "method": request.method,
        "path": request.path,
        "status": request.error.status,
    }
    return Span(
        id=f"odd-{number}",
        name=request.error.code,
        start=request.at,
        end=request.at,
        metadata=noted,
    )


def _limit_step(limit: Limit) -> GuardrailStep:
    noted: dict[str, Json] = {"calls": limit.calls}
    return GuardrailStep(
        id="loop-limit",
        type="loop_limit",
        decision="block",
        start=limit.at,
        end=limit.at,
        metadata=noted,
    )


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: Json) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value
