"""The database keeps what it is given, once, whoever writes at the same time."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from support.histories import START, interaction, record
from support.postgres import postgres

from evalgate.errors import ConfigError, DataError
from evalgate.history.reads import case_points, export_rows, metric_points
from evalgate.history.store import add_interactions, add_run, location, open_history
from evalgate.history.tables import HEAD, tables


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Start PostgreSQL once."""
    with postgres() as url:
        yield location(url, Path(), {})


def sqlite(folder: Path) -> str:
    """Name a database in a folder."""
    return location("h.db", folder, {})


def rows(url: str) -> list[str]:
    """Read everything a history holds."""
    with open_history(url) as database:
        return [json.dumps(row, sort_keys=True) for row in export_rows(database)]


def test_a_run_is_added_once(tmp_path: Path) -> None:
    """The same run again changes nothing; another report of it is told, and does not replace it."""
    with open_history(sqlite(tmp_path)) as database:
        assert "added" == add_run(database, record(1))
        assert "known" == add_run(database, record(1))
        assert "differs" == add_run(database, record(1, ((0, 0), (0, 0))))
        (points,) = metric_points(database, "task_success_rate").values()
    assert [0.75] == [point.value for point in points]
    assert [(3.0, 4)] == [(point.num, point.den) for point in points]


def test_cases_keep_what_is_unknown(tmp_path: Path) -> None:
    """A trial whose scorer broke is neither a success nor a failure."""
    broken = {"broken": "the judge is gone"}
    trial = {"case_id": "c0", "trial": 0, "status": "crashed", "scores": {"task_success": broken}}
    cases = [{"id": "c0", "digest": "d0", "trials": [trial]}]
    with open_history(sqlite(tmp_path)) as database:
        add_run(database, record(1, cases=cases))
        (point,) = case_points(database, "support", 10)
    assert (1, 0.0, 1) == (point.trials, point.successes, point.unknown)


def test_interactions_are_added_once_and_replaced_when_they_changed(tmp_path: Path) -> None:
    """A second import of the same traces adds nothing; a later score replaces the row."""
    first = [interaction(n, START + n) for n in range(3)]
    with open_history(sqlite(tmp_path)) as database:
        assert (3, 0) == add_interactions(database, first)
        assert (0, 0) == add_interactions(database, first)
        changed = interaction(1, START + 1, digest="new", success=0.0, tools={"pay": (2, 1)})
        assert (0, 1) == add_interactions(database, [changed])
        kept = [row for row in export_rows(database) if row.get("id") == "i1"]
    assert [0.0] == [row["success"] for row in kept if row["table"] == "interactions"]
    assert ["pay"] == [row["tool"] for row in kept if row["table"] == "interaction_tools"]


def test_a_failed_import_adds_nothing(tmp_path: Path) -> None:
    """One row that the database refuses takes all of its file back."""
    bad = [interaction(1, START), interaction(2, START, llm_calls=None)]
    with open_history(sqlite(tmp_path)) as database:
        with pytest.raises(DataError, match="NOT NULL"):
            add_interactions(database, bad)
        assert [] == list(export_rows(database))


def test_a_reader_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    """While a transaction is open, what was there before can be read, and no more than that."""
    with open_history(sqlite(tmp_path)) as database:
        add_interactions(database, [interaction(1, START)])
        with database.writing() as connection:
            connection.execute(database.tables.interactions.delete())
            started = time.monotonic()
            assert 2 == len(list(export_rows(database)))
            assert 50 > time.monotonic() - started  # a lock is waited for 60 s


def test_the_migrations_make_the_tables(tmp_path: Path) -> None:
    """What alembic builds is what the queries are written for."""
    with open_history(sqlite(tmp_path)) as database, database.engine.connect() as connection:
        options = {"compare_type": False}  # SQLite tells every kind of float as REAL
        context = MigrationContext.configure(connection, opts=options)
        assert [] == compare_metadata(context, tables().meta)
        assert HEAD == context.get_current_revision()


