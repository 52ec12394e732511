"""`evalgate history` from the command line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.cli import Cli
from support.projects import write_project

ALL = ("--branch", "all")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a small project that keeps a history."""
    write_project(tmp_path, 3, 2)
    with (tmp_path / "evalgate.yaml").open("a") as config:
        config.write("history: h.db\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_run_is_remembered(project: Path, cli: Cli) -> None:
    """It is added when it ends, once; adding it by hand changes nothing."""
    assert 0 == cli("run", "-q").code
    assert "100 %  1 run\n" in cli("history", "show", "task_success_rate", *ALL).out
    assert "is there already" in cli("history", "add", "latest").out
    assert "100 %  1 run\n" in cli("history", "show", "task_success_rate", *ALL).out


@pytest.mark.parametrize("url", ["postgresql://u@127.0.0.1:1/d", "$NOT_SET", "evalgate.yaml"])
def test_a_history_that_fails_changes_no_verdict(project: Path, cli: Cli, url: str) -> None:
    """The run passes as before, and standard error says what went wrong."""
    config = project / "evalgate.yaml"
    config.write_text(config.read_text().replace("h.db", url))
    done = cli("run", "-q")
    assert 0 == done.code
    assert "history: " in done.err
    assert "PASS" in done.out


def test_a_run_without_a_history_keeps_none(project: Path, cli: Cli) -> None:
    """Nothing is written that nobody asked for."""
    config = project / "evalgate.yaml"
    config.write_text(config.read_text().replace("history: h.db\n", ""))
    assert ("", 0) == ((done := cli("run", "-q")).err, done.code)
    assert [] == list(project.rglob("*.db"))


def test_a_bare_report_needs_its_time(project: Path, cli: Cli) -> None:
    """An old report is added under the time that is given, and never under a guessed one."""
    cli("run", "-q", "-f", "json", "-o", "old.json")
    refused = cli("history", "add", "old.json", "--db", "old.db")
    assert (2, True) == (refused.code, "--at" in refused.err)
    given = ("--at", "2025-10-09T08:00:00Z", "--branch", "main", "--db", "old.db")
    assert "added (" in cli("history", "add", "old.json", *given).out
    assert "is there already" in cli("history", "add", "old.json", *given).out
    assert "2025-10-06" in cli("history", "show", "task_success_rate", "--db", "old.db").out


def test_half_a_report_adds_nothing(project: Path, cli: Cli) -> None:
    """What cannot be read is named, and the other reports of the command are not added either."""
    cli("run", "-q", "-f", "json", "-o", "old.json")
    (project / "half.json").write_text((project / "old.json").read_text()[:500])
    at = ("--at", "2025-10-09T08:00:00Z", "--db", "old.db")
    refused = cli("history", "add", "old.json", "half.json", *at)
    assert (2, True) == (refused.code, "half.json" in refused.err)
    assert "" == cli("history", "export", "--db", "old.db").out


def test_a_time_without_a_zone_is_refused(project: Path, cli: Cli) -> None:
    """Nobody knows which hour it means."""
    cli("run", "-q", "-f", "json", "-o", "old.json")
    refused = cli("history", "add", "old.json", "--at", "2025-10-09T08:00:00")
    assert (2, True) == (refused.code, "is no time" in refused.err)


def test_unknown_names_are_told(project: Path, cli: Cli) -> None:
    """A metric, a suite, a branch that is not there: each says what is."""
    cli("run", "-q")
    for arguments, words in (
        (("task_sucess_rate", *ALL), "did you mean 'task_success_rate'"),
        (("task_success_rate", "--suite", "quizz"), "did you mean 'quiz'"),
        (("task_success_rate",), "--branch all"),
    ):
        done = cli("history", "show", *arguments)
        assert (2, True) == (done.code, words in done.err)


def test_the_agents_own_files_are_its_fingerprint(project: Path, cli: Cli) -> None:
    """With `agent.paths` a commit that touches something else is the same agent still."""
    config = project / "evalgate.yaml"
    agent = "agent: {run: 'recorded:traces.jsonl', paths: [traces.jsonl]}"
    config.write_text(config.read_text().replace('agent: "recorded:traces.jsonl"', agent))
    (project / ".gitignore").write_text(".evalgate/\nh.db*\n")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    for name in ("one", "two"):
        (project / name).write_text(name)
        subprocess.run([*git, "add", "-A"], check=True)
        subprocess.run([*git, "commit", "-q", "-m", name], check=True)
        assert 0 == cli("run", "-q").code
    rows = [json.loads(line) for line in cli("history", "export").out.splitlines()]
    runs = [row for row in rows if row["table"] == "runs"]
    assert 2 == len({run["commit"] for run in runs})
    assert 1 == len({run["fingerprint"] for run in runs} - {None})
    assert {"main"} == {run["branch"] for run in runs}
    assert "0 of 3 cases flaky (3 pairs of runs)" in cli("history", "flaky").out
    assert "1 degrees of freedom" in cli("history", "show", "task_success_rate").out


def test_traces_of_production_become_interactions(project: Path, cli: Cli) -> None:
    """Each has the gate's own scores; a second look at the same file adds nothing."""
    call = {"kind": "llm_call", "model": "gpt-4o-mini", "input_tokens": 1000, "output_tokens": 0}
    limited = {**call, "attempts": [{"status": 429, "error": "throttled"}, {"status": 200}]}
    tool = {"kind": "tool_call", "name": "pay", "error": "timeout"}
    base = {"agent_name": "support", "prompt_version": "v7", "output": "ok"}
    traces = [
        {**base, "case_id": "t1", "started_at": "2026-11-01T10:00:00Z", "steps": [limited, tool]},
        {
            **base,
            "case_id": "t2",
            "started_at": "2026-11-01T11:00:00Z",
            "steps": [{"kind": "handoff", "target": "person"}],
            "scores": [{"name": "resolved", "value": False}],
        },
        {**base, "case_id": "x" * 300, "status": "crashed"},
    ]
    (project / "t.jsonl").write_text("".join(json.dumps(t) + "\n" for t in traces))
    done = cli("history", "observe", "t.jsonl", "--success", "resolved")
    assert "3 interactions added, 0 replaced, 0 known" in done.out
    assert "1 have no time" in done.out
    again = cli("history", "observe", "t.jsonl", "--success", "resolved")
    assert "0 interactions added, 0 replaced, 3 known" in again.out
    rows = [json.loads(line) for line in cli("history", "export").out.splitlines()]
    found = {r["at"]: r for r in rows if r["table"] == "interactions"}
    first, second, third = found[1793527200], found[1793530800], found[None]
    assert (None, 0.0, 1) == (first["success"], first["error"], first["tool_failures"])
    assert 0.00015 == first["cost_usd"]  # 1,000 tokens at $.15 a million
    assert (0.0, 1.0, "v7") == (second["success"], second["escalation"], second["prompt_version"])
    assert (0.0, 1.0) == (third["success"], third["error"])
    assert [("throttled_requests", 1)] == [
        (r["cause"], r["calls"]) for r in rows if r["table"] == "interaction_causes"
    ]


def test_half_an_export_adds_nothing(project: Path, cli: Cli) -> None:
    """A cut-off last line takes the whole file back."""
    (project / "t.jsonl").write_text('{"case_id": "a"}\n{"case_id": "b", "ste')
    done = cli("history", "observe", "t.jsonl")
    assert (2, True) == (done.code, "line 2" in done.err)
    assert "" == cli("history", "export").out


@pytest.mark.slow
@pytest.mark.parametrize("name", ["claude-agent", "nested_example"])
def test_an_import_is_piped_into_the_history(
    project: Path, cli: Cli, shared_data: Path, name: str
) -> None:
    """A real export of Langfuse: its published cost is the interaction's, twice added is once."""
    (source,) = [
        file
        for file in (shared_data / "langfuse").glob("*.json")
        if name in file.name.replace("_agent", "-agent")
    ]
    script = f"{sys.executable} -m evalgate import langfuse '{source}' --traces - | "
    script += f"{sys.executable} -m evalgate history observe -"
    for _ in range(2):
        done = subprocess.run(["bash", "-o", "pipefail", "-c", script], check=True)
        assert 0 == done.returncode
    rows = [json.loads(line) for line in cli("history", "export").out.splitlines()]
    (found,) = [row for row in rows if row["table"] == "interactions"]
    expected = {"claude-agent": 0.003582, "nested_example": 0.036}[name]  # data/README.md
    assert expected == pytest.approx(found["cost_usd"])


@pytest.mark.parametrize(
    "command",
    [
        ("history", "show", "task_success_rate"),
        ("history", "flaky"),
        ("history", "export"),
        ("slo",),
        ("watch", "--dry-run"),
        ("alerts", "list"),
        ("export", "openmetrics"),
        ("export", "cloudwatch"),
    ],
)
def test_a_history_that_is_only_read_must_be_there(
    project: Path, cli: Cli, command: tuple[str, ...]
) -> None:
    """A slip in its name is no empty history, in which all is well."""
    with (project / "evalgate.yaml").open("a") as config:
        config.write("slo: [{name: success, metric: task_success_rate, objective: 95%}]\n")
        config.write("receivers: {team: {slack: $HOOK}}\nalert_routes: {default: [team]}\n")
    done = cli(*command, "--db", "histroy.db")
    assert (2, True) == (done.code, "histroy.db: there is no such file" in done.err), done.err
    assert not (project / "histroy.db").exists()
