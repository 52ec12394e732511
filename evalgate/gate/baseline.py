"""A baseline: made of a report, and brought into the normal form of a comparison.

Scores are kept trial by trial for the metrics that gate; of the others only the mean is kept.
Drafts are left out, and come into the baseline when they are reviewed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeVar

from evalgate.gate.checks.must_pass import failing_cases
from evalgate.gate.rules import rule_of
from evalgate.metrics.metric import Metric
from evalgate.schema.baseline import (
    Baseline,
    BaselineCase,
    BaselineJudge,
    BaselineMetric,
    BaselineSuite,
    Column,
    Provenance,
)
from evalgate.schema.config_parts.gate import GateConfig
from evalgate.schema.result import Report, TrialUsage
from evalgate.schema.score import Broken, Score, Scored
from evalgate.schema.status import TraceStatus
from evalgate.stats.columns import COLUMN_MARKS, decode_column, encode_column
from evalgate.stats.pairing import exact_value, read_cell
from evalgate.stats.rounding import round4
from evalgate.stats.summary import FAILED, CaseSummary, JudgeId, RunSummary, summary_of_report
from evalgate.text.counts import number_of

MIN_TRIALS: Final = 5
"""Trials a case that a baseline of a live agent takes."""

_ERROR: Final = "error"
"""The score that the status of a trial implies: not written where they agree."""

_PREFIX: Final = "score:"
"""Written before the name of a score that a field of a case already has."""

_NO_SCORES: Final = ("quartile", "whole")
"""Aggregates that are made of no scores: their value is kept."""

_ERRED: Final = Scored(1.0)
_WENT_WELL: Final = Scored(0.0)
_T = TypeVar("_T")


def baseline_of_report(
    report: Report,
    metrics: Mapping[str, Metric],
    policy: GateConfig,
    provenance: Provenance,
    environment: Mapping[str, str],
) -> Baseline:
    """Make the baseline that a report stands for.

    Args:
        report: A report with its cases.
        metrics: All metrics of the suite.
        policy: Says which metrics gate: their scores are kept trial by trial.
        provenance: Where the baseline comes from.
        environment: Versions of evalgate and Python.
    """
    side = summary_of_report(report)
    kept = _kept_scores(metrics, policy)
    cases = side.gating()
    trials = min((len(case.numbers) for case in cases), default=0)
    values = _metric_entries(report, side, metrics, kept)
    judge = report.judge
    return Baseline(
        suite=BaselineSuite(
            id=report.suite.id,
            golden_digest=report.suite.golden_digest,
            cases=len(cases),
            trials=trials,
            noise=side.noise,
        ),
        subject=report.subject,
        judge=None
        if judge is None
        else BaselineJudge(model=judge.model, prompt_digest=judge.prompt_digest),
        scorers=_scorers(report, metrics, values),
        pricing=report.pricing,
        environment=dict(environment),
        provenance=provenance,
        metrics=values,
        cases={case.id: _case_entry(case, kept, trials) for case in cases},
    )


def _kept_scores(metrics: Mapping[str, Metric], policy: GateConfig) -> tuple[str, ...]:
    gated = (m for m in metrics.values() if rule_of(m, policy).gate != "advisory")
    return tuple(dict.fromkeys(m.score for m in gated if m.aggregate not in _NO_SCORES))


def _scorers(
    report: Report, metrics: Mapping[str, Metric], values: Mapping[str, BaselineMetric]
) -> dict[str, str]:
    """Keep the versions of what is kept, by score or, where they are named so, by scorer."""
    scores = {metric.score for metric in metrics.values()}
    wanted = {metrics[name].score for name in values if name in metrics}
    return {
        name: version
        for name, version in sorted(report.scorers.items())
        if name in wanted or name not in scores
    }


def _metric_entries(
    report: Report, side: RunSummary, metrics: Mapping[str, Metric], kept: Sequence[str]
) -> dict[str, BaselineMetric]:
    entries: dict[str, BaselineMetric] = {}
    for name, value in report.metrics.items():
        metric = metrics.get(name)
        if metric is None or value.value is None:
            continue
        own = metric.score in kept
        if own and metric.aggregate in ("pass_hat", "pass_at"):
            continue  # follows from the scores that are kept
        mean = _recomputed(metric, side) if own else round4(value.value)
        if mean is not None:
            entries[name] = BaselineMetric(
                direction=metric.direction,
                unit=metric.unit,
                mean=mean,
                se=None if value.se is None else round4(value.se),
                n=None if value.n == len(side.gating()) else value.n,
            )
    return entries


def _recomputed(metric: Metric, side: RunSummary) -> float | None:
    """Return a metric over the scores of a side, or null where they do not hold it."""
    if metric.aggregate in ("quartile", "by_quartile"):
        return side.values.get(metric.name)
    cells = [
        (case.weight, read_cell(case, metric).values)
        for case in side.gating()
        if metric.score in case.columns
    ]
    value = exact_value(metric, cells)
    return None if value is None else round4(float(value))


def _case_entry(case: CaseSummary, kept: Sequence[str], trials: int) -> BaselineCase:
    columns: dict[str, Column] = {}
    for name in kept:
        scores = case.columns.get(name)
        if scores is None or (name == _ERROR and _implied(case.statuses) == scores):
            continue
        column = encode_column(scores, trials)
        if column is None and name == _ERROR:
            column = "-"  # left out, it would be read as what the statuses imply
        if column is not None:
            columns[_PREFIX + name if name in BaselineCase.model_fields else name] = column
    usage = [(u.input_tokens, u.output_tokens, u.cached_tokens) for u in case.usage]
    seen = any(count is not None for counts in usage for count in counts)
    return BaselineCase.model_validate(
        {
            "digest": case.digest,
            "weight": case.weight,
            "cluster": case.cluster,
            "must_pass": case.must_pass,
            "zero_tolerance": case.zero_tolerance,
            "expects_refusal": case.expects_refusal,
            "status": {
                str(i): status for i, status in enumerate(case.statuses) if status != "finished"
            },
            "tokens": _once(usage, trials) if seen else (),
            "calls": _once(case.calls, trials) if any(case.calls) else (),
            "recording": _once(case.recordings, trials) if any(case.recordings) else (),
            **columns,
        }
    )


def _once(entries: Sequence[_T], trials: int) -> tuple[_T, ...]:
    same = len(entries) == trials and all(entry == entries[0] for entry in entries)
    return tuple(entries[:1] if same else entries)


def _implied(statuses: Sequence[TraceStatus]) -> tuple[Score, ...]:
    return tuple([_ERRED if status in FAILED else _WENT_WELL for status in statuses])


def summary_of_baseline(baseline: Baseline, source: str) -> RunSummary:
    """Bring a baseline into the normal form.

    Args:
        baseline: A baseline whose columns are whole (`column_problems`).
        source: What it is called in messages.
    """
    judge = baseline.judge
    return RunSummary(
        source=source,
        cases=MappingProxyType(
            {name: _side_case(name, case, baseline) for name, case in baseline.cases.items()}
        ),
        values={name: metric.mean for name, metric in baseline.metrics.items()},
        suite=baseline.suite.id,
        golden_digest=baseline.suite.golden_digest,
        trials=baseline.suite.trials,
        noise=baseline.suite.noise,
        scorers=baseline.scorers,
        judge=None if judge is None else JudgeId(judge.model, judge.prompt_digest),
        pricing=baseline.pricing,
        subject=baseline.subject,
        created=baseline.provenance.created,
    )


def _columns_of(case: BaselineCase) -> Iterator[tuple[str, Column]]:
    for name, column in (case.__pydantic_extra__ or {}).items():
        yield name.removeprefix(_PREFIX), column


def _trials_of(case: BaselineCase, baseline: Baseline) -> int:
    """Return the number of trials: that of the longest list, the common one where none is."""
    lengths = [len(column) for _, column in _columns_of(case)]
    ends = [int(number) + 1 for number in case.status]
    lengths += [len(case.tokens), len(case.calls), len(case.recording)]
    return max(baseline.suite.trials, *lengths, *ends, 0)


def _side_case(name: str, case: BaselineCase, baseline: Baseline) -> CaseSummary:
    trials = _trials_of(case, baseline)
    statuses: list[TraceStatus] = ["finished"] * trials
    for number, status in case.status.items():
        statuses[int(number)] = status
    columns: dict[str, tuple[Score, ...]] = {}
    for score, column in _columns_of(case):
        decoded = decode_column(column, trials)
        if decoded is not None:
            columns[score] = decoded
    if _ERROR not in columns:
        columns[_ERROR] = _implied(statuses)
    return CaseSummary(
        id=name,
        digest=case.digest,
        numbers=tuple(range(trials)),
        statuses=tuple(statuses),
        columns=columns,
        usage=tuple(TrialUsage(*counts) for counts in _for_all(case.tokens, trials)),
        calls=_for_all(case.calls, trials),
        recordings=_for_all(case.recording, trials),
        weight=case.weight,
        cluster=case.cluster,
        must_pass=case.must_pass,
        zero_tolerance=case.zero_tolerance,
        expects_refusal=case.expects_refusal,
    )


def _for_all(entries: tuple[_T, ...], trials: int) -> tuple[_T, ...]:
    return entries * trials if len(entries) == 1 else entries


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A mean that does not follow from the scores beside it."""

    metric: str
    written: float
    """What the file says."""
    recomputed: float | None
    """What its scores say."""


