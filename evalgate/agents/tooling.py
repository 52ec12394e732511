"""`@evalgate.tool`: a function whose calls are recorded and replayed while its agent is judged.

Outside a run it is the plain function. In a run every call is first told to the gateway, which
says what becomes of it: in the process of the run through a `Port`, in any other process over the
session's URL. Imported by agents; the standard library alone, and pydantic where a value needs it.
"""

import asyncio
import builtins
import functools
import http.client
import inspect
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, ParamSpec, Protocol, TypeVar, get_origin, get_type_hints, overload
from urllib.parse import urlsplit

__all__ = [
    "PORT",
    "TOOLS_URL",
    "Port",
    "RecordedToolError",
    "ToolRefused",
    "Tooled",
    "bind",
    "serving",
    "tool",
    "tooled",
]

TOOLS_URL: Final = "EVALGATE_TOOLS_URL"
"""Variable with the URL of the session's tools."""

_P = ParamSpec("_P")
_R = TypeVar("_R")
_TIMEOUT_S: Final = 600.0
_OWN: Final = ("self", "cls")


class ToolRefused(Exception):
    """A tool was not called: nothing is recorded of the call, no mock knows it, or it may not."""


class RecordedToolError(Exception):
    """A recorded failure whose own class cannot be raised here."""


