"""`evalgate comment`: the verdict stands whatever GitHub says."""

import json
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
from support.cli import Cli
from support.github_server import GitHub, serving

UPDATE = ("baseline", "update", "--reason", "first", "--force", "-q")


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[GitHub]:
    """Serve, and run as a workflow on pull request 7."""
    event = {"pull_request": {"number": 7, "head": {"sha": "abc"}}}
    (tmp_path / "event.json").write_text(json.dumps(event))
    with serving() as state:
        for name, value in {
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": state.url,
            "GITHUB_TOKEN": "token",
            "GITHUB_REPOSITORY": "team/repo",
            "GITHUB_WORKFLOW": "gate",
            "GITHUB_EVENT_NAME": "pull_request",
            "GITHUB_EVENT_PATH": str(tmp_path / "event.json"),
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_RUN_ID": "42",
        }.items():
            monkeypatch.setenv(name, value)
        yield state


@pytest.fixture
def report(quiz: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a report that fails, with a case that regressed."""
    assert 0 == cli(*UPDATE).code
    monkeypatch.setenv("AGENT_FORGETS", "sky")
    assert 1 == cli("run", "--baseline", "-f", "json", "-o", "report.json", "-q").code
    return quiz / "report.json"


def test_written_once_and_kept(report: Path, github: GitHub, cli: Cli) -> None:
    """The second run edits nothing; the id is the same, ready for $GITHUB_OUTPUT."""
    first, second = cli("comment", report), cli("comment", report)
    (comment,) = github.comments
    assert (0, f"comment-id={comment['id']}\n") == (first.code, first.out)
    assert (first.out, "comment unchanged\n") == (second.out, second.err)
    assert comment["body"].startswith("<!-- evalgate:gate:all -->\n**❌ FAIL: ")
    assert "[Full report](https://github.com/team/repo/actions/runs/42)" in comment["body"]


def test_a_token_without_rights(report: Path, github: GitHub, cli: Cli) -> None:
    """403: the comment is skipped with a warning, and the exit code is 0."""
    github.faults = [(403, {}, {"message": "Resource not accessible by integration"})]
    result = cli("comment", report)
    assert (0, "", []) == (result.code, result.out, github.comments)
    assert result.err.startswith(
        "::warning title=evalgate::the comment was skipped: GitHub refused"
    )
    assert "pull-requests: write" in result.err


def test_no_token(report: Path, cli: Cli) -> None:
    """On a laptop there is nothing to write on."""
    result = cli("comment", report)
    assert (0, True) == (result.code, "warning: the comment was skipped" in result.err)


def test_no_pull_request(
    report: Path, github: GitHub, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A push is about no pull request; --pr names one."""
    monkeypatch.setenv("GITHUB_EVENT_NAME", "push")
    Path("event.json").write_text("{}")
    assert "about no pull request" in cli("comment", report).err
    assert "comment-id=" in cli("comment", report, "--pr", "9").out


def test_a_fork_is_found_by_its_run(
    report: Path, github: GitHub, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In `workflow_run` the pull request is found by branch and commit, not by the artifact."""
    run = {"head_branch": "fix", "head_sha": "abc", "head_repository": {"owner": {"login": "ann"}}}
    Path("event.json").write_text(json.dumps({"workflow_run": run}))
    monkeypatch.setenv("GITHUB_EVENT_NAME", "workflow_run")
    head = {"ref": "fix", "sha": "abc", "user": {"login": "ann"}}
    github.pulls = [{"number": 11, "head": head}]
    assert "comment-id=" in cli("comment", report, "--note", "computed by the fork's run").out
    assert "POST /repos/team/repo/issues/11/comments" in github.asked
    assert "> computed by the fork's run" in github.comments[0]["body"]


def test_an_artifact(report: Path, github: GitHub, cli: Cli) -> None:
    """The archive of an artifact is read without being unpacked."""
    with ZipFile("artifact.zip", "w") as archive:
        archive.write(report, "report.json")
    assert "comment-id=" in cli("comment", "artifact.zip").out


@pytest.mark.parametrize("name", ["../report.json", "/etc/report.json", "..\\report.json"])
def test_an_artifact_that_leads_out(report: Path, github: GitHub, cli: Cli, name: str) -> None:
    """A name with `../` in an artifact: 2, and nothing is written."""
    with ZipFile("artifact.zip", "w") as archive:
        archive.writestr(name, report.read_bytes())
    assert (2, []) == (cli("comment", "artifact.zip").code, github.comments)


@pytest.mark.parametrize("text", ["", "{}", '{"schema": "evalgate.report/1"}', "[1"])
def test_no_report(github: GitHub, quiz: Path, cli: Cli, text: str) -> None:
    """A file that is no report: 2, and nothing is written."""
    Path("report.json").write_text(text)
    assert (2, []) == (cli("comment", "report.json").code, github.comments)


def test_printing_it(report: Path, cli: Cli) -> None:
    """`--dry-run` prints the comment and asks nobody."""
    result = cli("comment", report, "--dry-run", "--link", "javascript:alert(1)")
    assert (0, True) == (result.code, result.out.startswith("<!-- evalgate:local:all -->"))
    assert "javascript" not in result.out
