"""Opens the sandbox of a suite's agent: what it may read, and what no agent reads."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from evalgate.agents.sandbox.places import checkout_of
from evalgate.agents.sandbox.policy import Observed, Policy, make_policy, smallest
from evalgate.agents.sandbox.sockets import KINDS
from evalgate.errors import ConfigError, EvalgateError
from evalgate.schema.config import SuiteConfig
from evalgate.store.config import load_config
from evalgate.suite.suite import Suite

if TYPE_CHECKING:
    from evalgate.agents.sandbox.room import Sandbox


_MANY: Final = 3
"""Files of one folder from which on the folder is named instead."""


def open_sandbox(
    suite: Suite,
    environ: Mapping[str, str],
    gateway: str | None,
    learn: Callable[[Observed], None],
) -> "Sandbox | None":
    """Return what keeps the processes of a suite's agent in; null where nothing does.

    Args:
        suite: The suite.
        environ: The caller's environment.
        gateway: Where its gateway listens, `http://127.0.0.1:PORT`; null: it has none.
        learn: Is told what the agent opens, where that was asked for.

    Raises:
        ConfigError: The configuration opens a path that leads out of the checkout by a link.
    """
    isolation = suite.isolation
    if isolation is None or (isolation.by in ("none", "outside") and isolation.mode != "learn"):
        return None
    from evalgate.agents.sandbox.bubblewrap import wrapped  # noqa: PLC0415  # only where it is used
    from evalgate.agents.sandbox.room import Sandbox  # noqa: PLC0415

    policy = _policy(suite, environ, gateway, isolation.walls.landlock)
    if isolation.mode == "learn":
        return Sandbox(policy, learn=learn)
    if isolation.by == "bubblewrap":
        assert isolation.walls.bwrap is not None  # noqa: S101  # that is what it says
        return Sandbox(policy, wrap=partial(wrapped, isolation.walls.bwrap))
    return Sandbox(policy)


def open_scorers_sandbox(suite: Suite) -> "Sandbox | None":
    """Return what keeps the user's scorers in: they read and connect, and write only scratch."""
    isolation = suite.isolation
    if isolation is None or isolation.mode != "on":
        return None
    from evalgate.agents.sandbox.bubblewrap import wrapped  # noqa: PLC0415  # only where it is used
    from evalgate.agents.sandbox.room import Sandbox  # noqa: PLC0415

    checkout = checkout_of(suite.root)
    write = tuple(_opened(text, suite.root, checkout) for text in suite.config.agent.sandbox.write)
    policy = Policy(isolation.walls.landlock, read=("/",), write=write, network=True)
    if isolation.walls.landlock:
        return Sandbox(policy)
    program = isolation.walls.bwrap
    return None if program is None else Sandbox(policy, wrap=partial(wrapped, program))


def _policy(suite: Suite, environ: Mapping[str, str], gateway: str | None, abi: int) -> Policy:
    from evalgate.agents.sandbox import places  # noqa: PLC0415  # only where it is used

    asked = suite.config.agent.sandbox
    checkout = checkout_of(suite.root)
    read = [_opened(text, suite.root, checkout) for text in asked.read]
    write = [_opened(text, suite.root, checkout) for text in asked.write]
    sockets = [text for text in asked.connect if text in KINDS]
    ends = [_end(text) for text in asked.connect if text not in KINDS]
    if gateway is not None:
        ends.append(("gateway", int(gateway.rpartition(":")[2])))
    found = places.find_places(checkout, _hidden(suite, checkout), environ, (*read, *write))
    return make_policy(abi, found, read=(*read, *write), write=write, connect=ends, sockets=sockets)


def _end(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def _opened(text: str, root: Path, checkout: Path) -> str:
    """Return a path of the configuration without links; one in the checkout may not lead out."""
    given = os.path.expanduser(text)  # noqa: PTH111
    path = Path(os.path.realpath(root / given))
    if not os.path.isabs(given) and not path.is_relative_to(os.path.realpath(checkout)):  # noqa: PTH117
        raise ConfigError(
            f"agent.sandbox names {text!r}, which is {path}, outside of {checkout}",
            fix="name a path outside of the checkout in full, from / on",
        )
    return str(path)


def _hidden(suite: Suite, checkout: Path) -> Iterator[Path]:
    """Yield what no agent reads: the answers, and what decides about them."""
    yield from (checkout / ".git", suite.root / ".evalgate", checkout / ".evalgate", suite.runs)
    yield from (suite.golden, suite.baseline, suite.cassettes, suite.verdicts)
    if suite.trust is not None:
        yield suite.trust.files.parent
    for config, roots in _configurations(suite):
        for path in config:
            yield from (root / path for root in roots)


def _configurations(suite: Suite) -> Iterator[tuple[Iterable[str], Sequence[Path]]]:
    """Yield the files that every suite of the configuration, here and at the base, is judged by."""
    roots = tuple(dict.fromkeys((suite.root, suite.policy_root)))
    yield _judging(suite.name, suite.config), roots
    if suite.source is None:
        return
    sources = dict.fromkeys((suite.source, *(root / suite.source.name for root in roots)))
    for source in sources:
        try:
            loaded = load_config(source)
        except EvalgateError:  # the change's may be broken, or not there; the base's is not
            continue
        yield (loaded.config.trust.waivers, loaded.config.runs), roots
        for name, config in loaded.config.suites.items():
            yield _judging(name, config), roots


def _judging(name: str, config: SuiteConfig) -> Iterator[str]:
    baseline = config.baseline or f"baselines/{name}.json"
    yield from (config.golden, baseline)
    yield str(Path(baseline).with_name(f"{name}.calibration.json"))
    if config.reference is not None:
        yield config.reference
    if config.gateway is not None:
        yield config.gateway.cassettes or f"cassettes/{name}"
    yield config.verdicts or f"cassettes/{name}/verdicts"
    yield from (j.calibration for j in config.judges.values() if isinstance(j.calibration, str))


def learned_notes(suite: Suite, seen: Iterable[Observed]) -> tuple[str, ...]:
    """Write the smallest policy under which the agent could have done what it did."""
    isolation = suite.isolation
    if isolation is None or isolation.mode != "learn":
        return ()
    checkout = Path(os.path.realpath(suite.root))
    closed = [os.path.realpath(path) for path in _hidden(suite, checkout_of(suite.root))]
    needed = smallest(seen)
    kept = {
        name: [value for value in values if not any(_within(value, path) for path in closed)]
        for name, values in needed.items()
    }
    refused = sorted(
        {value for name, values in needed.items() for value in values if value not in kept[name]}
    )
    parts = [
        f"{name}: [{', '.join(_short(values, str(checkout)))}]"
        for name, values in kept.items()
        if values
    ]
    line = f"agent.sandbox: {{{', '.join(parts)}}}" + ("" if parts else "  # needs nothing more")
    return (line, *(f"stays closed to every agent: {path}" for path in refused))


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _short(values: Sequence[str], root: str) -> Iterator[str]:
    """Name folders instead of many files in them, and paths in the checkout from its top."""
    by_folder: dict[str, list[str]] = {}
    for value in values:
        by_folder.setdefault(os.path.dirname(value), []).append(value)  # noqa: PTH120
    for folder, files in sorted(by_folder.items()):
        many = len(files) >= _MANY and folder not in ("", "/", root)
        for path in (folder,) if many else files:
            inside = path.startswith(f"{root}/")
            yield repr(os.path.relpath(path, root) if inside else path)
