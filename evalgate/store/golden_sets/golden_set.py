"""A golden set in memory, and what is checked of it whatever file it came from."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from warnings import catch_warnings

from evalgate.schema.base import Json
from evalgate.schema.fingerprint import case_digests, golden_digest
from evalgate.schema.golden import Case, RegexRule
from evalgate.store.lines import LineProblem, data_error

Rows = Iterable[tuple[int, "Case | tuple[LineProblem, ...]"]]
"""Line (or row) of each case, and the case or all that is wrong with it."""


@dataclass(frozen=True, slots=True)
class GoldenSet:
    """A golden set as it was read."""

    path: Path
    """Where it was read from."""
    cases: tuple[Case, ...]
    """The cases, in the order of the file."""
    lines: tuple[int, ...]
    """The line (or row) of each case, from 1."""
    digests: Mapping[str, str]
    """Digest of what each case asks, by id."""
    digest: str
    """Digest over ids and what each case asks; the order of rows does not matter."""

    @classmethod
    def of(cls, path: Path, cases: tuple[Case, ...], lines: tuple[int, ...]) -> "GoldenSet":
        """Make a golden set of cases whose ids differ."""
        digests = case_digests(cases)
        return cls(path, cases, lines, digests, golden_digest(digests))


def golden_set(path: Path, rows: Rows, *, fix: str) -> GoldenSet:
    """Make a golden set of rows.

    Args:
        path: Where they were read from.
        rows: The rows, in the order of the file.
        fix: The way out, where something is wrong.

    Raises:
        DataError: With every problem of every row.
    """
    cases: list[tuple[int, Case]] = []
    problems: list[LineProblem] = []
    for number, read in rows:
        if isinstance(read, Case):
            cases.append((number, read))
            problems += expectation_problems(number, read)
        else:
            problems += read
    problems += duplicate_ids(cases)
    if problems:
        raise data_error(path, problems, fix=fix)
    known = tuple(case for _, case in cases)
    return GoldenSet.of(path, known, tuple(number for number, _ in cases))


def duplicate_ids(cases: Iterable[tuple[int, Case]]) -> Iterator[LineProblem]:
    """Yield a problem for each id that an earlier line has."""
    first: dict[str, int] = {}
    for number, case in cases:
        if case.id in first:
            found = f"found the id {case.id!r} again; line {first[case.id]} has it"
            yield LineProblem(number, "/id", f"{found}; expected each id once")
        first.setdefault(case.id, number)


def expectation_problems(line: int, case: Case) -> Iterator[LineProblem]:
    """Yield what no schema sees: patterns that do not compile, schemas that are none."""
    output = case.expected.output
    if output is not None:
        for index, pattern in enumerate(output.regex):
            yield from _pattern(line, f"/expected/output/regex/{index}", pattern)
        if output.json_schema is not None:
            yield from _json_schema(line, output.json_schema)
    for index, call in enumerate(case.expected.tool_calls or ()):
        for name, rule in call.rules.items():
            if isinstance(rule, RegexRule):
                place = f"/expected/tool_calls/{index}/rules/{name}/pattern"
                yield from _pattern(line, place, rule.pattern)


def _pattern(line: int, place: str, pattern: str) -> Iterator[LineProblem]:
    try:
        with catch_warnings(action="ignore", category=FutureWarning):  # of [[, which is no error
            re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        found = f"found {pattern[:120]!r}; expected a Python regular expression ({error})"
        yield LineProblem(line, place, found)


def _json_schema(line: int, schema: dict[str, Json]) -> Iterator[LineProblem]:
    from jsonschema import Draft202012Validator, SchemaError  # noqa: PLC0415 - heavy
    from jsonschema.validators import validator_for  # noqa: PLC0415 - heavy

    place = "/expected/output/json_schema"
    try:
        validator_for(schema, default=Draft202012Validator).check_schema(schema)
    except SchemaError as error:
        inner = "".join(f"/{part}" for part in error.absolute_path)
        yield LineProblem(line, place + inner, f"{error.message[:200]}; expected a JSON Schema")
    for reference in _references(schema):
        if not reference.startswith("#"):
            found = (
                f"found the reference {reference[:120]!r}; expected one inside the schema (#...)"
            )
            yield LineProblem(line, place, found)


def _references(schema: Json) -> Iterator[str]:
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key in ("$ref", "$dynamicRef") and isinstance(value, str):
                yield value
            yield from _references(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from _references(item)
