"""The database of the history: SQLite or PostgreSQL, and the only room that talks to it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from evalgate.errors import ConfigError, DataError, MissingExtra
from evalgate.history.records import Interaction, RunRecord
from evalgate.history.tables import HEAD, Tables, tables

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, Table


Added = Literal["added", "known", "differs"]
"""`known`: the same run is there; `differs`: another report of the same run is, and stays."""

_INSTALL: Final = 'pip install "agent-evalgate[history]"'
_LOCK: Final = 0x65766C67
"""Advisory lock of PostgreSQL under which the tables are migrated."""
_BATCH: Final = 500
_CHILDREN: Final = ("tools", "causes")


@dataclass(frozen=True, slots=True)
class Database:
    """An open history."""

    engine: "Engine"
    """Connections."""
    tables: Tables

    @contextmanager
    def writing(self) -> "Iterator[Connection]":
        """Hold a transaction open; it is taken back where anything fails."""
        with _named(self.engine), self.engine.begin() as connection:
            yield connection

    def rows(self, statement: Any) -> list[Any]:  # noqa: ANN401  # a statement of SQLAlchemy
        """Run a query and return its rows."""
        reading = self.engine.execution_options(reading=True)
        with _named(self.engine), reading.connect() as connection:
            return list(connection.execute(statement))


def location(url: str, root: Path, environ: Mapping[str, str]) -> str:
    """Turn what the configuration says into a URL of SQLAlchemy.

    Args:
        url: A file, `postgresql://...`, `sqlite:///...`, or `$NAME`.
        root: Folder that a file is relative to.
        environ: The caller's environment.

    Raises:
        ConfigError: The variable is not set, or the database is of another kind.
    """
    if url.startswith("$"):
        name = url[1:].strip("{}")
        if not environ.get(name):
            raise ConfigError(
                f"history: the variable {name} of the environment is not set",
                fix=f"export {name}=postgresql://USER:PASSWORD@HOST/DATABASE",
            )
        url = environ[name]
    scheme, separator, rest = url.partition("://")
    if not separator:
        return f"sqlite:///{root / url}"
    if scheme in ("postgres", "postgresql"):
        return f"postgresql+psycopg://{rest}"
    if scheme in ("sqlite", "postgresql+psycopg"):
        return url
    raise ConfigError(
        f"history: {scheme + '://...'!r} is no database that is known",
        fix="history: .evalgate/history.db, or postgresql://USER@HOST/DATABASE",
    )


@contextmanager
def open_history(url: str, *, new: bool = True) -> Iterator[Database]:
    """Open the history, and bring its tables up to date.

    Args:
        url: What `location` returned.
        new: Whether a file that is not there is made.

    Raises:
        MissingExtra: SQLAlchemy, alembic or psycopg is not installed.
        DataError: The database cannot be reached, or is of a newer version.
    """
    engine = _engine(url, new=new)
    try:
        with _named(engine):
            _migrate(engine)
        yield Database(engine, tables())
    finally:
        engine.dispose()


def _engine(url: str, *, new: bool) -> "Engine":
    try:
        from sqlalchemy import create_engine, event  # noqa: PLC0415  # an extra
        from sqlalchemy.engine import make_url  # noqa: PLC0415
        from sqlalchemy.exc import ArgumentError  # noqa: PLC0415
        from sqlalchemy.pool import NullPool  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtra("the history needs SQLAlchemy", fix=_INSTALL) from error
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigError("history: the URL cannot be read") from error
    if parsed.get_backend_name() == "sqlite":
        if parsed.database and parsed.database != ":memory:":
            if not new and not Path(parsed.database).exists():
                raise DataError(
                    f"history: {parsed.database}: there is no such file",
                    fix="name the file that `evalgate history add RUN --db FILE` wrote, or leave "
                    "--db out: `history:` of the configuration holds",
                )
            try:
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise DataError(f"history: {parsed.database}: {error.strerror}") from error
        engine = create_engine(parsed, poolclass=NullPool, connect_args={"timeout": 60})
        event.listen(engine, "connect", _on_connect)
        event.listen(engine, "begin", _on_begin)
        return engine
    try:
        return create_engine(parsed, connect_args={"connect_timeout": 5})
    except ImportError as error:
        raise MissingExtra("PostgreSQL needs psycopg", fix=_INSTALL) from error


def _on_connect(connection: Any, _record: Any) -> None:  # noqa: ANN401  # of sqlite3
    connection.isolation_level = None  # transactions are begun below, not by sqlite3
    connection.execute("PRAGMA journal_mode=WAL")


def _on_begin(connection: Any) -> None:  # noqa: ANN401  # of SQLAlchemy
    kind = "DEFERRED" if connection.get_execution_options().get("reading") else "IMMEDIATE"
    connection.exec_driver_sql(f"BEGIN {kind}")


@contextmanager
def _named(engine: "Engine") -> Iterator[None]:
    """Turn an error of the database into ours, with the place and without the password."""
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    try:
        yield
    except SQLAlchemyError as error:
        place = engine.url.render_as_string(hide_password=True)
        cause = str(getattr(error, "orig", None) or error).strip().splitlines()
        raise DataError(
            f"history {place}: {cause[0] if cause else type(error).__name__}",
            fix="see that the database is there and may be written to; --db names another",
        ) from error


def _migrate(engine: "Engine") -> None:
    """Run the migrations that are missing; the usual case is one small query."""
    from sqlalchemy import text  # noqa: PLC0415

    with engine.execution_options(reading=True).connect() as connection:
        if _version(connection) == HEAD:
            return
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        found = _version(connection)
        if found == HEAD:
            return
        if found is not None and found > HEAD:
            raise DataError(
                f"the history is of version {found}; this evalgate knows {HEAD}",
                fix="pip install --upgrade agent-evalgate",
            )
        _upgrade(connection)


def _version(connection: "Connection") -> str | None:
    from sqlalchemy import inspect, text  # noqa: PLC0415

    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def _upgrade(connection: "Connection") -> None:
    try:
        from alembic import command  # noqa: PLC0415  # an extra
        from alembic.config import Config  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtra("the history needs alembic", fix=_INSTALL) from error
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def add_run(database: Database, record: RunRecord) -> Added:
    """Add a run with all its rows, or none of them; a run that is there stays as it is."""
    from sqlalchemy import select  # noqa: PLC0415

    own = database.tables
    with database.writing() as connection:
        insert = _insert(connection, own.runs).values(**asdict(record.run))
        if connection.execute(insert.returning(own.runs.c.run_id)).first() is None:
            known = select(own.runs.c.report_digest).where(own.runs.c.run_id == record.run.run_id)
            same = connection.execute(known).scalar() == record.run.report_digest
            return "known" if same else "differs"
        for table, rows in ((own.metrics, record.metrics), (own.cases, record.cases)):
            if rows:
                connection.execute(_insert(connection, table), [asdict(row) for row in rows])
    return "added"


def _insert(connection: "Connection", table: "Table") -> Any:  # noqa: ANN401  # of either dialect
    """Insert, and leave a row alone whose key is there."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql as dialect  # noqa: PLC0415
    else:
        from sqlalchemy.dialects import sqlite as dialect  # type: ignore[no-redef]  # noqa: PLC0415
    return dialect.insert(table).on_conflict_do_nothing()


