"""Aligns two trajectories step by step: what was added, removed or changed between them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

from evalgate.schema.base import Json
from evalgate.schema.canonical import canonical_bytes
from evalgate.schema.trace import (
    GuardrailStep,
    Handoff,
    LlmCall,
    Retrieval,
    Span,
    Step,
    ToolCall,
    Unread,
    UserMessage,
)

Change = Literal["same", "added", "removed", "arguments", "result"]
"""How a pair of steps differs. `arguments`: what went in, whatever came out; `result`: the same
went in and something else came out."""

_MOST_PAIRS = 250_000
"""Pairs of steps that are weighed against each other; longer trajectories pair by first fit."""

_WEIGHT: Mapping[Change, int] = {"same": 8, "result": 7, "arguments": 4}
"""An equal pair is worth nearly two pairs of one name, so that a repeated call keeps its twin."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of two trajectories side by side."""

    before: int | None
    """Index of the baseline's step; null where the step was added."""
    after: int | None
    """Index of the candidate's step; null where the step was removed."""
    change: Change
    """How the two differ."""


@dataclass(frozen=True, slots=True)
class _Key:
    """What a step is compared by."""

    name: tuple[str, str | None]
    """Kind and name: only steps of one name pair up."""
    given: bytes
    got: bytes


def align(before: Sequence[Step], after: Sequence[Step]) -> tuple[Row, ...]:
    """Pair the steps of two trajectories, in order, so that as much as possible is alike.

    Steps pair where kind and name (of the tool, of the one handed to, of the guardrail) agree.
    Times, ids, tokens and costs do not count as differences; of a model call the message does.
    """
    old, new = [_key(step) for step in before], [_key(step) for step in after]
    start, end = _common(old, new)
    pairs = [(i, i) for i in range(start)]
    inner_old, inner_new = old[start : len(old) - end], new[start : len(new) - end]
    pair = _best if len(inner_old) * len(inner_new) <= _MOST_PAIRS else _first_fit
    pairs += [(start + i, start + j) for i, j in pair(inner_old, inner_new)]
    pairs += [(len(old) - k, len(new) - k) for k in range(end, 0, -1)]
    return tuple(_rows(old, new, pairs))


def diverges_at(rows: Sequence[Row], before: Sequence[Step], after: Sequence[Step]) -> int | None:
    """Return the first row where the agent does something else; None where it never does.

    The wording of a model's message, and spans, are no divergence.
    """
    for number, row in enumerate(rows):
        step = before[row.before] if row.before is not None else after[row.after or 0]
        if row.change != "same" and not isinstance(step, LlmCall | Span):
            return number
    return None


def _common(old: Sequence[_Key], new: Sequence[_Key]) -> tuple[int, int]:
    """Count the equal steps at the start and at the end."""
    most = min(len(old), len(new))
    start = next((i for i in range(most) if old[i] != new[i]), most)
    rest = most - start
    end = next((k for k in range(rest) if old[-1 - k] != new[-1 - k]), rest)
    return start, end


def _best(old: Sequence[_Key], new: Sequence[_Key]) -> list[tuple[int, int]]:
    """Choose the pairs of greatest weight (dynamic programming over both suffixes)."""
    worth = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i in range(len(old) - 1, -1, -1):
        for j in range(len(new) - 1, -1, -1):
            alone = max(worth[i + 1][j], worth[i][j + 1])
            both = _weight(old[i], new[j])
            worth[i][j] = max(alone, both + worth[i + 1][j + 1]) if both else alone
    pairs = []
    i = j = 0
    while i < len(old) and j < len(new):
        both = _weight(old[i], new[j])
        if both and worth[i][j] == both + worth[i + 1][j + 1]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif worth[i][j] == worth[i + 1][j]:
            i += 1
        else:
            j += 1
    return pairs


def _first_fit(old: Sequence[_Key], new: Sequence[_Key]) -> list[tuple[int, int]]:
    """Pair each step with the next one of its name."""
    places: dict[tuple[str, str | None], list[int]] = {}
    for j in range(len(new) - 1, -1, -1):
        places.setdefault(new[j].name, []).append(j)
    pairs = []
    free = 0
    for i, key in enumerate(old):
        left = places.get(key.name, [])
        while left and left[-1] < free:
            left.pop()
        if left and left[-1] - free <= len(old):
            free = left.pop() + 1
            pairs.append((i, free - 1))
    return pairs


def _weight(old: _Key, new: _Key) -> int:
    return _WEIGHT[_change(old, new)] if old.name == new.name else 0


def _change(old: _Key, new: _Key) -> Change:
    if old.given != new.given:
        return "arguments"
    return "same" if old.got == new.got else "result"


def _rows(old: Sequence[_Key], new: Sequence[_Key], pairs: Sequence[tuple[int, int]]) -> list[Row]:
    rows: list[Row] = []
    i = j = 0
    for at, to in (*pairs, (len(old), len(new))):
        rows += [Row(k, None, "removed") for k in range(i, at)]
        rows += [Row(None, k, "added") for k in range(j, to)]
        if at < len(old) and to < len(new):
            rows.append(Row(at, to, _change(old[at], new[to])))
        i, j = at + 1, to + 1
    return rows


def _key(step: Step) -> _Key:
    name, given, got = _compared(step)
    return _Key((step.kind, name), canonical_bytes(given), canonical_bytes(got))


def _compared(step: Step) -> tuple[str | None, Json, Json]:
    """Return what a step is called, what went in and what came out."""
    match step:
        case ToolCall():
            return f"{step.requestor}:{step.name}", step.arguments, [step.result, step.error]
        case LlmCall():
            return None, None, [_said(step.output), step.error]
        case Retrieval():
            return None, step.query, list(step.documents)
        case Handoff():
            return step.target, step.reason, None
        case GuardrailStep():
            return step.type, None, step.decision
        case UserMessage():
            return None, step.content, None
        case Span():
            return step.name, step.input, step.output
        case Unread():
            return step.type, step.item, None
        case _:
            assert_never(step)


def _said(message: Json) -> Json:
    """Take what differs from call to call out of a message: the ids of its tool calls."""
    if isinstance(message, dict):
        return {key: _said(value) for key, value in message.items() if key not in _IDS}
    if isinstance(message, list):
        return [_said(item) for item in message]
    return message


_IDS = frozenset({"id", "call_id", "tool_call_id", "tool_use_id", "index"})
