"""Small calls for matching: `a1` is tool `a` with argument x = 1."""

from collections.abc import Callable

import pytest

from evalgate.schema.golden import ExpectedCall
from evalgate.schema.trace import ToolCall


def _parse(text: str) -> list[tuple[str, dict[str, int]]]:
    return [(word[0], {"x": int(word[1:])} if word[1:] else {}) for word in text.split()]


@pytest.fixture(scope="session")
def want() -> Callable[[str], list[ExpectedCall]]:
    """Return a reader of expected calls; a `?` behind a call makes it optional."""

    def read(text: str) -> list[ExpectedCall]:
        optional = [word.endswith("?") for word in text.split()]
        return [
            ExpectedCall(name=name, arguments=dict(arguments), optional=left_out)
            for (name, arguments), left_out in zip(
                _parse(text.replace("?", "")), optional, strict=True
            )
        ]

    return read


@pytest.fixture(scope="session")
def made() -> Callable[[str], list[ToolCall]]:
    """Return a reader of actual calls."""

    def read(text: str) -> list[ToolCall]:
        return [ToolCall(name=name, arguments=dict(arguments)) for name, arguments in _parse(text)]

    return read
