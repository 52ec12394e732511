"""Tests of `evalgate run --executor ray`, on a local cluster of two workers."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from support.cli import Cli
from support.projects import lines

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed (extra [ray])"),
    pytest.mark.timeout(240),
]

AGENT = """
import asyncio
import os
import signal
from pathlib import Path

HERE = Path(__file__).parent


def worker():
    # guard and launcher are between
    pid = os.getppid()
    while pid > 1 and "ray::" not in Path(f"/proc/{pid}/cmdline").read_text():
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return pid


async def answer(case, context):
    with open(HERE / "started.txt", "a") as file:
        file.write(f"{worker()} {case.id} {context.trial}\\n")
    await asyncio.sleep(0.5)
    return {"output": "right" if case.id != "q5" else "wrong", "steps": [
        {"kind": "llm_call", "provider": "openai", "model": "gpt-4o-mini",
         "input_tokens": 100, "output_tokens": 10},
    ]}


async def lingering(case, context):
    if case.id != "q1":
        await asyncio.sleep(20)
    return "right"


async def dying(case, context):
    if case.id == "q2":
        os._exit(0)
    return "right"


async def killing(case, context):
    if case.id == "q2":
        os.kill(worker(), signal.SIGKILL)
        await asyncio.sleep(60)
    return "right"
"""


LETHAL = """
import os
import signal
import time
from pathlib import Path

pid = os.getppid()
while "ray::" not in Path(f"/proc/{pid}/cmdline").read_text():
    pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
os.kill(pid, signal.SIGKILL)
time.sleep(60)
"""
"""An agent that kills Ray's worker, somewhere above it, while it is imported."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """Start a cluster once; what is run in this process uses it."""
    ray = pytest.importorskip("ray")
    ray.init(include_dashboard=False, log_to_driver=False, logging_level="error", num_cpus=2)
    yield
    ray.shutdown()


def project(folder: Path, agent: str, cases: int, **more: object) -> Path:
    """Write a project with an agent in two workers."""
    (folder / "slow.py").write_text(AGENT)
    expected = {"output": {"equals": "right"}}
    rows = [{"id": f"q{n}", "input": "x", "expected": expected} for n in range(1, cases + 1)]
    (folder / "golden.jsonl").write_text(lines(rows))
    run = {"run": f"python:slow:{agent}", "workers": 2, "trust_reported": True}
    gate = {"metrics": {"task_success_rate": {"min": 0.1}}}
    suite = {"golden": "golden.jsonl", "agent": run, "concurrency": 2, "timeout_s": 30}
    suite |= {"gate": gate, **more}
    (folder / "evalgate.yaml").write_text(json.dumps({"suites": {"slow": suite}}))
    return folder


def started(folder: Path) -> list[list[str]]:
    """Return process, case and trial of everything that was started."""
    file = folder / "started.txt"
    return [line.split() for line in file.read_text().splitlines()] if file.exists() else []


def without_times(report: dict[str, Any]) -> dict[str, Any]:
    """Take out what depends on the clock, and the note on lost workers."""
    timed = ("completion_time", "ttft")
    for case in report["cases"]:
        for trial in case["trials"]:
            trial["scores"] = {k: v for k, v in trial["scores"].items() if k not in timed}
    metrics = report["metrics"].items()
    report["metrics"] = {k: v for k, v in metrics if not k.startswith(timed)}
    report["warnings"] = [line for line in report["warnings"] if "worker" not in line]
    return report


def test_a_lost_worker_loses_nothing(tmp_path: Path) -> None:
    """A worker is killed in the middle: every trial is there once, and the loss is counted."""
    project(tmp_path, "answer", 6, trials=2)
    command = [sys.executable, "-m", "evalgate", "run", "--executor", "ray", "-o", "report.json"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE) as running:
        end = time.monotonic() + 120
        while len(started(tmp_path)) < 4 and time.monotonic() < end:
            time.sleep(0.05)
        killed = started(tmp_path)[-1][0]
        os.kill(int(killed), signal.SIGKILL)
        assert running.stderr is not None
        said = running.stderr.read().decode()
    assert 0 == running.returncode, said
    report = json.loads((tmp_path / "report.json").read_text())
    trials = Counter((c["id"], t["trial"]) for c in report["cases"] for t in c["trials"])
    assert Counter((f"q{n}", t) for n in range(1, 7) for t in (0, 1)) == trials
    assert {"finished"} == {t["status"] for c in report["cases"] for t in c["trials"]}
    assert any("1 trial was done again after a worker was lost" in w for w in report["warnings"])
    assert 13 == len(started(tmp_path))
    subprocess.run([*command[:4], "-o", "local.json"], cwd=tmp_path, check=True)
    local = json.loads((tmp_path / "local.json").read_text())
    assert without_times(local) == without_times(report)


