"""tau-bench: gpt-4o on 50 airline tasks x 4 trials, figures from the data's README."""

from pathlib import Path

import pytest

from evalgate.errors import ConfigError, DataError
from evalgate.importers.imported import Imported
from evalgate.importers.traces.tau_bench import import_tau_bench
from evalgate.schema.base import Json
from evalgate.schema.fingerprint import case_digests, golden_digest
from evalgate.schema.golden import ExpectedCall
from evalgate.schema.trace import Handoff, LlmCall, ToolCall, Trace, UserMessage
from evalgate.store.golden_sets.golden import load_golden, write_golden
from evalgate.store.traces import load_traces, write_traces
from evalgate.text.strict_json import loads

_TASK: dict[str, Json] = {
    "user_id": "u1",
    "instruction": "Cancel order 7",
    "actions": [{"name": "cancel", "kwargs": {"order": 7}}],
    "outputs": [],
}
_TRAJECTORY: list[Json] = [
    {"role": "system", "content": "policy"},
    {"role": "user", "content": "Cancel my order"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "c1", "function": {"name": "cancel", "arguments": '{"order": 7}'}},
            {"id": "c2", "function": {"name": "cancel", "arguments": '{"order": '}},
            {
                "id": "c3",
                "function": {
                    "name": "transfer_to_human_agents",
                    "arguments": '{"summary": "angry"}',
                },
            },
        ],
    },
    {"role": "tool", "tool_call_id": "c1", "content": "Error: no such order"},
    {"role": "assistant", "content": "Done."},
]


def _record(**changes: Json) -> dict[str, Json]:
    info: Json = {"task": _TASK, "reward_info": {"reward": 1.0}, "user_cost": 0.1}
    record: dict[str, Json] = {
        "task_id": 3,
        "trial": 0,
        "reward": 1.0,
        "info": info,
        "traj": _TRAJECTORY,
    }
    return record | changes


@pytest.fixture(scope="module")
def airline(shared_data: Path) -> Imported:
    """Return the published run."""
    path = shared_data / "tau_bench" / "gpt-4o-airline.json"
    return import_tau_bench(loads(path.read_bytes(), source=path.name), {})


def _rewards(traces: tuple[Trace, ...], trial: int) -> float:
    return sum(float(trace.scores[0].value) for trace in traces if trace.trial == trial)


def test_the_published_run_is_read(airline: Imported) -> None:
    """200 trials of 50 cases, 1,164 tool calls, 5 records that were cut off."""
    calls = [step for trace in airline.traces for step in trace.steps if isinstance(step, ToolCall)]
    unfinished = [trace for trace in airline.traces if trace.status == "unfinished"]
    assert (50, 200) == (len(airline.cases), len(airline.traces))
    assert 1164 == len(calls)
    assert all(call.result is not None and isinstance(call.arguments, dict) for call in calls)
    assert 5 == len(unfinished)
    assert [0.0] * 5 == [trace.scores[0].value for trace in unfinished]


def test_success_per_trial_is_the_published_one(airline: Imported) -> None:
    """.42 .44 .40 .42, and pass^4 = .20 of the tasks that all four trials solve."""
    assert [21, 22, 20, 21] == [_rewards(airline.traces, trial) for trial in range(4)]
    solved = [
        sum(float(t.scores[0].value) for t in airline.traces if t.case_id == case.id)
        for case in airline.cases
    ]
    assert 10 == sum(count == 4 for count in solved)


def test_files_hold_all_that_was_read(airline: Imported, tmp_path: Path) -> None:
    """Golden set and traces survive the way to disk and back."""
    write_golden(tmp_path / "golden.jsonl", airline.cases)
    write_traces(tmp_path / "traces.jsonl", airline.traces)
    golden = load_golden(tmp_path / "golden.jsonl")
    assert airline.cases == golden.cases
    assert golden_digest(case_digests(airline.cases)) == golden.digest
    assert list(airline.traces) == load_traces(tmp_path / "traces.jsonl")


def test_a_record_becomes_a_case_and_a_trace() -> None:
    """Gold actions are matched as a superset, success is the reward, and every step is kept."""
    imported = import_tau_bench([_record()], {"model": "gpt-4o"})
    (case,), (trace,) = imported.cases, imported.traces
    assert ("task-3", "Cancel order 7", "superset", ("reward",)) == (
        case.id,
        case.input,
        case.expected.tool_match,
        case.expected.scores,
    )
    assert (ExpectedCall(name="cancel", arguments={"order": 7}),) == case.expected.tool_calls
    user, first, failed, broken, transfer, handoff, last = trace.steps
    assert isinstance(user, UserMessage)
    assert isinstance(first, LlmCall)
    assert "gpt-4o" == first.model
    assert isinstance(failed, ToolCall)
    assert ("Error: no such order", {"order": 7}) == (failed.error, failed.arguments)
    assert isinstance(broken, ToolCall)
    assert ("unparsable", '{"order": ') == (broken.error, broken.arguments)
    assert isinstance(transfer, ToolCall)
    assert isinstance(handoff, Handoff)
    assert ("human", "angry") == (handoff.target, handoff.reason)
    assert isinstance(last, LlmCall)
    assert "Done." == trace.output


def test_a_case_does_not_depend_on_the_run() -> None:
    """Another trajectory, trial and reward give the same case."""
    one = import_tau_bench([_record()], {})
    other = import_tau_bench([_record(reward=0.0, trial=2, traj=[])], {})
    assert one.cases == other.cases


def test_a_record_that_was_cut_off_is_a_failure() -> None:
    """Whatever reward it names: nothing was checked."""
    info: Json = {"task": _TASK, "reward_info": None}
    imported = import_tau_bench([_record(info=info, reward=1.0)], {})
    (trace,) = imported.traces
    assert ("unfinished", 0.0) == (trace.status, trace.scores[0].value)
    assert "1 record was cut off and counts as a failure" in imported.notes


def test_a_task_without_gold_actions_is_not_judged_by_its_calls() -> None:
    """No gold action means that nothing changes, not that nothing may be looked up."""
    task = _TASK | {"actions": []}
    imported = import_tau_bench([_record(info={"task": task, "reward_info": {}})], {})
    assert imported.cases[0].expected.tool_calls is None
    assert any("no gold action" in note for note in imported.notes)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "/: found {}; expected a list"),
        ([5], "/0: found 5; expected an object"),
        ([_record(reward=None)], "/0/reward: is missing or null; expected a number"),
        ([_record(info={})], "/0/info/task: is missing or null; expected an object"),
        ([_record(traj=["robot"])], "/0/traj/0: found 'robot'; expected an object"),
        (
            [_record(), _record(info={"task": _TASK | {"instruction": "other"}})],
            "/1/info/task: task 'task-3' differs",
        ),
    ],
)
def test_other_files_are_refused(data: Json, message: str) -> None:
    """The message points at the place."""
    with pytest.raises(DataError) as caught:
        import_tau_bench(data, {})
    assert message in caught.value.message


def test_an_unknown_option_is_refused() -> None:
    """The options there are, and the nearest."""
    with pytest.raises(ConfigError, match=r"'modle' \(did you mean 'model'\?\); it knows model"):
        import_tau_bench([], {"modle": "x"})
