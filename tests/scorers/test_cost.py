"""Cost and tokens."""

from collections.abc import Callable

import pytest

from evalgate.pricing import PriceBook
from evalgate.schema.config import Price
from evalgate.schema.golden import Case
from evalgate.schema.result import TrialUsage
from evalgate.schema.score import Abstained, Score, Scored
from evalgate.schema.trace import Attempt, LlmCall, Trace
from evalgate.scorers.cost import SCORES, cost_disagreement, score_cost, trial_usage
from evalgate.scorers.settings import Settings

MakeTrace = Callable[..., Trace]

RECORDED = Settings(evidence="recorded")
LIVE = Settings()
OWN = {"own": Price(input=10, output=30)}
CALL = {"model": "own", "input_tokens": 1000, "output_tokens": 100}
"""Costs .010 + .003 USD at the prices of `OWN`."""


@pytest.fixture
def cost(make_case: Callable[..., Case], make_trace: MakeTrace) -> Callable[..., Score]:
    """Return a function that prices a trial of these calls."""

    def run(*calls: LlmCall, settings: Settings = LIVE, **fields: object) -> Score:
        book = PriceBook(overrides=OWN)
        return score_cost(make_case(), make_trace(*calls, **fields), settings, book)["cost_usd"]

    return run


def call(**fields: object) -> LlmCall:
    """Make a call of the priced model."""
    return LlmCall.model_validate({**CALL, **fields})


def is_unknown(score: Score) -> bool:
    """Return whether a score says that its quantity is not known."""
    return isinstance(score, Abstained) and score.unknown


def test_tokens_times_price(cost: Callable[..., Score]) -> None:
    """Two calls of .013 USD."""
    assert Scored(0.026) == cost(call(), call())


def test_public_price(make_case: Callable[..., Case], busy_trace: Trace) -> None:
    """gpt-4o at 2.5, cached 1.25, out 10 USD a million: .003 + .003 = .006."""
    scores = score_cost(make_case(), busy_trace, LIVE, PriceBook())

    assert set(SCORES) == set(scores)
    assert Scored(0.006) == scores["cost_usd"]


@pytest.mark.parametrize(
    "calls",
    [
        [],
        [call(model="gpt-4o-2025-01-31")],
        [call(model=None)],
        [call(input_tokens=None)],
        [call(output_tokens=None)],
        [call(), call(input_tokens=None, output_tokens=None)],
        [call(cached_tokens=2000)],
    ],
)
def test_unknown(cost: Callable[..., Score], calls: list[LlmCall]) -> None:
    """No calls, no tokens, no price: unknown and never zero, also beside calls that are known."""
    assert is_unknown(cost(*calls))


def test_recorded_wins(cost: Callable[..., Score]) -> None:
    """The trial's recorded cost wins over its calls', and these over tokens x price."""
    with_cost = call(cost_usd=0.5)

    assert Scored(0.9) == cost(with_cost, settings=RECORDED, cost_usd=0.9)
    assert Scored(0.513) == cost(with_cost, call(), settings=RECORDED)
    assert Scored(0.2) == cost(settings=RECORDED, cost_usd=0.2)


def test_claims_do_not_count(cost: Callable[..., Score]) -> None:
    """A live agent's own cost is a claim: tokens are priced, unless the suite trusts it."""
    trusted = Settings(trust_reported=True)

    assert Scored(0.013) == cost(call(cost_usd=0.0001), cost_usd=0.0001)
    assert Scored(0.0001) == cost(call(), settings=trusted, cost_usd=0.0001)
    assert is_unknown(cost(call(model="x", cost_usd=0.01)))
    assert is_unknown(cost(cost_usd=0.01))
    assert is_unknown(cost(LlmCall(model="own", cost_usd=0)))


def test_recorded_zero_is_unknown(cost: Callable[..., Score]) -> None:
    """0 on a call with tokens says nothing, nor does the public table; the user's price does."""
    assert is_unknown(cost(call(model="gpt-4o", cost_usd=0), settings=RECORDED))
    assert is_unknown(cost(call(cost_usd=0, model=None), settings=RECORDED))
    assert is_unknown(cost(settings=RECORDED, cost_usd=0))
    assert Scored(0.013) == cost(call(cost_usd=0), settings=RECORDED)
    assert Scored(0.013) == cost(call(cost_usd=0), settings=RECORDED, cost_usd=0)


