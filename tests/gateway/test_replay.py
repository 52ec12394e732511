"""Record once, replay for free: keys, order, misses, secrets, broken cassettes, kills."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import openai
import pytest

from evalgate.gateway.request_key import Matching
from evalgate.store.cassettes import cassette_path, read_cassette, recover
from evalgate.text.redact import Redactor

Loose = Any
"""Fixtures; the types of `conftest.py` cannot be imported from here."""

SYSTEM = {"role": "system", "content": "You are kind.\nAnswer in one line."}
ASKED: Any = {"model": "m", "messages": [SYSTEM, {"role": "user", "content": "Hi"}]}


def _post(url: str, body: Loose) -> httpx2.Response:
    with httpx2.Client(trust_env=False, timeout=60) as client:
        return client.post(f"{url}/chat/completions", json=body)


def _asker(body: Loose, times: int = 1) -> Loose:
    def agent(url: str) -> None:
        for _ in range(times):
            _post(url, body)

    return agent


def _record(gateway: Loose, model: Loose, body: Loose = None, **more: object) -> Loose:
    return gateway("record", model.origin, **more).during(_asker(body or ASKED))


def test_two_replays_are_the_same_to_the_byte(gateway: Loose, model: Loose) -> None:
    """Replays with gaps, a miss and a wrong path give equal steps: no clock shows in them."""
    gateway("record", model.origin).during(_asker(ASKED, 3))
    started = gateway("replay")

    def agent(url: str) -> None:
        _asker(ASKED, 2)(url)
        time.sleep(0.02)
        _post(f"{url}/wrong", ASKED)
        _post(url, {**ASKED, "model": "other"})
        _post(url, ASKED)

    first, second = (started.during(agent) for _ in range(2))
    assert 5 == len(first.steps)
    assert [s.model_dump_json() for s in first.steps] == [s.model_dump_json() for s in second.steps]


def test_repeated_requests_answer_in_order(gateway: Loose, model: Loose, text: Loose) -> None:
    """Equal requests get the recorded responses one after another, and then a miss."""
    model.then(text.scripted(text.chat("one")), text.scripted(text.chat("two")))
    gateway("record", model.origin).during(_asker(ASKED, 2))
    started = gateway("replay")
    session = started.sessions.open("case-1")
    replies = [_post(started.url(session), ASKED).json() for _ in range(3)]
    said = [reply["choices"][0]["message"]["content"] for reply in replies[:2]]
    assert ["one", "two"] == said
    assert "more than the 2 times that are recorded" in replies[2]["error"]["message"]
    assert "not_measured" == started.sessions.close(session).status


def test_trials_are_kept_apart(gateway: Loose, model: Loose, text: Loose) -> None:
    """The number of the trial is part of the key; a miss names all that are recorded."""
    model.then(text.scripted(text.chat("zero")), text.scripted(text.chat("one")))
    recorder = gateway("record", model.origin)
    recorder.during(_asker(ASKED), trial=0)
    recorder.during(_asker(ASKED), trial=1)
    started = gateway("replay")
    said = []
    for trial in (1, 0):
        outcome = started.during(_asker(ASKED), trial=trial)
        said.append(outcome.steps[0].output["content"])
    assert ["one", "zero"] == said
    missed = started.during(_asker(ASKED), trial=2)
    assert "is recorded for trials 0, 1 only" in missed.error
    session = started.sessions.open("case-1", 2, recorded_trial=1)
    assert 200 == _post(started.url(session), ASKED).status_code


def test_a_changed_prompt_is_a_miss_with_its_diff(gateway: Loose, model: Loose) -> None:
    """The miss names the nearest request, what changed, and the command that records it again."""
    _record(gateway, model)
    changed = {
        "model": "m2",
        "temperature": 0.5,
        "messages": [
            {**SYSTEM, "content": "You are rude.\nAnswer in one line."},
            ASKED["messages"][1],
        ],
        "tools": [{"type": "function", "function": {"name": "refund"}}],
    }
    started = gateway("replay")
    session = started.sessions.open("case-1")
    with (
        openai.OpenAI(base_url=started.url(session), api_key="k") as client,
        pytest.raises(openai.BadRequestError) as caught,
    ):
        client.chat.completions.create(**changed)
    outcome = started.sessions.close(session)
    assert ("cassette_miss", "not_measured", 0) == (caught.value.code, outcome.status, outcome.live)
    lines = "\n".join(outcome.miss.diff)
    assert "model: 'm' -> 'm2'" in lines
    assert "-system: You are kind.\n  +system: You are rude." in lines
    assert '"name": "refund"' in lines
    assert "temperature" in lines
    assert "changed: system prompt, model, tools, sampling" in outcome.miss.reason
    assert "evalgate run --record-missing --case case-1" == outcome.miss.command
    assert 1 == len(model.seen)


def test_a_changed_tool_result_is_a_miss(gateway: Loose, model: Loose, text: Loose) -> None:
    """A broken tool changes the next request; the diff shows the result."""
    call = text.tool_call("weather", "{}")
    model.then(text.scripted(text.chat(None, tools=[call])), text.scripted(text.chat("Sunny.")))

    def agent(result: str) -> Loose:
        def run(url: str) -> None:
            _post(url, ASKED)
            turn = {"role": "assistant", "content": None, "tool_calls": [call]}
            said = {"role": "tool", "tool_call_id": "call_a1", "content": result}
            _post(url, {**ASKED, "messages": [*ASKED["messages"], turn, said]})

        return run

    gateway("record", model.origin).during(agent("22 C"))
    outcome = gateway("replay").during(agent("boom"))
    assert ("-tool: 22 C", "+tool: boom") == tuple(
        line.strip() for line in outcome.miss.diff if line.strip()[0] in "+-"
    )


def test_results_of_the_old_form_reach_their_calls(
    gateway: Loose, model: Loose, text: Loose
) -> None:
    """Two `function_call`s of one name: each has the result that came after it."""
    said = []
    for order in ("1", "2"):
        body = json.loads(text.chat(None))
        call = {"name": "refund", "arguments": f'{{"order": "{order}"}}'}
        body["choices"][0]["message"]["function_call"] = call
        said.append(body)
    replies = [*(json.dumps(body).encode() for body in said), text.chat("Done.")]
    model.then(*map(text.scripted, replies))

    def agent(url: str) -> None:
        messages = [*ASKED["messages"]]
        for body, result in zip(said, ("ok", "Error: too late"), strict=True):
            _post(url, {**ASKED, "messages": messages})
            turn = body["choices"][0]["message"]
            messages += [turn, {"role": "function", "name": "refund", "content": result}]
        _post(url, {**ASKED, "messages": messages})

    steps = gateway("record", model.origin).during(agent).steps
    assert [("1", "ok", None), ("2", "Error: too late", "error")] == [
        (step.arguments["order"], step.result, step.error)
        for step in steps
        if step.kind == "tool_call"
    ]


def test_what_does_not_reach_the_model_does_not_count(gateway: Loose, model: Loose) -> None:
    """Call ids, user, metadata and 1.0 for 1 are the same request."""
    turn = {"id": "call_x", "type": "function", "function": {"name": "f", "arguments": "{}"}}

    def asked(call_id: str, **more: object) -> Loose:
        said = [
            ASKED["messages"][1],
            {"role": "assistant", "tool_calls": [{**turn, "id": call_id}]},
            {"role": "tool", "tool_call_id": call_id, "content": "x"},
        ]
        return {"model": "m", "messages": said, **more}

    _record(gateway, model, asked("call_1", temperature=1, user="u1"))
    second = asked("call_2", temperature=1.0, user="u2", metadata={"run": "7"})
    assert gateway("replay").during(_asker(second)).miss is None


def test_ignored_pointers_and_uuids(gateway: Loose, model: Loose) -> None:
    """What the configuration leaves out may differ; everything else still counts."""
    matching = Matching(ignore=("/messages/*/name", "/seed"), uuids=True)

    def asked(uuid: str, **more: object) -> Loose:
        said = {"role": "user", "content": f"order {uuid}, {uuid}", "name": uuid[:4]}
        return {"model": "m", "messages": [said], **more}

    one, two = "11111111-aaaa-4bbb-8ccc-000000000001", "22222222-aaaa-4bbb-8ccc-000000000002"
    _record(gateway, model, asked(one, seed=1), matching=matching)
    started = gateway("replay", matching=matching)
    assert started.during(_asker(asked(two, seed=2))).miss is None
    assert started.during(_asker(asked(two, top_p=0.1))).miss is not None


def test_auto_records_the_misses_only(gateway: Loose, model: Loose, text: Loose) -> None:
    """In auto, recorded requests are replayed, new ones are live and recorded for the next time."""
    _record(gateway, model)
    model.then(text.scripted(text.chat("new")))
    other = {**ASKED, "temperature": 0.1}

    def agent(url: str) -> None:
        _post(url, ASKED)
        _post(url, other)

    mixed = gateway("auto", model.origin).during(agent)
    assert (1, 1, 2) == (mixed.replayed, mixed.live, len(model.seen))
    again = gateway("auto").during(agent)
    assert (2, 0) == (again.replayed, again.live)
    assert mixed.steps == gateway("replay").during(agent).steps


def test_recording_again_replaces_the_trial(gateway: Loose, model: Loose, text: Loose) -> None:
    """A new recording takes the place of the old one of the same trial, and of no other."""
    recorder = gateway("record", model.origin)
    recorder.during(_asker(ASKED), trial=0)
    recorder.during(_asker(ASKED), trial=1)
    other = {**ASKED, "model": "m9"}
    recorder.during(_asker(other), trial=0)
    calls = read_cassette(cassette_path(recorder.directory, "case-1")).calls
    assert [(0, "m9"), (1, "m")] == [(call.trial, call.request["model"]) for call in calls]


def test_a_discarded_trial_leaves_the_old_recording(gateway: Loose, model: Loose) -> None:
    """An interrupted trial changes nothing in the cassette."""
    recorder = gateway("record", model.origin)
    recorder.during(_asker(ASKED))
    path = cassette_path(recorder.directory, "case-1")
    before = path.read_bytes()
    session = recorder.sessions.open("case-1")
    _post(recorder.url(session), {**ASKED, "model": "m9"})
    recorder.sessions.discard(session)
    assert before == path.read_bytes()
    assert [] == list((recorder.directory / ".recording").glob("*.jsonl"))


def test_replay_never_calls_the_upstream(gateway: Loose, model: Loose) -> None:
    """In replay a miss is a miss, even where an upstream is at hand."""
    outcome = gateway("replay", model.origin).during(_asker(ASKED))
    assert ("not_measured", []) == (outcome.status, model.seen)


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (lambda data: data.replace(b'"hello"', b'"HELLO"'), "edited"),
        (lambda data: data.replace(b"cassette/1", b"cassette/2"), "newer"),
        (lambda data: b"\n".join(line[:-9] for line in data.split(b"\n")), "header"),
        (lambda data: data.replace(b'"case-1"', b'"case-2"'), "of case 'case-2'"),
    ],
)
def test_a_broken_cassette_is_named(
    gateway: Loose, model: Loose, damage: Loose, named: str
) -> None:
    """A damaged cassette: a provider's error to the agent, a reason in the trace, no answer."""
    recorder = gateway("record", model.origin)
    recorder.during(_asker(ASKED))
    path = cassette_path(recorder.directory, "case-1")
    path.write_bytes(damage(path.read_bytes()))
    started = gateway("replay")
    session = started.sessions.open("case-1")
    reply = _post(started.url(session), ASKED)
    outcome = started.sessions.close(session)
    assert (400, "cassette_unusable") == (reply.status_code, reply.json()["error"]["code"])
    assert "not_measured" == outcome.status
    assert named in outcome.error
    assert "cassette_unusable" == outcome.steps[0].error


