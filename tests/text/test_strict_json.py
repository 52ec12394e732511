"""Strict JSON: what is refused, and whether the message names the place."""

import json
from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.errors import DataError
from evalgate.schema.base import Json
from evalgate.text.strict_json import Parsed, Problem, loads, parse

_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('ab"\\\n'), inner),
    max_leaves=20,
)


@given(value=_JSON, indent=st.sampled_from([None, 2]), ascii_only=st.booleans())
def test_every_plain_document_is_read(value: Json, *, indent: int | None, ascii_only: bool) -> None:
    """What json writes without NaN comes back as it was."""
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert Parsed(value) == parse(text)


@pytest.mark.parametrize(
    ("text", "line", "column", "found"),
    [
        ('{"a": NaN}', 1, 7, "NaN"),
        ('{"a": [1,\n -Infinity]}', 2, 2, "-Infinity"),
        ('{"a": 1e999}', 1, 7, "1e999"),
        ('[-1e400, "1e999"]', 1, 2, "-1e400"),
        ('{"a": 1, "b": {"a": 2, "a": 3}}', 1, 24, "'a' again"),
        ('{"a": 1,\n "\\u0061": 2}', 2, 2, "'a' again"),
        ('{"a": "x\ty"}', 1, 9, "U+0009"),
        ('["ok", "\\ud800"]', 1, 8, "U+D800"),
        ('["ok", "\\udc00\\ud800"]', 1, 8, "U+DC00"),
        ("\ufeff{}", 1, 1, "byte order mark"),
        ("[" * 101 + "]" * 101, 1, 101, "100 levels"),
        ('{"\\"[": [' * 60 + "]}" * 60, 1, 451, "100 levels"),
        ("9" * 400, 1, 1, "400 characters"),
        ("-1e400", 1, 1, "-1e400"),
        ("1" * 250 + "e99", 1, 1, "253 characters"),
        ('{"\\q": 1, "b": ' + "[" * 101, 1, 115, "100 levels"),
        ('{"a": 1', 1, 8, "end of the text"),
        ('{"a": "tru', 1, 7, "string without its end"),
        ('{"a": 1} {"b": 2}', 1, 10, "after the value"),
        ("", 1, 1, "nothing"),
        ("  \n ", 2, 2, "nothing"),
        ("{'a': 1}", 1, 2, "\"'a': 1}\""),
        ("[1, 2,]", 1, 7, "']'"),
        ('{"a": NaN, "b": }', 1, 7, "NaN"),
    ],
)
def test_a_refusal_names_its_place(text: str, line: int, column: int, found: str) -> None:
    """Line and column are those a person sees in an editor."""
    problem = parse(text)
    assert isinstance(problem, Problem)
    assert (line, column) == (problem.line, problem.column)
    assert found in problem.found


def test_the_message_holds_file_line_and_way_out() -> None:
    """A line inside a file is counted from the line it starts on."""
    with pytest.raises(DataError) as caught:
        loads('{"a": NaN}', source="golden.jsonl", line=41)
    assert str(caught.value) == "golden.jsonl:41:7: found NaN; expected a finite number, or null"
    with pytest.raises(DataError) as caught:
        loads("\ufeff{}", source="golden.jsonl")
    assert caught.value.fix == "save the file as UTF-8 without a byte order mark"


def test_invalid_utf8_names_the_byte() -> None:
    """The column counts characters before the bad byte."""
    problem = parse('{"ä": "'.encode() + b"\xff" + b'"}', line=3)
    assert Problem(3, 8, "the byte 0xff", "UTF-8 text") == problem


def test_a_size_cap_is_kept() -> None:
    """Nothing above the cap is parsed."""
    problem = parse("[" + "1," * 100 + "1]", max_bytes=100)
    assert isinstance(problem, Problem)
    assert problem.expected == "at most 100 bytes"


def test_surrogate_pairs_are_whole_characters() -> None:
    """An escaped pair is one character and no problem."""
    assert Parsed("\U0001f600") == parse('"\\ud83d\\ude00"')
    assert Parsed("\\ud800") == parse('"\\\\ud800"')


def test_brackets_in_strings_are_no_nesting() -> None:
    """Depth counts structure and not text."""
    assert Parsed("[" * 500) == parse(json.dumps("[" * 500))


@pytest.mark.parametrize("blanks", [0, 5_000])
@pytest.mark.parametrize("inner", ["", "1", "{}", '{"a": 1}', '"[["'])
def test_a_hundred_levels_are_read_and_no_more(inner: str, blanks: int) -> None:
    """Whatever the innermost holds, and however long the text is."""
    own = 1 if inner.startswith("{") else 0
    deep, deeper = (
        parse("[" * depth + inner + "]" * depth + " " * blanks) for depth in (100 - own, 101 - own)
    )
    assert (Parsed, Problem) == (type(deep), type(deeper))


@pytest.mark.parametrize("text", ["1],[2", "]", "][", "1, 2", "],[", "[1]]", "{}]"])
def test_brackets_that_close_nothing_are_refused(text: str) -> None:
    """Also in a long text, which is read inside of other brackets."""
    assert [Problem, Problem] == [type(parse(text)), type(parse(text + " " * 5_000))]


_NUMBER = st.from_regex(
    r"-?(0|[1-9][0-9]{0,240})(\.[0-9]{1,240})?([eE][+-]?[0-9]{1,4})?", fullmatch=True
)


@given(number=_NUMBER, before=st.sampled_from(["", "[", '{"a":', "[1, ", '["1e999",\n']))
def test_a_number_is_read_where_a_double_holds_it(number: str, before: str) -> None:
    """However it is written and wherever it stands; one that is too large is refused."""
    after = {"[": "]", "{": "}"}.get(before[:1], "")
    read = isinstance(parse(f"{before}{number}{after}"), Parsed)
    assert isfinite(float(number)) == read


@given(
    text=st.text('[]{}",:0123456789eE+-.NaInfity\\u \n\td8', max_size=60),
    blanks=st.sampled_from([0, 5_000]),
)
def test_nothing_escapes(text: str, blanks: int) -> None:
    """Whatever comes, the answer is data or a problem with a place."""
    match parse(text + " " * blanks):
        case Parsed(value):
            assert value == json.loads(text)
        case Problem(line, column, found, expected):
            assert line >= 1
            assert column >= 1
            assert found
            assert expected
