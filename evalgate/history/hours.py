"""Production by the hour, as the database adds it up: the last hour is 0, the one before 1."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from evalgate.history.production import Filters, filtered
from evalgate.history.store import Database


@dataclass(frozen=True, slots=True)
class Hour:
    """What one agent did in one hour."""

    interactions: int
    success_known: int
    failures: float
    """Bad among `success_known`."""
    error_known: int
    errors: float
    escalation_known: int
    escalations: float
    guardrail_known: int
    violations: float
    cost_usd: float
    """Sum of the costs that are known."""
    cost_unknown: int
    """Interactions whose cost is unknown."""
    duration_s: float
    duration_known: int
    llm_calls: int


@dataclass(frozen=True, slots=True)
class AgentHours:
    """What one agent did, by hours ago."""

    agent: str | None
    hours: dict[int, Hour] = field(default_factory=dict)
    tools: dict[str, dict[int, tuple[int, int]]] = field(default_factory=dict)
    """Failures and calls by tool."""
    causes: dict[int, dict[str, int]] = field(default_factory=dict)
    """Model calls that met a failure, by root cause."""
    models: dict[bool, frozenset[str]] = field(default_factory=dict)
    """Models of the last hour (true) and of the hours before."""
    prompts: dict[bool, frozenset[str]] = field(default_factory=dict)
    """Versions of the prompt, alike."""


def hours_of(
    database: Database, now: int, count: int, filters: Filters
) -> Mapping[str | None, AgentHours]:
    """Return the last so many hours of every agent.

    Args:
        database: The history.
        now: The end of the last hour, in seconds since 1970.
        count: Hours.
        filters: Which interactions count.
    """
    from sqlalchemy import func, select  # noqa: PLC0415  # an extra

    own = database.tables
    main = own.interactions.c
    ago = ((now - main.at) // 3_600).label("ago")
    inside = (main.at > now - count * 3_600, main.at <= now)
    columns = [main.agent, ago, func.count(), *_sums(main)]
    query = select(*columns).where(*inside).group_by(main.agent, ago)
    found: dict[str | None, AgentHours] = {}
    for agent, hour, *numbers in database.rows(filtered(query, main, filters)):
        known = found.setdefault(agent, AgentHours(agent))
        known.hours[int(hour)] = Hour(*(value or 0 for value in numbers))
    for name, table in (("tools", own.tools), ("causes", own.causes)):
        kind = table.c.tool if name == "tools" else table.c.cause
        bad = func.sum(table.c.failures) if name == "tools" else func.sum(table.c.calls)
        rows = (
            select(main.agent, ago, kind, bad, func.sum(table.c.calls))
            .join_from(table, own.interactions, main.id == table.c.id)
            .where(*inside, table.c.at > now - count * 3_600)
            .group_by(main.agent, ago, kind)
        )
        for agent, hour, kind_name, failures, calls in database.rows(filtered(rows, main, filters)):
            if name == "tools":
                tool = found[agent].tools.setdefault(kind_name, {})
                tool[int(hour)] = (int(failures), int(calls))
            else:
                found[agent].causes.setdefault(int(hour), {})[kind_name] = int(failures)
    _fingerprints(database, found, inside, now, filters)
    return found


def _sums(main: Any) -> list[Any]:  # noqa: ANN401  # columns of SQLAlchemy
    from sqlalchemy import case, func  # noqa: PLC0415

    known = [func.count(main[name]) for name in ("success", "error", "escalation", "guardrail")]
    good, *bad = (func.sum(main[n]) for n in ("success", "error", "escalation", "guardrail"))
    failures = func.count(main.success) - func.coalesce(good, 0)
    rates = [value for pair in zip(known, [failures, *bad], strict=True) for value in pair]
    return [
        *rates,
        func.sum(main.cost_usd),
        func.sum(case((main.cost_usd.is_(None), 1), else_=0)),
        func.sum(main.duration_s),
        func.count(main.duration_s),
        func.sum(main.llm_calls),
    ]


def _fingerprints(
    database: Database,
    found: Mapping[str | None, AgentHours],
    inside: tuple[Any, ...],
    now: int,
    filters: Filters,
) -> None:
    """Note which models and prompts each agent had in the last hour and before."""
    from sqlalchemy import case, select  # noqa: PLC0415

    main = database.tables.interactions.c
    late = case((main.at > now - 3_600, 1), else_=0)
    query = select(main.agent, late, main.model, main.prompt_version).where(*inside).distinct()
    models: dict[tuple[str | None, bool], set[str]] = defaultdict(set)
    prompts: dict[tuple[str | None, bool], set[str]] = defaultdict(set)
    for agent, is_late, model, prompt in database.rows(filtered(query, main, filters)):
        models[agent, bool(is_late)] |= {model} - {None}
        prompts[agent, bool(is_late)] |= {prompt} - {None}
    for agent, own in found.items():
        for side in (True, False):
            own.models[side] = frozenset(models[agent, side])
            own.prompts[side] = frozenset(prompts[agent, side])
