"""`evalgate merge`: puts the shards of a run together, and only then gates.

It fails closed: unless every trial of every case is there exactly once, made of the same golden
set, scorers, agent and configuration, nothing is judged.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from evalgate.errors import ConfigError, EvalgateError, NoEvidence
from evalgate.gate.checks.stress import STRESS_SCORER
from evalgate.gate.facts import cap_of, checks_of_run
from evalgate.gate.reports import combine
from evalgate.judges.offline import added_up, judges_of
from evalgate.pricing import pricing_info
from evalgate.run.engine import Seen
from evalgate.run.evaluate import TrialSet, evaluate, fresh_scores
from evalgate.run.gate_inputs import load_gate_inputs
from evalgate.run.grounds import joined_grounds
from evalgate.run.run import Ran
from evalgate.run.stored import keep_report, new_manifest
from evalgate.schema.result import Manifest, Report, Subject, TrialResult
from evalgate.schema.score import Broken, Score, Scored
from evalgate.schema.trace import Trace
from evalgate.schema.verdict import Check
from evalgate.store.reports import StoredReport, read_reports
from evalgate.store.run_lines import iter_traces, iter_trials
from evalgate.store.run_writer import create_run
from evalgate.store.runs import read_manifest
from evalgate.stress.organisation import Ended, Share, joint_reports
from evalgate.stress.suite import stored_share, stressed_again
from evalgate.suite.environment import Environment
from evalgate.suite.plan import Filters, Plan, make_plan
from evalgate.suite.policy import Overrides, with_overrides
from evalgate.suite.shards import parse_shard, shard_of
from evalgate.suite.suite import Suite

_SHOWN = 5
_AT_ONCE = 512
_AGAIN = "run the missing shard again, name one run of each, or run all of them from one commit"


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeOptions:
    """How merged shards are judged."""

    baseline: str | None = None
    """What to compare with: a path, the empty text for the suite's own; null: no comparison."""
    overrides: Overrides = field(default_factory=Overrides)
    """What replaces the policy of the configuration."""
    allow_removed: bool = False
    """Whether the golden set may have lost cases."""
    digests: tuple[str, ...] = ()
    """SHA-256 of each report, as the gates of the shards printed them; empty: nobody vouches."""
    command: str | None = None
    """The command line, for the manifest."""


def merge_runs(
    sources: Iterable[Path],
    suites: Sequence[Suite],
    options: MergeOptions,
    environment: Environment,
) -> Ran:
    """Merge the shards of every suite.

    Args:
        sources: Run folders, folders of them, report files or archives, in any order.
        suites: The suites that must be there in full.
        options: How they are judged.
        environment: The machine.

    Raises:
        NoEvidence: The only suite is not there in full.
        DataError: A source is not readable.
    """
    found = [stored for source in sources for stored in read_reports(source)]
    if options.digests:
        found = _vouched(found, options.digests)
    names = {suite.name for suite in suites}
    stray = sorted({part.report.suite.id for part in found} - names)
    if stray:
        raise NoEvidence(
            f"{stray[0]!r} is no suite of {', '.join(map(repr, sorted(names)))}, and there are "
            "shards of it",
            fix="merge with the configuration and the --suite the shards were run with",
        )
    reports: list[Report] = []
    shares: list[Share] = []
    errors: list[tuple[str, EvalgateError]] = []
    for suite in suites:
        parts = [part for part in found if part.report.suite.id == suite.name]
        try:
            report, share = merge_suite(suite, parts, options, environment)
            reports.append(report)
            shares += [] if share is None else [share]
        except EvalgateError as error:
            if len(suites) == 1:
                raise
            errors.append((suite.name, error))
    reports += joint_reports(suites, shares)
    return Ran(combine(reports, [error.exit_code for _, error in errors]), tuple(errors))


