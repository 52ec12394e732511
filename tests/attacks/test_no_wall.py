"""A machine without a sandbox: said in the report, and no pass for a fork."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from support.scratch import Scratch

from evalgate.run.run import RunOptions, run_suites
from evalgate.schema.result import Report
from evalgate.suite.environment import this_machine
from evalgate.suite.events import silent
from evalgate.suite.isolation import Walls
from evalgate.suite.suite import Selection
from evalgate.trust.trusted import trusted_suites

pytestmark = pytest.mark.slow


READER = """
import json, pathlib

def answer(case, context):
    path = pathlib.Path(__file__).parents[1] / "golden_sets/sums.jsonl"
    rows = map(json.loads, path.read_text().splitlines())
    return next(r["expected"]["output"]["equals"] for r in rows if r["id"] == case.id)
"""


@pytest.fixture
def judged(repo: Scratch) -> Callable[..., Report]:
    """Return a function that judges a change on a machine with these walls."""
    repo.write("agents/other.py", "")

    def run(walls: Walls, *, fork: bool) -> Report:
        env = repo.pull_request(fork=fork)
        environment = replace(this_machine(), walls=lambda: walls)
        environment = replace(environment, environ={**environment.environ, **env})
        with trusted_suites(
            Selection(config=repo.root / "evalgate.yaml"), None, environment
        ) as suites:
            ran = run_suites(suites, RunOptions(baseline=""), environment, silent)
        return ran.reports.suites[0]

    return run


def test_a_fork(repo: Scratch, judged: Callable[..., Report]) -> None:
    """An agent that reads the answers is inconclusive, with the check that says why."""
    repo.write("agents/sums.py", READER)
    report = judged(Walls(), fork=True)
    assert (3, "none") == (report.exit_code, report.suite.isolation)
    assert ["evidence.isolation"] == [c.id for c in report.checks if c.outcome == "inconclusive"]


def test_a_branch(judged: Callable[..., Report]) -> None:
    """A branch of the same repository passes, and the report says that it was not isolated."""
    report = judged(Walls(), fork=False)
    assert 0 == report.exit_code
    assert any(line.startswith("not isolated") for line in report.warnings)


def test_a_fork_that_the_base_accepts(repo: Scratch, judged: Callable[..., Report]) -> None:
    """`trust: {unsandboxed: true}` on the base lets it pass; in the change it does nothing."""
    repo.write("agents/sums.py", READER)
    old, new = "allow_new_suites: true", "allow_new_suites: true, unsandboxed: true"
    repo.replace("evalgate.yaml", old, new)
    assert 3 == judged(Walls(), fork=True).exit_code
    repo.git("checkout", "-q", "main")
    repo.replace("evalgate.yaml", old, new)
    repo.commit("policy")
    repo.git("checkout", "-q", "-B", "change")
    repo.write("agents/another.py", "")
    assert 0 == judged(Walls(), fork=True).exit_code
