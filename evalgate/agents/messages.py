"""Reads an answer and its steps from chat messages as LangChain and LangGraph return them.

Messages are recognised by their attributes (`type`, `content`, `tool_calls`, `usage_metadata`,
`response_metadata`), or as dicts in the OpenAI shape; nothing of theirs is imported. Messages say
nothing about time, so the times of all steps are unknown. Standard library only, until a message
tells its usage.
"""

from collections.abc import Mapping, Sequence
from json import JSONDecodeError, loads
from typing import Any, Final

from evalgate.agents.output import reply_fields
from evalgate.agents.plain import NotPlain, is_plain

_ROLES: Final = {"human": "user", "ai": "assistant", "AIMessageChunk": "assistant"}
_ERROR: Final = "error"


def is_message(value: object) -> bool:
    """Tell whether something looks like a LangChain message."""
    return hasattr(value, "content") and isinstance(getattr(value, "type", None), str)


def read_state(value: object, *, mark: str, output_key: str | None) -> dict[str, Any]:
    """Read the final state of a graph, or one message, as the fields of a reply.

    Args:
        value: A dict with `messages`, or a message.
        mark: Id of the last message that was sent; only what follows it is the agent's.
        output_key: Key of the answer in the state; null: the content of the last message the
            agent wrote.

    Raises:
        NotPlain: There is no answer.
    """
    if is_message(value):
        messages: Sequence[object] = [value]
        state: Mapping[str, Any] = {}
    else:
        assert isinstance(value, Mapping)  # noqa: S101  # the caller looked
        state, messages = value, _after(value["messages"], mark)
    steps = read_messages(messages)
    if output_key is not None and output_key != "messages":
        answer = reply_fields(_without_messages(state), output_key)["output"]
    else:
        answer = _answer(messages)
    reply: dict[str, Any] = {"output": answer, "steps": steps}
    final_state = _final_state(state)
    return {**reply, "final_state": final_state} if final_state else reply


def _without_messages(state: Mapping[str, Any]) -> Mapping[str, Any]:
    return {key: item for key, item in state.items() if key != "messages"}


def _final_state(state: Mapping[str, Any]) -> dict[str, Any]:
    """Keep what of a graph's state is JSON data; the rest says nothing about the world."""
    return {str(key): item for key, item in _without_messages(state).items() if is_plain(item)}


def _after(messages: Sequence[object], mark: str) -> Sequence[object]:
    """Return the messages after the one that was sent last."""
    for index in range(len(messages) - 1, -1, -1):
        if _get(messages[index], "id") == mark:
            return messages[index + 1 :]
    for index in range(len(messages) - 1, -1, -1):
        if _role(messages[index]) == "user":
            return messages[index + 1 :]
    return messages


def _answer(messages: Sequence[object]) -> Any:  # noqa: ANN401  # JSON
    for message in reversed(messages):
        if _role(message) == "assistant":
            return _text(_get(message, "content"))
    raise NotPlain("the agent returned no message of its own (role `assistant`)")


def _text(content: Any) -> Any:  # noqa: ANN401  # JSON
    """Join the text blocks of a content; anything else stays as it is."""
    if not isinstance(content, list):
        return "" if content is None else content
    texts = [block if isinstance(block, str) else _block_text(block) for block in content]
    return "".join(text for text in texts if text is not None)


def _block_text(block: Any) -> str | None:  # noqa: ANN401  # JSON
    if isinstance(block, dict) and block.get("type") in ("text", "output_text"):
        text = block.get("text")
        return text if isinstance(text, str) else None
    return None


def read_messages(messages: Sequence[object]) -> list[dict[str, Any]]:
    """Return the steps behind messages: an LLM call for each of the agent's, and its tool calls."""
    results = {
        _get(message, "tool_call_id"): message for message in messages if _role(message) == "tool"
    }
    of_functions = [message for message in messages if _role(message) == "function"]
    steps: list[dict[str, Any]] = []
    for index, message in enumerate(messages):
        if _role(message) != "assistant":
            continue
        parent = f"llm-{index}"
        steps.append({"kind": "llm_call", "id": parent, **_usage(message)})
        calls = [*_list(message, "tool_calls"), *_list(message, "invalid_tool_calls")]
        for call in calls:
            step = _tool_step(call, results)
            steps.append({**step, "parent_id": parent})
        legacy = _mapping(message, "function_call") or _mapping(
            _mapping(message, "additional_kwargs"), "function_call"
        )
        if legacy and not calls:
            step = _tool_step(
                {"function": legacy}, {None: _taken(of_functions, legacy.get("name"))}
            )
            steps.append({**step, "parent_id": parent})
    return steps


