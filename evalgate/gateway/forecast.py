"""What a live run will take, before it is made: calls, tokens, USD, time."""

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic_core import from_json

from evalgate.gateway.cassette_index import CaseCassette
from evalgate.gateway.governor import Price
from evalgate.quota.quota import Quota
from evalgate.schema.usage import Usage


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """One call that will be made."""

    trial: tuple[str, int]
    """Case and number of the trial; the calls of one trial follow each other."""
    model: str
    usage: Usage
    """Expected tokens."""
    seconds: float = 0.0
    """Expected latency."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a live run is expected to take."""

    cases: int
    """Cases with a live call."""
    calls: int
    """LLM calls."""
    input_tokens: int | None
    """Tokens; None: unknown for some call."""
    output_tokens: int | None
    """Tokens; None: unknown for some call."""
    cost_usd: float | None
    """USD; None: unknown for some call."""
    seconds: float
    """Wall time: the longest of the work, the longest trial and the limits."""
    unpriced: tuple[str, ...] = ()
    """Models without a known price."""

    def sentence(self, of_cases: int) -> str:
        """Return one line for a person."""
        cost = "an unknown sum" if self.cost_usd is None else f"{self.cost_usd:.2f} USD"
        minutes = max(1, round(self.seconds / 60))
        return f"{self.cases} of {of_cases} cases need a live run: about {cost}, {minutes} min"


def planned_calls(case_id: str, cassette: CaseCassette) -> tuple[PlannedCall, ...]:
    """Expect the calls of a case, a simulated user's too, to be those that are recorded."""
    return tuple(
        PlannedCall(
            trial=(case_id, trial),
            model=answer.delivered.reply.model or _model(answer.spelt),
            usage=answer.delivered.reply.usage,
            seconds=answer.end - answer.start,
        )
        for part in (cassette, cassette.user)
        if part is not None
        for trial, keys in part.answers.items()
        for answers in keys.values()
        for answer in answers
        if answer.delivered.error is None and answer.delivered.wire.kind != "other"
    )


def _model(spelt: bytes) -> str:
    return str(from_json(spelt).get("model") or "")


def forecast(
    planned: Iterable[PlannedCall], quota: Quota, price: Price, *, concurrency: int
) -> Forecast:
    """Add up what calls will take.

    Args:
        planned: The calls.
        quota: The limits they will be made under.
        price: What a call costs; None where that is unknown.
        concurrency: Trials at once, at least 1.

    Returns:
        The forecast; an unknown part makes its sum unknown, never smaller.
    """
    calls = tuple(planned)
    inputs = _total([call.usage.input_tokens for call in calls])
    outputs = _total([call.usage.output_tokens for call in calls])
    costs = [(call.model, price(call.model, call.usage)) for call in calls]
    by_trial: dict[tuple[str, int], float] = {}
    for call in calls:
        by_trial[call.trial] = by_trial.get(call.trial, 0.0) + call.seconds
    work = sum(by_trial.values()) / concurrency
    limited = _limited(len(calls), inputs, outputs, quota)
    known = [cost for _, cost in costs if cost is not None]
    return Forecast(
        cases=len({call.trial[0] for call in calls}),
        calls=len(calls),
        input_tokens=inputs,
        output_tokens=outputs,
        cost_usd=sum(known) if len(known) == len(costs) else None,
        seconds=max(work, limited, max(by_trial.values(), default=0.0)),
        unpriced=tuple(sorted({model for model, cost in costs if cost is None})),
    )


def _total(counts: list[int | None]) -> int | None:
    known = [value for value in counts if value is not None]
    return sum(known) if len(known) == len(counts) else None


def _limited(calls: int, inputs: int | None, outputs: int | None, quota: Quota) -> float:
    """Return the seconds that the tightest limit makes of the work."""
    needs = (
        (calls, quota.rpm),
        ((inputs or 0) + (outputs or 0), quota.tpm),
        (inputs or 0, quota.input_tpm),
        (outputs or 0, quota.output_tpm),
    )
    return max((need * quota.window / limit for need, limit in needs if limit), default=0.0)
