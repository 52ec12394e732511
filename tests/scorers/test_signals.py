"""What a trace shows without asking a model."""

from collections.abc import Callable

import pytest

from evalgate.schema.trace import GuardrailStep, Handoff, LlmCall, Step, ToolCall, Trace
from evalgate.scorers.signals import blocked, handed_over, output_text, refused, says_no

MakeTrace = Callable[..., Trace]


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I\u2019m sorry, but I can\u2019t assist with this request.",
        "I cannot assist with that.",
        "I CAN NOT HELP you there",
        "Unfortunately I am unable to provide medical advice.",
        "I'm not able to share another customer's details.",
        "I won't be able to help with this.",
        "I will not disclose that.",
        "I must respectfully decline.",
        "I have to decline this request.",
        "I don't know.",
        "I do not have enough information to answer.",
        "I don't have access to other accounts.",
        "I'm not authorized to grant exceptions.",
        "That is not something I can do.",
        "This would be against our policy.",
        "I am not comfortable helping with that",
        "We're sorry: we are unable to\nprocess this.",
    ],
)
def test_declines(text: str) -> None:
    """Refusals in several phrasings, with straight and curly apostrophes."""
    assert says_no(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Your refund of $12 is on its way.",
        "I can help with that!",
        "I can certainly assist you.",
        "You can't go wrong with this model.",
        "Don't worry, I cancelled the order.",
        "I have refused the parcel for you, as you asked.",
        "If you do not know your order number, look into the mail.",
        "The store cannot ship to Mars, so I chose Venus.",
    ],
)
def test_does_not_decline(text: str) -> None:
    """Answers that help, some with words of refusals in them."""
    assert not says_no(text)


def test_a_refusal_comes_early() -> None:
    """What is said after 2,000 characters is advice and no refusal."""
    assert not says_no("Here is your itinerary. " * 100 + "I can't help with visas.")


@pytest.mark.parametrize(
    "step",
    [
        GuardrailStep(type="jailbreak", decision="block"),
        LlmCall(finish_reason="content_filter"),
        LlmCall(finish_reason="SAFETY"),
    ],
)
def test_blocked(make_trace: MakeTrace, step: Step) -> None:
    """A guardrail's block and a provider's filter count, and a block is a refusal."""
    trace = make_trace(step)

    assert (True, True) == (blocked(trace), refused(trace))


@pytest.mark.parametrize(
    "step",
    [
        GuardrailStep(type="pii", decision="pass"),
        GuardrailStep(type="loop_limit", decision="block"),
        LlmCall(finish_reason="stop"),
    ],
)
def test_not_blocked(make_trace: MakeTrace, step: Step) -> None:
    """A pass, and a brake of ours, are no block."""
    assert not blocked(make_trace(step))


def test_refusal_of_the_model(make_trace: MakeTrace) -> None:
    """The model's own signal counts on the last call only."""
    last = make_trace(LlmCall(), LlmCall(output={"refusal": "I'd rather not"}))
    earlier = make_trace(LlmCall(finish_reason="refusal"), LlmCall(output={"refusal": None}))

    assert (True, False) == (refused(last), refused(earlier))


@pytest.mark.parametrize(
    "name",
    [
        "transfer_to_human_agents",
        "transferToHuman",
        "transfer-to-human",
        "escalate",
        "escalate_to_support",
        "handoff",
        "hand_over",
        "handoff_to_a_person",
        "human_handoff",
        "connect_to_live_agent",
        "route_to_supervisor",
    ],
)
def test_handover_tools(make_trace: MakeTrace, name: str) -> None:
    """Names of tools that hand over to a person."""
    assert handed_over(make_trace(ToolCall(name=name)))


@pytest.mark.parametrize(
    "step",
    [
        ToolCall(name="transfer_to_billing_agent"),
        ToolCall(name="transfer_money"),
        ToolCall(name="get_human_readable_date"),
        ToolCall(name="escalate", requestor="user"),
        ToolCall(name="escalate", error="timeout"),
        Handoff(target="billing_agent"),
        Handoff(target="RefundBot"),
    ],
)
def test_no_handover(make_trace: MakeTrace, step: Step) -> None:
    """Another agent, another tool, the user's call or a failed one is no hand-over to a person."""
    assert not handed_over(make_trace(step))


@pytest.mark.parametrize("target", [None, "human", "human agent", "Tier 2", "live_agent"])
def test_handover_steps(make_trace: MakeTrace, target: str | None) -> None:
    """A hand-over step counts unless its target is a machine."""
    assert handed_over(make_trace(Handoff(target=target)))


def test_output_text() -> None:
    """Text as it is, null as nothing, the rest as stable JSON."""
    assert ["a", "", '{"a": 1, "b": "\u00e9"}'] == [
        output_text("a"),
        output_text(None),
        output_text({"b": "\u00e9", "a": 1}),
    ]


def test_a_refusal_counts_whatever_follows_the_call(make_trace: MakeTrace) -> None:
    """The last call of the model is meant, not the last step."""
    call = LlmCall(finish_reason="Content_Filter")
    assert refused(make_trace(call, ToolCall(name="t")))
    assert not refused(make_trace(ToolCall(name="t")))
