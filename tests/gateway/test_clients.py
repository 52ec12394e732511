"""The clients that agents really use, over real sockets: live, recorded, and replayed."""

import asyncio
import json
import subprocess
from typing import Any

import openai
import pytest
from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage
from langchain_openai import AzureChatOpenAI, ChatOpenAI
from langchain_openai.decisions import OpenAIDecisions, Predicate

from evalgate.schema.trace import LlmCall, ToolCall

Loose = Any
"""Fixtures and wire data; the types of `conftest.py` cannot be imported from here."""

MESSAGES: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


def test_openai_sync(both: Loose, model: Loose, text: Loose) -> None:
    """The sync client gets the answer; model, tokens and finish reason are read off the wire."""

    def agent(url: Loose) -> Loose:
        with openai.OpenAI(base_url=url, api_key="k") as client:
            done = client.chat.completions.create(
                model="gpt-4o-mini", messages=MESSAGES, temperature=0.5, max_tokens=99
            )
            return done.choices[0].message.content

    first, _ = both(agent)
    (call,) = first.steps
    assert isinstance(call, LlmCall)
    assert ("gpt-4o-mini-2024-07-18", 0.5, 99, "stop") == (
        call.model,
        call.temperature,
        call.max_tokens,
        call.finish_reason,
    )
    assert (11, 7, 3, 2) == (
        call.input_tokens,
        call.output_tokens,
        call.cached_tokens,
        call.reasoning_tokens,
    )


def test_openai_stream(both: Loose, model: Loose, text: Loose) -> None:
    """A stream arrives chunk by chunk; usage is known although the agent did not ask for it."""
    model.then(
        text.scripted(
            content_type="text/event-stream",
            chunks=text.sse(
                text.chat_chunk({"role": "assistant", "content": ""}),
                text.chat_chunk({"content": "Grüß "}),
                text.chat_chunk({"content": "Gott"}),
                text.chat_chunk({}, "stop"),
                text.usage_chunk(),
            ),
            delay=0.02,
        )
    )

    async def agent(url: Loose) -> Loose:
        async with openai.AsyncOpenAI(base_url=url, api_key="k") as client:
            stream = await client.chat.completions.create(
                model="gpt-4o-mini", messages=MESSAGES, stream=True
            )
            return [chunk.model_dump() async for chunk in stream]

    first, _ = both(lambda url: asyncio.run(agent(url)))
    (call,) = first.steps
    assert "Grüß Gott" == call.output["content"]
    assert (11, 7) == (call.input_tokens, call.output_tokens)
    assert 0.015 < call.time_to_first_token < call.end - call.start
    assert {"include_usage": True} == model.seen[0].body["stream_options"]


def test_openai_async_parallel_tools(both: Loose, model: Loose, text: Loose) -> None:
    """Parallel tool calls are joined with their results: arguments, times, failures."""
    model.then(
        text.scripted(
            text.chat(
                None,
                tools=[
                    text.tool_call("weather", '{"city":"Rome"}', "call_a"),
                    text.tool_call("weather", '{"city":', "call_b"),
                    text.tool_call("weather", '{"city":"Oslo"}', "call_c"),
                ],
            )
        ),
        text.scripted(text.chat("Sunny.")),
    )

    async def agent(url: Loose) -> Loose:
        async with openai.AsyncOpenAI(base_url=url, api_key="k") as client:
            first = await client.chat.completions.create(
                model="gpt-4o-mini", messages=MESSAGES, tools=[WEATHER]
            )
            message = first.choices[0].message
            results = ["22 C", "Error: bad arguments", '{"error": "request timed out"}']
            answers = [
                {"role": "tool", "tool_call_id": call.id, "content": result}
                for call, result in zip(message.tool_calls, results, strict=True)
            ]
            await asyncio.sleep(0.03)
            second = await client.chat.completions.create(
                model="gpt-4o-mini",
                messages=[*MESSAGES, message.model_dump(exclude_none=True), *answers],
                tools=[WEATHER],
            )
            return second.choices[0].message.content

    first, _ = both(lambda url: asyncio.run(agent(url)))
    calls = [step for step in first.steps if isinstance(step, ToolCall)]
    assert [None, "unparsable", "timeout"] == [call.error for call in calls]
    assert [{"city": "Rome"}, '{"city":', {"city": "Oslo"}] == [call.arguments for call in calls]
    assert "22 C" == calls[0].result
    assert all(0.025 < call.end - call.start < 2 for call in calls)
    assert {"llm-0"} == {call.parent_id for call in calls}