def test_a_cassette_of_another_golden_set(gateway: Loose, model: Loose) -> None:
    """A cassette of a case that gives the agent something else is not used."""
    recorder = gateway("record", model.origin)
    session = recorder.sessions.open("case-1", case_digest="old")
    _post(recorder.url(session), ASKED)
    recorder.sessions.close(session)
    started = gateway("replay")
    session = started.sessions.open("case-1", case_digest="new")
    assert "cassette_unusable" == _post(started.url(session), ASKED).json()["error"]["code"]
    assert "recorded for another case" in started.sessions.close(session).error


def test_a_recording_that_cannot_be_written_is_a_problem(
    gateway: Loose, model: Loose, tmp_path: Path
) -> None:
    """A cassette that cannot be replaced is a named problem; the trial's steps are all there."""
    folder = tmp_path / "cassettes"
    folder.mkdir()
    (folder / "case-1.jsonl").write_text("not a cassette\n")
    outcome = gateway("record", model.origin).during(_asker(ASKED))
    assert "expected the header of a cassette" in outcome.problems[0]
    assert 1 == len(outcome.steps)


SECRET = "zX9-planted/secret+value=42"


def test_a_planted_secret_is_in_no_file(
    gateway: Loose, model: Loose, text: Loose, tmp_path: Path
) -> None:
    """Header, prompt, tool result, variable, response and a stream that spells it in pieces."""
    token = "sk-proj-" + "a1B2" * 8
    forms = [SECRET, quote(SECRET, safe=""), base64.b64encode(SECRET.encode()).decode(), token]
    redactor = Redactor.build({"MY_SERVICE_TOKEN": SECRET})
    pieces = [text.chat_chunk({"content": letter}) for letter in f"it is {SECRET} and {token} !"]
    model.then(
        text.scripted(
            text.chat(
                f"you said {forms[1]}", tools=[text.tool_call("f", json.dumps({"k": SECRET}))]
            )
        ),
        text.scripted(
            content_type="text/event-stream",
            chunks=text.sse(*pieces, text.chat_chunk({}, "stop")),
        ),
    )

    def agent(url: str) -> str:
        result = {"role": "tool", "tool_call_id": "call_a1", "content": f'{{"key": "{forms[2]}"}}'}
        with openai.OpenAI(base_url=url, api_key=token) as client:
            first = client.chat.completions.create(
                model="m", messages=[{"role": "user", "content": f"use {SECRET}"}]
            )
            turn: Any = first.choices[0].message.model_dump(exclude_none=True)
            stream = client.chat.completions.create(
                model="m", messages=[{"role": "user", "content": "x"}, turn, result], stream=True
            )
            return "".join(part.choices[0].delta.content or "" for part in stream if part.choices)

    recorder = gateway("record", model.origin, redactor=redactor)
    said: list[str] = []
    outcome = recorder.during(lambda url: said.append(agent(url)))
    assert f"it is {SECRET} and {token} !" == said[0]
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert [] == [form for form in forms if form.encode() in written]
    assert "taken out of 2 recorded responses" in outcome.problems[0]
    assert b"[redacted:MY_SERVICE_TOKEN]" in written
    assert b"[redacted:openai-key]" in written