def _vouched(found: Sequence[StoredReport], digests: Sequence[str]) -> list[StoredReport]:
    """Hold reports to the digests that their gates printed; nothing beside a report is believed.

    Raises:
        NoEvidence: A report has none, or a digest has no report.
    """
    wanted = {digest.lower().removeprefix("sha256:") for digest in digests}
    there = {part.digest for part in found}
    stray = [part.source for part in found if part.digest not in wanted]
    lost = sorted(wanted - there)
    if stray:
        raise NoEvidence(
            f"{stray[0]}: is not what a gate of these shards wrote: its digest is none of "
            f"{len(wanted)}: it was edited, committed, or its gate was killed",
            fix=_AGAIN,
        )
    if lost:
        raise NoEvidence(f"there is no report with the digest {lost[0]!r:.80}", fix=_AGAIN)
    return [replace(part, folder=None) for part in found]


def merge_suite(
    suite: Suite, parts: Sequence[StoredReport], options: MergeOptions, environment: Environment
) -> Ended:
    """Merge the shards of one suite into a run folder of their own, and judge them.

    Raises:
        NoEvidence: A shard, a case or a trial is missing or there twice, or shards differ in what
            they were made of.
    """
    if suite.trust is not None:
        if options.allow_removed:
            raise ConfigError(
                "--allow-removed is refused where a change is judged by its base",
                fix="leave it out; `evalgate accept` accepts a failure in the open",
            )
        if suite.trust.settled is not None:
            return suite.trust.settled, None
        if not options.digests:
            raise NoEvidence(
                f"suite {suite.name!r}: a change is judged by its base, and nobody says that these "
                "are the reports that its gates wrote: they could be committed, or edited",
                fix="evalgate merge ... --digest DIGEST, one for each shard, as its gate printed "
                "them (outputs of the jobs: docs/sharding.md)",
            )
    if not parts:
        raise NoEvidence(f"there is no shard of suite {suite.name!r}", fix=_AGAIN)
    suite = with_overrides(suite, options.overrides)
    first = parts[0].report
    mode = first.suite.mode
    plan = make_plan(suite, Filters(), "replay" if mode == "replay" else "off")
    judged, trust = judges_of(plan, environment)
    versions = {**plan.scorer_versions, **judged.versions}
    _refuse(
        suite, _differences(plan, parts, versions), _labels(plan, parts), _coverage(plan, parts)
    )
    trials = first.suite.trials
    inputs = load_gate_inputs(
        plan, options.baseline, environment.timestamp(), allow_removed=options.allow_removed
    )
    reports = [part.report for part in parts]
    judges = [report.judge for report in reports if report.judge is not None]
    folders = [part.folder for part in parts if part.folder is not None]
    whole = folders if len(folders) == len(parts) else []
    folder = join_runs(plan, whole, options.command, environment)
    merged = TrialSet(
        results=[trial for part in parts for case in part.report.cases for trial in case.trials],
        trials=trials,
        subject=_subject(parts),
        judges=replace(judged, info=added_up(judges)),
        checks=(*trust, *_cleared(parts), *_of_runs(plan, reports)),
        fresh=_fresh(parts, trials),
        stress=stressed_again(plan, trials, iter_traces(folder)),
        cap=cap_of(reports),
        notes=tuple(seen_in(whole).problems),
        isolation=first.suite.isolation,
        grounds=joined_grounds([report.rests_on for report in reports]),
        traces=partial(iter_traces, folder),
    )
    report = evaluate(plan, merged, inputs)
    keep_report(folder, read_manifest(folder), report, merged, plan, environment)
    return report, stored_share(plan, trials, iter_traces(folder))


def _of_runs(plan: Plan, reports: Iterable[Report]) -> tuple[Check, ...]:
    """Take over what shards were held to, unless their base says so again here."""
    return checks_of_run(reports) if plan.suite.trust is None else ()


