"""Declared answers of a tool, and the small state that they read and change: pure."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from evalgate.matching.equality import json_equal
from evalgate.schema.base import Json
from evalgate.schema.config_parts.tool import MockAnswer, ToolPolicy

_PART = re.compile(r"\{(/?[^{}\n]+)\}")
_MISSING = object()
_INDEX_DIGITS = 10


@dataclass(frozen=True, slots=True)
class Mocked:
    """What a mock answers."""

    result: Json = None
    """What it returns."""
    error: str | None = None
    """The error the agent sees."""
    status: int | None = None
    state: Json = None
    """The state afterwards."""


def answer_of(policy: ToolPolicy, arguments: Mapping[str, Json], state: Json) -> Mocked | str:
    """Answer a call.

    Args:
        policy: The declared answers.
        arguments: The call's.
        state: The state before.

    Returns:
        The answer; or in words why there is none.
    """
    found = [answer for answer in policy.answers if _fits(answer, arguments, state)]
    if len(found) > 1:
        return f"{len(found)} declared answers fit the call"
    chosen = found[0] if found else policy.otherwise
    if chosen is None:
        return "no declared answer fits the call"
    try:
        after = _changed(chosen, arguments, state)
        if chosen.error is not None:
            return Mocked(
                error=_filled(chosen.error, arguments, after), status=chosen.status, state=after
            )
        result = chosen.result
        if chosen.template is not None:
            result = _filled(chosen.template, arguments, after)
    except KeyError as error:
        return str(error.args[0])
    return Mocked(result, None, chosen.status, after)


def overlaps(policy: ToolPolicy) -> Iterator[tuple[int, int]]:
    """Find pairs of answers that some call would fit both of; positions from 0."""
    for (first, one), (second, other) in combinations(enumerate(policy.answers), 2):
        apart = _differ(one.when, other.when) or _differ(one.state, other.state)
        if not apart:
            yield first, second


def _differ(one: Mapping[str, Json], other: Mapping[str, Json]) -> bool:
    return any(name in other and not json_equal(value, other[name]) for name, value in one.items())


def _fits(answer: MockAnswer, arguments: Mapping[str, Json], state: Json) -> bool:
    given = all(
        name in arguments and json_equal(value, arguments[name])
        for name, value in answer.when.items()
    )
    return given and all(
        _holds(_looked_up(state, _pointer(pointer, arguments)), value)
        for pointer, value in answer.state.items()
    )


def _holds(found: object, wanted: Json) -> bool:
    if found is _MISSING:
        return wanted is None
    return json_equal(found, wanted)


def _pointer(pointer: str, arguments: Mapping[str, Json]) -> str:
    """Fill the names of arguments into a pointer; one that is not given leads nowhere."""
    return _PART.sub(
        lambda m: _text(arguments.get(m[1], "")).replace("~", "~0").replace("/", "~1"), pointer
    )


def _looked_up(state: object, pointer: str) -> object:
    here = state
    for part in _parts(pointer):
        if isinstance(here, dict) and part in here:
            here = here[part]
        elif isinstance(here, list) and (at := _index(part, here)) is not None:
            here = here[at]
        else:
            return _MISSING
    return here


def _index(part: str, rows: Sequence[object]) -> int | None:
    """Return which element of a list a pointer names; an argument of the agent's can be in it."""
    at = int(part) if part.isascii() and part.isdigit() and len(part) < _INDEX_DIGITS else len(rows)
    return at if at < len(rows) else None


def _parts(pointer: str) -> list[str]:
    return [p.replace("~1", "/").replace("~0", "~") for p in pointer.split("/")[1:]]


def _changed(answer: MockAnswer, arguments: Mapping[str, Json], state: Json) -> Json:
    after = state
    for pointer, value in answer.set.items():
        filled = _filled_json(value, arguments, state)
        after = _put(after, _parts(_pointer(pointer, arguments)), filled)
    return after


def _put(here: Json, parts: list[str], value: Json) -> Json:
    """Return a copy in which a value stands at a place; objects on the way are made."""
    if not parts:
        return value
    first, rest = parts[0], parts[1:]
    if isinstance(here, list):
        if first == "-":
            return [*here, _put(None, rest, value)]
        at = _index(first, here)
        if at is None:
            raise KeyError(f"the state has no element {first[:80]!r} in a list of {len(here)}")
        return [_put(v, rest, value) if n == at else v for n, v in enumerate(here)]
    known = here if isinstance(here, dict) else {}
    return {**known, first: _put(known.get(first), rest, value)}


def _filled_json(value: Json, arguments: Mapping[str, Json], state: Json) -> Json:
    if not isinstance(value, str):
        return value
    whole = _PART.fullmatch(value)
    return _part(whole[1], arguments, state) if whole else _filled(value, arguments, state)


def _filled(text: str, arguments: Mapping[str, Json], state: Json) -> str:
    return _PART.sub(lambda match: _text(_part(match[1], arguments, state)), text)


def _part(name: str, arguments: Mapping[str, Json], state: Json) -> Json:
    if name.startswith("/"):
        found = _looked_up(state, name)
        if found is _MISSING:
            raise KeyError(f"the template reads {name} of the state, which is not there")
        return found  # type: ignore[return-value]  # a part of JSON is JSON
    if name not in arguments:
        raise KeyError(f"the template reads the argument {name!r}, which the call does not have")
    return arguments[name]


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