def _taken(results: list[object], name: object) -> object | None:
    """Take the first result of a function: calls of the old form have no id."""
    place = next((i for i, each in enumerate(results) if _get(each, "name") == name), None)
    return None if place is None else results.pop(place)


def _tool_step(call: Mapping[str, Any], results: Mapping[Any, object]) -> dict[str, Any]:
    function = call.get("function")
    if isinstance(function, Mapping):
        name, arguments = function.get("name"), _parsed(function.get("arguments"))
    else:
        name, arguments = call.get("name"), call.get("args", {})
    step: dict[str, Any] = {
        "kind": "tool_call",
        "name": str(name or "?"),
        "arguments": "" if arguments is None else arguments,
        "call_id": call.get("id"),
    }
    if isinstance(arguments, str):
        step["error"] = "unparsable"
    answer = results.get(call.get("id"))
    if answer is not None:
        step["result"] = _get(answer, "content")
        if _get(answer, "status") == _ERROR:
            step["error"] = str(step["result"])[:500] or _ERROR
    return step


def _parsed(arguments: object) -> object:
    """Read the arguments of an OpenAI-shaped call; a text that is no object stays a text."""
    if not isinstance(arguments, str):
        return arguments
    try:
        value = loads(arguments)
    except (JSONDecodeError, RecursionError):
        return arguments
    return value if isinstance(value, dict) else arguments


def _usage(message: object) -> dict[str, Any]:
    """Return model and tokens of one of the agent's messages, as far as it knows them."""
    response = _mapping(message, "response_metadata")
    found = {
        "provider": response.get("model_provider"),
        "model": response.get("model_name") or response.get("model"),
        "finish_reason": response.get("finish_reason") or response.get("stop_reason"),
        **_tokens(message, response),
    }
    return {key: value for key, value in found.items() if value is not None}


def _tokens(message: object, response: Mapping[str, Any]) -> dict[str, Any]:
    """Read what a message says of tokens: the provider's own usage, and the framework's sum of it.

    The provider's holds more (lifetimes, tools, tier, the bill); where the two disagree nobody
    knows which is right.
    """
    summed = _mapping(message, "usage_metadata")
    own = _mapping(response, "token_usage") or _mapping(response, "usage")
    own = own or _mapping(message, "usage")
    if not summed and not own:
        return {}
    from evalgate.usage.parse import fields_of_usage, parse_usage  # noqa: PLC0415  # heavy

    tier = {"service_tier": response.get("service_tier")}
    usage = parse_usage({**tier, **own}) if own else parse_usage({**tier, **summed}, inside=True)
    if summed and own:
        other = parse_usage(summed, inside=True)
        problems = tuple(
            f"usage_metadata.{name} is {said}, the provider's usage says {count}"
            for name in ("input_tokens", "output_tokens")
            if (said := getattr(other, name)) != (count := getattr(usage, name))
        )
        usage = usage.model_copy(update={"problems": (*usage.problems, *problems)})
    return {**fields_of_usage(usage), "usage": usage.model_dump(mode="json", exclude_none=True)}


def _get(message: object, key: str) -> Any:  # noqa: ANN401  # an attribute of anything
    if isinstance(message, Mapping):
        return message.get(key)
    return getattr(message, key, None)


def _mapping(holder: object, key: str) -> Mapping[str, Any]:
    value = _get(holder, key)
    return value if isinstance(value, Mapping) else {}


def _list(message: object, key: str) -> list[Mapping[str, Any]]:
    value = _get(message, key)
    return [item for item in value if isinstance(item, Mapping)] if value else []


def _role(message: object) -> str | None:
    role = _get(message, "role") or _get(message, "type")
    return _ROLES.get(role, role) if isinstance(role, str) else None
