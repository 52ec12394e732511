"""Labelled responses: what each provider sends for each cause, to hold the classifier to."""

from collections.abc import Iterator
from datetime import UTC, datetime

from evalgate.quota.profiles import (
    PROFILES,
    ErrorKind,
    Refusal,
    WireResponse,
    error_response,
    throttle_response,
)
from evalgate.quota.quota import DimensionName
from evalgate.quota.units import SECOND
from evalgate.stress.checks.rootcause import Accuracy, FailedCall, accuracy
from evalgate.stress.simulation.causes import Cause

__all__ = ["labelled_responses", "own_accuracy"]

_THROTTLES: tuple[tuple[DimensionName, Cause], ...] = (
    ("requests", "throttled_requests"),
    ("tokens", "throttled_tokens"),
)
_KINDS: tuple[ErrorKind, ...] = ("quota_exhausted", "overloaded", "server_error", "bad_request")
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def labelled_responses(profile: str) -> Iterator[tuple[FailedCall, Cause]]:
    """Yield every error a profile can send, with its true cause.

    Args:
        profile: A key of `PROFILES`.
    """
    for dimension, cause in _THROTTLES:
        refusal = Refusal(dimension, 100, 100, 1, SECOND)
        yield _call(throttle_response(profile, refusal, (), wall_clock=_EPOCH)), cause
    if profile not in ("anthropic", "azure"):  # these two say no more than that it is throttled
        large = Refusal("tokens", 100, 0, 101, None)
        yield _call(throttle_response(profile, large, (), wall_clock=_EPOCH)), "never_fits"
    for kind in _KINDS:
        yield _call(error_response(profile, kind)), kind


def _call(response: WireResponse) -> FailedCall:
    return FailedCall(response.status, response.body.decode(), response.headers)


def own_accuracy(profile: str) -> Accuracy:
    """Return how often the classifier is right about a profile's own responses."""
    return accuracy(labelled_responses(profile if profile in PROFILES else "openai"))
