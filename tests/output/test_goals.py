"""Every printed report shows the goals of its suite."""

import json
from pathlib import Path

import pytest
from support.cli import Cli
from support.projects import write_project

GOALS = """\
    goals:
      task_success_rate: {target: 0.95, by: 2099-01-01, baseline: 0.4, since: 2026-01-01}
      cost_per_interaction: {target: 0.00001, by: 2026-02-01, baseline: 0.1, since: 2026-01-01}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a project with goals, of which three of four cases succeed."""
    write_project(tmp_path, 4, 1, ok=lambda number, _trial: number > 1)
    with (tmp_path / "evalgate.yaml").open("a") as config:
        config.write(GOALS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_reports_show_goals(project: Path, cli: Cli) -> None:
    """Where it was, is, and is to be; a goal that is missed fails nothing."""
    done = cli("run", "-q", *("-f", "terminal"), *("-f", "markdown"), "-f", "json", "-o", "t.txt",
               "-o", "m.md", "-o", "r.json")  # fmt: skip
    assert 0 == done.code, done.err
    terminal = " ".join((project / "t.txt").read_text().split())
    then = "40 % on 2026-01-01"
    words = f"goal: task_success_rate 95 % by 2099-01-01: {then}, 75 % today: on track"
    assert words in terminal
    markdown = (project / "m.md").read_text().replace("\\", "").replace("&#8203;", "")
    assert f"| task_success_rate | 95 % by 2099-01-01 | {then} | 75 % | on track |" in markdown
    report = json.loads((project / "r.json").read_text())
    assert ["on track", "missed"] == [goal["state"] for goal in report["goals"]]


def test_a_goal_for_no_metric_is_refused(project: Path, cli: Cli) -> None:
    """A name that is no metric would never be measured."""
    config = project / "evalgate.yaml"
    config.write_text(config.read_text().replace("task_success_rate:", "task_sucess_rate:"))
    done = cli("run", "-q")
    assert (2, True) == (done.code, "goals names 'task_sucess_rate'" in done.err)
