"""Converts a configuration or data set of another tool to a golden set and a suite."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from evalgate.errors import ConfigError, DataError
from evalgate.importers.suites.converted import Converted, ConvertOptions
from evalgate.importers.suites.read import read_suite_source
from evalgate.registry import resolve
from evalgate.store.atomic import write_text
from evalgate.store.config import parse_config
from evalgate.store.golden_sets.golden import write_golden
from evalgate.store.redaction import clean_case, clean_trace
from evalgate.store.traces import write_traces
from evalgate.text.counts import number_of
from evalgate.text.redact import Redactor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalgate.schema.base import Json


_AGENT = "python:my_agent:answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertFiles:
    """What is read and what is written."""

    source: Path
    """The file to read, or the name of a hub set."""
    golden: Path
    """Where the golden set goes."""
    config: Path | None = None
    """Where the suite goes; null: nowhere. A file that is there is not replaced."""
    traces: Path | None = None
    """Where answers that the file brings along go; null: nowhere."""
    suite: str = "imported"
    """The suite's name."""
    agent: str | None = None
    """The suite's agent; null: the traces, else a name to fill in."""
    options: ConvertOptions = field(default_factory=ConvertOptions)
    """What the user decides."""


def convert_file(name: str, files: ConvertFiles, redactor: Redactor) -> Converted:
    """Read, then write; nothing is written when reading fails.

    Raises:
        DataError: A file is not in the format.
        ConfigError: The configuration is there already.
    """
    if files.config is not None and files.config.exists():
        raise ConfigError(
            f"{files.config} exists already",
            fix="name another file with --config, and copy the suite over",
        )
    source = read_suite_source(files.source)
    try:
        made: Converted = resolve("converters", name)(source, files.options)
    except DataError as error:
        raise DataError(f"{files.source}: {error.message}", fix=error.fix) from error
    made = _drafted(made)
    if not made.cases:
        raise DataError(f"{files.source}: holds no case", fix="give another file")
    text = None if files.config is None else _config_text(files, made)
    for path in (files.golden, files.traces, files.config):
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
    write_golden(files.golden, (clean_case(case, redactor) for case in made.cases))
    if files.traces is not None:
        write_traces(files.traces, (clean_trace(trace, redactor) for trace in made.traces))
    if files.config is not None and text is not None:
        write_text(files.config, text)
    return made


def _drafted(made: Converted) -> Converted:
    """Make drafts of cases that nothing judges: whatever the agent did would be right."""
    bare = {case.id for case in made.cases if case.expected.says_nothing and not case.contexts}
    if not bare:
        return made
    cases = tuple(
        case.model_copy(update={"status": "draft"}) if case.id in bare else case
        for case in made.cases
    )
    note = (
        f"{number_of(len(bare), 'case expects', 'cases expect')} nothing that can be checked: "
        "`status: draft`, which does not gate, until you say what is right and remove it"
    )
    return replace(made, cases=cases, notes=(*made.notes, note))


def _config_text(files: ConvertFiles, made: Converted) -> str:
    """Write the suite, and read it again as every configuration is."""
    root = Path() if files.config is None else files.config.parent
    recorded = f"recorded:{_relative(files.traces, root)}" if files.traces else None
    suite: dict[str, Json] = {
        "golden": _relative(files.golden, root),
        "agent": files.agent or (recorded if made.traces else None) or _AGENT,
        **made.suite,
    }
    data: Mapping[str, Any] = {"version": 1, "suites": {files.suite: suite}}
    text = yaml.safe_dump(dict(data), sort_keys=False, allow_unicode=True, width=100)
    parse_config(text, source=str(files.config))
    return text


def _relative(path: Path, root: Path) -> str:
    try:
        return path.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return path.resolve().as_posix()
