"""`evalgate export otlp|langfuse`: runs and traces as spans, each sent once."""

import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from evalgate.errors import ConfigError
from evalgate.exporters.langfuse import (
    HEADERS,
    SCORES_PATH,
    SPANS_PATH,
    langfuse_scores,
    langfuse_trace,
)
from evalgate.exporters.ledger import Ledger, opened_ledger
from evalgate.exporters.otlp import json_body, protobuf_body
from evalgate.exporters.spans import SentTrace, SpanContext, sent_trace
from evalgate.schema.canonical import digest
from evalgate.sending import Message, Reply, checked_url, send
from evalgate.store.run_lines import iter_traces as run_traces
from evalgate.store.run_lines import iter_trials
from evalgate.store.runs import find_run, read_manifest
from evalgate.store.traces import iter_traces
from evalgate.suite.environment import Environment
from evalgate.text.counts import number_of
from evalgate.text.redact import Redactor

if TYPE_CHECKING:
    import httpx2


Format = Literal["json", "protobuf"]
_MOST_TRACES: Final = 50
_MOST_BYTES: Final = 2_000_000
"""A request is well below what receivers take (Langfuse: 4.5 MB)."""


@dataclass(frozen=True, slots=True)
class Target:
    """A receiver of spans."""

    url: str
    """Where spans go, path and all."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    format: Format = "json"
    kind: str = "otlp"
    scores_url: str | None = None
    """Where scores go; null: they are events of the spans alone."""
    account: str = ""
    """Whose data it is: each account has a ledger of its own."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What an export touches."""

    client: "httpx2.Client"
    sleep: Callable[[float], None]
    now: int
    """Seconds since 1970."""
    ledgers: Path
    resend: bool = False
    """Whether what is in doubt is sent again."""


@dataclass(slots=True)
class Done:
    """What became of an export."""

    traces: int = 0
    spans: int = 0
    scores: int = 0
    known: int = 0
    """Traces that had been sent before."""
    problems: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    """Traces that the receiver may or may not have."""


def sent_traces(name: str, runs: Path, environment: Environment) -> Iterator[SentTrace]:
    """Yield the trials of a run folder, or of a file of traces, as spans.

    Args:
        name: A run folder, its id, `latest`, or a file of traces.
        runs: Folder of the run folders.
        environment: The clock, and the secrets to leave out.

    Raises:
        DataError: There is no such run or file, or a line of it cannot be read.
    """
    redactor = Redactor.build(environment.environ)
    path = Path(name)
    if path.is_file():
        context = SpanContext(environment.clock.wall())
        for _, trace in iter_traces(path):
            yield sent_trace(trace, context, redactor)
        return
    folder = find_run(runs, name)
    manifest = read_manifest(folder)
    from evalgate.history.records import epoch  # noqa: PLC0415  # heavy

    created = float(epoch(manifest.created, str(folder)))
    scores = {(one.case_id, one.trial): one.scores for one in iter_trials(folder)}
    for trace in run_traces(folder):
        own = scores.get((trace.case_id, trace.trial), {})
        context = SpanContext(created, manifest.run_id, manifest.suite, own)
        yield sent_trace(trace, context, redactor)


def export_otlp(traces: Iterable[SentTrace], target: Target, outside: Outside) -> Done:
    """Send what the receiver does not have yet.

    Nothing is sent twice: what was sent stands in a ledger, and so does what is in doubt. An
    export that was cut off goes on where it ended.
    """
    done = Done()
    receiver = f"{target.url} {target.account}"
    with opened_ledger(outside.ledgers, target.kind, receiver) as ledger:
        fresh = _fresh(traces, ledger, done, resend=outside.resend)
        for batch in _batches(fresh):
            if not _send_batch(batch, target, outside, ledger, done):
                break
    return done


