"""What runs over time say: trends by week, flaky cases, the suite's own noise."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import fsum, sqrt

from evalgate.stats.student import t_quantile

_UNKNOWN_IS_OPEN = "every value is unknown"


@dataclass(frozen=True, slots=True)
class Point:
    """The value of a metric in one run."""

    run_id: str
    at: int
    """Seconds since 1970."""
    value: float | None
    """Null is unknown."""
    unit: str
    direction: str
    definition: str | None
    golden_digest: str
    commit: str | None
    fingerprint: str | None
    num: float | None = None
    den: int | None = None
    partial: bool = False
    unknown: int = 0
    """Trials whose value is unknown."""


@dataclass(frozen=True, slots=True)
class Week:
    """The runs of one week, Monday to Sunday in UTC."""

    start: date
    runs: int
    unknown: int
    """Runs in which the value is unknown."""
    mean: float | None
    """Mean over the runs whose value is known."""
    change: float | None
    """Relative change of the mean to the week before that has one; positive is up."""
    notes: tuple[str, ...] = ()
    """What keeps a change from being told, or from being only the agent's."""


def weekly(points: Iterable[Point]) -> tuple[Week, ...]:
    """Average the runs of each week, and compare with the week before.

    Weeks of two definitions are not compared: the line has a gap there. A week without a known
    value is shown, and the next one is compared with the last known one.
    """
    grouped: dict[date, list[Point]] = defaultdict(list)
    for point in points:
        day = datetime.fromtimestamp(point.at, UTC).date()
        grouped[day - timedelta(days=day.weekday())].append(point)
    weeks: list[Week] = []
    last: tuple[float, set[str | None], set[str]] | None = None
    for start, runs in sorted(grouped.items()):
        known = [run.value for run in runs if run.value is not None]
        mean = fsum(known) / len(known) if known else None
        definitions = {run.definition for run in runs if run.value is not None}
        golden = {run.golden_digest for run in runs if run.value is not None}
        change, notes = _against(last, mean, definitions, golden)
        weeks.append(Week(start, len(runs), len(runs) - len(known), mean, change, notes))
        if mean is not None:
            last = mean, definitions, golden
    return tuple(weeks)


def _against(
    last: tuple[float, set[str | None], set[str]] | None,
    mean: float | None,
    definitions: set[str | None],
    golden: set[str],
) -> tuple[float | None, tuple[str, ...]]:
    if mean is None:
        return None, (_UNKNOWN_IS_OPEN,)
    if len(definitions) > 1:
        return None, ("the definition changed within the week: gap",)
    if last is None:
        return None, ()
    before, earlier, sets = last
    if earlier != definitions:
        return None, ("the definition changed: gap",)
    notes = () if sets == golden else ("another golden set",)
    return ((mean - before) / abs(before) if before else None), notes


@dataclass(frozen=True, slots=True)
class CasePoint:
    """What became of one case in one run."""

    run_id: str
    at: int
    case_id: str
    digest: str
    fingerprint: str | None
    """Of agent, model, prompt, tools and sampling; null is unknown."""
    trials: int
    successes: float
    unknown: int


@dataclass(frozen=True, slots=True)
class Flake:
    """How often a case changes its outcome though nothing else changed."""

    case_id: str
    pairs: int
    """Pairs of consecutive runs of one fingerprint and one version of the case."""
    flips: int
    """Pairs of which the outcomes differ."""
    mixed: int
    """Runs in which some trials succeeded and some did not."""
    runs: int
    """Runs with an outcome."""

    @property
    def rate(self) -> float | None:
        """Flips over pairs; null without a pair."""
        return self.flips / self.pairs if self.pairs else None


def flakes(points: Iterable[CasePoint]) -> tuple[Flake, ...]:
    """Return the flake record of every case, the most flaky one first.

    A run in which an outcome is unknown is left out, and so is a run whose agent is unknown from
    the pairs: neither shows that nothing changed.
    """
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    last: dict[tuple[str, str, str], str] = {}
    for point in sorted(points, key=lambda p: (p.at, p.run_id)):
        if point.trials == 0 or point.unknown:
            continue
        share = point.successes / point.trials
        outcome = "pass" if share == 1 else "fail" if share == 0 else "mixed"
        own = counts[point.case_id]
        own[2] += outcome == "mixed"
        own[3] += 1
        if point.fingerprint is None:
            continue
        key = point.case_id, point.digest, point.fingerprint
        if key in last:
            own[0] += 1
            own[1] += last[key] != outcome
        last[key] = outcome
    found = [Flake(case_id, *numbers) for case_id, numbers in counts.items()]
    return tuple(sorted(found, key=lambda f: (-(f.rate or 0), -f.mixed, f.case_id)))


@dataclass(frozen=True, slots=True)
class Noise:
    """How far two runs of the same agent lie apart (A/A)."""

    sd: float
    """Standard deviation of one run, pooled over groups of runs in which nothing changed."""
    freedom: int
    """Degrees of freedom: runs in those groups, less one a group."""
    limit: float
    """95 % of the differences of two such runs are smaller than this."""


def noise_floor(points: Sequence[Point]) -> Noise | None:
    """Return the spread of a metric over runs of one fingerprint, golden set and definition.

    Null where no two runs share all three: then nothing is known of the noise, and not that there
    is none.
    """
    groups: dict[tuple[str, str, str | None], list[float]] = defaultdict(list)
    for point in points:
        if point.fingerprint is not None and point.value is not None and not point.partial:
            key = point.fingerprint, point.golden_digest, point.definition
            groups[key].append(point.value)
    freedom = sum(len(values) - 1 for values in groups.values())
    if freedom == 0:
        return None
    total = fsum(_squares(values) for values in groups.values())
    sd = sqrt(total / freedom)
    return Noise(sd, freedom, t_quantile(0.975, freedom) * sqrt(2) * sd)


def _squares(values: Sequence[float]) -> float:
    mean = fsum(values) / len(values)
    return fsum((value - mean) ** 2 for value in values)
