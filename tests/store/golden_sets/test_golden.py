"""Golden sets: every problem at once, and nothing read that was not written."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.errors import DataError
from evalgate.schema.fingerprint import case_digests, golden_digest
from evalgate.schema.golden import Case, Expected, ExpectedCall, Numeric, OneOf, OutputExpectation
from evalgate.store.golden_sets.golden import load_golden, write_golden

_GOOD = '{"id": "a", "input": "hello", "expected": {"refusal": true}}'


def _file(folder: Path, content: str | bytes) -> Path:
    path = folder / "golden.jsonl"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def _message(folder: Path, content: str | bytes) -> str:
    with pytest.raises(DataError) as caught:
        load_golden(_file(folder, content))
    return caught.value.message


def test_a_golden_set_is_read(tmp_path: Path) -> None:
    """Cases, their lines and a digest; blank lines, CRLF and a missing last break do not matter."""
    other = _GOOD.replace('"a"', '"b"')
    golden = load_golden(_file(tmp_path, f"{_GOOD}\r\n\r\n{other}"))
    assert ("a", "b") == tuple(case.id for case in golden.cases)
    assert (1, 3) == golden.lines
    assert golden_digest(case_digests(golden.cases)) == golden.digest
    assert golden.digest == load_golden(_file(tmp_path, f"{other}\n{_GOOD}\n")).digest


def test_an_empty_file_is_an_empty_set(tmp_path: Path) -> None:
    """Whether no case is enough is judged later."""
    assert () == load_golden(_file(tmp_path, "")).cases
    assert () == load_golden(_file(tmp_path, "\n \n")).cases


def test_every_problem_is_listed_at_once(tmp_path: Path) -> None:
    """Line, pointer or column, what was found and what is allowed."""
    lines = [
        _GOOD,
        '{"id": "b", "input": 5}',
        '{"id": "c", "input": "x", "must_pas": true, "weight": "2"}',
        '{"id": "d", "input": [{"role": "usr", "content": "x"}]}',
        '{"id": "e", "input": "x", "weight": NaN}',
        '{"id": "a", "input": "x"}',
        '{"id": "f", "input": "x", "expected": {"output": {"regex": ["("]}}}',
        '{"id": "g", "input": "x", "expected": {"output": {"json_schema": {"type": "strin"}}}}',
        '{"id": "h", "input": {"turn": ["x"]}}',
        "[1]",
        '{"id": "i", "inp',
    ]
    message = _message(tmp_path, "\n".join(lines))
    expected = """golden.jsonl: 12 problems
  line 2, /input: found 5; expected a valid string or a valid array or an object
  line 3, /must_pas: unknown key 'must_pas' (did you mean 'must_pass'?)
  line 3, /weight: found '2'; expected a valid number
  line 4, /input/0/role: found 'usr'; expected 'system', 'developer', 'user', 'assistant' or 'tool'
  line 5, column 37: found NaN; expected a finite number, or null
  line 6, /id: found the id 'a' again; line 1 has it; expected each id once
  line 7, /expected/output/regex/0: found '('; expected a Python regular expression (missing ), \
unterminated subpattern at position 0)
  line 8, /expected/output/json_schema/type: 'strin' is not valid under any of the given schemas; \
expected a JSON Schema
  line 9, /input: 'turns' is missing
  line 9, /input/turn: unknown key 'turn' (did you mean 'turns'?)
  line 10: found [1]; expected an object, one a line
  line 11, column 13: found a string without its end: '"inp'; expected a closing quote; \