class Port(Protocol):
    """Where calls are told, in the process of the run."""

    def call(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Say what becomes of a call."""

    def done(self, told: Mapping[str, Any]) -> None:
        """Take what came of a call that was made."""


PORT: ContextVar[Port | None] = ContextVar("evalgate_tools", default=None)
"""The port of the trial that runs here."""


_INSIDE: Final[ContextVar[str | None]] = ContextVar("evalgate_inside", default=None)
"""The tool whose function runs here: what it calls is not called where it is replayed."""

_SERVED: Final[set[int]] = set()
"""Trials that run in this process."""


@contextmanager
def serving(port: Port) -> Iterator[None]:
    """Let calls of tools in this context be told to a port."""
    token = PORT.set(port)
    _SERVED.add(id(port))
    try:
        yield
    finally:
        _SERVED.discard(id(port))
        PORT.reset(token)


class _Line:
    """A connection to the gateway; closed with the thread that uses it."""

    def __init__(self) -> None:
        self.origin = ""
        self.connection: http.client.HTTPConnection | None = None

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()

    def post(self, url: str, body: bytes) -> dict[str, Any]:
        parts = urlsplit(url)
        if self.connection is None or self.origin != parts.netloc:
            self.close()
            self.origin = parts.netloc
            self.connection = http.client.HTTPConnection(parts.netloc, timeout=_TIMEOUT_S)
        try:
            return self._posted(self.connection, parts.path, body)
        except (ConnectionError, http.client.RemoteDisconnected):
            self.connection.close()  # it was idle for too long; the call did not get through
            return self._posted(self.connection, parts.path, body)

    def _posted(
        self, connection: http.client.HTTPConnection, path: str, body: bytes
    ) -> dict[str, Any]:
        connection.request("POST", path, body, {"content-type": "application/json"})
        answer = connection.getresponse()
        raw = answer.read()
        if answer.status != 200:
            raise ToolRefused(raw.decode(errors="replace")[:2000])
        value: dict[str, Any] = json.loads(raw)
        return value


class _Lines(threading.local):
    """One connection a thread."""

    def __init__(self) -> None:
        self.line = _Line()


_LINES: Final = _Lines()


@dataclass(frozen=True, slots=True)
class _Remote:
    """The port of an agent in a process of its own."""

    url: str

    def call(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        return _LINES.line.post(f"{self.url}/call", json.dumps(asked).encode())

    def done(self, told: Mapping[str, Any]) -> None:
        _LINES.line.post(f"{self.url}/done", json.dumps(told).encode())


def _port() -> Port | None:
    found = PORT.get()
    if found is not None:
        return found
    url = os.environ.get(TOOLS_URL)
    if url is None and _SERVED:
        raise ToolRefused(
            "evalgate: a tool was called from a thread that does not know its trial; use "
            "context.tool(function), asyncio.to_thread, or `isolation: process`"
        )
    return _Remote(url) if url else None


@dataclass(frozen=True, slots=True)
class Tooled:
    """How a function is told of as a tool."""

    function: Callable[..., Any]
    """The plain function."""
    name: str
    """The tool's name."""
    ignore: frozenset[str]
    """Parameters that are no part of a call, such as a client."""
    effects: bool | None
    """Whether it changes something outside; null: unknown."""
    signature: inspect.Signature
    """Of the function."""

    def asked(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Describe a call as JSON.

        Raises:
            TypeError: The arguments do not fit the function, or one is no JSON.
        """
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        given = {name: v for name, v in bound.arguments.items() if name not in self.ignore}
        function = self.function
        return {
            "name": self.name,
            "arguments": _plain(given, self.name),
            "effects": self.effects,
            "target": f"{function.__module__}:{function.__qualname__}",
            "inside": _INSIDE.get(),
        }

    def returned(self, value: object) -> Any:  # noqa: ANN401  # whatever the function returns
        """Give a recorded result the type that the function says it returns."""
        read = None if value is None else _reader(self.function)
        return value if read is None else read(value)

    def outcome(self, value: object) -> dict[str, Any]:
        """Describe a result as JSON, or say that it is none that can be given back."""
        try:
            plain = _plain(value, self.name)
            same = value is None or self.returned(plain) == value
        except Exception as error:  # noqa: BLE001  # values of the user, which may do anything
            return {"unrecordable": f"{type(value).__qualname__}: {error}"[:500]}
        if not same:
            kind = type(value).__qualname__
            return {
                "unrecordable": f"a {kind} comes back from JSON as something else; annotate "
                "what the function returns"
            }
        return {"result": plain}


_JSON: Final = (Any, inspect.Parameter.empty, str, int, float, bool, dict, list, None, type(None))


@functools.lru_cache(maxsize=1024)
def _reader(function: Callable[..., Any]) -> Callable[[Any], Any] | None:
    """Return what reads a result as the type it is annotated with; null where it is JSON."""
    try:
        annotation = get_type_hints(function).get("return", Any)
    except Exception:  # noqa: BLE001  # an annotation of the user that does not resolve
        return None
    if get_origin(annotation) in (dict, list) or annotation in _JSON:
        return None
    from pydantic import TypeAdapter  # noqa: PLC0415  # only where a type is no JSON

    return TypeAdapter(annotation).validate_python


def _plain(value: object, name: str) -> Any:  # noqa: ANN401  # JSON
    """Write a value as JSON.

    Raises:
        TypeError: It is none.
    """
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError):
        from pydantic_core import to_jsonable_python  # noqa: PLC0415  # only for other types

        try:
            return to_jsonable_python(value, inf_nan_mode="strings")
        except ValueError as error:
            raise TypeError(
                f"evalgate: a value of tool {name!r} is no JSON ({error}); name the parameter in "
                "@evalgate.tool(ignore=(...))"
            ) from None


def _failure(error: BaseException) -> dict[str, Any]:
    kind = type(error)
    if not isinstance(error, Exception):
        return {"unrecordable": f"it ended by {kind.__qualname__}"}
    try:
        args = json.loads(json.dumps(error.args, allow_nan=False))
    except (TypeError, ValueError):
        args = None
    name = f"{kind.__module__}:{kind.__qualname__}"
    return {"error": {"type": name, "message": str(error), "args": args}}


def _raised(error: Mapping[str, Any]) -> Exception:
    """Build a recorded exception again, of a class that is loaded already."""
    module, _, name = str(error["type"]).partition(":")
    found: Any = builtins if module == "builtins" else sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    args = error.get("args")
    if isinstance(found, type) and issubclass(found, Exception) and args is not None:
        try:
            return found(*args)
        except Exception:  # noqa: BLE001, S110  # a class whose arguments are not its constructor's
            pass
    return RecordedToolError(f"{error['type']}: {error['message']}")


def _known(answer: Mapping[str, Any], tooled: Tooled, port: Port) -> tuple[bool, Any]:
    """Return the answer that the gateway has; false where the function is to be called.

    What cannot be given back as it was is told to the port: the trial is no evidence then.

    Raises:
        ToolRefused: The call may not be made, or its result is not what the function returns now.
        Exception: The recorded failure.
    """
    match answer["do"]:
        case "return":
            try:
                return True, tooled.returned(answer["result"])
            except ValueError as problem:
                if answer.get("faulted"):  # a broken answer is what the function would choke on
                    raise
                lost = f"the recorded result is not what it returns now: {problem}"[:500]
                port.done({"call": answer["call"], "lost": lost})
                raise ToolRefused(f"evalgate: tool {tooled.name!r}: {lost}") from None
        case "raise":
            error = _raised(answer["error"])
            if isinstance(error, RecordedToolError):
                port.done({"call": answer["call"], "lost": f"cannot be raised again: {error}"})
            raise error
        case "refuse":
            raise ToolRefused(answer["message"])
        case _:
            return False, None


@contextmanager
def _running(tooled: Tooled) -> Iterator[None]:
    token = _INSIDE.set(tooled.name)
    try:
        yield
    finally:
        _INSIDE.reset(token)


def bind(tooled: Tooled, given: Port | None = None) -> Callable[..., Any]:
    """Make the function that asks first. `given`: the port of one trial; null: of the one here."""
    if inspect.iscoroutinefunction(tooled.function):
        return _async(tooled, given)

    @functools.wraps(tooled.function)
    def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  # the function's own
        port = given or _port()
        if port is None:
            return tooled.function(*args, **kwargs)
        answer = port.call(tooled.asked(args, kwargs))
        if answer.get("wait"):
            time.sleep(answer["wait"])
        known, value = _known(answer, tooled, port)
        if known:
            return value
        try:
            with _running(tooled):
                value = tooled.function(*args, **kwargs)
        except BaseException as error:
            port.done({"call": answer["call"], **_failure(error)})
            raise
        port.done({"call": answer["call"], **tooled.outcome(value)})
        return value

    return _marked(call, tooled)


def _async(tooled: Tooled, given: Port | None) -> Callable[..., Any]:
    @functools.wraps(tooled.function)
    async def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  # the function's own
        port = given or _port()
        if port is None:
            return await tooled.function(*args, **kwargs)
        answer = await _told(port, port.call, tooled.asked(args, kwargs))
        if answer.get("wait"):
            await asyncio.sleep(answer["wait"])
        known, value = _known(answer, tooled, port)
        if known:
            return value
        try:
            with _running(tooled):
                value = await tooled.function(*args, **kwargs)
        except BaseException as error:
            await asyncio.shield(
                _told(port, port.done, {"call": answer["call"], **_failure(error)})
            )
            raise
        await _told(port, port.done, {"call": answer["call"], **tooled.outcome(value)})
        return value

    return _marked(call, tooled)


def _marked(call: Callable[..., Any], tooled: Tooled) -> Callable[..., Any]:
    call.evalgate_tool = tooled  # type: ignore[attr-defined]  # functions take attributes
    return call


async def _told(
    port: Port, say: Callable[[Mapping[str, Any]], Any], what: Mapping[str, Any]
) -> Any:  # noqa: ANN401  # what the port answers
    """Tell a port without stopping the loop: only one in another process takes time."""
    return await asyncio.to_thread(say, what) if isinstance(port, _Remote) else say(what)


@overload
def tool(function: Callable[_P, _R], /) -> Callable[_P, _R]: ...
@overload
def tool(
    *, name: str | None = None, ignore: tuple[str, ...] = (), effects: bool | None = None
) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]: ...
def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    ignore: tuple[str, ...] = (),
    effects: bool | None = None,
) -> Any:
    """Let the calls of a function be recorded and replayed; outside a run it is the plain function.

    Args:
        function: The function, synchronous or asynchronous; arguments and result are JSON, or
            types that pydantic can read and that the function's annotations name.
        name: The tool's name; null: the function's.
        ignore: Parameters that are no part of a call, such as a client. `self` never is.
        effects: Whether it changes something outside the agent; null: unknown.
    """

    def mark(found: Callable[..., Any]) -> Callable[..., Any]:
        return bind(tooled(found, name, ignore, effects))

    return mark if function is None else mark(function)


def tooled(
    function: Callable[..., Any],
    name: str | None = None,
    ignore: tuple[str, ...] = (),
    effects: bool | None = None,  # noqa: FBT001  # as in `tool`
) -> Tooled:
    """Describe a function as a tool."""
    plain = inspect.unwrap(function)
    return Tooled(
        plain,
        name or plain.__name__,
        frozenset((*ignore, *_OWN)),
        effects,
        inspect.signature(plain),
    )
