"""The metrics of a stress check: figures of a whole run, compared by value.

They are in a suite's metrics only where it has a `stress:` block, so that a suite without one
does not lack them.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from evalgate.metrics.metric import Metric
from evalgate.schema.result import Unit
from evalgate.schema.verdict import Direction, Gate

_RATE_TOL = 0.001
_SECOND = 1.0


def _metric(
    name: str,
    doc: str,
    unit: Unit = "ratio",
    direction: Direction = "lower",
    gate: Gate = "standard",
    abs_tol: float | None = _RATE_TOL,
) -> Metric:
    return Metric(
        name=f"stress_{name}",
        score=f"stress_{name}",
        unit=unit,
        direction=direction,
        gate=gate,
        doc=doc,
        aggregate="whole",
        bounds=None,
        where_known=True,
        abs_tol=abs_tol,
    )


def _all() -> Iterable[Metric]:
    yield _metric("error_rate", "Calls that failed, all causes, over calls.")
    yield _metric("rate_limit_error_rate", "Calls that failed for want of capacity over calls.")
    yield _metric("rate_limit_attempt_rate", "Attempts that were throttled over attempts.")
    yield _metric("retry_exhaustion_rate", "Calls whose retries ran out over calls.")
    yield _metric("retry_amplification", "Attempts over calls.", abs_tol=None)
    yield _metric(
        "session_continuity_rate", "Sessions that finished over sessions.", direction="higher"
    )
    yield _metric(
        "goodput", "Calls of sessions that finished over calls planned.", direction="higher"
    )
    for share in ("p50", "p95"):
        yield _metric(
            f"completion_time_{share}",
            "Time of a session, one that never finishes being the slowest.",
            unit="s",
            abs_tol=_SECOND,
        )
    yield _metric(
        "recovery_time", "From the last arrival to the last refusal.", unit="s", abs_tol=_SECOND
    )
    # More use of the same quota may be worse (load) or better (fewer deaths): it only informs.
    yield _metric(
        "quota_utilisation",
        "Admitted charge over limit x time + burst, of the fullest limit.",
        gate="advisory",
    )


STRESS_METRICS: Mapping[str, Metric] = MappingProxyType({m.name: m for m in _all()})
"""Every metric of a stress check by name."""
