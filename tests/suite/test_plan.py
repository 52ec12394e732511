"""What is decided before the first trial: cases, mode, scorers, metrics."""

import json
from pathlib import Path
from typing import Any

import pytest

from evalgate.errors import ConfigError, NothingSelected, PluginError
from evalgate.schema.config import SuiteConfig
from evalgate.suite.plan import Filters, make_plan
from evalgate.suite.shards import Shard
from evalgate.suite.suite import Suite

ROWS = [
    {"id": "a", "input": "1", "tags": ["x"], "expected": {"refusal": True}},
    {"id": "b", "input": "2", "tags": ["x", "y"], "expected": {"refusal": True}},
    {"id": "c", "input": "3", "expected": {"refusal": True}},
]


def suite(folder: Path, rows: list[dict[str, Any]] = ROWS, **fields: Any) -> Suite:  # noqa: ANN401  # configuration
    """Write a golden set, and make a suite of it."""
    (folder / "g.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    given = {"golden": "g.jsonl", "agent": "python:m:f", **fields}
    config = SuiteConfig.model_validate(given)
    return Suite(name="s", config=config, root=folder, runs=folder / "runs")


@pytest.mark.parametrize(
    ("filters", "chosen"),
    [
        (Filters(), "abc"),
        (Filters(tags=("x",)), "ab"),
        (Filters(tags=("x", "y")), "ab"),
        (Filters(cases=("c", "a")), "ac"),
        (Filters(tags=("x",), cases=("b", "c")), "b"),
        (Filters(touched=frozenset({"b"})), "b"),
    ],
)
def test_filters_choose_cases(tmp_path: Path, filters: Filters, chosen: str) -> None:
    """Tags are alternatives, kinds of filters narrow; less than all is partial."""
    plan = make_plan(suite(tmp_path), filters)
    assert chosen == "".join(case.id for case in plan.cases)
    assert (len(chosen) < 3) is plan.partial
    assert {*chosen} == {*plan.digests}


@pytest.mark.parametrize(
    ("filters", "error", "part"),
    [
        (Filters(tags=("z",)), NothingSelected, "no case has the tag 'z'"),
        (Filters(cases=("d",)), ConfigError, "no case 'd'"),
        (Filters(touched=frozenset()), NothingSelected, "nothing to run"),
        (Filters(shard=Shard(4999, 5000)), NothingSelected, "no case falls to shard 4999/5000"),
    ],
)
def test_an_empty_selection_is_no_pass(
    tmp_path: Path, filters: Filters, error: type[Exception], part: str
) -> None:
    """Nothing that could be judged is left: said, and by kind."""
    with pytest.raises(error, match=part):
        make_plan(suite(tmp_path), filters)


ASKS = {"criteria": {"kind": "rubric", "model": "m", "metrics": ["criteria_met"]}}
WITH_CRITERIA = [{"id": "a", "input": "1", "expected": {"criteria": ["It is short."]}}]


@pytest.mark.parametrize(
    ("rows", "judges", "part"),
    [
        (WITH_CRITERIA, {}, "case 'a' has criteria, and no judge"),
        (ROWS, ASKS, "judge 'criteria' has no rubric, and no case has criteria"),
    ],
)
def test_criteria_and_their_judge_need_each_other(
    tmp_path: Path, rows: list[dict[str, Any]], judges: dict[str, Any], part: str
) -> None:
    """What nobody asks about would count for nothing without a word."""
    with pytest.raises(ConfigError, match=part):
        make_plan(suite(tmp_path, rows, judges=judges), Filters())
    assert make_plan(suite(tmp_path, WITH_CRITERIA, judges=ASKS), Filters())


def test_an_empty_golden_set_is_no_pass(tmp_path: Path) -> None:
    """Inconclusive, with the command that starts one."""
    with pytest.raises(NothingSelected, match="golden add"):
        make_plan(suite(tmp_path, []), Filters())


@pytest.mark.parametrize(
    ("fields", "calls", "mode", "gateway"),
    [
        ({}, "replay", "live", None),
        ({"gateway": {}}, "replay", "replay", "replay"),
        ({"gateway": {}}, "auto", "live", "auto"),
        ({"gateway": {}}, "record", "live", "record"),
        ({"agent": "recorded:t.jsonl", "gateway": {}}, "replay", "recorded", None),
    ],
)
def test_where_answers_come_from(
    tmp_path: Path,
    fields: dict[str, Any],
    calls: Any,  # noqa: ANN401  # a literal
    mode: str,
    gateway: str | None,
) -> None:
    """Replay by default behind a gateway, never live by surprise."""
    plan = make_plan(suite(tmp_path, **fields), Filters(), calls)
    assert (mode, gateway) == (plan.mode, plan.calls)


@pytest.mark.parametrize(
    ("code", "call", "part"),
    [
        ("def f(case, trace): return 1", "mine:g", "AttributeError"),
        ("import nothing_like_this", "mine:f", "ModuleNotFoundError"),
        ("def f(:", "mine:f", "SyntaxError"),
        ("1 / 0", "mine:f", "ZeroDivisionError"),
    ],
)
def test_a_scorer_that_cannot_be_loaded_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, call: str, part: str
) -> None:
    """Whatever importing it raises is the user's to mend, and no bug of ours."""
    monkeypatch.syspath_prepend(tmp_path)
    name = f"mine_{abs(hash((code, call)))}"
    (tmp_path / f"{name}.py").write_text(code)
    with pytest.raises(ConfigError, match=part):
        make_plan(suite(tmp_path, scorers={"own": call.replace("mine", name)}), Filters())


def test_an_installed_scorer_is_found_by_name(tmp_path: Path) -> None:
    """A name without a function is that of an entry point; there is none of this name."""
    with pytest.raises(PluginError, match="no scorer 'mine'"):
        make_plan(suite(tmp_path, scorers={"own": "mine"}), Filters())


def test_names_of_metrics_are_taken(tmp_path: Path) -> None:
    """A user's scorer cannot take the place of a metric, and a gate names one that exists."""
    with pytest.raises(ConfigError, match="has the name of a metric"):
        make_plan(suite(tmp_path, scorers={"error_rate": "m:f"}), Filters())
    gate = {"metrics": {"task_sucess_rate": "standard"}}
    with pytest.raises(ConfigError, match="did you mean 'task_success_rate'"):
        make_plan(suite(tmp_path, gate=gate), Filters())


@pytest.mark.parametrize("calls", ["record", "auto"])
def test_nothing_can_be_recorded_without_a_gateway(tmp_path: Path, calls: Any) -> None:  # noqa: ANN401
    """The error gives the lines to add; recorded traces and replays need none."""
    with pytest.raises(ConfigError) as caught:
        make_plan(suite(tmp_path), Filters(), calls)
    assert "    gateway:\n      upstream:\n        openai: https://" in str(caught.value.fix)
    assert "live" == make_plan(suite(tmp_path), Filters()).mode
