"""Draws the pictures of docs/boards.md: what the boards show of a week with one incident.

    python scripts/board_pictures.py

Five made weeks of production go into a history, and the last is drawn as reports draw: two days
before its end a new prompt makes answers wrong and one of two tools fail, for six hours.
"""

import sys
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from evalgate.history.hours import AgentHours, Hour, hours_of  # noqa: E402  # after the path is set
from evalgate.history.production import Filters, window_counts  # noqa: E402
from evalgate.history.records import Interaction  # noqa: E402
from evalgate.history.store import Database, add_interactions, open_history  # noqa: E402
from evalgate.output.svg import Limit, Mark, Panel, figure  # noqa: E402
from evalgate.slo.arithmetic import EventCounts, burn_rate  # noqa: E402

PICTURES = ROOT / "docs" / "img" / "boards"
HOUR, DAY = 3_600, 24
END = 1_780_000_000
HOURS, DRAWN, AN_HOUR = 37 * DAY, 7 * DAY, 20
INCIDENT = range(2 * DAY - 6, 2 * DAY)
"""Hours before the end."""
OBJECTIVE, WINDOW = Fraction(95, 100), 30 * DAY * HOUR


def pictures() -> dict[str, str]:
    """Return the picture of each board by the name of its file."""
    with TemporaryDirectory() as folder, open_history(f"sqlite:///{folder}/h.db") as database:
        add_interactions(database, list(production()))
        (agent,) = hours_of(database, END, DRAWN, Filters()).values()
        return {
            "top-line.svg": top_line(agent),
            "drill-down.svg": drill_down(agent),
            "objectives.svg": objectives(database),
        }


def production() -> Iterator[Interaction]:
    """Make interactions of which few fail, but for one incident."""
    chance = Random(12)  # noqa: S311  # made data
    for ago in range(HOURS):
        broken = ago in INCIDENT
        for n in range(AN_HOUR):
            pay_fails = int(chance.random() < (0.6 if broken else 0.01))
            good = float(not pay_fails and chance.random() < (0.7 if broken else 0.985))
            yield Interaction(
                id=f"{ago}-{n}",
                digest=f"{ago}-{n}",
                at=END - ago * HOUR - n * 150 - 30,
                day=None,
                agent="support",
                model="gpt-4.1",
                prompt_version="v8" if broken else "v7",
                environment="production",
                outcome="finished",
                success=good,
                error=0.0,
                escalation=float(chance.random() < (0.12 if good < 1 else 0.02)),
                guardrail=float(chance.random() < (0.08 if broken else 0.005)),
                faithfulness=None,
                cost_usd=0.02 * chance.uniform(0.85, 1.15) * (1.6 if broken else 1.0),
                duration_s=chance.uniform(1, 3),
                ttft_s=None,
                llm_calls=2,
                tool_calls=2,
                tool_failures=pay_fails,
                input_tokens=900,
                output_tokens=120,
                tools={"find_order": (1, 0), "pay": (1, pay_fails)},
                causes={},
            )


def top_line(agent: AgentHours) -> str:
    """Draw success, escalation and cost."""
    success = rate(agent.hours, "failures", "success_known")
    good = [(x, 1 - bad) for x, bad in success]
    escalated = rate(agent.hours, "escalations", "escalation_known")
    cost = rate(agent.hours, "cost_usd", "interactions")
    panels = [
        Panel("Task success", [Mark("success", "good", good)], [Limit(0.95, "95 %")], percent=True),
        Panel("Escalation", [Mark("escalation", "warn", escalated)], percent=True),
        Panel("Cost per interaction, $", [Mark("cost", "main", cost, "area")], x_label="day"),
    ]
    return figure("evalgate: top line", "support, 7 days by the hour", panels)


def drill_down(agent: AgentHours) -> str:
    """Draw success by tool, and guardrail violations."""
    colors = {"find_order": "main", "pay": "bad"}
    tools = [
        Mark(
            tool,
            colors[tool],
            [(day(ago), 1 - bad / calls) for ago, (bad, calls) in sorted(of.items(), reverse=True)],
        )
        for tool, of in sorted(agent.tools.items())
    ]
    violations = rate(agent.hours, "violations", "guardrail_known")
    panels = [
        Panel("Success by tool", tools, percent=True),
        Panel(
            "Guardrail violations",
            [Mark("violations", "bad", violations, "area")],
            percent=True,
            x_label="day",
        ),
    ]
    return figure("evalgate: drill-down", "support, 7 days by the hour", panels)


def objectives(database: Database) -> str:
    """Draw what is left of the error budget, and how fast it is spent."""
    left, burning = [], []
    for ago in range(DRAWN, -1, -2):
        found = window_counts(
            database, "task_success_rate", END - ago * HOUR, [WINDOW, HOUR], Filters()
        )
        spent, burn = (
            burn_rate(EventCounts(*found[length]), OBJECTIVE) for length in (WINDOW, HOUR)
        )
        left.append((day(ago), float(1 - (spent or 0))))
        burning.append((day(ago), float(burn or 0)))
    panels = [
        Panel("Error budget left", [Mark("success", "good", left, "area")], percent=True),
        Panel(
            "Burn rate of the last hour",
            [Mark("success", "warn", burning)],
            [Limit(14.4, "14.4: page"), Limit(1.0, "1: spent in 30 days", "quiet")],
            x_label="day",
        ),
    ]
    return figure("evalgate: objectives", "success: 95 % over 30 days", panels)


def rate(hours: Mapping[int, Hour], bad: str, known: str) -> list[tuple[float, float]]:
    """Return day and share of each hour, oldest first."""
    return [
        (day(ago), getattr(one, bad) / getattr(one, known))
        for ago, one in sorted(hours.items(), reverse=True)
    ]


def day(ago: int) -> float:
    """Return the days since the start of what is drawn."""
    return (DRAWN - ago) / DAY


if __name__ == "__main__":
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name, drawn in pictures().items():
        (PICTURES / name).write_text(drawn, encoding="utf-8")
        print(f"{name}: {len(drawn):,} bytes")
