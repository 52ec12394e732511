"""The quick way to read a stored report gives what the models give, or gives up."""

import json
from collections.abc import Callable
from dataclasses import MISSING, fields, replace
from typing import Any

import pytest

from evalgate.schema.result import CaseResult, Report, TrialUsage
from evalgate.schema.score import Abstained, Broken, Scored
from evalgate.stats.stored_report import summary_of_stored_report
from evalgate.stats.summary import CaseSummary, RunSummary, summary_of_report

BuildCase = Callable[..., CaseResult]
BuildReport = Callable[..., Report]


@pytest.fixture
def stored(case: BuildCase, report: BuildReport) -> dict[str, Any]:
    """Return a report as it stands on disk."""
    scores = {
        "task_success": [1.0, 0.0],
        "tool_call_accuracy": [Scored(1 / 3, (1, 3)), Abstained("no calls expected")],
        "cost_usd": [0.00123456, Abstained("no price", unknown=True)],
        "faithfulness": [Broken("the judge is down"), 1.0],
    }
    tight: dict[str, Any] = {"must_pass": True, "zero_tolerance": True, "claimed": True}
    cases = [
        case("b", scores, ["finished", "crashed"], weight=2.0, cluster="c", **tight),
        case("a", {"task_success": [1.0, 1.0]}, draft=True, expects_refusal=True),
    ]
    spent: dict[str, Any] = {
        "usage": TrialUsage(9, 8, 7),
        "calls": ("refund",),
        "recording": "abc",
        "model_calls": 2,
    }
    first = cases[0].trials[0]
    trials = (replace(first, **spent), *cases[0].trials[1:])
    cases[0] = cases[0].model_copy(update={"trials": trials})
    return json.loads(report(cases).model_dump_json(by_alias=True))


def _quick(stored: dict[str, Any]) -> RunSummary | None:
    """Read a report without models."""
    return summary_of_stored_report(stored, stored["cases"], "r.json")


def _plain(side: RunSummary) -> object:
    """Leave the counts of ratios out: nothing of a comparison looks at them."""
    cases = {
        name: [
            {score: [_bare(s) for s in column] for score, column in case.columns.items()},
            *(getattr(case, f) for f in case.__slots__ if f != "columns"),
        ]
        for name, case in side.cases.items()
    }
    others = [getattr(side, f) for f in side.__slots__ if f != "cases"]
    return cases, others


def _bare(score: object) -> object:
    return score.value if isinstance(score, Scored) else score


def test_it_agrees_with_the_models(stored: dict[str, Any]) -> None:
    """The same side, by either way."""
    quick = _quick(stored)
    assert quick is not None
    assert _plain(summary_of_report(Report.model_validate(stored), "r.json")) == _plain(quick)


def test_every_field_of_a_case_is_read(stored: dict[str, Any]) -> None:
    """No field of a case keeps its default where the report says something else."""
    quick = _quick(stored)
    assert quick is not None
    silent = [
        field.name
        for field in fields(CaseSummary)
        if field.default is not MISSING
        and all(getattr(case, field.name) == field.default for case in quick.cases.values())
    ]
    assert [] == silent


def _set(data: dict[str, Any], path: str, value: object) -> None:
    *parents, last = path.split("/")
    here: Any = data
    for key in parents:
        here = here[int(key)] if isinstance(here, list) else here[key]
    here[int(last) if isinstance(here, list) else last] = value


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("cases", [None]),
        ("suite", {}),
        ("cases/0", []),
        ("cases/0/weight", "heavy"),
        ("cases/0/x", 1),
        ("cases/0/trials", {}),
        ("cases/0/trials/0", 1),
        ("cases/0/trials/0/x", 1),
        ("cases/0/trials/0/trial", True),
        ("cases/0/trials/0/status", "fine"),
        ("cases/0/trials/0/status", []),
        ("cases/0/trials/0/scores", []),
        ("cases/0/trials/0/scores/task_success", True),
        ("cases/0/trials/0/scores/task_success", {"abstained": []}),
        ("cases/0/trials/0/scores/task_success", {"x": "y"}),
        ("cases/0/trials/0/scores/task_success", {}),
        ("cases/0/trials/0/scores/task_success", "1"),
        ("cases/0/trials/0/scores/task_success", float("nan")),
        ("cases/0/trials/0/scores/task_success", {"value": 1, "counts": [1]}),
        ("cases/0/trials/0/scores/task_success", {"value": 1, "counts": [1, 2], "x": 1}),
        ("cases/0/trials/0/usage", {"input_tokens": "many"}),
        ("cases/0/trials/0/usage", {"x": 1}),
        ("cases/0/trials/0/usage", {"input_tokens": True}),
        ("cases/0/trials/0/recording", 1),
        ("cases/0/trials/0/model_calls", "1"),
        ("cases/0/trials/0/calls", [1]),
        ("cases/0/trials/0/calls", "refund"),
    ],
)
def test_what_is_unusual_is_left_to_the_models(
    stored: dict[str, Any], path: str, value: object
) -> None:
    """Nothing is read that the models would refuse."""
    _set(stored, path, value)
    assert _quick(stored) is None


def test_a_case_that_stands_twice_is_left_to_the_models(stored: dict[str, Any]) -> None:
    """No case replaces another."""
    stored["cases"].append(stored["cases"][0])
    assert _quick(stored) is None
