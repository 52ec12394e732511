"""The one way from trials to a report with its verdict.

Run, pytest, merge, score and baseline update bring a `TrialSet`; `load_gate_inputs` brings what it
is judged by; `evaluate` aggregates, compares, decides and explains.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from evalgate.errors import ExitCode
from evalgate.gate.comparison import CompareOptions, Comparison
from evalgate.gate.facts import RunFacts
from evalgate.gate.judge import GateInputs, judge
from evalgate.gate.reports import changed_lines, filled, reference
from evalgate.gate.settle import cannot_settle
from evalgate.gate.verdict import verdict_of
from evalgate.judges.judged_agent import JudgedPart
from evalgate.pricing import pricing_info
from evalgate.run.explain import ReadTraces, explain
from evalgate.run.forecast import record_hint
from evalgate.run.grounds import with_grounds
from evalgate.schema.objectives import GoalState
from evalgate.schema.result import Report, RestsOn, Subject, TrialResult
from evalgate.schema.score import Broken, Score
from evalgate.schema.verdict import Check, Verdict
from evalgate.scorers.builtin import metric_sources
from evalgate.slo.goals import goal_states
from evalgate.stats.aggregate import case_results, metric_values
from evalgate.stats.summary import RunSummary, summary_of_report
from evalgate.stress.report import StressPart, with_part
from evalgate.suite.isolation import isolation_check
from evalgate.suite.plan import Plan, suite_info
from evalgate.suite.trust import Trust
from evalgate.text.counts import percent_text
from evalgate.trust.base_verdict import judged_by_base

__all__ = ["TrialSet", "collected", "compared", "evaluate", "fresh_scores"]

_REPLAY = (
    "replay judges code (tools, parsing, routing, retries); only a recording can say whether a "
    "changed prompt, model or tool schema is better or worse"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialSet:
    """All that was measured of one suite, whoever measured it."""

    results: Sequence[TrialResult]
    """The trials; those numbered `trials` and above only confirm failures of `must_pass` cases."""
    trials: int
    """Trials a case that count."""
    subject: Subject
    """Fingerprints of what was run."""
    judges: JudgedPart = field(default_factory=JudgedPart)
    """What the judges add."""
    checks: tuple[Check, ...] = ()
    """Whether the judges may be believed, and failures that fresh trials cleared elsewhere."""
    fresh: Mapping[str, tuple[Score, ...]] | None = None
    """`task_success` of fresh trials, by case; null: as `results` has them."""
    stress: StressPart | None = None
    """The stress check; null: none was asked for."""
    own_times: tuple[float, ...] = ()
    """Seconds outside model calls of trials behind the gateway, measured now."""
    cap: str | None = None
    """The cap that ended the run early, in words."""
    notes: tuple[str, ...] = ()
    """What a reader should know of how the trials were made."""
    isolation: str | None = None
    """What kept the agent's processes in, as in the report."""
    grounds: RestsOn | None = None
    """What was live and what was replayed, as far as the trials tell; null: nobody knows."""
    traces: ReadTraces | None = None
    """Reads traces of some of the trials; null: they are not at hand."""

    def counting(self) -> list[TrialResult]:
        """Return the trials that count."""
        return [result for result in self.results if result.trial < self.trials]


def fresh_scores(results: Iterable[TrialResult], trials: int) -> dict[str, tuple[Score, ...]]:
    """Return `task_success` of the trials numbered `trials` and above, by case."""
    missing = Broken("the trial has no score for task_success")
    found: dict[str, tuple[Score, ...]] = {}
    for result in results:
        if result.trial >= trials:
            score = result.scores.get("task_success", missing)
            found[result.case_id] = (*found.get(result.case_id, ()), score)
    return found


def collected(plan: Plan, trials: TrialSet) -> Report:
    """Aggregate trials into a report that nothing is concluded from yet."""
    claimed = plan.settings.evidence == "reported"
    cases = case_results(plan.cases, plan.digests, trials.counting(), claimed=claimed)
    config, judges = plan.suite.config, trials.judges
    sources = {**metric_sources(plan.settings, plan.cases), **judges.sources}
    report = Report(
        verdict="inconclusive",
        exit_code=ExitCode.INCONCLUSIVE,
        partial=plan.partial,
        suite=suite_info(plan).model_copy(
            update={"trials": trials.trials, "isolation": trials.isolation}
        ),
        # A commit differs between two runs of one tree state; it belongs to the manifest.
        subject=trials.subject.model_copy(update={"git_commit": None, "dirty": None}),
        judge=judges.info,
        scorers={**plan.scorer_versions, **judges.versions},
        pricing=pricing_info(config.prices),
        checks=trials.checks,
        warnings=trials.notes,
        metrics=metric_values(cases, plan.metrics, sources),
        cases=cases,
    )
    whole = report if trials.stress is None else with_part(report, trials.stress)
    return with_grounds(whole, trials.grounds)


