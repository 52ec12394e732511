"""Pairing the scores of two sides case by case, and what stands in for a missing score.

Abstained: a case that abstains in every trial of the baseline is not compared. In a compared
case an abstaining trial counts at the metric's worst value, on both sides alike, unless the case
expects a refusal: then it is left out. Unknown and broken scores are open: the comparison is
made with each at its worst and at its best. Nothing can stand in for a score without bounds, nor
for a trial that was not measured.
"""

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import comb
from typing import Literal, NamedTuple

from evalgate.metrics.metric import QUANTILES, Metric
from evalgate.schema.score import Abstained, Scored
from evalgate.stats.rounding import exact, exact_sum
from evalgate.stats.summary import CaseSummary, is_miss

Scenario = Literal["worst", "best"]
"""How open scores are filled in: against the candidate, or for it."""

_ONE = Decimal(1)


class Cell(NamedTuple):
    """The scores of one case under one name."""

    values: tuple[float, ...]
    """The scored ones."""
    abstained: int = 0
    """Trials that have nothing to score."""
    unknown: int = 0
    """Trials whose value exists and is unknown."""
    broken: int = 0
    """Trials whose scorer failed."""
    missed: int = 0
    """Trials that were not measured."""

    @property
    def open(self) -> int:
        """Trials whose value could be anything within bounds."""
        return self.unknown + self.broken + self.missed

    @property
    def complete(self) -> bool:
        """Whether every trial is scored, and there is one."""
        return bool(self.values) and not (self.abstained or self.open)

    @property
    def trials(self) -> int:
        """All trials."""
        return len(self.values) + self.abstained + self.open


def read_cell(case: CaseSummary, metric: Metric, places: Sequence[int] | None = None) -> Cell:
    """Read one case under one metric.

    Args:
        case: The case.
        metric: The metric; where it is `finished_only`, or a quantile, other trials are left out.
        places: Places of the trials to read; null: all.
    """
    finished_only = metric.finished_only or metric.aggregate in ("p50", "p95")
    if places is None and (
        case.statuses.count("finished") == len(case.statuses)
        or not (finished_only or "not_measured" in case.statuses)
    ):
        # The usual cases, some thousand times a comparison.
        column = case.columns.get(metric.score)
        if not column:
            return Cell((), len(case.numbers))
        values = [score.value for score in column if type(score) is Scored]
        if len(values) == len(column):
            return Cell(tuple(values))
        first = column[0]
        if type(first) is Abstained and column.count(first) == len(column):
            return Cell((), 0, len(column)) if first.unknown else Cell((), len(column))
    return _sorted_cell(
        case,
        metric.score,
        range(len(case.numbers)) if places is None else places,
        finished_only=finished_only,
    )


def _sorted_cell(
    case: CaseSummary, name: str, places: Iterable[int], *, finished_only: bool
) -> Cell:
    column = case.columns.get(name)
    values: list[float] = []
    abstained = unknown = broken = missed = 0
    for place in places:
        status = case.statuses[place]
        if status == "not_measured":
            missed += 1
            continue
        if finished_only and status != "finished":
            continue
        score = Abstained("") if column is None else column[place]
        if isinstance(score, Scored):
            values.append(score.value)
        elif isinstance(score, Abstained):
            unknown += score.unknown
            abstained += not score.unknown
        elif is_miss(score):
            missed += 1
        else:
            broken += 1
    return Cell(tuple(values), abstained, unknown, broken, missed)


class Pair(NamedTuple):
    """One compared case."""

    id: str
    """The case."""
    weight: float
    """Its weight."""
    cluster: str | None
    """Its cluster."""
    baseline: Cell
    """Its scores in the baseline; abstained trials left out where they do not count."""
    candidate: Cell
    """Its scores now; abstained trials left out where they do not count."""


