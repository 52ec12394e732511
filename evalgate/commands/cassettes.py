"""Keeps a suite's cassettes fit for review: shows, prunes and scans them."""

import asyncio
import shlex
from collections.abc import Iterator, Mapping

from evalgate.errors import DataError
from evalgate.gate.checks.must_pass import FRESH_TRIALS
from evalgate.gateway.sessions import Outcome
from evalgate.schema.cassette import CallEntry, ToolEntry
from evalgate.store.baseline import load_baseline
from evalgate.store.cassette_care import (
    Leak,
    cassettes_in,
    check_size,
    prune,
    scan,
    show,
)
from evalgate.store.cassettes import cassette_path
from evalgate.store.golden_sets.golden import load_golden
from evalgate.stress.replay import replayed_traces
from evalgate.suite.environment import Environment
from evalgate.suite.plan import Filters, make_plan
from evalgate.suite.suite import Suite
from evalgate.text.counts import number_of
from evalgate.text.redact import Redactor

_SHOWN = 5


def show_cases(suite: Suite, cases: tuple[str, ...]) -> Iterator[str]:
    """Describe the cassettes of some cases, or of all.

    Raises:
        DataError: A cassette is missing or not readable.
    """
    wanted = cases or tuple(case.id for case in load_golden(suite.golden).cases)
    recorded = False
    for name in wanted:
        path = cassette_path(suite.cassettes, name)
        if path.exists():
            recorded = True
            yield from show(path)
        elif cases:
            raise DataError(
                f"{path}: case {name!r} is not recorded",
                fix=f"evalgate run {suite.asked} --record-missing --case {shlex.quote(name)}",
            )
    if not recorded:
        yield f"{suite.name}: no case is recorded in {suite.cassettes}"


def prune_suite(suite: Suite, environment: Environment, *, dry_run: bool) -> Iterator[str]:
    """Take away recordings of cases and trials that are gone, and lines that no replay asks for.

    The suite is replayed, which costs nothing, to see which lines are asked for. A case whose
    replay did not end as recorded keeps all its lines.
    """
    ids = {case.id for case in load_golden(suite.golden).cases}
    used, whole = _asked_for(suite, environment)

    def is_used(case_id: str, line: CallEntry | ToolEntry) -> bool:
        return (
            case_id in whole
            or line.trial >= suite.config.trials  # not replayed here
            or (line.trial, line.key, line.order) in used.get(case_id, ())
        )

    trials = _most_trials(suite)
    done = prune(suite.cassettes, ids, trials=trials, used=is_used, dry_run=dry_run)
    verb = "would remove" if dry_run else "removed"
    for path in done.files:
        yield f"{verb} {path}"
    what = f"{number_of(len(done.files), 'file')} and {number_of(done.entries, 'line')}"
    about = "about " if dry_run and done.entries else ""
    yield f"{suite.name}: {verb} {what}, {about}{number_of(done.freed, 'byte')}"
    kept = sorted(name for name in whole if cassette_path(suite.cassettes, name).exists())
    if kept:
        more = ", ..." if len(kept) > _SHOWN else ""
        yield (
            f"{suite.name}: every line of {number_of(len(kept), 'case')} stays, for the "
            f"replay did not end as recorded: {', '.join(kept[:_SHOWN])}{more}"
        )
    if done.entries and not dry_run:
        yield (
            f"{suite.name}: make a new baseline: the old one names the recordings it "
            "rests on, and these cases now count as recorded anew"
        )
    gateway = suite.config.gateway
    if gateway is not None and not dry_run:
        yield f"{suite.name}: {check_size(suite.cassettes, gateway.max_bytes):,} bytes are left"


def _most_trials(suite: Suite) -> int:
    """Count the trials that a run may ask for: to settle, to confirm, to make the baseline anew."""
    config = suite.config
    kept = load_baseline(suite.baseline).suite.trials if suite.baseline.exists() else 0
    return max(config.trials, config.max_trials or 0, kept) + FRESH_TRIALS


def _asked_for(
    suite: Suite, environment: Environment
) -> tuple[dict[str, set[tuple[int, str, int]]], frozenset[str]]:
    """Replay a suite: the lines that each case asks for, and the cases that cannot be told."""
    used: dict[str, set[tuple[int, str, int]]] = {}
    unclear: set[str] = set()

    def told(case_id: str, trial: int, outcome: Outcome) -> None:
        lines = used.setdefault(case_id, set())
        lines.update((trial, key, order) for key, order in outcome.served)
        if outcome.status is not None or not outcome.served:
            unclear.add(case_id)

    plan = make_plan(suite, Filters(), "replay")
    traces = asyncio.run(
        replayed_traces(plan, environment, lambda _: None, trials=suite.config.trials, told=told)
    )
    ended = {trace.case_id for trace in traces if trace.status == "finished"}
    unclear |= {trace.case_id for trace in traces if trace.status != "finished"}
    unclear |= {case.id for case in plan.cases if case.id not in used or case.id not in ended}
    return used, frozenset(unclear)


def find_leaks(suite: Suite, environ: Mapping[str, str]) -> tuple[int, tuple[Leak, ...]]:
    """Look for secrets that recordings still hold; return how many files were read, too."""
    redactor = Redactor.build(environ, patterns=suite.config.redact)
    return len(cassettes_in(suite.cassettes)), scan(suite.cassettes, redactor)
