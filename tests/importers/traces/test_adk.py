"""Google ADK evaluation sets."""

from pathlib import Path
from statistics import mean

import pytest

from evalgate.errors import DataError
from evalgate.importers.imported import Imported
from evalgate.importers.traces.adk import import_adk
from evalgate.schema.base import Json
from evalgate.schema.golden import Case, ExpectedCall, Script
from evalgate.schema.trace import ToolCall
from evalgate.text.strict_json import loads


def _read(folder: Path, name: str) -> Imported:
    path = folder / "adk" / name
    return import_adk(loads(path.read_bytes(), source=name), {})


def test_an_evaluation_set_is_read(shared_data: Path) -> None:
    """One conversation of one turn, and the call it needs."""
    imported = _read(shared_data, "home_automation_agent__simple_test.test.json")
    (case,) = imported.cases
    arguments: dict[str, Json] = {"location": "Bedroom", "device_id": "device_2", "status": "OFF"}
    assert "Turn off device_2 in the Bedroom." == case.input
    assert (ExpectedCall(name="set_device_info", arguments=arguments),) == case.expected.tool_calls
    assert "exact" == case.expected.tool_match
    assert {"references": ["I have set the device_2 status to off."]} == case.metadata
    assert () == imported.traces


def test_the_older_form_is_one_session(shared_data: Path) -> None:
    """Its queries are turns of one conversation."""
    (case,) = _read(shared_data, "trip_planner_agent__trip_inquiry.test.json").cases
    assert isinstance(case.input, Script)
    assert 2 == len(case.input.turns)
    (call,) = case.expected.tool_calls or ()
    assert ("transfer_to_agent", {"agent_name": "indentify_agent"}) == (call.name, call.arguments)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "/eval_cases: is missing or null; expected a list"),
        ([], "found no turn; expected at least one"),
        ([{"query": 1}], "/0/query: found 1; expected a text"),
        ([{"query": "a", "expected_tool_use": [{"x": 1}]}], "expected a call with a name"),
    ],
)
def test_other_files_are_refused(data: Json, message: str) -> None:
    """The message points at the place."""
    with pytest.raises(DataError) as caught:
        import_adk(data, {})
    assert message in caught.value.message


_ASK: Json = {"parts": [{"text": "roll"}], "role": "user"}
_ROLL: Json = {"function_call": {"name": "roll", "args": {"sides": 6}}}


def _case(*turns: Json, **more: Json) -> Case:
    row: dict[str, Json] = {"eval_id": "e", "conversation": list(turns)}
    (case,) = import_adk({"eval_cases": [row | more]}, {}).cases
    return case


def _turn(data: Json = None) -> Json:
    return {"user_content": _ASK, "intermediate_data": data}


@pytest.mark.parametrize(
    "data",
    [
        {"tool_uses": [{"name": "roll", "args": {"sides": 6}}], "tool_responses": []},
        {"toolUses": [{"name": "roll", "args": {"sides": 6}}]},
        {"invocation_events": [{"author": "a", "content": {"parts": [_ROLL], "role": "model"}}]},
        {"invocationEvents": [{"author": "a", "content": {"parts": [_ROLL]}}]},
        {"role": "model", "parts": [_ROLL]},
    ],
    ids=["uses", "camel case", "events", "camel case events", "content"],
)
def test_every_form_of_intermediate_data_is_read(data: Json) -> None:
    """ADK changed it three times."""
    expected = _case(_turn(data)).expected
    assert (ExpectedCall(name="roll", arguments={"sides": 6}),) == expected.tool_calls
    assert "exact" == expected.tool_match


@pytest.mark.parametrize("data", [{"tool_uses": []}, {"invocation_events": []}])
def test_an_empty_list_says_that_no_call_may_be_made(data: Json) -> None:
    """That is a statement, and a missing list is none."""
    assert () == _case(_turn(data)).expected.tool_calls
    for silent in (None, {}, {"intermediate_responses": []}):
        case = _case(_turn(silent))
        assert (None, "draft") == (case.expected.tool_calls, case.status)


def test_calls_may_lie_in_turns_that_say_nothing_of_them() -> None:
    """Of a conversation that names some calls, these are judged, in order."""
    case = _case(_turn({"tool_uses": [{"name": "roll", "args": {}}]}), _turn())
    assert ("in_order", "reviewed") == (case.expected.tool_match, case.status)
    # "None may be made" cannot be said of a part of a conversation.
    assert _case(_turn({"tool_uses": []}), _turn()).expected.tool_calls is None


