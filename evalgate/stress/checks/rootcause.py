"""Why a call failed and whose turn it is, from what came over the wire."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from evalgate.stress.simulation.causes import TEAMS, Cause, Team

_MOST_TEXT = 65_536


@dataclass(frozen=True, slots=True)
class FailedCall:
    """What is known of a failed call; None: unknown."""

    status: int | None = None
    body: str = ""
    """The response's body, or the exception's message."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers in any case."""
    kind: str | None = None
    """The exception's class, e.g. `ReadTimeout`."""
    step: str | None = None
    """`tool_call` where a tool failed, `llm_call` where the model did."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The cause, who acts, and what gave it away."""

    cause: Cause
    team: Team
    evidence: str


_TIMEOUT_KINDS = ("timeout", "timedout", "deadline")
_CUT_KINDS = (
    "remoteprotocolerror",
    "incompleteread",
    "chunkedencoding",
    "connectionreset",
    "readerror",
)
_CONNECT_KINDS = ("connecterror", "apiconnectionerror", "connectionerror", "connectionrefused")
_AGENT_KINDS = (
    "keyerror",
    "valueerror",
    "typeerror",
    "attributeerror",
    "indexerror",
    "recursionerror",
    "graphrecursionerror",
    "jsondecodeerror",
    "outputparserexception",
    "assertionerror",
)


def classify(call: FailedCall) -> Diagnosis:
    """Find the cause of a failed call.

    Codes are asked before words, and words before the status, as one status stands for many
    causes: a 429 may be a throttle, an empty purse or a request that never fits.
    """
    cause, evidence = _cause(call)
    return Diagnosis(cause, TEAMS[cause], evidence)


def _cause(call: FailedCall) -> tuple[Cause, str]:
    if call.step == "tool_call":
        return "tool", "the failed step is a tool call"
    text = call.body[:_MOST_TEXT].lower()
    codes = _codes(call.body[:_MOST_TEXT])
    for ask in (_by_code, _by_words):
        found = ask(call, codes, text)
        if found is not None:
            return found
    if call.status is not None:
        return _by_status(call.status)
    return _by_kind(call.kind)


def _codes(body: str) -> frozenset[str]:
    """Return the codes and types of a provider's error body, in lower case."""
    start = body.find("{")
    if start < 0:
        return frozenset()
    try:
        data = json.JSONDecoder().raw_decode(body[start:])[0]
    except (ValueError, RecursionError):
        return frozenset()
    found: set[str] = set()
    todo: list[object] = [data]
    while todo and len(found) < 100:
        item = todo.pop()
        if isinstance(item, dict):
            for key, value in item.items():
                if key in {"code", "type", "status", "__type", "innererror", "reason"}:
                    found.add(str(value).lower().rsplit("#", 1)[-1])
                todo.append(value)
        elif isinstance(item, list):
            todo += item
    return frozenset(found)


_CODES: dict[str, Cause] = {
    "insufficient_quota": "quota_exhausted",
    "billing_hard_limit_reached": "quota_exhausted",
    "credit_balance_too_low": "quota_exhausted",
    "content_filter": "content_filter",
    "content_policy_violation": "content_filter",
    "responsibleaipolicyviolation": "content_filter",
    "overloaded_error": "overloaded",
    "server_is_overloaded": "overloaded",
    "slow_down": "overloaded",
    "serviceunavailableexception": "overloaded",
    "unavailable": "overloaded",
    "modeltimeoutexception": "timeout",
    "deadline_exceeded": "timeout",
    "timeout_error": "timeout",
    "context_length_exceeded": "bad_request",
    "invalid_request_error": "bad_request",
    "validationexception": "bad_request",
    "invalid_argument": "bad_request",
    "invalid_api_key": "auth",
    "authentication_error": "auth",
    "permission_error": "auth",
    "accessdeniedexception": "auth",
    "unauthenticated": "auth",
    "permission_denied": "auth",
    "api_error": "server_error",
    "server_error": "server_error",
    "internalserverexception": "server_error",
}
_STRONG = (
    "quota_exhausted",
    "content_filter",
    "overloaded",
    "timeout",
    "auth",
    "server_error",
    "bad_request",
)


