"""Where the cost of model calls went: an exact split by part, and of a difference.

All amounts are fractions of a USD, so every split adds up to the cost it splits. How a provider
counts the tokens of one message is not told; the cost of the input is shared among the messages
by their length.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import Literal

from evalgate.pricing import PriceBook, Unpriced, price_call
from evalgate.schema.base import Json
from evalgate.schema.trace import LlmCall, Trace, Unread
from evalgate.schema.usage import OUTPUT_PARTS, Usage
from evalgate.usage.parse import usage_of_call

Part = Literal["prompt", "tool results", "earlier turns", "output", "reasoning", "not split"]
"""What a call is paid for. `prompt`: system and user messages, tool schemas among them; `earlier
turns`: what the model said before and reads again; `not split`: a cost without known prices."""

PARTS: tuple[Part, ...] = (
    "prompt",
    "tool results",
    "earlier turns",
    "output",
    "reasoning",
    "not split",
)

Reason = Part | Literal["calls", "price"]
"""Why a cost differs: another number of calls, another model at another price, or a part."""

_TOOL_ITEMS = frozenset({"function_call_output", "tool_result"})
_SAID_ITEMS = frozenset({"function_call", "reasoning", "tool_use", "thinking"})


@dataclass(frozen=True, slots=True)
class CallCost:
    """One model call and what it cost, in USD."""

    model: str
    """The model that answered."""
    parts: Mapping[Part, Fraction]
    """Its cost, by part; parts of nothing are left out."""
    call: LlmCall

    @property
    def total(self) -> Fraction:
        """All of it."""
        return sum(self.parts.values(), Fraction(0))


def trial_costs(trace: Trace, book: PriceBook) -> tuple[CallCost, ...] | None:
    """Price every model call of a trial; None where one has no known price, or may be unread."""
    at = _moment(trace.started_at)
    found = []
    for step in trace.steps:
        if isinstance(step, Unread) and "usage" in step.parts:
            return None
        if isinstance(step, LlmCall):
            cost = call_cost(step, at, book)
            if cost is None:
                return None
            found.append(cost)
    return tuple(found)


def call_cost(
    call: LlmCall, at: datetime | None, book: PriceBook, model: str | None = None
) -> CallCost | None:
    """Split the cost of one call; None where it is unknown.

    A recorded cost wins over a computed one, as in the score. A call that a cache answered, or
    that the provider refused, cost nothing.

    Args:
        call: The call.
        at: When it was made; None: newest prices.
        book: Prices of the user and of the table.
        model: Price it as a call of this model instead, recorded cost or not.
    """
    name = model or call.model
    shown = name or "unknown model"
    if _is_free(call):
        return CallCost(shown, {}, call)
    usage = usage_of_call(call)
    billed = call.cost_usd or usage.billed_usd
    recorded = Fraction(repr(billed)) if billed and model is None else None
    computed = None if name is None else _computed(usage, (name, call.provider), at, book)
    if computed is None:
        return None if recorded is None else CallCost(shown, {"not split": recorded}, call)
    whole = sum(computed, Fraction(0))
    scale = Fraction(1) if recorded is None or not whole else recorded / whole
    if recorded is not None and not whole:
        return CallCost(shown, {"not split": recorded}, call)
    given, got = (amount * scale for amount in computed)
    parts = {**_input_parts(call, given), **_output_parts(call, got)}
    return CallCost(shown, {part: amount for part, amount in parts.items() if amount}, call)


def cost_difference(
    before: Sequence[Sequence[CallCost]],
    after: Sequence[Sequence[CallCost]],
    book: PriceBook,
) -> dict[Reason, Fraction]:
    """Split the difference of the mean cost of a trial of one case, in USD.

    With n calls of mean cost v a trial on each side, the difference n' v' - n v is split into
    `calls`, (n' - n) v, and for each part p, n' (v'_p - v_p). Where each side uses one model and
    the two differ, the candidate's calls are first priced as the baseline's model: `price` is
    what the other model's prices make. The reasons add up to the difference exactly.

    Args:
        before: The calls of each trial of the baseline; at least one trial.
        after: The calls of each trial of the candidate; at least one trial.
        book: Prices of the user and of the table.
    """
    found: dict[Reason, Fraction] = {}
    now = _mean(after)
    swapped = _as_model(before, after, book)
    if swapped is not None:
        repriced = _mean(swapped)
        found["price"] = _total(now) - _total(repriced)
        now = repriced
    old = _mean(before)
    calls_old, calls_new = _calls(before), _calls(after)
    if not calls_old or not calls_new:
        found["calls"] = _total(now) - _total(old)
    else:
        found["calls"] = (calls_new - calls_old) * _total(old) / calls_old
        for part in PARTS:
            a_call = old.get(part, Fraction(0)) / calls_old
            found[part] = now.get(part, Fraction(0)) - calls_new * a_call
    return {reason: amount for reason, amount in found.items() if amount}


def _as_model(
    before: Sequence[Sequence[CallCost]], after: Sequence[Sequence[CallCost]], book: PriceBook
) -> list[list[CallCost]] | None:
    """Price the candidate's calls as the baseline's model; None where that says nothing."""
    old = {(c.model, c.call.provider) for trial in before for c in trial}
    new = {(c.model, c.call.provider) for trial in after for c in trial}
    if len(old) != 1 or len(new) != 1 or old == new:
        return None
    ((model, provider),) = old
    priced: list[list[CallCost]] = []
    for trial in after:
        row = []
        for cost in trial:
            call = cost.call.model_copy(update={"provider": provider})
            again = call_cost(call, None, book, model)
            if again is None:
                return None
            row.append(again)
        priced.append(row)
    return priced


def _mean(trials: Sequence[Sequence[CallCost]]) -> dict[Part, Fraction]:
    sums: dict[Part, Fraction] = {}
    for trial in trials:
        for cost in trial:
            for part, amount in cost.parts.items():
                sums[part] = sums.get(part, Fraction(0)) + amount
    return {part: amount / len(trials) for part, amount in sums.items()}


def _calls(trials: Sequence[Sequence[CallCost]]) -> Fraction:
    return Fraction(sum(len(trial) for trial in trials), len(trials))


def _total(parts: Mapping[Part, Fraction]) -> Fraction:
    return sum(parts.values(), Fraction(0))


def _is_free(call: LlmCall) -> bool:
    if call.cache_hit is True:
        return True
    if call.input_tokens or call.output_tokens or call.cost_usd:
        return False
    return bool(call.attempts) and all((a.status or 0) >= 400 for a in call.attempts)


def _computed(
    usage: Usage, model: tuple[str, str | None], at: datetime | None, book: PriceBook
) -> tuple[Fraction, Fraction] | None:
    """Return what input and output of a call cost; None where that is unknown."""
    plain = usage.model_copy(update={"billed_usd": None})
    sent = plain.model_copy(update={"output": 0, **dict.fromkeys(OUTPUT_PARTS[1:])})
    whole = price_call(plain, *model, at, book)
    given = price_call(sent, *model, at, book)
    if isinstance(whole, Unpriced) or isinstance(given, Unpriced):
        return None
    return given, whole - given


def _input_parts(call: LlmCall, cost: Fraction) -> dict[Part, Fraction]:
    """Share the cost of the input among the messages by their length."""
    sizes: dict[Part, int] = {}
    for part, size in _sizes(call.input):
        sizes[part] = sizes.get(part, 0) + size
    whole = sum(sizes.values())
    if not whole:
        return {"prompt": cost}
    return {part: cost * size / whole for part, size in sizes.items()}


def _sizes(messages: Json) -> Iterable[tuple[Part, int]]:
    if isinstance(messages, dict):
        inner = messages.get("messages") or messages.get("input") or messages.get("contents")
        messages = inner if isinstance(inner, list) else [messages]
    if not isinstance(messages, list):
        return [("prompt", len(messages) if isinstance(messages, str) else 0)]
    return [(_part_of(item), _length(item)) for one in messages for item in _items(one)]


def _items(message: Json) -> list[Json]:
    """Take a message apart where it holds results of tools beside other content."""
    if isinstance(message, dict):
        content = message.get("content")
        if isinstance(content, list) and any(_type(item) in _TOOL_ITEMS for item in content):
            role = message.get("role")
            return [{"role": role, **item} for item in content if isinstance(item, dict)]
    return [message]


def _part_of(item: Json) -> Part:
    role = item.get("role") if isinstance(item, dict) else None
    if role in ("tool", "function") or _type(item) in _TOOL_ITEMS:
        return "tool results"
    if role in ("assistant", "model") or _type(item) in _SAID_ITEMS:
        return "earlier turns"
    return "prompt"


def _type(item: Json) -> str | None:
    kind = item.get("type") if isinstance(item, dict) else None
    return kind if isinstance(kind, str) else None


def _length(item: Json) -> int:
    return len(item) if isinstance(item, str) else len(json.dumps(item, ensure_ascii=False))


def _output_parts(call: LlmCall, cost: Fraction) -> dict[Part, Fraction]:
    thought, whole = call.reasoning_tokens or 0, call.output_tokens or 0
    if not thought or thought > whole:
        return {"output": cost}
    reasoning = cost * thought / whole
    return {"reasoning": reasoning, "output": cost - reasoning}


def _moment(started: str | None) -> datetime | None:
    try:
        at = None if started is None else datetime.fromisoformat(started)
    except ValueError:
        return None
    return at if at is None or at.tzinfo else at.replace(tzinfo=UTC)
