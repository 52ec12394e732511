"""A conversation ends by the words of the rules, as tau2 has recorded it 170 times."""

import json
from pathlib import Path

import pytest

from evalgate.importers.traces.tau2 import import_tau2
from evalgate.schema.golden import Case, Ending, SimulatedUser
from evalgate.schema.trace import Trace, UserMessage
from evalgate.users.ending import ending_of, ending_of_trace

TAU2 = SimulatedUser(model="m", goal="g", preset="tau2")


@pytest.mark.parametrize(
    ("user", "text", "ending"),
    [
        (SimulatedUser(model="m", goal="g"), "Thanks! ###STOP###", "reached"),
        (SimulatedUser(model="m", goal="g"), "###GIVE-UP###", "gave_up"),
        (SimulatedUser(model="m", goal="g"), "Please stop.", None),
        (SimulatedUser(model="m", goal="g"), "###TRANSFER###", None),
        (TAU2, "###STOP###", "reached"),
        (TAU2, "Fine. ###TRANSFER###", "transferred"),
        (TAU2, "###OUT-OF-SCOPE###", "out_of_scope"),
        (SimulatedUser(model="m", goal="g", stop={"bye": "reached"}), "ok bye", "reached"),
        (SimulatedUser(model="m", goal="g", stop={"bye": "reached"}), "###STOP###", None),
    ],
)
def test_a_stop_word_ends_the_conversation(
    user: SimulatedUser, text: str, ending: Ending | None
) -> None:
    """The words are those of the preset, unless the case has its own."""
    assert ending == ending_of(text, user)


@pytest.mark.parametrize(
    ("name", "endings"),
    [
        ("airline_gpt-4.1", {"reached": 16, "transferred": 4}),
        ("airline_gpt-4.1-finetuned", {"reached": 16, "transferred": 4}),
        ("airline_gpt-4o-azure", {"reached": 33, "transferred": 14, "out_of_scope": 3}),
        ("retail_gpt-4.1", {"reached": 38, "transferred": 2}),
        ("retail_gpt-4.1-finetuned", {"reached": 39, "transferred": 1}),
        ("telecom_gpt-4o", {"reached": 14, "transferred": 6}),
    ],
)
def test_every_conversation_of_tau2_ends_as_recorded(
    shared_data: Path, name: str, endings: dict[Ending, int]
) -> None:
    """Its termination is `user_stop` wherever the rules say so, and never before the last word."""
    data = json.loads((shared_data / f"tau2/{name}.json").read_text())
    imported = import_tau2(data, {})
    found: dict[Ending | None, int] = {}
    for row, trace in zip(data["simulations"], imported.traces, strict=True):
        said = [step.content for step in trace.steps if isinstance(step, UserMessage)]
        assert "user_stop" == row["termination_reason"]
        assert [] == [text for text in said[:-1] if ending_of(text, TAU2)]
        case = Case(id=trace.case_id, input="", user=TAU2)
        ending = ending_of_trace(case, trace)
        found[ending] = found.get(ending, 0) + 1
    assert endings == found


def test_what_the_run_saw_comes_before_what_was_said() -> None:
    """A trace without the record of a user is read by the rules; one of no user has no ending."""
    trace = Trace(case_id="a", steps=(UserMessage(content="###STOP###"),))
    with_user = Case(id="a", input="", user=TAU2)
    assert "reached" == ending_of_trace(with_user, trace)
    assert None is ending_of_trace(Case(id="a", input="hi"), trace)
    assert None is ending_of_trace(with_user, Trace(case_id="a"))
