"""One registry for what is built in and what is installed: found by name, loaded when it is used.

Each entry is a factory or function `module:name`. Plug-ins bring the same through entry points of
the group `evalgate.GROUP`; one that has the name of a built-in does not take its place.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final

from evalgate.errors import PluginError
from evalgate.text.suggest import did_you_mean

GROUPS: Final = (
    *("agents", "scorers", "importers", "readers", "converters", "renderers", "exporters"),
)
"""What can be installed, too."""

BUILTIN: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        # opens an agent of its kind: (Opening) -> async context manager of an Agent
        "agents": {
            "python": "evalgate.agents.python:open_python",
            "command": "evalgate.agents.command:open_command",
            "http": "evalgate.agents.http:open_http",
            "https": "evalgate.agents.http:open_http",
            "recorded": "evalgate.agents.recorded:open_recorded",
        },
        # reads traces and golden sets: (data, options) -> Imported
        "importers": {
            "adk": "evalgate.importers.traces.adk:import_adk",
            "bfcl": "evalgate.importers.traces.bfcl:import_bfcl",
            "chat": "evalgate.importers.traces.chat:import_chat",
            "inspect": "evalgate.importers.traces.inspect:import_inspect",
            "langfuse": "evalgate.importers.traces.langfuse:import_langfuse",
            "otel": "evalgate.importers.traces.otel:import_otel",
            "tau-bench": "evalgate.importers.traces.tau_bench:import_tau_bench",
            "tau2": "evalgate.importers.traces.tau2:import_tau2",
        },
        # reads per-case results, in the order of detection: modules with `detect` and `read`
        "readers": {
            "promptfoo": "evalgate.importers.results.promptfoo",
            "deepeval": "evalgate.importers.results.deepeval",
            "inspect": "evalgate.importers.results.inspect",
            "lm-eval": "evalgate.importers.results.lm_eval",
            "openai-evals": "evalgate.importers.results.openai_evals",
            "mlflow": "evalgate.importers.results.mlflow",
            "evalite": "evalgate.importers.results.evalite",
            "ragas": "evalgate.importers.results.ragas",
            "pytest-json": "evalgate.importers.results.pytest_json",
            "adk": "evalgate.importers.results.adk",
            "atif": "evalgate.importers.results.atif",
            "langsmith": "evalgate.importers.results.langsmith",
            "langfuse": "evalgate.importers.results.langfuse",
            "braintrust": "evalgate.importers.results.braintrust",
            "junit": "evalgate.importers.results.junit",
            "table": "evalgate.importers.results.table",
        },
        # turns another tool's suite into one of ours: (source, options) -> Converted
        "converters": {
            "braintrust": "evalgate.importers.suites.braintrust:convert",
            "deepeval": "evalgate.importers.suites.deepeval:convert",
            "langfuse-dataset": "evalgate.importers.suites.langfuse_dataset:convert",
            "langsmith": "evalgate.importers.suites.langsmith:convert",
            "openai-evals": "evalgate.importers.suites.openai_evals:convert",
            "promptfoo": "evalgate.importers.suites.promptfoo:convert",
            "rag": "evalgate.importers.suites.rag:convert",
            "ragas": "evalgate.importers.suites.ragas:convert",
        },
        # writes reports: (reports, style) -> text
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
        # sends runs elsewhere: a command of click, below `evalgate export`
        "exporters": {
            "otlp": "evalgate.cli.operations.export:otlp",
            "langfuse": "evalgate.cli.operations.export:langfuse",
            "openmetrics": "evalgate.cli.operations.export:openmetrics",
            "cloudwatch": "evalgate.cli.operations.export:cloudwatch",
        },
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


def built_in(group: str) -> Mapping[str, str]:
    """Return what is built in of a group, by name, in the order of the table."""
    return BUILTIN[group]


def names(group: str) -> list[str]:
    """Name everything of a group, built-ins first."""
    return list(_targets(group))


def resolve(group: str, name: str) -> Any:  # noqa: ANN401  # each group has its own contract
    """Load one by name.

    Raises:
        PluginError: The name is unknown, or it cannot be loaded.
    """
    own = BUILTIN.get(group, {}).get(name)
    if own is not None:
        return _load(own)  # without a search of all that is installed
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


def listed(*groups: str) -> list[Plugin]:
    """List everything of some groups, else of every one, with why a broken one is broken."""
    return [
        Plugin(group, name, target, source, _error(target))
        for group in groups or GROUPS
        for name, (target, source) in _targets(group).items()
    ]


def _targets(group: str) -> dict[str, tuple[str, str]]:
    from importlib.metadata import entry_points  # noqa: PLC0415  # only where plug-ins may be meant

    found = {name: (target, "built in") for name, target in BUILTIN.get(group, {}).items()}
    for entry in entry_points(group=f"evalgate.{group}"):
        source = entry.dist.name if entry.dist is not None else "unknown"
        found.setdefault(entry.name, (entry.value, source))
    return found


def _load(target: str) -> Any:  # noqa: ANN401  # each group has its own contract
    module, _, name = target.partition(":")
    loaded = import_module(module)
    return getattr(loaded, name) if name else loaded


def _error(target: str) -> str | None:
    try:
        _load(target)
    except Exception as error:  # noqa: BLE001  # code of others, which may raise anything
        return f"{type(error).__name__}: {error}"
    return None
