"""OTLP: spans as the JSON or the protobuf of a trace export request.

Format: opentelemetry-proto, `ExportTraceServiceRequest`; ids are hexadecimal in JSON.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from evalgate.errors import MissingExtra
from evalgate.exporters.spans import SentSpan, SentTrace
from evalgate.schema.base import Json
from evalgate.version import VERSION

_KINDS: Final = {"internal": 1, "client": 3}
_FAILED: Final = 2


def request_data(traces: Sequence[SentTrace]) -> dict[str, Any]:
    """Return a request as plain data; each environment is a resource of its own."""
    groups: dict[str | None, list[SentTrace]] = {}
    for each in traces:
        groups.setdefault(each.trace.environment, []).append(each)
    return {"resourceSpans": [_resource(name, group) for name, group in groups.items()]}


def json_body(traces: Sequence[SentTrace]) -> bytes:
    """Write a request as JSON."""
    return json.dumps(request_data(traces), ensure_ascii=False).encode("utf-8", "replace")


def protobuf_body(traces: Sequence[SentTrace]) -> bytes:
    """Write a request as protobuf.

    Raises:
        MissingExtra: The package opentelemetry-proto is not installed.
    """
    try:
        from google.protobuf.json_format import ParseDict  # noqa: PLC0415  # an extra
        from opentelemetry.proto.collector.trace.v1 import trace_service_pb2  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtra(
            "OTLP in protobuf needs opentelemetry-proto",
            fix='pip install "agent-evalgate[otel]", or `--format json`',
        ) from error
    data = json.loads(json_body(traces))
    for resource in data["resourceSpans"]:
        for span in resource["scopeSpans"][0]["spans"]:
            for name in ("traceId", "spanId", "parentSpanId"):
                if name in span:
                    span[name] = _base64(span[name])
    message = ParseDict(data, trace_service_pb2.ExportTraceServiceRequest())
    body: bytes = message.SerializeToString()
    return body


def _base64(digits: str) -> str:
    """Return an id as protobuf's own JSON wants it."""
    from base64 import b64encode  # noqa: PLC0415

    return b64encode(bytes.fromhex(digits)).decode()


def _resource(environment: str | None, traces: Sequence[SentTrace]) -> dict[str, Any]:
    named: dict[str, Json] = {"service.name": "evalgate"}
    if environment is not None:
        named["deployment.environment.name"] = environment
    spans = [_span(trace.id, span) for trace in traces for span in trace.spans]
    scope = {"name": "evalgate", "version": VERSION}
    return {
        "resource": {"attributes": _attributes(named)},
        "scopeSpans": [{"scope": scope, "spans": spans}],
    }


def _span(trace_id: str, span: SentSpan) -> dict[str, Any]:
    parent = {} if span.parent is None else {"parentSpanId": span.parent}
    failed = {} if span.error is None else {"status": {"code": _FAILED, "message": span.error}}
    events = [
        {"name": one.name, "timeUnixNano": str(span.end), "attributes": _attributes(one.attributes)}
        for one in span.events
    ]
    return {
        "traceId": trace_id,
        "spanId": span.id,
        **parent,
        "name": span.name,
        "kind": _KINDS[span.kind],
        "startTimeUnixNano": str(span.start),
        "endTimeUnixNano": str(span.end),
        "attributes": _attributes(span.attributes),
        **({"events": events} if events else {}),
        **failed,
    }


def _attributes(values: Mapping[str, Json]) -> list[dict[str, Any]]:
    return [{"key": name, "value": _value(value)} for name, value in values.items()]


def _value(value: Json) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case list():
            return {"arrayValue": {"values": [_value(item) for item in value]}}
        case _:
            return {"stringValue": str(value)}
