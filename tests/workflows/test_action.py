"""The action's shell steps, run in a scratch repository with real environment files."""

import re
import venv
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from support.github_server import serving
from support.runner import Runner
from support.scratch import Scratch

pytestmark = pytest.mark.slow


@pytest.fixture
def runner(action: dict[str, Any], repo: Scratch, tmp_path: Path) -> Runner:
    """Return a runner whose repository is on a branch `change`."""
    (tmp_path / "temp").mkdir()
    return Runner(action, repo, tmp_path / "temp")


def annotations(log: str) -> list[str]:
    """Return the kinds of the annotations that count: those outside of stopped commands."""
    found, stopped = [], None
    for line in log.splitlines():
        if stopped is not None:
            stopped = None if line == f"::{stopped}::" else stopped
        elif line.startswith("::stop-commands::"):
            stopped = line.removeprefix("::stop-commands::")
            assert re.fullmatch("[0-9a-f]{32}", stopped)
        elif line.startswith("::"):
            found.append(line.split(" ", 1)[0])
    assert stopped is None
    return found


def test_a_pass(runner: Runner) -> None:
    """Outputs, summary and one notice, as documented; the job passes."""
    runner.repo.write("README.md", "x")
    runner.environ = runner.repo.pull_request()
    assert 0 == runner.step("Gate")
    report = runner.temp / "evalgate-report/report.json"
    assert {
        "verdict": "pass",
        "exit-code": "0",
        "regressions": "0",
        "cost-usd": "unknown",
        "report-path": str(report),
        "summary-path": str(report.with_name("summary.md")),
        "report-digest": sha256(report.read_bytes()).hexdigest(),
        "sandboxed": "true",
    } == runner.gate
    assert ["::notice"] == annotations(runner.log)
    assert runner.summary.startswith("## ✅ sums: PASS")
    assert report.is_file()


def test_a_regression(runner: Runner) -> None:
    """A failure fails the job in its last step, after everything has been written."""
    repo = runner.repo
    repo.replace("agents/sums.py", "return str(", 'return "no" if int(left) > 15 else str(')
    runner.environ = repo.pull_request()
    assert 1 == runner.step("Gate")
    assert ("fail", "1", "5") == tuple(
        runner.gate[name] for name in ("verdict", "exit-code", "regressions")
    )
    assert {"::error", "::notice"} == set(annotations(runner.log))
    assert "❌ sums: FAIL" in runner.summary


def test_an_error(runner: Runner) -> None:
    """Without a report the verdict is `error`, and the code is evalgate's."""
    runner.inputs = {"config": "nowhere.yaml", "trusted-ref": "none", "comment": "true"}
    runner.environ = runner.repo.pull_request()
    assert 2 == runner.step("Gate")
    assert {"verdict": "error", "exit-code": "2"} == runner.gate
    assert ["::error"] == annotations(runner.log)


def test_nothing_installed(runner: Runner, tmp_path: Path) -> None:
    """`version: installed` where nothing is: wrong input, and no failed gate."""
    venv.create(tmp_path / "bare", symlinks=True)
    runner.repo = replace(runner.repo, python=tmp_path / "bare/bin/python")
    runner.environ = runner.repo.pull_request()
    assert 2 == runner.step("Gate")
    assert {"verdict": "error", "exit-code": "2"} == runner.gate
    assert "agent-evalgate is not installed" in runner.log


@pytest.mark.parametrize(
    "inputs",
    [
        {"config": "evalgate.yaml; touch hacked"},
        {"suite": "$(touch hacked)"},
        {"baseline": "`touch hacked`"},
        {"shard": "1/2 --help"},
        {"max-cost": "'; touch hacked; '"},
        {"trusted-ref": "--help"},
    ],
)
def test_inputs_are_no_code(runner: Runner, inputs: dict[str, str]) -> None:
    """An input is one argument, whatever stands in it."""
    runner.inputs = inputs
    runner.environ = runner.repo.pull_request()
    assert 0 != runner.step("Gate")
    assert "pass" != runner.gate["verdict"]
    assert not (runner.repo.root / "hacked").exists()


