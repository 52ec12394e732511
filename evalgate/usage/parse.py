"""One accounting of tokens: a provider's usage object as parts that do not overlap.

Whether cached or reasoning tokens stand inside or beside the count they belong to differs from
provider to provider. The names tell the convention, the stated total confirms or corrects it, and
what fits neither is a problem with the field named: never a guess.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any, Final

from evalgate.schema.trace import LlmCall
from evalgate.schema.usage import INPUT_PARTS, OUTPUT_PARTS, Usage
from evalgate.usage.fields import Count, Found, known_path, leaves, sort_in
from evalgate.usage.names import BESIDE, INSIDE, PROMPT
from evalgate.usage.sums import add_usages

_IN_INPUT: Final = INPUT_PARTS[1:]
_IN_OUTPUT: Final = OUTPUT_PARTS[1:]


def parse_usage(raw: Mapping[str, Any], *, inside: bool | None = None) -> Usage:
    """Read a usage object of any provider or framework.

    Args:
        raw: As it came: OpenAI (chat, responses, embeddings), Anthropic, Gemini, Bedrock, Cohere,
            DeepSeek, Moonshot, xAI, OpenRouter, LiteLLM, LangChain, Langfuse, OpenTelemetry. May
            be flat with dots, camel case, or carry a prefix such as `gen_ai.usage.`.
        inside: Whether cached tokens are counted in the input, where the source says so; None: the
            names decide, and the stated total corrects them.

    Returns:
        The parts. `problems` is empty where every number is known and all agree; otherwise the
        cost is unknown, unless `billed_usd` is there.
    """
    rounds = raw.get("iterations")
    if isinstance(rounds, list) and rounds:
        return _of_iterations(raw, rounds, inside=inside)
    found = Found(inside)
    for path, value in leaves(raw):
        sort_in(found, path, value)
    return _settled(found)


def fields_of_usage(usage: Usage) -> dict[str, Any]:
    """Return the fields of an `LlmCall` that a usage gives."""
    return {
        "usage": usage,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cached_tokens": usage.cached_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "reasoning_tokens": usage.reasoning,
    }


def usage_of_call(call: LlmCall) -> Usage:
    """Take the parts of a call, else make them of its totals."""
    if call.usage is not None:
        return call.usage
    return usage_of_totals(
        call.input_tokens,
        call.output_tokens,
        call.cached_tokens,
        call.cache_write_tokens,
        call.reasoning_tokens,
    )


@lru_cache(maxsize=4096)
def usage_of_totals(
    input_tokens: int | None,
    output_tokens: int | None,
    cached_tokens: int | None = None,
    cache_write_tokens: int | None = None,
    reasoning_tokens: int | None = None,
) -> Usage:
    """Make parts of totals: cached and written tokens lie in the input, reasoning in the output."""
    counts = {
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
        "cached_tokens": cached_tokens,
        "cache_write_tokens": cache_write_tokens,
        "reasoning_tokens": reasoning_tokens,
    }
    return parse_usage(counts, inside=True)


def _billed(found: Found) -> float | None:
    """With a key of one's own, the router bills its fee and the provider the rest."""
    if not found.cost and not (found.own_key and found.upstream_cost):
        return None  # a zero on a call with tokens says nothing
    if not found.own_key:
        return found.cost
    if found.upstream_cost is None:
        found.problems.append("cost is the router's fee only (is_byok), the rest is not stated")
        return None
    return (found.cost or 0.0) + found.upstream_cost


def _writes(found: Found) -> None:
    """Split the cache writes by lifetime; those of no stated lifetime have the default one."""
    written = found.value("written")
    if written is None:
        return
    short, long = found.value("cache_write"), found.value("cache_write_1h")
    if short is None and long is None:
        found.add("cache_write", found.name("written"), written)
        return
    split = (short or 0) + (long or 0)
    if written and split != written:  # LangChain states 0 beside a split
        found.problems.append(f"{found.name('written')} is {written}, its lifetimes {split}")


@dataclass(frozen=True, slots=True)
class _Reading:
    """One way to read the counts."""

    rest_in: int
    rest_out: int
    total: int


def _settled(found: Found) -> Usage:
    """Decide what lies inside what, and check it against the total."""
    _writes(found)
    _part_the_cached(found, "cache_read_audio", "input_audio")
    _part_the_cached(found, "cache_read_image", "input_image")
    ins = {part: found.value(part) for part in _IN_INPUT}
    outs = {part: found.value(part) for part in _IN_OUTPUT}
    base_in, base_out, total = map(found.value, ("all_input", "all_output", "total"))
    if base_out is None and base_in is not None and total == base_in:
        base_out = 0  # embeddings state no output
    parts: dict[str, int | None] = {"input": base_in, "output": base_out}
    if base_in is not None and base_out is not None:
        reading = _reading(found, base_in, base_out)
        if reading is not None:
            parts = {**ins, **outs, "input": reading.rest_in, "output": reading.rest_out}
    billed = _billed(found)
    return Usage(
        **{name: value for name, value in parts.items() if value is not None},
        tool_uses=found.tools,
        service_tier=found.tier,
        billed_usd=billed,
        problems=tuple(found.problems),
    )


def _part_the_cached(found: Found, part: str, kind: str) -> None:
    """Take the cached audio or images out of the cached tokens and out of all of the kind."""
    cached = found.counts.get(part)
    if cached is None:
        return
    for holder in ("cache_read", kind):
        held = found.counts.get(holder)
        if held is not None and held.value < cached.value:
            found.problems.append(f"{cached.path} {cached.value} is more than {held.path}")
        elif held is not None:
            found.counts[holder] = Count(held.value - cached.value, held.path)