def test_json_schema_output(both: Loose, model: Loose, text: Loose) -> None:
    """A JSON schema is part of the request and the structured answer comes through."""
    model.then(text.scripted(text.chat('{"city":"Rome"}')))
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}

    def agent(url: Loose) -> Loose:
        with openai.OpenAI(base_url=url, api_key="k") as client:
            done = client.chat.completions.create(
                model="gpt-4o-mini",
                messages=MESSAGES,
                response_format={
                    "type": "json_schema",
                    "json_schema": {"name": "place", "schema": schema},
                },
            )
            return json.loads(done.choices[0].message.content)

    first, _ = both(agent)
    assert first.steps[0].sampling_digest is not None


def test_openai_responses(both: Loose, model: Loose, text: Loose) -> None:
    """The responses protocol: function calls, their outputs, usage."""
    call = {
        "type": "function_call",
        "id": "fc_1",
        "call_id": "call_1",
        "name": "weather",
        "arguments": '{"city":"Rome"}',
        "status": "completed",
    }
    usage = {
        "input_tokens": 20,
        "input_tokens_details": {"cached_tokens": 4},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 1},
        "total_tokens": 25,
    }
    base = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": "gpt-4o-mini",
        "status": "completed",
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": usage,
    }
    said = {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": "Sunny.", "annotations": []}],
    }
    model.then(
        text.scripted(json.dumps({**base, "output": [call]}).encode()),
        text.scripted(json.dumps({**base, "output": [said]}).encode()),
    )

    def agent(url: Loose) -> Loose:
        with openai.OpenAI(base_url=url, api_key="k") as client:
            first = client.responses.create(
                model="gpt-4o-mini", instructions="Be brief.", input="Weather in Rome?"
            )
            second = client.responses.create(
                model="gpt-4o-mini",
                instructions="Be brief.",
                input=[
                    {"role": "user", "content": "Weather in Rome?"},
                    first.output[0].model_dump(exclude_none=True),
                    {"type": "function_call_output", "call_id": "call_1", "output": "22 C"},
                ],
            )
            return second.output_text

    first, _ = both(agent)
    llm, tool, last = first.steps
    assert ("weather", {"city": "Rome"}, "22 C", None) == (
        tool.name,
        tool.arguments,
        tool.result,
        tool.error,
    )
    assert (20, 5, 4, 1, "completed") == (
        last.input_tokens,
        last.output_tokens,
        last.cached_tokens,
        last.reasoning_tokens,
        last.finish_reason,
    )
    assert llm.prompt_digest == last.prompt_digest


def test_openai_other_endpoints(both: Loose, model: Loose, text: Loose) -> None:
    """Embeddings are calls with tokens; moderations and models are spans that count nowhere."""
    vector = {"object": "embedding", "index": 0, "embedding": [0.1, 0.2]}
    usage = {"prompt_tokens": 4, "total_tokens": 4}
    listed = {"id": "gpt-4o-mini", "object": "model", "created": 1, "owned_by": "x"}
    model.then(
        text.scripted(
            json.dumps({"object": "list", "data": [vector], "model": "e", "usage": usage}).encode()
        ),
        text.scripted(
            json.dumps(
                {
                    "id": "m",
                    "model": "mod",
                    "results": [{"flagged": True, "categories": {}, "category_scores": {}}],
                }
            ).encode()
        ),
        text.scripted(json.dumps({"object": "list", "data": [listed]}).encode()),
    )

    def agent(url: Loose) -> Loose:
        with openai.OpenAI(base_url=url, api_key="k") as client:
            embedded = client.embeddings.create(model="e", input="x", encoding_format="float")
            flagged = client.moderations.create(model="mod", input="x").results[0].flagged
            names = [entry.id for entry in client.models.list()]
            return embedded.data[0].embedding, flagged, names

    first, _ = both(agent)
    embedded, moderated, models = first.steps
    assert ("embeddings", 4, 0) == (embedded.name, embedded.input_tokens, embedded.output_tokens)
    assert ["span", "span"] == [moderated.kind, models.kind]


