"""Whoever measured the trials, the verdict is the same: one table of situations, all entries."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.projects import lines, trace

from evalgate.commands.baseline import Update, update_baselines
from evalgate.commands.compare import CompareOptions, compare_stored
from evalgate.commands.measured import Measured, judge_measured
from evalgate.commands.merge import MergeOptions, merge_suite
from evalgate.commands.score import rescore
from evalgate.errors import EvalgateError
from evalgate.run.run import RunOptions, run_suite
from evalgate.schema.result import Report
from evalgate.store.reports import read_reports
from evalgate.store.run_lines import iter_trials
from evalgate.store.runs import latest_run, read_manifest
from evalgate.suite.environment import this_machine
from evalgate.suite.events import silent
from evalgate.suite.plan import Filters
from evalgate.suite.shards import Shard
from evalgate.suite.suite import Selection, Suite, find_suites

CASES, TRIALS, SHARDS = 12, 5, 2


@dataclass
class Project:
    """A project in the making: a recorded agent, its golden set, its configuration."""

    golden: list[dict[str, Any]] = field(default_factory=list)
    traces: list[dict[str, Any]] = field(default_factory=list)
    suite: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str | None] = field(default_factory=dict)
    """Files that are written beside, or removed where the text is null."""

    def write(self, folder: Path) -> None:
        """Write it down."""
        (folder / "golden.jsonl").write_text(lines(self.golden))
        (folder / "traces.jsonl").write_text(lines(self.traces))
        suite = {"golden": "golden.jsonl", "agent": "recorded:traces.jsonl", **self.suite}
        (folder / "evalgate.yaml").write_text(yaml.safe_dump({"suites": {"quiz": suite}}))
        for name, text in self.files.items():
            if text is None:
                (folder / name).unlink()
            else:
                (folder / name).write_text(text)

    def wrong(self, wrong: Callable[[int, int], bool]) -> None:
        """Let trials answer wrong, by number of case and trial."""
        for row in self.traces:
            if wrong(int(row["case_id"][1:]), row["trial"]):
                row["output"] = "no idea"

    def gate(self, **metrics: dict[str, Any]) -> None:
        """Set the policy of metrics."""
        self.suite.setdefault("gate", {}).setdefault("metrics", {}).update(metrics)


def good() -> Project:
    """Make a project whose agent answers all right."""
    golden = [
        {"id": f"q{n}", "input": f"ask {n}", "expected": {"output": {"equals": f"answer {n}"}}}
        for n in range(1, CASES + 1)
    ]
    traces = [trace(n, t, ok=True) for n in range(1, CASES + 1) for t in range(TRIALS)]
    return Project(golden, traces)


@pytest.fixture(scope="module")
def baselines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make two baselines: of an agent that is always right, and of one that mostly is."""
    folder = tmp_path_factory.mktemp("baselines")
    for name, wrong in (("right", lambda *_: False), ("mostly", lambda n, t: (n + t) % 8 == 0)):
        project = good()
        project.wrong(wrong)
        project.write(folder)
        (suite,) = find_suites(Selection(folder / "evalgate.yaml"))
        list(update_baselines([suite], Update("a test", force=True), this_machine(), silent))
        shutil.move(folder / "baselines" / "quiz.json", folder / f"{name}.json")
    return folder


Change = Callable[[Project], None]


def _case(number: int, **fields: Any) -> Change:  # noqa: ANN401  # any JSON
    return lambda p: p.golden[number - 1].update(fields)


def _all(*changes: Change) -> Change:
    def change(project: Project) -> None:
        for one in changes:
            one(project)

    return change


def _wrong(wrong: Callable[[int, int], bool]) -> Change:
    return lambda p: p.wrong(wrong)


def _gate(**metrics: dict[str, Any]) -> Change:
    return lambda p: p.gate(**metrics)


def _suite(**fields: Any) -> Change:  # noqa: ANN401  # any JSON
    return lambda p: p.suite.update(fields)


def _crash(project: Project) -> None:
    for row in project.traces:
        if row["case_id"] == "q1":
            row.update(status="crashed", error="boom", output=None)


def _all_crash(project: Project) -> None:
    for row in project.traces:
        row.update(status="crashed", error="boom", output=None)


