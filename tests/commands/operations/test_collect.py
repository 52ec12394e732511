"""Tests of the collector: a real exporter of OpenTelemetry against it, and in process."""

import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE
from typing import Any

import httpx2
import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from support.cli import Cli
from support.telemetry import ANSWER, ASKED, CALLED, answer, provider

import evalgate
from evalgate.commands.operations.collect import Collector, collector_app, write_drafts
from evalgate.gateway.server import serve_in_thread
from evalgate.schema.golden import Case, Expected, ExpectedCall
from evalgate.schema.score import Scored
from evalgate.schema.trace import LlmCall, Trace
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


PLAIN = '''
"""The same agent on the plain openai client; its tool is a function that nobody watches."""

import json

from openai import OpenAI

TOOLS = [{"type": "function", "function": {"name": "find_order", "parameters": {}}}]


def find_order(id):
    return {"day": "Friday"}


def answer(question):
    messages = [{"role": "user", "content": question}]
    while True:
        done = OpenAI().chat.completions.create(model="gpt-4.1", messages=messages, tools=TOOLS)
        said = done.choices[0].message
        if not said.tool_calls:
            return said.content
        messages.append(said.model_dump(exclude_none=True))
        for call in said.tool_calls:
            found = find_order(**json.loads(call.function.arguments))
            messages.append({"role": "tool", "tool_call_id": call.id, "content": json.dumps(found)})
'''
SUITE = """\
suites:
  orders:
    golden: golden.jsonl
    agent: "python:plain:answer"
    gateway: {{upstream: {{openai: "{url}/v1"}}}}
"""


async def model(request: Request) -> JSONResponse:
    """Call the tool, then answer: with the texts and tokens of the instrumented agent."""
    asked = (await request.json())["messages"]
    call = {"name": CALLED["name"], "arguments": json.dumps(CALLED["arguments"])}
    calls = [{"id": "c1", "type": "function", "function": call}]
    first = len(asked) == 1
    said = {"content": None, "tool_calls": calls} if first else {"content": ANSWER}
    given, got = (3, 5) if first else (40, 10)
    return JSONResponse({
        "id": "1", "object": "chat.completion", "created": 0, "model": "gpt-4.1",
        "choices": [{"index": 0, "message": {"role": "assistant", **said},
                     "finish_reason": "tool_calls" if first else "stop"}],
        "usage": {"prompt_tokens": given, "completion_tokens": got, "total_tokens": given + got},
    })  # fmt: skip


def through_the_gateway(folder: Path, cli: Cli) -> Trace:
    """Run the uninstrumented agent through a gateway, and return what was seen of it."""
    (folder / "plain.py").write_text(PLAIN)
    (folder / "golden.jsonl").write_text('{"id": "order", "input": "Where is order 7?"}\n')
    app = Starlette(routes=[Route("/v1/chat/completions", model, methods=["POST"])])
    with serve_in_thread(app) as url:
        (folder / "evalgate.yaml").write_text(SUITE.format(url=url))
        done = cli("run", "--record", "-q", "-f", "json")
    assert 1 == len(done.json["cases"]), done.err
    (trace,) = load_traces(next(folder.glob(".evalgate/runs/*/traces.jsonl")))
    return trace


