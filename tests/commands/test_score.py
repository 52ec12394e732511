"""Scoring a stored run again keeps what its own run knew."""

import json
from pathlib import Path

import pytest

from evalgate.commands.score import rescore
from evalgate.run.run import RunOptions, run_suite
from evalgate.schema.result import Report
from evalgate.suite.environment import this_machine
from evalgate.suite.events import silent
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