the file may have been cut off here
"""
    assert expected.strip() == message.replace(f"{tmp_path}/", "")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"\xef\xbb\xbf" + _GOOD.encode(), ":1:1: found a byte order mark"),
        (_GOOD.encode() + b"\n" + b'{"id": "\xff"}', "line 2, column 9: found the byte 0xff"),
        ('{"id": "a", "id": "b", "input": "x"}', "the key 'id' again"),
        ('{"id": "a", "input": "x", "weight": 1e999}', "1e999"),
        ('{"id": "a", "input": "x", "metadata": ' + "[" * 200 + "]" * 200 + "}", "100 levels"),
        ('{"id": "a", "input": "x", "must_pass": 1}', "expected a valid boolean"),
        ('{"id": "a", "input": "x", "zero_tolerance": true}', "zero_tolerance needs must_pass"),
        ('{"id": "a\\u0007", "input": "x"}', "line 1, /id"),
        ('{"id": "a", "input": []}', "line 1, /input"),
        ('{"id": "a", "input": "x", "state": "paid"}', "/state: found 'paid'; expected an object"),
        ('{"id": "a", "input": "x", "state": {"a": NaN}}', "found NaN; expected a finite number"),
        (
            (
                '{"id": "a", "input": "x", "expected": {"output": {"json_schema": {"$ref": '
                '"http://a.example/s"}}}}'
            ),
            "expected one inside the schema",
        ),
        (
            (
                '{"id": "a", "input": "x", "expected": {"tool_calls": [{"name": "f", "rules": '
                '{"a": {"rule": "regex", "pattern": "["}}}]}}'
            ),
            "/expected/tool_calls/0/rules/a/pattern",
        ),
        (
            (
                '{"id": "a", "input": "x", "expected": {"tool_calls": [{"name": "f", "arguments": '
                '{"b": 1}, "rules": {"a": {"rule": "exact"}}}]}}'
            ),
            "it has ['b']",
        ),
    ],
)
def test_bad_input_is_named(tmp_path: Path, content: str | bytes, found: str) -> None:
    """Each kind of bad input has a message that names it."""
    assert found in _message(tmp_path, content)


def test_a_long_list_is_cut_and_counted(tmp_path: Path) -> None:
    """50 problems are listed; the rest is a number."""
    message = _message(tmp_path, "{}\n" * 40)
    assert "80 problems" in message
    assert 52 == len(message.splitlines())
    assert message.endswith("... and 30 more")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The path and the reason, also for a folder."""
    with pytest.raises(DataError, match=r"none.jsonl cannot be read: No such file"):
        load_golden(tmp_path / "none.jsonl")
    with pytest.raises(DataError, match="Is a directory"):
        load_golden(tmp_path)


_CALLS = st.builds(
    ExpectedCall,
    name=st.text("ab", min_size=1, max_size=3),
    arguments=st.dictionaries(st.text("xy", max_size=2), st.none() | st.integers() | st.text()),
    rules=st.just({}) | st.just({"q": OneOf(rule="one_of", values=(None, 1, "a"))}),
    compare_args=st.none() | st.just(()) | st.just(("x",)),
)
_CASES = st.builds(
    Case,
    id=st.text("abc-1", min_size=1, max_size=6),
    input=st.text(st.characters(exclude_categories=["Cs"])),
    expected=st.builds(
        Expected,
        output=st.none() | st.builds(OutputExpectation, numeric=st.just(Numeric(value=1.5))),
        tool_calls=st.none() | st.lists(_CALLS, max_size=2).map(tuple),
        handoff=st.none() | st.booleans(),
    ),
    weight=st.floats(0.01, 10),
    metadata=st.just({"nested": [None, {"a": 1.0}]}),
)


@given(cases=st.lists(_CASES, max_size=4, unique_by=lambda case: case.id))
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, cases: list[Case]
) -> None:
    """Writing loses nothing and changes no digest."""
    path = tmp_path_factory.mktemp("golden") / "golden.jsonl"
    write_golden(path, cases)
    golden = load_golden(path)
    assert tuple(cases) == golden.cases
    assert golden_digest(case_digests(cases)) == golden.digest


def test_a_refusal_changes_no_file(tmp_path: Path) -> None:
    """Reading never writes."""
    path = _file(tmp_path, "{")
    with pytest.raises(DataError, match=re.escape("1 problem")):
        load_golden(path)
    assert "{" == path.read_text()
    assert json.loads(_GOOD)["id"] == "a"
