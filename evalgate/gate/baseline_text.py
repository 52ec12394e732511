"""The committed layout of a baseline: made to be read, and diffed, in a pull request.

One line a part of the header, one line a case, ids sorted, keys in a fixed order, LF, no byte
that is not printable.
"""

import json
from collections.abc import Mapping

from evalgate.schema.base import Json
from evalgate.schema.baseline import Baseline, BaselineCase

_HEADER = ("suite", "subject", "judge", "scorers", "pricing", "environment", "provenance")
_AFTER_SCORES = ("status", "tokens", "calls", "recording")


def baseline_text(baseline: Baseline) -> str:
    """Write a baseline as it is committed."""
    data = baseline.model_dump(by_alias=True, mode="json", exclude={"cases"})
    lines = ["{", f'"schema": {_quoted(data["schema"])},']
    lines += [
        f'"{key}": {_spaced(_without_nulls(data[key]))},'
        for key in _HEADER
        if data[key] is not None
    ]
    lines.append(f'"metrics": {_spaced(_without_nulls(data["metrics"]))},')
    lines.append('"cases": {')
    cases = [f"{_quoted(name)}: {_case(case)}" for name, case in sorted(baseline.cases.items())]
    lines.append(",\n".join(cases) + "}}" if cases else "}}")
    return "\n".join(lines) + "\n"


def _case(case: BaselineCase) -> str:
    """Write digest, policy, scores, then how trials ended, tokens, calls, recordings."""
    data = case.model_dump(mode="json", exclude_defaults=True)
    last = {key: data.pop(key) for key in _AFTER_SCORES if key in data}
    parts = {key: _numbers(value) for key, value in data.items()} | last
    return "{" + ", ".join(f"{_quoted(k)}: {_compact(v)}" for k, v in parts.items()) + "}"


def _numbers(value: Json) -> Json:
    """Write whole numbers without a fraction."""
    if isinstance(value, list):
        return [_numbers(entry) for entry in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    return value


def _without_nulls(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _without_nulls(entry) for key, entry in value.items() if entry is not None}
    return value


def _spaced(value: Json) -> str:
    """Write an object on one line, with a blank after each separator."""
    if isinstance(value, dict):
        inner = ", ".join(f"{_quoted(key)}: {_spaced(entry)}" for key, entry in value.items())
        return "{" + inner + "}"
    return _compact(value)


def _compact(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text if text.isprintable() else json.dumps(value, separators=(",", ":"))


def _quoted(text: str) -> str:
    return _compact(text)


def case_lines(text: str) -> Mapping[str, int]:
    """Return the line, from 1, on which each case of a baseline's text stands.

    Only the committed layout is understood; of another one nothing is found.
    """
    return _lines(text, cases=True)


def header_lines(text: str) -> Mapping[str, int]:
    """Return the line, from 1, on which each part of the header of a baseline's text stands."""
    return _lines(text, cases=False)


def _lines(text: str, *, cases: bool) -> Mapping[str, int]:
    found: dict[str, int] = {}
    inside = False
    for number, line in enumerate(text.split("\n"), start=1):
        name = _key_of(line)
        if name is not None and inside == cases:
            found[name] = number
        inside = inside or name == "cases"
    return found


def _key_of(line: str) -> str | None:
    if not line.startswith('"'):
        return None
    try:
        name, _ = json.JSONDecoder().raw_decode(line)
    except ValueError:
        return None
    return name if isinstance(name, str) else None