@dataclass(frozen=True, slots=True)
class Paired:
    """All compared cases of one metric, and how complete the evidence is."""

    metric: Metric
    """The metric."""
    pairs: tuple[Pair, ...]
    """The compared cases, sorted by id."""
    seen0: bool
    """Whether the baseline has any value on the common cases."""
    seen1: bool
    """Whether the candidate has any value on the common cases."""
    broken: int = 0
    """Broken scores on either side, in all common cases."""
    unknown: int = 0
    """Unknown scores on either side, in all common cases."""
    missed: int = 0
    """Trials that were not measured, on either side."""
    abstains_now: tuple[str, ...] = ()
    """Cases scored in the baseline that abstain in some trial now."""
    imputed: bool = False
    """Whether any number of the comparison stands for a missing one."""

    @property
    def unbounded_hole(self) -> bool:
        """Whether a score is missing for which nothing can stand in."""
        return self.metric.bounds is None and self.imputed


def pair_cases(
    metric: Metric,
    common: Iterable[tuple[CaseSummary, CaseSummary]],
    *,
    by_number: Container[str] = (),
) -> Paired:
    """Pair the scores of the common cases.

    Args:
        metric: The metric.
        common: Baseline and candidate of each common case, sorted by id.
        by_number: Cases whose trials are paired by their number (no noise): a trial that only
            one side has is left out.
    """
    pairs: list[Pair] = []
    abstains_now: list[str] = []
    seen0 = seen1 = imputed = False
    broken = unknown = missed = 0
    for old, new in common:
        cell0, cell1 = _cells(metric, old, new, by_number=new.id in by_number)
        seen0 = seen0 or bool(cell0.values)
        seen1 = seen1 or bool(cell1.values)
        if cell0.complete and cell1.complete:
            pairs.append(Pair(new.id, new.weight, new.cluster, cell0, cell1))
            continue
        broken += cell0.broken + cell1.broken
        unknown += cell0.unknown + cell1.unknown
        missed += cell0.missed + cell1.missed
        if new.expects_refusal or old.expects_refusal:
            cell0, cell1 = cell0._replace(abstained=0), cell1._replace(abstained=0)
        if not (cell0.values or cell0.open) or not cell1.trials:
            continue
        if cell1.abstained:
            abstains_now.append(new.id)
        imputed = imputed or not (cell0.complete and cell1.complete)
        pairs.append(Pair(new.id, new.weight, new.cluster, cell0, cell1))
    return Paired(
        metric,
        tuple(pairs),
        seen0,
        seen1,
        broken=broken,
        unknown=unknown,
        missed=missed,
        abstains_now=tuple(abstains_now),
        imputed=imputed,
    )


def _cells(
    metric: Metric, old: CaseSummary, new: CaseSummary, *, by_number: bool
) -> tuple[Cell, Cell]:
    if not by_number or old.numbers == new.numbers:
        return read_cell(old, metric), read_cell(new, metric)
    shared = set(old.numbers) & set(new.numbers)
    return (
        read_cell(old, metric, [i for i, number in enumerate(old.numbers) if number in shared]),
        read_cell(new, metric, [i for i, number in enumerate(new.numbers) if number in shared]),
    )


class Row(NamedTuple):
    """One compared case with a number for every trial."""

    id: str
    """The case."""
    weight: float
    """Its weight."""
    cluster: str | None
    """Its cluster."""
    baseline: tuple[float, ...]
    """Values of the baseline's trials."""
    candidate: tuple[float, ...]
    """Values of the candidate's trials."""


def fill(cell: Cell, metric: Metric, *, favourable: bool) -> tuple[float, ...]:
    """Return one value a trial, with bounds standing in for what is missing.

    Args:
        cell: The scores of a case.
        metric: The metric; without bounds, only what was scored is returned.
        favourable: Whether open scores are taken at their best.
    """
    if metric.bounds is None or not (cell.abstained or cell.open):
        return cell.values
    low, high = metric.bounds
    worst, best = (low, high) if metric.direction == "higher" else (high, low)
    return (
        *cell.values,
        *(worst,) * cell.abstained,
        *(best if favourable else worst,) * cell.open,
    )


