"""What an LLM call costs: tokens x price, exactly, or unknown.

Prices come from the offline table of genai-prices, chosen by the date of the call; prices of the
user win. A model, a provider or a count that is not known gives None and never zero. A call
without a date is priced by the newest entry, so that the answer does not depend on the clock.
"""

import json
import re
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from hashlib import sha256
from math import lcm
from types import MappingProxyType
from typing import Any

from evalgate.schema.config import Price, TierPrice
from evalgate.schema.result import Pricing
from evalgate.schema.usage import INPUT_PARTS, OUTPUT_PARTS, Usage
from evalgate.usage.fields import is_standard_tier

_PER_MILLION = 1_000_000
_NEWEST = datetime.max.replace(tzinfo=UTC)
_NO_PRICES: Mapping[str, Price] = MappingProxyType({})
_NOTHING: Mapping[str, Any] = MappingProxyType({})
_PARTS = (*INPUT_PARTS, *OUTPUT_PARTS)
_FREE_TOOLS = frozenset({"web_fetch", "tool_search", "mcp"})
"""Tools that providers run at no charge beside the tokens (Anthropic, OpenAI)."""

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
class Unpriced:
    """Why nobody knows what a call costs."""

    reason: str
    """For a person: no price for a model or a part, or counts that contradict each other."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Prices of one token of each part, of a tool use and of the call, over one denominator."""

    denominator: int
    """What the numerators are divided by to give USD."""
    parts: Mapping[str, int]
    """Numerators by part of `Usage`; a part that is not there has no price."""
    tools: Mapping[str, int] = field(default_factory=lambda: _NOTHING)
    """Numerators of one use, by tool."""
    per_call: int = 0
    """Numerator of the call itself."""

    def cost(self, usage: Usage) -> Fraction | Unpriced:
        """Return the exact price of a call in USD."""
        whole = self.per_call
        for part in _PARTS:
            tokens = getattr(usage, part)
            if not tokens:
                continue
            rate = self.parts.get(part)
            if rate is None:
                return Unpriced(f"{tokens} {part} tokens have no price")
            whole += tokens * rate
        for tool, uses in usage.tool_uses.items():
            rate = 0 if tool in _FREE_TOOLS else self.tools.get(tool)
            if rate is None and uses:
                return Unpriced(f"{uses} uses of the provider's {tool} have no price")
            whole += uses * (rate or 0)
        return Fraction(whole, self.denominator)


@dataclass(frozen=True, slots=True)
class Tariffs:
    """What the user says that a model costs, by service tier."""

    standard: Rates
    """At list price."""
    tiers: Mapping[str, Rates] = field(default_factory=lambda: _NOTHING)
    """By service tier."""

    def cost(self, usage: Usage) -> Fraction | Unpriced:
        """Return the exact price of a call in USD."""
        tier = usage.service_tier
        rates = self.tiers.get((tier or "").lower())
        if rates is None:
            if not is_standard_tier(tier):
                return _no_tier(tier)
            rates = self.standard
        return rates.cost(usage)


def _no_tier(tier: str | None) -> Unpriced:
    return Unpriced(f"calls of the service tier {tier!r} have no price")


Tariff = Callable[[Usage, datetime], Fraction | Unpriced]
"""Price of a call at a date."""

Lookup = Callable[[str, str | None], Tariff | None]
"""Finds the tariff of a model at a provider; None where it is not in the table."""


