"""Expectations of the final output."""

from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.schema.base import Json
from evalgate.schema.golden import OutputExpectation
from evalgate.scorers.output import compile_schema, failed_output

SCHEMA = {"type": "object", "required": ["total"], "properties": {"total": {"type": "number"}}}


def problems(output: Json, **expected: object) -> list[str]:
    """Check an output."""
    return list(failed_output(OutputExpectation.model_validate(expected), output))


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("Shipped", {"equals": "Shipped"}),
        (" Shipped\n", {"equals": "Shipped"}),
        ("SHIPPED", {"equals": "shipped", "ignore_case": True}),
        ("e\u0301te\u0301", {"equals": "\u00e9t\u00e9"}),
        ({"a": 1.0, "b": [True]}, {"equals": {"b": [True], "a": 1}}),
        ('{"a": 1}', {"equals": {"a": 1}}),
        ("[1, 2]", {"equals": [1, 2]}),
        ({"A": "X"}, {"equals": {"a": "x"}, "ignore_case": True}),
        ("7", {"equals": 7}),
        ("Your refund of $12", {"contains": ["refund", "$12"]}),
        ("Your REFUND", {"contains": ["refund"], "ignore_case": True}),
        ("fine", {"not_contains": ["refund"]}),
        ("order 12345 shipped", {"regex": [r"\b\d{5}\b", "^order"]}),
        ("ORDER", {"regex": ["order"], "ignore_case": True}),
        ('{"total": 3}', {"json_schema": SCHEMA}),
        ({"total": 3}, {"json_schema": SCHEMA}),
    ],
)
def test_met(output: Json, expected: dict[str, object]) -> None:
    """These outputs are as expected."""
    assert [] == problems(output, **expected)


@pytest.mark.parametrize(
    ("output", "expected", "words"),
    [
        ("Shipped.", {"equals": "Shipped"}, "is not 'Shipped'"),
        (None, {"equals": "Shipped"}, "is not 'Shipped'"),
        ("", {"contains": ["a"]}, "does not contain 'a'"),
        ("1", {"equals": True}, "is not True"),
        ({"a": 1}, {"equals": {"a": True}}, "is not {'a': True}"),
        ("not json", {"equals": {"a": 1}}, "is not {'a': 1}"),
        ('{"a": 1, "a": 1}', {"equals": {"a": 1}}, "is not {'a': 1}"),
        ("REFUND", {"contains": ["refund"]}, "does not contain 'refund'"),
        ("a refund", {"not_contains": ["refund"]}, "contains 'refund'"),
        ("a REFUND", {"not_contains": ["refund"], "ignore_case": True}, "contains 'refund'"),
        ("order", {"regex": [r"\d"]}, r"pattern '\\d'"),
        ("{}", {"json_schema": SCHEMA}, "breaks its schema at $: 'total' is a required property"),
        ("nope", {"json_schema": SCHEMA}, "is not JSON"),
        ("NaN", {"json_schema": {}}, "is not JSON"),
        (None, {"json_schema": SCHEMA}, "breaks its schema"),
    ],
)
def test_not_met(output: Json, expected: dict[str, object], words: str) -> None:
    """These outputs are not as expected, and the words say what is missing."""
    (problem,) = problems(output, **expected)

    assert words in problem


@pytest.mark.parametrize(
    ("text", "value", "tolerance"),
    [
        ("It costs $1,299.00 today.", 1299, 0),
        ("EUR 12.5", 12.5, 0),
        ("(42)", 42, 0),
        ("It is 42.", 42, 0),
        ("minus \u22125 degrees", -5, 0),
        ("-5", -5, 0),
        ("5%", 5, 0),
        ("1.1", 1.0, 0.1),
        ("0.3", 0.2, 0.1),
        ("1e3 rows", 1000, 0),
        ("4, that is 4.0", 4, 0),
        ("12,345,678", 12345678, 0),
    ],
)
def test_number_found(text: str, value: float, tolerance: float) -> None:
    """A number within the tolerance, boundary included, however it is written."""
    assert [] == problems(text, numeric={"value": value, "abs_tol": tolerance})


@pytest.mark.parametrize(
    ("text", "value", "tolerance"),
    [
        ("about 41", 42, 0),
        ("order A42", 42, 0),
        ("-5", 5, 0),
        ("no number", 0, 0),
        ("1.11", 1.0, 0.1),
        ("1299", 129, 0),
        ("1,29", 129, 0),
        ("", 0, 0),
        ("9" * 5000, 9, 0),
    ],
)
def test_number_not_found(text: str, value: float, tolerance: float) -> None:
    """Another number, a part of a longer one or of a word is not the number."""
    (problem,) = problems(text, numeric={"value": value, "abs_tol": tolerance})

    assert "holds no number" in problem