def mean_mismatches(side: RunSummary, metrics: Mapping[str, Metric]) -> tuple[Mismatch, ...]:
    """List the means of a baseline that its own scores contradict.

    Args:
        side: The baseline, in the normal form.
        metrics: All metrics of the suite; a name that is none of them is taken as the mean of the
            column of that name.
    """
    kept = {name for case in side.cases.values() for name in case.columns}
    found: list[Mismatch] = []
    for name, written in side.values.items():
        metric = metrics.get(name)
        if metric is None or metric.score not in kept or metric.aggregate.endswith("quartile"):
            continue
        recomputed = _recomputed(metric, side)
        if recomputed != written:
            found.append(Mismatch(name, written, recomputed))
    return tuple(found)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 7


def column_problems(baseline: Baseline) -> Iterator[tuple[str, str]]:
    """Yield case and problem for every line of a baseline that does not hold together."""
    for name, case in baseline.cases.items():
        strange = [n for n in case.status if not _is_number(n)]
        if strange:
            yield name, f"status of trial {strange[0]!r}; expected the number of a trial"
            continue
        trials = _trials_of(case, baseline)
        for score, column in (case.__pydantic_extra__ or {}).items():
            if len(column) not in (1, trials):
                yield name, f"{score!r} has {len(column)} entries; expected 1 or {trials}"
            elif isinstance(column, str) and column.strip(COLUMN_MARKS):
                yield name, f"{score!r} is {column!r}; expected digits 0 and 1, or -, ? and !"
        for part, entries in (
            ("tokens", case.tokens),
            ("calls", case.calls),
            ("recording", case.recording),
        ):
            if len(entries) not in (0, 1, trials):
                yield name, f"{part!r} has {len(entries)} entries; expected 1 or {trials}"


