"""Stress figures as metrics, so that they go into the baseline and the 5 % rule holds for them."""

from fractions import Fraction
from typing import Literal

from evalgate.schema.result import MetricValue
from evalgate.stress.simulation.outcome import StressOutcome

_Unit = Literal["ratio", "count", "s"]
_Way = Literal["higher", "lower"]


def stress_metrics(outcome: StressOutcome) -> dict[str, MetricValue]:
    """Return the figures of a stress run by metric name; an unknown one has the value None."""
    total = outcome.total
    # A session that never finishes takes for ever: otherwise a death would look like speed.
    lost = total.sessions - total.finished
    half, most = Fraction(1, 2), Fraction(95, 100)
    ratios: tuple[tuple[str, int, int, _Way], ...] = (
        ("stress_rate_limit_error_rate", total.rate_limited, total.calls, "lower"),
        ("stress_rate_limit_attempt_rate", total.throttled, total.attempts, "lower"),
        ("stress_error_rate", total.failed, total.calls, "lower"),
        ("stress_retry_exhaustion_rate", total.exhausted, total.calls, "lower"),
        ("stress_retry_amplification", total.attempts, total.calls, "lower"),
        ("stress_session_continuity_rate", total.finished, total.sessions, "higher"),
        ("stress_goodput", total.useful, total.planned, "higher"),
    )
    times = outcome.times_known
    figures: tuple[tuple[str, float | None, _Unit, int], ...] = (
        ("stress_quota_utilisation", outcome.quota_utilisation, "ratio", total.calls),
        ("stress_completion_time_p50", total.completion_time(half, lost), "s", total.sessions),
        ("stress_completion_time_p95", total.completion_time(most, lost), "s", total.sessions),
        ("stress_recovery_time", outcome.recovery, "s", total.sessions),
    )
    source: Literal["simulated", "measured"] = (
        "simulated" if outcome.engine == "simulate" else "measured"
    )
    found = {
        name: MetricValue(
            value=bad / of if of and times else None,
            unit="ratio",
            direction=way,
            n=of if times else 0,
            pooled=(bad, of) if of and times else None,
            source=source,
        )
        for name, bad, of, way in ratios
    }
    for name, value, unit, n in figures:
        known = value if times else None
        found[name] = MetricValue(
            value=known,
            unit=unit,
            direction="lower",
            n=0 if known is None else n,
            source=source,
        )
    return found
