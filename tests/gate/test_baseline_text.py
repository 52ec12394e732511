"""The committed layout of a baseline, byte by byte, and where its lines are."""

from evalgate.gate.baseline_text import baseline_text, case_lines, header_lines
from evalgate.schema.baseline import Baseline, BaselineMetric, Provenance
from evalgate.schema.result import Subject

TEXT = """{
"schema": "evalgate.baseline/1",
"suite": {"id": "s", "golden_digest": "d", "cases": 2, "trials": 2, "noise": "trials"},
"subject": {"model": "m-1"},
"scorers": {"task_success": "1:a"},
"environment": {},
"provenance": {"created": "2026-11-21T00:00:00Z", "reason": "first", "forced": []},
"metrics": {"task_success_rate": {"direction": "higher", "unit": "ratio", "mean": 0.5}},
"cases": {
"a": {"digest": "d1", "weight": 2, "x": [0.5,1,1e15], "status": {"1":"limit"}, "calls": [["f"]]},
"b\\u2028": {"digest": "d2", "task_success": "10"}}}
"""


def _baseline(**fields: object) -> Baseline:
    cases = {
        "b\u2028": {"digest": "d2", "task_success": "10"},
        "a": {
            "digest": "d1",
            "weight": 2.0,
            "status": {"1": "limit"},
            "calls": [("f",)],
            "x": [0.5, 1.0, 1e15],
        },
    }
    return Baseline.model_validate(
        {
            "suite": {"id": "s", "golden_digest": "d", "cases": 2, "trials": 2},
            "subject": Subject(model="m-1"),
            "scorers": {"task_success": "1:a"},
            "provenance": Provenance(created="2026-11-21T00:00:00Z", reason="first"),
            "metrics": {
                "task_success_rate": BaselineMetric(direction="higher", unit="ratio", mean=0.5)
            },
            "cases": cases,
            **fields,
        }
    )


def test_the_layout() -> None:
    """One line a part, one a case, sorted; no null, no fraction of a whole number below 1e15."""
    assert baseline_text(_baseline()).replace("1000000000000000.0", "1e15") == TEXT


def test_the_last_line_of_no_case() -> None:
    """It is an object all the same."""
    assert baseline_text(_baseline(cases={})).endswith('"cases": {\n}}\n')


def test_lines_are_found_by_name() -> None:
    """Counted from 1; a case called like a part of the header is a case."""
    text = baseline_text(_baseline(cases={"metrics": {"digest": "d"}, "x": {"digest": "d"}}))
    assert case_lines(text) == {"metrics": 10, "x": 11}
    header = ["schema", "suite", "subject", "scorers", "environment", "provenance", "metrics"]
    parts = [*header, "cases"]
    assert header_lines(text) == {part: number for number, part in enumerate(parts, 2)}


def test_another_layout_has_no_lines() -> None:
    """Nothing is found, and nothing fails, in what is no committed layout."""
    assert case_lines('{\n  "cases": {\n    "a": 1}}') == {}
    assert header_lines('"open\n1\n"suite": 2') == {"suite": 3}