def add_interactions(database: Database, interactions: Sequence[Interaction]) -> tuple[int, int]:
    """Add interactions, all or none; one that is there with other content is replaced.

    Returns:
        How many were new, and how many were replaced.
    """
    ordered = sorted({one.id: one for one in interactions}.values(), key=lambda one: one.id)
    new = replaced = 0
    with database.writing() as connection:
        for start in range(0, len(ordered), _BATCH):
            part = ordered[start : start + _BATCH]
            known = _known(connection, database.tables, [one.id for one in part])
            changed = [one for one in part if known.get(one.id, one.digest) != one.digest]
            fresh = [one for one in part if one.id not in known]
            _remove(connection, database.tables, [one.id for one in changed])
            _write(connection, database.tables, [*fresh, *changed])
            new, replaced = new + len(fresh), replaced + len(changed)
    return new, replaced


def _known(connection: "Connection", own: Tables, ids: list[str]) -> dict[str, str]:
    from sqlalchemy import select  # noqa: PLC0415

    table = own.interactions
    found = connection.execute(select(table.c.id, table.c.digest).where(table.c.id.in_(ids)))
    return {row.id: row.digest for row in found}


def _remove(connection: "Connection", own: Tables, ids: list[str]) -> None:
    if ids:
        for table in (own.tools, own.causes, own.interactions):
            connection.execute(table.delete().where(table.c.id.in_(ids)))


def _write(connection: "Connection", own: Tables, interactions: Iterable[Interaction]) -> None:
    rows, tools, causes = [], [], []
    for one in interactions:
        row = asdict(one)
        for name in _CHILDREN:
            row.pop(name)
        rows.append(row)
        tools += [
            {"id": one.id, "tool": tool, "at": one.at, "calls": calls, "failures": failures}
            for tool, (calls, failures) in one.tools.items()
        ]
        causes += [
            {"id": one.id, "cause": cause, "at": one.at, "calls": calls}
            for cause, calls in one.causes.items()
        ]
    for table, values in ((own.interactions, rows), (own.tools, tools), (own.causes, causes)):
        if values:
            connection.execute(_insert(connection, table), values)
