"""What the providers send: quota profiles, error bodies and headers, as pure functions.

The wording and the header names are those of real responses (sources in `docs/stress.md`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from email.utils import format_datetime
from fractions import Fraction
from typing import Literal

from evalgate.errors import ConfigError
from evalgate.quota.quota import (
    DimensionName,
    DimensionUse,
    Hint,
    NeverFits,
    Quota,
    QuotaState,
    Rejected,
    Request,
    reserve,
    use,
)
from evalgate.quota.units import MILLISECOND, SECOND, quantise

PROFILES: dict[str, Quota] = {
    "openai": Quota(limiter="bucket", charge="max", settles=False, hint="ms", profile="openai"),
    "anthropic": Quota(limiter="bucket", charge="anthropic", hint="seconds", profile="anthropic"),
    "azure": Quota(
        limiter="fixed",
        charge="sum",
        settles=False,
        hint="ms",
        request_window=10.0,
        profile="azure",
    ),
    # Its router counts a window and forwards no hint a client would read (`docs/stress.md`).
    "litellm": Quota(limiter="fixed", hint="none", profile="litellm"),
    "custom": Quota(hint="none"),
}
"""How each provider counts and what it tells; the limits themselves are the account's.

What nobody knows to send a hint is taken to send none: obeyed hints make every result better."""


def with_profile(name: str, limits: Mapping[str, object]) -> Quota:
    """Return a provider's way of counting with an account's limits.

    Args:
        name: A key of `PROFILES`.
        limits: Fields of `Quota` that are set, by name.

    Raises:
        ConfigError: The profile or a field is unknown, or a value is none for a quota.
    """
    if name not in PROFILES:
        close = get_close_matches(name, PROFILES, n=1)
        fix = f"did you mean {close[0]}?" if close else f"one of: {', '.join(PROFILES)}"
        raise ConfigError(f"profile: expected a known profile, found {name!r}", fix=fix)
    unknown = sorted(set(limits) - set(Quota.__dataclass_fields__))
    if unknown:
        known = ", ".join(Quota.__dataclass_fields__)
        raise ConfigError(f"quota: no such field: {unknown[0]!r}", fix=f"one of: {known}")
    return replace(PROFILES[name], **limits)  # type: ignore[arg-type]  # checked by Quota


@dataclass(frozen=True, slots=True)
class WireResponse:
    """An HTTP response: status, headers in lower case, body."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a 429 has to say; `used` and `requested` in units of the dimension."""

    dimension: DimensionName
    limit: int
    used: int
    requested: int
    retry_after: int | None
    """Nanoseconds; None: not known, or never."""
    window: int = 60 * SECOND
    """Nanoseconds the limit is for."""


def refusal_of(
    state: QuotaState, request: Request, decision: Rejected | NeverFits, now: int
) -> Refusal:
    """Say what was refused, as a provider counts it.

    Args:
        state: What is in use, after the decision.
        request: The call.
        decision: What `admit` returned.
        now: The same moment.
    """
    wait = decision.retry_after if isinstance(decision, Rejected) else None
    for dimension, cost, item in zip(
        state.quota.dimensions, reserve(state.quota, request), use(state, now), strict=True
    ):
        if dimension.name == decision.dimension:
            # Providers count from a bucket as large as the limit; a smaller one starts part used.
            used = item.used + max(0, dimension.limit - dimension.room)
            return Refusal(dimension.name, dimension.limit, used, cost, wait, dimension.window)
    return Refusal("concurrency", state.max_concurrency or 0, state.in_flight, 1, wait)


