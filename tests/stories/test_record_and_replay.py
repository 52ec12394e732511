"""Record once, replay for free: the example, broken and recorded as a user would."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.cli import Cli
from support.example import copy_example, edit, scripted_model

from evalgate.store.cassettes import read_cassette

KEY = "planted-secret-value-0123456789"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a copy of the example."""
    monkeypatch.chdir(copy_example(tmp_path))
    return tmp_path


def traces_of(project: Path) -> list[str]:
    """Return the traces of the latest run, sorted."""
    latest = max((project / ".evalgate" / "runs").iterdir())
    return sorted((latest / "traces.jsonl").read_text().splitlines())


def test_two_replays_are_the_same_bytes(project: Path, cli: Cli) -> None:
    """No key, no network: traces and report come out identical twice in a row."""
    first, seen = cli("run", "--baseline", "-f", "json"), traces_of(project)
    second = cli("run", "--baseline", "-f", "json")
    assert (0, 0) == (first.code, second.code)
    assert first.out == second.out
    assert seen == traces_of(project)


def test_a_recording_replays_without_its_upstream(
    project: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was recorded gives the same scores, tokens and cost when the model is gone."""
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    with scripted_model(project):
        recorded = cli("run", "--record", "-f", "json").json
    replayed = cli("run", "-f", "json").json
    assert [c["trials"][0]["scores"] for c in recorded["cases"]] == [
        c["trials"][0]["scores"] for c in replayed["cases"]
    ]
    assert ("live", "replay") == (recorded["suite"]["mode"], replayed["suite"]["mode"])


def test_a_changed_prompt_is_inconclusive_with_its_diff(project: Path, cli: Cli) -> None:
    """The report names the prompt, shows the lines, and forecasts the recording."""
    agent = project / "examples/support_agent/agent.py"
    edit(agent, "Always look the order up", "Never look the order up")
    result = cli("run", "--baseline")
    assert 3 == result.code
    for part in (
        "changed: system prompt",
        "+system: Never look the order up before you refund",
        "evalgate run --suite support --record-missing",
        "54 of 54 cases need a live run: about",
    ):
        assert part in result.out.replace("\n    ", " "), part


def test_pruning_removes_what_a_changed_prompt_left_behind(
    project: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines of the old prompt go, those of the new one stay, and the replay is the same."""
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    rows = (project / "golden_sets/support.jsonl").read_text().splitlines(keepends=True)
    (project / "golden_sets/support.jsonl").write_text("".join(rows[:4]))
    before = cli("cassette", "prune", "--dry-run").out
    edit(project / "examples/support_agent/agent.py", "Always look the order", "Look the order")
    assert "every line of 4 cases stays" in cli("cassette", "prune", "--dry-run").out
    with scripted_model(project):
        cli("run", "--record-missing", "--judge", "off")
    cassettes = project / "examples/support_agent/cassettes"
    lines = sum(len(read_cassette(p).calls) for p in cassettes.glob("*.jsonl"))
    first = cli("run", "-f", "json", "--judge", "off").json
    assert "and 0 lines" in before
    assert "removed" in cli("cassette", "prune").out
    left = [read_cassette(path).calls for path in cassettes.glob("*.jsonl")]
    assert 4 == len(left)
    assert all("Look the order" in str(call.request) for calls in left for call in calls)
    assert sum(map(len, left)) < lines
    again = cli("run", "-f", "json", "--judge", "off").json
    assert first["metrics"] == again["metrics"]


def test_a_broken_tool_misses_and_fails_once_recorded(
    project: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tool whose result changes asks something new: exit 3, and 1 after a recording."""
    shop = project / "examples/support_agent/shop.py"
    edit(shop, 'return {"error": f"no order {order_id}"} if order is None else', "return {} and")
    assert 3 == cli("run", "--baseline").code
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    with scripted_model(project):
        assert 1 == cli("run", "--baseline", "--record-missing").code
    assert 1 == cli("run", "--baseline").code


def test_recording_without_key_or_upstream_is_refused(project: Path, cli: Cli) -> None:
    """Live calls are asked for and cannot be made: exit 2, nothing is overwritten."""
    edit(
        project / "evalgate.yaml", 'upstream: {openai: "http://127.0.0.1:4011/v1"}', "upstream: {}"
    )
    result = cli("run", "--record")
    assert 2 == result.code
    assert "OPENAI_API_KEY" in result.err


def test_a_loop_ends_at_its_limit(project: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """An agent that would call on and on is stopped by the gateway: a failed trial."""
    edit(project / "evalgate.yaml", "loop_limit: 8", "loop_limit: 1")
    result = cli("run", "--case", "refund-delivered", "--partial", "-f", "json")
    (trial,) = result.json["cases"][0]["trials"]
    assert "loop_limit" == trial["status"]
    assert 1.0 == trial["scores"]["error"]


def test_a_planted_key_reaches_no_file(
    project: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the environment, a header, a prompt and a tool result: no file that is written has it."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    golden = project / "golden_sets/support.jsonl"
    case = {"id": "leak", "input": f"Where is A1002? {KEY}", "expected": {"refusal": False}}
    golden.write_text(json.dumps(case) + "\n")
    shop = project / "examples/support_agent/shop.py"
    edit(shop, '"item": "water bottle"', f'"item": "water bottle {KEY}"')
    with scripted_model(project):
        assert cli("run", "--record").code in (0, 3)
    written = [
        path
        for folder in (".evalgate", "examples/support_agent/cassettes")
        for path in (project / folder).rglob("*")
        if path.is_file()
    ]
    assert (project / "examples/support_agent/cassettes/leak.jsonl") in written
    assert [] == [path for path in written if KEY.encode() in path.read_bytes()]


def test_a_killed_recording_leaves_cassettes_that_load(project: Path) -> None:
    """`kill -9` in the middle: every file that is there can be read."""
    with scripted_model(project):
        environment = {**os.environ, "OPENAI_API_KEY": "any"}
        process = subprocess.Popen(
            [sys.executable, "-m", "evalgate", "run", "--record", "-q"],
            cwd=project,
            env=environment,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        runs = project / ".evalgate" / "runs"
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not _some_trials(runs):
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    cassettes = sorted((project / "examples/support_agent/cassettes").glob("*.jsonl"))
    assert 54 == len([read_cassette(path) for path in cassettes])


def _some_trials(runs: Path) -> bool:
    return any(path.stat().st_size > 0 for path in runs.glob("*/trials.jsonl"))


def test_a_dry_run_forecasts_and_calls_nobody(project: Path, cli: Cli) -> None:
    """Without key and model: calls, tokens, USD and minutes of a recording; 0 live calls."""
    assert "no live call: what is recorded is replayed" in cli("run", "--dry-run").out
    assert "everything is recorded" in cli("run", "--dry-run", "--record-missing").out
    told = cli("run", "--dry-run", "--record").out
    assert "54 of 54 cases need a live run: about 0.01 USD, 1 min" in told
    assert "output tokens" in told
