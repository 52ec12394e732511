"""Reads a file of another tool and writes a golden set and traces."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from evalgate.errors import ConfigError, DataError
from evalgate.importers.imported import Imported, Options, once, reading
from evalgate.importers.sources import read_source
from evalgate.registry import resolve
from evalgate.store.golden_sets.golden import write_golden
from evalgate.store.redaction import clean_case, clean_trace
from evalgate.store.traces import write_traces
from evalgate.text.redact import Redactor

_PARTS = ("answers", "results")


@dataclass(frozen=True, slots=True)
class ImportFiles:
    """What is read and what is written."""

    source: Path
    """The file to read; of `bfcl` the questions."""
    golden: Path | None = None
    """Where the golden set goes; null: nowhere."""
    traces: Path | None = None
    """Where the traces go; null: nowhere."""
    parts: dict[str, Path] = field(default_factory=dict)
    """Further files of `bfcl`: `answers`, `results`."""

    @classmethod
    def of(cls, paths: Mapping[str, Path | None]) -> "ImportFiles":
        """Sort paths by what they are called: `source`, `golden`, `traces`, else a part."""
        known = {name: path for name, path in paths.items() if path is not None}
        parts = {name: known[name] for name in _PARTS if name in known}
        return cls(known["source"], known.get("golden"), known.get("traces"), parts)


def import_file(name: str, files: ImportFiles, options: Options, redactor: Redactor) -> Imported:
    """Read, then write; nothing is written when reading fails.

    Args:
        name: The format.
        files: What to read and to write.
        options: Options of the importer.
        redactor: Takes secrets out of what is written.

    Raises:
        PluginError: The format is unknown.
        ConfigError: Neither a golden set nor traces are asked for.
        DataError: A file is not in the format.
    """
    importer = resolve("importers", name)
    if files.golden is None and files.traces is None:
        raise ConfigError(
            "nothing would be written", fix="--golden golden.jsonl --traces traces.jsonl"
        )
    data = read_source(files.source, name, files.parts)
    try:
        with reading(""):
            imported: Imported = importer(data, options)
        _refuse_twice(imported)
    except DataError as error:
        raise DataError(f"{files.source}: {error.message}", fix=error.fix) from error
    for path in (files.golden, files.traces):
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
    if files.golden is not None:
        write_golden(files.golden, (clean_case(case, redactor) for case in imported.cases))
    if files.traces is not None:
        write_traces(files.traces, (clean_trace(trace, redactor) for trace in imported.traces))
    return imported


def _refuse_twice(imported: Imported) -> None:
    """Refuse two cases of one id, and two traces of one trial: neither file could be read again.

    Raises:
        DataError: With the id.
    """
    cases: dict[str, str] = {}
    for number, case in enumerate(imported.cases, start=1):
        once(cases, case.id, f"case {number}", f"the id {case.id!r}")
    trials: dict[tuple[str, int], str] = {}
    for number, trace in enumerate(imported.traces, start=1):
        what = f"trial {trace.trial} of case {trace.case_id!r}"
        once(trials, (trace.case_id, trace.trial), f"trace {number}", what)
