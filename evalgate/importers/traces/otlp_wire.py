"""Bodies of OTLP/HTTP requests, JSON or protobuf, as one form: that of OTLP's JSON."""

from typing import Any, Literal

from evalgate.errors import DataError, MissingExtra
from evalgate.schema.base import Json
from evalgate.text.strict_json import Parsed, parse

Signal = Literal["traces", "logs"]
"""What a request carries."""


def read_json(body: bytes, most: int) -> Json:
    """Read a JSON body.

    Args:
        body: Decompressed.
        most: Bytes that are read.

    Raises:
        DataError: It is no JSON, says something twice, or is too large or too deep.
    """
    match parse(body, max_bytes=most):
        case Parsed(value):
            return value
        case problem:
            raise DataError(f"body:{problem.line}:{problem.column}: {problem}")


def read_protobuf(body: bytes, signal: Signal = "traces") -> dict[str, Any]:
    """Read a protobuf body (`ExportTraceServiceRequest`, `ExportLogsServiceRequest`).

    Raises:
        DataError: It is no such message.
        MissingExtra: The package opentelemetry-proto is not installed.
    """
    try:
        from google.protobuf.message import DecodeError  # noqa: PLC0415  # an extra
        from opentelemetry.proto.collector.logs.v1 import logs_service_pb2  # noqa: PLC0415
        from opentelemetry.proto.collector.trace.v1 import trace_service_pb2  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtra(
            "OTLP in protobuf needs opentelemetry-proto",
            fix='pip install "agent-evalgate[otel]", or OTEL_EXPORTER_OTLP_PROTOCOL=http/json',
        ) from error
    kind: Any = (
        logs_service_pb2.ExportLogsServiceRequest
        if signal == "logs"
        else trace_service_pb2.ExportTraceServiceRequest
    )
    try:
        request = kind.FromString(body)
    except DecodeError as error:
        raise DataError(f"the body is no {kind.DESCRIPTOR.name}") from error
    if signal == "logs":
        return {"resourceLogs": [_logs(one) for one in request.resource_logs]}
    return {"resourceSpans": [_resource(one) for one in request.resource_spans]}


def _logs(one: Any) -> dict[str, Any]:  # noqa: ANN401  # of protobuf
    records = [
        {
            "traceId": record.trace_id.hex(),
            "spanId": record.span_id.hex(),
            "timeUnixNano": str(record.time_unix_nano),
            "eventName": record.event_name,
            "attributes": {**_attributes(record.attributes), "body": _value(record.body)},
        }
        for scope in one.scope_logs
        for record in scope.log_records
    ]
    return {"scopeLogs": [{"logRecords": records}]}


def _resource(one: Any) -> dict[str, Any]:  # noqa: ANN401  # of protobuf
    spans = [_span(span) for scope in one.scope_spans for span in scope.spans]
    return {
        "resource": {"attributes": _attributes(one.resource.attributes)},
        "scopeSpans": [{"spans": spans}],
    }


def _span(span: Any) -> dict[str, Any]:  # noqa: ANN401  # of protobuf
    row: dict[str, Any] = {
        "traceId": span.trace_id.hex(),
        "spanId": span.span_id.hex(),
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": str(span.start_time_unix_nano),
        "endTimeUnixNano": str(span.end_time_unix_nano),
        "attributes": _attributes(span.attributes),
    }
    if span.parent_span_id:
        row["parentSpanId"] = span.parent_span_id.hex()
    if span.events:
        row["events"] = [
            {"name": event.name, "attributes": _attributes(event.attributes)}
            for event in span.events
        ]
    if span.HasField("status"):
        row["status"] = {"code": span.status.code, "message": span.status.message}
    return row


def _attributes(pairs: Any) -> dict[str, Json]:  # noqa: ANN401  # of protobuf
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: Any) -> Json:  # noqa: ANN401  # of protobuf
    match value.WhichOneof("value"):
        case None:
            return None
        case "array_value":
            return [_value(item) for item in value.array_value.values]
        case "kvlist_value":
            return _attributes(value.kvlist_value.values)
        case "bytes_value":
            return str(value.bytes_value.hex())
        case kind:
            plain: Json = getattr(value, kind)
            return plain