def go_duration(value: int) -> str:
    """Format nanoseconds as a Go duration in whole milliseconds: `6m0s`, `1.2s`, `17ms`, `0s`.

    Args:
        value: Nanoseconds, not negative; truncated to the millisecond.
    """
    ms = value // MILLISECOND
    if ms < 1000:
        return f"{ms}ms" if ms else "0s"
    hours, rest = divmod(ms, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    whole, part = divmod(rest, 1000)
    fraction = f".{part:03d}".rstrip("0") if part else ""
    head = f"{hours}h" if hours else ""
    return f"{head}{minutes}m{whole}{fraction}s" if hours or minutes else f"{whole}{fraction}s"


def truncated_wait(limit: int, used: int, requested: int, window: int) -> int:
    """Return the wait that OpenAI's message names: (used + requested - limit) / (limit / window).

    Args:
        limit: Units a window.
        used: Units in use.
        requested: Units asked for.
        window: Nanoseconds.

    Returns:
        Whole milliseconds, truncated, not rounded.
    """
    wait = Fraction((used + requested - limit) * window, limit)
    return max(0, wait // MILLISECOND)


def _spoken(ms: int) -> str:
    if ms < 1000:
        return f"{ms}ms"
    minutes, rest = divmod(ms, 60_000)
    whole = f"{rest // 1000}.{rest % 1000:03d}".rstrip("0").rstrip(".")
    return f"{minutes}m{whole}s" if minutes else f"{whole}s"


_SHORT = {"requests": "RPM", "tokens": "TPM", "input_tokens": "TPM", "output_tokens": "TPM"}
_SPAN = {60: "min", 86_400: "day", 3_600: "hour", 1: "sec"}


def _openai_message(refusal: Refusal, model: str) -> str:
    span = _SPAN.get(refusal.window // SECOND, "min")
    letter = span[0].upper()
    kind = "requests" if refusal.dimension in {"requests", "concurrency"} else "tokens"
    short = _SHORT.get(refusal.dimension, "RPM")[:2] + letter
    head = f"for {model} in organization org-evalgate on {kind} per {span} ({short}): "
    numbers = f"Limit {refusal.limit}, "
    if refusal.requested > refusal.limit:
        return (
            f"Request too large {head}{numbers}Requested {refusal.requested}. The input or output "
            "tokens must be reduced in order to run successfully."
        )
    ms = truncated_wait(refusal.limit, refusal.used, refusal.requested, refusal.window)
    if refusal.retry_after is not None:
        ms = refusal.retry_after // MILLISECOND
    return (
        f"Rate limit reached {head}{numbers}Used {refusal.used}, Requested {refusal.requested}. "
        f"Please try again in {_spoken(ms)}. Visit "
        "https://platform.openai.com/account/rate-limits to learn more."
    )


def _body(payload: object) -> bytes:
    return json.dumps(payload).encode()


def throttle_response(
    profile: str,
    refusal: Refusal,
    use: tuple[DimensionUse, ...],
    *,
    wall_clock: datetime,
    hint: Hint | None = None,
    model: str = "MODEL",
) -> WireResponse:
    """Build the 429 of a provider.

    Args:
        profile: `openai`, `anthropic` or `azure`; anything else speaks like OpenAI.
        refusal: What was refused.
        use: How full each limit is, for the headers.
        wall_clock: The time of day, with a time zone, for resets given as moments.
        hint: How the wait is told; None: as the provider does.
        model: The model's name in the message.

    Returns:
        The response. Hints are rounded up, so that a client that obeys is not early; only the
        sentence in OpenAI's message is truncated, as it really is.
    """
    headers = rate_limit_headers(profile, use, wall_clock=wall_clock)
    if refusal.retry_after is not None:
        told = hint or PROFILES.get(profile, PROFILES["custom"]).hint
        headers |= _retry_headers(told, refusal.retry_after, wall_clock)
    if profile == "anthropic":
        error = {"type": "rate_limit_error", "message": _anthropic_message(refusal)}
        return WireResponse(429, headers, _body({"type": "error", "error": error}))
    if profile == "azure":
        wait = (
            60 if refusal.retry_after is None else quantise(refusal.retry_after, SECOND) // SECOND
        )
        text = (
            "Requests to the ChatCompletions_Create Operation have exceeded the "
            f"{'call' if refusal.dimension == 'requests' else 'token'} rate limit of your current "
            f"pricing tier. Please retry after {wait} seconds."
        )
        return WireResponse(429, headers, _body({"error": {"code": "429", "message": text}}))
    kind = "requests" if refusal.dimension in {"requests", "concurrency"} else "tokens"
    message = _openai_message(refusal, model)
    detail = {"message": message, "type": kind, "param": None, "code": "rate_limit_exceeded"}
    return WireResponse(429, headers, _body({"error": detail}))


def _anthropic_message(refusal: Refusal) -> str:
    if refusal.dimension == "concurrency":
        return "Number of concurrent connections has exceeded your rate limit."
    unit = refusal.dimension.replace("_", " ")
    return (
        f"This request would exceed your organization's rate limit of {refusal.limit:,} "
        f"{unit} per minute."
    )


def _retry_headers(hint: Hint, wait: int, wall_clock: datetime) -> dict[str, str]:
    whole = str(quantise(wait, SECOND) // SECOND)
    if hint == "none":
        return {}
    if hint == "date":
        moment = wall_clock.astimezone(UTC) + timedelta(microseconds=-(-wait // 1000))
        late = moment + timedelta(seconds=bool(moment.microsecond))
        return {"retry-after": format_datetime(late, usegmt=True)}
    if hint == "seconds":
        return {"retry-after": whole}
    return {"retry-after-ms": str(quantise(wait, MILLISECOND) // MILLISECOND), "retry-after": whole}


def rate_limit_headers(
    profile: str, use: tuple[DimensionUse, ...], *, wall_clock: datetime
) -> dict[str, str]:
    """Build the rate-limit headers of any response.

    Args:
        profile: `openai`, `anthropic` or `azure`; anything else speaks like OpenAI.
        use: How full each limit is.
        wall_clock: The time of day, with a time zone.
    """
    headers: dict[str, str] = {}
    for item in use:
        if profile == "anthropic":
            stem = f"anthropic-ratelimit-{item.name.replace('_', '-')}"
            headers[f"{stem}-limit"] = str(item.limit)
            headers[f"{stem}-remaining"] = str(item.remaining)
            headers[f"{stem}-reset"] = _rfc3339(wall_clock, item.reset)
        elif item.name in {"requests", "tokens"}:
            headers[f"x-ratelimit-limit-{item.name}"] = str(item.limit)
            headers[f"x-ratelimit-remaining-{item.name}"] = str(item.remaining)
            whole = str(quantise(item.reset, SECOND) // SECOND)
            reset = whole if profile == "azure" else go_duration(item.reset)
            headers[f"x-ratelimit-reset-{item.name}"] = reset
    return headers


def _rfc3339(now: datetime, wait: int) -> str:
    moment = now.astimezone(UTC) + timedelta(seconds=quantise(wait, SECOND) // SECOND)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


ErrorKind = Literal["quota_exhausted", "overloaded", "server_error", "bad_request"]

_OPENAI_ERRORS: dict[ErrorKind, tuple[int, str, str, str | None]] = {
    "quota_exhausted": (
        429,
        "insufficient_quota",
        "You exceeded your current quota, please check your plan and billing details.",
        "insufficient_quota",
    ),
    "overloaded": (
        503,
        "service_unavailable_error",
        "Our servers are currently overloaded. Please try again later.",
        "server_is_overloaded",
    ),
    "server_error": (
        500,
        "server_error",
        "The server had an error while processing your request. Sorry about that!",
        None,
    ),
    "bad_request": (400, "invalid_request_error", "Invalid request.", None),
}

_ANTHROPIC_ERRORS: dict[ErrorKind, tuple[int, str, str]] = {
    "quota_exhausted": (
        400,
        "invalid_request_error",
        "Your credit balance is too low to access the Anthropic API.",
    ),
    "overloaded": (529, "overloaded_error", "Overloaded"),
    "server_error": (500, "api_error", "Internal server error"),
    "bad_request": (400, "invalid_request_error", "Invalid request."),
}


def error_response(profile: str, kind: ErrorKind) -> WireResponse:
    """Build a provider's error that is not a throttle.

    Args:
        profile: `openai`, `anthropic` or `azure`; anything else speaks like OpenAI.
        kind: What went wrong.
    """
    if profile == "anthropic":
        status, name, text = _ANTHROPIC_ERRORS[kind]
        return WireResponse(
            status, {}, _body({"type": "error", "error": {"type": name, "message": text}})
        )
    status, name, text, code = _OPENAI_ERRORS[kind]
    detail = {"message": text, "type": name, "param": None, "code": code}
    return WireResponse(status, {}, _body({"error": detail}))
