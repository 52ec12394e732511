"""What a run cost by model, tool and case, and where the difference to the baseline went."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import isclose

from evalgate.output.cases.cost_split import CallCost, Reason, cost_difference, trial_costs
from evalgate.output.cases.details import RunDetails
from evalgate.pricing import PriceBook
from evalgate.schema.result import Report, TrialResult
from evalgate.schema.score import Scored
from evalgate.schema.trace import LlmCall, ToolCall, Trace

ANSWERING = "answering, no tool"
"""Stands for a tool where a model call asked for none."""

_CASES = 10
"""Cases that are listed."""
_SAME = 1e-6
"""Relative difference between the score and the sum over calls that is rounding."""


@dataclass(frozen=True, slots=True)
class Share:
    """One line of a table: what it stands for and what it cost in all trials, in USD."""

    name: str
    cost: Fraction
    calls: int
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Difference:
    """Why the mean cost of a trial differs from the baseline's, in USD a trial."""

    before: Fraction
    after: Fraction
    reasons: Mapping[Reason, Fraction]
    """They add up to `after - before`."""
    cases: int
    """Cases that were compared."""
    left_out: int
    """Cases whose cost is unknown on a side, or is not the sum of its calls."""


@dataclass(frozen=True, slots=True)
class Costs:
    """Where the money went."""

    total: Fraction
    """Cost of all trials that are split."""
    trials: int
    """Trials that are split."""
    left_out: int
    """Trials that are not: no trace, no price, or a cost that is not the sum of its calls."""
    models: tuple[Share, ...]
    """By model."""
    tools: tuple[Share, ...]
    """By tool: a model call counts for the tools it asked for, in equal parts."""
    cases: tuple[Share, ...]
    """By case, dearest first."""
    difference: Difference | None
    """Against the baseline, where its run is at hand."""


def costs_of(report: Report, details: RunDetails) -> Costs:
    """Split the cost of a run."""
    split = _split({c.id: c.trials for c in report.cases}, details.traces, details.book)
    models, tools, cases = _Table(), _Table(), _Table()
    for (case, number), found in split.items():
        for cost in found:
            counts = cost.call.input_tokens or 0, cost.call.output_tokens or 0
            models.add(Share(cost.model, cost.total, 1, *counts))
        for name, amount in _by_tool(details.traces[case, number], found):
            tools.add(Share(name, amount, 1))
        cases.add(Share(case, _sum(found), len(found)))
    trials = sum(len(case.trials) for case in report.cases)
    return Costs(
        total=sum((share.cost for share in cases.rows.values()), Fraction(0)),
        trials=len(split),
        left_out=trials - len(split),
        models=models.dearest(),
        tools=tools.dearest(),
        cases=cases.dearest()[:_CASES],
        difference=_difference(report, details, split),
    )


@dataclass(slots=True)
class _Table:
    """Shares that add up by name."""

    rows: dict[str, Share] = field(default_factory=dict)

    def add(self, more: Share) -> None:
        old = self.rows.get(more.name)
        self.rows[more.name] = (
            more
            if old is None
            else Share(
                more.name,
                old.cost + more.cost,
                old.calls + more.calls,
                old.input_tokens + more.input_tokens,
                old.output_tokens + more.output_tokens,
            )
        )

    def dearest(self) -> tuple[Share, ...]:
        return tuple(sorted(self.rows.values(), key=lambda share: (-share.cost, share.name)))


_Split = dict[tuple[str, int], tuple[CallCost, ...]]


def _split(
    cases: Mapping[str, Sequence[TrialResult]],
    traces: Mapping[tuple[str, int], Trace],
    book: PriceBook,
) -> _Split:
    """Split every trial whose calls add up to its scored cost."""
    found: _Split = {}
    for case, trials in cases.items():
        for trial in trials:
            trace = traces.get((case, trial.trial))
            costs = None if trace is None else trial_costs(trace, book)
            if costs is not None and _adds_up(trial, costs):
                found[case, trial.trial] = costs
    return found


def _adds_up(trial: TrialResult, costs: Sequence[CallCost]) -> bool:
    score = trial.scores.get("cost_usd")
    return isinstance(score, Scored) and isclose(
        score.value, float(_sum(costs)), rel_tol=_SAME, abs_tol=1e-12
    )


def _sum(costs: Iterable[CallCost]) -> Fraction:
    return sum((cost.total for cost in costs), Fraction(0))


def _by_tool(trace: Trace, costs: Sequence[CallCost]) -> Iterator[tuple[str, Fraction]]:
    """Say for each model call which tools follow before the next one, with a share of its cost."""
    asked: list[list[str]] = []
    for step in trace.steps:
        if isinstance(step, LlmCall):
            asked.append([])
        elif isinstance(step, ToolCall) and step.requestor == "assistant" and asked:
            asked[-1].append(step.name)
    for cost, names in zip(costs, asked, strict=True):
        tools = names or [ANSWERING]
        yield from ((name, cost.total / len(tools)) for name in tools)


def _difference(report: Report, details: RunDetails, split: _Split) -> Difference | None:
    """Split the difference of the mean cost of a trial over the cases that both sides priced."""
    other = details.other
    if other is None:
        return None
    old = _split(other.trials, other.traces, details.book)
    reasons: dict[Reason, Fraction] = {}
    before = after = Fraction(0)
    compared = 0
    common = [case for case in report.cases if case.id in other.trials]
    for case in common:
        was = [old.get((case.id, trial.trial)) for trial in other.trials[case.id]]
        now = [split.get((case.id, trial.trial)) for trial in case.trials]
        known_old, known_new = ([one for one in side if one is not None] for side in (was, now))
        if not was or not now or len(known_old) < len(was) or len(known_new) < len(now):
            continue
        compared += 1
        before += sum(map(_sum, known_old), Fraction(0)) / len(was)
        after += sum(map(_sum, known_new), Fraction(0)) / len(now)
        for reason, amount in cost_difference(known_old, known_new, details.book).items():
            reasons[reason] = reasons.get(reason, Fraction(0)) + amount
    if not compared:
        return None
    return Difference(
        before / compared,
        after / compared,
        {reason: amount / compared for reason, amount in reasons.items()},
        compared,
        len(common) - compared,
    )