def export_langfuse(traces: Sequence[SentTrace], target: Target, outside: Outside) -> Done:
    """Send spans, then the scores of the traces that Langfuse has."""
    done = export_otlp((langfuse_trace(one) for one in traces), target, outside)
    receiver = f"{target.url} {target.account}"
    with opened_ledger(outside.ledgers, target.kind, receiver) as ledger:
        for trace in traces:
            if ledger.states.get(trace.id) != "sent":
                continue
            for body in langfuse_scores(trace):
                if not _send_score(body, target, outside, ledger, done):
                    return done
    return done


def langfuse_target(environ: Mapping[str, str], host: str | None) -> Target:
    """Read where Langfuse is, and its keys, from the environment.

    Raises:
        ConfigError: A key is missing.
    """
    variables = ("LANGFUSE_BASE_URL", "LANGFUSE_HOST")
    where = next((name for name in variables if environ.get(name)), "")
    found = environ[where] if where else "https://cloud.langfuse.com"
    origin = (checked_url(found, where) if host is None else checked_url(host, "--host")).rstrip(
        "/"
    )
    names = ("LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY")
    missing = [name for name in names if not environ.get(name)]
    if missing:
        raise ConfigError(
            f"{' and '.join(missing)} is not set", fix=f"export {missing[0]}=... (project settings)"
        )
    public, secret = (environ[name] for name in names)
    token = b64encode(f"{public}:{secret}".encode()).decode()
    headers = {"authorization": f"Basic {token}", **HEADERS}
    return Target(
        f"{origin}{SPANS_PATH}", headers, "json", "langfuse", f"{origin}{SCORES_PATH}", public
    )


def otlp_target(
    environ: Mapping[str, str], endpoint: str | None, headers: Sequence[str], *, binary: bool
) -> Target:
    """Read where spans go: the option, else the variables of the OpenTelemetry specification.

    Raises:
        ConfigError: Nothing names an endpoint, or a header is malformed.
    """
    base = endpoint or environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    whole = None if endpoint else environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    if base is None and whole is None:
        raise ConfigError(
            "no endpoint is named", fix="--endpoint http://127.0.0.1:4318, or --output FILE"
        )
    variable = f"OTEL_EXPORTER_OTLP_{'TRACES_' if whole else ''}ENDPOINT"
    url = checked_url(whole or str(base), "--endpoint" if endpoint else variable)
    if not whole:
        url = f"{url.rstrip('/').removesuffix('/v1/traces')}/v1/traces"
    given = environ.get("OTEL_EXPORTER_OTLP_HEADERS", "")
    named = [*(part for part in given.split(",") if part.strip()), *headers]
    return Target(
        url, dict(_header(one, environ) for one in named), "protobuf" if binary else "json"
    )


def _header(text: str, environ: Mapping[str, str]) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise ConfigError("a header is no NAME=VALUE", fix="--header 'x-api-key=$API_KEY'")
    value = value.strip()
    if value.startswith("$"):
        found = environ.get(value[1:].strip("{}"))
        if not found:
            raise ConfigError(f"--header {name.strip()}: {value} is not set in the environment")
        value = found
    return name.strip().lower(), value


def _fresh(
    traces: Iterable[SentTrace], ledger: Ledger, done: Done, *, resend: bool
) -> Iterator[SentTrace]:
    seen: set[str] = set()
    for trace in traces:
        state = ledger.states.get(trace.id)
        if trace.id in seen or state == "sent":
            done.known += 1
        elif state == "sending" and not resend:
            done.doubts.append(trace.id)
        else:
            seen.add(trace.id)
            yield trace


def _batches(traces: Iterable[SentTrace]) -> Iterator[list[SentTrace]]:
    batch: list[SentTrace] = []
    size = 0
    for trace in traces:
        own = len(json_body([trace]))
        if batch and (size + own > _MOST_BYTES or len(batch) >= _MOST_TRACES):
            yield batch
            batch, size = [], 0
        batch.append(trace)
        size += own
    if batch:
        yield batch