def test_a_redacted_recording_replays_the_same(gateway: Loose, model: Loose, text: Loose) -> None:
    """A stream whose secret was taken out is replayed with the mark in its place."""
    redactor = Redactor.build({"MY_SERVICE_TOKEN": SECRET})
    pieces = [text.chat_chunk({"content": letter}) for letter in f"it is {SECRET}!"]
    model.then(
        text.scripted(
            content_type="text/event-stream",
            chunks=text.sse(*pieces, text.chat_chunk({}, "stop"), text.usage_chunk()),
        )
    )
    asked = {**ASKED, "stream": True}
    first = gateway("record", model.origin, redactor=redactor).during(_asker(asked))
    second = gateway("replay", redactor=redactor).during(_asker(asked))
    assert "it is [redacted:MY_SERVICE_TOKEN]!" == second.steps[0].output["content"]
    assert f"it is {SECRET}!" == first.steps[0].output["content"]
    assert first.steps[0].end == second.steps[0].end


def test_what_a_model_says_is_the_same_in_every_environment(
    gateway: Loose, model: Loose, text: Loose
) -> None:
    """Logprobs, an argument `token`, and `customer` beside `PARTITION_KEY=customer`."""
    arguments = '{"token": "BTC", "kind": "customer"}'
    reply = json.loads(
        text.chat("the Basic requirements", tools=[text.tool_call("get", arguments)])
    )
    reply["choices"][0]["logprobs"] = {"content": [{"token": "Yes", "logprob": -0.1}]}
    model.then(text.scripted(json.dumps(reply).encode()))
    recorded = gateway("record", model.origin).during(_asker(ASKED))
    redactor = Redactor.build({"PARTITION_KEY": "customer", "SORT_KEY": "requirements"})
    replayed = gateway("replay", redactor=redactor).during(_asker(ASKED))
    assert recorded.steps == replayed.steps
    assert ({"token": "BTC", "kind": "customer"}, ()) == (
        replayed.steps[1].arguments,
        recorded.problems,
    )


