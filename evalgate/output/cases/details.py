"""What is known of a run beside its report, for outputs that show what happened."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from evalgate.output.cases.rows import is_failed
from evalgate.pricing import PriceBook
from evalgate.schema.golden import Case
from evalgate.schema.judge import Calibration
from evalgate.schema.result import Manifest, TrialResult
from evalgate.schema.trace import Trace
from evalgate.stats.summary import RunSummary

TrialKey = tuple[str, int]
"""Case and number of a trial."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim of an answer, as a judge saw it."""

    text: str
    supported: bool
    quote: str = ""
    """Where a context supports it; empty: nowhere."""


@dataclass(frozen=True, slots=True)
class Past:
    """The metrics of an earlier run."""

    created: str
    """RFC 3339 time."""
    values: Mapping[str, float | None]
    """Metrics by name; null is unknown."""


@dataclass(frozen=True, slots=True)
class OtherRun:
    """The stored run that a baseline was made of, or that has the same trials."""

    name: str
    """How to call it."""
    trials: Mapping[str, tuple[TrialResult, ...]]
    """Its scored trials, by case."""
    traces: Mapping[TrialKey, Trace]


@dataclass(frozen=True, slots=True)
class RunDetails:
    """Everything there is beside a report; what is not there is empty, and a note says why."""

    manifest: Manifest | None = None
    traces: Mapping[TrialKey, Trace] = field(default_factory=dict)
    golden: Mapping[str, Case] = field(default_factory=dict)
    """The cases, where the golden set is still the one of the run."""
    asked: Mapping[str, str] = field(default_factory=dict)
    """What the user said, by case."""
    baseline: RunSummary | None = None
    """The scores compared with."""
    other: OtherRun | None = None
    """The trajectories compared with."""
    claims: Mapping[tuple[str, str], tuple[Claim, ...]] = field(default_factory=dict)
    """Judged claims, by case and answer."""
    calibration: Calibration | None = None
    history: tuple[Past, ...] = ()
    """Earlier runs of the suite, oldest first."""
    book: PriceBook = field(default_factory=PriceBook)
    """Prices of the suite."""
    notes: tuple[str, ...] = ()
    """What is missing, and why."""


def counterpart(other: OtherRun | None, case_id: str, number: int) -> TrialResult | None:
    """Choose the baseline's trial to show beside one: of the same number, else the first.

    Where some passed and some did not, one that passed is chosen: it shows what should happen.
    """
    if other is None:
        return None
    trials = other.trials.get(case_id, ())
    ranked = sorted(trials, key=lambda t: (is_failed(t), t.trial != number, t.trial))
    return ranked[0] if ranked else None
