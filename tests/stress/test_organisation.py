"""Several suites against the one quota they share."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.cli import Cli
from support.projects import lines, write_project

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("chat", "search", "report")


def suite(**stress: Any) -> dict[str, Any]:  # noqa: ANN401  fields of the block
    """Write one suite of a recorded agent whose sessions make a call of a second each."""
    block = {"quota": {"rpm": 60}, "retry": "none", "organisation": True, **stress}
    return {"golden": "golden.jsonl", "agent": "recorded:traces.jsonl", "stress": block}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two cases, and three suites of 30 sessions each: 60 of 90 fit into the bucket at once."""
    write_project(tmp_path, 2, 1)
    call = {"kind": "llm_call", "start": 0.0, "end": 1.0, "input_tokens": 10, "output_tokens": 5}
    traces = [
        {
            "schema": "evalgate.trace/1",
            "case_id": f"q{number}",
            "trial": 0,
            "status": "finished",
            "output": f"answer {number}",
            "duration": 1.0,
            "steps": [call],
        }
        for number in (1, 2)
    ]
    (tmp_path / "traces.jsonl").write_text(lines(traces))
    write(tmp_path, {name: suite(sessions={"all": 30}) for name in NAMES})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, suites: dict[str, Any]) -> None:
    """Write the configuration."""
    document = {"version": 1, "suites": suites}
    (folder / "evalgate.yaml").write_text(yaml.safe_dump(document, sort_keys=False))


def first_line(report: dict[str, Any]) -> tuple[str, str]:
    """Return name and status of the checklist's first line."""
    line = report["stress"]["checklist"][0]
    return line["name"], line["status"]


def test_three_suites_fail_together_where_each_passes(project: Path, cli: Cli) -> None:
    """One verdict, its shares named; only this run meets the checklist's first line."""
    budget = "organisation-wide budget"
    for name in NAMES:
        alone = cli("stress", "-s", name, "-f", "json", "-q")
        assert 0 == alone.code
        assert (budget, "not measured") == first_line(alone.json)
    joint = cli("stress", "-f", "json", "-q")
    assert (1, "organisation") == (joint.code, joint.json["suite"]["id"])
    assert (budget, "met") == first_line(joint.json)
    stress = joint.json["stress"]
    assert (90, 60, 30) == (stress["sessions"], stress["succeeded"], stress["exhausted"])
    assert [(name, 30, 1 / 3) for name in NAMES] == [
        (share["suite"], share["sessions"], share["of_demand"]["requests"])
        for share in stress["shares"]
    ]
    assert "chat/all" in stress["groups"]
    assert any(
        "share of search: 30 sessions, 33.3 % of requests" in w for w in joint.json["warnings"]
    )


def test_a_run_over_several_suites_ends_in_the_joint_check(project: Path, cli: Cli) -> None:
    """Each suite passes, and the run fails."""
    ran = cli("run", "-f", "json", "-q")
    reports = {report["suite"]["id"]: report for report in ran.json["suites"]}
    assert 1 == ran.code, ran.err
    assert {**dict.fromkeys(NAMES, "pass"), "organisation": "fail"} == {
        name: report["verdict"] for name, report in reports.items()
    }


def test_merged_shards_end_in_the_joint_check(project: Path, cli: Cli) -> None:
    """The same verdict as in one run."""
    for shard in ("1/2", "2/2"):
        cli("run", "--shard", shard, "-q")
    merged = cli("merge", ".evalgate/runs", "-f", "json")
    assert (1, {**dict.fromkeys(NAMES, "pass"), "organisation": "fail"}) == (
        merged.code,
        {report["suite"]["id"]: report["verdict"] for report in merged.json["suites"]},
    )


def test_a_score_of_one_suite_does_not_meet_the_budget_of_all(project: Path, cli: Cli) -> None:
    """The others were not played."""
    cli("run", "-s", "chat", "-q")
    scored = cli("score", "latest", "-f", "json")
    assert (0, ("organisation-wide budget", "not measured")) == (
        scored.code,
        first_line(scored.json),
    )


def test_a_score_of_all_suites_ends_in_the_joint_check(project: Path, cli: Cli) -> None:
    """A run that failed over the shared quota does not pass when it is scored again."""
    cli("run", "-q")
    scored = cli("score", "latest", "-f", "json")
    assert (1, {**dict.fromkeys(NAMES, "pass"), "organisation": "fail"}) == (
        scored.code,
        {report["suite"]["id"]: report["verdict"] for report in scored.json["suites"]},
    )


