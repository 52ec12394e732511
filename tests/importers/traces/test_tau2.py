"""tau2: six published files, figures from the data's README."""

from pathlib import Path
from typing import NamedTuple

import pytest

from evalgate.errors import DataError
from evalgate.importers.imported import Imported
from evalgate.importers.traces.tau2 import import_tau2
from evalgate.matching import match
from evalgate.schema.base import Json
from evalgate.schema.fingerprint import case_digests
from evalgate.schema.trace import LlmCall, Span, ToolCall, UserMessage
from evalgate.text.strict_json import loads


class _Published(NamedTuple):
    """Figures of one file."""

    name: str
    cases: int
    success: float
    matched: int
    actions: int
    cost: float | None


_PUBLISHED = (
    _Published("airline_gpt-4.1", 20, 0.50, 36, 61, 0.7833),
    _Published("airline_gpt-4.1-finetuned", 20, 0.65, 46, 61, None),
    _Published("retail_gpt-4.1", 40, 0.85, 164, 186, 1.8886),
    _Published("retail_gpt-4.1-finetuned", 40, 0.85, 161, 186, None),
    _Published("airline_gpt-4o-azure", 50, 0.46, 104, 148, 4.2033),
    _Published("telecom_gpt-4o", 20, 0.70, 20, 27, 2.1343),
)


def _read(folder: Path, name: str) -> Imported:
    path = folder / "tau2" / f"{name}.json"
    return import_tau2(loads(path.read_bytes(), source=path.name), {})


@pytest.mark.parametrize("published", _PUBLISHED, ids=lambda each: each.name)
def test_the_published_figures_come_out(shared_data: Path, published: _Published) -> None:
    """Number, success, gold actions as recorded, and the agent's cost."""
    imported = _read(shared_data, published.name)
    traces = imported.traces
    costs = [trace.cost_usd for trace in traces]
    known = [cost for cost in costs if cost is not None]
    gold = sum(len(case.expected.tool_calls or ()) for case in imported.cases)
    verdicts = [verdict for trace in traces for verdict in _verdicts(trace.metadata)]
    assert (published.cases, published.cases) == (len(imported.cases), len(traces))
    assert published.success == sum(float(t.scores[0].value) for t in traces) / len(traces)
    assert (published.matched, published.actions) == (sum(verdicts), gold)
    if published.cost is None:
        assert [] == known
    else:
        assert published.cost == round(sum(known), 4)
        assert len(costs) == len(known)


def _verdicts(metadata: dict[str, Json]) -> list[bool]:
    listed = metadata.get("action_match", [])
    assert isinstance(listed, list)
    return [verdict is True for verdict in listed]


@pytest.mark.parametrize("published", _PUBLISHED, ids=lambda each: each.name)
def test_the_preset_agrees_with_the_recorded_verdicts(
    shared_data: Path, published: _Published
) -> None:
    """What the importer makes of gold actions and calls is matched as tau2 itself did.

    One call may satisfy several gold actions, so each gold action is matched alone.
    """
    imported = _read(shared_data, published.name)
    cases = {case.id: case for case in imported.cases}
    matched = 0
    for trace in imported.traces:
        made = [step for step in trace.steps if isinstance(step, ToolCall)]
        for gold in cases[trace.case_id].expected.tool_calls or ():
            own = [call for call in made if call.requestor == gold.requestor]
            mine = [call.model_copy(update={"requestor": "assistant"}) for call in own]
            wanted = gold.model_copy(update={"requestor": "assistant"})
            matched += match([wanted], mine, "tau2").correct > 0
    assert published.matched == matched


@pytest.mark.parametrize("domain", ["airline", "retail"])
def test_two_runs_of_a_task_have_one_golden_set(shared_data: Path, domain: str) -> None:
    """Base and fine-tuned model ran the same tasks."""
    base = _read(shared_data, f"{domain}_gpt-4.1")
    tuned = _read(shared_data, f"{domain}_gpt-4.1-finetuned")
    assert case_digests(base.cases) == case_digests(tuned.cases)


