"""Prices of LLM calls."""

from datetime import UTC, datetime
from fractions import Fraction

import genai_prices
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evalgate.pricing import (
    PriceBook,
    Rates,
    Tariff,
    Unpriced,
    lookup_public,
    price_call,
    pricing_info,
    rates_of,
    spelt_price,
)
from evalgate.schema.config import Price
from evalgate.schema.usage import Usage
from evalgate.usage.parse import usage_of_totals

DAY = datetime(2026, 1, 2, tzinfo=UTC)
USAGE = usage_of_totals(1000, 100, 200)


def cents(*usd_per_million: int) -> Rates:
    """Make rates of input, output, cached input and cache writes."""
    names = ("input", "output", "cache_read", "cache_write")
    return Rates(1_000_000, dict(zip(names, usd_per_million, strict=False)))


@pytest.fixture
def book() -> PriceBook:
    """Return a book over the public table."""
    return PriceBook()


def test_published_example() -> None:
    """80 output tokens at $30 a million are $.0024; with 1,200 at $10 a million, $.0144."""
    price = rates_of(Price(input=10, output=30))

    assert Fraction("0.0024") == price.cost(usage_of_totals(0, 80))
    assert Fraction("0.0144") == price.cost(usage_of_totals(1200, 80))


def test_cached_tokens_apart() -> None:
    """800 plain at 2.5, 200 cached at 1.25, 100 out at 10 USD a million: .00325 (gpt-4o)."""
    price = rates_of(Price(input=2.5, output=10, cached=1.25))

    assert Fraction("0.00325") == price.cost(USAGE)
    assert Fraction("0.0035") == rates_of(Price(input=2.5, output=10)).cost(USAGE)


def test_decimals_are_exact() -> None:
    """A price of .1 is one tenth and not its binary neighbour."""
    assert Fraction(1, 10) == rates_of(Price(input=0.1, output=0)).cost(
        usage_of_totals(1_000_000, 0)
    )


def test_contradicting_counts_are_unknown() -> None:
    """More cached than input tokens: no price."""
    cost = price_call(usage_of_totals(100, 0, 101), "gpt-4o", None, DAY, PriceBook())
    assert isinstance(cost, Unpriced)
    assert "contradict" in cost.reason


def test_missing_price_is_unknown() -> None:
    """Tokens without a price make the cost unknown; a missing price of no tokens does not."""
    rates = Rates(1, {"input": 2})

    assert Unpriced("1 output tokens have no price") == rates.cost(usage_of_totals(1, 1))
    assert rates.cost(usage_of_totals(1, 0)) == 2


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("gpt-4o", None),
        ("gpt-4o", "openai"),
        ("gpt-4o", "OpenAI"),
        ("openai/gpt-4o", None),
        ("azure/gpt-4o", None),
        ("azure/gpt-4o-2024-11-20", "litellm"),
        ("gpt-4o", "azure.ai.openai"),
        ("litellm_proxy/openai/gpt-4o", None),
    ],
)
def test_provider_prefixes(book: PriceBook, model: str, provider: str | None) -> None:
    """However the provider is spelled, it is the same gpt-4o: .00325 USD."""
    assert Fraction("0.00325") == price_call(USAGE, model, provider, DAY, book)


def test_prefix_in_a_prefix(book: PriceBook) -> None:
    """A reseller's own entry of another's model is found: 2.5 and 10 USD a million."""
    assert Fraction("0.0035") == price_call(
        usage_of_totals(1000, 100), "openrouter/openai/gpt-4o", None, DAY, book
    )


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("gpt-4o-2025-01-31", None),
        ("gpt-4o-2025-01-31", "openai"),
        ("openai/gpt-4o-2025-01-31", None),
        ("ft:gpt-4.1-2025-04-14:sierra:tau2-full-sft:BzrYdMNm", "openai"),
        ("my-model", None),
        ("gpt-4o", "some-reseller"),
        ("gpt-4o", "not-openai"),
        ("", None),
        ("/", None),
        ("a" * 10_000, None),
    ],
)
def test_unknown_stays_unknown(book: PriceBook, model: str, provider: str | None) -> None:
    """A snapshot that never was, a fine-tuned model, another provider: no price, not a similar."""
    assert isinstance(price_call(USAGE, model, provider, DAY, book), Unpriced)


def test_override_wins() -> None:
    """A price of the user counts before the table, with or without the provider."""
    own = Price(input=1, output=0)
    usage = usage_of_totals(1_000_000, 5)
    for name in ("gpt-4o", "openai/gpt-4o"):
        book = PriceBook(overrides={name: own})
        assert price_call(usage, "gpt-4o", "openai", DAY, book) == 1
    assert price_call(usage, "azure/gpt-4o", None, DAY, PriceBook(overrides={"gpt-4o": own})) == 1


def test_prices_are_dated(book: PriceBook) -> None:
    """o3 cost 10 and 40 USD a million before 2025-06-10 and 2 and 8 after (OpenAI's notice)."""
    usage = usage_of_totals(1_000_000, 0)

    before = price_call(usage, "o3", "openai", datetime(2025, 5, 1, tzinfo=UTC), book)
    after = price_call(usage, "o3", "openai", datetime(2025, 7, 1, tzinfo=UTC), book)
    undated = price_call(usage, "o3", "openai", None, book)

    assert (10, 2, 2) == (before, after, undated)


