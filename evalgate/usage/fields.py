"""The fields of a usage, each sorted in: a part, harmless, or a problem with its name."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from evalgate.usage.names import (
    BOXES,
    INPUT,
    KNOWN,
    KNOWN_BOXES,
    OUTPUT,
    PARTS,
    PREFIXES,
    STANDARD_TIERS,
    TIMING,
    TOOL_BOXES,
    TOOLS,
    TOTAL,
)

_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_TOOL_NAME: Final = re.compile(r"^(?:server_side_tool_)?(.+?)(?:_requests|_calls|_count)?$")
_MONEY: Final = frozenset(
    {"cost", "cost.total_cost", "cost_in_usd_ticks", "cost_details.upstream_inference_cost"}
)
_TICKS_A_DOLLAR: Final = 10**10
_FREE_REGIONS: Final = frozenset({"", "global", "not_available"})
_MAX_DEPTH: Final = 8
_MAX_COUNT: Final = 2**53
"""More tokens than that nobody was billed for."""


@dataclass(slots=True)
class Count:
    """A count, and the name under which it came."""

    value: int
    path: str


@dataclass(slots=True)
class Found:
    """What the fields of a usage say, by the part they count."""

    inside: bool | None = None
    counts: dict[str, Count] = field(default_factory=dict)
    tools: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    tier: str | None = None
    cost: float | None = None
    upstream_cost: float | None = None
    own_key: bool = False

    def add(self, part: str, path: str, value: int) -> None:
        """Note a count; two of one part that differ are a problem."""
        old = self.counts.get(part)
        if old is None:
            self.counts[part] = Count(value, path)
        elif old.value != value:
            self.problems.append(f"{old.path} is {old.value} and {path} is {value}")

    def value(self, part: str) -> int | None:
        """Return the count of a part; None where it is not stated."""
        count = self.counts.get(part)
        return None if count is None else count.value

    def name(self, part: str) -> str:
        """Return the field that states a part."""
        return self.counts[part].path


def is_standard_tier(tier: str | None) -> bool:
    """Whether calls of a service tier are billed at list price."""
    return tier is None or tier.lower() in STANDARD_TIERS


def leaves(value: Mapping[str, Any], path: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Walk a usage down to its fields, with their paths in snake case."""
    for key, item in value.items():
        name = _CAMEL.sub("_", str(key)[:100]).lower()
        for prefix in PREFIXES:
            name = name.removeprefix(prefix)
        here = f"{path}.{name}" if path else name
        if depth > _MAX_DEPTH:
            yield here, item
        elif isinstance(item, Mapping):
            yield from leaves(item, here, depth + 1)
        elif isinstance(item, list):
            yield from _listed(item, here, depth)
        else:
            yield here, item


def _listed(items: list[Any], path: str, depth: int) -> Iterator[tuple[str, Any]]:
    """Read `{modality, tokenCount}` (Gemini) and `{ttl, inputTokens}` (Bedrock) as boxes."""
    for number, item in enumerate(items):
        if not isinstance(item, Mapping):
            yield f"{path}.{number}", item
            continue
        modality, lifetime = item.get("modality"), item.get("ttl")
        tokens = item.get("tokenCount", item.get("token_count"))
        if isinstance(modality, str):
            yield f"{path}.{modality.lower()}_tokens", tokens
        elif isinstance(lifetime, str):
            written = item.get("inputTokens", item.get("input_tokens"))
            yield f"{path}.{lifetime.lower()}_input_tokens", written
        else:
            yield from leaves(item, f"{path}.{number}", depth + 1)


def known_path(path: str) -> str:
    """Give the boxes on a path the names they have here."""
    first, dot, rest = path.partition(".")
    box = BOXES.get(first, first)
    inner, more, last = rest.partition(".")
    return f"{box}{dot}{BOXES.get(inner, inner)}{more}{last}"


def sort_in(found: Found, path: str, value: object) -> None:
    """Sort one field in: understood, known to be harmless, or a problem."""
    known = known_path(path)
    if isinstance(value, str):
        _sort_word(found, known, value)
        return
    if value is None or isinstance(value, bool):
        found.own_key = found.own_key or (known == "is_byok" and value is True)
        return
    if _sort_money(found, known, value):
        return
    box, _, name = known.partition(".")
    if known in KNOWN or box in KNOWN_BOXES or TIMING.search(known):
        return
    part = _part(known)
    tool = _tool(box, name, known)
    if part is None and tool is None:
        if value != 0:
            found.problems.append(f"the field {path} ({_shown(value)}) is not known")
        return
    count = _counted(value)
    if count is None:
        found.problems.append(f"{path} is {_shown(value)}, which is no count")
    elif part is not None:
        found.add(part, path, count)
    elif tool is not None and count:
        found.tools[tool] = max(count, found.tools.get(tool, 0))


def _part(known: str) -> str | None:
    for names, part in ((INPUT, "all_input"), (OUTPUT, "all_output"), (TOTAL, "total")):
        if known in names:
            return part
    return PARTS.get(known)


def _tool(box: str, name: str, known: str) -> str | None:
    if box not in TOOL_BOXES or not name:
        return TOOLS.get(known)
    match = _TOOL_NAME.match(name)
    return name if match is None else match[1]


def _sort_word(found: Found, known: str, value: str) -> None:
    if known in {"service_tier", "tier", "speed", "traffic_type"}:
        if found.tier is None or not is_standard_tier(value):
            found.tier = value[:60]
    elif known == "inference_geo" and value.lower() not in _FREE_REGIONS:
        found.problems.append(f"inference_geo is {value[:60]!r}, whose price is not known")
    elif _part(known) is not None:
        found.problems.append(f"{known} is {value[:60]!r}, which is no count")


def _sort_money(found: Found, known: str, value: object) -> bool:
    """Take what was billed: `cost` in USD (OpenRouter, Perplexity), or xAI's ticks."""
    if known not in _MONEY:
        return known.startswith("cost.")
    if not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        found.problems.append(f"{known} is {_shown(value)}, which is no amount")
    elif known == "cost_details.upstream_inference_cost":
        found.upstream_cost = float(value)
    else:
        found.cost = value / _TICKS_A_DOLLAR if known == "cost_in_usd_ticks" else float(value)
    return True


def _counted(value: object) -> int | None:
    """Read a count; `12.0` is one, a negative number, NaN or `1.5` is none."""
    if isinstance(value, float):
        value = int(value) if value.is_integer() else None
    return value if isinstance(value, int) and 0 <= value <= _MAX_COUNT else None


def _shown(value: object) -> str:
    try:
        return repr(value)[:40]
    except ValueError:
        return "a huge number"