def compared(report: Report, plan: Plan, inputs: GateInputs) -> Comparison:
    """Compare a collected report with its baseline under the suite's policy."""
    candidate = summary_of_report(report)
    policy = plan.suite.config.gate
    return judge(candidate, inputs, policy, plan.metrics, options=_options(plan, inputs)).comparison


def _options(plan: Plan, inputs: GateInputs) -> CompareOptions:
    return CompareOptions(
        allow_removed=inputs.allow_removed,
        golden_ids=frozenset(case.id for case in plan.golden.cases),
    )


def evaluate(plan: Plan, trials: TrialSet, inputs: GateInputs) -> Report:
    """Make the report of a suite, with its verdict.

    Args:
        plan: What was to be run.
        trials: What was measured.
        inputs: What it is judged by.
    """
    report = collected(plan, trials)
    record = record_hint(plan, report)
    fresh = trials.fresh
    facts = RunFacts(
        fresh=fresh_scores(trials.results, trials.trials) if fresh is None else fresh,
        cap=trials.cap,
        allow_partial=inputs.allow_partial,
        record=record,
        cause=_one_cause(report),
        shard=plan.shard is not None,
        today=inputs.today,
    )
    judged = judge(
        summary_of_report(report),
        inputs,
        plan.suite.config.gate,
        plan.metrics,
        facts=facts,
        options=_options(plan, inputs),
    )
    verdict = judged.verdict
    if plan.suite.trust is not None:
        verdict = judged_by_base(judged, plan, plan.suite.trust)
        verdict = _unless_unwalled(verdict, trials.isolation, plan.suite.trust)
    changes = judged.comparison.changes
    if trials.traces is not None:
        changes = explain(changes, plan, trials.counting(), trials.traces)
    notes = (*_settling_note(plan, inputs.baseline), *_users_note(report), *report.warnings)
    if record is not None:
        notes = (*notes, _REPLAY)
    return filled(report.model_copy(update={"warnings": notes}), verdict).model_copy(
        update={
            "changes": changes,
            "baseline": reference(inputs.baseline),
            "changed": changed_lines(inputs.baseline, report.subject),
            "goals": _goals(report, plan, inputs.today),
        }
    )


def _goals(report: Report, plan: Plan, today: str | None) -> tuple[GoalState, ...]:
    """Say where the goals are on the day of the run; they gate nothing."""
    if today is None:
        return ()
    day = date.fromisoformat(today[:10])
    return goal_states(plan.suite.config.goals, report.metrics, day)


def _one_cause(report: Report) -> str | None:
    """Say why trials were not measured, where all of them have one cause."""
    trials = [trial for case in report.cases for trial in case.trials]
    missed = [trial for trial in trials if trial.status == "not_measured"]
    causes = set()
    for trial in missed:
        first = (trial.error or "").partition("\n")[0]
        place = f"case {trial.case_id!r}, trial "
        causes.add(first.partition(": ")[2] if first.startswith(place) else first)
    return causes.pop() if len(missed) > 1 and len(causes) == 1 else None


def _unless_unwalled(verdict: Verdict, by: str | None, trust: Trust) -> Verdict:
    """Let no agent of a fork pass that ran without a sandbox."""
    check = isolation_check(by, fork=trust.base.fork, unsandboxed=trust.unsandboxed)
    if check is None:
        return verdict
    return verdict_of((*verdict.checks, check), warnings=verdict.warnings, partial=verdict.partial)


def _users_note(report: Report) -> tuple[str, ...]:
    """Say how many simulated users left their script; such trials are no evidence."""
    users = [(case.id, t.user) for case in report.cases for t in case.trials if t.user is not None]
    broken = {name: user.broken for name, user in users if user.broken is not None}
    count = sum(user.broken is not None for _, user in users)
    if not count:
        return ()
    name, why = next(iter(broken.items()))
    share = f"{count} of {len(users)} ({percent_text(count / len(users))})"
    return (f"{share} simulated users broke their script, such as that of {name!r}: {why}",)


def _settling_note(plan: Plan, baseline: RunSummary | None) -> tuple[str, ...]:
    """Say where no number of trials could ever settle a comparison."""
    if baseline is None:
        return ()
    gating = sum(case.status == "reviewed" for case in plan.cases)
    note = cannot_settle(plan.suite.config, gating, baseline.trials)
    return () if note is None else (note,)