def _refuse(suite: Suite, *problems: Iterable[str]) -> None:
    """Stop at the first kind of problem, naming a few of that kind."""
    for kind in problems:
        found = list(kind)
        if found:
            more = [f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
            raise NoEvidence(
                f"suite {suite.name!r} cannot be merged: " + "; ".join([*found[:_SHOWN], *more]),
                fix=_AGAIN,
            )


def _differences(
    plan: Plan, parts: Sequence[StoredReport], versions: Mapping[str, str]
) -> Iterator[str]:
    """Name what shards were made of and that is not what the others, or this checkout, have."""
    here = {
        "golden set": plan.golden.digest,
        "agent": plan.suite.config.agent.run,
        "mode": plan.mode,
        "noise": plan.suite.config.noise,
        "word on who saw the calls": plan.settings.evidence == "reported",
        "scorers": versions,
        "price table": pricing_info(plan.suite.config.prices).digest,
    }
    for part in parts:
        for what, value in _made_of(part.report).items():
            if what in here and value != here[what]:
                yield f"{part.source}: its {what} is not that of this checkout"
            elif value != _made_of(parts[0].report)[what]:
                yield f"{part.source}: its {what} is not that of {parts[0].source}"
    judges = [part.report.judge for part in parts if part.report.judge is not None]
    if len({(judge.model, judge.prompt_digest) for judge in judges}) > 1:
        yield "the shards were judged by several models, or with several prompts"


def _made_of(report: Report) -> Mapping[str, object]:
    return {
        "golden set": report.suite.golden_digest,
        "agent": report.suite.agent,
        "mode": report.suite.mode,
        "noise": report.suite.noise,
        "word on who saw the calls": report.suite.claimed,
        "scorers": {k: v for k, v in report.scorers.items() if k != STRESS_SCORER},
        "price table": None if report.pricing is None else report.pricing.digest,
        "configuration": report.suite.config_digest,
        "number of trials": report.suite.trials,
        "isolation": report.suite.isolation,
    }


def _labels(plan: Plan, parts: Sequence[StoredReport]) -> Iterator[str]:
    """Name shards that are missing, there twice, or of another division."""
    named = [(parse_shard(p.report.suite.shard), p.source) for p in parts if p.report.suite.shard]
    if not named:
        return
    shards = [shard for shard, _ in named]
    count = shards[0].count
    for shard in shards:
        if shard.count != count:
            yield f"shard {shard} is of another division than shard {shards[0]}"
    numbers = [shard.number for shard in shards]
    for number in sorted(set(numbers)):
        sources = [str(source) for shard, source in named if shard.number == number]
        if len(sources) > 1:
            yield f"shard {number}/{count} is there twice: {', '.join(sources)}"
    needed = {shard_of(case.id, count) for case in plan.golden.cases}
    yield from (f"shard {n}/{count} is missing" for n in sorted(needed - set(numbers)))


def _coverage(plan: Plan, parts: Sequence[StoredReport]) -> Iterator[str]:
    """Name cases and trials that are not there exactly once."""
    numbers: dict[str, list[int]] = {}
    for part in parts:
        for case in part.report.cases:
            if case.id not in plan.digests:
                yield f"{part.source}: case {case.id!r} is not in {plan.golden.path}"
            elif case.digest != plan.digests[case.id]:
                yield f"{part.source}: case {case.id!r} asks something else in {plan.golden.path}"
            if any(trial.case_id != case.id for trial in case.trials):
                yield f"{part.source}: case {case.id!r} holds a trial of another case"
            numbers.setdefault(case.id, []).extend(trial.trial for trial in case.trials)
    wanted = list(range(parts[0].report.suite.trials))
    for case_id in plan.digests:
        found = sorted(numbers.get(case_id, []))
        if not found:
            yield f"case {case_id!r} is missing"
        elif len(set(found)) < len(found):
            yield f"case {case_id!r} has trials twice: {found}"
        elif found != wanted:
            yield f"case {case_id!r} has the trials {found}, not 0 to {len(wanted) - 1}"


def _subject(parts: Sequence[StoredReport]) -> Subject:
    """Gather the fingerprints: from traces where there are any, else those all shards share."""
    folders = [part.folder for part in parts if part.folder is not None]
    if len(folders) == len(parts):
        return seen_in(folders).subject()
    subjects = [part.report.subject for part in parts]
    models = {m for s in subjects if s.model for m in s.model.split(", ")}
    return Subject(
        model=", ".join(sorted(models)) or None,
        prompt_digest=_shared(s.prompt_digest for s in subjects),
        tools_digest=_shared(s.tools_digest for s in subjects),
        sampling_digest=_shared(s.sampling_digest for s in subjects),
    )


def _shared(values: Iterable[str | None]) -> str | None:
    found = set(values)
    return found.pop() if len(found) == 1 else None


def _fresh(parts: Sequence[StoredReport], trials: int) -> dict[str, tuple[Score, ...]]:
    """Find the fresh trials of `must_pass` cases that failed."""
    fresh: dict[str, tuple[Score, ...]] = {}
    for part in parts:
        if part.folder is not None:
            fresh |= fresh_scores(iter_trials(part.folder), trials)
            continue
        for check in _must_pass(part.report):
            if check.outcome == "fail":
                # A report says that a fresh trial failed, and does not hold the others.
                name = check.id.removeprefix("must_pass.")
                fresh[name] = (Scored(0.0), Broken("the report holds no fresh trials"))
    return fresh


def _cleared(parts: Sequence[StoredReport]) -> tuple[Check, ...]:
    """Take over which failures fresh trials have cleared, where only the report says so."""
    return tuple(
        check
        for part in parts
        if part.folder is None
        for check in _must_pass(part.report)
        if check.outcome == "pass"
    )


def _must_pass(report: Report) -> Iterator[Check]:
    for check in report.checks:
        if check.kind == "must_pass" and check.id.startswith("must_pass."):
            yield check


def join_runs(
    plan: Plan, folders: Sequence[Path], command: str | None, environment: Environment
) -> Path:
    """Copy the trials and traces of several run folders into a new one.

    Args:
        plan: What was run.
        folders: Run folders; of a trial that several hold the first counts.
        command: The command line, for the manifest.
        environment: The machine.

    Returns:
        The new run folder; its report is still to be written.

    Raises:
        DataError: A folder is not readable.
        NoEvidence: The traces of a folder are not those of its trials.
    """
    return asyncio.run(_copied(plan, folders, new_manifest(plan, environment, command)))


async def _copied(plan: Plan, folders: Sequence[Path], manifest: Manifest) -> Path:
    async with create_run(plan.suite.runs, manifest) as writer:
        waiting: list[asyncio.Future[None]] = []
        seen: set[tuple[str, int]] = set()
        for folder in folders:
            for trace, result in _pairs(folder):
                if (trace.case_id, trace.trial) in seen:
                    continue
                seen.add((trace.case_id, trace.trial))
                waiting.append(writer.append(trace, result))
                if len(waiting) >= _AT_ONCE:
                    await asyncio.gather(*waiting)
                    waiting.clear()
        await asyncio.gather(*waiting)
        return writer.folder


def seen_in(folders: Iterable[Path]) -> Seen:
    """Gather what the traces of run folders were made with."""
    seen = Seen()
    for folder in folders:
        for trace in iter_traces(folder):
            seen.add(trace)
    return seen


def _pairs(folder: Path) -> Iterator[tuple[Trace, TrialResult]]:
    """Read trials with their traces; both files hold them in one order."""
    for trace, result in zip(iter_traces(folder), iter_trials(folder), strict=True):
        if (trace.case_id, trace.trial) != (result.case_id, result.trial):
            raise NoEvidence(f"{folder}: trials and traces do not fit together", fix=_AGAIN)
        yield trace, result
