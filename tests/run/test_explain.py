"""Each case that got worse says what happened, and how to run it alone."""

import asyncio
import json
import shlex
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from evalgate.run.explain import explain
from evalgate.run.run import new_manifest
from evalgate.schema.config import SuiteConfig
from evalgate.schema.result import TrialResult
from evalgate.schema.trace import Trace
from evalgate.schema.verdict import CaseChange
from evalgate.scorers.builtin import score_trial
from evalgate.store.run_lines import iter_traces
from evalgate.store.run_writer import create_run
from evalgate.suite.environment import this_machine
from evalgate.suite.plan import Filters, Plan, make_plan
from evalgate.suite.suite import Suite

EXPECTED = {"output": {"equals": "done"}, "tool_calls": [{"name": "get"}]}


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Make a plan of two cases."""
    rows = [{"id": name, "input": "x", "expected": EXPECTED} for name in ("a", "b c")]
    (tmp_path / "g.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = SuiteConfig.model_validate({"golden": "g.jsonl", "agent": "recorded:t.jsonl"})
    suite = Suite("s", config, tmp_path, tmp_path / "runs", asked="--suite s")
    return make_plan(suite, Filters())


def stored(plan: Plan, *traces: dict[str, Any]) -> tuple[list[TrialResult], Path]:
    """Score traces into a run folder."""
    cases = {case.id: case for case in plan.cases}
    made = [Trace.model_validate(trace) for trace in traces]
    results = [score_trial(plan.scorers, cases[trace.case_id], trace) for trace in made]

    async def write() -> Path:
        async with create_run(plan.suite.runs, new_manifest(plan, this_machine())) as writer:
            pairs = zip(made, results, strict=True)
            await asyncio.gather(*(writer.append(trace, result) for trace, result in pairs))
            return writer.folder

    return results, asyncio.run(write())


def worse(name: str) -> CaseChange:
    """Say that a case regressed."""
    return CaseChange(id=name, outcome="regressed", what=("tokens a trial: 1 -> 2",))


def test_the_worst_trial_is_explained(plan: Plan) -> None:
    """The first bad trial: its first diverging call and its answer, after what is known."""
    calls = [{"kind": "tool_call", "name": "delete"}]
    results, folder = stored(
        plan,
        {
            "case_id": "a",
            "trial": 0,
            "output": "done",
            "steps": [{"kind": "tool_call", "name": "get"}],
        },
        {"case_id": "a", "trial": 1, "output": "broken", "steps": calls},
    )
    (change,) = explain([worse("a")], plan, results, partial(iter_traces, folder))
    assert "tokens a trial: 1 -> 2" == change.what[0]
    assert "answered: broken" == change.what[-1]
    assert [True] == [any("delete" in line or "'get'" in line for line in change.what[1:-1])]


def test_a_crash_is_told_once(plan: Plan) -> None:
    """The error stands once, however many scorers quote it."""
    crash = {"case_id": "a", "status": "crashed", "error": "KeyError: 'A9' (agent.py, line 3)"}
    results, folder = stored(plan, crash)
    (change,) = explain([worse("a")], plan, results, partial(iter_traces, folder))
    assert 1 == " ".join(change.what).count("KeyError")


def test_the_command_can_be_pasted(plan: Plan) -> None:
    """An id with a blank is quoted."""
    results, folder = stored(plan, {"case_id": "b c", "output": "no"})
    (change,) = explain([worse("b c")], plan, results, partial(iter_traces, folder))
    assert change.reproduce is not None
    assert ["evalgate", "run", "--suite", "s", "--case", "b c"] == shlex.split(change.reproduce)


def test_a_case_without_a_trial_says_so(plan: Plan) -> None:
    """What was not run cannot be explained, and is not passed over."""
    results, folder = stored(plan, {"case_id": "a", "output": "no"})
    changes = explain(
        [CaseChange(id="b c", outcome="errored")], plan, results, partial(iter_traces, folder)
    )
    assert ("it was not run",) == changes[0].what


def test_other_outcomes_stay_as_they_are(plan: Plan) -> None:
    """Unchanged, improved, new and missing cases are not looked up."""
    results, folder = stored(plan, {"case_id": "a", "output": "done"})
    changes = [CaseChange(id="a", outcome="improved"), CaseChange(id="gone", outcome="missing")]
    assert tuple(changes) == explain(changes, plan, results, partial(iter_traces, folder))