def test_the_users_own_calls_are_told_apart(shared_data: Path) -> None:
    """In telecom the simulated user made 125 calls, the agent 90; only the agent costs."""
    traces = _read(shared_data, "telecom_gpt-4o").traces
    calls = [step for trace in traces for step in trace.steps if isinstance(step, ToolCall)]
    users = [call for call in calls if call.requestor == "user"]
    assert (125, 90) == (len(users), len(calls) - len(users))
    models = [step for trace in traces for step in trace.steps if isinstance(step, LlmCall)]
    assert 217 == len(models)
    assert all(call.input_tokens and call.output_tokens and call.cost_usd for call in models)


def _message(role: str, second: int, **more: Json) -> Json:
    row: dict[str, Json] = {"role": role, "timestamp": f"2025-08-01T00:00:{second:02}"}
    return row | more


def _file(**changes: Json) -> dict[str, Json]:
    calls: Json = [
        {"id": "c1", "name": "look", "arguments": {"a": 1}, "requestor": "assistant"},
        {"id": "c2", "name": "book", "arguments": {}, "requestor": "assistant"},
    ]
    usage: Json = {"prompt_tokens": 10, "completion_tokens": 2}
    simulation: dict[str, Json] = {
        "task_id": "t",
        "trial": 0,
        "start_time": "2025-08-01T00:00:00",
        "duration": 6.5,
        "termination_reason": "user_stop",
        "reward_info": {"reward": 0.25, "reward_breakdown": {"DB": 0.5, "COMMUNICATE": 0.5}},
        "messages": [
            _message("assistant", 1, content="Hi!", cost=0.0, usage=None),
            _message("user", 2, content="Book it", cost=0.1, usage=usage),
            _message("assistant", 3, content="Yes", tool_calls=calls, cost=0.25, usage=usage),
            _message("tool", 4, id="c1", content="found", error=False),
            _message("tool", 5, id="c2", content="Error: full", error=True),
            _message("assistant", 6, content="It is full.", cost=0.5, usage=usage),
        ],
    }
    task: Json = {
        "id": "t",
        "user_scenario": {"instructions": {"domain": "air", "reason": "book", "other": None}},
        "evaluation_criteria": {
            "actions": [
                {"name": "book", "arguments": {"b": 1}, "compare_args": [], "requestor": "user"}
            ]
        },
    }
    info: Json = {"agent_info": {"llm": "gpt-4.1", "llm_args": {"temperature": 0.0}}}
    return {"info": info, "tasks": [task], "simulations": [simulation | changes]}


def test_a_simulation_becomes_a_trace() -> None:
    """Text and parallel calls in one message, times in seconds, costs of the agent alone."""
    imported = import_tau2(_file(), {})
    (case,), (trace,) = imported.cases, imported.traces
    assert "domain: air\n\nreason: book" == case.input
    (gold,) = case.expected.tool_calls or ()
    assert ((), "user") == (gold.compare_args, gold.requestor)
    greeting, user, call, look, book, last = trace.steps
    assert isinstance(greeting, Span)
    assert isinstance(user, UserMessage)
    assert isinstance(call, LlmCall)
    assert (2.0, 3.0, 10, 2, 0.25, "Yes") == (
        call.start,
        call.end,
        call.input_tokens,
        call.output_tokens,
        call.cost_usd,
        call.output,
    )
    assert isinstance(look, ToolCall)
    assert (3.0, 4.0, "found", None) == (look.start, look.end, look.result, look.error)
    assert isinstance(book, ToolCall)
    assert (5.0, "Error: full") == (book.end, book.error)
    assert isinstance(last, LlmCall)
    assert (0.75, 6.5, "It is full.") == (trace.cost_usd, trace.duration, trace.output)
    assert "2025-08-01T00:00:00Z" == trace.started_at
    assert 0.25 == trace.scores[0].value


@pytest.mark.parametrize("info", [None, {"reward": 0.0}, {"reward": 1.0, "reward_breakdown": {}}])
def test_no_breakdown_is_unfinished(info: Json) -> None:
    """It counts as 0, whatever `reward` says."""
    imported = import_tau2(_file(reward_info=info, termination_reason="max_steps"), {})
    (trace,) = imported.traces
    assert ("unfinished", 0.0) == (trace.status, trace.scores[0].value)
    assert "no reward was given: max_steps" == trace.error


