"""promptfoo configurations."""

import json
from pathlib import Path

import pytest
from support.foreign import write
from support.suites import convert

from evalgate.errors import DataError
from evalgate.importers.suites.converted import Converted
from evalgate.schema.golden import Case
from evalgate.schema.score import Scored
from evalgate.schema.trace import Trace
from evalgate.scorers.settings import Settings
from evalgate.scorers.task import score_task


def suite(folder: Path, *asserts: object, **test: object) -> Converted:
    """Convert one test."""
    given = {"vars": {"question": "x"}, "assert": list(asserts), **test}
    return convert("promptfoo", write(folder, "config.json", {"tests": [given]}))


def passes(case: Case, output: str) -> bool:
    """Say whether an output meets the expectations of a case."""
    trace = Trace(case_id=case.id, status="finished", output=output)
    return score_task(case, trace, Settings())["task_success"] == Scored(1.0)


def test_the_real_configuration(shared_data: Path) -> None:
    """7 tests are 8 cases (promptfoo's 32 rows are 8 x 4); nothing is dropped in silence."""
    made = convert("promptfoo", shared_data / "foreign" / "promptfoo" / "promptfooconfig.yaml")
    assert ("7 tests, 8 cases", 8) == (made.notes[0], len(made.cases))
    for kind in ("levenshtein", "rouge-n", "word-count", "javascript", "python", "contains-json"):
        assert any(line.startswith(kind) for line in made.left_out), kind
    gates = made.suite["gate"]
    assert {"max": 20.0, "gate": "standard"} == gates["metrics"]["completion_time_p95"]  # type: ignore[call-overload, index]


def test_the_verdict_is_promptfoos(shared_data: Path) -> None:
    """Where every assertion has a counterpart, outputs pass and fail as promptfoo's file says."""
    folder = shared_data / "foreign" / "promptfoo"
    made = convert("promptfoo", folder / "promptfooconfig.yaml")
    (case,) = (c for c in made.cases if c.id.startswith("refund policy"))
    rows = json.loads((folder / "results.json").read_text(encoding="utf-8"))["results"]["results"]
    mine = [row for row in rows if row["testCase"]["description"] == "refund policy"]
    expected = [row["success"] for row in mine]
    assert {True, False} == set(expected)
    assert expected == [passes(case, row["response"]["output"]) for row in mine]


@pytest.mark.parametrize(
    ("assertion", "good", "bad"),
    [
        ({"type": "contains", "value": "a.b"}, "x a.b", "x aXb"),
        ({"type": "icontains", "value": "AB"}, "xab", "xa"),
        ({"type": "contains-any", "value": ["a", "b"]}, "b", "c"),
        ({"type": "contains-all", "value": ["a", "b"]}, "ab", "a"),
        ({"type": "icontains-any", "value": ["A"]}, "a", "b"),
        ({"type": "not-contains", "value": "a"}, "b", "a"),
        ({"type": "not-icontains", "value": "A"}, "b\nc", "b\na"),
        ({"type": "not-contains-all", "value": ["a", "b"]}, "a", "b\na"),
        ({"type": "equals", "value": "a"}, "a", "ab"),
        ({"type": "not-equals", "value": "a"}, "ab", "a"),
        ({"type": "starts-with", "value": "a+"}, "a+b", "ba+"),
        ({"type": "regex", "value": r"(?<n>\d)+"}, "a1", "a"),
        ({"type": "not-regex", "value": r"\d"}, "a\nb", "a\n1"),
        ({"type": "regex", "value": "[[x]]"}, "x]", "y]"),
        ({"type": "is-json"}, "[1]", "[1"),
        ({"type": "is-json", "value": {"required": ["a"]}}, '{"a": 1}', "{}"),
    ],
)
def test_assertions(tmp_path: Path, assertion: dict[str, object], good: str, bad: str) -> None:
    """Each means here what it means there."""
    made = suite(tmp_path, assertion)
    assert ((), True, False) == (
        made.left_out,
        passes(made.cases[0], good),
        passes(made.cases[0], bad),
    )


@pytest.mark.parametrize(
    "assertion",
    [
        {"type": "similar", "value": "x", "threshold": 0.8},
        {"type": "contains", "value": "x", "weight": 0},
        {"type": "contains", "value": "{{name}}"},
        {"type": "is-json", "value": "file://schema.json"},
        {"type": "is-json", "value": {"type": "nothing"}},
        {"type": "contains", "value": "x", "transform": "output.a"},
        {"type": "regex", "value": "("},
        {"type": "latency"},
        {},
    ],
)
def test_what_has_no_counterpart_is_listed(tmp_path: Path, assertion: dict[str, object]) -> None:
    """And the case expects nothing of it."""
    made = suite(tmp_path, assertion)
    assert 1 == len(made.left_out)
    assert made.cases[0].expected.output is None


