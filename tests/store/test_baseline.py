"""Baseline files: the committed layout, sizes, and every way a file can be wrong."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from evalgate.errors import BaselineMissing, DataError
from evalgate.gate.baseline import baseline_of_report
from evalgate.metrics.registry import METRICS
from evalgate.schema.baseline import Baseline, Provenance
from evalgate.schema.config_parts.gate import GateConfig
from evalgate.schema.result import (
    CaseResult,
    MetricValue,
    Report,
    SuiteInfo,
    TrialResult,
    TrialUsage,
)
from evalgate.schema.score import Abstained, Scored
from evalgate.store.baseline import load_baseline, load_summary, save_baseline


def _report(cases: int, trials: int) -> Report:
    """Build a report whose 85 % of trials succeed, in a pattern."""
    rows = []
    for i in range(cases):
        results = []
        for number in range(trials):
            passed = float((i * 7 + number * 3) % 20 > 2)
            results.append(
                TrialResult(
                    f"case-{i:04}",
                    number,
                    "finished",
                    {
                        "task_success": Scored(passed),
                        "error": Scored(0.0),
                        "tool_call_accuracy": Scored(1.0, (2, 2)),
                        "cost_usd": Scored(0.0067),
                        "faithfulness": Abstained("no judge"),
                    },
                    usage=TrialUsage(1200, 80, 0),
                    calls=("get_order", "refund"),
                )
            )
        rows.append(CaseResult(id=f"case-{i:04}", digest=f"{i:016x}", trials=tuple(results)))
    suite = {"id": "support", "golden_digest": "sha256:" + "0" * 64, "cases": cases}
    info = SuiteInfo.model_validate({**suite, "selected": cases, "trials": trials})
    value = MetricValue(value=0.85, unit="ratio", direction="higher", n=cases, se=0.0202)
    metrics = {"task_success_rate": value, "tool_call_recall": value}
    return Report(
        verdict="pass",
        exit_code=0,
        suite=info,
        cases=tuple(rows),
        metrics=metrics,
        scorers={"task_success": "1:abc", "escalation": "1:abc"},
    )


def _baseline(cases: int = 3, trials: int = 2) -> Baseline:
    provenance = Provenance(created="2026-11-21T00:00:00Z", reason="first")
    return baseline_of_report(
        _report(cases, trials), METRICS, GateConfig(), provenance, {"python": "3.11"}
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a baseline on disk."""
    file = tmp_path / "support.json"
    save_baseline(file, _baseline())
    return file


def test_the_layout_is_one_line_a_case(path: Path) -> None:
    """Sorted ids, fixed keys, LF, 4 significant digits, single entries where trials agree."""
    text = path.read_bytes().decode()
    assert "\r" not in text
    lines = text.split("\n")
    assert lines[:2] == ["{", '"schema": "evalgate.baseline/1",']
    scores = '"tool_call_accuracy": "1", "cost_usd": [0.0067]'
    rest = '"tokens": [[1200,80,0]], "calls": [["get_order","refund"]]}'
    expected = [
        f'"case-000{i}": {{"digest": "000000000000000{i}", "task_success": "{column}", {scores}, '
        f"{rest}{end}"
        for i, column, end in ((0, "01", ","), (1, "1", ","), (2, "1", "}}"))
    ]
    assert [*expected, ""] == lines[-4:]
    assert json.loads(text)["scorers"] == {"task_success": "1:abc"}


def test_a_baseline_survives_the_disk(path: Path) -> None:
    """Written, read and written again: the same bytes."""
    before = path.read_bytes()
    save_baseline(path, load_baseline(path))
    assert before == path.read_bytes()


@pytest.mark.parametrize(
    ("cases", "trials", "most"), [(50, 3, 10_000), (2000, 10, 434_000)], ids=["50x3", "2000x10"]
)
def test_size(tmp_path: Path, cases: int, trials: int, most: int) -> None:
    """gate.md: about 6 kB for 50 x 3 (beside the header's metrics), 434 kB for 2,000 x 10."""
    file = tmp_path / "b.json"
    save_baseline(file, _baseline(cases, trials))
    assert file.stat().st_size < most


def test_unprintable_text_is_escaped(tmp_path: Path) -> None:
    """What a model called its tools cannot reorder the lines of a review."""
    report = _report(1, 1)
    trial = report.cases[0].trials[0]
    evil = TrialResult(
        trial.case_id, 0, "finished", trial.scores, calls=("rm\u202egnp.exe", "a\u2028b", "für")
    )
    cases = (report.cases[0].model_copy(update={"trials": (evil,)}),)
    provenance = Provenance(created="2026-11-21T00:00:00Z", reason="first")
    made = baseline_of_report(
        report.model_copy(update={"cases": cases}), METRICS, GateConfig(), provenance, {}
    )
    save_baseline(tmp_path / "b.json", made)
    text = (tmp_path / "b.json").read_text()
    assert all(line.isprintable() for line in text.split("\n"))
    assert made == load_baseline(tmp_path / "b.json")


