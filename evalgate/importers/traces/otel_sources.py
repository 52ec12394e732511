"""Spans from the JSON of OTLP, of Tempo, of Jaeger and of Phoenix, in one form.

OTLP is `resourceSpans[].scopeSpans[].spans[]`; Tempo calls them `batches`, older versions
`instrumentationLibrarySpans`; Jaeger has `data[].spans[].tags[]` and microseconds; Phoenix has
spans with a `context`, in a list or under `data`, and ISO times.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from evalgate.importers.imported import (
    list_at,
    number_or_none,
    object_at,
    text_or_none,
    unexpected,
)
from evalgate.importers.times import moment, to_nanoseconds
from evalgate.schema.base import Json

_MICRO: Final = 1_000
_INDEX: Final = re.compile(r"\d{1,4}")
_INT64_DIGITS: Final = 20
_FAILED: Final = (2, "2", "STATUS_CODE_ERROR", "ERROR")


@dataclass(frozen=True, slots=True)
class OtelSpan:
    """A span with its attributes read."""

    id: str | None
    parent: str | None
    name: str
    start: int | None
    """Nanoseconds since 1970."""
    end: int | None
    attributes: Mapping[str, Json]
    resource: Mapping[str, Json]
    events: tuple[tuple[str, Mapping[str, Json]], ...] = ()
    failed: bool = False
    message: str | None = None


def attribute(values: Mapping[str, Json], *names: str) -> Json:
    """Return the first of several attributes that is there."""
    return next((values[name] for name in names if values.get(name) is not None), None)


def nested(values: Mapping[str, Json], prefix: str) -> Json:
    """Put attributes like `PREFIX.0.message.role` together as lists and objects.

    Returns:
        Null where there are none.
    """
    tree: dict[str, Json] = {}
    start = f"{prefix}."
    for key, value in values.items():
        if key.startswith(start):
            _plant(tree, key[len(start) :].split("."), value)
    return _listed(tree) if tree else None


def _plant(tree: dict[str, Json], path: list[str], value: Json) -> None:
    for part in path[:-1]:
        below = tree.setdefault(part, {})
        if not isinstance(below, dict):
            return
        tree = below
    tree.setdefault(path[-1], value)


def _listed(tree: Json) -> Json:
    if not isinstance(tree, dict):
        return tree
    if tree and all(_INDEX.fullmatch(key) for key in tree):
        return [_listed(tree[key]) for key in sorted(tree, key=int)]
    return {key: _listed(value) for key, value in tree.items()}


def read_spans(data: Json) -> Iterator[tuple[str, OtelSpan]]:
    """Yield trace id and span of every span of a file.

    Args:
        data: A document, or a list of them (lines of the file exporter).

    Raises:
        DataError: For anything else, with its JSON pointer.
    """
    phoenix = data.get("data") if isinstance(data, dict) else data
    if isinstance(phoenix, list) and phoenix and all(map(_is_phoenix, phoenix)):
        yield from (_phoenix_span(row, f"/{i}") for i, row in enumerate(_objects(phoenix)))
        return
    documents = list(enumerate(data)) if isinstance(data, list) else [(None, data)]
    for number, document in documents:
        where = "" if number is None else f"/{number}"
        root = object_at(document, where)
        inner = root.get("trace")
        if isinstance(inner, dict):
            root, where = inner, f"{where}/trace"
        if isinstance(root.get("data"), list) or "traceID" in root:
            yield from _jaeger(root, where)
        else:
            yield from _otlp(root, where)


def _otlp(root: Mapping[str, Json], where: str) -> Iterator[tuple[str, OtelSpan]]:
    key = "batches" if "batches" in root and "resourceSpans" not in root else "resourceSpans"
    for i, value in enumerate(list_at(root.get(key), f"{where}/{key}")):
        place = f"{where}/{key}/{i}"
        resource = object_at(value, place)
        described = object_at(resource.get("resource") or {}, f"{place}/resource")
        shared = attributes_of(described.get("attributes"))
        scopes = resource.get("scopeSpans") or resource.get("instrumentationLibrarySpans")
        for j, scope in enumerate(list_at(scopes or [], f"{place}/scopeSpans")):
            inner = f"{place}/scopeSpans/{j}"
            rows = object_at(scope, inner).get("spans")
            for k, row in enumerate(list_at(rows or [], f"{inner}/spans")):
                yield _span(object_at(row, f"{inner}/spans/{k}"), shared, f"{inner}/spans/{k}")


def _span(row: dict[str, Json], resource: dict[str, Json], where: str) -> tuple[str, OtelSpan]:
    trace_id = text_or_none(row.get("traceId"))
    if trace_id is None:
        raise unexpected(row.get("traceId"), f"{where}/traceId", "the trace's id")
    status = row.get("status")
    status = status if isinstance(status, dict) else {}
    events = row.get("events")
    return trace_id, OtelSpan(
        id=text_or_none(row.get("spanId")),
        parent=text_or_none(row.get("parentSpanId")),
        name=text_or_none(row.get("name")) or "span",
        start=_nanoseconds(row.get("startTimeUnixNano")),
        end=_nanoseconds(row.get("endTimeUnixNano")),
        attributes=attributes_of(row.get("attributes")),
        resource=resource,
        events=tuple(
            (text_or_none(event.get("name")) or "", attributes_of(event.get("attributes")))
            for event in (events if isinstance(events, list) else [])
            if isinstance(event, dict)
        ),
        failed=status.get("code") in _FAILED,
        message=text_or_none(status.get("message")),
    )


def _jaeger(root: Mapping[str, Json], where: str) -> Iterator[tuple[str, OtelSpan]]:
    traces = list_at(root.get("data", [dict(root)]), f"{where}/data")
    for i, value in enumerate(traces):
        place = f"{where}/data/{i}"
        trace = object_at(value, place)
        processes = trace.get("processes")
        processes = processes if isinstance(processes, dict) else {}
        for k, row in enumerate(list_at(trace.get("spans"), f"{place}/spans")):
            at = f"{place}/spans/{k}"
            yield _jaeger_span(object_at(row, at), processes, at)


def _jaeger_span(
    row: dict[str, Json], processes: Mapping[str, Json], where: str
) -> tuple[str, OtelSpan]:
    process = processes.get(str(row.get("processID")))
    process = process if isinstance(process, dict) else {}
    tags = _tags(row.get("tags"))
    failed = tags.get("error") in (True, "true") or tags.get("otel.status_code") == "ERROR"
    start, length = _nanoseconds(row.get("startTime")), _whole(row.get("duration"))
    start = None if start is None else start * _MICRO
    logs = [_tags(log.get("fields")) for log in _objects(row.get("logs"))]
    return _span(
        {
            "traceId": row.get("traceID"),
            "spanId": row.get("spanID"),
            "parentSpanId": _parent(row.get("references")),
            "name": row.get("operationName"),
            "startTimeUnixNano": start,
            "endTimeUnixNano": None if start is None or length is None else start + length * _MICRO,
            "attributes": tags,
            "status": {
                "code": 2 if failed else 0,
                "message": tags.get("otel.status_description"),
            },
            "events": [{"name": log.get("event"), "attributes": log} for log in logs],
        },
        {"service.name": process.get("serviceName"), **_tags(process.get("tags"))},
        where,
    )


def _is_phoenix(row: Json) -> bool:
    context = row.get("context") if isinstance(row, dict) else None
    return isinstance(context, dict) and "trace_id" in context


def _phoenix_span(row: dict[str, Json], where: str) -> tuple[str, OtelSpan]:
    context = object_at(row.get("context"), f"{where}/context")
    attributes = row.get("attributes")
    kind = {"openinference.span.kind": row.get("span_kind")}
    return _span(
        {
            "traceId": context["trace_id"],
            "spanId": context.get("span_id"),
            "parentSpanId": row.get("parent_id"),
            "name": row.get("name"),
            "startTimeUnixNano": to_nanoseconds(moment(row.get("start_time"))),
            "endTimeUnixNano": to_nanoseconds(moment(row.get("end_time"))),
            "attributes": kind | (attributes if isinstance(attributes, dict) else {}),
            "status": {"code": row.get("status_code"), "message": row.get("status_message")},
            "events": row.get("events"),
        },
        {},
        where,
    )


def _parent(references: Json) -> Json:
    for reference in _objects(references):
        if reference.get("refType") == "CHILD_OF":
            return reference.get("spanID")
    return None


def _tags(rows: Json) -> dict[str, Json]:
    return {
        key: row.get("value") for row in _objects(rows) if isinstance(key := row.get("key"), str)
    }


def _objects(rows: Json) -> list[dict[str, Json]]:
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _whole(value: Json) -> int | None:
    number = number_or_none(value)
    return int(number) if number is not None and 0 <= number < 10**15 else None


def _nanoseconds(value: Json) -> int | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value)
    known = text.isascii() and text.isdigit() and len(text) < 20
    return int(text) if known and int(text) > 0 else None


def _integer(value: Json) -> Json:
    """Read 64 bits, written as text or as a number; what is larger stays a number."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return number_or_none(value)
    try:
        return number_or_none(value) if len(text := str(value)) > _INT64_DIGITS else int(text)
    except ValueError:
        return None


def attributes_of(rows: Json) -> dict[str, Json]:
    """Read a list of `{key, value}`, or the plain object that some exporters write."""
    if isinstance(rows, dict):
        return rows
    return {
        key: any_value(row.get("value"))
        for row in _objects(rows)
        if isinstance(key := row.get("key"), str)
    }


def any_value(value: Json) -> Json:
    """Read a value in the form of OTLP's JSON."""
    match value:
        case {"stringValue": inner} | {"boolValue": inner} | {"bytesValue": inner}:
            plain: Json = inner
        case {"intValue": inner}:
            plain = _integer(inner)
        case {"doubleValue": inner}:
            plain = number_or_none(inner)
        case {"arrayValue": {"values": list() as items}}:
            plain = [any_value(item) for item in items]
        case {"kvlistValue": {"values": list() as items}}:
            plain = dict(attributes_of(items))
        case {"Value": inner} | {"value": inner}:  # as some encoders wrap it
            plain = any_value(inner)
        case _:
            plain = None
    return plain