def test_what_is_not_understood_leaves_the_calls_open() -> None:
    """The note names the type."""
    odd: Json = {"invocation_events": [{"content": {"parts": [_ROLL, {"hologram": {"a": 1}}]}}]}
    row: Json = {"eval_id": "e", "conversation": [_turn(odd)]}
    imported = import_adk({"eval_cases": [row]}, {})
    assert imported.cases[0].expected.tool_calls is None
    assert "items of types that are not understood: 'part with hologram'" in imported.notes


def test_the_first_sets_are_named_lists_of_queries() -> None:
    """Each is one session, named as the file names it."""
    rows: list[Json] = [
        {"query": "hello", "expected_tool_use": [], "reference": "Hi."},
        {"query": "roll", "expected_tool_use": [{"tool_name": "roll", "tool_input": {}}]},
    ]
    data: Json = [{"name": "shop", "data": rows, "initial_session": {}}]
    (case,) = import_adk(data, {}).cases
    assert ("shop", Script(turns=("hello", "roll"))) == (case.id, case.input)
    assert ("roll",) == tuple(call.name for call in case.expected.tool_calls or ())
    with pytest.raises(DataError, match="/1: found the id 'shop' again"):
        import_adk([{"name": "shop", "data": rows}] * 2, {})


def test_cases_of_a_prompt_and_rubrics() -> None:
    """Vertex's evaluation datasets: the prompt is asked, and the rubrics are kept and told."""
    rubric: Json = {"rubric_id": "r", "content": {"property": {"description": "It rolls."}}}
    groups: Json = {"g": {"group_id": "g", "rubrics": [rubric]}}
    row: dict[str, Json] = {"eval_case_id": "e", "prompt": _ASK, "rubric_groups": groups}
    imported = import_adk({"eval_cases": [row]}, {})
    (case,) = imported.cases
    assert ("e", "roll", "draft") == (case.id, case.input, case.status)
    assert groups == case.metadata["rubric_groups"]
    assert any("rubrics of 1 case are kept as metadata" in note for note in imported.notes)
    with pytest.raises(DataError, match="conversation_history before the prompt"):
        import_adk({"eval_cases": [row | {"conversation_history": [{}]}]}, {})


def test_two_cases_of_one_id_are_refused() -> None:
    """With both places."""
    row: Json = {"eval_id": "e", "conversation": [_turn()]}
    with pytest.raises(DataError, match="/eval_cases/1: found the id 'e' again"):
        import_adk({"eval_cases": [row, row]}, {})


def test_current_sets_are_read(shared_data: Path) -> None:
    """3 cases, 4 invocations, 3 expected calls (google-adk 2.13.0)."""
    imported = _read(shared_data, "../foreign/adk/support_v1.evalset.json")
    calls = [case.expected.tool_calls for case in imported.cases]
    turns = [len(c.input.turns) if isinstance(c.input, Script) else 1 for c in imported.cases]
    assert (3, 4) == (len(imported.cases), sum(turns))
    assert [0, 1, 2] == [len(each) for each in calls if each is not None]
    dice = _read(shared_data, "../foreign/adk/dice_agent.eval_set.json")
    assert [None, 2] == [c and len(c) for c in (x.expected.tool_calls for x in dice.cases)]
    for name, turns_there in (("evalset_helm_3", 1), ("adk_samples_inspire.old_format.test", 3)):
        (case,) = _read(shared_data, f"../foreign/adk/{name}.json").cases
        assert turns_there == (len(case.input.turns) if isinstance(case.input, Script) else 1)
        assert case.expected.tool_calls


def test_results_are_read_with_their_verdicts(shared_data: Path) -> None:
    """2 passed, 1 failed; mean trajectory and mean response .6667 (google-adk 2.13.0)."""
    imported = _read(shared_data, "../foreign/adk/support_v1.evalset_result.json")
    scores = [{s.name: s.value for s in trace.scores} for trace in imported.traces]
    assert [False, True, True] == [each["adk_passed"] for each in scores]
    for name in ("tool_trajectory_avg_score", "response_match_score"):
        assert pytest.approx(0.6667, abs=5e-5) == mean(float(each[name]) for each in scores)
    calls = [s.name for t in imported.traces for s in t.steps if isinstance(s, ToolCall)]
    assert ["get_order", "refund", "get_order"] == calls
    assert {"adk_passed"} == {name for c in imported.cases for name in c.expected.scores}
