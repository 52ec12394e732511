"""Metrics over scores: what a report says of a whole golden set.

A metric is the weighted mean over cases of the mean over trials, so that it pairs case by case.
Quantiles are type 7 (Hyndman and Fan, 1996) over finished trials. Sums are correctly rounded
(`math.fsum`), so the order of cases and trials does not matter.

Unknown and broken scores are never guessed: the value is over what is known, `unknown` counts
the rest, and the gate decides with the worst and the best they could be. Drafts are left out.
A metric whose scores all abstain has no evidence and is left out too; one whose scores are all
unknown or broken is shown with the value null.
"""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import comb, fsum, sqrt
from types import MappingProxyType
from typing import Literal

from evalgate.metrics.metric import QUANTILES, Metric
from evalgate.schema.golden import Case
from evalgate.schema.result import CaseResult, MetricValue, TrialResult
from evalgate.schema.score import Abstained, Score, Scored

__all__ = [
    "Source",
    "case_results",
    "metric_values",
    "pass_at_k",
    "pass_hat_k",
    "quantile",
    "total",
]

Source = Literal["measured", "recorded", "claimed", "judged", "simulated", "replayed"]
"""Where a metric comes from."""

_NO_SOURCES: Mapping[str, Source] = MappingProxyType({})


def pass_hat_k(successes: int, trials: int, k: int) -> float:
    """Estimate without bias the chance that k trials all succeed: C(c,k)/C(n,k).

    Source: tau-bench (Yao et al., 2024).

    Raises:
        ValueError: Unless 0 <= successes <= trials and 1 <= k <= trials.
    """
    _check_k(successes, trials, k)
    return comb(successes, k) / comb(trials, k)


def pass_at_k(successes: int, trials: int, k: int) -> float:
    """Estimate without bias the chance that one of k trials succeeds: 1 - C(n-c,k)/C(n,k).

    Source: Chen et al., Evaluating large language models trained on code, 2021.

    Raises:
        ValueError: Unless 0 <= successes <= trials and 1 <= k <= trials.
    """
    _check_k(successes, trials, k)
    whole = comb(trials, k)
    return (whole - comb(trials - successes, k)) / whole


