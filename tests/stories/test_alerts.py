"""Four planted faults reach the right team once each, over restarts, and resolve."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from support.cli import Cli
from support.histories import interaction
from support.projects import CONFIG
from support.receivers import Inbox, receivers

from evalgate.history.records import Interaction
from evalgate.history.store import add_interactions, open_history

NOW = 1_780_000_000
HOUR = 3_600
TEAMS = ("capacity", "model", "prompt", "safety", "tools", "agent", "default")
OPERATIONS = """\
history: h.db
receivers:
{receivers}
alert_routes:
{routes}
"""


def when(hours: float) -> tuple[str, str]:
    """Return the option that looks at the history so many hours later."""
    return "--at", datetime.fromtimestamp(NOW + hours * HOUR, UTC).isoformat()


def normal(hours: range, **changes: Any) -> list[Interaction]:  # noqa: ANN401
    """Make 50 interactions an hour, of which a few fail in every way."""
    chance = Random(hours.start)  # noqa: S311  # test data
    made = []
    for hour in hours:
        for n in range(50):
            rare = {name: float(chance.random() < 0.02) for name in ("escalation", "guardrail")}
            fails = int(chance.random() < 0.02)
            fields: dict[str, Any] = {
                **rare,
                "cost_usd": 0.4 * chance.uniform(0.9, 1.1),  # $20 an hour
                "tools": {"find": (1, 0), "pay": (1, fails)},
                "tool_calls": 2,
                "tool_failures": fails,
                "llm_calls": 2,
                "duration_s": chance.uniform(1, 2),
            }
            at = NOW + hour * HOUR - 60 * n - 30
            made.append(interaction(hour * 1000 + n, at, **(fields | changes)))
    return made


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    """Serve one webhook a team."""
    with receivers() as found:
        yield found


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the history of a normal week once."""
    file = tmp_path_factory.mktemp("week") / "h.db"
    with open_history(f"sqlite:///{file}") as database:
        add_interactions(database, normal(range(-200, 0)))
    return file


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inbox: Inbox, week: Path) -> Path:
    """Stand in a project with a week of normal production and a route a team."""
    monkeypatch.chdir(tmp_path)
    lines = "".join(f"  {team}: {{webhook: '{inbox.url}/{team}'}}\n" for team in TEAMS)
    routes = "".join(f"  {team}: [{team}]\n" for team in TEAMS)
    (tmp_path / "evalgate.yaml").write_text(
        CONFIG + OPERATIONS.format(receivers=lines.rstrip(), routes=routes.rstrip())
    )
    shutil.copy(week, "h.db")
    return tmp_path


def add(rows: list[Interaction]) -> None:
    """Put interactions into the history."""
    with open_history("sqlite:///h.db") as database:
        add_interactions(database, rows)


FAULTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "a cost spike of a new prompt": (
        {"cost_usd": 2.4, "prompt_version": "v2"},
        "prompt",
        "support/cost_per_hour",
    ),
    "a guardrail spike": ({"guardrail": 1.0}, "safety", "support/guardrail_violation_rate"),
    "a failing tool": (
        {"tools": {"find": (1, 0), "pay": (1, 1)}, "tool_failures": 1},
        "tools",
        "support/tool_failure_rate/pay",
    ),
    "a rate-limit storm": (
        {"causes": {"throttled_tokens": 1}},
        "capacity",
        "support/rate_limited_rate",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_reaches_its_team_once_and_resolves(
    project: Path, inbox: Inbox, cli: Cli, fault: str
) -> None:
    """Quiet before; told once though three looks see it; over when it is over."""
    changes, team, key = FAULTS[fault]
    assert (0, []) == (cli("watch", "--once", *when(-1)).code, inbox.got)
    add([replace(one, **changes) for one in normal(range(1))])
    for minutes in (0, 5, 10):
        done = cli("watch", "--once", *when(minutes / 60))
        assert 0 == done.code, done.out
    assert [f"/{team}"] == [path for path, _, _ in inbox.got]
    (alert,) = inbox.at(f"/{team}")
    assert ("trigger", key, "support") == (alert["action"], alert["key"], alert["agent"])
    assert alert["since"] == "2026-05-28T19:26:40Z"
    add(normal(range(1, 2)))
    for _ in range(2):
        assert 0 == cli("watch", "--once", *when(1.2)).code
    assert ["trigger", "resolve"] == [body["action"] for body in inbox.at(f"/{team}")]
    assert 2 == len(inbox.got)
    assert "0 open" in cli("alerts", "list").out


def test_no_data_ends_no_alert(project: Path, inbox: Inbox, cli: Cli) -> None:
    """The hour after the spike is empty: the alert stays open, and the silence is told."""
    add([replace(one, guardrail=1.0) for one in normal(range(1))])
    cli("watch", "--once", *when(0))
    cli("watch", "--once", *when(1.5))
    assert ["trigger"] == [body["action"] for body in inbox.at("/safety")]
    assert ["support/traffic"] == [body["key"] for body in inbox.at("/default")]


def test_a_receiver_that_fails_is_told_later(
    project: Path, inbox: Inbox, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 3 while nobody was told, also between two tries; an hour later it is told, once."""
    inbox.codes["/safety"] = [400]
    add([replace(one, guardrail=1.0) for one in normal(range(1))])
    done = cli("watch", "--once", *when(0))
    assert (3, True) == (done.code, "safety: support/guardrail_violation_rate: refused" in done.out)
    assert 3 == cli("watch", "--once", *when(0.1)).code
    assert 1 == len(inbox.at("/safety"))
    inbox.codes["/safety"] = [202]
    with open_history("sqlite:///h.db") as database, database.writing() as connection:
        connection.execute(database.tables.deliveries.update().values(at=NOW - 2 * HOUR))
    assert 0 == cli("watch", "--once", *when(0.2)).code
    assert 2 == len(inbox.at("/safety"))


def test_an_unknown_cost_hides_nothing_and_ends_nothing(
    project: Path, inbox: Inbox, cli: Cli
) -> None:
    """A spike among costs that are partly unknown is told; an unknown hour does not end it."""
    spike = [replace(one, cost_usd=2.4) for one in normal(range(1))]
    add([replace(one, cost_usd=None) if n < 5 else one for n, one in enumerate(spike)])
    cli("watch", "--once", *when(0))
    add(
        [
            replace(o, cost_usd=None if n < 5 else o.cost_usd)
            for n, o in enumerate(normal(range(1, 2)))
        ]
    )
    cli("watch", "--once", *when(1))
    actions = [body["action"] for _, body, _ in inbox.got if body["metric"] == "cost_per_hour"]
    assert ["trigger"] == actions


def test_a_dry_run_tells_nobody(project: Path, inbox: Inbox, cli: Cli) -> None:
    """The messages are printed, and nothing is kept."""
    add([replace(one, guardrail=1.0) for one in normal(range(1))])
    done = cli("watch", "--dry-run", *when(0))
    assert (0, []) == (done.code, inbox.got)
    assert "to safety, team safety:" in done.out
    assert '"schema": "evalgate.alert/1"' in done.out
    assert "0 open" in cli("alerts", "list").out


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GITHUB_EVENT_NAME", "pull_request"),
        ("GITHUB_EVENT_NAME", "pull_request_target"),
        ("GITHUB_EVENT_NAME", "merge_group"),
        ("CI_MERGE_REQUEST_IID", "7"),
    ],
)
def test_a_pull_request_tells_nobody(
    project: Path, inbox: Inbox, cli: Cli, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """It may look, and not tell."""
    monkeypatch.setenv(name, value)
    add([replace(one, guardrail=1.0) for one in normal(range(1))])
    done = cli("watch", "--once", *when(0))
    assert (2, []) == (done.code, inbox.got)
    assert "not sent from a pull request" in done.err
    assert 0 == cli("watch", "--dry-run", *when(0)).code


def test_no_secret_is_told(
    project: Path, inbox: Inbox, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that an agent wrote into its prompt version does not leave the machine."""
    monkeypatch.setenv("SUPPORT_API_KEY", "k3y-of-the-house-0815")
    version = "v2 k3y-of-the-house-0815"
    add([replace(o, guardrail=1.0, prompt_version=version) for o in normal(range(1))])
    cli("watch", "--once", *when(0))
    said = json.dumps([body for _, body, _ in inbox.got])
    assert "v2" in said
    assert "k3y-of-the-house-0815" not in said
