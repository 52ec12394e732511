"""boto3's Bedrock client over real sockets: live, recorded, and replayed."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

from evalgate.gateway.wire.event_frames import as_frames
from evalgate.pricing import PriceBook, Unpriced, price_call
from evalgate.schema.trace import LlmCall, ToolCall

Loose = Any
"""Fixtures and wire data; the types of `conftest.py` cannot be imported from here."""

_MODEL = "anthropic.claude-3-5-sonnet-20240620-v1:0"
_USAGE = {
    "inputTokens": 60,
    "outputTokens": 20,
    "cacheReadInputTokens": 40,
    "cacheWriteInputTokens": 0,
    "totalTokens": 120,
}
_ASKED = [{"role": "user", "content": [{"text": "Weather in Rome?"}]}]
_USE = {"toolUseId": "tooluse_1", "name": "weather", "input": {"city": "Rome"}}


@contextmanager
def _client(url: str) -> Iterator[Loose]:
    client = boto3.client(
        "bedrock-runtime",
        endpoint_url=url.removesuffix("/v1"),
        region_name="us-east-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=Config(retries={"max_attempts": 1, "mode": "standard"}),
    )
    try:
        yield client
    finally:
        client.close()


def _agent(url: str) -> Loose:
    """Ask, call the tool the model wants, and read the stream of the answer."""
    tool = {"name": "weather", "inputSchema": {"json": {"type": "object"}}}
    common: Any = {
        "modelId": _MODEL,
        "system": [{"text": "Be brief."}],
        "inferenceConfig": {"maxTokens": 50, "temperature": 0.5},
        "toolConfig": {"tools": [{"toolSpec": tool}]},
    }
    with _client(url) as client:
        first = client.converse(messages=_ASKED, **common)
        result = {
            "toolUseId": "tooluse_1",
            "content": [{"text": "no such city"}],
            "status": "error",
        }
        messages = [
            *_ASKED,
            first["output"]["message"],
            {"role": "user", "content": [{"toolResult": result}]},
        ]
        return list(client.converse_stream(messages=messages, **common)["stream"])


def _frames(*events: tuple[str, Loose]) -> tuple[bytes, ...]:
    return tuple(
        as_frames(f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()) for name, data in events
    )


def _delta(delta: Loose, index: int = 0) -> tuple[str, Loose]:
    return "contentBlockDelta", {"contentBlockIndex": index, "delta": delta, "p": "abcd"}


def _stream() -> tuple[bytes, ...]:
    start = {"toolUse": {"toolUseId": "tooluse_2", "name": "search"}}
    return _frames(
        ("messageStart", {"role": "assistant"}),
        _delta({"text": "No "}),
        _delta({"text": "such city é."}),
        ("contentBlockStop", {"contentBlockIndex": 0}),
        ("contentBlockStart", {"contentBlockIndex": 1, "start": start}),
        _delta({"toolUse": {"input": '{"q":'}}, 1),
        _delta({"toolUse": {"input": ' "Rome"}'}}, 1),
        ("messageStop", {"stopReason": "tool_use"}),
        ("metadata", {"usage": _USAGE, "metrics": {"latencyMs": 12}}),
    )


def _script(model: Loose, text: Loose) -> None:
    message = {"role": "assistant", "content": [{"text": "I look."}, {"toolUse": _USE}]}
    whole = {"output": {"message": message}, "stopReason": "tool_use", "usage": _USAGE}
    joined = b"".join(_stream())
    pieces = (joined[:50], joined[50:300], joined[300:])  # frames are cut anywhere
    model.then(
        text.scripted(json.dumps({**whole, "metrics": {"latencyMs": 12}}).encode()),
        text.scripted(content_type="application/vnd.amazon.eventstream", chunks=pieces),
    )


def test_recorded_and_replayed(both: Loose, model: Loose, text: Loose) -> None:
    """A tool call, its result and binary frames: the same in the replay, the provider gone."""
    _script(model, text)
    _, again = both(_agent)
    calls = [step for step in again.steps if isinstance(step, LlmCall)]
    tools = [step for step in again.steps if isinstance(step, ToolCall)]
    assert [("weather", {"city": "Rome"}, "error"), ("search", {"q": "Rome"}, None)] == [
        (tool.name, tool.arguments, tool.error) for tool in tools
    ]
    assert [(_MODEL, "bedrock", "tool_use", 50, 0.5)] * 2 == [
        (c.model, c.provider, c.finish_reason, c.max_tokens, c.temperature) for c in calls
    ]
    said: Any = calls[1].output
    assert "No such city é." == said["content"][0]["text"]
    assert [100, 100] == [call.input_tokens for call in calls]


def test_path_upstream(gateway: Loose, model: Loose, text: Loose) -> None:
    """A model that is an ARN stays one segment of the path."""
    model.answer = lambda _seen: text.scripted(b'{"message": "no"}', status=400)
    arn = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0"

    def agent(url: str) -> None:
        with pytest.raises(ClientError), _client(url) as client:
            client.converse(modelId=arn, messages=_ASKED)

    outcome = gateway("off", model.origin).during(agent)
    assert [arn] == [step.model for step in outcome.steps if isinstance(step, LlmCall)]


def test_cost(both: Loose, model: Loose, text: Loose) -> None:
    """60 fresh and 40 cached in, 20 out, at AWS's list price."""
    _script(model, text)
    first, _ = both(_agent)
    call = next(step for step in first.steps if isinstance(step, LlmCall))
    assert call.usage is not None
    cost = price_call(
        call.usage, "anthropic.claude-3-5-haiku-20241022-v1:0", "bedrock", None, PriceBook()
    )
    # AWS's price list for Claude 3.5 Haiku, USD a million: 0.80 in, 0.08 cache read, 4 out.
    assert not isinstance(cost, Unpriced), cost
    assert pytest.approx((60 * 0.80 + 40 * 0.08 + 20 * 4) / 1e6) == float(cost)