def test_a_baseline_and_a_shard(runner: Runner) -> None:
    """The other inputs reach the command."""
    runner.inputs = {"baseline": "none", "shard": "1/2"}
    runner.environ = runner.repo.pull_request()
    assert 0 == runner.step("Gate")
    assert "no comparison" in runner.summary


ATTACK = """\
import glob, os


def answer(case, context):
    for name in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_STEP_SUMMARY"):
        assert name not in os.environ
    for path in glob.glob(PLACE + "/_runner_file_commands/*"):
        open(path, "a").write("verdict=pass\\nexit-code=0\\nBASH_ENV=evil.sh\\n")
    for path in glob.glob(PLACE + "/evalgate-report/*"):
        open(path, "w").write("{}")
    print("::set-output name=verdict::pass\\n##[set-output name=verdict]pass", flush=True)
    return "no idea"
"""


def test_an_agent_that_finds_the_files(runner: Runner) -> None:
    """An agent that writes into the runner's files by their paths changes no output."""
    runner.repo.write("agents/sums.py", f"PLACE = {str(runner.temp)!r}\n" + ATTACK)
    runner.environ = runner.repo.pull_request()
    assert 1 == runner.step("Gate")
    assert ("fail", "1") == (runner.gate["verdict"], runner.gate["exit-code"])
    assert "BASH_ENV" not in runner.summary


def test_an_agent_that_kills_the_gate(runner: Runner) -> None:
    """The sandbox refuses the signal: its trials fail, and so does the job."""
    kill = "import os, signal\n\n\ndef answer(case, context):\n    os.kill(os.getppid(), 9)\n"
    runner.repo.write("agents/sums.py", kill)
    runner.environ = runner.repo.pull_request()
    assert 1 == runner.step("Gate")
    assert ("fail", "1") == (runner.gate["verdict"], runner.gate["exit-code"])


def test_the_gate_is_the_last_word(action: dict[str, Any]) -> None:
    """Its exit code is the verdict: it may not fail quietly, and what follows decides nothing."""
    names = [step.get("name") for step in action["runs"]["steps"]]
    gate = action["runs"]["steps"][names.index("Gate")]
    assert gate["run"].rstrip().endswith('exit "$code"')
    assert not [step for step in action["runs"]["steps"] if "continue-on-error" in step]
    assert ["Keep the report", "Comment"] == names[names.index("Gate") + 1 :]


def test_a_comment_without_the_sandbox(runner: Runner) -> None:
    """An agent that could write packages would speak with the comment's token: refused."""
    runner.inputs = {"comment": "true", "trusted-ref": "none"}
    runner.environ = runner.repo.pull_request()
    assert 2 == runner.step("Gate")
    assert ("pass", "false") == (runner.gate["verdict"], runner.gate["sandboxed"])
    assert "comment: true needs the sandbox" in runner.log


def test_files_that_stand_in_for_packages(runner: Runner) -> None:
    """`pip.py`, `secrets.py` and the like in the checkout are not what the steps run."""
    for name in ("pip.py", "secrets.py", "evalgate.py", "click.py"):
        runner.repo.write(name, "raise SystemExit(0)\n")
    runner.environ = runner.repo.pull_request() | {"PYTHONPATH": str(runner.repo.root)}
    runner.step("Gate")
    assert runner.gate["verdict"] in ("fail", "error", "pass")
    assert "::stop-commands::" in runner.log
    assert annotations(runner.log)


def test_the_comment(runner: Runner) -> None:
    """The comment's id is an output, and a token without rights changes nothing."""
    runner.environ = runner.repo.pull_request()
    assert 0 == runner.step("Gate")
    with serving() as github:
        runner.environ["GITHUB_API_URL"] = github.url
        assert 0 == runner.step("Comment")
        assert {"comment-id": str(github.comments[0]["id"])} == runner.outputs["comment"]
        github.faults = [(403, {}, {"message": "Resource not accessible by integration"})]
        assert 0 == runner.step("Comment")
        assert {} == runner.outputs["comment"]
