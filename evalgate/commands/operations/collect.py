"""`evalgate collect`: a receiver of OTLP/HTTP that turns spans into traces."""

import asyncio
import json
import signal
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from evalgate.commands.draft import draft_cases
from evalgate.errors import ConfigError, DataError, EvalgateError
from evalgate.gateway.server import LOOPBACK, serve
from evalgate.importers.traces.otel import import_otel
from evalgate.importers.traces.otel_sources import any_value, attributes_of
from evalgate.importers.traces.otlp_wire import Signal, read_json, read_protobuf
from evalgate.schema.golden import Case, Expected
from evalgate.schema.trace import ToolCall, Trace
from evalgate.store.golden_sets.golden import write_golden
from evalgate.store.redaction import clean_trace
from evalgate.store.traces import iter_traces, trace_to_json
from evalgate.suite.environment import Environment
from evalgate.text.redact import Redactor

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response


_MOST_BYTES: Final = 16_000_000
_SPOOL_BYTES: Final = 64_000_000
_PATHS: Final[Mapping[str, Signal]] = {"/v1/traces": "traces", "/v1/logs": "logs"}
_CONTENT: Final = "gen_ai."
"""How the name of a log event begins that carries the messages of a model call."""


@dataclass(frozen=True, slots=True)
class CollectOptions:
    """How the collector works."""

    traces: Path
    """File that traces are added to."""
    port: int = 4318
    host: str = LOOPBACK
    settle_s: float = 5.0
    """Seconds without a new span after which a trace is complete."""


@dataclass(slots=True)
class Collected:
    """What was collected."""

    spans: int = 0
    traces: int = 0
    repeated: int = 0
    """Spans that had come before."""
    late: int = 0
    """Spans that came after their trace was written."""
    refused: int = 0
    """Spans that are none."""
    unused: int = 0
    """Log records that belong to no span, or say nothing of a model call."""


_Spans = dict[str, tuple[Any, dict[str, Any]]]