def _check_k(successes: int, trials: int, k: int) -> None:
    if not (0 <= successes <= trials and 1 <= k <= trials):
        message = f"no pass^k of c={successes}, n={trials}, k={k}; expected 0<=c<=n, 1<=k<=n"
        raise ValueError(message)


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the type-7 quantile: linear between the order statistics at (n-1) x share.

    Args:
        ordered: At least one value, ascending.
        share: In [0, 1].
    """
    place = (len(ordered) - 1) * share
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _doubles() -> "array[float]":
    return array("d")


def _counts() -> "array[int]":
    return array("L")


@dataclass(slots=True)
class _Column:
    """One score over all cases; per-case entries stand side by side, without abstained cases."""

    finished_only: bool
    """Whether failed trials are left out."""
    place: "array[int]" = field(default_factory=_counts)
    """Number of the case."""
    mean: "array[float]" = field(default_factory=_doubles)
    """Mean over its trials."""
    trials: "array[int]" = field(default_factory=_counts)
    """Trials with a value."""
    error2: "array[float]" = field(default_factory=_doubles)
    """Squared standard error of the mean; 0 with one trial, where it is not known."""
    values: "array[float]" = field(default_factory=_doubles)
    """Every value."""
    open: list[float] = field(default_factory=list)
    """Values of the case at hand."""
    entries: int = 0
    """Trials that have such a score at all."""
    unknown: int = 0
    """Trials whose score is unknown or broken."""
    numerator: int = 0
    denominator: int = 0
    counted: bool = True
    """Whether every value came with counts."""

    def take(self, score: Score) -> None:
        """Take the score of one trial."""
        self.entries += 1
        if type(score) is Scored:
            self.open.append(score.value)
            if score.counts is None:
                self.counted = False
            else:
                self.numerator += score.counts[0]
                self.denominator += score.counts[1]
        elif type(score) is not Abstained or score.unknown:
            self.unknown += 1

    def close(self, place: int) -> None:
        """End a case."""
        values = self.open
        n = len(values)
        first = values[0]
        self.place.append(place)
        self.trials.append(n)
        self.values.extend(values)
        if values.count(first) == n:
            self.mean.append(first)
            self.error2.append(0.0)
        else:
            mean = fsum(values) / n
            self.mean.append(mean)
            self.error2.append(fsum((v - mean) ** 2 for v in values) / (n * (n - 1)))
        values.clear()

    def missing(self, eligible: int) -> int:
        """Count the trials without a value that should have one, absent scores included."""
        seen = self.values or self.unknown
        return self.unknown + (eligible - self.entries if seen else 0)

    def pooled(self) -> tuple[int, int] | None:
        """Return the counts over all trials, where every value is a ratio of counts."""
        if not (self.values and self.counted and self.denominator):
            return None
        return self.numerator, self.denominator


@dataclass(frozen=True, slots=True)
class _Table:
    """All columns of the cases that are judged, and what the cases themselves say."""

    columns: Mapping[tuple[str, bool], _Column]
    missing: Mapping[tuple[str, bool], int]
    weights: Sequence[float]
    minutes: Sequence[float | None]
    shortest: int
    """Trials of the case that has the fewest."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """A value, how many cases it stands on, and its standard error."""

    value: float | None
    n: int
    unknown: int = 0
    se: float | None = None
    pooled: tuple[int, int] | None = None


def metric_values(
    cases: Sequence[CaseResult],
    metrics: Mapping[str, Metric],
    sources: Mapping[str, Source] = _NO_SOURCES,
) -> dict[str, MetricValue]:
    """Compute every metric that has evidence, in the order of `metrics`.

    Args:
        cases: All cases with their trials; drafts are left out.
        metrics: The metrics to compute, by name.
        sources: Where a metric comes from, by name; `measured` where it is not named.
    """
    table = _table([case for case in cases if not case.draft], metrics.values())
    values: dict[str, MetricValue] = {}
    for name, metric in metrics.items():
        answer = _answer(metric, table)
        if answer is None or (answer.n == 0 and answer.unknown == 0):
            continue
        values[name] = MetricValue(
            value=answer.value,
            unit=metric.unit,
            direction=metric.direction,
            n=answer.n,
            unknown=answer.unknown,
            pooled=answer.pooled,
            source=sources.get(name, "measured"),
            se=answer.se,
        )
    return values


def _key(metric: Metric) -> tuple[str, bool]:
    return metric.score, metric.finished_only or metric.aggregate in QUANTILES


def _table(cases: Sequence[CaseResult], metrics: Iterable[Metric]) -> _Table:
    """Read every score once."""
    columns = {key: _Column(finished_only=key[1]) for key in map(_key, metrics)}
    by_name: dict[str, list[_Column]] = {}
    for (name, _), column in columns.items():
        by_name.setdefault(name, []).append(column)
    eligible = {True: 0, False: 0}
    for place, case in enumerate(cases):
        for trial in case.trials:
            # A trial that was not measured might have finished: its scores are missing there.
            counts = trial.status in ("finished", "not_measured")
            eligible[True] += counts
            eligible[False] += 1
            for name, score in trial.scores.items():
                for column in by_name.get(name, ()):
                    if counts or not column.finished_only:
                        column.take(score)
        for column in columns.values():
            if column.open:
                column.close(place)
    return _Table(
        columns=columns,
        missing={key: column.missing(eligible[key[1]]) for key, column in columns.items()},
        weights=array("d", (case.weight for case in cases)),
        minutes=[case.human_minutes for case in cases],
        shortest=min((len(case.trials) for case in cases if case.trials), default=0),
    )


def _answer(metric: Metric, table: _Table) -> _Answer | None:
    key = _key(metric)
    column, missing = table.columns[key], table.missing[key]
    match metric.aggregate:
        case "mean":
            return _mean(column, missing, table.weights)
        case "p50" | "p95":
            ordered = sorted(column.values)
            value = quantile(ordered, float(QUANTILES[metric.aggregate])) if ordered else None
            return _Answer(value, len(column.place), missing)
        case "pass_hat" | "pass_at":
            return _pass_k(metric, column, missing, table)
        case "quartile":
            known = sorted(m for m in table.minutes if m is not None)
            return _Answer(quantile(known, metric.k / 4), len(known)) if known else None
        case "by_quartile":
            return _by_quartile(metric.k, column, missing, table)
        case "whole":
            return None


def _mean(column: _Column, missing: int, weights: Sequence[float]) -> _Answer:
    if not column.place:
        return _Answer(None, 0, missing)
    own = [weights[place] for place in column.place]
    value, whole = _weighted(zip(own, column.mean, strict=True))
    se = None
    if min(column.trials) > 1:
        se = sqrt(fsum(w * w * e for w, e in zip(own, column.error2, strict=True))) / whole
    return _Answer(value, len(own), missing, se, column.pooled())


def _weighted(rows: Iterable[tuple[float, float]]) -> tuple[float, float]:
    """Return the weighted mean of (weight, value) and the sum of the weights."""
    held = list(rows)
    whole = fsum(weight for weight, _ in held)
    return fsum(weight * value for weight, value in held) / whole, whole


def _pass_k(metric: Metric, column: _Column, missing: int, table: _Table) -> _Answer | None:
    graded = any(value not in (0.0, 1.0) for value in column.values)
    if graded or metric.k > table.shortest:
        return None
    estimate = pass_hat_k if metric.aggregate == "pass_hat" else pass_at_k
    rows = [
        (table.weights[place], estimate(round(mean * n), n, metric.k))
        for place, mean, n in zip(column.place, column.mean, column.trials, strict=True)
        if n >= metric.k
    ]
    return _Answer(_weighted(rows)[0] if rows else None, len(rows), missing)


def _by_quartile(number: int, column: _Column, missing: int, table: _Table) -> _Answer | None:
    known = sorted(m for m in table.minutes if m is not None)
    if not known:
        return None
    edges = [float("-inf"), *(quantile(known, q / 4) for q in (1, 2, 3)), float("inf")]
    low, high = edges[number - 1], edges[number]
    rows = [
        (table.weights[place], mean)
        for place, mean in zip(column.place, column.mean, strict=True)
        if (length := table.minutes[place]) is not None and low < length <= high
    ]
    return _Answer(_weighted(rows)[0], len(rows), missing) if rows else None


def total(cases: Iterable[CaseResult], score: str) -> tuple[float, int]:
    """Add a score up over all trials, failed ones included (what a run cost, say).

    Returns:
        The sum over the trials with a value, and the number of trials whose value is missing.
    """
    values = array("d")
    missing = 0
    for case in cases:
        for trial in case.trials:
            found = trial.scores.get(score)
            if isinstance(found, Scored):
                values.append(found.value)
            elif not isinstance(found, Abstained) or found.unknown:
                missing += 1
    return fsum(values), missing


def case_results(
    cases: Iterable[Case],
    digests: Mapping[str, str],
    trials: Iterable[TrialResult],
    *,
    claimed: bool = False,
) -> tuple[CaseResult, ...]:
    """Put trials under their cases, in the order of the golden set and of their numbers.

    Args:
        cases: The cases that were run.
        digests: Digest of each case, by id.
        trials: Their trials, in any order; of two with one number the later counts.
        claimed: Whether nobody but the agent saw its steps.

    Raises:
        KeyError: For a trial or a digest of no case.
    """
    by_case: dict[str, dict[int, TrialResult]] = {}
    known = tuple(cases)
    for case in known:
        by_case[case.id] = {}
    for trial in trials:
        by_case[trial.case_id][trial.trial] = trial
    return tuple(
        CaseResult(
            id=case.id,
            digest=digests[case.id],
            tags=case.tags,
            weight=case.weight,
            cluster=case.cluster,
            must_pass=case.must_pass,
            zero_tolerance=case.zero_tolerance,
            draft=case.status == "draft",
            expects_refusal=case.expected.refusal is True,
            claimed=claimed and case.expected.rests_on_steps,
            human_minutes=case.human_minutes,
            trials=tuple(trial for _, trial in sorted(by_case[case.id].items())),
        )
        for case in known
    )
