"""Hooks of a suite: a real service, started and ended around trials and runs."""

import json
import os
import re
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from evalgate.errors import ConfigError
from evalgate.run.run import RunOptions, run_suites
from evalgate.schema.config import SuiteConfig
from evalgate.schema.config_parts.tool import Hooks
from evalgate.schema.result import Report
from evalgate.suite.environment import Environment
from evalgate.suite.events import silent
from evalgate.suite.suite import Suite

OPTIONS = RunOptions()
SERVICE = """
import os, socketserver, sys

class Count(socketserver.StreamRequestHandler):
    count = 0
    def handle(self):
        Count.count += 1
        self.wfile.write(str(Count.count).encode())

with socketserver.TCPServer(("127.0.0.1", int(sys.argv[1])), Count) as server:
    open(sys.argv[2], "w").write(str(os.getpid()))
    server.serve_forever()
"""
START = """
import os, subprocess, sys, time
name = f"{os.environ['COUNT_PORT']}.pid"
subprocess.Popen([sys.executable, "service.py", os.environ["COUNT_PORT"], name])
while not os.path.exists(name) or not open(name).read():
    time.sleep(0.01)
"""
STOP = """
import os, signal
name = f"{os.environ['COUNT_PORT']}.pid"
os.kill(int(open(name).read()), signal.SIGTERM)
os.remove(name)
"""
AGENT = """
import os, socket

def answer(case, context):
    with socket.create_connection(("127.0.0.1", int(os.environ["COUNT_PORT"]))) as asked:
        return asked.recv(100).decode()
"""


def project(folder: Path, hooks: object, *, cases: int = 2, **more: object) -> Suite:
    """Write an agent that counts at a service; every case expects a fresh count."""
    files = {"service": SERVICE, "start": START, "stop": STOP, "count_agent": AGENT}
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    expected = {"expected": {"output": {"equals": "1"}}}
    rows = [{"id": f"c{n}", "input": "count", **expected} for n in range(cases)]
    (folder / "golden.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = {
        "golden": "golden.jsonl",
        "agent": {"run": "python:count_agent:answer", "workers": 2},
        "gate": {"metrics": {"task_success_rate": {"min": 1.0}}},
        "hooks": hooks,
        **more,
    }
    return Suite("count", SuiteConfig.model_validate(config), folder, folder / "runs")


def hook(setup: str = "start.py", teardown: str = "stop.py", **more: object) -> dict[str, object]:
    """Write a hook that runs scripts of the project."""
    named = {"setup": setup, "teardown": teardown}
    commands = {key: f"{sys.executable} {script}" for key, script in named.items() if script}
    return {"ports": ["COUNT_PORT"], **commands, **more}


def run(suite: Suite, options: RunOptions = OPTIONS) -> Report:
    """Run it as the command does."""
    environment = Environment({"PATH": os.environ["PATH"], "HOME": str(suite.root)})
    return run_suites([suite], options, environment, silent).reports.suites[0]


def test_every_trial_has_a_service_of_its_own(tmp_path: Path) -> None:
    """Each counts from one, at once and on ports of their own; nothing is left afterwards."""
    suite = project(tmp_path, {"trial": hook()}, cases=3)
    assert "pass" == run(suite).verdict
    assert [] == [*tmp_path.glob("*.pid")]


def test_an_agent_behind_a_wall_reaches_the_port_of_its_trial(tmp_path: Path) -> None:
    """The hooks run outside of it: they are what the suite says."""
    report = run(project(tmp_path, {"trial": hook()}), RunOptions(sandbox="on"))
    if report.suite.isolation in (None, "none"):
        pytest.skip("there is no wall on this machine")
    assert "pass" == report.verdict


def test_an_agent_behind_the_gateway_finds_the_port_of_its_trial(tmp_path: Path) -> None:
    """Its worker has a URL that stays, and ports that do not."""
    report = run(project(tmp_path, {"trial": hook()}, gateway={"tools": {"none": "live"}}))
    assert ["1", "1"] == [case.trials[0].output for case in report.cases]


def test_a_run_has_one_service(tmp_path: Path) -> None:
    """Two cases count at the same one."""
    report = run(project(tmp_path, {"run": hook()}, concurrency=1))
    assert ["1", "2"] == sorted(case.trials[0].output for case in report.cases)
    assert [] == [*tmp_path.glob("*.pid")]


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (
            hook("missing.py", ""),
            r"hooks.trial.setup `.*missing.py` ended with exit code 2: .*No such",
        ),
        (
            hook("hangs.py", "", timeout_s=0.3),
            r"hooks.trial.setup `.*hangs.py` did not end in 0.3 s",
        ),
        (
            hook(teardown="fails.py"),
            r"hooks.trial.teardown `.*fails.py` ended with exit code 3: oh no",
        ),
        (hook(teardown=""), r"hooks.trial.setup left 1 process behind: .*service.py"),
        ({"setup": "./no-such-program"}, r"`./no-such-program` could not be started: No such file"),
    ],
    ids=["fails", "hangs", "teardown", "leaves", "absent"],
)
def test_a_trial_whose_hook_fails_is_not_measured(
    tmp_path: Path, broken: dict[str, object], said: str
) -> None:
    """The verdict is open, the hook is named with its words, and what it left is ended."""
    (tmp_path / "hangs.py").write_text("import time; print('waiting'); time.sleep(60)")
    (tmp_path / "fails.py").write_text("import sys; sys.exit(print('oh no') or 3)")
    report = run(project(tmp_path, {"trial": broken}, cases=1))
    trial = report.cases[0].trials[0]
    assert (3, "not_measured") == (report.exit_code, trial.status)
    assert re.search(said, trial.error or "", re.DOTALL), trial.error
    for file in tmp_path.glob("*.pid"):
        assert not Path(f"/proc/{file.read_text()}").exists()


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (hook("missing.py"), "suite 'count': hooks.run.setup"),
        (hook(teardown=""), "suite 'count': hooks.run.setup left 1 process"),
    ],
)
def test_a_run_whose_hook_fails_is_an_error(
    tmp_path: Path, broken: dict[str, object], said: str
) -> None:
    """Nothing is concluded from it."""
    with pytest.raises(ConfigError, match=said):
        run(project(tmp_path, {"run": broken}))


@pytest.mark.parametrize(
    ("hooks", "said"),
    [
        ({"trial": {"ports": ["A"]}}, "expected setup, teardown or both"),
        ({"trial": {"setup": "'"}}, "expected a command line"),
        ({"trial": {"setup": "a", "ports": ["OPENAI_PORT"]}}, "variables of your own"),
        ({"trial": {"setup": "a", "ports": ["A", "A"]}}, "variables of your own"),
        ({"run": {"setup": "a", "ports": ["A"]}, "trial": {"setup": "a", "ports": ["A"]}}, "'A'"),
    ],
)
def test_hooks_that_make_no_sense_are_refused(hooks: object, said: str) -> None:
    """With what was expected."""
    with pytest.raises(ValidationError, match=said):
        Hooks.model_validate(hooks)


def test_hooks_of_a_recorded_agent_are_refused(tmp_path: Path) -> None:
    """Nothing of it runs, so nothing would be set up for."""
    suite = project(tmp_path, {"trial": hook()}, agent="recorded:traces.jsonl")
    (tmp_path / "traces.jsonl").write_text('{"case_id": "c0"}\n{"case_id": "c1"}\n')
    with pytest.raises(ConfigError, match="hooks have no use: its agent is recorded"):
        run(suite)