def test_a_list_of_numbers_is_no_answer() -> None:
    """One number, or the one that a pattern names: a list of all numbers holds every one."""
    for text in (" ".join(map(str, range(1000))), "between 3 and 42"):
        (problem,) = problems(text, numeric={"value": 42})
        assert "numeric.pattern" in problem


def test_a_pattern_names_the_number() -> None:
    """Its first group, or all it matches; two answers are none."""
    named = {"value": 42, "pattern": r"[Tt]otal: (\S+)"}
    assert [] == problems("In 2024, 3 items. Total: 42 EUR", numeric=named)
    assert [] == problems("3 items, 42 EUR", numeric={"value": 42, "pattern": r"\d+ EUR"})
    assert 1 == len(problems("total: 41 total: 42", numeric=named))
    assert 1 == len(problems("42", numeric=named))


def test_relative_tolerance() -> None:
    """The tolerance is the larger of the absolute and the relative one."""
    assert [] == problems("95", numeric={"value": 100, "rel_tol": 0.05})
    assert "within 0.05 of its size" in problems("94", numeric={"value": 100, "rel_tol": 0.05})[0]


@given(st.integers(-(10**12), 10**12))
def test_every_integer_is_found(number: int) -> None:
    """Any integer is found in a sentence, with and without thousands commas."""
    for text in (f"It is {number}.", f"It is {number:,}, as said."):
        assert [] == problems(text, numeric={"value": number})


def test_every_problem_is_listed() -> None:
    """All parts that fail are named, not only the first."""
    found = problems("x", contains=["a", "b"], regex=["c"], numeric={"value": 1})

    assert 4 == len(found)


def test_unusable_pattern() -> None:
    """A pattern that is none is the case's mistake and not the agent's."""
    with pytest.raises(ValueError, match=r"pattern '\(' is no regular expression"):
        problems("x", regex=["("])


def test_unusable_schema() -> None:
    """A schema that is none is the case's mistake."""
    with pytest.raises(ValueError, match="no JSON Schema"):
        compile_schema({"type": "nothing"})


def test_schema_never_leaves_itself() -> None:
    """A reference to the network is refused, and nothing is fetched."""
    asked: list[str] = []

    class Schemas(BaseHTTPRequestHandler):
        """Serves a schema that everything satisfies."""

        def do_GET(self) -> None:
            """Answer with `{}`."""
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Schemas) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        check = compile_schema({"$ref": f"http://127.0.0.1:{server.server_port}/schema.json"})
        with pytest.raises(ValueError, match="refers to what is not in it"):
            check({})
        server.shutdown()

    assert [] == asked


def test_long_text_is_cut_for_patterns() -> None:
    """A pattern sees the first 20,000 characters: what lies behind them is not found."""
    assert [] == problems("a" * 19_999 + "b", regex=["b"])
    assert 1 == len(problems("a" * 20_000 + "b", regex=["b"]))


@pytest.mark.parametrize(
    ("numeric", "words"),
    [
        ({"value": 42}, "the output holds no number 42"),
        ({"value": 42.5, "abs_tol": 0.5}, "the output holds no number 42.5 within 0.5"),
        (
            {"value": 42, "abs_tol": 1, "rel_tol": 0.0125},
            "the output holds no number 42 within 1 within 0.0125 of its size",
        ),
        (
            {"value": 42, "pattern": r"is (\d+)"},
            "the output holds no number 42 where 'is (\\\\d+)' matches",
        ),
    ],
)
def test_numbers_in_words(numeric: dict[str, object], words: str) -> None:
    """The number, how close, and where it is looked for."""
    assert [words] == problems("none", numeric=numeric)


@pytest.mark.parametrize(
    ("pattern", "met"),
    [
        (r"total: (\d+)", True),
        (r"total: \d+", True),
        (r"(t)otal: (\d+)", False),
        (r"(x)?total", False),
    ],
)
def test_the_first_group_is_the_answer(pattern: str, met: bool) -> None:  # noqa: FBT001  # a parameter
    """Where a pattern has groups the first one counts, else the whole match."""
    assert met == ([] == problems("total: 42, x: 7", numeric={"value": 42, "pattern": pattern}))


@pytest.mark.parametrize(
    ("output", "expected", "met"),
    [
        (["A", {"B": ["C"]}], ["a", {"b": ["c"]}], True),
        (["A"], ["b"], False),
        ({"A": 1}, {"a": 1}, True),
        ('["A"]', ["a"], True),
        (7, "7", True),
    ],
)
def test_case_is_ignored_at_every_depth(output: Json, expected: Json, met: bool) -> None:  # noqa: FBT001  # a parameter
    """In lists, in names and in values."""
    assert met == ([] == problems(output, equals=expected, ignore_case=True))
