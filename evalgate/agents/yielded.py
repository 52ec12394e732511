"""What an agent that yields has answered: generators and async generators, taken to their end.

Texts are parts of one answer, as a model streams them, and are joined; chunks of a LangChain
message are added up; of anything else the last value counts. What a generator returns wins.
Imported by worker processes; standard library only.
"""

import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import Any, Final

from evalgate.agents.messages import is_message
from evalgate.agents.plain import NotPlain, too_large

_CHUNK: Final = "Chunk"


@dataclass(slots=True)
class _Yielded:
    """What came so far."""

    limit: int
    """Largest answer in bytes: a generator that never ends fills no memory."""
    texts: list[str] = field(default_factory=list)
    chunks: list[Any] = field(default_factory=list)
    last: object = None
    size: int = 0
    other: bool = False
    """Whether something came that is neither text nor chunk: then only the last value counts."""

    def take(self, value: object) -> None:
        """Note a value.

        Raises:
            NotPlain: The answer is too large.
        """
        self.last = value
        if self.other:
            return
        if isinstance(value, str):
            self.texts += [value] if value else []
            self.size += len(value)
        elif is_message(value) and type(value).__name__.endswith(_CHUNK):
            self.chunks.append(value)
            self.size += len(str(getattr(value, "content", ""))) + 1
        else:
            self.other = True
            self.texts.clear()
            self.chunks.clear()
        if self.size > self.limit:
            raise NotPlain(too_large(self.size, self.limit))

    def answer(self) -> object:
        """Return the answer; None where nothing was yielded."""
        if self.other or (self.texts and self.chunks):
            return self.last
        if self.chunks:
            return reduce(add, self.chunks)
        return "".join(self.texts) if isinstance(self.last, str) else self.last


def yields_async(found: Callable[..., Any]) -> bool:
    """Whether calling something gives an async generator."""
    return inspect.isasyncgenfunction(found) or inspect.isasyncgenfunction(
        getattr(found, "__call__", None)  # noqa: B004  # an object whose __call__ yields
    )


def taken_whole(value: object, limit: int) -> object:
    """Take a generator to its end; anything else is returned as it is.

    Args:
        value: What the agent returned: an answer, a generator, or something to be awaited.
        limit: Largest answer in bytes.

    Returns:
        The answer, or something to be awaited that ends in it.

    Raises:
        NotPlain: The answer is too large.
    """
    if inspect.isgenerator(value):
        return _all_of(value, limit)
    if inspect.isasyncgen(value):
        return _all_async(value, limit)
    return _awaited(value, limit) if inspect.iscoroutine(value) else value


async def _awaited(value: Any, limit: int) -> object:  # noqa: ANN401  # what the user returned
    """Await an answer, which may itself be a generator."""
    answer = taken_whole(await value, limit)
    return await answer if inspect.iscoroutine(answer) else answer


def _all_of(values: Generator[Any, Any, Any], limit: int) -> object:
    found = _Yielded(limit)
    while True:
        try:
            value = next(values)
        except StopIteration as stop:
            return found.answer() if stop.value is None else stop.value
        found.take(value)


async def _all_async(values: AsyncGenerator[Any, Any], limit: int) -> object:
    found = _Yielded(limit)
    try:
        async for value in values:
            found.take(value)
    finally:
        await values.aclose()
    return found.answer()
