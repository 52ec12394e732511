"""Drafting cases: proposals from what was observed, never more than was observed."""

from typing import Any

import pytest

from evalgate.commands.draft import draft_cases, observed_input
from evalgate.schema.golden import Case, Script
from evalgate.schema.trace import Trace
from evalgate.text.redact import Redactor

PLAIN = Redactor()


def trace(case_id: str = "a", **fields: Any) -> Trace:  # noqa: ANN401  # fields of a trace
    """Make a finished trace in which the user asked something."""
    given = {"case_id": case_id, "output": "done", "steps": [said("hello")], **fields}
    return Trace.model_validate(given)


def said(content: str) -> dict[str, Any]:
    """Make a user message."""
    return {"kind": "user_message", "content": content}


@pytest.mark.parametrize(
    ("steps", "found"),
    [
        ([said("one")], "one"),
        ([said("one"), said("two")], Script(turns=("one", "two"))),
        (
            [{"kind": "llm_call", "input": [{"role": "system"}, {"role": "user", "content": "x"}]}],
            "x",
        ),
        ([{"kind": "span", "input": "asked"}, {"kind": "span", "input": "inner"}], "asked"),
        ([{"kind": "llm_call", "input": {"prompt": "no messages"}}], None),
        ([], None),
    ],
)
def test_the_question_is_found(steps: list[dict[str, Any]], found: object) -> None:
    """User messages first, else the first prompt, else the first span, else nothing."""
    assert found == observed_input(trace(steps=steps))


def test_a_draft_proposes_what_was_seen() -> None:
    """Calls of the agent in order, the output, a hand-over; never gating, and said whence."""
    steps = [
        said("refund A1"),
        {"kind": "tool_call", "name": "get", "arguments": {"id": "A1"}},
        {"kind": "tool_call", "name": "mine", "arguments": {}, "requestor": "user"},
        {"kind": "tool_call", "name": "odd", "arguments": "not an object"},
        {"kind": "handoff", "target": "person"},
    ]
    ((draft,), skipped) = draft_cases([trace(steps=steps, intent="refund")], {}, PLAIN)
    assert [] == skipped
    assert ("draft", ("refund",)) == (draft.status, draft.tags)
    assert draft.expected.tool_calls is not None
    assert ["get", "odd"] == [call.name for call in draft.expected.tool_calls]
    assert True is draft.expected.handoff
    assert {"proposed_from": "a", "trial": 0} == draft.metadata


def test_what_cannot_be_drafted_is_said() -> None:
    """Unfinished trials, silent ones and repeated questions give a sentence each."""
    traces = [
        trace("a"),
        trace("b", steps=[said("HELLO ")]),
        trace("c", status="crashed", steps=[said("x")]),
        trace("d", steps=[]),
    ]
    drafts, skipped = draft_cases(traces, {}, PLAIN)
    assert 1 == len(drafts)
    reasons = ("'b': the same", "'c': the trial is crashed", "'d': no input was recorded")
    assert [True] * 3 == [
        line.startswith(reason) for line, reason in zip(skipped, reasons, strict=True)
    ]


def test_what_is_asked_already_is_left_out() -> None:
    """A case of the golden set with the same input is not drafted again."""
    taken = [Case(id="known", input="Hello")]
    assert [] == draft_cases([trace()], {}, PLAIN, taken)[0]


def test_a_known_case_gives_its_input() -> None:
    """What the golden set asked counts, not what the trace happens to hold."""
    known = {"a": Case(id="a", input="the real question")}
    ((draft,), _) = draft_cases([trace()], known, PLAIN)
    assert "the real question" == draft.input


def test_the_same_observation_gets_the_same_name() -> None:
    """Ids come from the content, so that two machines draft alike."""
    first, second = (draft_cases([trace()], {}, PLAIN)[0][0].id for _ in range(2))
    assert first == second


def test_secrets_are_taken_out() -> None:
    """Values of secret variables stand in no draft, wherever the agent put them."""
    redactor = Redactor.build({"SHOP_API_KEY": "very-secret-value"})
    steps = [
        said("use very-secret-value"),
        {"kind": "tool_call", "name": "pay", "arguments": {"key": "very-secret-value"}},
    ]
    drafts, _ = draft_cases([trace(steps=steps, output="very-secret-value")], {}, redactor)
    assert "very-secret-value" not in drafts[0].model_dump_json()
