"""Errors in each provider's own body and headers."""

import json
import re
from dataclasses import dataclass

from evalgate.gateway.wire.base import Body, ProviderName, StreamEvent, as_body, as_list, text_of
from evalgate.schema.base import Json

_ANTHROPIC_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_GOOGLE_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_AWS_TYPES = {
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    429: "ThrottlingException",
    503: "ServiceUnavailableException",
}
_STATUS_OF = (
    ("overloaded|unavailable", 529),
    ("rate.?limit|too.?many|throttl", 429),
    ("time.?out", 504),
    ("authentication|permission|invalid.?api.?key|unauthori[sz]ed", 401),
)
"""What words in the code of an error mean."""

_NO_MONEY = "insufficient_quota"
_OPENAI_TYPES = {401: "invalid_request_error", 429: "requests"}


@dataclass(frozen=True, slots=True)
class ProviderError:
    """An error that the gateway itself answers with."""

    status: int
    code: str
    """Its name, as in the trace, e.g. `cassette_miss`."""
    message: str
    """For a person."""
    retry: bool | None = False
    """Whether clients should send it again; None leaves that to their own rules."""
    retry_after: float | None = None
    """Seconds to wait, told to the client; None: no hint."""
    type: str | None = None
    """The provider's type of error; None: the usual one of the status."""


def error_body(provider: ProviderName, error: ProviderError) -> bytes:
    """Write an error as the provider writes it."""
    if provider == "anthropic":
        kind = error.type or _ANTHROPIC_TYPES.get(error.status, _default(error.status, provider))
        inner: Body = {"type": kind, "message": error.message}
        return json.dumps({"type": "error", "error": inner, "request_id": None}).encode()
    if provider == "bedrock":
        return json.dumps({"message": error.message}).encode()
    if provider == "ollama":
        return json.dumps({"error": error.message}).encode()
    if provider == "google":
        status = error.type or _GOOGLE_STATUS.get(error.status, _default(error.status, provider))
        inner = {"code": error.status, "message": error.message, "status": status}
        return json.dumps({"error": inner}).encode()
    kind = error.type or _OPENAI_TYPES.get(error.status, _default(error.status, provider))
    inner = {"message": error.message, "type": kind, "param": None, "code": error.code}
    return json.dumps({"error": inner}).encode()


def _default(status: int, provider: ProviderName) -> str:
    if provider == "bedrock":
        return "ValidationException" if status < 500 else "InternalServerException"
    if provider == "google":
        return "INVALID_ARGUMENT" if status < 500 else "INTERNAL"
    if status < 500:
        return "invalid_request_error"
    return "api_error" if provider == "anthropic" else "server_error"


def error_headers(provider: ProviderName, error: ProviderError) -> list[tuple[bytes, bytes]]:
    """Return the headers of an error: type, the name for people with curl, retry hints."""
    headers = [
        (b"content-type", b"application/json"),
        (b"x-evalgate-error", error.code.encode()),
    ]
    if provider == "bedrock":
        kind = error.type or _AWS_TYPES.get(error.status, _default(error.status, provider))
        headers.append((b"x-amzn-errortype", kind.encode()))
    if error.retry is not None:
        headers.append((b"x-should-retry", b"true" if error.retry else b"false"))
    if error.retry_after is not None:
        milliseconds = round(error.retry_after * 1000)
        headers.append((b"retry-after-ms", str(milliseconds).encode()))
        headers.append((b"retry-after", str(-(-milliseconds // 1000)).encode()))
    return headers


def error_inside(body: Body) -> str | None:
    """Name the error that a response of status 200, or one event of a stream, holds.

    Args:
        body: The JSON object.

    Returns:
        Its class; None where the object is no error. What the status of an error would tell is
        taken from its code; one of no known code is the server's.
    """
    inner = as_body(body.get("response"))
    found = body.get("error") or inner.get("error")
    if not found and body.get("type") == "error":
        found = {"code": body.get("code"), "message": body.get("message")}
    if not found and isinstance(choices := body.get("choices"), list):
        found = next((e for c in choices if (e := as_body(c).get("error"))), None)
    if not found and "failed" in (body.get("status"), inner.get("status")):
        found = "failed"
    if isinstance(found, dict) and not any(found.values()):
        return None
    return _class_of(found) if found else None


def error_event(event: StreamEvent) -> str | None:
    """Name the error that an event of a stream is; None where it is none."""
    found = error_inside(event.data)
    if found is None and event.name == "error":
        return "server_error"
    if found is None and (event.name or "").endswith("Exception"):  # Bedrock's frames
        return _class_of({"code": event.name})
    return found


def hint_inside(body: Body) -> float | None:
    """Read Google's hint to wait, in seconds; None where the body of an error holds none."""
    given = (as_body(detail).get("retryDelay") for detail in _details(body))
    match = next(
        (m for text in given if (m := re.fullmatch(r"(\d{1,6}(?:\.\d+)?)s", str(text)))), None
    )
    return None if match is None else float(match[1])


def _details(body: Body) -> list[Json]:
    return as_list(as_body(body.get("error")).get("details"))


def _class_of(error: Json) -> str:
    inner = as_body(error)
    given = [inner.get(name) for name in ("code", "status", "type")]
    numbers = [int(str(code)) for code in given if re.fullmatch("[1-5][0-9]{2}", str(code))]
    words = " ".join(str(word) for word in given if isinstance(word, str))
    status = next((n for n in numbers if n >= 400), None)
    if status is None:
        status = next(
            (n for pattern, n in _STATUS_OF if re.search(pattern, words, re.IGNORECASE)), 500
        )
    named = classify(status, {"error": {"code": words}} if _NO_MONEY in words else {})
    return "server_error" if named in {None, "bad_request"} else str(named)


def classify(status: int, body: Body) -> str | None:
    """Name the error of a response; None for a success.

    Args:
        status: HTTP status.
        body: The JSON body; empty where it is none.
    """
    if status < 400:
        return None
    inner = as_body(body.get("error"))
    code = text_of(inner.get("code")) or text_of(inner.get("type")) or ""
    if _NO_MONEY in code:
        return "quota_exhausted"
    if status == 429:
        # A day's quota of Google's: waiting some minutes does not cure it.
        return "quota_exhausted" if "PerDay" in json.dumps(_details(body)) else "throttled"
    if status == 424:  # Bedrock: the model failed
        return "server_error"
    if status == 400 and "API_KEY_INVALID" in json.dumps(_details(body)):
        return "auth"
    if status in (503, 529) or code in ("overloaded_error", "server_is_overloaded"):
        return "overloaded"
    if status in (408, 504):
        return "timeout"
    if status in (401, 403):
        return "auth"
    if status >= 500:
        return "server_error"
    return "content_filter" if "content_filter" in code else "bad_request"
