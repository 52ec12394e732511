"""google-genai over real sockets: live, recorded, and replayed."""

import json
from typing import Any

import pytest
from google import genai
from google.genai import errors, types

from evalgate.pricing import PriceBook, Unpriced, price_call
from evalgate.schema.trace import LlmCall, ToolCall

Loose = Any
"""Fixtures and wire data; the types of `conftest.py` cannot be imported from here."""

_MODEL = "gemini-2.5-flash"
_USAGE = {
    "promptTokenCount": 100,
    "candidatesTokenCount": 20,
    "thoughtsTokenCount": 5,
    "cachedContentTokenCount": 40,
    "totalTokenCount": 125,
}
_CALL = {"functionCall": {"name": "weather", "args": {"city": "Rome"}}, "thoughtSignature": "c2ln"}


def _answer(*parts: Loose, finish: str | None = "STOP", usage: Loose = None) -> Loose:
    candidate: Any = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    if finish is not None:
        candidate["finishReason"] = finish
    body: Any = {"candidates": [candidate], "modelVersion": _MODEL}
    return body if usage is None else {**body, "usageMetadata": usage}


def _client(url: str) -> genai.Client:
    options = types.HttpOptions(base_url=url.removesuffix("/v1"), api_version="v1beta")
    return genai.Client(api_key="k", http_options=options)


def _tools() -> types.GenerateContentConfig:
    declared = types.FunctionDeclaration(
        name="weather", parameters_json_schema={"type": "object", "properties": {}}
    )
    return types.GenerateContentConfig(
        system_instruction="Be brief.",
        tools=[types.Tool(function_declarations=[declared])],
        max_output_tokens=50,
        temperature=0.5,
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )


def _agent(url: str) -> Loose:
    """Ask, call the tool the model wants, and read the stream of the answer."""
    client = _client(url)
    asked = types.Content(role="user", parts=[types.Part(text="Weather in Rome?")])
    first = client.models.generate_content(model=_MODEL, contents=[asked], config=_tools())
    said = first.candidates[0].content if first.candidates else None
    assert said is not None
    answer = types.Part.from_function_response(name="weather", response={"error": "no such city"})
    contents: Any = [asked, said, types.Content(role="user", parts=[answer])]
    stream = client.models.generate_content_stream(model=_MODEL, contents=contents, config=_tools())
    return [chunk.text for chunk in stream]


def _script(model: Loose, text: Loose) -> None:
    pieces = [
        _answer({"text": "No "}, finish=None),
        _answer({"text": "such city."}, usage=_USAGE),
    ]
    model.then(
        text.scripted(json.dumps(_answer(_CALL, usage=_USAGE)).encode()),
        text.scripted(content_type="text/event-stream", chunks=text.sse(*pieces, done=False)),
    )


def test_recorded_and_replayed(both: Loose, model: Loose, text: Loose) -> None:
    """A tool call, its result and a stream: the same in the replay, with the provider gone."""
    _script(model, text)
    _, again = both(_agent)
    calls = [step for step in again.steps if isinstance(step, LlmCall)]
    (tool,) = [step for step in again.steps if isinstance(step, ToolCall)]
    assert ("weather", {"city": "Rome"}, "error") == (tool.name, tool.arguments, tool.error)
    first = calls[0]
    assert (_MODEL, "google", "STOP", 50, 0.5) == (
        first.model,
        first.provider,
        first.finish_reason,
        first.max_tokens,
        first.temperature,
    )
    parts: Any = calls[1].output
    assert "No such city." == parts["parts"][0]["text"]
    assert f"/v1beta/models/{_MODEL}:generateContent" == model.seen[0].path
    assert "alt=sse" in model.seen[1].query


def test_cost(both: Loose, model: Loose, text: Loose) -> None:
    """100 in of which 40 are cached, 20 out and 5 of thinking beside them, at list price."""
    _script(model, text)
    first, _ = both(_agent)
    call = next(step for step in first.steps if isinstance(step, LlmCall))
    assert call.usage is not None
    cost = price_call(call.usage, _MODEL, "google", None, PriceBook())
    # Google's price list for Gemini 2.5 Flash, USD a million: 0.30 in, 0.03 cached, 2.50 out.
    assert not isinstance(cost, Unpriced)
    assert pytest.approx((60 * 0.30 + 40 * 0.03 + 25 * 2.50) / 1e6) == float(cost)


def test_throttled(gateway: Loose, model: Loose, text: Loose) -> None:
    """A 429 in Google's form keeps its form and its hint; a day's quota is no throttle."""
    hint = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "17s"}
    day = {"violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}
    for detail in (hint, day):
        error = {
            "code": 429,
            "message": "slow",
            "status": "RESOURCE_EXHAUSTED",
            "details": [detail],
        }
        model.then(text.scripted(json.dumps({"error": error}).encode(), status=429))

    def agent(url: str) -> None:
        client = _client(url)
        for question in ("a", "b"):
            with pytest.raises(errors.ClientError) as caught:
                client.models.generate_content(model=_MODEL, contents=question)
            assert (429, "RESOURCE_EXHAUSTED") == (caught.value.code, caught.value.status)

    outcome = gateway("record", model.origin).during(agent)
    seen = [(s.error, s.attempts[0].retry_after) for s in outcome.steps if isinstance(s, LlmCall)]
    assert [("throttled", 17.0), ("quota_exhausted", None)] == seen


def test_miss(gateway: Loose) -> None:
    """What is not recorded is an error in Google's form, and the trial is not measured."""

    def agent(url: str) -> None:
        client = _client(url)
        with pytest.raises(errors.ClientError, match="is recorded"):
            client.models.generate_content(model=_MODEL, contents="new")

    assert "not_measured" == gateway("replay").during(agent).status