def test_naive_dates_are_utc(book: PriceBook) -> None:
    """A date without a zone is read as UTC and does not crash."""
    naive = datetime(2025, 5, 1)  # noqa: DTZ001  # the subject of the test

    assert price_call(usage_of_totals(1_000_000, 0), "o3", "openai", naive, book) == 10


@given(
    st.sampled_from(
        [
            ("gpt-4o", "openai"),
            ("claude-sonnet-4-5", "anthropic"),
            ("gemini-2.5-pro", "google"),
            ("o3", "openai"),
            ("sonar", "perplexity"),
        ]
    ),
    st.integers(0, 400_000),
    st.integers(0, 10_000),
    st.floats(0, 0.5),
)
@example(("gemini-2.5-pro", "google"), 200_000, 10, 0.1)
@example(("gemini-2.5-pro", "google"), 200_001, 10, 0.1)
@example(("claude-sonnet-4-5", "anthropic"), 300_000, 10, 0.1)
def test_same_as_the_table(
    named: tuple[str, str], tokens: int, output: int, cached_share: float
) -> None:
    """Our linear form gives genai-prices' own figure, tiers and request fees included."""
    model, provider = named
    cached = int(tokens * cached_share)
    theirs = genai_prices.calc_price(
        genai_prices.Usage(input_tokens=tokens, output_tokens=output, cache_read_tokens=cached),
        model,
        provider_id=provider,
        genai_request_timestamp=DAY,
    )
    ours = price_call(usage_of_totals(tokens, output, cached), model, provider, DAY, PriceBook())

    assert Fraction(theirs.total_price) == ours


def test_lookup_is_asked_once() -> None:
    """A book finds each model once, however many calls it prices."""
    asked: list[str] = []

    def lookup(model: str, provider: str | None) -> Tariff | None:
        asked.append(model)
        return lookup_public(model, provider)

    book = PriceBook(lookup=lookup)
    for _ in range(3):
        price_call(USAGE, "nobody/knows", None, DAY, book)

    assert ["nobody/knows", "knows"] == asked


def test_pricing_info() -> None:
    """The table is identified by its version, and the digest covers the user's prices."""
    plain, own = pricing_info(), pricing_info({"m": Price(input=1, output=2)})

    assert ("genai-prices", genai_prices.__version__) == (plain.source, plain.version)
    assert plain == pricing_info()
    assert plain.digest != own.digest


@pytest.mark.parametrize(
    ("part", "usd"),
    [
        ("cache_read", "0.3"),
        ("cache_write", "3.75"),
        ("cache_write_1h", "6"),
        ("output", "15"),
        ("reasoning", "15"),
    ],
)
def test_parts_of_the_table(book: PriceBook, part: str, usd: str) -> None:
    """Each part of claude-sonnet-4-5 at Anthropic's price a million (docs, pricing)."""
    usage = Usage(**{"input": 0, "output": 0} | {part: 100_000})
    cost = price_call(usage, "claude-sonnet-4-5", "anthropic", DAY, book)

    assert Fraction(usd) / 10 == cost


@pytest.mark.parametrize(
    ("usage", "named"),
    [
        (Usage(input=1, output=1, input_audio=5), "5 input_audio tokens"),
        (Usage(input=1, output=1, service_tier="flex"), "'flex'"),
        (Usage(input=1, output=1, tool_uses={"code_interpreter": 1}), "code_interpreter"),
        (Usage(input=1, output=1, problems=("total_tokens is 9",)), "total_tokens is 9"),
    ],
)
def test_what_has_no_price_is_named(book: PriceBook, usage: Usage, named: str) -> None:
    """A part, a tier or a tool without a price, and counts that contradict, are told apart."""
    cost = price_call(usage, "gpt-4o-audio-preview", None, DAY, book)

    assert isinstance(cost, Unpriced)
    assert named in cost.reason


def test_the_user_prices_every_part() -> None:
    """Parts, tools and tiers of the user's price count; those that are not given have none."""
    price = Price.model_validate(
        {
            "input": 1,
            "output": 2,
            "cache_write": 4,
            "input_audio": 8,
            "tools": {"web_search": 0.5},
            "tiers": {"flex": {"input": 0.5, "output": 1}},
        }
    )
    rates = rates_of(price)
    mega = 1_000_000
    usage = Usage(
        input=mega,
        cache_read=mega,
        cache_write=mega,
        input_audio=mega,
        output=mega,
        reasoning=mega,
        tool_uses={"web_search": 2},
    )

    assert 1 + 1 + 4 + 8 + 2 + 2 + 1 == rates.cost(usage)
    assert Fraction("1.5") == rates.cost(Usage(input=mega, output=mega, service_tier="flex"))
    assert isinstance(rates.cost(Usage(input=1, output=1, cache_write_1h=1)), Unpriced)


def test_what_was_billed_wins(book: PriceBook) -> None:
    """The provider's own bill is the cost, whatever else is unknown."""
    usage = Usage(input=1, output=1, billed_usd=0.5, problems=("x",))

    assert Fraction(1, 2) == price_call(usage, "nobody-knows", None, DAY, book)


def test_prices_that_are_not_given_change_no_digest() -> None:
    """Reports of older versions stay comparable: the digest is of what the user wrote."""
    own = Price(input=1, output=2)
    assert {"input": 1.0, "output": 2.0, "cached": None} == spelt_price(own)
