"""What a comparison says, before any policy on evidence and modes is applied to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from evalgate.gate.noise import Uncertainty
from evalgate.gate.recordings import Recordings
from evalgate.gate.rules import Rule, Ruling
from evalgate.metrics.metric import Metric
from evalgate.schema.verdict import CaseChange
from evalgate.stats.pairing import Paired
from evalgate.stats.summary import RunSummary


@dataclass(frozen=True, slots=True)
class CompareOptions:
    """What a comparison may assume beside its two sides."""

    allow_removed: bool = False
    """Whether cases that are gone from the candidate's golden set may be left out."""
    golden_ids: frozenset[str] | None = None
    """Ids of the candidate's whole golden set, to tell removed cases from cases that were not
    selected; null: the candidate holds its whole golden set, unless it is a selection."""
    scorer_of: Mapping[str, str] = field(default_factory=dict)
    """Name of the scorer that gives a score, by name of the score."""


@dataclass(frozen=True, slots=True)
class CaseSets:
    """Which cases can be compared; ids are sorted, drafts are in none of them."""

    common: tuple[str, ...]
    """On both sides, asking the same."""
    changed: tuple[str, ...]
    """On both sides, asking something else: removed and new."""
    removed: tuple[str, ...]
    """In the baseline and no longer in the candidate's golden set, or only as a draft."""
    new: tuple[str, ...]
    """In the candidate only."""
    unselected: tuple[str, ...]
    """In the golden set, but not run."""


@dataclass(frozen=True, slots=True)
class ByCase:
    """Values over the compared cases."""

    paired: Paired
    """The compared cases."""
    baseline: Fraction
    """The baseline's value; open scores at their best."""
    candidate: Fraction
    """The candidate's value; open scores at their worst."""
    ruling: Ruling
    """What the rule says of the two."""
    at_best: tuple[Fraction, Fraction, Ruling]
    """Values and ruling with every open score in the candidate's favour."""
    uncertainty: Uncertainty | None
    """What noise allows to say; null without noise, at a baseline of 0, and where nothing gates."""
    trials: tuple[int, int]
    """Smallest number of trials of a case, in the baseline and in the candidate."""
    n_cases: int
    """Cases compared."""
    more_failures: bool
    """Whether the candidate failed more of its trials, which leaves fewer to compare."""
    noise_from: Literal["trials", "recordings", "clock"] = "trials"
    """What varies: trials of a live agent, new recordings in a replay, or times measured in one."""


@dataclass(frozen=True, slots=True)
class ByValue:
    """Two values without cases to pair."""

    baseline: Fraction
    candidate: Fraction
    ruling: Ruling
    """What the rule says of the two."""


@dataclass(frozen=True, slots=True)
class NoComparison:
    """Why a metric cannot be compared."""

    kind: Literal["evidence", "comparison"]
    """Whether evidence is missing, or the sides measured different things."""
    reason: str
    """One sentence."""
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class MetricComparison:
    """One metric on two sides."""

    metric: Metric
    rule: Rule
    """How it gates."""
    result: ByCase | ByValue | NoComparison
    """What became of it."""
    guessed_direction: bool = False
    """Whether nobody said which way is better."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A candidate beside its baseline, or alone."""

    candidate: RunSummary
    baseline: RunSummary | None
    """What it is compared with; null: no comparison was asked for."""
    noisy: bool
    """Whether trials vary, so that statistics apply."""
    sets: CaseSets
    """Which cases can be compared."""
    blocked: NoComparison | None
    """Why nothing can be compared."""
    metrics: tuple[MetricComparison, ...]
    """Every metric with evidence on some side; empty where nothing can be compared."""
    changes: tuple[CaseChange, ...]
    """What became of each case, worst first."""
    definitions: Mapping[str, Metric]
    """All metrics of the suite."""
    recordings: Recordings = field(default_factory=Recordings)
    """What the common cases rest on."""
