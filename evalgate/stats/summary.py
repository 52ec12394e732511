"""The normal form of what is compared: a report, a baseline, or a flat file of numbers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from evalgate.errors import DataError
from evalgate.schema.base import Json
from evalgate.schema.result import CaseResult, Pricing, Report, Subject, TrialResult, TrialUsage
from evalgate.schema.score import Abstained, Broken, Score, Scored, is_countable
from evalgate.schema.status import TraceStatus
from evalgate.schema.verdict import Check, Outcome
from evalgate.stats.rounding import round4

__all__ = [
    "FAILED",
    "OF_THE_RUN",
    "REPLAY_MISS",
    "CaseSummary",
    "JudgeId",
    "RunSummary",
    "TrialColumns",
    "case_summary",
    "is_miss",
    "summary_of_flat",
    "summary_of_report",
    "with_costs",
]

FAILED: Final[frozenset[TraceStatus]] = frozenset(
    {"crashed", "timed_out", "bad_output", "limit", "loop_limit", "unfinished"}
)
"""How a trial ends that is the agent's failure."""

OF_THE_RUN: Final = ("evidence.supplied", "evidence.isolation", "evidence.shadowed")
"""Checks of how a run was made, which none of its trials shows."""

REPLAY_MISS: Final = "replay miss"
"""How the error of a broken score begins whose recorded verdict is not there."""

_ABSENT: Final = Abstained("the scorer gave no score")


def is_miss(score: Score) -> bool:
    """Say whether a score is broken because a recording lacks it: no bound can stand in for it."""
    return isinstance(score, Broken) and score.error.startswith(REPLAY_MISS)


@dataclass(frozen=True, slots=True)
class CaseSummary:
    """One case of one side; everything that is per trial is in the order of `numbers`."""

    id: str
    """The case."""
    digest: str
    """Digest of what the case asks."""
    numbers: tuple[int, ...]
    """Numbers of its trials, ascending."""
    statuses: tuple[TraceStatus, ...]
    """How each trial ended."""
    columns: Mapping[str, tuple[Score, ...]]
    """Scores by name, rounded to 4 significant digits."""
    usage: tuple[TrialUsage, ...] = ()
    """Tokens of each trial; empty: unknown."""
    calls: tuple[tuple[str, ...], ...] = ()
    """Names of the tool calls of each trial; empty: unknown."""
    recordings: tuple[str | None, ...] = ()
    """Digest of the recording of each trial's model calls; empty or null: unknown."""
    model_calls: tuple[int | None, ...] = ()
    """Requests of each trial that reached the gateway; empty or null: nobody counted."""
    weight: float = 1.0
    """Weight in every mean."""
    cluster: str | None = None
    """Cases of one cluster are not independent."""
    must_pass: bool = False
    """Whether its confirmed failure alone fails the gate."""
    zero_tolerance: bool = False
    """Whether a single failed trial does."""
    draft: bool = False
    """Whether it runs without gating."""
    expects_refusal: bool = False
    """Whether declining is right."""
    claimed: bool = False
    """Whether its success rests on what the agent says of itself, which does not count."""


class TrialColumns(NamedTuple):
    """What `CaseSummary` holds of trials, in its order and in that of their numbers."""

    numbers: tuple[int, ...]
    statuses: tuple[TraceStatus, ...]
    columns: Mapping[str, tuple[Score, ...]]
    usage: tuple[TrialUsage, ...]
    calls: tuple[tuple[str, ...], ...]
    recordings: tuple[str | None, ...]
    model_calls: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class JudgeId:
    """What identifies a judge's verdicts."""

    model: str | None
    """Its model."""
    prompt_digest: str | None
    """Digest of its prompts."""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One side of a comparison."""

    source: str
    """File, run or revision, for messages."""
    cases: Mapping[str, CaseSummary] = field(default_factory=dict)
    """Cases by id; empty for a flat file."""
    values: Mapping[str, float] = field(default_factory=dict)
    """Metrics over the whole side, 4 significant digits; only those that have a value."""
    means_only: bool = False
    """Whether there are no cases to pair, only values."""
    suite: str | None = None
    """The suite's name."""
    golden_digest: str | None = None
    """Digest of the golden set."""
    trials: int = 0
    """Trials a case that were asked for (the smallest there is, for stored data)."""
    noise: Literal["trials", "none"] = "trials"
    """Whether trials vary."""
    replayed: bool = False
    """Whether model calls were replayed: a trial that was not measured missed a recording."""
    selection: bool = False
    """Whether only some cases of the golden set were run."""
    scorers: Mapping[str, str] = field(default_factory=dict)
    """`version:config digest` of each scorer, by name."""
    judge: JudgeId | None = None
    """The judge, where one was asked."""
    judged: frozenset[str] = frozenset()
    """Metrics known to come from the judge."""
    recorded: frozenset[str] = frozenset()
    """Metrics known to be recorded, not computed."""
    claimed: frozenset[str] = frozenset()
    """Metrics that rest on what the agent says of itself, where that does not count."""
    timed: frozenset[str] = frozenset()
    """Times that were measured now although calls were replayed: they vary from run to run."""
    pricing: Pricing | None = None
    """The price table."""
    subject: Subject = field(default_factory=Subject)
    """Fingerprints of what was judged."""
    created: str | None = None
    """RFC 3339 time it was made."""
    cleared: frozenset[str] = frozenset()
    """`must_pass` cases whose failure fresh trials did not confirm when the report was made."""
    confirmed: frozenset[str] = frozenset()
    """`must_pass` cases whose failure was final when the report was made."""
    report: Report | None = None
    """The report it was made of, its cases aside; null: it is a baseline or a flat file."""
    checks: tuple[Check, ...] = ()
    """Checks of this side alone that hold whatever it is compared with: the stress check, whether
    its judges may be believed, a cap that ended it, recordings that a change supplied."""

    def gating(self) -> tuple[CaseSummary, ...]:
        """Return the cases that are no drafts, sorted by id."""
        return tuple(case for _, case in sorted(self.cases.items()) if not case.draft)