@pytest.mark.parametrize(
    ("status", "kind", "named"),
    [
        (429, "ThrottlingException", "throttled"),
        (503, "ServiceUnavailableException", "overloaded"),
        (403, "AccessDeniedException", "auth"),
        (424, "ModelErrorException", "server_error"),
    ],
)
def test_errors(
    gateway: Loose, model: Loose, text: Loose, status: int, kind: str, named: str
) -> None:
    """An error keeps AWS's form, whose type stands in a header."""
    model.answer = lambda _seen: text.scripted(
        b'{"message":"no"}', status=status, headers={"x-amzn-errortype": kind}
    )

    def agent(url: str) -> None:
        with pytest.raises(ClientError) as caught, _client(url) as client:
            client.converse(modelId=_MODEL, messages=_ASKED)
        assert kind == caught.value.response["Error"]["Code"]

    outcome = gateway("record", model.origin).during(agent)
    assert {named} == {step.error for step in outcome.steps if isinstance(step, LlmCall)}


def test_exception_in_a_stream(gateway: Loose, model: Loose, text: Loose) -> None:
    """A stream that ends in an exception is an outage, for the agent and in the trace."""
    headers = {
        ":exception-type": "throttlingException",
        ":content-type": "application/json",
        ":message-type": "exception",
    }
    event = (
        f'event: throttlingException\nheaders: {json.dumps(headers)}\ndata: {{"message":"slow"}}'
    )
    chunks = (*_stream()[:2], as_frames(event.encode()))
    model.then(text.scripted(content_type="application/vnd.amazon.eventstream", chunks=chunks))

    def agent(url: str) -> None:
        with _client(url) as client, pytest.raises(EventStreamError, match="throttlingException"):
            list(client.converse_stream(modelId=_MODEL, messages=_ASKED)["stream"])

    outcome = gateway("record", model.origin).during(agent)
    assert ["throttled"] == [step.error for step in outcome.steps if isinstance(step, LlmCall)]


def test_miss(gateway: Loose) -> None:
    """What is not recorded is an error in AWS's form, and the trial is not measured."""

    def agent(url: str) -> None:
        with _client(url) as client, pytest.raises(ClientError, match="is recorded") as caught:
            client.converse(modelId=_MODEL, messages=_ASKED)
        assert "ValidationException" == caught.value.response["Error"]["Code"]

    assert "not_measured" == gateway("replay").during(agent).status
