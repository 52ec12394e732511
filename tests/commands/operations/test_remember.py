"""What is added to the history when a run ends."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.cli import Cli
from support.projects import write_project

from evalgate.commands.operations.remember import remember
from evalgate.suite.environment import this_machine
from evalgate.suite.suite import Selection, Suite, find_suites


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli) -> Suite:
    """Run a suite that keeps no history yet, and then give it one."""
    write_project(tmp_path, 2, 1)
    monkeypatch.chdir(tmp_path)
    assert 0 == cli("run", "-q").code
    with Path("evalgate.yaml").open("a") as config:
        config.write("history: h.db\n")
    return find_suites(Selection())[0]


def runs(cli: Cli) -> int:
    """Count the runs of the history."""
    return cli("history", "export").out.count('"table": "runs"')


def test_only_runs_that_ended_since_are_added(suite: Suite, cli: Cli) -> None:
    """One from before this command is left to `history add`."""
    environment = this_machine()
    assert [] == remember([suite], "2099-01-01T00:00:00Z", environment)
    assert 0 == runs(cli)
    assert [] == remember([suite], "2020-01-01T00:00:00Z", environment)
    assert [] == remember([suite], "2020-01-01T00:00:00Z", environment)
    assert 1 == runs(cli)


def test_another_suite_is_left_out(suite: Suite, cli: Cli) -> None:
    """Only what this command ran is added."""
    other = replace(suite, name="other")
    assert [] == remember([other], "2020-01-01T00:00:00Z", this_machine())
    assert 0 == runs(cli)


def test_a_change_that_is_judged_by_its_base_is_left_out(suite: Suite, cli: Cli) -> None:
    """Its own configuration says where the history is, and may not be believed."""
    trust: Any = object()
    judged = replace(suite, trust=trust)
    assert [] == remember([judged], "2020-01-01T00:00:00Z", this_machine())
    assert not Path("h.db").exists()


def test_a_broken_manifest_is_told_and_changes_nothing(suite: Suite) -> None:
    """The verdict was said before, and stands."""
    (manifest,) = Path(".evalgate/runs").glob("*/manifest.json")
    manifest.write_text("{}")
    (problem,) = remember([suite], "2020-01-01T00:00:00Z", this_machine())
    assert problem.startswith("history: ")