_RECORDER = """
import sys, time
from pathlib import Path
from evalgate.gateway.app import create_app
from evalgate.gateway.server import serve_in_thread
from evalgate.gateway.sessions import GatewaySettings, Sessions
from evalgate.gateway.cassette_index import CassetteIndex
from evalgate.gateway.upstream import Endpoint, Upstream
shelf = CassetteIndex(Path(sys.argv[1]))
sessions = Sessions(GatewaySettings(mode="record"), shelf, clock=time.monotonic)
upstream = Upstream({"openai": Endpoint(sys.argv[2])})
with serve_in_thread(create_app(sessions, upstream=upstream), resources=[upstream]) as origin:
    print(sessions.open("case-1").base_url(origin), flush=True)
    time.sleep(60)
"""


def test_kill_9_while_recording(gateway: Loose, model: Loose, tmp_path: Path) -> None:
    """What was recorded before a kill is on disk, loads, and is saved by `recover`."""
    folder = tmp_path / "cassettes"
    command = [sys.executable, "-c", _RECORDER, str(folder), model.origin]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        replies = [_post(url, {**ASKED, "seed": number}).status_code for number in range(5)]
        journal = _until_lines(folder, 6)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert [200] * 5 == replies
    with journal.open("ab") as file:  # a line that the kill tore
        file.write(b'{"kind":"call","trial":0,"key":"sha2')
    assert 5 == len(read_cassette(journal).calls)
    assert "torn last line" in read_cassette(journal).warnings[0]
    assert "5 calls of trial 0 saved" in recover(folder)[0]
    assert () == recover(folder)
    replayed = gateway("replay").during(_asker({**ASKED, "seed": 3}))
    assert (None, 1) == (replayed.status, replayed.replayed)


def _until_lines(folder: Path, lines: int) -> Path:
    """Wait until the journal has so many lines."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        for path in (folder / ".recording").glob("*.jsonl"):
            if path.read_bytes().count(b"\n") >= lines:
                return path
        time.sleep(0.02)
    pytest.fail("the journal was not written")
