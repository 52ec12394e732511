"""What `validate` says of a golden set."""

from pathlib import Path

from evalgate.schema.base import Json
from evalgate.schema.golden import Case
from evalgate.store.golden_sets.findings import Finding, check_golden
from evalgate.store.golden_sets.golden import GoldenSet


def _findings(*rows: dict[str, Json]) -> list[tuple[str, int | None, str]]:
    cases = tuple(
        Case.model_validate({"id": f"c{index}", "input": f"question {index}"} | row)
        for index, row in enumerate(rows)
    )
    lines = tuple(range(1, len(cases) + 1))
    golden = GoldenSet.of(Path("golden.jsonl"), cases, lines)
    return [(each.severity, each.line, each.message) for each in check_golden(golden)]


_FINE: dict[str, Json] = {"expected": {"refusal": False}}


def test_a_sound_set_has_no_findings() -> None:
    """Each kind of expectation is one."""
    assert [] == _findings(
        _FINE,
        {"expected": {"output": {"contains": ["x"]}}},
        {"expected": {"tool_calls": []}},
        {"expected": {"final_state": {"order": "refunded"}}},
        {"expected": {"handoff": True}},
        {"expected": {"guardrail": "pass"}},
        {"expected": {"scores": ["reward"]}},
    )


def test_a_case_that_expects_nothing_is_an_error() -> None:
    """Neither an empty expectation nor one of no content can fail."""
    rows: list[dict[str, Json]] = [
        _FINE,
        {},
        {"expected": {"output": {}}},
        {"expected": {"output": {"ignore_case": True}}},
        {"expected": {"final_state": {}}},
    ]
    found = _findings(*rows)
    assert [("error", 2), ("error", 3), ("error", 4), ("error", 5)] == [each[:2] for each in found]


def test_duplicates_are_named() -> None:
    """The same input twice, told apart from the same case twice."""
    same = _FINE | {"input": "hello"}
    found = _findings(same, same, same | {"expected": {"handoff": True}})
    assert [
        ("warning", 2, "has the input of case 'c0' (line 1) and expects the same"),
        ("warning", 3, "has the input of case 'c0' (line 1)"),
    ] == found


def test_a_duplicate_counts_as_what_it_is() -> None:
    """Only what expects the same is the same case; else one question is asked twice."""
    expected = [{"handoff": False}, {"handoff": False}, {"handoff": True}]
    cases = [
        Case.model_validate({"id": f"c{n}", "input": "hello", "expected": one})
        for n, one in enumerate(expected)
    ]
    golden = GoldenSet.of(Path("golden.jsonl"), tuple(cases), (1, 2, 3))
    said = [each.fix.partition(": ")[2] for each in check_golden(golden)]
    assert ["the same case counts twice", "the same question counts twice"] == said


def test_keys_without_effect_are_named() -> None:
    """What is written and cannot matter is a misunderstanding."""
    found = _findings(
        {"expected": {"refusal": True, "tool_match": "exact"}},
        {
            "expected": {
                "tool_calls": [
                    {
                        "name": "f",
                        "arguments": {"a": 1},
                        "rules": {"a": {"rule": "ignore"}},
                        "compare_args": ["b"],
                        "parameters": {},
                    }
                ]
            }
        },
    )
    assert [
        ("warning", 1, "`tool_match` has no effect without `tool_calls`"),
        ("warning", 2, "tool call 1 ('f'): `compare_args` names 'b', which it does not expect"),
        ("warning", 2, "tool call 1 ('f'): the rule for 'a' has no effect"),
        (
            "warning",
            2,
            "tool call 1 ('f'): `parameters` has no effect without `tool_match: bfcl`",
        ),
    ] == found


def test_a_set_that_gates_nothing_is_named() -> None:
    """An empty set, and one of nothing but drafts."""
    golden = GoldenSet.of(Path("golden.jsonl"), (), ())
    (finding,) = check_golden(golden)
    assert isinstance(finding, Finding)
    assert "empty" in finding.message
    assert "every case is a draft" in _findings(_FINE | {"status": "draft"})[0][2]