def _unpriced(project: Project) -> None:
    for row in project.traces:
        row["steps"][0]["model"] = "nobody-knows-1"


def _dearer(project: Project) -> None:
    for row in project.traces:
        row["steps"][0]["input_tokens"] *= 3


def _removed(project: Project) -> None:
    project.golden.pop()
    project.traces = [row for row in project.traces if row["case_id"] != f"q{CASES}"]


def _added(project: Project) -> None:
    row = {"id": "q99", "input": "ask 99", "expected": {"output": {"equals": "answer 99"}}}
    project.golden.append(row)
    project.traces += [trace(99, t, ok=True) for t in range(TRIALS)]


def _scorer(body: str, gate: str = "standard") -> Change:
    def change(project: Project) -> None:
        project.files["own_scorers_of_one_verdict.py"] = f"def own(case, trace):\n    {body}\n"
        call = "own_scorers_of_one_verdict:own"
        project.suite["scorers"] = {"own": {"call": call, "gate": gate}}

    return change


def _stress(rpm: int) -> Change:
    def change(project: Project) -> None:
        for row in project.traces:
            row["steps"][0].update(start=0.0, end=0.25)
        load = {"all": {"sessions": 200, "tier": "critical"}}
        project.suite["stress"] = {"quota": {"rpm": rpm}, "sessions": load}

    return change


