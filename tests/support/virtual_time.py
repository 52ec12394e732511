"""An event loop on virtual time: nothing is waited for, and sleeping moves the clock.

Real clients with their own sleeps run in it against an ASGI app in process, so that a minute of
retries takes a moment and every run is the same.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

__all__ = ["VirtualLoop", "run_virtually"]

T = TypeVar("T")


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose time moves only when there is nothing left to do at the present moment."""

    def __init__(self) -> None:
        """Start at 0."""
        self.elapsed = 0
        super().__init__(_NoWaiting(self))
        self._clock_resolution = 5e-10  # due means: less than half a nanosecond away

    def time(self) -> float:
        """Return seconds of virtual time."""
        return self.elapsed / 1e9

    def run_in_executor(  # type: ignore[override]  # a future, as there
        self, _executor: object, func: Callable[..., T], *args: object
    ) -> "asyncio.Future[T]":
        """Run a function at once: a thread would take real time, and time would move meanwhile."""
        done: asyncio.Future[T] = self.create_future()
        done.set_result(func(*args))
        return done

    def nanoseconds(self) -> int:
        """Return nanoseconds of virtual time."""
        return self.elapsed


class _NoWaiting(selectors.DefaultSelector):  # type: ignore[misc, valid-type]  # chosen at run time
    """A selector that moves the loop's time in place of waiting."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self.loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            ready = super().select(0)
            assert ready, "nothing is left to do and something is still awaited"
            return ready
        # At least a nanosecond, so that rounding cannot keep a timer from being due.
        self.loop.elapsed += max(round(timeout * 1e9), 1) if timeout > 0 else 0
        return super().select(0)


def run_virtually(main: Callable[[VirtualLoop], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine in virtual time.

    Args:
        main: Is given the loop, whose clock it may read.
    """
    made: list[VirtualLoop] = []

    def factory() -> VirtualLoop:
        made.append(VirtualLoop())
        return made[0]

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.get_loop()
        return runner.run(main(made[0]))