@pytest.mark.filterwarnings("ignore:The class `OpenAIDecisions` is in beta")
def test_langchain_decisions(both: Loose, model: Loose, text: Loose) -> None:
    """Typed questions of langchain-openai's client; a decision is a call of a model with tokens."""
    answer = {"type": "predicate", "name": "urgent", "probability": 0.9}
    usage = {"input_tokens": 9, "output_tokens": 1, "total_tokens": 10}
    said = {"model": "gpt-6-luna", "answers": [answer], "usage": usage}
    model.then(text.scripted(json.dumps(said).encode()))

    def agent(url: Loose) -> Loose:
        urgent = Predicate(instructions="Is it urgent?")
        with openai.DefaultHttpxClient() as http:
            client = OpenAIDecisions(
                model="gpt-6-luna", base_url=url, api_key="k", http_client=http
            )
            reply = client.invoke({"input": "Production is down.", "questions": {"urgent": urgent}})
        return reply.predicates["urgent"].probability

    first, _ = both(agent)
    (step,) = first.steps
    assert ("llm_call", "gpt-6-luna", 9, 1) == (
        step.kind,
        step.model,
        step.input_tokens,
        step.output_tokens,
    )


def test_langchain(both: Loose, model: Loose, text: Loose) -> None:
    """ChatOpenAI with bound tools, in one piece and streaming."""
    streamed = text.sse(
        text.chat_chunk({"role": "assistant", "content": "Sun"}),
        text.chat_chunk({"content": "ny."}),
        text.chat_chunk({}, "stop"),
        text.usage_chunk(),
    )
    model.then(
        text.scripted(text.chat(None, tools=[text.tool_call("weather", '{"city":"Rome"}')])),
        text.scripted(content_type="text/event-stream", chunks=streamed),
    )

    def agent(url: Loose) -> Loose:
        chat = ChatOpenAI(model="gpt-4o-mini", base_url=url, api_key="k")
        llm = chat.bind_tools([WEATHER])
        asked = [SystemMessage("Be brief."), HumanMessage("Weather in Rome?")]
        with chat.root_client:  # else its connection is open until something collects it
            first = llm.invoke(asked)
            result = ToolMessage("22 C", tool_call_id=first.tool_calls[0]["id"])
            return "".join(str(part.content) for part in llm.stream([*asked, first, result]))

    first, _ = both(agent)
    assert ["llm_call", "tool_call", "llm_call"] == [step.kind for step in first.steps]
    assert "22 C" == first.steps[1].result


def test_azure(gateway: Loose, model: Loose) -> None:
    """Azure's deployment path goes upstream as it is; the deployment is the model asked for."""

    def agent(url: Loose) -> Loose:
        llm = AzureChatOpenAI(
            azure_endpoint=url.removesuffix("/v1"),
            azure_deployment="my-deployment",
            api_version="2024-10-21",
            api_key="k",
        )
        with llm.root_client:
            return llm.invoke("Hi").content

    outcome = gateway("record", model.origin).during(agent)
    replayed = gateway("replay").during(agent)
    assert ("/openai/deployments/my-deployment/chat/completions", "api-version=2024-10-21") == (
        model.seen[0].path,
        model.seen[0].query,
    )
    assert "azure" == outcome.steps[0].provider
    assert outcome.steps == replayed.steps


def test_curl(both: Loose, model: Loose, text: Loose) -> None:
    """curl, as any shell script would use it."""

    def agent(url: Loose) -> Loose:
        body = json.dumps({"model": "gpt-4o-mini", "messages": MESSAGES})
        done = subprocess.run(
            [
                "curl",
                "-sS",
                "--noproxy",
                "*",
                "-H",
                "Content-Type: application/json",
                "-d",
                body,
                f"{url}/chat/completions",
            ],
            capture_output=True,
            check=True,
            timeout=30,
        )
        return done.stdout

    both(agent)


def test_replay_is_bit_for_bit(both: Loose, model: Loose, text: Loose) -> None:
    """The raw bytes of a replayed stream are those of the recorded one, odd spelling included."""
    body = (
        b'{ "id":"x","choices":[ {"index":0,"message":{"role":"assistant","content":"\\u00e9"}} ] }'
    )
    stream = b'data: {"choices":[{"delta":{"content":"\xc3\xa9"}}]}\n\ndata: [DONE]\n\n'
    cut_in_character = stream.index(b"\xc3") + 1
    model.then(
        text.scripted(body),
        text.scripted(
            content_type="text/event-stream",
            chunks=(stream[:cut_in_character], stream[cut_in_character:]),
            delay=0.01,
        ),
    )

    def agent(url: Loose) -> Loose:
        asked = {"model": "m", "messages": MESSAGES, "stream_options": {"include_usage": True}}
        return [
            _raw(f"{url}/chat/completions", {**asked, "stream": streaming})
            for streaming in (False, True)
        ]

    both(agent)


def _raw(url: Loose, body: Loose) -> Loose:
    done = subprocess.run(
        ["curl", "-sSN", "--noproxy", "*", "-d", json.dumps(body), url],
        capture_output=True,
        check=True,
        timeout=30,
    )
    return done.stdout
