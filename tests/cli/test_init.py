"""Tests of `evalgate init`: files that run as they are, gating only what has evidence."""

import shlex
from pathlib import Path

import pytest
import yaml
from support.cli import Cli

from evalgate.schema.config import Config

PLAIN = "def answer(question):\n    return 'I can help with orders.'\n"
CALLS = """
def answer(case, context):
    return {"output": "done", "steps": [
        {"kind": "llm_call", "model": "gpt-4o", "input_tokens": 5, "output_tokens": 2},
        {"kind": "tool_call", "name": "look_up", "arguments": {"key": "AKIAIOSFODNN7EXAMPLE"}},
    ]}
"""


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with two agents."""
    (tmp_path / "plain_agent.py").write_text(PLAIN)
    (tmp_path / "calling_agent.py").write_text(CALLS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def gates(folder: Path) -> list[str]:
    """Return the metrics that gate in the file that was written."""
    text = (folder / "evalgate.yaml").read_text()
    return [*Config.model_validate(yaml.safe_load(text)).suites["main"].gate.metrics]


def test_only_evidence_gates(empty: Path, cli: Cli) -> None:
    """An agent that returns text gates success and errors; what else there is stands as goals."""
    result = cli("init", "--agent", "python:plain_agent:answer")
    assert (0, "") == (result.code, result.err)
    assert ["task_success_rate", "error_rate"] == gates(empty)
    text = (empty / "evalgate.yaml").read_text()
    for goal in ("0.95", "0.90", "0.03", "0.15", "0.05", "2.0"):
        assert goal in text


def test_reported_calls_are_evidence(empty: Path, cli: Cli) -> None:
    """Tool calls gate their accuracy, tokens and models the cost; secrets are not written."""
    assert 0 == cli("init", "--agent", "python:calling_agent:answer").code
    assert {"tool_call_accuracy", "cost_per_interaction"} <= {*gates(empty)}
    assert "AKIAIOSFODNN7EXAMPLE" not in (empty / "golden_sets" / "main.jsonl").read_text()


def test_what_is_written_runs(empty: Path, cli: Cli) -> None:
    """It validates and runs; drafts do not pass; reviewed, with a baseline, it passes."""
    cli("init", "--agent", "python:plain_agent:answer")
    assert 0 == cli("validate").code
    assert 3 == cli("run", "-q").code
    golden = empty / "golden_sets" / "main.jsonl"
    golden.write_text(golden.read_text().replace('"draft"', '"reviewed"'))
    made = cli("baseline", "update", "--trials", "5", "--reason", "first", "-q")
    assert (0, "") == (made.code, made.err)
    assert 0 == cli("run", "--baseline", "-q").code


def test_the_workflow_is_valid_and_its_command_runs(recorded: Path, cli: Cli) -> None:
    """The step of the workflow writes Markdown to the file and annotations to the log."""
    (recorded / "evalgate.yaml").unlink()
    agent = ("--agent", "recorded:traces.jsonl", "--golden", "golden.jsonl")
    assert 0 == cli("init", *agent).code
    text = (recorded / ".github" / "workflows" / "evalgate.yml").read_text()
    steps = yaml.safe_load(text)["jobs"]["gate"]["steps"]
    (line,) = [step["run"] for step in steps if step.get("run", "").startswith("evalgate run")]
    assert 0 == cli("baseline", "update", "--reason", "first", "--force", "-q").code
    ran = cli(*shlex.split(line)[1:])
    assert 0 == ran.code
    assert (recorded / "report.md").read_text().startswith("#")
    assert "pip install agent-evalgate" in text


def test_nothing_is_overwritten(empty: Path, cli: Cli) -> None:
    """A second `init` refuses, with the option that replaces."""
    (empty / "evalgate.yaml").write_text("mine\n")
    result = cli("init", "--agent", "python:plain_agent:answer")
    assert 2 == result.code
    assert "--force" in result.err
    assert "mine\n" == (empty / "evalgate.yaml").read_text()
    assert not (empty / "golden_sets").exists()
    assert 0 == cli("init", "--agent", "python:plain_agent:answer", "--force").code


def test_an_existing_golden_set_is_kept(empty: Path, cli: Cli) -> None:
    """`--golden` probes with its first case and leaves it alone."""
    text = '{"id": "a", "input": "hi", "expected": {"tool_calls": [{"name": "look_up"}]}}\n'
    (empty / "mine.jsonl").write_text(text)
    assert 0 == cli("init", "--agent", "python:plain_agent:answer", "--golden", "mine.jsonl").code
    assert text == (empty / "mine.jsonl").read_text()
    assert "tool_call_accuracy" in gates(empty)


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ((), "--agent"),
        (("--agent", "python:nope:x"), "nope"),
        (("--agent", "python:plain_agent:nope"), "nope"),
        (("--agent", "pyton:plain_agent:answer"), "did you mean"),
        (("--agent", "recorded:none.jsonl"), "golden add --from none.jsonl"),
        (("--agent", "python:plain_agent:answer", "--golden", "none.jsonl"), "none.jsonl"),
        (("--agent", "python:plain_agent:answer", "--name", "a b: c"), "--name"),
        (("--agent", "python:plain_agent:answer", "--timeout", "-1"), "--timeout"),
    ],
)
def test_slips_write_nothing(empty: Path, cli: Cli, arguments: tuple[str, ...], part: str) -> None:
    """A wrong agent or golden set is named, and no file is left behind."""
    result = cli("init", *arguments)
    assert 2 == result.code
    assert part in result.err
    assert not (empty / "evalgate.yaml").exists()


def test_a_crashing_agent_is_told(empty: Path, cli: Cli) -> None:
    """The probe's failure is shown, and the files are there to go on with."""
    (empty / "bad.py").write_text("def answer(question):\n    raise ValueError('no key')\n")
    result = cli("init", "--agent", "python:bad:answer")
    assert 0 == result.code
    assert "probe: crashed: ValueError: no key" in result.out