def objections(report: Report) -> tuple[str, ...]:
    """List why a report should not become a baseline; `--force` overrides and records them.

    Args:
        report: The report of fresh trials of the base branch.
    """
    side = summary_of_report(report)
    cases = side.gating()
    trials = min((len(case.numbers) for case in cases), default=0)
    found: list[str] = []
    if report.suite.mode == "live" and side.noise == "trials" and trials < MIN_TRIALS:
        found.append(
            f"{number_of(trials, 'trial')} a case; a live agent takes at least {MIN_TRIALS} "
            f"(--trials {MIN_TRIALS})"
        )
    if report.subject.dirty:
        found.append("the working tree has uncommitted changes")
    if side.selection:
        found.append("only a selection of the cases was run")
    missed = sum(status == "not_measured" for case in cases for status in case.statuses)
    if missed:
        found.append(f"{number_of(missed, 'trial was', 'trials were')} not measured")
    broken = sum(
        isinstance(score, Broken)
        for case in cases
        for column in case.columns.values()
        for score in column
    )
    if broken and not missed:
        found.append(f"{number_of(broken, 'score is', 'scores are')} broken")
    failing = failing_cases(side)
    if failing:
        found.append(
            f"{number_of(len(failing), 'must-pass case fails', 'must-pass cases fail')}: "
            f"{', '.join(failing)}"
        )
    return tuple(found)
