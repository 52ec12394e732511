"""What an LLM call costs: tokens x price, exactly, or unknown.

Prices come from the offline table of genai-prices, chosen by the date of the call; prices of the
user win. A model, a provider or a count that is not known gives None and never zero. A call
without a date is priced by the newest entry, so that the answer does not depend on the clock.
"""

import json
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from hashlib import sha256
from math import lcm
from types import MappingProxyType
from typing import Any

from evalgate.schema.config import Price
from evalgate.schema.result import Pricing

__all__ = [
    "Lookup",
    "PriceBook",
    "Rates",
    "Tariff",
    "Usage",
    "lookup_public",
    "price_call",
    "pricing_info",
    "rates_of",
]

_PER_MILLION = 1_000_000
_NEWEST = datetime.max.replace(tzinfo=UTC)
_NO_PRICES: Mapping[str, Price] = MappingProxyType({})

_ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "az": "azure",
        "azure_ai": "azure",
        "azure_openai": "azure",
        "azure-openai": "azure",
        "aws_bedrock": "aws",
        "bedrock": "aws",
        "bedrock_converse": "aws",
        "fireworks_ai": "fireworks",
        "gcp": "google",
        "gemini": "google",
        "google_genai": "google",
        "google-genai": "google",
        "google_vertexai": "google",
        "mistralai": "mistral",
        "moonshot": "moonshotai",
        "together_ai": "together",
        "vertex_ai": "google",
        "vertexai": "google",
        "voyage": "voyageai",
        "xai": "x-ai",
    }
)
"""Names of providers in traces and in prefixes of models, as the price table calls them."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call."""

    input_tokens: int
    """All input tokens, cached ones included."""
    output_tokens: int
    """All output tokens, reasoning included."""
    cached_tokens: int = 0
    """Input tokens read from the provider's cache."""
    cache_write_tokens: int = 0
    """Input tokens written to the provider's cache."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Prices of one token, and of the call itself, in USD over one denominator; None is unknown."""

    denominator: int
    input: int | None
    output: int | None
    cached: int | None
    cache_write: int | None
    per_call: int = 0

    def cost(self, usage: Usage) -> Fraction | None:
        """Return the exact price of a call in USD; None where a price is missing."""
        plain = usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens
        if plain < 0:
            return None  # the counts contradict each other
        parts = (
            (plain, self.input),
            (usage.output_tokens, self.output),
            (usage.cached_tokens, self.cached),
            (usage.cache_write_tokens, self.cache_write),
        )
        whole = self.per_call
        for tokens, rate in parts:
            if tokens:
                if rate is None:
                    return None
                whole += tokens * rate
        return Fraction(whole, self.denominator)


Tariff = Callable[[Usage, datetime], Fraction | None]
"""Price of a call at a date."""

Lookup = Callable[[str, str | None], Tariff | None]
"""Finds the tariff of a model at a provider; None where it is not in the table."""


