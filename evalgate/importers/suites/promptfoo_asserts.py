"""promptfoo's assertions as expectations of ours, one by one."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from warnings import catch_warnings

from evalgate.importers.results.rows import items, mapping, number, text_of
from evalgate.schema.base import Json
from evalgate.schema.golden import Case, Expected, ExpectedCall, OutputExpectation
from evalgate.store.golden_sets.golden_set import expectation_problems


@dataclass(slots=True)
class Kept:
    """What the assertions of one test become."""

    equals: list[Json] = field(default_factory=list)
    contains: list[str] = field(default_factory=list)
    not_contains: list[str] = field(default_factory=list)
    regex: list[str] = field(default_factory=list)
    schemas: list[dict[str, Json]] = field(default_factory=list)
    refusal: bool | None = None
    calls: list[ExpectedCall] | None = None
    criteria: list[str] = field(default_factory=list)
    faithful: bool = False
    limits: dict[str, float] = field(default_factory=dict)

    def expected(self) -> Expected:
        """Put the parts together; what nothing asks for stays away."""
        parts: dict[str, object] = {
            "contains": self.contains,
            "not_contains": self.not_contains,
            "regex": self.regex,
        }
        given = {name: value for name, value in parts.items() if value}
        if self.equals:
            given["equals"] = self.equals[0]
        if self.schemas:
            given["json_schema"] = (
                self.schemas[0] if len(self.schemas) == 1 else {"allOf": self.schemas}
            )
        fields: dict[str, object] = {}
        if given:
            fields["output"] = OutputExpectation.model_validate(given)
        if self.criteria:
            fields["criteria"] = self.criteria
        if self.refusal is not None:
            fields["refusal"] = self.refusal
        if self.calls is not None:
            fields["tool_calls"] = self.calls
        return Expected.model_validate(fields)


def keep(assertion: Mapping[str, Json], kept: Kept) -> str | None:
    """Add an assertion to what is kept.

    Returns:
        Why it has no counterpart; null where it has one.
    """
    kind = text_of(assertion.get("type"))
    if not kind:
        return "an assertion without a type"
    if number(assertion.get("weight")) == 0:
        return f"{kind} of weight 0: it only informs"
    value = assertion.get("value")
    if isinstance(value, str) and value.startswith("file://"):
        return f"{kind} whose value is a file ({value})"
    if isinstance(value, str) and "{{" in value:
        return f"{kind} whose value is a template ({value[:40]!r})"
    if assertion.get("transform"):
        return f"{kind} with a transform"
    found = _KINDS.get(kind)
    if found is None:
        base = kind.removeprefix("not-")
        written = (
            "write it as a scorer" if base in ("javascript", "python", "ruby") else "no counterpart"
        )
        return f"{kind}: {written}"
    return found(assertion, kept)


_Keep = Callable[[Mapping[str, Json], Kept], str | None]


def _texts(assertion: Mapping[str, Json]) -> list[str]:
    value = assertion.get("value")
    return [text_of(each) for each in (items(value) if isinstance(value, list) else [value])]


def _any(values: list[str], flags: str = "") -> str:
    return flags + "(?:" + "|".join(map(re.escape, values)) + ")"


def _absent(pattern: str, flags: str = "") -> str:
    r"""Match an output in which a pattern occurs nowhere."""
    return rf"{flags}(?s:\A(?!.*(?:{pattern})))"


def _contains(assertion: Mapping[str, Json], kept: Kept) -> None:
    kept.contains += _texts(assertion)


def _not_contains(assertion: Mapping[str, Json], kept: Kept) -> None:
    kept.not_contains += _texts(assertion)


def _icontains(assertion: Mapping[str, Json], kept: Kept) -> None:
    kept.regex += [_any([text], "(?i)") for text in _texts(assertion)]


def _not_icontains(assertion: Mapping[str, Json], kept: Kept) -> None:
    kept.regex += [_absent(re.escape(text), "(?i)") for text in _texts(assertion)]


def _contains_any(assertion: Mapping[str, Json], kept: Kept) -> None:
    kept.regex.append(_any(_texts(assertion)))


def _icontains_any(assertion: Mapping[str, Json], kept: Kept) -> None:
    kept.regex.append(_any(_texts(assertion), "(?i)"))


def _not_contains_all(assertion: Mapping[str, Json], kept: Kept) -> None:
    inside = "".join(rf"(?=.*{re.escape(text)})" for text in _texts(assertion))
    kept.regex.append(rf"(?s:\A(?!{inside}))")


def _equals(assertion: Mapping[str, Json], kept: Kept) -> str | None:
    if kept.equals and kept.equals[0] != assertion.get("value"):
        return "a second equals of one test"
    kept.equals.append(assertion.get("value"))
    return None


def _not_equals(assertion: Mapping[str, Json], kept: Kept) -> None:
    kept.regex.append(rf"\A(?!{re.escape(text_of(assertion.get('value')))}\Z)")


def _starts_with(assertion: Mapping[str, Json], kept: Kept) -> None:
    kept.regex.append(rf"\A{re.escape(text_of(assertion.get('value')))}")


def _regex(assertion: Mapping[str, Json], kept: Kept) -> str | None:
    return _pattern(text_of(assertion.get("value")), kept, absent=False)


def _not_regex(assertion: Mapping[str, Json], kept: Kept) -> str | None:
    return _pattern(text_of(assertion.get("value")), kept, absent=True)


def _pattern(pattern: str, kept: Kept, *, absent: bool) -> str | None:
    # JavaScript names groups and writes code points in its own way.
    pattern = pattern.replace("(?<", "(?P<").replace("(?P<=", "(?<=").replace("(?P<!", "(?<!")
    try:
        with catch_warnings(action="ignore", category=FutureWarning):  # of [[: both mean a bracket
            re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return f"regex {pattern[:60]!r}, which Python does not know"
    kept.regex.append(_absent(pattern) if absent else pattern)
    return None


def _is_json(assertion: Mapping[str, Json], kept: Kept) -> str | None:
    schema = mapping(assertion.get("value"))
    probe = Case(id="probe", input="", expected={"output": {"json_schema": schema}})
    problem = next(expectation_problems(1, probe), None)
    if problem is not None:
        return f"is-json: {problem.message[:100]}"
    kept.schemas.append(schema)
    return None


def _refusal(_: Mapping[str, Json], kept: Kept) -> None:
    kept.refusal = True


def _not_refusal(_: Mapping[str, Json], kept: Kept) -> None:
    kept.refusal = False


def _tools(assertion: Mapping[str, Json], kept: Kept) -> str | None:
    value = assertion.get("value")
    names = value.split(",") if isinstance(value, str) else map(text_of, items(value))
    kept.calls = [ExpectedCall(name=n.strip(), compare_args=()) for n in names if n.strip()]
    return None if kept.calls else "tool-call-f1 without names"


def _criterion(assertion: Mapping[str, Json], kept: Kept) -> None:
    kept.criteria.append(text_of(assertion.get("value")))


def _faithful(_: Mapping[str, Json], kept: Kept) -> None:
    kept.faithful = True


def _latency(assertion: Mapping[str, Json], kept: Kept) -> str | None:
    return _limit("completion_time_p95", assertion, kept, 1000)


def _cost(assertion: Mapping[str, Json], kept: Kept) -> str | None:
    return _limit("cost_per_interaction", assertion, kept, 1)


def _limit(metric: str, assertion: Mapping[str, Json], kept: Kept, scale: int) -> str | None:
    limit = number(assertion.get("threshold"))
    if limit is None:
        return f"{text_of(assertion.get('type'))} without a threshold"
    kept.limits[metric] = max(limit / scale, kept.limits.get(metric, 0.0))
    return None


_KINDS: Final[Mapping[str, _Keep]] = {
    "contains": _contains,
    "contains-all": _contains,
    "contains-any": _contains_any,
    "not-contains": _not_contains,
    "not-contains-any": _not_contains,
    "not-contains-all": _not_contains_all,
    "icontains": _icontains,
    "icontains-all": _icontains,
    "icontains-any": _icontains_any,
    "not-icontains": _not_icontains,
    "not-icontains-any": _not_icontains,
    "equals": _equals,
    "not-equals": _not_equals,
    "starts-with": _starts_with,
    "regex": _regex,
    "not-regex": _not_regex,
    "is-json": _is_json,
    "is-refusal": _refusal,
    "not-is-refusal": _not_refusal,
    "tool-call-f1": _tools,
    "llm-rubric": _criterion,
    "context-faithfulness": _faithful,
    "latency": _latency,
    "cost": _cost,
}