def _by_code(call: FailedCall, codes: frozenset[str], text: str) -> tuple[Cause, str] | None:
    causes = {_CODES[code]: code for code in sorted(codes) if code in _CODES}
    if "credit balance is too low" in text:
        return "quota_exhausted", "credit balance is too low"
    for cause in _STRONG:
        if cause in causes and not (cause == "bad_request" and call.status == 429):
            return cause, f"code {causes[cause]}"
    throttles = {"rate_limit_exceeded", "rate_limit_error", "throttlingexception", "429"}
    throttles |= {"resource_exhausted", "tokens", "requests", "too_many_requests"}
    if call.status == 429 or codes & throttles:
        return _which_throttle(call, codes, text)
    return None


def _which_throttle(call: FailedCall, codes: frozenset[str], text: str) -> tuple[Cause, str]:
    if "exceeded your current quota" in text and "retrydelay" not in text:
        return "quota_exhausted", "exceeded your current quota"
    if re.search(r"request too large|larger than the (whole )?limit", text):
        return "never_fits", "the request is larger than the limit"
    if "concurren" in text:
        return "concurrency", "the message speaks of concurrency"
    headers = {name.lower(): value for name, value in call.headers.items()}
    if "tokens" in codes or re.search(r"tokens? per|token rate limit|\btp[mdh]\b|_tokens?_", text):
        return "throttled_tokens", "the message names tokens"
    if "requests" in codes or re.search(r"requests? per|call rate limit|\brp[mdsh]\b", text):
        return "throttled_requests", "the message names requests"
    if re.search(r"\btokens?\b", text) and not re.search(r"\brequests?\b", text):
        return "throttled_tokens", "the message names tokens"
    for name, value in headers.items():
        if "remaining" in name and value.strip() == "0" and "token" in name:
            return "throttled_tokens", f"header {name}: 0"
    return "throttled_requests", "429 without a named dimension"


_WORDS: tuple[tuple[str, Cause], ...] = (
    (r"content (management|filter|policy)|filtered due to", "content_filter"),
    (r"insufficient[_ ]quota|billing hard limit", "quota_exhausted"),
    (r"overloaded|at capacity", "overloaded"),
    (r"rate limit (reached|exceeded)|too many requests", "throttled_requests"),
    (r"timed out|timeout|deadline exceeded", "timeout"),
    (
        r"incomplete (chunked )?read|peer closed connection|connection reset|stream (ended|closed)",
        "cut_stream",
    ),
)


def _by_words(call: FailedCall, codes: frozenset[str], text: str) -> tuple[Cause, str] | None:
    if call.kind is not None and call.kind.lower().startswith(_AGENT_KINDS) and call.status is None:
        return "agent", f"exception {call.kind} of the agent's own code"
    for pattern, cause in _WORDS:
        match = re.search(pattern, text)
        if match is None or (call.status is not None and call.status < 400):
            continue
        if cause == "throttled_requests":
            return _which_throttle(call, codes, text)
        return cause, f"the message says {match[0]!r}"
    return None


def _by_status(status: int) -> tuple[Cause, str]:
    evidence = f"status {status}"
    if status in {408, 504, 524}:
        return "timeout", evidence
    if status in {503, 529}:
        return "overloaded", evidence
    if status >= 500:
        return "server_error", evidence
    if status in {401, 403}:
        return "auth", evidence
    if status == 402:
        return "quota_exhausted", evidence
    if 400 <= status < 500:
        return "bad_request", evidence
    return "agent", f"{evidence}, so it failed after the answer"


def _by_kind(kind: str | None) -> tuple[Cause, str]:
    low = (kind or "").lower()
    groups: tuple[tuple[tuple[str, ...], Cause], ...] = (
        (_TIMEOUT_KINDS, "timeout"),
        (_CUT_KINDS, "cut_stream"),
        (_CONNECT_KINDS, "server_error"),
    )
    for words, cause in groups:
        if any(word in low for word in words):
            return cause, f"exception {kind}"
    if low:
        return "agent", f"exception {kind} without a response"
    return "unknown", "neither status nor exception is known"