def summary_of_report(report: Report, source: str = "this run") -> RunSummary:
    """Bring a report into the normal form.

    Args:
        report: A report with its cases.
        source: What it is called in messages.
    """
    judge = report.judge
    metrics = report.metrics.items()
    trusted = report.suite.trust_reported
    return RunSummary(
        source=source,
        cases=MappingProxyType(
            {case.id: case_summary(case, _trials(case), trusted=trusted) for case in report.cases}
        ),
        values={name: round4(m.value) for name, m in metrics if m.value is not None},
        suite=report.suite.id,
        golden_digest=report.suite.golden_digest,
        trials=report.suite.trials,
        noise="none" if report.suite.mode == "replay" else report.suite.noise,
        replayed=report.suite.mode == "replay",
        selection=report.partial or report.suite.selected < report.suite.cases,
        scorers=report.scorers,
        judge=None if judge is None else JudgeId(judge.model, judge.prompt_digest),
        judged=frozenset(name for name, m in metrics if m.source == "judged"),
        recorded=frozenset(name for name, m in metrics if m.source == "recorded"),
        claimed=frozenset(name for name, m in metrics if m.source == "claimed" and not trusted),
        timed=frozenset(
            name
            for name, m in metrics
            if report.suite.mode == "replay" and m.unit == "s" and m.source == "measured"
        ),
        pricing=report.pricing,
        subject=report.subject,
        cleared=_must_pass(report, "pass"),
        confirmed=_must_pass(report, "fail"),
        report=report.model_copy(update={"cases": ()}),
        checks=tuple(check for check in report.checks if _stands_alone(check)),
    )


def _must_pass(report: Report, outcome: Outcome) -> frozenset[str]:
    return frozenset(
        check.id.removeprefix("must_pass.")
        for check in report.checks
        if check.kind == "must_pass" and check.outcome == outcome
    )


def _stands_alone(check: Check) -> bool:
    if check.id == "evidence.stress_baseline":
        return False
    known = ("evidence.stress", "evidence.cap", *OF_THE_RUN)
    return check.kind == "stress" or check.id.startswith(known) or check.id.endswith(".judge")


def case_summary(case: CaseResult, trials: TrialColumns, *, trusted: bool) -> CaseSummary:
    """Bring one case of a report into the normal form.

    Args:
        case: The case; its own trials are not looked at.
        trials: Its trials.
        trusted: Whether what the agent says of itself counts.
    """
    return CaseSummary(
        case.id,
        case.digest,
        *trials,
        weight=case.weight,
        cluster=case.cluster,
        must_pass=case.must_pass,
        zero_tolerance=case.zero_tolerance,
        draft=case.draft,
        expects_refusal=case.expects_refusal,
        claimed=case.claimed and not trusted,
    )


def _trials(case: CaseResult) -> TrialColumns:
    trials = sorted(case.trials, key=lambda trial: trial.trial)
    return TrialColumns(
        numbers=tuple(trial.trial for trial in trials),
        statuses=tuple(trial.status for trial in trials),
        columns=_columns(trials),
        usage=tuple(trial.usage for trial in trials),
        calls=tuple(trial.calls for trial in trials),
        recordings=tuple(trial.recording for trial in trials),
        model_calls=tuple(trial.model_calls for trial in trials),
    )


def _columns(trials: list[TrialResult]) -> dict[str, tuple[Score, ...]]:
    names: dict[str, None] = {}
    for trial in trials:
        names |= dict.fromkeys(trial.scores)
    return {
        name: tuple(_rounded(trial.scores.get(name, _ABSENT)) for trial in trials) for name in names
    }


def _rounded(score: Score) -> Score:
    if type(score) is not Scored:
        return score
    value = round4(score.value)
    return score if value == score.value else Scored(value)


def summary_of_flat(data: Json, source: str) -> RunSummary:
    """Read a flat `{metric: number}` file: means only, nothing to pair.

    Args:
        data: The parsed file.
        source: What it is called in messages.

    Raises:
        DataError: Where it is no object of numbers.
    """
    if not isinstance(data, dict) or not data:
        raise DataError(
            f"{source}: found {type(data).__name__} {str(data)[:60]!r}; expected a baseline, a "
            "report, or an object of numbers by metric",
            fix="make a baseline with `evalgate baseline update --reason WHY`",
        )
    values: dict[str, float] = {}
    for name, value in data.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not is_countable(value):
            raise DataError(
                f"{source}: /{name}: found {str(value)[:60]!r}; expected a number up to 1e100 "
                '(a file without "schema" is read as numbers by metric)',
                fix="give a number, a baseline or a report.json",
            )
        values[name] = round4(float(value))
    return RunSummary(source=source, values=values, means_only=True)


def with_costs(
    side: RunSummary, price: Callable[[CaseSummary, int], Score], pricing: Pricing
) -> RunSummary:
    """Price a side again from its tokens, so that both sides stand on one table.

    Args:
        side: The side; it is not changed.
        price: Returns the cost of trial `i` (its place, not its number) of a case.
        pricing: The table the prices come from.
    """
    cases = {
        name: replace(
            case,
            columns={
                **case.columns,
                "cost_usd": tuple(_rounded(price(case, i)) for i in range(len(case.numbers))),
            },
        )
        for name, case in side.cases.items()
    }
    return replace(side, cases=MappingProxyType(cases), pricing=pricing)
