"""Chat transcripts become drafts and traces."""

from pathlib import Path

import pytest

from evalgate.errors import DataError
from evalgate.importers.chat import import_chat
from evalgate.schema.base import Json
from evalgate.schema.golden import ExpectedCall, Message, Script
from evalgate.schema.trace import LlmCall, ToolCall
from evalgate.text.strict_json import loads

_USER: Json = {"role": "user", "content": "Where is order 7?"}
_CALL: Json = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"id": 7}'}}
    ],
}
_RESULT: Json = {"role": "tool", "tool_call_id": "c1", "content": "in Rome"}
_ANSWER: Json = {"role": "assistant", "content": [{"type": "text", "text": "In Rome."}]}
_MESSAGES: list[Json] = [_USER, _CALL, _RESULT, _ANSWER]


@pytest.mark.parametrize(
    "data",
    [{"messages": _MESSAGES}, _MESSAGES, [{"messages": _MESSAGES}], [_MESSAGES]],
    ids=["object", "messages", "list", "list of lists"],
)
def test_every_shape_is_read(data: Json) -> None:
    """One or many, objects or bare lists."""
    imported = import_chat(data, {})
    (case,), (trace,) = imported.cases, imported.traces
    assert ("Where is order 7?", "draft") == (case.input, case.status)
    assert (ExpectedCall(name="find", arguments={"id": 7}),) == case.expected.tool_calls
    _, first, call, last = trace.steps
    assert isinstance(first, LlmCall)
    assert isinstance(call, ToolCall)
    assert "in Rome" == call.result
    assert isinstance(last, LlmCall)
    assert ("In Rome.", "finished") == (trace.output, trace.status)


def test_the_same_input_is_the_same_case() -> None:
    """Transcripts of one input are trials of one case, in whatever file."""
    other: Json = {"role": "assistant", "content": "I do not know."}
    imported = import_chat([[_USER, _ANSWER], [_USER, other]], {})
    assert 1 == len(imported.cases)
    assert [0, 1] == [trace.trial for trace in imported.traces]
    assert imported.cases[0].id == import_chat([_USER, _CALL], {}).cases[0].id


def test_several_user_turns_are_a_script() -> None:
    """Turns are sent one after another, after the system prompt."""
    system: Json = {"role": "system", "content": "Be kind."}
    thanks: Json = {"role": "user", "content": "Thanks"}
    (case,) = import_chat([system, _USER, _ANSWER, thanks, _ANSWER], {}).cases
    assert Script(turns=("Where is order 7?", "Thanks"), system="Be kind.") == case.input
    (case,) = import_chat([system, _USER, _ANSWER], {}).cases
    assert (
        Message(role="system", content="Be kind."),
        Message(role="user", content="Where is order 7?"),
    ) == case.input


def test_usage_belongs_to_the_only_call() -> None:
    """With several calls nobody knows whose tokens they are."""
    usage: Json = {
        "prompt_tokens": 10,
        "completion_tokens": 3,
        "prompt_tokens_details": {"cached_tokens": 4},
    }
    transcript: dict[str, Json] = {"model": "m", "usage": usage, "messages": [_USER, _ANSWER]}
    (trace,) = import_chat(transcript, {}).traces
    (call,) = (step for step in trace.steps if isinstance(step, LlmCall))
    assert ("m", 10, 3, 4) == (
        call.model,
        call.input_tokens,
        call.output_tokens,
        call.cached_tokens,
    )
    (trace,) = import_chat(transcript | {"messages": _MESSAGES}, {}).traces
    calls = [step for step in trace.steps if isinstance(step, LlmCall)]
    assert [None, None] == [call.input_tokens for call in calls]


def test_a_transcript_without_an_answer_is_unfinished() -> None:
    """It is no success."""
    (trace,) = import_chat([_USER], {}).traces
    assert "unfinished" == trace.status


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (5, "/: found 5; expected a list"),
        ([{"messages": [_ANSWER]}], "/0/messages: found no user message"),
        ([{"role": "robot", "content": "x"}], "/messages/0/role: found 'robot'"),
        (
            [{"id": "a", "messages": [_USER]}, {"id": "a", "messages": _MESSAGES + _MESSAGES}],
            "/1/id: found 'a' again, with another input",
        ),
    ],
)
def test_other_files_are_refused(data: Json, message: str) -> None:
    """The message points at the place."""
    with pytest.raises(DataError) as caught:
        import_chat(data, {})
    assert message in caught.value.message


def test_real_transcripts_are_read(shared_data: Path) -> None:
    """The conversations of the tau-bench run are OpenAI transcripts: 1,164 calls, 200 trials."""
    path = shared_data / "tau_bench" / "gpt-4o-airline.json"
    records = loads(path.read_bytes(), source=path.name)
    assert isinstance(records, list)
    imported = import_chat([row["traj"] for row in records if isinstance(row, dict)], {})
    steps = [step for trace in imported.traces for step in trace.steps]
    assert 200 == len(imported.traces)
    assert 1164 == sum(isinstance(step, ToolCall) for step in steps)
