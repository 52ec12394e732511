"""What a judge is shown of a trial."""

from evalgate.schema.golden import Case, Expected, ExpectedCall, Message, OutputExpectation, Script
from evalgate.schema.trace import Retrieval, Span, ToolCall, Trace, TraceUser, UserMessage
from evalgate.scorers.contexts import contexts_of, evidence_of, question_of

STEPS = (
    Retrieval(documents=("one", "two", "one", " ")),
    ToolCall(name="order", arguments={"id": 1}, result={"status": "sent"}),
    ToolCall(name="refund", arguments={"id": 2}, error="no order 2"),
    ToolCall(name="phone", result="the user's own", requestor="user"),
)
TRACE = Trace(case_id="c", output={"answer": 1}, steps=STEPS)


def test_the_cases_contexts_come_first() -> None:
    """What the case names is what the answer may rely on."""
    assert ("given",) == contexts_of(Case(id="c", input="q", contexts=("given",)), TRACE)


def test_else_what_the_trace_holds() -> None:
    """Documents and tool results in order, once; a reported error too; the user's tools not."""
    expected = ("one", "two", '{"status": "sent"}', "error: no order 2")
    assert expected == contexts_of(Case(id="c", input="q"), TRACE)


def test_evidence_of_a_case_with_everything() -> None:
    """Question, answer as text, reference, conversation and the agent's expected calls."""
    case = Case(
        id="c",
        input="q",
        expected=Expected(
            output=OutputExpectation(equals="the answer"),
            tool_calls=(
                ExpectedCall(name="order", arguments={"id": 1}),
                ExpectedCall(name="phone", requestor="user"),
            ),
        ),
    )
    found = evidence_of(case, TRACE)
    assert ("q", '{"answer": 1}', "the answer") == (found.question, found.answer, found.reference)
    assert ({"name": "order", "args": {"id": 1}},) == found.expected_calls
    roles = ["user", "assistant", "tool", "assistant", "tool", "assistant"]
    assert roles == [message["role"] for message in found.conversation]


def test_questions_of_every_form() -> None:
    """A text, a script, messages: one is shown bare, several with their roles, no system prompt."""
    messages = (
        Message(role="system", content="secret"),
        Message(role="user", content="a"),
        Message(role="assistant", content="b"),
        Message(role="user", content=({"type": "text", "text": "c"}, {"type": "image"})),
    )
    assert "user: a\nassistant: b\nuser: c" == question_of(Case(id="c", input=messages))
    assert "user: a\nuser: b" == question_of(Case(id="c", input=Script(turns=("a", "b"))))
    assert "a" == question_of(Case(id="c", input=messages[:2]))


def test_user_turns_are_not_doubled() -> None:
    """A script whose turns stand in the trace is told once."""
    case = Case(id="c", input=Script(turns=("a", "b")))
    told = Trace(
        case_id="c", steps=(UserMessage(content="a"), UserMessage(content="b")), output="done"
    )
    assert ["a", "b", "done"] == [m["content"] for m in evidence_of(case, told).conversation]
    silent = Trace(case_id="c", output="done")
    assert ["a", "b", "done"] == [m["content"] for m in evidence_of(case, silent).conversation]


def test_a_played_conversation_shows_both_sides() -> None:
    """What the case opens with, then every turn of both, once; and the user's script."""
    user = {"model": "m", "goal": "money back", "facts": {"order": "A1"}, "persona": "curt"}
    case = Case.model_validate({"id": "c", "input": "hi", "user": user})
    steps = (
        UserMessage(name="opening", content="hi"),
        Span(name="turn", output="Which?"),
        UserMessage(content="A1"),
        ToolCall(name="refund", arguments={"id": "A1"}, result="ok"),
        Span(name="turn", output="Done."),
        UserMessage(content="###STOP###"),
    )
    trace = Trace(case_id="c", output="Done.", steps=steps, user=TraceUser(model="m"))
    found = evidence_of(case, trace)
    said = [message.get("content") for message in found.conversation]
    assert ["hi", "Which?", "A1", None, "ok", "Done.", "###STOP###"] == said
    assert (
        "Your goal: money back\n\nWhat you know:\n- order: A1\n\nWho you are: curt" == found.script
    )
    silent = case.model_copy(update={"input": ""})
    assert "Which?" == evidence_of(silent, trace).conversation[0]["content"]
    assert "script" not in evidence_of(Case(id="c", input="q"), TRACE).model_dump()


def test_a_conversation_says_what_was_called_with_what() -> None:
    """Arguments that are no object are shown as none; the user's own calls are not the agent's."""
    case = Case(id="c", input="q")
    steps = (*STEPS[1:], ToolCall(name="odd", arguments="{broken", result=None))
    told = evidence_of(case, Trace(case_id="c", output=None, steps=steps)).conversation
    assert [
        {"role": "user", "content": "q"},
        {"role": "assistant", "tool_calls": [{"name": "order", "args": {"id": 1}}]},
        {"role": "tool", "content": '{"status": "sent"}'},
        {"role": "assistant", "tool_calls": [{"name": "refund", "args": {"id": 2}}]},
        {"role": "tool", "content": "error: no order 2"},
        {"role": "assistant", "tool_calls": [{"name": "odd", "args": {}}]},
    ] == [*told][:6]
