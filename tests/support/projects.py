"""Writes a small project: a golden set, recorded traces, a configuration."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

CONFIG = """\
suites:
  quiz:
    golden: golden.jsonl
    agent: "recorded:traces.jsonl"
    gate: {metrics: {error_rate: {max: 0.9}}}
"""


def right(_number: int, _trial: int) -> bool:
    """Answer everything right."""
    return True


def lines(rows: Iterable[Any]) -> str:
    """Write one JSON document a line."""
    return "".join(json.dumps(row) + "\n" for row in rows)


def trace(number: int, trial: int, *, ok: bool) -> dict[str, Any]:
    """Make the trace of one trial of case `q<number>`."""
    call = {
        "kind": "llm_call",
        "provider": "openai",
        "model": "gpt-4o-mini",
        "input_tokens": 100 + number,
        "output_tokens": 10,
    }
    return {
        "schema": "evalgate.trace/1",
        "case_id": f"q{number}",
        "trial": trial,
        "status": "finished",
        "output": f"answer {number}" if ok else "no idea",
        "steps": [call],
        "duration": 0.5 + number / 8,
    }


def write_project(
    folder: Path, cases: int, trials: int, *, ok: Callable[[int, int], bool] = right
) -> Path:
    """Write a project of a recorded agent.

    Args:
        folder: Where.
        cases: Number of cases, `q1` and so on.
        trials: Trials a case.
        ok: Says of case number and trial whether the answer is right.
    """
    folder.mkdir(parents=True, exist_ok=True)
    golden = [
        {"id": f"q{n}", "input": f"ask {n}", "expected": {"output": {"equals": f"answer {n}"}}}
        for n in range(1, cases + 1)
    ]
    traces = [trace(n, t, ok=ok(n, t)) for n in range(1, cases + 1) for t in range(trials)]
    (folder / "golden.jsonl").write_text(lines(golden), encoding="utf-8")
    (folder / "traces.jsonl").write_text(lines(traces), encoding="utf-8")
    (folder / "evalgate.yaml").write_text(CONFIG, encoding="utf-8")
    return folder
