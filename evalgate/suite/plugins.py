"""Finds what is built in or installed by name, and loads it only when it is used.

Each entry is a factory or function `module:name`, in one of the entry-point groups
`evalgate.agents`, `evalgate.scorers`, `evalgate.judges`, `evalgate.importers`,
`evalgate.exporters` and `evalgate.renderers`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any

from evalgate.agents.factory import BUILT_IN
from evalgate.errors import PluginError
from evalgate.importers import IMPORTERS
from evalgate.text.suggest import did_you_mean

__all__ = ["BUILTIN", "GROUPS", "Plugin", "listed", "names", "resolve"]

GROUPS = ("agents", "scorers", "judges", "importers", "exporters", "renderers")

BUILTIN: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "agents": BUILT_IN,
        "renderers": {
            "terminal": "evalgate.output.terminal:render",
            "markdown": "evalgate.output.markdown:render",
            "json": "evalgate.output.json:render",
            "junit": "evalgate.output.junit:render",
            "github": "evalgate.output.github:render",
            "outputs": "evalgate.output.outputs:render",
            "gitlab": "evalgate.output.gitlab:render",
            "html": "evalgate.output.html.page:render",
            "openmetrics": "evalgate.output.openmetrics:render",
        },
        "importers": IMPORTERS,
    }
)


@dataclass(frozen=True, slots=True)
class Plugin:
    """One thing that can be asked for by name."""

    group: str
    """What it is, e.g. `renderers`."""
    name: str
    """How it is asked for."""
    target: str
    """Where it lives, `module:name`."""
    source: str
    """`built in`, or the distribution that brings it."""
    error: str | None = None
    """Why it cannot be loaded; null where it can."""


def names(group: str) -> list[str]:
    """Name everything of a group, built-ins first."""
    return list(_targets(group))


def resolve(group: str, name: str) -> Any:  # noqa: ANN401  # each group has its own contract
    """Load one by name.

    Raises:
        PluginError: The name is unknown, or it cannot be loaded.
    """
    built_in = BUILTIN.get(group, {}).get(name)
    if built_in is not None:
        return _load(built_in)  # without a search of all that is installed
    targets = _targets(group)
    if name not in targets:
        known = list(targets)
        raise PluginError(
            f"no {group.removesuffix('s')} {name!r}{did_you_mean(name, known)}",
            fix="evalgate plugins",
        )
    target, source = targets[name]
    try:
        return _load(target)
    except Exception as error:  # code of others, which may raise anything
        raise PluginError(
            f"{group.removesuffix('s')} {name!r} ({target}, {source}) cannot be loaded: "
            f"{type(error).__name__}: {error}",
            fix=f"reinstall or remove {source}",
        ) from error


def listed() -> list[Plugin]:
    """List everything of every group, with why a broken one is broken."""
    return [
        Plugin(group, name, target, source, _error(target))
        for group in GROUPS
        for name, (target, source) in _targets(group).items()
    ]


def _targets(group: str) -> dict[str, tuple[str, str]]:
    found = {name: (target, "built in") for name, target in BUILTIN.get(group, {}).items()}
    for entry in entry_points(group=f"evalgate.{group}"):
        source = entry.dist.name if entry.dist is not None else "unknown"
        found.setdefault(entry.name, (entry.value, source))
    return found


def _load(target: str) -> Any:  # noqa: ANN401  # each group has its own contract
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)


def _error(target: str) -> str | None:
    try:
        _load(target)
    except Exception as error:  # noqa: BLE001  # code of others, which may raise anything
        return f"{type(error).__name__}: {error}"
    return None
