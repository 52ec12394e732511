"""Cost and tokens."""

from collections.abc import Sequence
from datetime import datetime
from math import fsum

from evalgate.pricing import PriceBook, Unpriced, price_call
from evalgate.schema.golden import Case
from evalgate.schema.result import TrialUsage, TrialUser
from evalgate.schema.score import Abstained, Score, Scored
from evalgate.schema.trace import LlmCall, Trace
from evalgate.scorers.settings import NO, Settings, unknown
from evalgate.usage.parse import usage_of_call

VERSION = "1"
"""Changes when the definition changes."""

SCORES = ("cost_usd", "token_efficiency", "cached_token_share", "cache_hit")
"""Names of the scores of a trial."""

_DISAGREES_FROM = 0.01
"""Relative difference of recorded and computed cost that is worth a word."""

_NO_CALLS = unknown("no LLM call was seen")
_NO_TOKENS = unknown("an LLM call has no token counts")
_NO_CACHED = unknown("an LLM call has no count of cached tokens")
_NO_SIGNAL = unknown("no LLM call says whether a semantic cache answered")
_ZERO_RECORDED = unknown("a recorded cost of 0 on calls with tokens says nothing")
_NOT_USED = Abstained("no tokens were used")


def score_cost(case: Case, trace: Trace, settings: Settings, book: PriceBook) -> dict[str, Score]:  # noqa: ARG001  # the shape of a scorer
    """Score cost, token shares and semantic cache hits of one trial.

    Args:
        case: The case.
        trace: Its trial.
        settings: Whether recorded costs count.
        book: Prices of the user and of the table.
    """
    calls = _calls(trace)
    return {
        "cost_usd": _cost(trace, calls, settings, book),
        **_shares(calls, settings),
        "cache_hit": _cache_hit(calls),
    }


def trial_usage(trace: Trace, settings: Settings) -> TrialUsage:
    """Add up the tokens of a trial's LLM calls; a count that one billed call lacks is unknown."""
    return _usage(_calls(trace), settings)


def _usage(listed: Sequence[LlmCall], settings: Settings) -> TrialUsage:
    calls = [call for call in listed if not _unbilled(call, settings)]
    if not calls:
        return TrialUsage()
    return TrialUsage(
        _sum([c.input_tokens for c in calls]),
        _sum([c.output_tokens for c in calls]),
        _sum([c.cached_tokens for c in calls]),
    )


def trial_user(trace: Trace, settings: Settings) -> TrialUser | None:
    """Say what the simulated user of a trial spent; null where it had none."""
    user = trace.user
    if user is None:
        return None
    usage = _usage(user.calls, settings)
    cost = _cost_of(user.calls, _moment(trace), settings, PriceBook(overrides=settings.prices))
    return TrialUser(
        model=user.model,
        calls=len(user.calls),
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cost_usd=cost.value if isinstance(cost, Scored) else None,
        broken=user.broken,
    )


def _sum(counts: list[int | None]) -> int | None:
    """Add up, unless one is unknown."""
    whole = 0
    for count in counts:
        if count is None:
            return None
        whole += count
    return whole


def _calls(trace: Trace) -> list[LlmCall]:
    return [step for step in trace.steps if isinstance(step, LlmCall)]


def _unbilled(call: LlmCall, settings: Settings) -> bool:
    """Return whether a call without token counts is known to have used none.

    So is one that a semantic cache answered, one whose every attempt the provider refused, and
    one that is recorded as free: tokens of these are not missing.
    """
    if call.input_tokens or call.output_tokens:
        return False
    if call.cache_hit is True or (settings.claims_count and call.cost_usd == 0):
        return True
    return bool(call.attempts) and all((a.status or 0) >= 400 for a in call.attempts)


def _cost(trace: Trace, calls: list[LlmCall], settings: Settings, book: PriceBook) -> Score:
    """Take the recorded cost of the trial, else of each call; compute where there is none."""
    if settings.claims_count and trace.cost_usd:
        return Scored(trace.cost_usd)
    return _cost_of(calls, _moment(trace), settings, book)


