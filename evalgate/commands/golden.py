"""Appends drafted cases to a golden set."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from evalgate.commands.draft import draft_cases
from evalgate.errors import ConfigError, NothingSelected
from evalgate.schema.golden import Case
from evalgate.schema.trace import Trace
from evalgate.store.atomic import write_text
from evalgate.store.config import load_config_if_any
from evalgate.store.golden_sets.golden import case_to_json, is_lines, load_golden
from evalgate.store.run_lines import iter_traces
from evalgate.store.runs import find_run, read_manifest
from evalgate.store.traces import load_traces
from evalgate.text.counts import number_of
from evalgate.text.redact import Redactor
from evalgate.text.suggest import did_you_mean

_RUNS = Path(".evalgate/runs")


@dataclass(frozen=True, slots=True)
class Grown:
    """What was drafted."""

    text: str
    """The drafts, one JSON object a line."""
    notes: tuple[str, ...]
    """What a person should know: how many, where, and what was left out and why."""


def add_drafts(
    source: str,
    wanted: tuple[str, ...],
    target: Path | None,
    config: Path,
    environ: Mapping[str, str],
) -> Grown:
    """Draft cases from a run or a file of traces, and append them to a golden set.

    Args:
        source: A run folder, its id, `latest`, or a file of traces.
        wanted: Ids of the cases to take; empty: all.
        target: The golden set to append to; null: nowhere.
        config: The configuration, for its run folder and its patterns of secrets.
        environ: The environment, whose secrets are redacted.

    Raises:
        DataError: The source or the target is not readable.
        NothingSelected: No trace was chosen.
    """
    loaded = load_config_if_any(config)
    runs = _RUNS if loaded is None else loaded.root / loaded.config.runs
    patterns = (
        [] if loaded is None else [p for s in loaded.config.suites.values() for p in s.redact]
    )
    traces, known = _observed(source, runs)
    chosen = _choose(list(traces), wanted, source)
    if target is not None and not is_lines(target):
        raise ConfigError(
            f"{target}: cases are appended to JSON lines only", fix="--to golden_sets/NAME.jsonl"
        )
    there = load_golden(target).cases if target is not None and target.exists() else ()
    redactor = Redactor.build(environ, patterns=patterns)
    drafts, skipped = draft_cases(chosen, known, redactor, there)
    text = "".join(f"{case_to_json(draft)}\n" for draft in drafts)
    if target is not None and drafts:
        _append(target, text)
    return Grown(text, (_summary(drafts, target), *(f"left out {note}" for note in skipped)))


def _observed(source: str, runs: Path) -> tuple[Iterable[Trace], dict[str, Case]]:
    path = Path(source)
    if path.is_file():
        return load_traces(path), {}
    folder = find_run(runs, source)
    golden = Path(read_manifest(folder).golden)
    known = {case.id: case for case in load_golden(golden).cases} if golden.is_file() else {}
    return iter_traces(folder), known


def _choose(traces: list[Trace], wanted: tuple[str, ...], source: str) -> list[Trace]:
    """Take the traces of the cases that are wanted, each of which must be there."""
    there = dict.fromkeys(trace.case_id for trace in traces)
    if not there:
        raise NothingSelected(f"{source}: holds no trace", fix="evalgate run")
    for name in wanted:
        if name not in there:
            raise NothingSelected(
                f"{source}: no trace of case {name!r}{did_you_mean(name, there)}",
                fix="leave --case out to draft from every trace",
            )
    return [trace for trace in traces if not wanted or trace.case_id in wanted]


def _append(target: Path, text: str) -> None:
    before = target.read_text(encoding="utf-8") if target.exists() else ""
    gap = "" if not before or before.endswith("\n") else "\n"
    target.parent.mkdir(parents=True, exist_ok=True)
    write_text(target, before + gap + text)


def _summary(drafts: list[Case], target: Path | None) -> str:
    if not drafts:
        return "nothing new to draft"
    count = number_of(len(drafts), "draft")
    where = f" in {target}" if target is not None else ""
    return (
        f"{count}{where}: correct what is expected, then set `status: reviewed`; "
        "until then drafts run and do not gate"
    )