def _rates(
    parts: Mapping[str, Fraction | None],
    tools: Mapping[str, Fraction] = _NOTHING,
    per_call: Fraction = Fraction(0),
) -> Rates:
    """Bring prices over one denominator: USD a million tokens, a million uses, a million calls."""
    known = {part: price for part, price in parts.items() if price is not None}
    common = lcm(*(f.denominator for f in (*known.values(), *tools.values(), per_call)))

    def numerator(price: Fraction) -> int:
        return price.numerator * (common // price.denominator)

    return Rates(
        denominator=common * _PER_MILLION,
        parts={part: numerator(price) for part, price in known.items()},
        tools={tool: numerator(price) for tool, price in tools.items()},
        per_call=numerator(per_call),
    )


def rates_of(price: Price) -> Tariffs:
    """Read a price of the user; `0.1` is the decimal 0.1 and not its binary neighbour."""
    tiers = {name.lower(): _own_rates(tier) for name, tier in price.tiers.items()}
    return Tariffs(_own_rates(price), tiers)


def _own_rates(price: TierPrice) -> Rates:
    given = price.model_dump(exclude={"tools", "tiers", "cached"})
    parts = {name: _exact(value) for name, value in given.items()}
    parts["cache_read"] = parts["input"] if price.cached is None else _exact(price.cached)
    if price.reasoning is None:
        parts["reasoning"] = parts["output"]
    uses = {name: Fraction(repr(value)) * _PER_MILLION for name, value in price.tools.items()}
    return _rates(parts, uses)


def _exact(value: float | None) -> Fraction | None:
    return None if value is None else Fraction(repr(value))


def price_call(
    usage: Usage,
    model: str,
    provider: str | None,
    at: datetime | None,
    book: "PriceBook",
) -> Fraction | Unpriced:
    """Price one call in USD: what was billed, else parts x price.

    Args:
        usage: What it used.
        model: The model, with or without a provider prefix (`openai/gpt-4o`).
        provider: Who served it, in the words of the trace; None: the model decides.
        at: When it was made; None: newest prices.
        book: Prices of the user, and the table.

    Returns:
        The exact cost, or why it is unknown.
    """
    if usage.billed_usd is not None:
        return Fraction(usage.billed_usd)
    if usage.problems:
        return Unpriced(f"the usage of model {model!r} is unclear: {usage.problems[0]}")
    if usage.input_tokens is None or usage.output_tokens is None:
        return Unpriced(f"a call of model {model!r} has no token counts")
    cost = _priced(usage, model, provider, at, book)
    if cost is None:
        return Unpriced(f"no price is known for model {model!r} (add it under `prices`)")
    if isinstance(cost, Unpriced):
        return Unpriced(f"model {model!r}: {cost.reason} (add it under `prices`)")
    return cost


def _priced(
    usage: Usage, model: str, provider: str | None, at: datetime | None, book: "PriceBook"
) -> Fraction | Unpriced | None:
    own = book.override(model, provider)
    if own is not None:
        return own.cost(usage)
    tariff = book.tariff(model, provider)
    if tariff is None:
        return None
    if not is_standard_tier(usage.service_tier):
        return _no_tier(usage.service_tier)
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
    _own: dict[tuple[str, str | None], Tariffs | None] = field(default_factory=dict)
    _found: dict[tuple[str, str | None], Tariff | None] = field(default_factory=dict)

    def override(self, model: str, provider: str | None) -> Tariffs | None:
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

    def tariff(usage: Usage, at: datetime) -> Fraction | Unpriced:
        prices = info.get_prices(at)
        bands = found.get(id(prices))
        if bands is None:
            bands = found[id(prices)] = _bands(prices)
        return bands.rates[bisect_left(bands.starts, usage.input_tokens or 0)].cost(usage)

    return tariff


def provider_at(url: str) -> str | None:
    """Name who serves a URL, as the price table does; None for hosts that are not in it."""
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415  # heavy

    return next(
        (entry.id for entry in get_snapshot().providers if re.match(entry.api_pattern, url)), None
    )


def _provider_id(name: str, known: set[str]) -> str | None:
    """Translate a provider's name in a trace (`azure.ai.openai`, `OpenAI`) to the table's."""
    lowered = name.strip().lower()
    for candidate in (lowered, lowered.partition(".")[0]):
        spelled = _ALIASES.get(candidate, candidate)
        if spelled in known:
            return spelled
    return None


_FIELDS = {
    "input": "input_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
    "input_audio": "input_audio_mtok",
    "cache_read_audio": "cache_audio_read_mtok",
    "input_image": "input_image_mtok",
    "cache_read_image": "cache_image_read_mtok",
    "input_video": "input_video_mtok",
    "output": "output_mtok",
    "reasoning": "output_reasoning_mtok",
    "output_audio": "output_audio_mtok",
    "output_image": "output_image_mtok",
    "output_video": "output_video_mtok",
}
"""Parts of a usage, as the price table calls them."""

_AS = {
    **dict.fromkeys(("cache_read", "cache_write", "input_image", "input_video"), "input"),
    "cache_read_image": "cache_read",
    "reasoning": "output",
}
"""Parts that cost what another costs where the table does not price them apart."""

_TOOLS = {"web_search": "web_searches_kcount", "file_search": "storage_searches_kcount"}
"""Tools that providers run, as the price table calls their uses."""


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
    tiers = {
        tier.start for name in _FIELDS.values() for tier in getattr(stored.get(name), "tiers", ())
    }
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

    parts = {part: price(name) for part, name in _FIELDS.items()}
    for part, other in _AS.items():
        if parts[part] is None:
            parts[part] = parts[other]
    uses = {tool: cost * 1000 for tool, name in _TOOLS.items() if (cost := price(name)) is not None}
    return _rates(parts, uses, (price("requests_kcount") or Fraction(0)) * 1000)


def spelt_price(price: Price) -> dict[str, Any]:
    """Write a price of the user for a digest: prices that are not given do not change it."""
    return {"cached": None, **price.model_dump(exclude_defaults=True)}


def pricing_info(overrides: Mapping[str, Price] = _NO_PRICES) -> Pricing:
    """Identify the price table and the user's prices, for reports and baselines.

    The digest covers the table's version and every override.
    """
    from importlib.metadata import version  # noqa: PLC0415  # heavy

    number = version("genai-prices")
    own = {name: spelt_price(price) for name, price in overrides.items()}
    text = json.dumps(["genai-prices", number, own], sort_keys=True, separators=(",", ":"))
    digest = sha256(text.encode()).hexdigest()
    return Pricing(source="genai-prices", version=number, digest=f"sha256:{digest}")
