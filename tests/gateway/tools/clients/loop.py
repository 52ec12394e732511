"""Answers lines of standard input with lines of standard output, in one process a client."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

__all__ = ["Use", "answer_lines"]

Use = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


def answer_lines(use: Use) -> None:
    """Use a server for each line: one with a `url`, or with `command`, `args` and `env`."""
    for line in sys.stdin:
        print(json.dumps(asyncio.run(use(json.loads(line)))), flush=True)  # noqa: T201  # the answer
