"""A Langfuse on loopback: checks requests as theirs does, and doubles a repeated span."""

import gzip
import json
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict
from langfuse.api.scores.types.create_score_request import CreateScoreRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from evalgate.importers.traces.otel_sources import OtelSpan, read_spans

KEYS = {"LANGFUSE_PUBLIC_KEY": "pk-lf-test", "LANGFUSE_SECRET_KEY": "sk-lf-test"}
_TOKEN = b64encode(b"pk-lf-test:sk-lf-test").decode()


class Langfuse:
    """What a project holds; codes to answer with before that can be planted."""

    def __init__(self) -> None:
        """Start empty."""
        self.url = ""
        self.spans: list[tuple[str, OtelSpan]] = []
        self.scores: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.codes: list[int] = []
        self.requests = 0
        self.most_bytes = 4_500_000

    def take(self, path: str, headers: Any, raw: bytes) -> int:  # noqa: ANN401
        """Answer one request with a status."""
        self.requests += 1
        if self.codes and (code := self.codes.pop(0)) != 200:
            return code
        if headers["authorization"] != f"Basic {_TOKEN}":
            return 401
        body = gzip.decompress(raw)
        if len(body) > self.most_bytes:
            return 413
        if path == "/api/public/scores":
            return self._score(json.loads(body))
        assert "/api/public/otel/v1/traces" == path
        assert "4" == headers["x-langfuse-ingestion-version"]
        # Ids of OTLP's JSON are hexadecimal; the parser refuses unknown fields.
        data = json.loads(body)
        ParseDict(data, ExportTraceServiceRequest())
        self.spans += list(read_spans(data))
        return 200

    def _score(self, body: dict[str, Any]) -> int:
        read = CreateScoreRequest.model_validate(body)
        assert read.timestamp is not None
        assert isinstance(read.value, str) == (body["dataType"] in ("CATEGORICAL", "TEXT"))
        self.scores[str(read.id), read.name, read.timestamp.date().isoformat()] = body
        return 200

    def traces(self) -> list[dict[str, Any]]:
        """Return the traces as an export does, cost added up over all observations."""
        ids = dict.fromkeys(trace_id for trace_id, _ in self.spans)
        return [self._trace(trace_id) for trace_id in ids]

    def _trace(self, trace_id: str) -> dict[str, Any]:
        rows = [_observation(span) for owner, span in self.spans if owner == trace_id]
        scores = [s for s in self.scores.values() if s["traceId"] == trace_id]
        root = next(row for row in rows if row["parentObservationId"] is None)
        values = root["metadata"]["attributes"]
        return {
            "id": trace_id,
            "timestamp": root["startTime"],
            "name": values.get("langfuse.trace.name"),
            "sessionId": values.get("session.id"),
            "userId": values.get("user.id"),
            "tags": values.get("langfuse.trace.tags", []),
            "observations": rows,
            "scores": [_score_row(one) for one in scores],
            "totalCost": sum(row["costDetails"].get("total", 0) for row in rows),
        }


def _score_row(body: dict[str, Any]) -> dict[str, Any]:
    is_text = isinstance(body["value"], str)
    kept = {key: value for key, value in body.items() if key not in ("value", "traceId")}
    return {**kept, ("stringValue" if is_text else "value"): body["value"], "source": "API"}


def _observation(span: OtelSpan) -> dict[str, Any]:
    """Turn a span into an observation, as Langfuse's attribute mapping does."""
    values = span.attributes

    def data(name: str) -> Any:  # noqa: ANN401
        text = values.get(f"langfuse.observation.{name}")
        return json.loads(str(text)) if text is not None else {}

    return {
        "id": span.id,
        "parentObservationId": span.parent,
        "type": str(values["langfuse.observation.type"]).upper(),
        "name": span.name,
        "startTime": _time(span.start),
        "endTime": _time(span.end),
        "completionStartTime": values.get("langfuse.observation.completion_start_time"),
        "level": values.get("langfuse.observation.level", "DEFAULT"),
        "statusMessage": values.get("langfuse.observation.status_message"),
        "input": values.get("langfuse.observation.input"),
        "output": values.get("langfuse.observation.output"),
        "model": values.get("langfuse.observation.model.name"),
        "modelParameters": data("model.parameters"),
        "usageDetails": data("usage_details"),
        "costDetails": data("cost_details"),
        "metadata": {"attributes": dict(values)},
    }


def _time(nanoseconds: int | None) -> str:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=(nanoseconds or 0) // 1_000)
    return at.isoformat()


def as_json(body: bytes) -> Any:  # noqa: ANN401
    """Read a protobuf request as plain data."""
    return MessageToDict(ExportTraceServiceRequest.FromString(body))


@contextmanager
def langfuse_server() -> Iterator[Langfuse]:
    """Serve on loopback."""
    project = Langfuse()
    failures: list[BaseException] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["content-length"]))
            try:
                code = project.take(self.path, self.headers, raw)
            except Exception as error:  # noqa: BLE001  # shown by the test below
                failures.append(error)
                code = 400
            self.send_response(code)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    project.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield project
        assert [] == failures
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