def _edited(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"mean": 0.8333', '"mean": 0.8666', ["support.json:8", "task_success_rate", "0.8666"]),
        ('"task_success": "01"', '"task_success": "11"', ["task_success_rate", "0.8333", "1.0"]),
        ('"task_success": "01"', '"task_success": "0x"', ["support.json:10", "case-0000", "0x"]),
        ('"task_success": "01"', '"task_success": "011"', ["support.json:8", "0.8333"]),
        ("[0.0067]", "[0.0067,0.0067,0.0067]", ["support.json:10", "has 2 entries", "1 or 3"]),
        ("evalgate.baseline/1", "evalgate.baseline/2", ["newer", "evalgate.baseline/2"]),
        ('"cases": 3', '"cases": 4', ["3 cases", "4"]),
        ('"digest": "0000000000000001"', '"digest": 7', ["support.json:11", "/cases/case-0001"]),
        ('"reason": "first"', '"reason": "first", "x": 1', ["support.json:7", "unknown key 'x'"]),
        ('"trials": 2', f'"trials": {10**25}', ["support.json:3", "1000000"]),
        ('"trials": 2', '"trials": -1', ["support.json:3", "greater than or equal to 0"]),
    ],
)
def test_an_edited_baseline_is_refused(path: Path, old: str, new: str, told: list[str]) -> None:
    """Exit 2 with file, line, value and the way out."""
    _edited(path, old, new)
    with pytest.raises(DataError) as caught:
        load_baseline(path)
    assert [part for part in told if part not in str(caught.value)] == []
    assert caught.value.exit_code == 2
    assert caught.value.fix


def test_a_half_written_baseline_is_refused(path: Path) -> None:
    """A truncated file is an error with its place, at whatever byte it was cut."""
    data = path.read_bytes()
    for size in range(0, len(data) - 3, 7):
        path.write_bytes(data[:size])
        with pytest.raises(DataError, match=r"support\.json"):
            load_baseline(path)


def test_a_missing_baseline_is_exit_3(tmp_path: Path) -> None:
    """Nothing to compare with is inconclusive, and says how to make one."""
    with pytest.raises(BaselineMissing, match="baseline update") as caught:
        load_baseline(tmp_path / "none.json")
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("evalgate.yaml", "version: 1\n", "configuration"),
        ("golden.jsonl", '{"id": "a", "input": "b"}\n', "golden set"),
        ("golden.json", '{"id": "a", "input": "b"}', "golden set"),
        ("list.json", "[1]", "object of numbers"),
        ("text.json", '{"faithfulness": "high"}', "a number up to 1e100"),
        ("nan.json", '{"faithfulness": NaN}', "NaN"),
    ],
)
def test_other_files_are_named_for_what_they_are(
    tmp_path: Path, name: str, text: str, told: str
) -> None:
    """A path that is a config or a golden set is an error that names the fix."""
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=told):
        load_summary(tmp_path / name)


def test_every_kind_of_side_loads(tmp_path: Path, path: Path) -> None:
    """A baseline, a report, a run folder and a flat file."""
    report = _report(3, 2)
    run = tmp_path / "run"
    run.mkdir()
    (run / "report.json").write_text(report.model_dump_json(by_alias=True))
    (tmp_path / "flat.json").write_text('{"faithfulness": 0.91234567}')
    by_case: Callable[[Path], Mapping[str, object]] = lambda file: load_summary(file).cases  # noqa: E731
    assert set(by_case(path)) == set(by_case(run)) == set(by_case(run / "report.json"))
    assert load_summary(tmp_path / "flat.json").values == {"faithfulness": 0.9123}


@pytest.mark.parametrize("what", ["case", "trial"])
def test_a_report_that_says_something_twice_is_refused(tmp_path: Path, what: str) -> None:
    """Of two results under one name neither may quietly win."""
    data = json.loads(_report(2, 2).model_dump_json(by_alias=True))
    rows = data["cases"] if what == "case" else data["cases"][0]["trials"]
    rows.append(rows[0])
    (tmp_path / "report.json").write_text(json.dumps(data))
    with pytest.raises(DataError, match="twice"):
        load_summary(tmp_path / "report.json")