def _cost_of(
    calls: Sequence[LlmCall], at: datetime | None, settings: Settings, book: PriceBook
) -> Score:
    """Add up what calls cost; unknown as soon as one is."""
    if not calls:
        return _NO_CALLS
    costs: list[float] = []
    for call in calls:
        cost = _call_cost(call, at, settings, book)
        if isinstance(cost, Abstained):
            return cost
        costs.append(cost)
    whole = fsum(costs)
    return Scored(whole) if whole else NO


def _call_cost(
    call: LlmCall, at: datetime | None, settings: Settings, book: PriceBook
) -> float | Abstained:
    recorded = call.cost_usd if settings.claims_count else None
    if recorded:
        return recorded
    if call.cache_hit is True or _unbilled(call, settings):
        return 0.0
    if recorded == 0 and (call.model is None or book.override(call.model, call.provider) is None):
        # Its own source could not price it, so the public price of the name is not its price.
        return _ZERO_RECORDED
    return _computed(call, at, book)


def _computed(call: LlmCall, at: datetime | None, book: PriceBook) -> float | Abstained:
    usage = usage_of_call(call)
    if usage.billed_usd is not None:
        return usage.billed_usd
    if not usage.problems and None in (usage.input_tokens, usage.output_tokens):
        return _NO_TOKENS
    if call.model is None:
        return _NO_MODEL
    cost = price_call(usage, call.model, call.provider, at, book)
    return unknown(cost.reason) if isinstance(cost, Unpriced) else float(cost)


_NO_MODEL = unknown("an LLM call names no model")


def _moment(trace: Trace) -> datetime | None:
    """Read the day the trial began; one that cannot be read leaves the newest prices."""
    if trace.started_at is None:
        return None
    try:
        return datetime.fromisoformat(trace.started_at)
    except ValueError:
        return None


def cost_disagreement(trace: Trace, settings: Settings, book: PriceBook) -> str | None:
    """Say where recorded and computed cost of a trial differ by more than 1 %.

    The recorded cost counts: a hidden discount is in it and not in the table.
    """
    if not settings.claims_count:
        return None
    calls = _calls(trace)
    recorded = trace.cost_usd or fsum(call.cost_usd or 0.0 for call in calls)
    if not recorded or not calls:
        return None
    at = _moment(trace)
    costs: list[float] = []
    for call in calls:
        cost = (
            0.0
            if call.cache_hit is True or _unbilled(call, settings)
            else _computed(call, at, book)
        )
        if isinstance(cost, Abstained):
            return None
        costs.append(cost)
    computed = fsum(costs)
    if abs(computed - recorded) <= _DISAGREES_FROM * recorded:
        return None
    return f"the recorded cost is {recorded:.4g} USD, tokens x price is {computed:.4g} USD"


def _shares(calls: list[LlmCall], settings: Settings) -> dict[str, Score]:
    billed = [call for call in calls if not _unbilled(call, settings)]
    if not calls:
        return {"token_efficiency": _NO_CALLS, "cached_token_share": _NO_CALLS}
    return {"token_efficiency": _efficiency(billed), "cached_token_share": _cached(billed)}


def _efficiency(calls: list[LlmCall]) -> Score:
    ins = _sum([call.input_tokens for call in calls])
    outs = _sum([call.output_tokens for call in calls])
    if ins is None or outs is None:
        return _NO_TOKENS
    if ins + outs == 0:
        return _NOT_USED
    last = calls[-1]
    answer = max((last.output_tokens or 0) - (last.reasoning_tokens or 0), 0)
    return Scored(answer / (ins + outs), (answer, ins + outs))


def _cached(calls: list[LlmCall]) -> Score:
    ins = _sum([call.input_tokens for call in calls])
    cached = _sum([call.cached_tokens for call in calls])
    if ins is None:
        return _NO_TOKENS
    if cached is None:
        return _NO_CACHED
    if ins == 0:
        return _NOT_USED
    if cached > ins:
        return unknown(f"{cached} cached tokens are more than the {ins} input tokens")
    return Scored(cached / ins, (cached, ins))


def _cache_hit(calls: list[LlmCall]) -> Score:
    asked = [call.cache_hit for call in calls if call.cache_hit is not None]
    if not asked:
        return _NO_SIGNAL if calls else _NO_CALLS
    hits = sum(asked)
    return Scored(hits / len(asked), (hits, len(asked)))
