"""What a case expects of the final output, checked part by part, in words where it fails."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Final

from evalgate.matching import json_equal
from evalgate.schema.base import Json
from evalgate.schema.golden import Numeric, OutputExpectation
from evalgate.scorers.signals import output_text
from evalgate.text.escape import cap
from evalgate.text.numerals import numbers
from evalgate.text.strict_json import Parsed, parse

SchemaCheck = Callable[[Json], str | None]
"""Says what is wrong with a value; None where nothing is."""

_REGEX_CHARACTERS: Final = 20_000
"""Longest text a regular expression is searched in: the pattern is trusted, the text is not."""

_JSON_BYTES: Final = 10_000_000
_SHOWN: Final = 120


def failed_output(
    expected: OutputExpectation, output: Json, schema: SchemaCheck | None = None
) -> Iterator[str]:
    """Say which parts of an expectation the output does not meet.

    Args:
        expected: What is expected.
        output: The final answer.
        schema: What `compile_schema` made of `expected.json_schema`, where it is at hand.

    Raises:
        ValueError: For a pattern or a schema that is not usable.
    """
    if expected.equals is not None and not _equals(expected.equals, output, expected.ignore_case):
        yield f"the output is not {_shown(expected.equals)}"
    yield from _failed_texts(expected, output_text(output))
    if expected.json_schema is not None:
        problem = _against_schema(schema or compile_schema(expected.json_schema), output)
        if problem is not None:
            yield problem
    if expected.numeric is not None:
        yield from _failed_number(expected.numeric, output_text(output))


def _failed_texts(expected: OutputExpectation, raw: str) -> Iterator[str]:
    text = _fold(raw, expected.ignore_case)
    for part in expected.contains:
        if _fold(part, expected.ignore_case) not in text:
            yield f"the output does not contain {_shown(part)}"
    for part in expected.not_contains:
        if _fold(part, expected.ignore_case) in text:
            yield f"the output contains {_shown(part)}"
    for pattern in expected.regex:
        if not _found(pattern, raw, expected.ignore_case):
            yield f"the output does not match the pattern {_shown(pattern)}"


def _fold(text: str, ignore_case: bool) -> str:  # noqa: FBT001  # a field of the expectation
    """Bring a text to one spelling; composed and decomposed letters are the same."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return text.casefold() if ignore_case else text


def _equals(expected: Json, output: Json, ignore_case: bool) -> bool:  # noqa: FBT001  # as above
    if isinstance(expected, str):
        given = output_text(output).strip()
        return _fold(expected.strip(), ignore_case) == _fold(given, ignore_case)
    if isinstance(output, str):
        parsed = parse(output.strip(), max_bytes=_JSON_BYTES)
        if not isinstance(parsed, Parsed):
            return False
        output = parsed.value
    if ignore_case:
        return json_equal(_folded(expected), _folded(output))
    return json_equal(expected, output)


def _folded(value: Json) -> Json:
    if isinstance(value, str):
        return _fold(value, ignore_case=True)
    if isinstance(value, list):
        return [_folded(item) for item in value]
    if isinstance(value, dict):
        return {_fold(key, ignore_case=True): _folded(item) for key, item in value.items()}
    return value


def _found(pattern: str, text: str, ignore_case: bool) -> bool:  # noqa: FBT001  # as above
    try:
        compiled = re.compile(pattern, re.IGNORECASE if ignore_case else 0)
    except re.error as error:
        message = f"pattern {pattern!r} is no regular expression: {error}"
        raise ValueError(message) from error
    return compiled.search(text[:_REGEX_CHARACTERS]) is not None


def compile_schema(schema: dict[str, Json]) -> SchemaCheck:
    """Prepare a JSON Schema for all trials of a case; a reference never leaves the schema.

    Raises:
        ValueError: For a schema that is none.
    """
    from jsonschema import SchemaError  # noqa: PLC0415  # heavy
    from jsonschema.validators import Draft202012Validator, validator_for  # noqa: PLC0415  # heavy
    from referencing.exceptions import Unresolvable  # noqa: PLC0415  # heavy
    from referencing.jsonschema import EMPTY_REGISTRY  # noqa: PLC0415  # heavy

    kind = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        message = f"json_schema is no JSON Schema: {error.message}"
        raise ValueError(message) from error
    validator = kind(schema, registry=EMPTY_REGISTRY)

    def check(value: Json) -> str | None:
        try:
            error = next(iter(validator.iter_errors(value)), None)
        except Unresolvable as unresolved:
            message = f"json_schema refers to what is not in it: {unresolved}"
            raise ValueError(message) from unresolved
        return None if error is None else f"{error.json_path}: {error.message}"

    return check


def _against_schema(check: SchemaCheck, output: Json) -> str | None:
    if isinstance(output, str):
        parsed = parse(output.strip(), max_bytes=_JSON_BYTES)
        if not isinstance(parsed, Parsed):
            return "the output is not JSON"
        output = parsed.value
    problem = check(output)
    return None if problem is None else f"the output breaks its schema at {cap(problem, 300)}"


def _failed_number(expected: Numeric, text: str) -> Iterator[str]:
    """Compare every number of the answer, exactly, as the decimals are written."""
    wanted = Fraction(repr(expected.value))
    tolerance = max(
        Fraction(repr(expected.abs_tol)), Fraction(repr(expected.rel_tol)) * abs(wanted)
    )
    found = set(numbers(_answer(expected.pattern, text)))
    right = {number for number in found if abs(number - wanted) <= tolerance}
    words = _number_words(expected)
    if not right:
        where = "" if expected.pattern is None else f" where {_shown(expected.pattern)} matches"
        yield f"the output holds no number {words}{where}"
    elif right != found:
        yield (
            f"the output holds {len(found)} numbers, not {words} alone; `numeric.pattern` names "
            "the one that is the answer"
        )


def _answer(pattern: str | None, text: str) -> str:
    if pattern is None:
        return text
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        message = f"pattern {pattern!r} is no regular expression: {error}"
        raise ValueError(message) from error
    group = 1 if compiled.groups else 0
    found = (match[group] for match in compiled.finditer(text[:_REGEX_CHARACTERS]))
    return " \n ".join(filter(None, found))


def _number_words(expected: Numeric) -> str:
    words = f"{expected.value:g}"
    if expected.abs_tol:
        words += f" within {expected.abs_tol:g}"
    if expected.rel_tol:
        words += f" within {expected.rel_tol:.3g} of its size"
    return words


def _shown(value: Json) -> str:
    return cap(repr(value), _SHOWN)
