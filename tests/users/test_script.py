"""A user that leaves its script is found, and one that keeps to it is left alone."""

import json
from pathlib import Path

import pytest

from evalgate.schema.golden import SimulatedUser
from evalgate.users.prompt import Said
from evalgate.users.script import broken_by, never_stopped

USER = SimulatedUser(
    model="m",
    goal="get your money back for the lamp of May 2026",
    facts={
        "order": "A-1042",
        "email": "mia@example.com",
        "zip code": 10115,
        "name": "Mia Lopez",
        "pin": "4711",
    },
    never=("a discount",),
    min_turns=1,
)
TALK: list[Said] = [("user", "I want my money back."), ("assistant", "Ticket 99-ZX7; which order?")]


@pytest.mark.parametrize(
    "text",
    [
        "It is order A-1042.",
        "a1042, for mia@example.com",
        "My name is Mia, zip code 10115, pin 4711.",
        "The name is: Mia Lopez",
        "I ordered 2 lamps in May 2026, for $129.99, on 2026-05-03 at 10:30am.",
        "You said ticket 99-ZX7?",
        "It came 3 days ago, in 2026, and weighs 12kg; 50% of it is broken.",
        "Thanks! ###STOP###",
        "My name is on the parcel.",
    ],
)
def test_what_the_script_holds_may_be_said(text: str) -> None:
    """Facts in any spelling, what the agent said, dates, amounts and quantities are no break."""
    assert None is broken_by(USER, TALK, text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("It is order A-1043.", "gave away 'A-1043'; 'order' of its facts is 'A-1042'"),
        ("Order B77123, please.", "gave away 'B77123', which its script does not hold"),
        ("I am mia.l@example.com", "gave away 'mia.l@example.com', which its script"),
        ("My zip code: 10116", "gave away '10116'; 'zip code' of its facts is 10115"),
        ("The pin is 4712", "gave away '4712'; 'pin' of its facts is '4711'"),
        ("My name is Tom", "gave away 'Tom'; 'name' of its facts is 'Mia Lopez'"),
        ("My card is 98765432", "gave away '98765432', which its script does not hold"),
        ("And give me A  Discount!", "invented a goal: its script never says 'a discount'"),
        ("", "said nothing"),
        (" \n", "said nothing"),
        ("x" * 10_001, "10,001 characters"),
        ("Hello! How can I help you today?", "spoke as the assistant"),
        ("###DONE###", "stopped with '###DONE###'; expected one of ###STOP###, ###GIVE-UP###"),
    ],
)
def test_what_it_does_not_hold_is_found(text: str, why: str) -> None:
    """A fact given away wrongly, an invented goal, no message, another's words."""
    assert why in str(broken_by(USER, TALK, text))


def test_a_stop_before_the_agent_spoke_is_too_early() -> None:
    """Whatever the reason; and a goal is not reached before `min_turns` answers."""
    assert "before the agent had said anything" in str(broken_by(USER, [], "###GIVE-UP###"))
    patient = USER.model_copy(update={"min_turns": 2})
    assert "after 1 answered message" in str(broken_by(patient, TALK, "###STOP###"))
    assert None is broken_by(patient, TALK, "###GIVE-UP###")
    assert None is broken_by(patient, TALK * 2, "###STOP###")
    greeted: list[Said] = [("assistant", "Hi!")]
    assert "after 0 answered messages" in str(broken_by(USER, greeted, "###STOP###"))


def test_a_loop_is_found() -> None:
    """Three equal messages in a row, whatever is answered."""
    asked: list[Said] = [("user", "Well?"), ("assistant", "One moment."), ("user", "well? ")]
    said = [*asked, ("assistant", "Soon.")]
    assert "said the same thing 3 times" in str(broken_by(USER, said, "WELL?"))
    assert None is broken_by(USER, said, "And now?")
    assert "max_turns: 10" in never_stopped(USER, said)


def _flat(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(map(_flat, value.values()))
    return " ".join(map(_flat, value)) if isinstance(value, list) else str(value)


@pytest.mark.parametrize(
    ("name", "messages", "invented"),
    [
        ("airline_gpt-4.1", 136, []),
        ("airline_gpt-4.1-finetuned", 134, []),
        ("airline_gpt-4o-azure", 295, []),
        ("retail_gpt-4.1", 290, []),
        (
            "retail_gpt-4.1-finetuned",
            316,
            ["'W9876543'", "'EBD12345'", "'EBD67890'", "'19103'", "'19102'"],
        ),
        ("telecom_gpt-4o", 164, []),
    ],
)
def test_real_users_of_tau2_break_it_where_they_invent(
    shared_data: Path, name: str, messages: int, invented: list[str]
) -> None:
    """Of 1,335 recorded messages five are found: each gives a number that its task does not hold.

    Order W9876543 and packing slips EBD12345 and EBD67890 exist in no task; the last two are ZIP
    codes of streets that the user made up.
    """
    data = json.loads((shared_data / f"tau2/{name}.json").read_text())
    tasks = {str(task["id"]): task for task in data["tasks"]}
    count, found = 0, []
    for row in data["simulations"]:
        task = tasks[str(row["task_id"])]
        goal = _flat([task["user_scenario"], task.get("initial_state")])
        user = SimulatedUser(model="m", goal=goal, preset="tau2", max_turns=100)
        said: list[Said] = []
        for message in row["messages"]:
            text, role = message.get("content") or "", message["role"]
            if role == "user" and text:
                count += 1
                why = broken_by(user, said, text)
                found += [why.split(",")[0].removeprefix("it gave away ")] if why else []
            if text and (role != "tool" or message.get("requestor") == "user"):
                said.append(("user" if role == "user" else "assistant", text))
    assert (messages, invented) == (count, found)
