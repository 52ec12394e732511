"""How a user's Python object is called: a function, or an object with `ainvoke` or `invoke`.

Imported by worker processes; standard library only.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, Final

from evalgate.agents.agent_input import AgentCase, Context
from evalgate.agents.messages import is_message, read_state
from evalgate.agents.output import reply_fields
from evalgate.agents.yielded import taken_whole, yields_async
from evalgate.errors import AgentLoadError

_POSITIONAL: Final = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
)
_MESSAGES: Final = "messages"


@dataclass(frozen=True, slots=True)
class Callee:
    """A user's object, ready to be asked."""

    is_async: bool
    """Whether `call` returns something to be awaited."""
    call: Callable[[AgentCase, Context], Any]
    """Asks the object one turn; returns what it returned."""
    read: Callable[[object, AgentCase], dict[str, Any]]
    """Turns what it returned into the fields of a reply; raises `NotPlain`."""


@dataclass(frozen=True, slots=True)
class Asking:
    """What a configuration says of how an object is asked and read."""

    input_key: str | None
    """Key of the input for objects with `ainvoke` or `invoke`."""
    output_key: str | None
    """Key of the answer in what it returns."""
    limit: int
    """Largest answer in bytes."""


def adapt(found: object, target: str, asking: Asking) -> Callee:
    """Find out how an object is called.

    Args:
        found: What `MODULE:NAME` names.
        target: `MODULE:NAME`, for messages.
        asking: How it is asked and read.

    Raises:
        AgentLoadError: It cannot be called.
    """
    if not isinstance(found, type) and (_method(found, "ainvoke") or _method(found, "invoke")):
        return _runnable(found, asking)
    if isinstance(found, type) or not callable(found):
        raise AgentLoadError(
            f"python:{target} is {_kind(found)}; expected a function, or an object with `ainvoke` "
            "or `invoke`",
            fix="name an instance, or a function that builds what it needs and answers",
        )
    shape = _shape(found, target)

    def call(case: AgentCase, context: Context) -> object:
        given = {"input": (case.input,), "case": (case,)}.get(shape, (case, context))
        return taken_whole(found(*given), asking.limit)

    def read(value: object, case: AgentCase) -> dict[str, Any]:
        if is_message(value) and hasattr(value, "tool_calls"):  # chunks, added up
            return read_state(value, mark=_mark(case), output_key=asking.output_key)
        return reply_fields(value, asking.output_key)

    is_async = inspect.iscoroutinefunction(found) or inspect.iscoroutinefunction(
        getattr(found, "__call__", None)  # noqa: B004  # an object whose __call__ is async
    )
    return Callee(is_async or yields_async(found), call, read)


def _kind(found: object) -> str:
    if isinstance(found, type):
        return f"the class {found.__name__!r}"
    return f"{type(found).__name__} {found!r:.60}"


def _method(found: object, name: str) -> Callable[..., Any] | None:
    method = getattr(found, name, None)
    return method if callable(method) else None


def _shape(found: Callable[..., Any], target: str) -> str:
    """Tell `(case, context)` from `(case)` and `(input)`.

    Raises:
        AgentLoadError: It takes no argument, or needs more than two.
    """
    try:
        parameters = list(inspect.signature(found).parameters.values())
    except (TypeError, ValueError):
        return "input"
    named = [p for p in parameters if p.kind in _POSITIONAL]
    needed = [p for p in named if p.default is inspect.Parameter.empty]
    keyword_only = [
        p.name
        for p in parameters
        if p.kind is inspect.Parameter.KEYWORD_ONLY and p.default is inspect.Parameter.empty
    ]
    takes_any = any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters)
    if len(needed) > 2 or keyword_only or not (named or takes_any):
        raise AgentLoadError(
            f"python:{target} takes {inspect.signature(found)}; expected (case, context) or (input)"
        )
    if len(needed) == 2 or (len(named) < 2 and takes_any):
        return "both"
    if len(named) > 1 and named[1].name == "context":
        return "both"
    return "case" if named[0].name == "case" else "input"


def _runnable(found: object, asking: Asking) -> Callee:
    """Adapt an object with `ainvoke` or `invoke`, such as a compiled LangGraph graph."""
    ainvoke = _method(found, "ainvoke")
    method = ainvoke or _method(found, "invoke")
    assert method is not None  # noqa: S101  # the caller looked
    takes_config = _takes_config(method)
    is_graph = hasattr(found, "nodes")
    remembers = bool(getattr(found, "checkpointer", None))
    run, input_key = token_hex(4), asking.input_key

    def call(case: AgentCase, context: Context) -> object:
        messages = _marked(case, new_only=remembers and case.turn > 0)
        payload: Any
        if input_key is not None:
            payload = {input_key: messages if input_key == _MESSAGES else case.text}
        elif is_graph:
            payload = {_MESSAGES: messages}
        else:
            payload = case.input if isinstance(case.input, str) else messages
        if not takes_config:
            return method(payload)
        config = _config(f"{run}#{case.id}#{context.trial}", context)
        return method(payload, config=config)

    def read(value: object, case: AgentCase) -> dict[str, Any]:
        if (isinstance(value, dict) and _MESSAGES in value) or is_message(value):
            return read_state(value, mark=_mark(case), output_key=asking.output_key)
        return reply_fields(value, asking.output_key)

    return Callee(ainvoke is not None, call, read)


def _takes_config(method: Callable[..., Any]) -> bool:
    try:
        return "config" in inspect.signature(method).parameters
    except (TypeError, ValueError):
        return False


def _mark(case: AgentCase) -> str:
    """Return the id given to the last message sent: what comes after it is the agent's."""
    return f"evalgate-{case.id}-{case.turn}"


def _marked(case: AgentCase, *, new_only: bool) -> list[dict[str, Any]]:
    messages = case.messages[-1:] if new_only else case.messages
    return [*messages[:-1], {**messages[-1], "id": _mark(case)}]


def _config(thread: str, context: Context) -> dict[str, Any]:
    """Return a thread of its own for each trial of each run, so that no memory is shared."""
    return {"configurable": {"thread_id": thread, "base_url": context.base_url}}
