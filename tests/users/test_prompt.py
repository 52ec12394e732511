"""What the model of a user is asked."""

from evalgate.schema.golden import SimulatedUser
from evalgate.users.prompt import request_of

USER = SimulatedUser(
    model="m",
    goal="get your money back",
    facts={"order": "A1001", "items": 2, "insured": True},
    persona="curt",
)


def test_the_script_holds_goal_facts_persona_and_stop_words() -> None:
    """Facts are spelt as JSON, texts as they are."""
    (system, _) = request_of(USER, [])["messages"]
    for part in (
        "Your goal: get your money back\n",
        "- order: A1001\n- items: 2\n- insured: true\n",
        "Who you are: curt\n",
        "- ###STOP### when your goal is reached\n",
    ):
        assert part in system["content"], part


def test_the_conversation_is_told_from_the_other_side() -> None:
    """What the agent said comes as the user of the user's model."""
    request = request_of(USER, [("user", "hi"), ("assistant", "which order?")])
    assert "m" == request["model"]
    assert [
        {"role": "assistant", "content": "hi"},
        {"role": "user", "content": "which order?"},
    ] == request["messages"][1:]


def test_tau2_has_rules_and_words_of_its_own() -> None:
    """The preset changes both."""
    user = USER.model_copy(update={"preset": "tau2"})
    text = request_of(user, [])["messages"][0]["content"]
    assert "###TRANSFER### when the assistant hands you over" in text
    assert "###OUT-OF-SCOPE### when" in text
    assert "###GIVE-UP###" not in text