def _reading(found: Found, base_in: int, base_out: int) -> _Reading | None:
    """Find the one reading that fits: the convention of the names, else what the total says."""
    total = found.value("total")
    fresh = found.value("fresh")
    extra = found.value("tool_prompt") or 0
    ways = [
        reading
        for held_in, held_out in product(_held(found, _IN_INPUT), _held(found, _IN_OUTPUT))
        if (reading := _read(found, (base_in, base_out), held_in, held_out, extra)) is not None
    ]
    usual = ways[0] if ways else None
    convention = _read(
        found,
        (base_in, base_out),
        _held(found, _IN_INPUT)[0],
        _held(found, _IN_OUTPUT)[0],
        extra,
    )
    if convention is not None and total in (None, convention.total):
        chosen: _Reading | None = convention
    else:
        fitting = {way for way in ways if way.total == total}
        chosen = fitting.pop() if len(fitting) == 1 else None
        if (
            chosen is None
            and usual is not None
            and _left_out(found, usual, ways, base_in, base_out)
        ):
            chosen = usual
    if chosen is None:
        found.problems.append(_contradiction(found, base_in, base_out))
    elif fresh is not None and fresh != chosen.rest_in:
        found.problems.append(
            f"{found.name('fresh')} is {fresh}, the counts leave {chosen.rest_in}"
        )
    return chosen


def _held(found: Found, parts: tuple[str, ...]) -> list[frozenset[str]]:
    """List which parts may lie inside their count: the convention first, then all, then none."""
    stated = frozenset(part for part in parts if found.value(part))
    usual = frozenset(part for part in stated if _is_inside(found, part))
    return list(dict.fromkeys((usual, stated, frozenset())))


def _is_inside(found: Found, part: str) -> bool:
    path = found.name(part)
    if path in BESIDE:
        return False
    if found.inside is not None and part in _IN_INPUT:
        return found.inside
    boxed = known_path(path).startswith(("in.", "out."))
    base = found.counts.get("all_input" if part in _IN_INPUT else "all_output")
    if part in _IN_OUTPUT:
        return boxed or base is None or base.path != "output"
    return boxed or (base is not None and base.path in PROMPT) or known_path(path) in INSIDE


def _read(
    found: Found,
    bases: tuple[int, int],
    held_in: frozenset[str],
    held_out: frozenset[str],
    extra: int,
) -> _Reading | None:
    """Read the counts one way; None where a part would be larger than what holds it."""

    def sums(parts: tuple[str, ...], held: frozenset[str]) -> tuple[int, int]:
        counts = {part: found.value(part) or 0 for part in parts}
        within = sum(count for part, count in counts.items() if part in held)
        return within, sum(counts.values()) - within

    within_in, beside_in = sums(_IN_INPUT, held_in)
    within_out, beside_out = sums(_IN_OUTPUT, held_out)
    rest_in, rest_out = bases[0] - within_in, bases[1] - within_out
    if rest_in < 0 or rest_out < 0:
        return None
    return _Reading(rest_in + extra, rest_out, sum(bases) + beside_in + beside_out + extra)


def _left_out(
    found: Found, usual: _Reading, ways: list[_Reading], base_in: int, base_out: int
) -> bool:
    """Whether the total leaves the cache out, where it can lie nowhere but beside the input."""
    return (
        len({(way.rest_in, way.rest_out) for way in ways}) == 1
        and usual.rest_in == base_in
        and found.name("all_input") not in PROMPT
        and found.value("total") == base_in + base_out
        and not any(found.value(part) for part in _IN_OUTPUT)
    )


def _contradiction(found: Found, base_in: int, base_out: int) -> str:
    parts = [f"{found.name(p)} {n}" for p in (*_IN_INPUT, *_IN_OUTPUT) if (n := found.value(p))]
    sides = [
        f"{found.counts[side].path if side in found.counts else 'output'} {count}"
        for side, count in (("all_input", base_in), ("all_output", base_out))
    ]
    listed = ", ".join(sides + parts)
    total = found.value("total")
    if total is None:
        return f"the counts contradict: {listed}"
    return f"the counts contradict: {found.name('total')} is {total}, with {listed}"


def _of_iterations(raw: Mapping[str, Any], rounds: list[Any], *, inside: bool | None) -> Usage:
    """Add up the iterations of one answer: the bill is their sum, the rest its last one only."""
    read = [
        parse_usage(one, inside=inside)
        if isinstance(one, Mapping)
        else Usage(problems=(_NO_ROUND,))
        for one in rounds
    ]
    around = {name: value for name, value in raw.items() if name != "iterations"}
    outer = parse_usage(around, inside=inside)
    models = sorted(
        {str(m) for one in rounds if isinstance(one, Mapping) and (m := one.get("model"))}
    )
    whole = add_usages(read)
    problems = whole.problems
    if models:
        problems = (*problems, f"iterations name models of their own: {', '.join(models)[:100]}")
    update = {
        "tool_uses": outer.tool_uses or whole.tool_uses,
        "service_tier": outer.service_tier or whole.service_tier,
        "billed_usd": outer.billed_usd,
        "problems": problems,
    }
    return whole.model_copy(update=update)


_NO_ROUND: Final = "iterations holds something that is no usage"