def test_an_agent_that_dies_is_a_failed_trial(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch, cluster: None
) -> None:
    """Its own process is lost, not the worker: nothing is done again."""
    monkeypatch.chdir(project(tmp_path, "dying", 3))
    result = cli("run", "--executor", "ray", "--format", "json")
    statuses = {c["id"]: c["trials"][0]["status"] for c in result.json["cases"]}
    assert {"q1": "finished", "q2": "crashed", "q3": "finished"} == statuses
    assert not [w for w in result.json["warnings"] if "lost" in w]


def test_an_agent_that_kills_its_workers_is_no_pass(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch, cluster: None
) -> None:
    """After three workers the trial is given up as not measured: exit 3."""
    monkeypatch.chdir(project(tmp_path, "killing", 2))
    result = cli("run", "--executor", "ray", "--format", "json")
    trial = result.json["cases"][1]["trials"][0]
    assert (3, "not_measured") == (result.code, trial["status"])
    assert "3 workers were lost" in trial["error"]


def test_an_agent_that_cannot_be_loaded_is_named(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch, cluster: None
) -> None:
    """The worker's message arrives whole, with the way on."""
    monkeypatch.chdir(project(tmp_path, "nothing", 1))
    result = cli("run", "--executor", "ray")
    assert 2 == result.code
    assert "has no 'nothing'" in result.err


def test_a_first_worker_that_is_lost_is_no_crash_of_ours(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch, cluster: None
) -> None:
    """Every worker dies while it loads the agent: not measured, exit 3, and each is counted."""
    monkeypatch.chdir(project(tmp_path, "answer", 1))
    (tmp_path / "slow.py").write_text(LETHAL)
    result = cli("run", "--executor", "ray", "--format", "json")
    trial = result.json["cases"][0]["trials"][0]
    assert (3, "not_measured") == (result.code, trial["status"])
    assert any("the first worker was lost" in line for line in result.json["warnings"])


def test_a_cluster_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Nothing listens, or what listens never answers: exit 2 in a minute, with the address."""
    project(tmp_path, "answer", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        before = time.monotonic()
        ran = subprocess.run(
            [sys.executable, "-m", "evalgate", "run", "--executor", "ray", "-q"],
            cwd=tmp_path,
            env={**os.environ, "RAY_ADDRESS": address},
            capture_output=True,
            text=True,
            check=False,
        )
    assert 2 == ran.returncode
    assert f"RAY_ADDRESS='{address}'" in ran.stderr
    assert time.monotonic() - before < 200


def test_a_head_that_dies_leaves_the_rest_unmeasured(tmp_path: Path) -> None:
    """Ray ends a process whose head is gone for a minute, with exit 1: we end before, with 3."""
    project(tmp_path, "lingering", 60)  # outlives what tells that the head is gone
    with subprocess.Popen(
        [sys.executable, "-m", "evalgate", "run", "--executor", "ray", "-f", "json"],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as run:
        while run.poll() is None and not any(
            file.stat().st_size for file in tmp_path.glob(".evalgate/runs/*/trials.jsonl")
        ):
            time.sleep(0.1)
        os.kill(head_of(run.pid), signal.SIGKILL)
        said, _ = run.communicate(timeout=120)
    assert 3 == run.returncode
    trials = [trial for case in json.loads(said)["cases"] for trial in case["trials"]]
    assert {"finished", "not_measured"} == {trial["status"] for trial in trials}
    lost = {trial["error"] for trial in trials if trial["status"] == "not_measured"}
    assert all("has stopped answering" in error for error in lost)


def head_of(pid: int) -> int:
    """Find the head of the cluster that a process has started."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            name, _, rest = (folder / "stat").read_text().rpartition(")")
        except OSError:
            continue
        if "(gcs_server" in name and int(rest.split()[1]) == pid:
            return int(folder.name)
    pytest.fail("the cluster has no head")