def case_value(metric: Metric, values: Sequence[float]) -> Fraction | None:
    """Return a case's exact value: the mean over its trials, or pass^k or pass@k.

    Returns:
        Null without a value: no trial, fewer than k trials, or scores that are not binary.
    """
    n = len(values)
    if metric.aggregate == "mean":
        return Fraction(exact_sum((Decimal(repr(v)), _ONE) for v in values), n) if n else None
    if n < metric.k or any(v not in (0.0, 1.0) for v in values):
        return None
    passed = int(sum(values))
    if metric.aggregate == "pass_hat":
        return Fraction(comb(passed, metric.k), comb(n, metric.k))
    return 1 - Fraction(comb(n - passed, metric.k), comb(n, metric.k))


def exact_mean(metric: Metric, rows: Iterable[tuple[float, Sequence[float]]]) -> Fraction | None:
    """Return the weighted mean over cases of the mean over trials, without rounding.

    Args:
        metric: A mean, pass^k or pass@k.
        rows: Weight and values of each case; those without a value are left out.

    Returns:
        Null where no case has a value.
    """
    if metric.aggregate == "mean":
        return _plain_mean(rows)
    alike: Counter[tuple[float, tuple[float, ...]]] = Counter(
        (weight, tuple(sorted(values))) for weight, values in rows
    )
    total = whole = Fraction(0)
    for (weight, values), times in alike.items():
        value = case_value(metric, values)
        if value is not None:
            total += times * exact(weight) * value
            whole += times * exact(weight)
    return total / whole if whole else None


def _plain_mean(rows: Iterable[tuple[float, Sequence[float]]]) -> Fraction | None:
    """Add up over the distinct values: there are few of them, with 4 significant digits."""
    scored = [(weight, values) for weight, values in rows if values]
    weights = Counter([weight for weight, _ in scored])
    times = Counter([(len(values), weight, v) for weight, values in scored for v in values])
    if not weights:
        return None
    by_trials: dict[int, list[tuple[Decimal, Decimal]]] = {}
    for (trials, weight, value), count in times.items():
        terms = by_trials.setdefault(trials, [])
        terms.append((Decimal(repr(value)), count * Decimal(repr(weight))))
    whole = exact_sum((Decimal(repr(weight)), Decimal(n)) for weight, n in weights.items())
    return sum((exact_sum(terms) / k for k, terms in by_trials.items()), Fraction(0)) / whole


def filled_rows(paired: Paired, scenario: Scenario) -> tuple[Row, ...]:
    """Return the compared cases with a number for every trial, as far as one can be given.

    Args:
        paired: The compared cases.
        scenario: `worst` takes the candidate's open scores at their worst and the baseline's at
            their best; `best` the other way round.
    """
    metric = paired.metric
    best = scenario == "best"
    rows = (
        Row(
            pair.id,
            pair.weight,
            pair.cluster,
            fill(pair.baseline, metric, favourable=not best),
            fill(pair.candidate, metric, favourable=best),
        )
        for pair in paired.pairs
    )
    least = metric.k if metric.aggregate in ("pass_hat", "pass_at") else 1
    return tuple(r for r in rows if min(len(r.baseline), len(r.candidate)) >= least)


def exact_value(metric: Metric, rows: Sequence[tuple[float, Sequence[float]]]) -> Fraction | None:
    """Return a metric's exact value over cases: a quantile, a mean, pass^k or pass@k.

    Args:
        metric: Any but those over the cases' `human_minutes`.
        rows: Weight and values of each case; those without a value are left out.

    Returns:
        Null where no case has a value.
    """
    share = QUANTILES.get(metric.aggregate)
    if share is not None:
        return exact_quantile((value for _, values in rows for value in values), share)
    return exact_mean(metric, rows)


def exact_quantile(values: Iterable[float], share: Fraction) -> Fraction | None:
    """Return the exact type-7 quantile (Hyndman and Fan, 1996).

    Args:
        values: Any number of values, in any order.
        share: In [0, 1].
    """
    ordered = sorted(values)
    if not ordered:
        return None
    place = (len(ordered) - 1) * share
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return exact(ordered[low]) + (exact(ordered[high]) - exact(ordered[low])) * (place - low)
