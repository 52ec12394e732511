"""Tests of the collector: a real exporter of OpenTelemetry against it, and in process."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from support.telemetry import ANSWER, answer, provider

import evalgate
from evalgate.commands.operations.collect import Collector, collector_app, write_drafts
from evalgate.gateway.server import serve_in_thread
from evalgate.schema.golden import Case, Expected, ExpectedCall
from evalgate.schema.score import Scored
from evalgate.schema.trace import LlmCall, ToolCall, Trace
from evalgate.scorers.builtin import builtin_scorers, score_trial
from evalgate.scorers.settings import Settings
from evalgate.store.golden_sets.golden import load_golden
from evalgate.store.traces import load_traces
from evalgate.suite.environment import this_machine
from evalgate.text.redact import Redactor

SPAN: dict[str, Any] = {"traceId": "a" * 32, "spanId": "b" * 16, "name": "x"}
Served = tuple[Collector, str, Path]


def request(*spans: Any) -> dict[str, Any]:  # noqa: ANN401
    """Put spans in a request."""
    return {"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Serve a collector on loopback."""
    path = tmp_path / "traces.jsonl"
    collector = Collector(path, Redactor.build({"APP_API_KEY": "sk-app-9f8e7d6c5b4a3210"}))
    with serve_in_thread(collector_app(collector, lambda: 0.0)) as origin:
        yield collector, f"{origin}/v1/traces", path


def collected(served: Served) -> list[Trace]:
    """Close the collector and return what it wrote."""
    served[0].close()
    return load_traces(served[2])


def metrics(trace: Trace) -> dict[str, float]:
    """Score a trial with the gate's own scorers; times differ between runs."""
    call = ExpectedCall(name="find_order", arguments={"id": 7})
    case = Case(
        id=trace.case_id,
        input="Where is order 7?",
        expected=Expected(tool_calls=(call,), output={"contains": ["Friday"]}),
    )
    settings = Settings(evidence="recorded")
    scores = score_trial(builtin_scorers(settings, [case]), case, trace, settings).scores
    timed = ("time", "ttft", "latency", "own", "tokens_per", "duration")
    return {
        name: score.value
        for name, score in scores.items()
        if isinstance(score, Scored) and not any(word in name for word in timed)
    }


def by_hand() -> Trace:
    """Return what the same agent did, as nobody instrumented it."""
    call = {"id": "c1", "type": "function", "function": {"name": "find_order"}}
    first = LlmCall(model="gpt-4.1", provider="openai", input_tokens=3, output_tokens=5,
                    output={"role": "assistant", "tool_calls": [call]})  # fmt: skip
    tool = ToolCall(name="find_order", arguments={"id": 7}, result={"day": "Friday"})
    last = LlmCall(model="gpt-4.1", provider="openai", input_tokens=40, output_tokens=10,
                   output={"role": "assistant", "content": ANSWER})  # fmt: skip
    return Trace(case_id="order", output=ANSWER, steps=(first, tool, last))


def test_an_instrumented_agent_needs_an_endpoint_alone(served: Served) -> None:
    """Over the wire, in process, and uninstrumented: the same metrics."""
    sent = provider(SimpleSpanProcessor(OTLPSpanExporter(endpoint=served[1])))
    answer(sent, "order")
    sent.shutdown()
    (wire,) = collected(served)
    capture = evalgate.capture()
    with capture.trial("order"):
        answer(provider(capture))
    (inside,) = capture.take()
    assert metrics(by_hand()) == metrics(wire) == metrics(inside)
    assert 1.0 == metrics(wire)["task_success"]
    assert (43, 15) == tuple(
        sum(getattr(s, name) for s in wire.steps if isinstance(s, LlmCall))
        for name in ("input_tokens", "output_tokens")
    )


def test_capture_numbers_the_trials_of_a_case() -> None:
    """Two trials of one case, and spans outside of any."""
    capture = evalgate.capture()
    traced = provider(capture)
    for _ in range(2):
        with capture.trial("order"):
            answer(traced)
            answer(traced)  # two roots of one trial make one trace
    answer(traced)
    first, second, outside = capture.take()
    assert [("order", 0), ("order", 1)] == [(t.case_id, t.trial) for t in (first, second)]
    assert [4, 4, 2] == [
        sum(isinstance(s, LlmCall) for s in t.steps) for t in (first, second, outside)
    ]
    assert () == capture.take()