def test_an_instrumented_agent_needs_an_endpoint_alone(
    served: Served, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over the wire, in process, and uninstrumented through the gateway: the same metrics."""
    sent = provider(SimpleSpanProcessor(OTLPSpanExporter(endpoint=served[1])))
    answer(sent, "order")
    sent.shutdown()
    (wire,) = collected(served)
    capture = evalgate.capture()
    with capture.trial("order"):
        answer(provider(capture))
    (inside,) = capture.take()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    plain = through_the_gateway(tmp_path, cli)
    only_a_gateway_sees = {"retry_exhaustion": 0.0}
    assert metrics(plain) == metrics(wire) | only_a_gateway_sees
    assert metrics(wire) == metrics(inside)
    assert 1.0 == metrics(wire)["task_success"]
    assert (43, 15) == tuple(
        sum(getattr(s, name) for s in wire.steps if isinstance(s, LlmCall))
        for name in ("input_tokens", "output_tokens")
    )


LOGGED = {
    "gen_ai.input.messages": json.dumps(ASKED),
    "gen_ai.output.messages": '[{"role": "assistant", "content": "Hi"}]',
}


def chat(**fields: Any) -> dict[str, Any]:  # noqa: ANN401
    """Make a span of a model call, of which the messages come elsewhere."""
    named = [{"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}}]
    return {**SPAN, "name": "chat gpt-4.1", "attributes": named, **fields}


def logged(*records: Any) -> dict[str, Any]:  # noqa: ANN401
    """Put log records in a request."""
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": list(records)}]}]}


def record(**fields: Any) -> dict[str, Any]:  # noqa: ANN401
    """Make the log record that carries the messages of `SPAN`."""
    pairs = [{"key": key, "value": {"stringValue": value}} for key, value in LOGGED.items()]
    event = {"eventName": "gen_ai.client.inference.operation.details", "attributes": pairs}
    return {"traceId": SPAN["traceId"], "spanId": SPAN["spanId"], **event, **fields}


@pytest.mark.parametrize("logs_first", [False, True])
def test_messages_in_log_events_join_their_span(tmp_path: Path, *, logs_first: bool) -> None:
    """In either order, once, and after a kill; the log of a program is left out and counted."""
    path, nothing = tmp_path / "t.jsonl", Redactor.build({})
    killed = Collector(path, nothing)
    requests = [request(chat()), logged(record(), {"body": {"stringValue": "started"}})]
    for one in reversed(requests) if logs_first else requests:
        assert 0 == killed.take(one, 0.0)
    killed.abandon()
    again = Collector(path, nothing)
    again.take(logged(record(), record(spanId="f" * 16)), 0.0)
    again.close()
    (trace,) = load_traces(path)
    (step,) = [step for step in trace.steps if isinstance(step, LlmCall)]
    assert "Hi" in json.dumps(step.output)
    assert (1, 2) == (again.done.traces, again.done.unused)


def test_logs_without_spans_make_no_trace(tmp_path: Path) -> None:
    """What is logged of a call whose span never came is counted."""
    collector = Collector(tmp_path / "t.jsonl", Redactor.build({}))
    collector.take(logged(record()), 0.0)
    collector.close()
    assert (0, 1) == (collector.done.traces, collector.done.unused)


@pytest.mark.parametrize("sent", [
    request({**SPAN, "events": 5}),
    request({**SPAN, "events": "no"}, {**SPAN, "spanId": ["b"]}, {**SPAN, "spanId": ""}),
    {"resourceLogs": [5, {"scopeLogs": 5}, {"scopeLogs": [{"logRecords": {}}]}]},
    logged(5, record(spanId=["x"]), record(traceId=7), record(attributes=5), record(eventName=[])),
])  # fmt: skip
def test_odd_fields_end_no_collector(tmp_path: Path, sent: Any) -> None:  # noqa: ANN401
    """Whatever stands in a span or a log record, what came before is written."""
    collector = Collector(tmp_path / "t.jsonl", Redactor.build({}))
    collector.take(request({**SPAN, "traceId": "c" * 32}), 0.0)
    collector.take(sent, 0.0)
    collector.close()
    assert "c" * 32 in (tmp_path / "t.jsonl").read_text()


def test_a_real_exporter_of_logs(served: Served) -> None:
    """An event of the SDK, in protobuf, lands in the span it was logged in."""
    exporter = OTLPLogExporter(endpoint=served[1].replace("traces", "logs"))
    logs = LoggerProvider()
    logs.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    sent = provider(SimpleSpanProcessor(OTLPSpanExporter(endpoint=served[1])))
    with sent.get_tracer("agent").start_as_current_span("chat gpt-4.1") as span:
        span.set_attribute("gen_ai.operation.name", "chat")
        body = {"index": 0, "message": {"role": "assistant", "content": "Hi"}}
        logs.get_logger("agent").emit(LogRecord(event_name="gen_ai.choice", body=body))
    sent.shutdown()
    logs.shutdown()
    (trace,) = collected(served)
    (step,) = trace.steps
    assert "Hi" in step.model_dump_json()


def test_metrics_are_taken_and_left_out(served: Served) -> None:
    """An exporter of metrics that has the same endpoint does not complain."""
    found = httpx2.post(served[1].replace("traces", "metrics"), content=b"{}")
    assert (200, []) == (found.status_code, collected(served))


@pytest.mark.parametrize(
    ("host", "warned"),
    [("127.0.0.1", False), ("localhost", False), ("0.0.0.0", True)],  # noqa: S104  # the point
)
def test_other_machines_are_let_in_only_by_name(tmp_path: Path, host: str, *, warned: bool) -> None:
    """It listens where told, and says who can reach it."""
    command = [sys.executable, "-m", "evalgate", "collect", "t.jsonl", "--port", "0"]
    with subprocess.Popen(
        [*command, "--host", host], cwd=tmp_path, stdout=PIPE, stderr=PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        process.terminate()
        _, errors = process.communicate()
    assert said.startswith(f"listening on http://{host}:")
    assert warned == ("whoever does can add traces" in errors)


def test_a_host_of_another_machine_is_refused(tmp_path: Path, cli: Cli) -> None:
    """It is named, with what to write instead."""
    done = cli("collect", tmp_path / "t.jsonl", "--host", "192.0.2.1", "--port", "0")
    assert (2, True) == (done.code, "192.0.2.1" in done.err and "127.0.0.1" in done.err)


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
    (gzip.compress(b"{}", mtime=0)[:-4], {"content-encoding": "gzip"}, 400),
    (b"no", {"content-encoding": "gzip"}, 400),
    (gzip.compress(b" " * 20_000_000, mtime=0), {"content-encoding": "gzip"}, 413),
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
