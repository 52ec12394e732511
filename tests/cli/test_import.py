"""Tests of `evalgate import`: another tool's file in, a golden set and traces out."""

import json
from pathlib import Path

import pytest
from support.cli import Cli

CHAT = [
    {"role": "user", "content": "Where is order A1?"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": "c1",
                "type": "function",
                "function": {"name": "get_order", "arguments": '{"id": "A1"}'},
            }
        ],
    },
    {"role": "tool", "tool_call_id": "c1", "content": '{"status": "shipped"}'},
    {"role": "assistant", "content": "It is shipped."},
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with a transcript."""
    (tmp_path / "chat.json").write_text(json.dumps([{"id": "one", "messages": CHAT}]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_transcript_becomes_a_suite(folder: Path, cli: Cli) -> None:
    """What is written runs as it is; its baseline gates once a person has looked at it."""
    files = ("--golden", "sets/golden.jsonl", "--traces", "sets/traces.jsonl")
    done = cli("import", "chat", "chat.json", *files)
    assert (0, "1 case, 1 trace\n") == (done.code, done.out)
    assert 0 == cli("validate", "--golden", "sets/golden.jsonl").code
    run = ("run", "--golden", "sets/golden.jsonl", "--agent", "recorded:sets/traces.jsonl")
    assert 3 == cli(*run).code
    case = json.loads((folder / "sets" / "golden.jsonl").read_text())
    reviewed = {**case, "status": "reviewed", "expected": {"tool_calls": [{"name": "get_order"}]}}
    (folder / "sets" / "golden.jsonl").write_text(json.dumps(reviewed))
    ran = cli(*run, "--format", "json")
    assert (3, 1) == (ran.code, ran.json["metrics"]["tool_invocations"]["value"])
    cli(*run, "--output", "base.json")
    assert 0 == cli(*run, "--baseline", "base.json").code


def test_published_results_import(shared_data: Path, folder: Path, cli: Cli) -> None:
    """gpt-4o on tau-bench airline: pass^1..4 = .42 .2733 .22 .20 (data/README.md)."""
    source = shared_data / "tau_bench" / "gpt-4o-airline.json"
    done = cli("import", "tau-bench", source, "--golden", "g.jsonl", "--traces", "t.jsonl")
    assert (0, "50 cases, 200 traces\n") == (done.code, done.out)
    agent = ("--golden", "g.jsonl", "--agent", "recorded:t.jsonl", "--format", "json")
    metrics = cli("run", *agent).json["metrics"]
    found = [round(metrics[f"pass_hat_{k}"]["value"], 4) for k in range(1, 5)]
    assert [0.42, 0.2733, 0.22, 0.2] == found


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("chat", "chat.json"), "--golden golden.jsonl"),
        (("chats", "chat.json", "--golden", "g.jsonl"), "did you mean 'chat'"),
        (("chat", "none.json", "--golden", "g.jsonl"), "none.json"),
        (("chat", "half.json", "--golden", "g.jsonl"), "half.json"),
        (("tau2", "chat.json", "--golden", "g.jsonl"), "chat.json"),
        (("chat",), "FILE"),
    ],
)
def test_slips_write_nothing(folder: Path, cli: Cli, arguments: tuple[str, ...], part: str) -> None:
    """A wrong format or file is named, and no file is left behind."""
    (folder / "half.json").write_text((folder / "chat.json").read_text()[:40])
    result = cli("import", *arguments)
    assert 2 == result.code
    assert part in result.err
    assert "Traceback" not in result.err
    assert not (folder / "g.jsonl").exists()