def test_free_calls(cost: Callable[..., Score]) -> None:
    """A canned greeting, a semantic cache's answer and a refused request cost nothing."""
    greeting = LlmCall(model="own", cost_usd=0)
    refused = LlmCall(model="own", error="throttled", attempts=(Attempt(status=429),))
    cut = LlmCall(model="own", error="timeout", attempts=(Attempt(status=None),))

    assert Scored(0.013) == cost(greeting, call(), settings=RECORDED)
    assert Scored(0.013) == cost(call(cache_hit=True), call(), refused)
    assert is_unknown(cost(call(), cut))


def test_disagreement(make_trace: MakeTrace) -> None:
    """A difference above 1 % of recorded and computed cost is said; the recorded one counts."""
    book = PriceBook(overrides=OWN)
    within, above = make_trace(call(), cost_usd=0.0131), make_trace(call(), cost_usd=0.0132)

    assert cost_disagreement(within, RECORDED, book) is None
    assert cost_disagreement(above, RECORDED, book) == (
        "the recorded cost is 0.0132 USD, tokens x price is 0.013 USD"
    )
    assert cost_disagreement(above, LIVE, book) is None
    assert cost_disagreement(make_trace(call(model="x"), cost_usd=1), RECORDED, book) is None


def test_what_a_cache_answered_is_priced_at_nothing(make_trace: MakeTrace) -> None:
    """Beside a billed call of .013 USD: a recorded .116 would be the price of both."""
    book = PriceBook(overrides=OWN)
    calls = call(), call(cache_hit=True, input_tokens=10_000)

    assert cost_disagreement(make_trace(*calls, cost_usd=0.013), RECORDED, book) is None
    assert cost_disagreement(make_trace(*calls, cost_usd=0.116), RECORDED, book) is not None


def test_shares(make_case: Callable[..., Case], busy_trace: Trace) -> None:
    """Answer tokens over all, cached over input."""
    scores = score_cost(make_case(), busy_trace, LIVE, PriceBook())

    assert Scored(150 / 2300, (150, 2300)) == scores["token_efficiency"]
    assert Scored(1000 / 2100, (1000, 2100)) == scores["cached_token_share"]


def test_reasoning_is_no_answer(make_case: Callable[..., Case], make_trace: MakeTrace) -> None:
    """Reasoning tokens are spent and are not the answer."""
    trace = make_trace(call(reasoning_tokens=60))
    scores = score_cost(make_case(), trace, LIVE, PriceBook(overrides=OWN))

    assert Scored(40 / 1100, (40, 1100)) == scores["token_efficiency"]


def test_unknown_shares(make_case: Callable[..., Case], make_trace: MakeTrace) -> None:
    """A missing count is unknown, not none; so is a count of cached tokens."""
    lacking = make_trace(call(), call(output_tokens=None, input_tokens=None))
    plain = make_trace(call())
    scores = score_cost(make_case(), lacking, LIVE, PriceBook(overrides=OWN))

    assert is_unknown(scores["token_efficiency"])
    assert is_unknown(scores["cached_token_share"])
    assert is_unknown(score_cost(make_case(), plain, LIVE, PriceBook())["cached_token_share"])


def test_semantic_cache(make_case: Callable[..., Case], make_trace: MakeTrace) -> None:
    """Hits over calls with a hit signal; unknown without one."""
    hits = make_trace(call(cache_hit=True), call(cache_hit=False), call())
    book = PriceBook(overrides=OWN)

    assert Scored(0.5, (1, 2)) == score_cost(make_case(), hits, LIVE, book)["cache_hit"]
    assert is_unknown(score_cost(make_case(), make_trace(call()), LIVE, book)["cache_hit"])


