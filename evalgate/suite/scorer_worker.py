"""The child's side of the user's scorers: loads them once, then scores one trial a question.

Frames go over a socket that nothing else knows, in both directions. What a scorer prints goes to
the ordinary streams and never meets them.
"""

import asyncio
import json
import os
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields
from importlib import import_module
from typing import Any, Final

from evalgate.errors import ConfigError, EvalgateError, PluginError
from evalgate.registry import resolve
from evalgate.schema.config_parts.scorer import ScorerConfig
from evalgate.schema.golden import Case
from evalgate.schema.score import Broken, Score, score_to_json
from evalgate.schema.trace import Trace
from evalgate.scorers.base import AsyncScorer, Scorer
from evalgate.scorers.user import ScorerSpec, UserFunction, bound, described, user_scorer
from evalgate.suite.scorer_frames import HEADER, framed
from evalgate.text.escape import cap

_REASON: Final = 2_000
_SPEC: Final = {field.name for field in fields(ScorerSpec)}

_Loaded = Mapping[str, Scorer | AsyncScorer]


def main() -> None:
    """Serve the socket whose number is the last argument, until the parent closes it."""
    descriptor = int(sys.argv[-1])
    os.set_inheritable(descriptor, False)  # noqa: FBT003  # it takes no keyword
    asyncio.run(_serve(socket.socket(fileno=descriptor)))


async def _serve(channel: socket.socket) -> None:
    reader, writer = await asyncio.open_connection(sock=channel)
    _, asked = await _receive(reader)
    sys.path += [folder for folder in asked["path"] if folder not in sys.path]
    try:
        configs, scorers = _load(asked["root"], asked["scorers"])
    except EvalgateError as error:
        kind = "plugin" if isinstance(error, PluginError) else "config"
        _send(writer, 0, {"message": error.message, "fix": error.fix, "kind": kind})
        await writer.drain()
        return
    said = {name: config.model_dump(include=_SPEC) for name, config in configs.items()}
    _send(writer, 0, {"scorers": said})
    running: set[asyncio.Task[None]] = set()
    while True:
        try:
            number, question = await _receive(reader)
        except asyncio.IncompleteReadError:
            return
        task = asyncio.create_task(_answer(writer, number, question, scorers))
        running.add(task)
        task.add_done_callback(running.discard)


async def _receive(reader: asyncio.StreamReader) -> tuple[int, dict[str, Any]]:
    number, length = HEADER.unpack(await reader.readexactly(HEADER.size))
    body: dict[str, Any] = json.loads(await reader.readexactly(length))
    return number, body


def _send(writer: asyncio.StreamWriter, number: int, body: Mapping[str, object]) -> None:
    writer.write(framed(number, json.dumps(body).encode()))


def _load(
    root: str, given: Mapping[str, object]
) -> tuple[dict[str, ScorerConfig], dict[str, Scorer | AsyncScorer]]:
    """Import every function, and fill in what it says of itself."""
    configs: dict[str, ScorerConfig] = {}
    scorers: dict[str, Scorer | AsyncScorer] = {}
    sys.path.insert(0, root)
    for name, data in given.items():
        config = ScorerConfig.model_validate(data)
        function = _load_function(config.call, root, name)
        configs[name] = config = described(config, function)
        scorers[name] = user_scorer(name, config, bound(name, config, function))
    return configs, scorers


def _load_function(call: str, root: str, name: str) -> UserFunction:
    module, _, attribute = call.partition(":")
    if not attribute:
        factory: Callable[[], UserFunction] = resolve("scorers", call)
        return factory()
    try:
        function: UserFunction = getattr(import_module(module), attribute)
    except BaseException as error:  # code of the user, which may raise anything
        raise ConfigError(
            f"scorer {name!r}: {call!r} cannot be loaded: {type(error).__name__}: {error}",
            fix=f"python -c 'import {module}' in {root}",
        ) from error
    return function


async def _answer(
    writer: asyncio.StreamWriter, number: int, question: Mapping[str, Any], scorers: _Loaded
) -> None:
    """Score one trial; every way to fail is a broken score of the scorer that failed."""
    case = Case.model_validate(question["case"])
    trace = Trace.model_validate(question["trace"])
    names = tuple(scorers)
    found = await asyncio.gather(*(_scored(name, scorers[name], case, trace) for name in names))
    scores = dict(zip(names, map(score_to_json, found), strict=True))
    _send(writer, number, {"scores": scores})
    await writer.drain()


async def _scored(name: str, scorer: Scorer | AsyncScorer, case: Case, trace: Trace) -> Score:
    try:
        if isinstance(scorer, AsyncScorer):
            return await scorer.score(case, trace)
        return scorer.score(case, trace)[name]
    except (Exception, SystemExit) as error:  # noqa: BLE001  # code of the user, which may raise anything
        return Broken(cap(f"{name}: {type(error).__name__}: {error}", _REASON))