def test_a_newer_history_is_refused(tmp_path: Path) -> None:
    """A database of a later version is not read as if nothing had changed."""
    with open_history(sqlite(tmp_path)) as database, database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DataError, match="version 9999"):
        rows(sqlite(tmp_path))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("h.db", "sqlite:///ROOT/h.db"),
        ("$H", "postgresql+psycopg://u@h/d"),
        ("postgres://u@h/d", "postgresql+psycopg://u@h/d"),
    ],
)
def test_locations(url: str, expected: str) -> None:
    """A file, a variable and a URL each name a database."""
    assert expected == location(url, Path("ROOT"), {"H": "postgresql://u@h/d"})


@pytest.mark.parametrize("url", ["$MISSING", "mysql://h/d"])
def test_locations_that_lead_nowhere(url: str) -> None:
    """They are named, with what to write instead."""
    with pytest.raises(ConfigError, match="history:"):
        location(url, Path(), {})


def test_a_server_that_is_down_is_named_without_its_password(tmp_path: Path) -> None:
    """The message holds the place and never the password."""
    url = location("postgresql://u:hunter2-secret@127.0.0.1:1/d", tmp_path, {})
    with pytest.raises(DataError, match=r"127\.0\.0\.1:1") as caught:
        rows(url)
    assert "hunter2" not in str(caught.value)


def test_no_database_is_named(tmp_path: Path) -> None:
    """A file that is no database is an error with its path, and stays as it was."""
    (tmp_path / "h.db").write_text("hello" * 500)
    with pytest.raises(DataError, match=r"h\.db: file is not a database"):
        rows(sqlite(tmp_path))
    assert "hello" * 500 == (tmp_path / "h.db").read_text()


def write_with_one_killed(url: str) -> None:
    """Let four writers add 250 runs each; the last one is killed half-way and started again."""
    script = Path(__file__).parent / "writer.py"
    command = [sys.executable, str(script), url]
    writers = [
        subprocess.Popen([*command, str(number)], stdout=subprocess.PIPE, text=True)
        for number in range(4)
    ]
    victim = writers[3]
    assert victim.stdout is not None
    for line in victim.stdout:
        if int(line) >= 850:
            break
    victim.kill()
    victim.communicate()
    for writer in writers[:3]:
        writer.communicate()
        assert 0 == writer.returncode
    assert 0 == subprocess.run([*command, "3"], stdout=subprocess.DEVNULL, check=False).returncode


@pytest.mark.slow
@pytest.mark.services
def test_concurrent_writers_leave_the_same_history(tmp_path: Path, server: str) -> None:
    """SQLite and PostgreSQL hold the same 1,000 runs, each whole, after a kill."""
    for url in (sqlite(tmp_path), server):
        write_with_one_killed(url)
    found = rows(sqlite(tmp_path))
    assert 1000 * (1 + 1 + 3) == len(found)
    assert found == rows(server)


@pytest.mark.slow
@pytest.mark.services
def test_the_migrations_make_the_tables_of_postgres(server: str) -> None:
    """There the types are the same too."""
    with open_history(server) as database, database.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert [] == compare_metadata(context, tables().meta)


@pytest.mark.slow
@pytest.mark.services
def test_postgres_keeps_interactions(server: str) -> None:
    """The same interactions land in PostgreSQL as in SQLite, once."""
    with open_history(server) as database:
        given = [interaction(n, START + n, causes={"throttled_requests": 1}) for n in range(3)]
        assert (3, 0) == add_interactions(database, given)
        assert (0, 0) == add_interactions(database, given)
        found = [row["table"] for row in export_rows(database)]
        for name in ("tools", "causes", "interactions"):
            table = getattr(database.tables, name)
            with database.writing() as connection:
                connection.execute(table.delete())
    assert [3, 3, 3] == [
        found.count(name) for name in ("interactions", "interaction_tools", "interaction_causes")
    ]