_HALF = _wrong(lambda n, _: n <= CASES // 2)
_ONE = _wrong(lambda n, _: n == 1)
_NOISY = _wrong(lambda n, t: (n + t) % 8 == 0)

SITUATIONS: dict[str, tuple[Change, str]] = {
    "nothing changed": (lambda _: None, "pass"),
    "half of the cases fail": (_HALF, "fail"),
    "one case fails": (_ONE, "fail"),
    "one trial in sixty fails": (_wrong(lambda n, t: (n, t) == (1, 0)), "pass"),
    "noise": (_NOISY, "fail"),
    "advisory drop": (_all(_HALF, _gate(task_success_rate={"gate": "advisory"})), "pass"),
    "zero tolerance of a metric": (
        _all(_wrong(lambda n, t: (n, t) == (1, 0)), _gate(task_success_rate={"gate": "zero"})),
        "fail",
    ),
    "a wider threshold": (_all(_ONE, _suite(gate={"threshold": 0.2})), "pass"),
    "confirmed": (_all(_ONE, _suite(gate={"mode": "confirmed"})), "fail"),
    "strict": (_all(_wrong(lambda n, t: n == t + 1), _suite(gate={"mode": "strict"})), "fail"),
    "a minimum": (_gate(task_success_rate={"min": 0.99}), "pass"),
    "below a minimum": (_all(_ONE, _gate(task_success_rate={"min": 0.95})), "fail"),
    "above a maximum": (_gate(cost_per_interaction={"max": 0.000001}), "fail"),
    "a limit on nothing": (_gate(escalation_rate={"gate": "standard"}), "pass"),
    "the reference is better": (_suite(reference="right.json"), "pass"),
    "worse than the reference alone": (
        _all(_NOISY, _suite(reference="right.json", baseline="mostly.json")),
        "fail",
    ),
    "the reference is of other cases": (
        _all(_suite(reference="other.json"), lambda p: p.files.update({"other.json": ""})),
        "inconclusive",
    ),
    "a dearer agent": (_dearer, "fail"),
    "an unknown price": (_unpriced, "inconclusive"),
    "an agent that crashes once": (_crash, "fail"),
    "an agent that always crashes": (_all_crash, "fail"),
    "a must-pass case fails": (_all(_ONE, _case(1, must_pass=True)), "inconclusive"),
    "a must-pass case passes": (_case(1, must_pass=True), "pass"),
    "a must-pass case without tolerance": (
        _all(_wrong(lambda n, t: (n, t) == (1, 0)), _case(1, must_pass=True, zero_tolerance=True)),
        "fail",
    ),
    "a case was removed": (_removed, "inconclusive"),
    "a case was added": (_added, "pass"),
    "a case asks something else": (_case(1, input="ask again"), "pass"),
    "a case is a draft": (_all(_ONE, _case(1, status="draft")), "inconclusive"),
    "weights": (_all(_ONE, _case(1, weight=0.01)), "pass"),
    "a scorer that breaks": (_scorer("raise ValueError('no')"), "inconclusive"),
    "a scorer that the baseline lacks": (_scorer("return 1.0"), "inconclusive"),
    "a stress check that fails": (_stress(60), "fail"),
    "a stress check that the baseline lacks": (_stress(60_000), "inconclusive"),
}


def _shown(report: Report) -> tuple[str, int, list[tuple[str, str]]]:
    """Return what must be the same: the verdict, and every check with what it says."""
    return (
        report.verdict,
        report.exit_code,
        sorted((check.id, check.outcome) for check in report.checks),
    )


def _of(call: Callable[[], Report]) -> object:
    try:
        return _shown(call())
    except EvalgateError as error:
        return error.exit_code, type(error).__name__


def _merged(suite: Suite, baseline: str | None) -> Report:
    environment = this_machine()
    for number in range(1, SHARDS + 1):
        options = RunOptions(filters=Filters(shard=Shard(number, SHARDS)), partial=True)
        run_suite(suite, options, environment, silent)
    folders = sorted(suite.runs.iterdir())[-SHARDS:]
    parts = [part for folder in folders for part in read_reports(folder)]
    return merge_suite(suite, parts, MergeOptions(baseline=baseline), environment)[0]


def _measured(suite: Suite, run: Path, baseline: str | None) -> Report:
    copy = suite.runs / ".parts" / run.name
    shutil.copytree(run, copy)
    results = list(iter_trials(copy))
    by_case: dict[str, list[Any]] = {}
    for result in results:
        by_case.setdefault(result.case_id, []).append(result)
    trials = read_manifest(run).trials
    measured = [
        Measured(
            suite=suite.name, case_id=name, trials=trials, results=tuple(own), folder=str(copy)
        )
        for name, own in by_case.items()
    ]
    return judge_measured(suite, measured, baseline, this_machine())[0]


@pytest.mark.parametrize("name", SITUATIONS)
def test_every_entry_gives_one_verdict(
    name: str, baselines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run, score, merge, pytest and compare agree on the verdict and on every check."""
    change, expected = SITUATIONS[name]
    project = good()
    change(project)
    monkeypatch.chdir(tmp_path)
    for kept in ("right", "mostly"):
        shutil.copy(baselines / f"{kept}.json", tmp_path / f"{kept}.json")
    other = json.loads((tmp_path / "right.json").read_text())
    other["suite"]["golden_digest"] = "sha256:other"
    other["cases"] = {f"x{name}": case for name, case in other["cases"].items()}
    if "other.json" in project.files:
        project.files["other.json"] = json.dumps(other)
    project.suite.setdefault("baseline", "right.json")
    project.write(tmp_path)
    (suite,) = find_suites(Selection(Path("evalgate.yaml")))
    environment = this_machine()
    run = _of(lambda: run_suite(suite, RunOptions(baseline=""), environment, silent))
    assert expected == (run[0] if isinstance(run, tuple) else run), run
    folder = latest_run(suite.runs)
    assert folder is not None
    score = _of(lambda: rescore("latest", Path("evalgate.yaml"), "", environment).suites[0])
    assert run == score
    assert run == _of(lambda: _measured(suite, folder, ""))
    assert run == _of(lambda: _merged(suite, ""))
    options = CompareOptions(baseline=suite.baseline, current=folder, suite="quiz")
    compared = _of(lambda: compare_stored(options, environment).suites[0])
    assert run == compared


def test_a_new_baseline_is_judged_like_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run of `baseline update` is kept finished, and judged like one without a comparison."""
    project = good()
    project.gate(task_success_rate={"min": 0.95})
    project.wrong(lambda n, _: n == 1)
    monkeypatch.chdir(tmp_path)
    project.write(tmp_path)
    (suite,) = find_suites(Selection(Path("evalgate.yaml")))
    run = _shown(run_suite(suite, RunOptions(), this_machine(), silent))
    list(update_baselines([suite], Update("a test", force=True), this_machine(), silent))
    folder = latest_run(suite.runs)
    assert folder is not None
    (kept,) = read_reports(folder)
    assert run == _shown(kept.report)
    assert json.loads((folder / "manifest.json").read_text())["finished"]
