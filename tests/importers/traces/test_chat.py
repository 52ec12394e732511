"""Chat transcripts become drafts and traces."""

from pathlib import Path

import pytest

from evalgate.errors import DataError
from evalgate.importers.traces.chat import import_chat
from evalgate.schema.base import Json
from evalgate.schema.golden import ExpectedCall, Message, Script
from evalgate.schema.trace import LlmCall, ToolCall, Trace, Unread
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


def test_usage_of_any_provider_is_read() -> None:
    """Anthropic counts what it read from the cache beside the input."""
    usage: Json = {"input_tokens": 10, "cache_read_input_tokens": 90, "output_tokens": 3}
    (trace,) = import_chat({"usage": usage, "messages": [_USER, _ANSWER]}, {}).traces
    (call,) = (step for step in trace.steps if isinstance(step, LlmCall))
    assert (100, 90, 3) == (call.input_tokens, call.cached_tokens, call.output_tokens)


def test_a_transcript_without_an_answer_is_unfinished() -> None:
    """It is no success."""
    (trace,) = import_chat([_USER], {}).traces
    assert "unfinished" == trace.status


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (5, "/: found 5; expected a list"),
        ([{"messages": [_ANSWER]}], "/0/messages: found no user message"),
        ([{"role": "robot", "content": "x"}], "/messages: found no user message"),
        ({"id": "", "messages": [_USER]}, "/id: found ''; expected an id of 1 to 200 characters"),
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


def _trace(*messages: Json) -> Trace:
    (trace,) = import_chat([_USER, *messages], {}).traces
    return trace


def _calls(trace: Trace) -> list[tuple[str, object, object, str | None]]:
    calls = [step for step in trace.steps if isinstance(step, ToolCall)]
    return [(call.name, call.arguments, call.result, call.error) for call in calls]


@pytest.mark.parametrize("name", ["chat_same_call_id", "chat_no_call_id"])
def test_each_call_has_its_own_result(name: str, shared_cases: Path) -> None:
    """Ids that come twice, or not at all, mix nothing up (smolagents 2683, xinference 4237)."""
    path = shared_cases / "importers" / f"{name}.json"
    (trace,) = import_chat(loads(path.read_bytes(), source=name), {}).traces
    assert [
        ("get", {"id": "A"}, "result A", None),
        ("get", {"id": "B"}, "Error: no B", "Error: no B"),
    ] == _calls(trace)


def test_an_id_that_comes_again_in_a_later_turn_answers_the_later_call() -> None:
    """Also where the first call was never answered."""
    again: Json = {"role": "tool", "tool_call_id": "c1", "content": "second"}
    calls = _calls(_trace(_CALL, _ANSWER, _USER, _CALL, again))
    assert [None, "second"] == [result for _, _, result, _ in calls]
    calls = _calls(_trace(_CALL, _RESULT, _CALL, again))
    assert ["in Rome", "second"] == [result for _, _, result, _ in calls]


def test_anthropic_messages_are_read() -> None:
    """The system prompt stands beside them, results stand in the user's messages."""
    transcript: Json = {
        "system": [{"type": "text", "text": "Be kind."}],
        "messages": [
            _USER,
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "x"},
                    {"type": "text", "text": "Let me look."},
                    {"type": "tool_use", "id": "t1", "name": "find", "input": {"id": 7}},
                    {"type": "server_tool_use", "id": "t2", "name": "web_search", "input": {}},
                    {"type": "web_search_tool_result", "tool_use_id": "t2", "content": []},
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "t1",
                        "is_error": True,
                        "content": [{"type": "text", "text": "gone"}],
                    }
                ],
            },
            {"role": "assistant", "content": [{"type": "text", "text": "Sorry."}]},
        ],
    }
    imported = import_chat(transcript, {})
    (case,), (trace,) = imported.cases, imported.traces
    assert [
        ("find", {"id": 7}, "gone", "gone"),
        ("web_search", {}, [], None),
    ] == _calls(trace)
    assert "Sorry." == trace.output
    assert 1 == sum(step.kind == "user_message" for step in trace.steps)
    assert (
        Message(role="system", content=({"type": "text", "text": "Be kind."},)),
        Message(role="user", content="Where is order 7?"),
    ) == case.input


