"""Async agents in our own event loop, with an end to those that will not end by themselves.

A coroutine is driven through `Lifeline`, which can let go of it: one that swallows its
cancellation is simply never resumed. One that blocks the loop is found by `Watchdog`, a thread,
and interrupted as soon as Python gets to run. What neither can end is a call into C that does not
return, and `os._exit`; only `isolation: process` ends those.
"""

import asyncio
import ctypes
import threading
from collections.abc import Callable, Generator
from contextlib import suppress
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Any, Final

from evalgate.agents.base import TrialFailed
from evalgate.agents.clock import Clock
from evalgate.agents.place import described
from evalgate.agents.plain import NotPlain

_GRACE_S: Final = 0.5
"""Seconds an agent has to clean up after it was cancelled."""

_ISOLATE: Final = "set `isolation: process` for such an agent"


class LoopBlockedError(BaseException):
    """Raised inside an agent that kept the event loop from running."""


class AgentError(Exception):
    """An agent raised what would stop us too, such as `SystemExit`."""


@dataclass(slots=True)
class Watchdog:
    """Interrupts agents that block the event loop for longer than a trial may take."""

    limit_s: float
    """Seconds between two awaits from which on an agent is interrupted."""
    clock: Clock
    """Where the time comes from."""
    entered: float | None = None
    """When the agent that runs now got control; null: none does."""
    _loop_thread: int = field(default_factory=threading.get_ident)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Watch the thread that calls this."""
        self._thread = threading.Thread(target=self._watch, name="evalgate-watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop watching."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        pause = min(max(self.limit_s / 4, 0.05), 1.0)
        while not self._stopped.wait(pause):
            entered = self.entered
            if entered is not None and self.clock.now() - entered > self.limit_s:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    ctypes.c_ulong(self._loop_thread), ctypes.py_object(LoopBlockedError)
                )
                self.entered = None


@dataclass(slots=True)
class Lifeline:
    """An awaitable that drives an agent in the caller's task, and can let go of it.

    Each step runs in a context (`contextvars`) of its own, as in a task, but without the two
    rounds of the event loop that a task costs: with those, trials that end together would start
    together for ever, each waiting for all others.
    """

    call: Callable[[], Any]
    """Calls the agent; called when this is awaited, so that a call that blocks is watched too."""
    watchdog: Watchdog
    """Is told when the agent has control."""
    task: "asyncio.Task[Any]"
    """The caller's task."""
    cancelled_before: int
    """Cancellations of the task that were asked for before the agent was called."""
    context: Context = field(default_factory=copy_context)
    """The agent's context variables."""
    late: bool = False
    """Whether the trial's time is over."""
    cut: bool = False
    """Whether the agent had its time to clean up and is not resumed any more."""
    closed: bool = False
    """Whether we are closed ourselves, and the agent with us."""
    asked: int = 0
    """Cancellations of the task that were asked for here."""
    grace: asyncio.TimerHandle | None = None
    """Runs while a cancelled agent cleans up."""

    def __await__(self) -> Generator[Any, Any, Any]:
        """Drive the agent from one await to the next."""
        inner = _awaited(self.call).__await__()
        resume: Callable[[], Any] = inner.__next__
        while True:
            try:
                waits_for = self._resumed(resume)
            except StopIteration as stop:
                return stop.value
            try:
                sent = yield waits_for
            except BaseException as error:
                self.closed = self.closed or isinstance(error, GeneratorExit)
                if self.cut:
                    self._close(inner)
                    raise
                if isinstance(error, asyncio.CancelledError):
                    self._give_grace()
                resume = _thrower(inner, error)
            else:
                resume = inner.__next__ if sent is None else _sender(inner, sent)

    def time_out(self) -> None:
        """Cancel the agent: its time is over."""
        self.late = True
        self._cancel()

    def release(self) -> None:
        """Take back the cancellations that were asked for here."""
        if self.grace is not None:
            self.grace.cancel()
        for _ in range(self.asked):
            self.task.uncancel()

    @property
    def is_cancelled(self) -> bool:
        """Whether a cancellation is under way that the agent did not ask for and take back."""
        return self.task.cancelling() > self.cancelled_before

    def _resumed(self, resume: Callable[[], Any]) -> object:
        """Let the agent run up to its next await, and return what it waits for."""
        self.watchdog.entered = self.watchdog.clock.now()
        try:
            return self.context.run(resume)
        except SystemExit as error:
            raise AgentError(f"the agent called sys.exit({error.code!r})") from None
        finally:
            self.watchdog.entered = None

    def _cancel(self) -> None:
        self.asked += 1
        self.task.cancel()

    def _give_grace(self) -> None:
        """Let a cancelled agent clean up, for a moment; a timeout of its own is none of ours."""
        if self.grace is not None:
            self.grace.cancel()
        self.grace = self.task.get_loop().call_later(_GRACE_S, self._cut)

    def _cut(self) -> None:
        if self.is_cancelled:
            self.cut = True
            self._cancel()

    def _close(self, inner: Generator[Any, Any, Any]) -> None:
        with suppress(Exception):  # it may object; it is not asked again
            self.context.run(inner.close)


async def _awaited(call: Callable[[], Any]) -> object:
    value = call()
    return await value if hasattr(value, "__await__") else value


def _sender(inner: Generator[Any, Any, Any], value: object) -> Callable[[], Any]:
    return lambda: inner.send(value)


def _thrower(inner: Generator[Any, Any, Any], error: BaseException) -> Callable[[], Any]:
    return lambda: inner.throw(error)


async def ask_in_loop(
    call: Callable[[], Any],
    written: Callable[[object], str],
    *,
    timeout_s: float,
    watchdog: Watchdog,
) -> str:
    """Await an agent, for so long.

    Args:
        call: Calls the agent.
        written: Writes down what it returned. Called in the very step in which the agent
            returns: one that reuses a list for all its answers changes it as soon as another
            trial runs.
        timeout_s: Seconds it may take.
        watchdog: Watches over the loop.

    Raises:
        TrialFailed: It raised, ran out of time, blocked the loop, called `sys.exit`, or returned
            what cannot be written down.
    """
    task = asyncio.current_task()
    assert task is not None  # noqa: S101  # we are in a coroutine
    line = Lifeline(call, watchdog, task, task.cancelling())
    timer = task.get_loop().call_later(timeout_s, line.time_out)
    try:
        result = await _outcome(line, written, timeout_s)
    finally:
        timer.cancel()
        line.release()
    if line.is_cancelled:
        raise asyncio.CancelledError
    if line.late:
        deaf = f"; it did not end when it was cancelled: {_ISOLATE}" if line.cut else ""
        raise TrialFailed("timed_out", f"no answer after {timeout_s:g} s (timeout_s){deaf}")
    if isinstance(result, TrialFailed):
        raise result
    return result


async def _outcome(
    line: Lifeline, written: Callable[[object], str], timeout_s: float
) -> str | TrialFailed:
    """Return what the agent answered, or why it did not."""
    try:
        return written(await line)
    except asyncio.CancelledError:
        return TrialFailed("crashed", "the agent raised CancelledError")
    except LoopBlockedError:
        reason = f"the agent blocked the event loop for more than {timeout_s:g} s: {_ISOLATE}"
        return TrialFailed("timed_out", reason)
    except AgentError as error:
        return TrialFailed("crashed", str(error))
    except NotPlain as error:
        return TrialFailed("bad_output", str(error))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # code of the user, which may raise anything
        if line.closed:
            raise
        return TrialFailed("crashed", described(error))