@pytest.mark.parametrize("compress", [False, True])
def test_json(compress: bool, served: Served) -> None:  # noqa: FBT001
    """JSON, compressed or not; a repeated span counts once, one without an id is refused."""
    body = json.dumps(request(SPAN, {"name": "no id"})).encode()
    headers = {"content-type": "application/json"}
    if compress:
        body, headers = gzip.compress(body), {**headers, "content-encoding": "gzip"}
    replies = [httpx2.post(served[1], content=body, headers=headers) for _ in range(2)]
    assert [200, 200] == [one.status_code for one in replies]
    assert {"partialSuccess": {"rejectedSpans": "1"}} == replies[0].json()
    assert 1 == len(collected(served))
    assert (1, 1, 2) == (served[0].done.spans, served[0].done.repeated, served[0].done.refused)


@pytest.mark.parametrize(("body", "headers", "status"), [
    (b"{", {}, 400),
    (b"[]", {}, 400),
    (b"\xff\xff", {"content-type": "application/x-protobuf"}, 400),
    (gzip.compress(b"{}")[:-4], {"content-encoding": "gzip"}, 400),
    (b"no", {"content-encoding": "gzip"}, 400),
    (gzip.compress(b" " * 20_000_000), {"content-encoding": "gzip"}, 413),
])  # fmt: skip
def test_half_a_request(body: bytes, headers: dict[str, str], status: int, served: Served) -> None:
    """What cannot be read is refused with its status, and nothing is kept."""
    assert status == httpx2.post(served[1], content=body, headers=headers).status_code
    assert [] == collected(served)


def test_a_killed_collector_loses_nothing(tmp_path: Path) -> None:
    """Spans that were acknowledged are read again, also behind a line that was cut off."""
    path = tmp_path / "t.jsonl"
    nothing = Redactor.build({})
    killed = Collector(path, nothing)
    killed.take(request(SPAN), 0.0)
    killed.abandon()
    with Path(f"{path}.open").open("ab") as file:
        file.write(b'{"resourceSp')
    again = Collector(path, nothing)
    again.take(request({**SPAN, "spanId": "c" * 16}), 0.0)
    again.close()
    (trace,) = load_traces(path)
    assert 2 == len(trace.steps)
    third = Collector(path, nothing)
    third.take(request(SPAN), 0.0)
    third.close()
    assert (1, 1) == (third.done.late, len(load_traces(path)))


def test_a_trace_is_written_when_it_settles(tmp_path: Path) -> None:
    """A trace waits for late spans, and clocks that run backwards do no harm."""
    path = tmp_path / "t.jsonl"
    collector = Collector(path, Redactor.build({}))
    skewed = {**SPAN, "startTimeUnixNano": "2000000000", "endTimeUnixNano": "1000000000"}
    collector.take(request(skewed), 10.0)
    collector.close_settled(14.0, 5.0)
    assert 0 == collector.done.traces
    collector.close_settled(15.0, 5.0)
    assert (1, b"") == (collector.done.traces, Path(f"{path}.open").read_bytes())
    collector.close()


def test_drafts_begin_with_failures(tmp_path: Path) -> None:
    """Failures first, each question once; what a failure answered is no expectation."""
    capture = evalgate.capture()
    traced = provider(capture)
    for fails in (False, True, True):
        answer(traced, fails=fails)
    path, golden = tmp_path / "t.jsonl", tmp_path / "g.jsonl"
    path.write_text("".join(f"{t.model_dump_json(by_alias=True)}\n" for t in capture.take()))
    made, skipped = write_drafts(path, golden, (), 20, this_machine())
    (case,) = load_golden(golden).cases
    assert (1, 2) == (made, len(skipped))
    assert ("Where is order 7?", Expected()) == (case.input, case.expected)
    assert "failed" in case.tags
