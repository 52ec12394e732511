"""Runs the command line in process, in a folder of its own."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

AGENT = '''
"""An agent under test; it answers by rule, and can be told to be worse."""

import os

ANSWERS = {"2+2": "4", "capital of France": "Paris", "3*3": "9", "sky": "blue"}


def answer(case, context):
    name = case.messages[-1]["content"]
    if name in os.environ.get("AGENT_FORGETS", "").split(","):
        return "no idea"
    if name in os.environ.get("AGENT_CRASHES", "").split(","):
        raise RuntimeError("boom")
    return {"output": ANSWERS[name], "steps": [
        {"kind": "llm_call", "provider": "openai", "model": "gpt-4o-mini",
         "input_tokens": 100, "output_tokens": 10},
    ]}


async def async_answer(case, context):
    return answer(case, context)
'''

CONFIG = """\
suites:
  quiz:
    golden: golden.jsonl
    agent: {run: "python:quiz_agent:async_answer", isolation: process, workers: 1,
            env_allow: [AGENT_FORGETS, AGENT_CRASHES]}
    noise: none
    gate: {metrics: {error_rate: {max: 0.9}}}
"""


@pytest.fixture
def quiz(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a project with an agent, four cases and a configuration, and work in it."""
    (tmp_path / "quiz_agent.py").write_text(AGENT, encoding="utf-8")
    (tmp_path / "evalgate.yaml").write_text(CONFIG, encoding="utf-8")
    cases = {"2+2": "4", "capital of France": "Paris", "3*3": "9", "sky": "blue"}
    rows = [
        {"id": f"q{i}", "input": asked, "expected": {"output": {"equals": answer}}, "tags": ["all"]}
        for i, (asked, answer) in enumerate(cases.items(), 1)
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "golden.jsonl").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


RECORDED_CONFIG = """\
suites:
  quiz:
    golden: golden.jsonl
    agent: "recorded:traces.jsonl"
    gate: {metrics: {error_rate: {max: 0.9}}}
"""


def write_traces(folder: Path, *, right: int, cases: int = 4, trials: int = 5) -> None:
    """Write recorded trials; the first `right` cases are answered right, the others wrong."""
    rows = [
        {
            "schema": "evalgate.trace/1",
            "case_id": f"q{number}",
            "trial": trial,
            "status": "finished",
            "output": f"answer {number}" if number <= right else "no idea",
            "duration": 0.5,
            "steps": [{"kind": "user_message", "content": f"ask {number}"}],
        }
        for number in range(1, cases + 1)
        for trial in range(trials)
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "traces.jsonl").write_text(text, encoding="utf-8")


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a project of four cases with five recorded trials each, and work in it."""
    golden = [
        {"id": f"q{n}", "input": f"ask {n}", "expected": {"output": {"equals": f"answer {n}"}}}
        for n in range(1, 5)
    ]
    text = "".join(json.dumps(row) + "\n" for row in golden)
    (tmp_path / "golden.jsonl").write_text(text, encoding="utf-8")
    (tmp_path / "evalgate.yaml").write_text(RECORDED_CONFIG, encoding="utf-8")
    write_traces(tmp_path, right=4)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def forget(recorded: Path) -> Callable[[int], None]:
    """Return a function that makes the recorded agent answer only the first cases right."""
    return lambda right: write_traces(recorded, right=right)
