"""A request that no cassette holds: the nearest one that it does hold, and what is different."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from evalgate.gateway.wire.base import Body, as_body, as_list
from evalgate.schema.base import Json
from evalgate.text.counts import number_of
from evalgate.text.diff import unified

_PARTS = ("model", "tools", "sampling", "stream")

_LINES = 40
"""Lines of a diff that are shown."""


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A request that is in a cassette."""

    trial: int
    order: int
    """Equal requests of the trial before it."""
    request: Body
    """The canonical request."""


@dataclass(frozen=True, slots=True)
class Miss:
    """Why a trial could not be replayed."""

    case_id: str
    trial: int
    reason: str
    """One sentence."""
    nearest: RecordedRequest | None = None
    """The recorded request that is most like it."""
    diff: tuple[str, ...] = ()
    """What changed between the two, line by line."""
    command: str = ""
    """The command that records the case again."""

    def __str__(self) -> str:
        """Return all of it as text."""
        lines = [self.reason, *(f"  {line}" for line in self.diff)]
        return "\n".join([*lines, f"  fix: {self.command}"] if self.command else lines)


def those(trials: Iterable[int]) -> str:
    """Name trials: `trial 0`, `trials 0, 1, 2`."""
    numbers = sorted(set(trials))
    return f"trial{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))}"


def times(count: int) -> str:
    """Word how often something is recorded."""
    return number_of(count, "time that is", "times that are")


def make_miss(
    case_id: str,
    trial: int,
    request: Body,
    entries: Iterable[RecordedRequest],
    command: str,
    *,
    known: bool = True,
) -> Miss:
    """Explain a miss.

    Args:
        case_id: The case.
        trial: Number of the trial.
        request: The canonical request that was made.
        entries: What is recorded for the case.
        command: How to record the case again.
        known: Whether this very request is recorded, in whatever trial.
    """
    recorded = tuple(entries)
    nearest = find_nearest(request, trial, recorded)
    if nearest is None:
        kind = request.get("wire")
        reason = f"case {case_id!r}, trial {trial}: no {kind} request is recorded"
        return Miss(case_id, trial, reason, command=command)
    if nearest.request == request:
        if not known:
            said = (
                f"case {case_id!r}, trial {trial}: the request differs from the recorded one only "
                "in what was taken out of the recording, marked [redacted:...]"
            )
            return Miss(case_id, trial, said, nearest, (), command)
        trials = [e.trial for e in recorded if e.request == request]
        asked = f"the request is recorded for {those(trials)} only"
        if trial in trials:
            asked = f"the same request was made more than the {times(trials.count(trial))} recorded"
        return Miss(
            case_id, trial, f"case {case_id!r}, trial {trial}: {asked}", nearest, (), command
        )
    diff = describe_change(nearest.request, request)
    parts = ", ".join(_changed(nearest.request, request))
    reason = f"case {case_id!r}, trial {trial}: the request is not recorded; changed: {parts}"
    return Miss(case_id, trial, reason, nearest, diff, command)


def find_nearest(
    request: Body, trial: int, entries: Iterable[RecordedRequest]
) -> RecordedRequest | None:
    """Return the recorded request of the same protocol that shares most with this one."""
    candidates = [e for e in entries if e.request.get("wire") == request.get("wire")]
    return max(candidates, key=lambda e: _likeness(e, request, trial), default=None)


def _likeness(entry: RecordedRequest, request: Body, trial: int) -> tuple[int, bool, int]:
    mine, other = as_list(request.get("messages")), as_list(entry.request.get("messages"))
    same = sum(a == b for a, b in zip(mine, other, strict=False))
    parts = sum(entry.request.get(p) == request.get(p) for p in _PARTS)
    return (2 * same - abs(len(mine) - len(other)) + parts, entry.trial == trial, -entry.order)


def _changed(old: Body, new: Body) -> list[str]:
    found = [part for part in _PARTS if old.get(part) != new.get(part)]
    system = _system(old) != _system(new)
    rest = _conversation(old) != _conversation(new)
    return (["system prompt"] if system else []) + (["messages"] if rest else []) + found


def _system(request: Body) -> list[Json]:
    messages = as_list(request.get("messages"))
    return [m for m in messages if as_body(m).get("role") in ("system", "developer")]


def _conversation(request: Body) -> list[Json]:
    system = _system(request)
    return [m for m in as_list(request.get("messages")) if m not in system]


def describe_change(old: Body, new: Body) -> tuple[str, ...]:
    """Describe how a request differs from a recorded one, for a person.

    Args:
        old: The recorded canonical request.
        new: The request that was made.

    Returns:
        Lines: the model, then diffs of system prompt, messages, tools and sampling.
    """
    lines: list[str] = []
    if old.get("model") != new.get("model"):
        lines.append(f"model: {old.get('model')!r} -> {new.get('model')!r}")
    lines += _diff("system prompt", _texts(_system(old)), _texts(_system(new)))
    lines += _diff("messages", _texts(_conversation(old)), _texts(_conversation(new)))
    lines += _diff("tools", _tool_lines(old), _tool_lines(new))
    lines += _diff("sampling", _pretty(old.get("sampling")), _pretty(new.get("sampling")))
    lines += _diff("stream", _pretty(old.get("stream")), _pretty(new.get("stream")))
    if len(lines) > _LINES:
        lines = [*lines[:_LINES], f"... {len(lines) - _LINES} more lines"]
    return tuple(lines)


def _diff(title: str, old: list[str], new: list[str]) -> list[str]:
    changes = unified("\n".join(old), "\n".join(new), context=1, max_lines=_LINES)
    shown = [f"  {line}" for line in changes if not line.startswith("@@")]
    return [f"{title}:", *shown] if shown else []


def _texts(messages: list[Json]) -> list[str]:
    lines: list[str] = []
    for message in messages:
        body = as_body(message)
        content = body.get("content")
        role = body.get("role", body.get("type", "item"))
        if isinstance(content, str):
            lines += [f"{role}: {line}" for line in content.splitlines() or [""]]
        rest = {
            k: v
            for k, v in body.items()
            if k != "role" and not (k == "content" and isinstance(v, str))
        }
        if rest or not body:
            lines += [f"{role}: {line}" for line in _pretty(rest if body else message)]
    return lines


def _tool_lines(request: Body) -> list[str]:
    return [
        line
        for name, value in as_body(request.get("tools")).items()
        for line in (
            [f"{name}:", *_pretty(value)]
            if isinstance(value, list | dict)
            else [f"{name}: {value}"]
        )
    ]


def _pretty(value: Json) -> list[str]:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True).splitlines()