def test_usage(make_trace: MakeTrace, busy_trace: Trace) -> None:
    """Tokens add up; one missing count leaves its sum unknown; no calls, no usage."""
    lacking = make_trace(call(), call(output_tokens=None))

    assert TrialUsage(2100, 200, 1000) == trial_usage(busy_trace, LIVE)
    assert TrialUsage(2000, None, None) == trial_usage(lacking, LIVE)
    assert TrialUsage() == trial_usage(make_trace(), LIVE)


@pytest.mark.parametrize(
    ("start", "expected"), [("2025-05-01T00:00:00Z", 10.0), ("2025-07-01T00:00:00Z", 2.0)]
)
def test_a_call_costs_what_it_cost_on_the_day(
    cost: Callable[..., Score], start: str, expected: float
) -> None:
    """o3 cost 10 USD a million before 2025-06-10, and 2 after (OpenAI's notice)."""
    tokens = {"input_tokens": 1_000_000, "output_tokens": 0}
    priced = LlmCall.model_validate({"model": "o3", "provider": "openai", **tokens})
    assert Scored(expected) == cost(priced, started_at=start)


def test_unreadable_start_is_undated(cost: Callable[..., Score]) -> None:
    """A start that is no time leaves the newest prices."""
    assert Scored(0.013) == cost(call(), started_at="yesterday")


def test_a_cached_answer_without_tokens_is_known(
    make_case: Callable[..., Case], make_trace: MakeTrace
) -> None:
    """Neither it nor a refused request leaves the tokens of the others unknown; silence does."""
    refused = LlmCall(attempts=(Attempt(status=400), Attempt(status=503)))
    waited = LlmCall(attempts=(Attempt(status=429), Attempt(status=None)))
    full = {"cached_tokens": 0}
    for other, known in ((LlmCall(cache_hit=True), True), (refused, True), (waited, False)):
        trace = make_trace(call(**full), other)
        scores = score_cost(make_case(), trace, LIVE, PriceBook(overrides=OWN))
        assert (scores["token_efficiency"] == Scored(100 / 1100, (100, 1100))) == known
        assert (scores["cached_token_share"] == Scored(0.0, (0, 1000))) == known
    billed = make_trace(call(**full), call(cache_hit=True, **full))
    scores = score_cost(make_case(), billed, LIVE, PriceBook(overrides=OWN))
    assert scores["cached_token_share"] == Scored(0.0, (0, 2000))


def test_no_tokens_were_used(make_case: Callable[..., Case], make_trace: MakeTrace) -> None:
    """0 of 0 is no share; one token of input is one."""
    none = make_trace(LlmCall(input_tokens=0, output_tokens=0, cached_tokens=0))
    scores = score_cost(make_case(), none, LIVE, PriceBook())
    for name in ("token_efficiency", "cached_token_share"):
        found = scores[name]
        assert isinstance(found, Abstained)
        assert not found.unknown
    one = make_trace(LlmCall(input_tokens=1, output_tokens=0, cached_tokens=1))
    scores = score_cost(make_case(), one, LIVE, PriceBook())
    assert scores["token_efficiency"] == Scored(0.0, (0, 1))
    assert scores["cached_token_share"] == Scored(1.0, (1, 1))
    silent = score_cost(make_case(), make_trace(), LIVE, PriceBook())
    assert is_unknown(silent["token_efficiency"])
    assert is_unknown(silent["cache_hit"])


def test_more_cached_than_given_is_unknown(
    make_case: Callable[..., Case], make_trace: MakeTrace
) -> None:
    """A share above 1 is none."""
    trace = make_trace(call(cached_tokens=1001))
    found = score_cost(make_case(), trace, LIVE, PriceBook())["cached_token_share"]
    assert found == Abstained(
        "1001 cached tokens are more than the 1000 input tokens", unknown=True
    )


def test_an_answer_is_never_less_than_nothing(
    make_case: Callable[..., Case], make_trace: MakeTrace
) -> None:
    """More reasoning than output, and the last call's answer alone."""
    trace = make_trace(call(), call(output_tokens=10, reasoning_tokens=60))
    scores = score_cost(make_case(), trace, LIVE, PriceBook(overrides=OWN))
    assert scores["token_efficiency"] == Scored(0.0, (0, 2110))