def _rates(
    input_: Fraction | None,
    output: Fraction | None,
    cached: Fraction | None,
    cache_write: Fraction | None,
    per_call: Fraction = Fraction(0),
) -> Rates:
    """Bring prices per million tokens over one denominator; cached ones default to input.

    `per_call` is in USD per million calls.
    """
    cached = input_ if cached is None else cached
    cache_write = input_ if cache_write is None else cache_write
    given = [f for f in (input_, output, cached, cache_write, per_call) if f is not None]
    common = lcm(*(f.denominator for f in given))

    def numerator(price: Fraction | None) -> int | None:
        return None if price is None else price.numerator * (common // price.denominator)

    return Rates(
        denominator=common * _PER_MILLION,
        input=numerator(input_),
        output=numerator(output),
        cached=numerator(cached),
        cache_write=numerator(cache_write),
        per_call=numerator(per_call) or 0,
    )


def rates_of(price: Price) -> Rates:
    """Read a price of the user; `0.1` is the decimal 0.1 and not its binary neighbour."""
    cached = None if price.cached is None else Fraction(repr(price.cached))
    return _rates(Fraction(repr(price.input)), Fraction(repr(price.output)), cached, None)


def price_call(
    usage: Usage,
    model: str,
    provider: str | None,
    at: datetime | None,
    book: "PriceBook",
) -> Fraction | None:
    """Price one call in USD.

    Args:
        usage: Its tokens.
        model: The model, with or without a provider prefix (`openai/gpt-4o`).
        provider: Who served it, in the words of the trace; None: the model decides.
        at: When it was made; None: newest prices.
        book: Prices of the user, and the table.

    Returns:
        The exact cost, or None where the price is unknown.
    """
    own = book.override(model, provider)
    if own is not None:
        return own.cost(usage)
    tariff = book.tariff(model, provider)
    if tariff is None:
        return None
    moment = _NEWEST if at is None else at
    return tariff(usage, moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _spellings(model: str, provider: str | None) -> tuple[tuple[str, str | None], ...]:
    """List the (model, provider) pairs a model may stand for, most literal first."""
    found = [(model, provider)]
    rest, served = model, provider
    while "/" in rest:
        prefix, _, rest = rest.partition("/")
        # A prefix says who served the call more closely than a client's name does.
        served = prefix if prefix not in ("litellm", "litellm_proxy", "models") else served
        found.append((rest, served))
    return tuple(found)


@dataclass(slots=True)
class PriceBook:
    """Prices of the user and of the table, each found once for the life of the book."""

    overrides: Mapping[str, Price] = field(default_factory=lambda: _NO_PRICES)
    lookup: Lookup = field(default_factory=lambda: lookup_public)
    _own: dict[tuple[str, str | None], Rates | None] = field(default_factory=dict)
    _found: dict[tuple[str, str | None], Tariff | None] = field(default_factory=dict)

    def override(self, model: str, provider: str | None) -> Rates | None:
        """Find a price of the user, by `provider/model`, the model, or it without a prefix."""
        if not self.overrides:
            return None
        key = (model, provider)
        if key not in self._own:
            names = [f"{provider}/{model}"] if provider else []
            names += [name for name, _ in _spellings(model, provider)]
            price = next((self.overrides[n] for n in names if n in self.overrides), None)
            self._own[key] = None if price is None else rates_of(price)
        return self._own[key]

    def tariff(self, model: str, provider: str | None) -> Tariff | None:
        """Find a tariff of the table."""
        key = (model, provider)
        if key not in self._found:
            tariffs = (self.lookup(*spelling) for spelling in _spellings(model, provider))
            self._found[key] = next((t for t in tariffs if t is not None), None)
        return self._found[key]


def lookup_public(model: str, provider: str | None) -> Tariff | None:
    """Find a model in the table of genai-prices, which is offline and dated."""
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415  # heavy

    known = {entry.id for entry in get_snapshot().providers}
    served = None if provider is None else _provider_id(provider, known)
    if provider is not None and served is None:
        return None  # an unknown provider may charge anything
    try:
        _, info = get_snapshot().find_provider_model(model, None, served, None)
    except LookupError:
        return None
    found: dict[int, _Bands] = {}

    def tariff(usage: Usage, at: datetime) -> Fraction | None:
        prices = info.get_prices(at)
        bands = found.get(id(prices))
        if bands is None:
            bands = found[id(prices)] = _bands(prices)
        return bands.rates[bisect_left(bands.starts, usage.input_tokens)].cost(usage)

    return tariff


def _provider_id(name: str, known: set[str]) -> str | None:
    """Translate a provider's name in a trace (`azure.ai.openai`, `OpenAI`) to the table's."""
    lowered = name.strip().lower()
    for candidate in (lowered, lowered.partition(".")[0]):
        spelled = _ALIASES.get(candidate, candidate)
        if spelled in known:
            return spelled
    return None


_FIELDS = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok")


@dataclass(frozen=True, slots=True)
class _Bands:
    """Rates by size of the call: passing a start reprices every token of the call."""

    starts: tuple[int, ...]
    """Input tokens above which the next rates hold, ascending."""
    rates: tuple[Rates, ...]
    """One more than there are starts."""


def _bands(prices: Any) -> _Bands:  # noqa: ANN401  # genai_prices is imported late
    """Read the prices of a model, tier by tier."""
    stored = vars(prices)
    tiers = {tier.start for name in _FIELDS for tier in getattr(stored.get(name), "tiers", ())}
    starts = tuple(sorted(tiers))
    return _Bands(starts, tuple(_table_rates(stored, above) for above in (-1, *starts)))


def _table_rates(stored: Mapping[str, Any], above: int) -> Rates:
    """Read the prices of calls with more than `above` input tokens."""

    def price(name: str) -> Fraction | None:
        value = stored.get(name)
        if value is None:
            return None
        passed = [tier.price for tier in getattr(value, "tiers", ()) if tier.start <= above]
        return Fraction(passed[-1] if passed else getattr(value, "base", value))

    input_, output, cached, cache_write = map(price, _FIELDS)
    per_thousand_calls = price("requests_kcount") or Fraction(0)
    return _rates(input_, output, cached, cache_write, per_thousand_calls * 1000)


def pricing_info(overrides: Mapping[str, Price] = _NO_PRICES) -> Pricing:
    """Identify the price table and the user's prices, for reports and baselines.

    The digest covers the table's version and every override.
    """
    from importlib.metadata import version  # noqa: PLC0415  # heavy

    number = version("genai-prices")
    own = {name: price.model_dump() for name, price in overrides.items()}
    text = json.dumps(["genai-prices", number, own], sort_keys=True, separators=(",", ":"))
    digest = sha256(text.encode()).hexdigest()
    return Pricing(source="genai-prices", version=number, digest=f"sha256:{digest}")
