"""Tests of `evalgate export otlp` against our own collector, in both encodings."""

import re
from pathlib import Path

import httpx2
import pytest

from evalgate.commands.operations.collect import Collector, collector_app
from evalgate.commands.operations.export import (
    Outside,
    export_otlp,
    langfuse_target,
    otlp_target,
    sent_traces,
)
from evalgate.errors import ConfigError
from evalgate.gateway.server import serve_in_thread
from evalgate.schema.trace import LlmCall, RecordedScore, ToolCall, Trace
from evalgate.sending import Message, send
from evalgate.store.traces import load_traces, write_traces
from evalgate.suite.environment import this_machine
from evalgate.text.redact import Redactor

CHAT = LlmCall(model="m", input_tokens=9, output_tokens=2, cost_usd=0.25, start=0.0, end=1.0)
TRACE = Trace(
    case_id="refund",
    started_at="2026-05-01T20:00:00Z",
    duration=2.0,
    steps=(CHAT, ToolCall(name="pay", arguments={"id": 7}, error="timeout")),
    scores=(RecordedScore(name="helpful", value=0.5, comment="a little", source="EVAL"),),
)


@pytest.mark.parametrize("binary", [False, True])
def test_what_is_sent_comes_in_once(binary: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """Steps, tokens, cost and scores arrive as they were; a second export sends nothing."""
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    write_traces(source, [TRACE])
    collector = Collector(out, Redactor.build({}))
    with serve_in_thread(collector_app(collector, lambda: 0.0)) as url, httpx2.Client() as client:
        target = otlp_target({}, url, (), binary=binary)
        outside = Outside(client, lambda _s: None, 0, tmp_path)
        sent = list(sent_traces(str(source), tmp_path, this_machine()))
        done = [export_otlp(sent, target, outside) for _ in range(2)]
    collector.close()
    assert [(1, 3, 0), (0, 0, 1)] == [(one.traces, one.spans, one.known) for one in done]
    (got,) = load_traces(out)
    told = {"exclude": {"metadata": True, "steps": {0: {"usage"}}}}  # parts of the same counts
    assert TRACE.model_dump(**told) == got.model_dump(**told)


def test_a_receiver_that_is_down_gets_it_later(tmp_path: Path) -> None:
    """Nobody listens: it is named, is no doubt, and the next export sends it."""
    source = tmp_path / "in.jsonl"
    write_traces(source, [TRACE])
    sent = list(sent_traces(str(source), tmp_path, this_machine()))
    with httpx2.Client() as client:
        outside = Outside(client, lambda _s: None, 0, tmp_path)
        done = export_otlp(sent, otlp_target({}, "http://127.0.0.1:9", (), binary=False), outside)
    assert (0, [], 1) == (done.traces, done.doubts, len(done.problems))
    assert "no connection" in done.problems[0]


@pytest.mark.parametrize("url", ["http://[::1", "http://a:b", "http://a:99999", "ftp://a", "a", ""])
def test_an_address_that_is_none_is_named(url: str) -> None:
    """Nothing is sent, least of all to another place, and nothing is in doubt."""
    keys = {"LANGFUSE_PUBLIC_KEY": "p", "LANGFUSE_SECRET_KEY": "s"}
    with pytest.raises(ConfigError, match=f"--host: found '{re.escape(url)}'"):
        langfuse_target(keys, url)
    variable = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
    with pytest.raises(ConfigError, match=f"{variable if url else 'no endpoint'}"):
        otlp_target({variable: url} if url else {}, None, (), binary=False)


def test_what_was_never_sent_is_not_in_doubt() -> None:
    """No connection is opened to an address of another protocol."""
    with httpx2.Client() as client:
        reply = send(Message("ftp://a/x", b"", "text/plain", {}), client, lambda _s: None)
    assert ("refused", 1) == (reply.state, reply.attempts)
