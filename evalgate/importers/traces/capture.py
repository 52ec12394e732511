"""Collects the spans of an instrumented agent in its own process, trial by trial."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from evalgate.importers.traces.otel import import_otel
from evalgate.schema.base import Json
from evalgate.schema.trace import Trace

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span


class Capture:
    """A span processor of the OpenTelemetry SDK that keeps what ends, as traces.

    provider.add_span_processor(capture)
    with capture.trial("refund-1"):
        agent.answer("...")
    traces = capture.take()

    Spans of one trial make one trace, whatever they are nested in; spans outside of a trial make
    one for each trace id.
    """

    def __init__(self) -> None:
        """Keep nothing yet."""
        self._lock = threading.Lock()
        self._trial: ContextVar[tuple[str, int] | None] = ContextVar("trial", default=None)
        self._trials: dict[int, tuple[str, int]] = {}
        self._rows: list[tuple[Mapping[str, Json], int, dict[str, Any]]] = []
        self._started = 0

    @contextmanager
    def trial(self, case_id: str) -> Iterator[None]:
        """Take the spans that start in the block for one trial of a case."""
        with self._lock:
            self._started += 1
            key = (case_id, self._started)
        token = self._trial.set(key)
        try:
            yield
        finally:
            self._trial.reset(token)

    def take(self) -> tuple[Trace, ...]:
        """Return the traces of what has ended since the last call, and keep nothing of it.

        Trials of a case are numbered from 0, in the order of their first span.

        Raises:
            DataError: A span holds what no trace can.
        """
        with self._lock:
            rows, self._rows = self._rows, []
            trials = dict(self._trials)
        if not rows:
            return ()
        return import_otel({"resourceSpans": [_placed(*row, trials) for row in rows]}, {}).traces

    def on_start(self, span: "Span", parent_context: "Context | None" = None) -> None:  # noqa: ARG002
        """Remember the trial that a trace belongs to."""
        key = self._trial.get()
        context = span.get_span_context()
        if key is not None and context is not None:
            with self._lock:
                self._trials.setdefault(context.trace_id, key)

    def on_end(self, span: "ReadableSpan") -> None:
        """Keep a span."""
        context = span.get_span_context()
        if context is None or not context.trace_flags.sampled:
            return
        row = _row(span)
        with self._lock:
            self._rows.append((_plain(span.resource.attributes), context.trace_id, row))

    def _on_ending(self, span: "Span") -> None:
        """Do nothing; the SDK asks every processor."""

    def shutdown(self) -> None:
        """Keep what was collected."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002
        """Say that nothing is waiting."""
        return True


def _placed(
    resource: Mapping[str, Json],
    trace_id: int,
    row: dict[str, Any],
    trials: Mapping[int, tuple[str, int]],
) -> dict[str, Any]:
    """Put a span where the importer expects it, under its trial."""
    case_id, number = trials.get(trace_id, (None, trace_id))
    attributes = row["attributes"]
    if case_id is not None:
        attributes = {"evalgate.case_id": case_id, **attributes}
    placed = {**row, "traceId": f"{number:032x}", "attributes": attributes}
    return {"resource": {"attributes": dict(resource)}, "scopeSpans": [{"spans": [placed]}]}


def _row(span: "ReadableSpan") -> dict[str, Any]:
    context, parent = span.get_span_context(), span.parent
    row: dict[str, Any] = {
        "spanId": None if context is None else f"{context.span_id:016x}",
        "name": span.name,
        "startTimeUnixNano": span.start_time,
        "endTimeUnixNano": span.end_time,
        "attributes": _plain(span.attributes),
        "events": [
            {"name": event.name, "attributes": _plain(event.attributes)} for event in span.events
        ],
        "status": {"code": span.status.status_code.value, "message": span.status.description},
    }
    return row if parent is None else row | {"parentSpanId": f"{parent.span_id:016x}"}


def _plain(values: Mapping[str, Any] | None) -> dict[str, Json]:
    return {key: _value(value) for key, value in (values or {}).items()}


def _value(value: Any) -> Json:  # noqa: ANN401  # of OpenTelemetry
    if isinstance(value, str | bool | int | float) or value is None:
        return value
    if isinstance(value, Mapping):
        return _plain(value)
    return [_value(item) for item in value] if isinstance(value, list | tuple) else str(value)