def test_rubrics_are_criteria_of_their_case(tmp_path: Path) -> None:
    """Each test keeps its own, with its variables put in; one judge asks about them all."""
    rubric = {"type": "llm-rubric", "value": "It answers {{ q }} politely"}
    tests = [{"vars": {"q": "a"}, "assert": [rubric]}, {"vars": {"q": "b"}}]
    made = convert("promptfoo", write(tmp_path, "two.json", {"tests": tests}))
    assert [("It answers a politely",), ()] == [case.expected.criteria for case in made.cases]
    judge = {"kind": "rubric", "model": "gpt-4o-mini", "metrics": ["criteria_met"]}
    assert {"criteria": judge} == made.suite["judges"]


@pytest.mark.parametrize("value", ["{{name}}", ["x", "{{ name }}"]])
def test_variables_in_assertions(tmp_path: Path, value: object) -> None:
    """`{{name}}` is the variable of the test."""
    made = suite(tmp_path, {"type": "contains", "value": value}, vars={"name": "Zoe"})
    output = made.cases[0].expected.output
    assert output is not None
    assert "Zoe" == output.contains[-1]


def test_tests_in_files_templates_and_defaults(tmp_path: Path) -> None:
    """`file://tests.csv`, `$ref`, `defaultTest` and `__expected` columns."""
    write(tmp_path, "tests.csv", "question,__expected,__expected2\nhi,contains: a,b\n")
    config = """
defaultTest: {assert: [{$ref: "#/assertionTemplates/short"}]}
assertionTemplates: {short: {type: regex, value: "^.{0,9}$"}}
tests: file://tests.csv
"""
    made = convert("promptfoo", write(tmp_path, "config.yaml", config))
    output = made.cases[0].expected.output
    assert output is not None
    assert (("a",), "b", ("^.{0,9}$",)) == (output.contains, output.equals, output.regex)


def test_files_of_tests_by_pattern(tmp_path: Path) -> None:
    """A YAML file may be a list of tests; a pattern names several files, in their order."""
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
        write(tmp_path / name, "tests.yaml", f"- vars: {{question: of {name}}}\n")
    made = convert("promptfoo", write(tmp_path, "c.yaml", "tests: ['file://*/tests.yaml']\n"))
    assert ["of a", "of b"] == [case.input for case in made.cases]
    with pytest.raises(DataError, match="no file has such a name"):
        convert("promptfoo", write(tmp_path, "c.yaml", "tests: 'file://*/no.yaml'\n"))


@pytest.mark.parametrize(
    "tests",
    ["file://make.py:cases", "file://make.mjs", "https://sheets.example/x", {"path": "make.ts"}],
)
def test_tests_that_a_program_makes(tmp_path: Path, tests: object) -> None:
    """They are listed beside others; alone they are an error that says what to do."""
    written = {"vars": {"question": "x"}}
    both = convert("promptfoo", write(tmp_path, "both.json", {"tests": [tests, written]}))
    assert (1, 1) == (len(both.cases), len(both.left_out))
    with pytest.raises(DataError, match="no test that is written down"):
        convert("promptfoo", write(tmp_path, "alone.json", {"tests": tests}))


def test_variables_in_files(tmp_path: Path) -> None:
    """A text file is the value, several multiply the test, a program is listed."""
    write(tmp_path, "a.txt", "What is A?")
    write(tmp_path, "b.txt", "What is B?")
    given = {"question": "file://*.txt", "made": "file://make.js"}
    config = {"tests": [{"vars": given}]}
    made = convert("promptfoo", write(tmp_path, "config.json", config))
    assert ["What is A?", "What is B?"] == [case.input for case in made.cases]
    assert any("'made'" in line for line in made.left_out)


def test_an_empty_message_is_a_test(tmp_path: Path) -> None:
    """What an agent makes of nothing is asked as it is."""
    made = suite(tmp_path, {"type": "contains", "value": "x"}, vars={"text": " "})
    assert " " == made.cases[0].input


def test_a_missing_file_of_tests(tmp_path: Path) -> None:
    """It is named, with what names it."""
    path = write(tmp_path, "config.json", {"tests": "file://gone.csv"})
    with pytest.raises(DataError, match=r"gone\.csv: there is no such file"):
        convert("promptfoo", path)