def _send_batch(
    batch: list[SentTrace], target: Target, outside: Outside, ledger: Ledger, done: Done
) -> bool:
    """Send some traces; false: the receiver takes nothing now."""
    keys = [one.id for one in batch]
    body = (protobuf_body if target.format == "protobuf" else json_body)(batch)
    ledger.note(keys, "sending", outside.now)
    reply = send(_message(target, body), outside.client, outside.sleep)
    if reply.state == "sent":
        ledger.note(keys, "sent", outside.now)
        done.traces += len(batch)
        done.spans += sum(len(one.spans) for one in batch)
        rejected = _rejected(reply)
        if rejected:
            done.problems.append(f"{rejected}: the receiver took the rest of {_named(batch)}")
        return True
    if reply.state == "in doubt":
        done.doubts += keys
        done.problems.append(f"{_named(batch)}: {reply.error}")
        return False
    ledger.note(keys, "failed", outside.now)
    if reply.state in ("too large", "refused") and len(batch) > 1 and not _is_lock(reply):
        half = len(batch) // 2
        first = _send_batch(batch[:half], target, outside, ledger, done)
        return _send_batch(batch[half:], target, outside, ledger, done) and first
    done.problems.append(f"{_named(batch)}: {reply.error}")
    return reply.state in ("too large", "refused") and not _is_lock(reply)


def _is_lock(reply: Reply) -> bool:
    """Whether it is the caller that is refused, and not what it sent."""
    return (reply.error or "").startswith(("HTTP 401", "HTTP 403", "HTTP 404", "HTTP 3", "the URL"))


def _named(batch: Sequence[SentTrace]) -> str:
    first = f"case {batch[0].trace.case_id!r}, trial {batch[0].trace.trial}"
    return first if len(batch) == 1 else f"{first} and {len(batch) - 1} more"


def _message(target: Target, body: bytes) -> Message:
    kind = "application/json" if target.format == "json" else "application/x-protobuf"
    return Message(target.url, body, kind, target.headers)


def _rejected(reply: Reply) -> str | None:
    """Say how many spans the receiver left out of a request that it took."""
    if "json" not in reply.content_type:
        return _rejected_protobuf(reply)
    try:
        partial = json.loads(reply.body or b"{}").get("partialSuccess") or {}
        count = int(partial.get("rejectedSpans") or 0)
    except (ValueError, AttributeError, TypeError):
        return None
    said = str(partial.get("errorMessage") or "")[:200]
    return f"{number_of(count, 'span')} rejected ({said})" if count else None


def _rejected_protobuf(reply: Reply) -> str | None:
    if "protobuf" not in reply.content_type:
        return None
    from google.protobuf.message import DecodeError  # noqa: PLC0415  # an extra
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2  # noqa: PLC0415

    try:
        read = trace_service_pb2.ExportTraceServiceResponse.FromString(reply.body)
    except DecodeError:
        return None
    count, said = read.partial_success.rejected_spans, read.partial_success.error_message[:200]
    return f"{number_of(count, 'span')} rejected ({said})" if count else None


def _send_score(
    body: Mapping[str, object], target: Target, outside: Outside, ledger: Ledger, done: Done
) -> bool:
    """Send one score; a score that changed goes out again under its id, name and day."""
    key = f"score {body['id']} {digest(json.loads(json.dumps(body)))[7:23]}"
    if ledger.states.get(key) == "sent":
        return True
    message = Message(
        target.scores_url or "",
        json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"),
        "application/json",
        target.headers,
        repeatable=True,
    )
    reply = send(message, outside.client, outside.sleep)
    if reply.state == "sent":
        ledger.note([key], "sent", outside.now)
        done.scores += 1
        return True
    done.problems.append(f"score {body['name']!r} of trace {body['traceId']}: {reply.error}")
    return reply.state == "refused" and not _is_lock(reply)
