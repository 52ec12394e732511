"""Google ADK evaluation sets."""

from pathlib import Path

import pytest

from evalgate.errors import DataError
from evalgate.importers.adk import import_adk
from evalgate.importers.imported import Imported
from evalgate.schema.base import Json
from evalgate.schema.golden import ExpectedCall, Script
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
        ({}, "/eval_cases: found None; expected a list"),
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
