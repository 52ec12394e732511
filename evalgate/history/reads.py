"""What is asked of the database of the history."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from evalgate.history.series import CasePoint, Point
from evalgate.history.store import Database

_EXPORTED: Final = ("runs", "metrics", "cases", "interactions", "tools", "causes")


def metric_points(
    database: Database,
    metric: str,
    *,
    suite: str | None = None,
    branches: Sequence[str] | None = None,
    since: int = 0,
    last: int | None = None,
) -> dict[str, list[Point]]:
    """Return the values of a metric by suite, in order of time.

    Args:
        database: The history.
        metric: The metric's name.
        suite: Only this suite; null: all.
        branches: Only runs of these branches; null: all.
        since: Only runs that started at this time or later.
        last: Only so many, the newest; of all suites together.
    """
    from sqlalchemy import select  # noqa: PLC0415  # an extra

    runs, values = database.tables.runs.c, database.tables.metrics.c
    query = (
        select(
            runs.suite, runs.run_id, runs.at, values.value, values.unit, values.direction,
            values.definition, runs.golden_digest, runs.commit, runs.fingerprint, values.num,
            values.den, runs.partial, values.unknown,
        )
        .join_from(database.tables.metrics, database.tables.runs, runs.run_id == values.run_id)
        .where(values.name == metric, runs.at >= since)
    )  # fmt: skip
    if suite is not None:
        query = query.where(runs.suite == suite)
    if branches is not None:
        query = query.where(runs.branch.in_(branches))
    if last is not None:
        query = query.order_by(runs.at.desc(), runs.run_id.desc()).limit(last)
    found: dict[str, list[Point]] = {}
    for own, *fields in database.rows(query):
        found.setdefault(own, []).append(Point(*fields))
    for points in found.values():
        points.sort(key=lambda point: (point.at, point.run_id))
    return dict(sorted(found.items()))


def case_points(database: Database, suite: str, last: int) -> list[CasePoint]:
    """Return the outcomes of every case in the last runs of a suite, on any branch."""
    from sqlalchemy import select  # noqa: PLC0415  # an extra

    runs, cases = database.tables.runs, database.tables.cases.c
    newest = (
        select(runs.c.run_id, runs.c.at, runs.c.fingerprint)
        .where(runs.c.suite == suite)
        .order_by(runs.c.at.desc(), runs.c.run_id.desc())
        .limit(last)
        .subquery()
    )
    query = select(
        newest.c.run_id, newest.c.at, cases.case_id, cases.digest, newest.c.fingerprint,
        cases.trials, cases.successes, cases.unknown,
    ).join_from(newest, database.tables.cases, cases.run_id == newest.c.run_id)  # fmt: skip
    return [CasePoint(*row) for row in database.rows(query)]


def known_metrics(database: Database) -> list[str]:
    """Name every metric that has a value in some run."""
    from sqlalchemy import select  # noqa: PLC0415  # an extra

    name = database.tables.metrics.c.name
    return [row[0] for row in database.rows(select(name).distinct().order_by(name))]


def known_suites(database: Database) -> list[str]:
    """Name every suite that has a run."""
    from sqlalchemy import select  # noqa: PLC0415  # an extra

    suite = database.tables.runs.c.suite
    return [row[0] for row in database.rows(select(suite).distinct().order_by(suite))]


def export_rows(database: Database) -> Iterator[Mapping[str, Any]]:
    """Yield every row with the name of its table, in the order of its key."""
    from sqlalchemy import select  # noqa: PLC0415  # an extra

    for name in _EXPORTED:
        table = getattr(database.tables, name)
        key = list(table.primary_key.columns)
        columns = [column.name for column in table.columns]
        for row in database.rows(select(table).order_by(*key)):
            yield {"table": table.name, **dict(zip(columns, row, strict=True))}
