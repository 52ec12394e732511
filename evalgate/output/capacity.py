"""A capacity plan for people: as text, as Markdown, and as a picture."""

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from evalgate.output.svg import Limit, Mark, Panel, figure
from evalgate.schema.base import Json
from evalgate.text.counts import number_of, percent_text, signed_percent
from evalgate.text.escape import markdown_cell, terminal

Plan = Mapping[str, Json]
_Row = tuple[str, ...]
_COLORS = ("bad", "main", "good")


def capacity_text(plan: Plan) -> str:
    """Lay a plan out for a terminal."""
    parts = [f"{terminal(_title(plan))}\n{terminal(_subtitle(plan))}"]
    for title, rows in _tables(plan):
        parts.append(f"{title}\n{_columns(rows)}")
    return "\n\n".join(parts) + "\n"


def capacity_markdown(plan: Plan) -> str:
    """Write a plan as Markdown."""
    parts = [f"## {markdown_cell(_title(plan))}\n\n{markdown_cell(_subtitle(plan))}"]
    for title, rows in _tables(plan):
        head, *body = [" | ".join(markdown_cell(cell) for cell in row) for row in rows]
        rule = "|".join("---" if i == 0 else "---:" for i in range(len(rows[0])))
        table = "\n".join([f"| {head} |", f"|{rule}|", *(f"| {line} |" for line in body)])
        parts.append(f"**{markdown_cell(title)}**\n\n{table}")
    return "\n\n".join(parts) + "\n"


def _title(plan: Plan) -> str:
    sessions = number_of(cast("int", plan["sessions"]), "session")
    growth = cast("float", plan["growth"])
    return f"Capacity plan: {sessions} today, {signed_percent(growth)} growth"


def _subtitle(plan: Plan) -> str:
    scenario = cast("dict[str, Json]", plan["scenario"])
    limits = cast("dict[str, int]", scenario["limits"])
    said = ", ".join(f"{name} {value:,}" for name, value in limits.items())
    stood = "" if plan["limits_stated"] else " (today's peaks: no limits were given)"
    gate = "no capacity control" if scenario["admission"] is None else "with a queue"
    return (
        f"{scenario['profile']}, {scenario['limiter']}, {said}{stood}; retry {scenario['retry']}; "
        f"{gate}"
    )


def _tables(plan: Plan) -> Iterable[tuple[str, Sequence[_Row]]]:
    head = ("", "peak", "reserve", "limit", "headroom")
    rows = [("organisation", plan["organisation"])]
    agents = cast("list[dict[str, Json]]", plan["agents"])
    if len(agents) > 1:
        rows += [(str(agent["name"]), agent["reserve"]) for agent in agents]
    yield (
        "Reserve: the busiest window x (1 + growth)",
        [head, *(row for name, shares in rows for row in _reserves(name, shares))],
    )
    tiers = cast("list[dict[str, Json]]", plan["tiers"])
    yield (
        "Needed for each tier after growth, and the most sessions it holds on today's limits",
        [("tier", "needs", "most sessions", "a minute", ""), *map(_tier, tiers)],
    )
    levers = cast("list[dict[str, Json]]", plan["levers"])
    yield (
        "What one change buys",
        [
            ("change", "sessions that hold", "a minute", "calls that fail today"),
            *(
                (
                    str(lever["name"]),
                    _number(lever["sessions"]),
                    _rate(lever["rate"]),
                    _percent(lever["error_rate"]),
                )
                for lever in levers
            ),
        ],
    )


def _reserves(name: str, shares: Json) -> Iterable[_Row]:
    for share in cast("list[dict[str, Json]]", shares):
        unit = str(share["dimension"]).replace("_", " ")
        yield (
            f"{name}: {unit}",
            _number(share["peak"]),
            _number(share["reserve"]),
            _number(share["limit"]),
            _percent(share["headroom"]),
        )


def _tier(tier: Mapping[str, Json]) -> _Row:
    needs = cast("dict[str, int] | None", tier["needs"])
    said = "more than was tried" if needs is None else _limits(needs)
    most = tier["largest_sessions"]
    more = " or more" if tier["at_least"] else ""
    rate = "" if tier["sessions_per_minute"] is None else _rate(tier["sessions_per_minute"])
    why = str(tier["reason"] or "")
    return str(tier["tier"]), said, f"{_number(most)}{more}", rate, why


def _limits(needs: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {value:,}" for name, value in needs.items())


def _number(value: Json) -> str:
    return f"{value:,}" if isinstance(value, int) else "-"


def _rate(value: Json) -> str:
    return f"{value:,.4g}" if isinstance(value, int | float) else ""


def _percent(value: Json) -> str:
    return percent_text(value) if isinstance(value, int | float) else "-"


def _columns(rows: Sequence[_Row]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        first, *rest = (
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  " + "  ".join((terminal(first), *map(terminal, rest))))
    return "\n".join(lines)


def capacity_figure(plan: Plan) -> str | None:
    """Draw errors and completion against sessions.

    Returns:
        An SVG document; null where the load cannot be scaled (a recorded arrival trace).
    """
    curves = cast("dict[str, list[dict[str, float | None]]]", plan["curve"])
    if not curves:
        return None
    panels = [
        Panel("Calls that fail", _marks(curves, "error_rate"), _tier_lines(plan), percent=True),
        Panel(
            "p95 of completion, seconds",
            _marks(curves, "completion_p95"),
            x_label="sessions at once",
        ),
    ]
    return figure(_title(plan), _subtitle(plan), panels)


def _marks(curves: Mapping[str, list[dict[str, float | None]]], field: str) -> list[Mark]:
    found = []
    for (name, points), color in zip(curves.items(), _COLORS, strict=False):
        known = [(p["sessions"] or 0.0, y) for p in points if (y := p[field]) is not None]
        found.append(Mark(name, color, known, "dots"))
    return found


_TIER_LIMITS = {"internal": 0.10, "frontier": 0.05, "user_facing": 0.01}


def _tier_lines(plan: Plan) -> list[Limit]:
    """Draw the limits of the tiers that are planned for and can be told apart at this scale."""
    named = {str(tier["tier"]) for tier in cast("list[dict[str, Json]]", plan["tiers"])}
    return [
        Limit(limit, f"{name} {percent_text(limit)}", "quiet")
        for name, limit in _TIER_LIMITS.items()
        if name in named
    ]
