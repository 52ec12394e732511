"""Errors and retries."""

from evalgate.schema.golden import Case
from evalgate.schema.score import Abstained, Score, Scored
from evalgate.schema.trace import Attempt, LlmCall, Trace
from evalgate.scorers.settings import NO, Settings, binary, failed, unknown

VERSION = "1"
"""Changes when the definition changes."""

SCORES = ("error", "retry_exhaustion")
"""Names of the scores of a trial."""

_NO_CALLS = Abstained("no LLM call was seen")
_NO_ATTEMPTS = unknown("no attempt of an LLM call was recorded")
_CURABLE = frozenset({408, 409, 425, 429})
_SERVER_ERRORS = 500


def score_reliability(case: Case, trace: Trace, settings: Settings) -> dict[str, Score]:  # noqa: ARG001  # the shape of a scorer
    """Score whether the trial failed, and which of its LLM calls ran out of retries."""
    return {
        "error": binary(holds=failed(trace)),
        "retry_exhaustion": _exhausted([s for s in trace.steps if isinstance(s, LlmCall)]),
    }


def _exhausted(calls: list[LlmCall]) -> Score:
    """Count the calls whose last attempt failed in a way that waiting cures."""
    if not calls:
        return _NO_CALLS
    known = [call for call in calls if call.attempts]
    if not known:
        return _NO_ATTEMPTS
    out = sum(call.error is not None and _curable(call.attempts[-1]) for call in known)
    return Scored(out / len(known), (out, len(known))) if out else _none_out(len(known))


def _none_out(calls: int) -> Scored:
    return Scored(NO.value, (0, calls))


def _curable(attempt: Attempt) -> bool:
    if attempt.status is None:
        return attempt.error is not None
    return attempt.status in _CURABLE or attempt.status >= _SERVER_ERRORS
