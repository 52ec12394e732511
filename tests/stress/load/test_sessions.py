"""Sessions from recorded traces."""

from typing import Any

import pytest

from evalgate.errors import DataError
from evalgate.quota.quota import Request
from evalgate.quota.units import SECOND
from evalgate.schema.trace import Trace
from evalgate.stress.load.sessions import Loops, Mix, loops_of, plan_of, workload_of
from evalgate.stress.load.workload import Call, SessionPlan, Stage


def _trace(*steps: dict[str, Any], **fields: Any) -> Trace:  # noqa: ANN401  JSON
    return Trace.model_validate({"case_id": "c", "steps": list(steps), **fields})


def _llm(start: float | None, end: float | None, **fields: Any) -> dict[str, Any]:  # noqa: ANN401  JSON
    tokens = {"input_tokens": 10, "output_tokens": 5}
    return {"kind": "llm_call", "start": start, "end": end, **tokens, **fields}


def _tool() -> dict[str, Any]:
    return {"kind": "tool_call", "name": "t"}


USER = {"kind": "user_message", "content": "hi"}


def _stage(gap: int, *calls: tuple[int, int]) -> Stage:
    made = tuple(Call(Request(10, 5), d * SECOND, o * SECOND) for d, o in calls)
    return Stage(made, gap * SECOND)


def test_gaps_are_thinking_and_tools() -> None:
    """Between answer and next call, before the first, after the last."""
    trace = _trace(_llm(1, 3), _tool(), _llm(7, 8), duration=10.0)
    assert SessionPlan((_stage(1, (2, 0)), _stage(4, (1, 0))), 2 * SECOND) == plan_of(trace)


def test_overlapping_calls_are_one_stage() -> None:
    """Fan-out keeps its offsets, and the next stage waits for the last of them."""
    trace = _trace(_llm(0, 4), _llm(1, 6), _llm(6, 7))
    assert SessionPlan((_stage(0, (4, 0), (5, 1)), _stage(0, (1, 0)))) == plan_of(trace)


def test_tied_calls_of_no_length_follow_each_other() -> None:
    """Equal moments are no overlap; their order is that of the file."""
    trace = _trace(_llm(2, 2, output_tokens=1), _llm(2, 2, output_tokens=2))
    plan = plan_of(trace)
    assert plan is not None
    assert [[1], [2]] == [[c.request.output_tokens for c in s.calls] for s in plan.stages]


def test_unsorted_steps_are_sorted() -> None:
    """The times decide, not the place in the file."""
    plan = plan_of(_trace(_llm(5, 6), _llm(0, 1)))
    assert SessionPlan((_stage(0, (1, 0)), _stage(4, (1, 0)))) == plan


def test_recorded_waits_between_attempts_are_not_served_again() -> None:
    """Only the attempt that answered lasts; the gap after it stays as it was."""
    attempts = [
        {"status": 429, "start": 0.0, "end": 0.1},
        {"status": 200, "start": 8.0, "end": 9.0},
    ]
    plan = plan_of(_trace(_llm(0, 9, attempts=attempts), _llm(10, 11)))
    assert SessionPlan((_stage(0, (1, 0)), _stage(1, (1, 0)))) == plan


def test_without_times_the_order_is_all_there_is() -> None:
    """One call after the other without a gap, and the workload says that times are not known."""
    trace = _trace(_llm(None, None), _llm(1, 2))
    assert SessionPlan((Stage((Call(Request(10, 5)),)), Stage((Call(Request(10, 5)),)))) == plan_of(
        trace
    )
    assert not workload_of([Mix("a", [trace], 1)]).times_known


def test_without_tokens_the_workload_says_so() -> None:
    """An unknown count is charged as 0 and told."""
    workload = workload_of([Mix("a", [_trace(_llm(0, 1, input_tokens=None))], 1)])
    assert (True, False) == (workload.times_known, workload.tokens_known)


def test_traces_without_calls_are_no_evidence() -> None:
    """Nothing to replay is an error that names the kind."""
    with pytest.raises(DataError, match="orders"):
        workload_of([Mix("orders", [_trace(_tool())], 5)])


def test_what_was_not_measured_is_left_out() -> None:
    """A replay miss is no session."""
    missed = _trace(_llm(0, 1), status="not_measured")
    with pytest.raises(DataError):
        workload_of([Mix("a", [missed], 1)])
    assert loops_of([missed]) is None


def test_loops_count_within_a_turn() -> None:
    """A user message starts anew; tools count from one LLM call to the next."""
    trace = _trace(
        USER, _llm(0, 1), _tool(), _tool(), _llm(1, 2), USER, _llm(3, 4), _llm(4, 5), _llm(5, 6)
    )
    assert Loops(turn_calls=3, fan_out=2, turns=2, sessions=1) == loops_of([trace])


def test_a_users_own_tools_do_not_count() -> None:
    """Only the agent fans out."""
    trace = _trace(_llm(0, 1), {**_tool(), "requestor": "user"})
    assert Loops(1, 0, 1, 1) == loops_of([trace])
