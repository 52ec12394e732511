"""Alerts and what was sent of them, so that a restart tells nobody twice."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from evalgate.history.store import Database

if TYPE_CHECKING:
    from sqlalchemy import Connection


_LOCK: Final = 0x65766C68
_KEPT_S: Final = 30 * 86_400


def change_alerts(
    database: Database,
    now: int,
    decide: Callable[[dict[str, str]], tuple[dict[str, tuple[str, str]], list[str]]],
) -> None:
    """Open, raise and close alerts in one transaction, one watcher at a time.

    Args:
        database: The history.
        now: The time, in seconds since 1970.
        decide: Given the bodies of the open alerts by key, returns severity and body of those to
            open or to raise, by key, and the keys of those to close.
    """
    table = database.tables.alerts
    with database.writing() as connection:
        _lock(connection)
        rows = connection.execute(table.select().where(table.c.closed.is_(None)))
        open_now = {row.key: row for row in rows}
        wanted, closed = decide({key: row.body for key, row in open_now.items()})
        for key, (severity, body) in wanted.items():
            if key in open_now:
                change = {"severity": severity, "body": body}
                connection.execute(_one(table.update(), table, open_now[key]).values(change))
            else:
                row = {"key": key, "opened": now, "severity": severity, "body": body}
                connection.execute(table.insert().values(row))
        for key in closed:
            connection.execute(_one(table.update(), table, open_now[key]).values(closed=now))


def _one(statement: Any, table: Any, row: Any) -> Any:  # noqa: ANN401  # of SQLAlchemy
    return statement.where(table.c.key == row.key, table.c.opened == row.opened)


def _lock(connection: "Connection") -> None:
    """Let one watcher at a time decide; a transaction of SQLite is alone anyhow."""
    from sqlalchemy import text  # noqa: PLC0415  # an extra

    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))


def alert_rows(database: Database, now: int) -> list[Any]:
    """Return the alerts that are open, or were closed in the last 30 days."""
    from sqlalchemy import or_  # noqa: PLC0415  # an extra

    table = database.tables.alerts
    late = or_(table.c.closed.is_(None), table.c.closed > now - _KEPT_S)
    return database.rows(table.select().where(late).order_by(table.c.opened, table.c.key))


def delivery_rows(database: Database, now: int) -> list[Any]:
    """Return what was sent of the alerts that `alert_rows` returns."""
    from sqlalchemy import select  # noqa: PLC0415  # an extra

    table, alerts = database.tables.deliveries, database.tables.alerts
    late = (alerts.c.closed.is_(None)) | (alerts.c.closed > now - _KEPT_S)
    same = (alerts.c.key == table.c.key) & (alerts.c.opened == table.c.opened)
    return database.rows(select(table).join_from(table, alerts, same).where(late))


def claim(
    database: Database, message: tuple[str, int, str, str], now: int, *, stale: int | None
) -> bool:
    """Take a message on, and say whether it is ours to send.

    Args:
        database: The history.
        message: Key and opening of the alert, receiver, and step.
        now: The time.
        stale: When it was last tried; null: never.
    """
    from sqlalchemy import select  # noqa: PLC0415  # an extra

    table = database.tables.deliveries
    key, opened, receiver, action = message
    same = (
        table.c.key == key,
        table.c.opened == opened,
        table.c.receiver == receiver,
        table.c.action == action,
    )
    with database.writing() as connection:
        _lock(connection)
        last = connection.execute(select(table.c.at).where(*same)).scalar()
        if last != stale:
            return False
        if last is None:
            row = {"key": key, "opened": opened, "receiver": receiver, "action": action}
            state = {"at": now, "state": "sending", "attempts": 0}
            connection.execute(table.insert().values(row | state))
        else:
            connection.execute(table.update().where(*same).values(at=now, state="sending"))
    return True


def finish(
    database: Database,
    message: tuple[str, int, str, str],
    now: int,
    outcome: tuple[str, int, str | None],
) -> None:
    """Note what became of a message: its state, attempts and error."""
    table = database.tables.deliveries
    key, opened, receiver, action = message
    state, attempts, error = outcome
    with database.writing() as connection:
        connection.execute(
            table.update()
            .where(
                table.c.key == key,
                table.c.opened == opened,
                table.c.receiver == receiver,
                table.c.action == action,
            )
            .values(at=now, state=state, attempts=attempts, error=error)
        )