def test_pytest_ends_in_the_joint_check(project: Path) -> None:
    """An item of its own, and failed."""
    done = _pytest("--evalgate")
    assert 1 == done.returncode
    assert "FAILED evalgate.yaml::organisation::verdict" in done.stdout, done.stdout
    assert "1 failed" in done.stdout


def test_pytest_names_two_statements_of_one_quota(project: Path) -> None:
    """As an error of the joint item: no verdict, and no bug of ours."""
    write(project, {"a": suite(), "b": suite(quota={"rpm": 61})})
    done = _pytest("--evalgate")
    assert 1 == done.returncode
    assert "ERROR evalgate.yaml::organisation::verdict" in done.stdout, done.stdout
    assert "quota of suites 'a' and 'b' differ" in done.stdout


def _pytest(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "evalgate.pytest_plugin", "-pno:cacheprovider"]
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [*command, *arguments], env=env, capture_output=True, text=True, check=False, timeout=240
    )


def test_a_suite_that_is_left_out_is_missed(project: Path, cli: Cli) -> None:
    """Two of three hold the quota, and that says nothing about three."""
    joint = cli("stress", "-s", "chat", "-s", "search", "-f", "json", "-q")
    assert 0 == joint.code
    assert ("organisation-wide budget", "not measured") == first_line(joint.json)
    assert any(
        "report: shares these limits, and was not played" in w for w in joint.json["warnings"]
    )


def test_a_suite_that_cannot_be_run_leaves_the_load_unknown(project: Path, cli: Cli) -> None:
    """Not a smaller load: inconclusive, beside the error itself."""
    broken = suite(sessions={"all": 1})
    broken["golden"] = "nowhere.jsonl"
    write(project, {"chat": suite(sessions={"all": 30}), "search": broken})
    ran = cli("run", "-f", "json", "-q")
    joint = next(r for r in ran.json["suites"] if r["suite"]["id"] == "organisation")
    assert (2, "inconclusive") == (ran.code, joint["verdict"])
    assert "search could not be run" in joint["checks"][0]["reason"]


def test_two_statements_of_one_quota_are_refused(project: Path, cli: Cli) -> None:
    """Which of them is it?"""
    write(project, {"a": suite(), "b": suite(quota={"rpm": 61})})
    result = cli("stress", "-q")
    assert (2, True) == (result.code, "quota of suites 'a' and 'b' differ" in result.err)
    assert 2 == cli("capacity", "-q").code


@pytest.mark.slow
def test_each_suite_keeps_its_arrivals_and_its_retries(project: Path, cli: Cli) -> None:
    """A burst with retries beside a ramp without: only the first tries again."""
    write(
        project,
        {
            "a": suite(sessions={"all": 70}, retry="exact"),
            "b": suite(sessions={"all": 30}, arrivals="ramp:60"),
        },
    )
    stress = cli("stress", "-f", "json", "-q").json["stress"]
    assert stress["groups"]["a/all"]["attempts"] > stress["groups"]["a/all"]["calls"]
    assert stress["groups"]["b/all"]["attempts"] == stress["groups"]["b/all"]["calls"]
    plan = cli("capacity", "-f", "json", "-q").json
    assert ["a", "b"] == [agent["name"] for agent in plan["agents"]]


def test_a_load_that_a_run_only_claims_is_no_reason_to_pass(project: Path, cli: Cli) -> None:
    """Played from its traces, a run tells who saw its calls as it does when checked itself."""
    cli("run", "-s", "chat", "-q")
    (report,) = project.glob(".evalgate/runs/*/report.json")
    found = []
    for trusted in (False, True):
        data = json.loads(report.read_text())
        data["suite"] |= {"claimed": True, "trust_reported": trusted, "isolation": "none"}
        report.write_text(json.dumps(data))
        played = cli("stress", "--traces", "latest", "--rpm", "1000", "-f", "json", "-q")
        info = played.json["suite"]
        ids = [check["id"] for check in played.json["checks"]]
        found.append((info["trust_reported"], "evidence.stress_claimed" in ids))
        assert (True, "none") == (info["claimed"], info["isolation"])
    assert [(False, True), (True, False)] == found


def test_reports_say_whose_word_counts(project: Path, cli: Cli) -> None:
    """The check of a suite says so, and the joint check where all suites do."""
    agent = {"run": "recorded:traces.jsonl", "trust_reported": True}
    write(project, {name: {**suite(sessions={"all": 9}), "agent": agent} for name in NAMES})
    alone, joint = (cli("stress", *more, "-f", "json", "-q") for more in (("-s", "chat"), ()))
    assert (True, True) == tuple(r.json["suite"]["trust_reported"] for r in (alone, joint))