def test_arguments_encoded_twice_are_read() -> None:
    """Some clients encode the text of the arguments as JSON once more."""
    function: Json = {"name": "find", "arguments": r'"{\"id\": 7}"'}
    call: Json = {"role": "assistant", "tool_calls": [{"id": "c1", "function": function}]}
    assert [("find", {"id": 7}, None, None)] == _calls(_trace(call))


def test_a_custom_tool_takes_text() -> None:
    """Its input is no JSON and no mistake."""
    call: Json = {"id": "c1", "type": "custom", "custom": {"name": "sql", "input": "select 1"}}
    trace = _trace({"role": "assistant", "tool_calls": [call]})
    assert [("sql", {"input": "select 1"}, None, None)] == _calls(trace)


def test_a_refusal_is_the_answer() -> None:
    """It stands in a field of its own, and the model stopped for it."""
    trace = _trace({"role": "assistant", "content": None, "refusal": "I will not."})
    (call,) = (step for step in trace.steps if isinstance(step, LlmCall))
    assert ("I will not.", "refusal") == (trace.output, call.finish_reason)


def test_several_system_prompts_are_one() -> None:
    """None of them is lost."""
    first: Json = {"role": "system", "content": "Be kind."}
    second: Json = {"role": "developer", "content": "Be short."}
    (case,) = import_chat([first, second, _USER, _ANSWER, _USER, _ANSWER], {}).cases
    assert isinstance(case.input, Script)
    assert "Be kind.\n\nBe short." == case.input.system


def test_an_image_is_part_of_what_was_asked() -> None:
    """A question with an image is no bare text; a script, which cannot hold it, says so."""
    parts: Json = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
    ]
    seen: Json = {"role": "user", "content": parts}
    (case,) = import_chat([seen, _ANSWER], {}).cases
    assert isinstance(case.input, tuple)
    imported = import_chat([seen, _ANSWER, _USER, _ANSWER], {})
    assert "1 scripts had images or files, which a script cannot hold" in imported.notes


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ({"role": "assistant", "content": [{"type": "hologram_call2", "x": 1}]}, "hologram_call2"),
        ({"role": "assistant", "content": "", "tools_used": [{"name": "f"}]}, "tools_used"),
        ({"role": "robot", "content": "beep"}, "role 'robot'"),
        ({"role": "assistant", "tool_calls": [{"id": "c1"}]}, "tool call without a name"),
        ({"role": "tool", "tool_call_id": "no", "content": "x"}, "result of a call that"),
    ],
)
def test_what_is_not_understood_is_kept(message: Json, kind: str) -> None:
    """It may have been a call, so the draft says nothing of calls, and a note names the type."""
    imported = import_chat([_USER, message, _ANSWER], {})
    (item,) = (step for step in imported.traces[0].steps if isinstance(step, Unread))
    assert item.type.startswith(kind)
    assert imported.cases[0].expected.tool_calls is None
    assert kind in imported.notes[-1]


def test_arguments_that_nobody_can_parse_are_a_call_all_the_same() -> None:
    """The draft proposes its name; leaving it out would read as: no call was made."""
    function: Json = {"name": "find", "arguments": "{oops"}
    call: Json = {"role": "assistant", "tool_calls": [{"id": "c1", "function": function}]}
    (case,) = import_chat([_USER, call], {}).cases
    assert (ExpectedCall(name="find", compare_args=()),) == case.expected.tool_calls


@pytest.mark.parametrize("role", [["user"], {"a": 1}, 5, True])
def test_a_role_that_is_no_text_is_none(role: Json) -> None:
    """Whoever it is, its type says it."""
    asked: Json = {"role": role, "type": "human", "content": "hi"}
    system: Json = {"role": "system", "content": "Be brief."}
    (case,) = import_chat([system, asked, _ANSWER], {}).cases
    assert isinstance(case.input, tuple)
    assert ["system", "user"] == [message.role for message in case.input]
