"""The scorers that a user brings: named in the configuration, or handed over in Python.

Those that the configuration names are code of the policy's folder. No process that judges imports
them: a process of their own says what they are, before anything runs, and another scores
(`scorer_process`). Functions that a Python program hands over stay in that program.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from evalgate.agents.environment import without_workflow
from evalgate.agents.process import ended_how
from evalgate.agents.sandbox.places import PACKAGE
from evalgate.errors import ConfigError, PluginError
from evalgate.metrics.registry import METRICS
from evalgate.schema.config_parts.scorer import ScorerConfig
from evalgate.scorers.base import AsyncScorer, Scorer
from evalgate.scorers.user import ScorerSpec, UserFunction, bound, described, user_scorer
from evalgate.suite.scorer_frames import HEADER, framed
from evalgate.suite.suite import Suite
from evalgate.text.strict_json import Parsed, parse

_LOAD_S: Final = 120.0
"""Seconds the scorers have to be imported."""

_SAID: Final = 1_000
"""Last characters of standard error that a message repeats."""

_BOOTSTRAP: Final = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from evalgate.suite.scorer_worker import main; main()"
)
_SPEC: Final = tuple(field.name for field in fields(ScorerSpec))


def scorer_configs(suite: Suite) -> dict[str, ScorerConfig]:
    """Return the configuration of each of the user's scorers, with what its function says of it.

    Raises:
        ConfigError: A function cannot be loaded, does not take its arguments, or has the name of a
            metric.
    """
    for name in suite.config.scorers:
        if name in METRICS:
            raise ConfigError(f"suite {suite.name!r}: scorer {name!r} has the name of a metric")
    given = {} if suite.given is None else suite.given.scorers
    named = {name: one for name, one in suite.config.scorers.items() if name not in given}
    told = _told(suite.policy_root, named) if named else {}
    return {
        name: told[name] if name in told else _given(name, config, given[name])
        for name, config in suite.config.scorers.items()
    }


def _given(name: str, config: ScorerConfig, function: UserFunction) -> ScorerConfig:
    """Hold what a function that was handed over says of itself to its form."""
    said = described(config, function)
    return _filled(name, config, {key: getattr(said, key) for key in _SPEC})


def given_scorers(
    suite: Suite, configs: Mapping[str, ScorerConfig]
) -> Iterator[Scorer | AsyncScorer]:
    """Return the scorers that a Python program handed over.

    Raises:
        ConfigError: A function does not take its arguments.
    """
    given: Mapping[str, UserFunction] = {} if suite.given is None else suite.given.scorers
    for name, config in configs.items():
        if name in given:
            yield user_scorer(name, config, bound(name, config, given[name]))


def worker_command(descriptor: int) -> list[str]:
    """Return the command of a process that scores.

    Args:
        descriptor: Number under which it finds its channel.
    """
    flag = "-I" if sys.flags.isolated else "-P"
    return [sys.executable, flag, "-c", _BOOTSTRAP, PACKAGE, str(descriptor)]


def worker_settings(root: Path, configs: Mapping[str, ScorerConfig]) -> str:
    """Return the first thing such a process is told: where scorers are, and what they are."""
    told = {name: one.model_dump(mode="json", exclude_unset=True) for name, one in configs.items()}
    path = [folder or str(Path.cwd()) for folder in sys.path]
    return json.dumps({"root": str(root.resolve()), "path": path, "scorers": told})


def _told(root: Path, configs: Mapping[str, ScorerConfig]) -> dict[str, ScorerConfig]:
    """Ask a process what the scorers say of themselves; it may fill in what is open."""
    said = json.loads(_asked(tuple(configs), worker_settings(root, configs)))
    return {name: _filled(name, config, said[name]) for name, config in configs.items()}


def _filled(name: str, config: ScorerConfig, said: Mapping[str, object]) -> ScorerConfig:
    """Let a decorated function say what the configuration leaves open."""
    told = {key: said[key] for key in _SPEC if key in said}
    try:
        return ScorerConfig.model_validate({**told, **config.model_dump(exclude_unset=True)})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ConfigError(
            f"scorer {name!r}: its decorator says {place}: {first['msg']} "
            f"(found {first['input']!r:.80})",
            fix="see docs/scorers.md for what @evalgate.scorer takes",
        ) from error


@lru_cache(maxsize=32)
def _asked(names: Sequence[str], settings: str) -> str:
    """Start a process that loads scorers, and return what it says of them.

    Raises:
        ConfigError: It cannot load one.
    """
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            child = subprocess.Popen(  # noqa: S603  # our own program
                worker_command(theirs.fileno()),
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=without_workflow(os.environ),
            )
        try:
            with suppress(OSError):  # it is over already, which shows below
                ours.sendall(framed(0, settings.encode()))
                ours.shutdown(socket.SHUT_WR)
            _, told = child.communicate(timeout=_LOAD_S)
        except subprocess.TimeoutExpired:
            raise _not_loaded(names, f"importing took more than {_LOAD_S:g} s") from None
        finally:
            child.kill()
            child.wait()
        ours.settimeout(0)  # all it said is there
        return _checked(names, _all_of(ours), child.returncode, told)


def _all_of(channel: socket.socket) -> bytes:
    parts = []
    with suppress(BlockingIOError, ConnectionError):
        while part := channel.recv(1 << 16):
            parts.append(part)
    return b"".join(parts)


def _checked(names: Sequence[str], said: bytes, code: int, told: bytes) -> str:
    """Hold what the process said to its form; what it printed is none of it."""
    parsed = parse(said[HEADER.size :])
    found = parsed.value if isinstance(parsed, Parsed) else None
    match found:
        case {"scorers": dict() as scorers} if {*scorers} == {*names}:
            return json.dumps(scorers)
        case {"message": str() as message, "fix": str() | None as fix, "kind": kind}:
            error = PluginError if kind == "plugin" else ConfigError
            raise error(message, fix=fix)
        case _:
            last = told.decode("utf-8", "replace").strip()[-_SAID:]
            raise _not_loaded(
                names, f"the process ended with {ended_how(code)}" + (f": {last}" if last else "")
            )


def _not_loaded(names: Sequence[str], why: str) -> ConfigError:
    shown = ", ".join(map(repr, names))
    return ConfigError(
        f"scorers cannot be loaded ({shown}): {why}",
        fix="put what is only for the command line under `if __name__ == '__main__':`",
    )
