"""The picture of a stress check: throttles, use of the quota, and completion over time."""

from itertools import accumulate
from typing import cast

from evalgate.output.svg import Limit, Mark, Panel, figure
from evalgate.schema.base import Json
from evalgate.schema.result import Report

_MINUTE = 60.0
_LABELS = {
    "requests": "requests",
    "tokens": "tokens",
    "input_tokens": "input tokens",
    "output_tokens": "output tokens",
}
_LIMIT_OF = {
    "requests": "rpm",
    "tokens": "tpm",
    "input_tokens": "input_tpm",
    "output_tokens": "output_tpm",
}
_HUES = ("main", "warn", "good", "quiet")


def stress_figure(report: Report) -> str | None:
    """Draw the stress check of a report.

    Args:
        report: A report with a `stress` object.

    Returns:
        An SVG document; null where there is nothing to draw.
    """
    stress = report.stress
    if stress is None:
        return None
    series = _object(stress.get("series"))
    width = _real(series.get("seconds_per_bin"))
    columns = {
        name: _column(series.get(name))
        for name in ("admitted", "throttled", "turned_away", "finished")
    }
    bins = max((len(column) for column in columns.values()), default=0)
    if not (width and bins):
        return None
    seeds = max(1, int(_real(stress.get("seeds")) or 1))
    panels = [
        _attempts(columns, width, seeds),
        _use(stress, columns["admitted"], _object(series.get("charged")), width, seeds),
        _sessions(stress, columns["finished"], width, seeds),
    ]
    return figure(f"{report.suite.id}: {report.verdict}", _told(stress), panels)


def _attempts(columns: dict[str, list[float]], width: float, seeds: int) -> Panel:
    named = (
        ("admitted", "admitted", "main"),
        ("throttled", "throttled", "bad"),
        ("turned_away", "other errors", "warn"),
    )
    marks = [
        Mark(label, color, [(i * width, n / width / seeds) for i, n in enumerate(values)], "bars")
        for name, label, color in named
        if (values := columns[name]) and (name != "turned_away" or any(values))
    ]
    return Panel("Attempts a second", marks, step=width)


def _use(
    stress: dict[str, Json],
    admitted: list[float],
    charged: dict[str, Json],
    width: float,
    seeds: int,
) -> Panel:
    """Draw what was admitted in the minute before each moment, as a share of a minute's limit."""
    limits = _object(stress.get("limits"))
    found = []
    known = {"requests": admitted, **{name: _column(values) for name, values in charged.items()}}
    for (name, values), color in zip(known.items(), _HUES, strict=False):
        limit = _real(limits.get(_LIMIT_OF.get(name, "")))
        if limit:
            shares = _rolling(values, max(1, round(_MINUTE / width)), limit * seeds)
            points = [((i + 1) * width, share) for i, share in enumerate(shares)]
            found.append(Mark(_LABELS[name], color, [(0.0, 0.0), *points], "area"))
    lines = [Limit(1.0, "a minute's limit"), Limit(0.8, "80 %", "quiet")]
    return Panel("Use of the quota in the minute before", found, lines, percent=True)


def _rolling(values: list[float], window: int, limit: float) -> list[float]:
    sums = [0.0, *accumulate(values)]
    return [(sums[i + 1] - sums[max(0, i + 1 - window)]) / limit for i in range(len(values))]


def _sessions(stress: dict[str, Json], finished: list[float], width: float, seeds: int) -> Panel:
    total = (_real(stress.get("sessions")) or 0.0) / seeds
    done = [n / seeds for n in accumulate(finished)]
    points = [((i + 1) * width, n) for i, n in enumerate(done)]
    return Panel(
        "Sessions finished",
        [Mark("finished", "good", [(0.0, 0.0), *points], "area")],
        [Limit(total, f"all {total:,.0f} sessions", "quiet")],
        x_label="seconds since the first arrival",
    )


def _told(stress: dict[str, Json]) -> str:
    limits = ", ".join(f"{name} {value:,}" for name, value in _object(stress["limits"]).items())
    gate = stress.get("admission")
    control = "no capacity control" if gate is None else "queue"
    if isinstance(gate, dict) and gate.get("reservation") != "none":
        control += f", {gate.get('reserve')} % reserved ({gate.get('reservation')})"
    return (
        f"{stress.get('engine')}; {stress.get('profile')}, {stress.get('limiter')}; {limits}; "
        f"retry {stress.get('retry')}; {control}"
    )


def _object(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _column(value: Json) -> list[float]:
    return cast("list[float]", value) if isinstance(value, list) else []


def _real(value: Json) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
