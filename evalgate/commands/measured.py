"""Trials that several processes measured case by case, put together and judged in one place."""

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from evalgate.commands.merge import join_runs, seen_in
from evalgate.errors import NothingSelected
from evalgate.judges.offline import added_up, judges_of
from evalgate.run.evaluate import TrialSet, evaluate
from evalgate.run.gate_inputs import load_gate_inputs
from evalgate.run.grounds import grounds_of
from evalgate.run.stored import keep_report
from evalgate.schema.result import JudgeInfo, TrialResult
from evalgate.schema.score import Scored
from evalgate.stats.rounding import round4
from evalgate.store.run_lines import iter_traces
from evalgate.store.runs import is_run, read_manifest
from evalgate.stress.organisation import Ended
from evalgate.stress.suite import stored_share, stressed_again
from evalgate.suite.environment import Environment
from evalgate.suite.plan import Filters, make_plan
from evalgate.suite.suite import Suite
from evalgate.text.counts import number_of

PARTS: Final = ".parts"
"""Folder, among the run folders, of what single processes measured."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One case with all its trials, as it travels from the process that ran it."""

    suite: str
    case_id: str
    trials: int
    """Trials a case; later ones confirm failures of `must_pass` cases."""
    results: tuple[TrialResult, ...]
    folder: str
    """The run folder that holds their traces."""
    golden: str | None = None
    """The golden set, where the suite stands in no configuration."""
    agent: str | None = None
    """The agent, where the suite stands in no configuration."""
    judge: JudgeInfo | None = None
    """What the judges of that process have done up to here."""

    def text(self) -> str:
        """Write it as one line of JSON."""
        return _MEASURED.dump_json(self).decode()


_MEASURED: Final = TypeAdapter(Measured)


def read_measured(text: str) -> Measured:
    """Read what `Measured.text` wrote."""
    return _MEASURED.validate_json(text)


def in_parts(suite: Suite) -> Suite:
    """Let one of several processes write its trials beside the run folders."""
    return replace(suite, runs=suite.runs / PARTS)


def shown_scores(results: Iterable[TrialResult]) -> list[tuple[str, str]]:
    """Return the mean of each score over trials that have it, 4 significant digits."""
    values: dict[str, list[float]] = {}
    for result in results:
        for name, score in result.scores.items():
            if isinstance(score, Scored):
                values.setdefault(name, []).append(score.value)
    return [(name, f"{round4(sum(v) / len(v)):g}") for name, v in sorted(values.items())]


def judge_measured(
    suite: Suite,
    measured: Sequence[Measured],
    baseline: str | None,
    environment: Environment,
    command: str | None = None,
) -> Ended:
    """Judge the cases that were measured; those that were not leave the verdict partial.

    The trials of all processes are kept in one run folder.

    Args:
        suite: The suite.
        measured: Its cases; of two with one id the first counts.
        baseline: A path, the empty text for the suite's own; null: no comparison.
        environment: The machine.
        command: The command line, for the manifest.

    Raises:
        NothingSelected: No case was measured.
        BaselineMissing: There is nothing to compare with.
        DataError: The golden set or the baseline is not readable.
    """
    first: dict[str, Measured] = {}
    for one in measured:
        first.setdefault(one.case_id, one)
    if not first:
        raise NothingSelected(f"suite {suite.name!r}: no case was measured")
    plan = make_plan(suite, Filters(cases=tuple(first)))
    trials = max(one.trials for one in first.values())
    results = [result for one in first.values() for result in one.results]
    inputs = load_gate_inputs(plan, baseline, environment.timestamp())
    named = dict.fromkeys(Path(one.folder) for one in measured)
    parts = [folder for folder in named if is_run(folder)]
    folder = join_runs(plan, parts, command, environment)
    judged, checks = judges_of(plan, environment)
    seen = seen_in([folder])
    kept = TrialSet(
        results=results,
        trials=trials,
        subject=seen.subject(),
        grounds=grounds_of(plan, seen),
        judges=replace(judged, info=_judges(measured)),
        checks=checks,
        stress=stressed_again(plan, trials, iter_traces(folder)),
        notes=(*_not_settled(suite, trials), *seen.problems),
        traces=partial(iter_traces, folder),
    )
    report = evaluate(plan, kept, inputs)
    keep_report(folder, read_manifest(folder), report, kept, plan, environment)
    for part in parts:
        shutil.rmtree(part, ignore_errors=True)
    return report, stored_share(plan, trials, iter_traces(folder))


def _judges(measured: Iterable[Measured]) -> JudgeInfo | None:
    """Add up, over processes, the last word of each; it counts from the start of the process."""
    last: dict[str, JudgeInfo] = {}
    for one in measured:
        if one.judge is not None:
            known = last.get(one.folder)
            asked = one.judge.calls + one.judge.cached
            if known is None or asked >= known.calls + known.cached:
                last[one.folder] = one.judge
    return added_up([last[folder] for folder in sorted(last)])


def _not_settled(suite: Suite, trials: int) -> tuple[str, ...]:
    most = suite.config.max_trials
    if most is None or most <= trials:
        return ()
    note = f"every case has {number_of(trials, 'trial')}: only `evalgate run` settles, up to {most}"
    return (note,)
