"""OpenAI Evals: a registry entry with its samples, or the samples alone.

`Match` asks for an answer that starts with an ideal one, `Includes` for one that holds it,
`JsonMatch` for equal JSON; several ideals are alternatives. Model-graded evals need a judge.
"""

import re
from collections.abc import Callable
from typing import Final

from evalgate.errors import DataError
from evalgate.importers.results.documents import Document, JsonDocument
from evalgate.importers.results.rows import mapping, objects_of, text_of
from evalgate.importers.suites.converted import (
    Converted,
    ConvertOptions,
    Source,
    answer_suite,
    expectations,
    expected_answer,
    input_of,
    make_case,
    unique,
)
from evalgate.schema.base import Json
from evalgate.schema.golden import Case, OutputExpectation
from evalgate.text.strict_json import Parsed, parse

_ARGUMENTS: Final = ("samples_jsonl", "ignore_case", "num_few_shot", "few_shot_jsonl")


def convert(source: Source, options: ConvertOptions) -> Converted:
    """Convert a registry entry, or samples (then `--expect` says what an ideal means)."""
    data = mapping(source.document.value) if isinstance(source.document, JsonDocument) else {}
    evals = [(name, mapping(value)) for name, value in data.items() if "class" in mapping(value)]
    if not evals:
        return _samples_alone(source.document, options)
    cases: list[Case] = []
    left: list[str] = []
    several = len(evals) > 1
    for name, entry in evals:
        arguments = mapping(entry.get("args"))
        kind = text_of(entry.get("class")).rpartition(":")[2]
        path = text_of(arguments.get("samples_jsonl"))
        if not path:
            raise DataError(f"{name}/args: found no samples_jsonl; expected a file of samples")
        expect = _expectation(kind, ignore_case=arguments.get("ignore_case") is True)
        if expect is None:
            left.append(f"{name}: class {kind!r} has no counterpart: its cases expect nothing")
        left += [f"{name}: argument {key!r}" for key in arguments if key not in _ARGUMENTS[:2]]
        rows = objects_of(source.beside.document(path))
        head = name.partition(".")[0] if several else ""
        cases += _cases(rows, head, expect or (lambda _: None))
    notes: list[str] = []
    # Here expectations are exact: nothing is left to a judge.
    suite = answer_suite(cases, ConvertOptions(expect="contains"), notes)
    return Converted(tuple(cases), suite, left_out=tuple(left), notes=tuple(notes))


def _samples_alone(document: Document, options: ConvertOptions) -> Converted:
    rows = objects_of(document, "samples")
    if not any("ideal" in row for _, row in rows):
        raise DataError(
            "found neither an eval with a `class` nor samples with an `ideal`",
            fix="give the registry's YAML, or the samples' JSON lines",
        )

    def expect(ideals: list[str]) -> OutputExpectation | None:
        if len(ideals) == 1:
            return expected_answer(ideals[0], options.expect)
        return OutputExpectation(regex=(_alternatives(ideals, ""),)) if ideals else None

    cases = _cases(rows, "", expect)
    notes: list[str] = []
    suite = answer_suite(cases, options, notes)
    return Converted(tuple(cases), suite, notes=tuple(notes))


_Expect = Callable[[list[str]], OutputExpectation | None]


def _cases(rows: list[tuple[str, dict[str, Json]]], head: str, expect: _Expect) -> list[Case]:
    ids = unique(f"{head}.{i}" if head else str(i) for i in range(len(rows)))
    cases = []
    for (where, row), name in zip(rows, ids, strict=True):
        ideal = row.get("ideal")
        ideals = [text_of(each) for each in (ideal if isinstance(ideal, list) else [ideal]) if each]
        cases.append(
            make_case(
                where,
                id=name,
                input=input_of(row.get("input"), where),
                expected=expectations(expect(ideals)),
                metadata={k: v for k, v in row.items() if k != "input"},
            )
        )
    return cases


def _expectation(kind: str, *, ignore_case: bool) -> _Expect | None:
    flags = "(?i)" if ignore_case else ""
    match kind:
        case "Match":
            return lambda ideals: OutputExpectation(regex=(rf"{flags}\A{_group(ideals)}",))
        case "Includes":
            return lambda ideals: OutputExpectation(regex=(_alternatives(ideals, flags),))
        case "JsonMatch":
            return _equal_json
        case _:
            return None


def _equal_json(ideals: list[str]) -> OutputExpectation | None:
    if len(ideals) != 1:
        return None
    found = parse(ideals[0])
    return OutputExpectation(equals=found.value if isinstance(found, Parsed) else ideals[0])


def _alternatives(ideals: list[str], flags: str) -> str:
    return flags + _group(ideals)


def _group(ideals: list[str]) -> str:
    return "(?:" + "|".join(map(re.escape, ideals)) + ")"
