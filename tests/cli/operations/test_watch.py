"""`evalgate watch` from the command line: objectives, main, receivers, several watchers."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cli import Cli
from support.histories import interaction, record
from support.postgres import postgres
from support.projects import CONFIG
from support.receivers import Inbox, receivers

from evalgate.history.hours import hours_of
from evalgate.history.production import Filters
from evalgate.history.store import add_interactions, add_run, location, open_history

NOW = 1_780_000_000
AT = ("--at", "2026-05-28T20:26:40Z")
GOOD, BAD = ((1, 1), (1, 1), (1, 1), (1, 0)), ((1, 1), (1, 0), (0, 0), (1, 0))


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    """Serve receivers on loopback."""
    with receivers() as found:
        yield found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inbox: Inbox) -> Path:
    """Stand in a project whose alerts go to Slack and PagerDuty."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PD", "routing-key-1")
    configured(tmp_path, inbox, "")
    return tmp_path


def configured(folder: Path, inbox: Inbox, more: str) -> None:
    """Write the configuration."""
    (folder / "evalgate.yaml").write_text(
        CONFIG
        + f"""\
history: h.db
receivers:
  ops: {{slack: '{inbox.url}/slack'}}
  pager: {{pagerduty: $PD, pagerduty_url: '{inbox.url}/pd'}}
alert_routes: {{default: [ops, pager]}}
"""
        + more
    )


def runs(*successes: tuple[tuple[int, ...], ...]) -> None:
    """Add runs of main, an hour apart, up to now."""
    with open_history("sqlite:///h.db") as database:
        for number, one in enumerate(successes):
            add_run(database, record(number, one, at=NOW - 3_600 * (len(successes) - number)))


def test_a_shift_of_main_is_told_with_its_run(folder: Path, inbox: Inbox, cli: Cli) -> None:
    """Twelve runs at .875, then eight at .5: run 12 is the first; it resolves when it is mended."""
    runs(*[GOOD] * 12, *[BAD] * 8)
    assert 0 == cli("watch", "--once", *AT).code
    (event,) = inbox.at("/pd")
    details = event["payload"]["custom_details"]
    assert ("trigger", "routing-key-1") == (event["event_action"], event["routing_key"])
    assert "0.5 since run-00012" == details["now"]
    assert "0.875 before" in details["usual"]
    assert "2026-05-28T12:26:40Z" == details["since"]
    assert 1 == len(inbox.at("/slack"))
    with open_history("sqlite:///h.db") as database:
        for number in range(20, 30):
            add_run(database, record(number, GOOD, at=NOW + 60 * number))
    assert 0 == cli("watch", "--once", "--at", "2026-05-28T21:26:40Z").code
    first, second = inbox.at("/pd")
    assert ("resolve", first["dedup_key"]) == (second["event_action"], second["dedup_key"])
    assert inbox.at("/slack")[1]["text"].startswith("Resolved: support: task_success_rate of main")


def test_the_commits_between_are_named(folder: Path, cli: Cli) -> None:
    """The alert's cause is what `git log` says between the last good run and the first bad one."""
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run([*git, "init", "-q"], check=True)
    hashes = []
    for words in ("good", "change the refund prompt"):
        subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", words], check=True)
        show = [*git, "rev-parse", "HEAD"]
        hashes.append(subprocess.run(show, capture_output=True, text=True, check=True).stdout)
    with open_history("sqlite:///h.db") as database:
        for number in range(20):
            one = record(number, GOOD if number < 12 else BAD, at=NOW - 3_600 * (20 - number))
            add_run(database, one)
            commit = hashes[number >= 12].strip()
            table = database.tables.runs
            with database.writing() as connection:
                same = table.c.run_id == one.run.run_id
                connection.execute(table.update().where(same).values(commit=commit))
    assert "change the refund prompt" in cli("watch", "--dry-run", *AT).out