@dataclass(slots=True)
class _Open:
    """A trace that is not complete."""

    last: float
    spans: _Spans = field(default_factory=dict)
    """Resource and row of each span, by id."""
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Log records, each once."""


class Collector:
    """Keeps spans until their trace is complete, on disk before they are acknowledged.

    What a killed collector held is read again when the next one opens the same file. Spans that
    make no trace are kept as they came, in `PATH.unread`.
    """

    def __init__(self, path: Path, redactor: Redactor) -> None:
        """Open the files.

        Args:
            path: The file of traces; `PATH.open` beside it holds the spans of open traces.
            redactor: Takes secrets out before a trace is written.

        Raises:
            DataError: A file cannot be read or written.
        """
        self.done = Collected()
        self._path = path
        self._redactor = redactor
        self._open: dict[str, _Open] = {}
        self._trials: Counter[str] = Counter()
        self._written: set[str] = set()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():
                for _, trace in iter_traces(path):
                    self._know(trace)
            self._traces: IO[bytes] = path.open("ab")
            self._spool: IO[bytes] = Path(f"{path}.open").open("a+b")  # noqa: SIM115  # kept open
        except OSError as error:
            raise DataError(f"{path}: cannot be written: {error.strerror}") from error
        try:
            self._recover()
        except ValueError as error:
            raise DataError(f"{path}.open: {error}", fix="move the file away") from error

    def take(self, data: Any, now: float) -> int:  # noqa: ANN401  # JSON
        """Keep the spans or log records of a request, and return how many spans are none.

        Raises:
            DataError: It holds neither `resourceSpans` nor `resourceLogs`.
        """
        refused = self._take(data, now)
        self._spool.write(json.dumps(data).encode() + b"\n")
        self._spool.flush()
        if self._spool.tell() > _SPOOL_BYTES:
            self._compact()
        return refused

    def close_settled(self, now: float, settle_s: float) -> None:
        """Write the traces that got no span for so long."""
        due = [key for key, one in self._open.items() if now - one.last >= settle_s]
        for key in due:
            self._write(key, self._open.pop(key))
        if due:
            self._traces.flush()
            if not self._open:
                self._spool.truncate(0)

    def close(self) -> None:
        """Write everything that is open, and close the files."""
        self.close_settled(float("inf"), 0.0)
        self.abandon()
        Path(f"{self._path}.open").unlink(missing_ok=True)

    def abandon(self) -> None:
        """Close the files, and leave what is open on disk."""
        self._traces.close()
        self._spool.close()

    def _know(self, trace: Trace) -> None:
        self._trials[trace.case_id] = max(self._trials[trace.case_id], trace.trial + 1)
        known = trace.metadata.get("trace_id")
        if isinstance(known, str):
            self._written.add(known)

    def _recover(self) -> None:
        self._spool.seek(0)
        data = self._spool.read()
        whole = data.rfind(b"\n") + 1
        self._spool.truncate(whole)  # a line that was cut off was not acknowledged
        for line in data[:whole].splitlines():
            self._take(json.loads(line), 0.0)

    def _compact(self) -> None:
        """Keep on disk only what is still open."""
        self._spool.truncate(0)
        for one in self._open.values():
            logs = {"resourceLogs": [{"scopeLogs": [{"logRecords": [*one.records.values()]}]}]}
            for document in (_document(one.spans), logs):
                self._spool.write(json.dumps(document).encode() + b"\n")
        self._spool.flush()

    def _take(self, data: Any, now: float) -> int:  # noqa: ANN401  # JSON
        if isinstance(data, dict) and isinstance(data.get("resourceLogs"), list):
            for _, row in _rows(data, "resourceLogs", "scopeLogs", "logRecords"):
                self._record(row, now)
            return 0
        if not isinstance(data, dict) or not isinstance(data.get("resourceSpans"), list):
            raise DataError(
                "the body has no resourceSpans and no resourceLogs; expected an OTLP request"
            )
        rows = _rows(data, "resourceSpans", "scopeSpans", "spans")
        refused = sum(not self._span(resource, row, now) for resource, row in rows)
        self.done.refused += refused
        return refused

    def _span(self, resource: Any, row: Any, now: float) -> bool:  # noqa: ANN401  # JSON
        if not _is_placed(row):
            return False
        span_id, one = row["spanId"], self._opened(row["traceId"], now)
        if one is None:
            return True
        if span_id in one.spans:
            self.done.repeated += 1
            return True
        one.spans[span_id] = (resource, row)
        self.done.spans += 1
        return True

    def _record(self, row: Any, now: float) -> None:  # noqa: ANN401  # JSON
        """Keep what a log record says of a model call until its span is there."""
        if not _is_placed(row) or not _event(row)["name"]:
            self.done.unused += 1
        elif (one := self._opened(row["traceId"], now)) is not None:
            one.records[json.dumps(row, sort_keys=True)] = row

    def _opened(self, trace_id: str, now: float) -> _Open | None:
        """Return the open trace; null: it was written before."""
        if trace_id in self._written:
            self.done.late += 1
            return None
        one = self._open.setdefault(trace_id, _Open(now))
        one.last = now
        return one

    def _write(self, key: str, one: _Open) -> None:
        self._written.add(key)
        self.done.unused += sum(row["spanId"] not in one.spans for row in one.records.values())
        if not one.spans:
            return
        document = _document(_with_events(one))
        try:
            (trace,) = import_otel(document, {}).traces
        except EvalgateError:
            self.done.refused += len(one.spans)
            with Path(f"{self._path}.unread").open("ab") as file:
                file.write(json.dumps(document).encode() + b"\n")
            return
        number = self._trials[trace.case_id]
        self._trials[trace.case_id] += 1
        trace = clean_trace(trace.model_copy(update={"trial": number}), self._redactor)
        self._traces.write(f"{trace_to_json(trace)}\n".encode("utf-8", "replace"))
        self.done.traces += 1


def _rows(data: dict[str, Any], *keys: str) -> Iterator[tuple[Any, Any]]:
    """Yield resource and row of everything in a request."""
    outer, middle, inner = keys
    for group in data[outer]:
        resource = group.get("resource") if isinstance(group, dict) else None
        scopes = group.get(middle) if isinstance(group, dict) else None
        for scope in scopes if isinstance(scopes, list) else []:
            rows = scope.get(inner) if isinstance(scope, dict) else None
            yield from ((resource, row) for row in (rows if isinstance(rows, list) else []))


def _is_placed(row: Any) -> bool:  # noqa: ANN401  # JSON
    """Whether it says which span of which trace it is, or belongs to."""
    if not isinstance(row, dict):
        return False
    ids = (row.get("traceId"), row.get("spanId"))
    return all(isinstance(one, str) for one in ids) and all(ids)


def _event(row: dict[str, Any]) -> dict[str, Any]:
    """Return a log record as the event of a span; without a name, it says nothing of a call."""
    values = attributes_of(row.get("attributes"))
    name = row.get("eventName") or values.get("event.name")
    carries = isinstance(name, str) and name.startswith(_CONTENT)
    if "body" in row:
        values = {**values, "body": any_value(row["body"])}
    return {"name": name if carries else "", "attributes": values}


def _with_events(one: _Open) -> _Spans:
    """Put each log record into the span that it belongs to."""
    events: dict[str, list[dict[str, Any]]] = {}
    for row in one.records.values():
        events.setdefault(row["spanId"], []).append(_event(row))
    return {
        key: (resource, {**row, "events": [*_listed(row.get("events")), *events.get(key, [])]})
        for key, (resource, row) in one.spans.items()
    }


def _listed(value: Any) -> list[Any]:  # noqa: ANN401  # JSON
    return value if isinstance(value, list) else []


def _document(spans: _Spans) -> dict[str, Any]:
    return {
        "resourceSpans": [
            {"resource": resource or {}, "scopeSpans": [{"spans": [row]}]}
            for resource, row in spans.values()
        ]
    }


def collector_app(collector: Collector, clock: Callable[[], float]) -> "Starlette":
    """Make the ASGI app.

    Args:
        collector: Takes the spans.
        clock: Seconds; only differences count.
    """
    from starlette.applications import Starlette  # noqa: PLC0415  # heavy
    from starlette.responses import Response  # noqa: PLC0415
    from starlette.routing import Route  # noqa: PLC0415

    async def take(request: "Request") -> "Response":
        binary = "protobuf" in request.headers.get("content-type", "")
        try:
            body = _inflated(await request.body(), request.headers)
            signal = _PATHS[request.url.path]
            data = read_protobuf(body, signal) if binary else read_json(body, _MOST_BYTES)
            refused = collector.take(data, clock())
        except _TooLargeError:
            return Response("the body is too large", 413)
        except DataError as error:
            return Response(str(error), 400)
        if binary:
            return Response(_partial(refused), media_type="application/x-protobuf")
        said = {"partialSuccess": {"rejectedSpans": str(refused)}} if refused else {}
        return Response(json.dumps(said), media_type="application/json")

    async def ignore(request: "Request") -> "Response":
        """Take what nothing is made of, so that no exporter complains."""
        kind = request.headers.get("content-type", "")
        return Response(b"" if "protobuf" in kind else b"{}", media_type=kind or "application/json")

    return Starlette(
        routes=[
            *(Route(path, take, methods=["POST"]) for path in _PATHS),
            Route("/v1/metrics", ignore, methods=["POST"]),
        ]
    )


class _TooLargeError(Exception):
    """A body is larger than what is read."""


def _inflated(body: bytes, headers: Mapping[str, str]) -> bytes:
    """Decompress a body, as far as is read."""
    if len(body) > _MOST_BYTES:
        raise _TooLargeError
    if headers.get("content-encoding", "identity").lower() == "identity":
        return body
    reader = zlib.decompressobj(zlib.MAX_WBITS | 32)  # gzip or zlib
    try:
        plain = reader.decompress(body, _MOST_BYTES + 1)
    except zlib.error as error:
        raise DataError(f"the body is not {headers['content-encoding']}: {error}") from error
    if len(plain) > _MOST_BYTES:
        raise _TooLargeError
    if not reader.eof:
        raise DataError("the compressed body ends in the middle")
    return plain


def _partial(refused: int) -> bytes:
    """Write an `ExportTraceServiceResponse`; an empty message is a full success."""
    if not refused:
        return b""
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2  # noqa: PLC0415  # extra

    response = trace_service_pb2.ExportTraceServiceResponse()
    response.partial_success.rejected_spans = refused
    body: bytes = response.SerializeToString()
    return body


def collect(
    options: CollectOptions, environment: Environment, announce: Callable[[str], None]
) -> Collected:
    """Listen until interrupted or told to end.

    Args:
        options: Where to listen and to write.
        environment: The clock, and the secrets to leave out.
        announce: Is given the base URL once it listens.

    Raises:
        ConfigError: The port is in use, or the host is not this machine.
        DataError: The file cannot be written.
    """
    clock = environment.clock.now
    collector = Collector(options.traces, Redactor.build(environment.environ))

    async def listen() -> None:
        stop, app = asyncio.Event(), collector_app(collector, clock)
        loop = asyncio.get_running_loop()
        for name in ("SIGTERM", "SIGINT", "SIGHUP"):  # Windows has no handlers of a loop
            with suppress(AttributeError, NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(getattr(signal, name), stop.set)
        async with serve(app, port=options.port, host=options.host) as origin:
            announce(origin)
            while not stop.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), timeout=min(options.settle_s, 1.0))
                collector.close_settled(clock(), options.settle_s)

    try:
        asyncio.run(listen())
    finally:
        collector.close()
    return collector.done


def write_drafts(
    traces: Path, golden: Path, tags: tuple[str, ...], most: int, environment: Environment
) -> tuple[int, list[str]]:
    """Draft cases from collected traces, failures first, each question once.

    Returns:
        How many were drafted, and a sentence for each trace that gave none.

    Raises:
        DataError: The traces cannot be read, or the golden set cannot be written.
    """
    wanted = set(tags)
    found = [t for _, t in iter_traces(traces) if not wanted or wanted & set(t.tags)]
    failed = [one for one in found if _failed(one)]
    rest = [one for one in found if not _failed(one)]
    redactor = Redactor.build(environment.environ)
    finished = [one.model_copy(update={"status": "finished"}) for one in failed]
    first, skipped = draft_cases(finished, {}, redactor)
    bare = [_bare(case) for case in first]
    more, also = draft_cases(rest, {}, redactor, taken=bare)
    cases = [*bare, *more][:most]
    if golden.exists():
        raise ConfigError(f"{golden} exists", fix="name another file; drafts replace nothing")
    write_golden(golden, cases)
    return len(cases), [*skipped, *also]


def _bare(case: Case) -> Case:
    """Keep the question of a failure: what was answered is no expectation."""
    tags = tuple(dict.fromkeys((*case.tags, "failed")))
    return case.model_copy(update={"expected": Expected(), "tags": tags})


def _failed(trace: Trace) -> bool:
    """Whether a trace shows a failure: of the trial, of a tool, or in a user's eyes."""
    thumbs = None if trace.feedback is None else trace.feedback.thumbs
    low = any(s.name == "task_success" and s.value in (0, False) for s in trace.scores)
    tools = any(isinstance(step, ToolCall) and step.error for step in trace.steps)
    return trace.status != "finished" or thumbs == "down" or low or tools