def test_a_cost_of_zero_on_calls_with_tokens_is_unknown() -> None:
    """The call keeps what was recorded; the trial has no cost."""
    usage: Json = {"prompt_tokens": 10, "completion_tokens": 2}
    rows: Json = [
        _message("user", 1, content="hello"),
        _message("assistant", 2, content="a", cost=0.5, usage=usage),
        _message("assistant", 3, content="b", cost=0.0, usage=usage),
    ]
    (trace,) = import_tau2(_file(messages=rows), {}).traces
    calls = [step for step in trace.steps if isinstance(step, LlmCall)]
    assert [0.5, 0.0] == [call.cost_usd for call in calls]
    assert trace.cost_usd is None


def test_a_simulation_of_no_task_is_refused() -> None:
    """Its results would count for nothing."""
    with pytest.raises(DataError, match="/simulations/0/task_id: found 'x', which is no task"):
        import_tau2(_file(task_id="x"), {})
    with pytest.raises(DataError, match="/simulations/0/messages/0/role: found 'robot'"):
        import_tau2(_file(messages=[{"role": "robot"}]), {})


def _task(number: int, name: str) -> Json:
    return {
        "id": f"{number}",
        "user_scenario": {"instructions": name},
        "evaluation_criteria": {"actions": [{"name": name, "arguments": {}}]},
    }


def _checked(task_id: Json, name: str | None, trial: int = 0) -> dict[str, Json]:
    checks: Json = None if name is None else [{"action": {"name": name, "arguments": {}}}]
    return {
        "task_id": task_id,
        "trial": trial,
        "reward_info": {"reward_breakdown": {"DB": 1.0}, "action_checks": checks},
        "messages": [],
    }


def _joined(*simulations: dict[str, Json]) -> list[str]:
    tasks: Json = [_task(3, "a"), _task(1, "b"), _task(7, "c")]
    data: Json = {"tasks": tasks, "simulations": list(simulations)}
    return [trace.case_id for trace in import_tau2(data, {}).traces]


def test_a_task_id_that_is_a_place_is_joined_by_the_checks() -> None:
    """The file's own action checks tell ids from places; what has none follows the others."""
    assert ["3", "1"] == _joined(_checked("3", "a"), _checked("1", None))
    assert ["3", "1", "7"] == _joined(_checked(0, "a"), _checked("1", "b"), _checked(2, None))
    assert ["7", "3"] == _joined(_checked("uuid-1", "c"), _checked("uuid-2", "a"))


@pytest.mark.parametrize(
    ("simulation", "message"),
    [
        (_checked(0, None), "found 0, which is no task of the file"),
        (_checked("x", "d"), "found 'x', which its checks do not tell"),
        (_checked("3", "d"), "found '3', but the action checks are those of another task"),
    ],
)
def test_a_simulation_that_cannot_be_joined_is_refused(
    simulation: dict[str, Json], message: str
) -> None:
    """It would count for another task."""
    with pytest.raises(DataError) as caught:
        _joined(simulation)
    assert message in caught.value.message


def test_an_id_that_is_too_long_is_named(shared_cases: Path) -> None:
    """No case of half an id."""
    path = shared_cases / "importers" / "tau2_long_id.json"
    with pytest.raises(DataError, match="/tasks/0/id: found 214 characters"):
        import_tau2(loads(path.read_bytes(), source=path.name), {})


def test_an_id_of_a_call_may_come_again() -> None:
    """Each call takes the next answer of its id."""
    call: Json = [{"id": "c", "name": "f", "arguments": {}}]
    rows: Json = [
        _message("assistant", 1, tool_calls=call, usage={}),
        _message("tool", 2, id="c", content="one"),
        _message("assistant", 3, tool_calls=call, usage={}),
        _message("tool", 4, id="c", content="two"),
    ]
    (trace,) = import_tau2(_file(messages=rows), {}).traces
    calls = [step for step in trace.steps if isinstance(step, ToolCall)]
    assert ["one", "two"] == [each.result for each in calls]
