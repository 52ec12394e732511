"""`recorded:` agents: traces that have already happened."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from evalgate.agents.base import Context
from evalgate.agents.factory import open_agent
from evalgate.agents.recorded import RecordedAgent
from evalgate.errors import DataError
from evalgate.schema.config import AgentConfig
from evalgate.schema.golden import Case
from evalgate.schema.trace import RecordedScore, Trace

Ask = Callable[..., Trace]
LINES = [
    {"case_id": "c1", "output": "first", "scores": [{"name": "s", "value": 1.0}], "cost_usd": 0.1},
    {"case_id": "c1", "trial": 1, "output": "second"},
    {"case_id": "c2", "status": "crashed", "error": "boom"},
]


def write(tmp_path: Path, lines: list[object]) -> None:
    """Write traces.jsonl; texts are written as they are."""
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    (tmp_path / "traces.jsonl").write_text("\n".join(texts) + "\n", encoding="utf-8")


def opened(tmp_path: Path, use: Callable[[RecordedAgent], None]) -> None:
    """Open traces.jsonl and use the agent."""

    async def main() -> None:
        async with open_agent(
            AgentConfig(run="recorded:traces.jsonl"),
            root=tmp_path,
            concurrency=1,
            timeout_s=1,
            environ={},
        ) as agent:
            assert isinstance(agent, RecordedAgent)
            use(agent)

    asyncio.run(main())


def test_by_case_and_trial(tmp_path: Path, ask: Ask) -> None:
    """Each trial has its own trace; recorded scores and costs count."""
    write(tmp_path, ["", *LINES])
    first = ask("recorded:traces.jsonl")
    assert ("first", 0.1) == (first.output, first.cost_usd)
    assert (RecordedScore(name="s", value=1.0),) == first.scores
    assert "second" == ask("recorded:traces.jsonl", context=Context(trial=1)).output
    other = ask("recorded:traces.jsonl", Case(id="c2", input="x"))
    assert ("crashed", "boom") == (other.status, other.error)


def test_no_trace_is_no_evidence(tmp_path: Path, ask: Ask) -> None:
    """A trial that is not recorded is not measured: neither a success nor a failure."""
    write(tmp_path, list(LINES))
    for case, trial in (("c3", 0), ("c2", 1)):
        trace = ask("recorded:traces.jsonl", Case(id=case, input="x"), context=Context(trial=trial))
        assert "not_measured" == trace.status
        assert f"{case!r}, trial {trial}" in (trace.error or "")


def test_number_of_trials(tmp_path: Path) -> None:
    """The agent knows how many trials there are."""
    write(tmp_path, list(LINES))
    seen: list[int | None] = []
    opened(tmp_path, lambda agent: seen.append(agent.trials))
    assert [2] == seen


def test_a_trace_for_no_case(tmp_path: Path) -> None:
    """Traces of no case are an error that names their lines."""
    write(tmp_path, list(LINES))

    def use(agent: RecordedAgent) -> None:
        agent.check_cases(frozenset({"c1", "c2", "c3"}))
        with pytest.raises(DataError, match=r"traces\.jsonl:3: .*'c2'.*did you mean 'c2x'"):
            agent.check_cases(frozenset({"c1", "c2x"}))

    opened(tmp_path, use)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([LINES[0], "{"], "traces.jsonl:2:"),
        ([LINES[0], LINES[0]], "traces.jsonl:2: case 'c1', trial 0 stands on line 1"),
        ([{"case_id": "c1", "outptu": 1}], "did you mean 'output'"),
        ([{"case_id": "c1", "trial": -1}], "/trial"),
        (['{"case_id": "c1", "output": NaN}'], "NaN"),
        (['{"case_id": "c1", "case_id": "c2"}'], "traces.jsonl:1:"),
        ([{"schema": "evalgate.trace/2", "case_id": "c1"}], "evalgate.trace/2"),
        (["[]"], "traces.jsonl:1"),
        ([""], "holds no trace"),
    ],
)
def test_bad_files(tmp_path: Path, ask: Ask, lines: list[object], reason: str) -> None:
    """A file that is not all traces is an error with line, value and what is allowed."""
    write(tmp_path, lines)
    with pytest.raises(DataError) as caught:
        ask("recorded:traces.jsonl")
    assert reason in str(caught.value)


def test_missing_file(ask: Ask) -> None:
    """A file that is not there is an error that names it."""
    with pytest.raises(DataError, match="no such file"):
        ask("recorded:nowhere.jsonl")