def test_a_burning_objective_is_told(folder: Path, inbox: Inbox, cli: Cli) -> None:
    """And resolved when it is met again, not when its data ends."""
    objective = "slo: [{name: success, metric: task_success_rate, objective: 95%, window: 30d}]\n"
    configured(folder, inbox, objective)
    rows = [interaction(n, NOW - 20 * 86_400 + n) for n in range(500)]
    rows += [interaction(1000 + n, NOW - 300 * n, success=0.0) for n in range(10)]
    with open_history("sqlite:///h.db") as database:
        add_interactions(database, rows)
    assert 0 == cli("watch", "--once", *AT).code
    summaries = [event["payload"]["summary"] for event in inbox.at("/pd")]
    assert "HIGH: objective success is burning" in summaries
    inbox.got.clear()
    assert 0 == cli("watch", "--once", "--at", "2026-08-28T20:26:40Z").code
    assert [] == [e for e in inbox.at("/pd") if e["event_action"] == "resolve"]


def test_who_is_told_nothing_is_said(folder: Path, inbox: Inbox, cli: Cli) -> None:
    """Without a route the alert is printed, and the code says that nobody was told."""
    (folder / "evalgate.yaml").write_text(CONFIG + "history: h.db\n")
    runs(*[GOOD] * 12, *[BAD] * 8)
    done = cli("watch", "--once", *AT)
    assert (3, True) == (done.code, "neither 'agent' nor default" in done.out)


@pytest.mark.parametrize(
    ("routes", "words"),
    [
        ("alert_routes: {capacty: [ops]}", "'capacty' is no root cause"),
        ("alert_routes: {default: [opps]}", "no receiver 'opps'"),
        ("receivers: {ops: {slack: a, webhook: b}}", "a receiver has one of"),
        ("receivers: {ops: {}}", "a receiver has one of"),
    ],
)
def test_bad_routes_are_named(folder: Path, cli: Cli, routes: str, words: str) -> None:
    """Before anything is looked at."""
    known = "" if routes.startswith("receivers") else "receivers: {ops: {slack: https://x}}\n"
    (folder / "evalgate.yaml").write_text(f"{CONFIG}history: h.db\n{known}{routes}\n")
    done = cli("watch", "--once", *AT)
    assert (2, True) == (done.code, words in done.err), done.err


@pytest.mark.slow
def test_watchers_at_once_tell_once(folder: Path, inbox: Inbox) -> None:
    """Four processes see the same shift in the same moment."""
    runs(*[GOOD] * 12, *[BAD] * 8)
    command = [sys.executable, "-m", "evalgate", "watch", "--once", *AT]
    watchers = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(4)]
    for watcher in watchers:
        watcher.communicate()
        assert 0 == watcher.returncode
    assert (1, 1) == (len(inbox.at("/slack")), len(inbox.at("/pd")))


@pytest.mark.slow
@pytest.mark.services
def test_postgres_adds_up_the_same_hours(tmp_path: Path) -> None:
    """The same interactions make the same hours in both databases."""
    rows = [
        interaction(
            n,
            NOW - 1_000 * n,
            success=[0.0, 1.0, None][n % 3],
            cost_usd=None if n % 7 == 0 else 0.02,
            agent=["a", "b"][n % 2],
            causes={"throttled_tokens": 1} if n % 5 == 0 else {},
        )
        for n in range(300)
    ]
    with postgres() as url:
        found = []
        for place in (f"sqlite:///{tmp_path}/h.db", location(url, tmp_path, {})):
            with open_history(place) as database:
                add_interactions(database, rows)
                found.append(hours_of(database, NOW, 169, Filters()))
    assert found[0].keys() == found[1].keys()
    for agent, one in found[0].items():
        other = found[1][agent]
        assert (one.tools, one.causes, one.models) == (other.tools, other.causes, other.models)
        assert one.hours.keys() == other.hours.keys()
        assert all(
            repr(round(h.cost_usd, 9)) == repr(round(other.hours[ago].cost_usd, 9))
            and (h.failures, h.success_known)
            == (
                other.hours[ago].failures,
                other.hours[ago].success_known,
            )
            for ago, h in one.hours.items()
        )
