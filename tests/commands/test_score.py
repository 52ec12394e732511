"""Scoring a stored run again keeps what its own run knew."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from evalgate.commands.score import rescore
from evalgate.run.run import RunOptions, run_suite
from evalgate.schema.result import Manifest, Report
from evalgate.store.runs import latest_run, read_manifest, write_manifest
from evalgate.suite.environment import this_machine
from evalgate.suite.events import silent
from evalgate.suite.plan import Filters
from evalgate.suite.shards import Shard
from evalgate.suite.suite import Selection, find_suites

AGENT = """\
import pathlib


async def answer(case, context):
    tried = pathlib.Path("tried")
    count = int(tried.read_text()) if tried.exists() else 0
    tried.write_text(str(count + 1))
    return "wrong" if count == 0 else "right"
"""


@pytest.fixture
def flaky(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Report:
    """Run a `must_pass` case that fails once and passes both of its fresh trials."""
    row = {
        "id": "a",
        "input": "x",
        "must_pass": True,
        "expected": {"output": {"equals": "right"}},
    }
    (tmp_path / "g.jsonl").write_text(json.dumps(row) + "\n")
    (tmp_path / "flaky_agent.py").write_text(AGENT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    selection = Selection(golden=Path("g.jsonl"), agent="python:flaky_agent:answer")
    (suite,) = find_suites(selection)
    return run_suite(suite, RunOptions(), this_machine(), silent)


def test_fresh_trials_still_clear_a_must_pass_case(flaky: Report) -> None:
    """What was confirmed in the run is not asked again, and not pooled."""
    (again,) = rescore("latest", Path("evalgate.yaml"), None, this_machine()).suites
    checks = [{c.id: c.outcome for c in report.checks} for report in (flaky, again)]
    assert checks[0] == checks[1]
    assert (1, 0.0) == (again.suite.trials, again.metrics["task_success_rate"].value)


STILL = "async def answer(case, context):\n    return case.input\n"


def make(folder: Path, monkeypatch: pytest.MonkeyPatch, **suite: object) -> None:
    """Write a suite of three cases, of which the agent gets the second wrong."""
    rows: list[dict[str, Any]] = [
        {"id": name, "input": name, "expected": {"output": {"equals": wanted}}}
        for name, wanted in (("a", "a"), ("b", "other"), ("c", "c"))
    ]
    rows[1]["status"] = "draft"
    (folder / "g.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "still_agent.py").write_text(STILL)
    whole = {"golden": "g.jsonl", "agent": "python:still_agent:answer", **suite}
    (folder / "evalgate.yaml").write_text(yaml.safe_dump({"suites": {"quiz": whole}}))
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)


def ran(options: RunOptions) -> Report:
    """Run the suite that is written down."""
    (suite,) = find_suites(Selection(Path("evalgate.yaml")))
    return run_suite(suite, options, this_machine(), silent)


def scored() -> Report:
    """Score its latest run again."""
    (again,) = rescore("latest", Path("evalgate.yaml"), None, this_machine()).suites
    return again


def manifest() -> Manifest:
    """Read the manifest of the latest run folder."""
    return read_manifest(latest_run(Path(".evalgate/runs")))


@pytest.mark.parametrize(
    "options",
    [
        RunOptions(calls="off"),
        RunOptions(calls="replay"),
        RunOptions(sandbox="off"),
        RunOptions(filters=Filters(shard=Shard(1, 2))),
        RunOptions(filters=Filters(cases=("a",))),
    ],
)
@pytest.mark.parametrize("gateway", [None, {"upstream": {"openai": "http://127.0.0.1:9/v1"}}])
def test_the_run_is_told_as_it_was_made(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: RunOptions,
    gateway: dict[str, Any] | None,
) -> None:
    """Mode, wall, shard and claims are facts of the run; a live run is no replay without noise."""
    make(tmp_path, monkeypatch, gateway=gateway)
    before = ran(options)
    facts = manifest()
    after = scored()
    assert (before.suite, before.exit_code) == (after.suite, after.exit_code)
    assert [c.id for c in before.checks] == [c.id for c in after.checks]
    assert (facts.subject, facts.tree) == (manifest().subject, manifest().tree)


def test_a_cap_still_ended_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trials that a cap kept from being made are no less missing when the others are scored."""
    make(tmp_path, monkeypatch, concurrency=1, gate={"metrics": {"task_success_rate": {"min": 0}}})
    reports = [ran(RunOptions(fail_fast=True)), scored(), scored()]
    caps = [next(c.reason for c in r.checks if c.id == "evidence.cap") for r in reports]
    assert [caps[0]] * 3 == caps
    assert caps[0].startswith("the run was stopped early: ")
    assert manifest().finished is None


def test_a_killed_run_is_no_whole_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a report nobody knows that the run came to its end."""
    make(tmp_path, monkeypatch, agent={"run": "python:still_agent:answer", "trust_reported": True})
    ran(RunOptions())
    folder = latest_run(Path(".evalgate/runs"))
    (folder / "report.json").unlink()
    write_manifest(folder, manifest().model_copy(update={"finished": None}))
    after = scored()
    reasons = [c.reason for c in after.checks if c.id == "evidence.cap"]
    assert ["the run was stopped early: it did not come to its end"] == reasons
    assert 3 == after.exit_code


def test_claims_stay_claims(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that is added later has seen no call of an earlier run."""
    make(tmp_path, monkeypatch)
    ran(RunOptions())
    make(tmp_path, monkeypatch, gateway={})
    assert scored().suite.claimed


def test_the_agent_is_that_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration that names another agent by now does not sign the old one's trials."""
    make(tmp_path, monkeypatch)
    ran(RunOptions())
    make(tmp_path, monkeypatch, agent="python:better:answer")
    assert "python:still_agent:answer" == scored().suite.agent
    assert "python:still_agent:answer" == manifest().agent
