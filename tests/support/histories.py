"""Makes reports and interactions for histories."""

from typing import Any

from evalgate.history.records import Interaction, Origin, RunRecord, record_of
from evalgate.schema.result import Report

START = 1_760_000_000
"""A Thursday of October 2025."""
DAY = 86_400


def report(successes: tuple[tuple[int, ...], ...], **changes: Any) -> Report:  # noqa: ANN401
    """Make a report of cases `c0`, `c1`, ... from the success of each of their trials."""
    cases = [
        {
            "id": f"c{number}",
            "digest": f"d{number}",
            "trials": [
                {
                    "case_id": f"c{number}",
                    "trial": trial,
                    "status": "finished",
                    "scores": {"task_success": good},
                }
                for trial, good in enumerate(trials)
            ],
        }
        for number, trials in enumerate(successes)
    ]
    flat = [good for trials in successes for good in trials]
    metric = {"unit": "ratio", "direction": "higher", "n": len(cases)}
    return Report.model_validate(
        {
            "verdict": "pass",
            "exit_code": 0,
            "suite": {
                "id": "support",
                "golden_digest": "g1",
                "cases": len(cases),
                "selected": len(cases),
                "trials": len(successes[0]),
                "agent": "python:a:b",
            },
            "subject": {"model": "m1", "prompt_digest": "p1"},
            "scorers": {"task_success": "1:abc"},
            "metrics": {"task_success_rate": {**metric, "value": sum(flat) / len(flat)}},
            "cases": cases,
            **changes,
        }
    )


def record(
    number: int,
    successes: tuple[tuple[int, ...], ...] = ((1, 1), (1, 0)),
    *,
    at: int | None = None,
    branch: str = "main",
    agent: str | None = "a1",
    **changes: Any,  # noqa: ANN401
) -> RunRecord:
    """Make the record of one run."""
    when = START + 3_600 * number if at is None else at
    origin = Origin(f"run-{number:05d}", when, branch, agent_digest=agent)
    return record_of(report(successes, **changes), origin)


def interaction(number: int, at: int | None, **changes: Any) -> Interaction:  # noqa: ANN401
    """Make an interaction in which all went well."""
    fields: dict[str, Any] = {
        "id": f"i{number}", "digest": f"d{number}", "at": at, "day": None, "agent": "support",
        "model": "m1", "prompt_version": "v1", "environment": "production",
        "outcome": "finished", "success": 1.0, "error": 0.0, "escalation": 0.0,
        "guardrail": 0.0, "faithfulness": None, "cost_usd": 0.02, "duration_s": 1.0,
        "ttft_s": None, "llm_calls": 1, "tool_calls": 1, "tool_failures": 0,
        "input_tokens": 10, "output_tokens": 5, "tools": {"find": (1, 0)}, "causes": {},
    }  # fmt: skip
    return Interaction(**(fields | changes))
