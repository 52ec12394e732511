"""The agent in conversation: recorded once, replayed for free, its users held to their scripts."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.cli import Cli
from support.dialogues import CONFIG, copy_dialogues, scripted_models
from support.example import edit

from evalgate.store.cassettes import read_cassette
from examples.dialogues.user_model import reply

RUN = ("run", *CONFIG)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a copy of the dialogues, without a key and without a model."""
    monkeypatch.chdir(copy_dialogues(tmp_path))
    return tmp_path


def traces_of(project: Path) -> dict[str, dict[str, Any]]:
    """Return the traces of the latest run, by case."""
    latest = max((project / ".evalgate" / "runs").iterdir())
    rows = map(json.loads, (latest / "traces.jsonl").read_text().splitlines())
    return {row["case_id"]: row for row in rows}


def trials_of(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the first trial of each case."""
    return {case["id"]: case["trials"][0] for case in report["cases"]}


@pytest.mark.slow
def test_twelve_dialogues_replay_twice_byte_for_byte(project: Path, cli: Cli) -> None:
    """Neither model is there; reports and traces are the same, and every case is right."""
    first, seen = cli(*RUN, "--baseline", "-f", "json"), traces_of(project)
    second = cli(*RUN, "--baseline", "-f", "json")
    assert (0, 0) == (first.code, second.code), first.out + first.err
    assert first.out == second.out
    assert seen == traces_of(project)
    assert 12 == len(seen)
    endings = sorted(str(row["user"]["ending"]) for row in seen.values())
    assert ["gave_up"] * 2 + ["out_of_scope"] + ["reached"] * 9 == endings


def test_turns_stand_between_what_the_agent_did(project: Path, cli: Cli) -> None:
    """User, calls, answer, user: in the order in which they happened, from the recording too."""
    cli(*RUN, "--case", "two-wishes")
    kinds = [step["kind"] for step in traces_of(project)["two-wishes"]["steps"]]
    first = ["user_message", "llm_call", "tool_call", "llm_call", "span"]
    second = ["user_message", *["llm_call", "tool_call"] * 2, "llm_call", "span"]
    assert [*first, *second, "user_message"] == kinds


def test_the_users_lines_are_told_from_the_agents(project: Path, cli: Cli) -> None:
    """One cassette a dialogue; the user's requests are marked and none of the agent's."""
    cassette = read_cassette(project / "examples/dialogues/cassettes/two-wishes.jsonl")
    models = {(call.part, call.request["model"]) for call in cassette.calls}
    assert {("agent", "gpt-4o-mini"), ("user", "gpt-4.1-mini")} == models
    cli(*RUN, "--case", "two-wishes")
    trace = traces_of(project)["two-wishes"]
    calls = [step["model"] for step in trace["steps"] if step["kind"] == "llm_call"]
    assert {"gpt-4o-mini"} == set(calls)
    assert ["gpt-4.1-mini"] * 3 == [call["model"] for call in trace["user"]["calls"]]
    assert len(calls) == trace["model_calls"]


def test_the_user_is_paid_apart(project: Path, cli: Cli) -> None:
    """The report shows both sums; the user's is part of no metric."""
    report = cli(*RUN, "--case", "person", "-f", "json").json
    trial = trials_of(report)["person"]
    assert trial["scores"]["cost_usd"] == report["metrics"]["cost_per_interaction"]["value"]
    assert (2, "gpt-4.1-mini") == (trial["user"]["calls"], trial["user"]["model"])
    assert trial["user"]["input_tokens"] > 0 < trial["user"]["cost_usd"]
    said = cli(*RUN, "--case", "person").out
    assert "in 1 trial; simulated users $" in said
    assert "in 2 calls" in said


@pytest.mark.slow
def test_an_agent_that_says_something_else_is_not_measured(
    project: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its user was never told that: exit 3 with the nearest request; recorded, it is judged."""
    agent = project / "examples/support_agent/agent.py"
    edit(agent, 'return str(message["content"])', 'return str(message["content"]).upper()')
    missed = cli(*RUN, "--baseline", "--case", "refund-number-asked")
    assert 3 == missed.code
    said = " ".join(missed.out.split())
    assert "it is the simulated user's: the agent told it something else than was recorded" in said
    assert "+user: WHICH ORDER IS IT ABOUT?" in said
    assert "--record-missing" in said
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    with scripted_models(project, lambda m: reply(m) if len(m) < 4 else "###STOP###"):
        recorded = cli(*RUN, "--record-missing", "--case", "cancel-shipped", "-f", "json")
    again = cli(*RUN, "--case", "cancel-shipped", "-f", "json")
    assert trials_of(recorded.json)["cancel-shipped"]["scores"]["task_success"] == 0
    assert (
        trials_of(recorded.json)["cancel-shipped"]["output"]
        == trials_of(again.json)["cancel-shipped"]["output"]
    )


@pytest.mark.slow
def test_a_user_that_breaks_its_script_is_caught(
    project: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong order number makes the trial not measured, when it is recorded and ever after."""
    monkeypatch.setenv("OPENAI_API_KEY", "any")

    def wrong(messages: list[dict[str, str]]) -> str:
        return reply(messages).replace("A1001", "A1006")

    with scripted_models(project, wrong):
        recorded = cli(*RUN, "--record", "--case", "refund-number-asked", "-f", "json")
    replayed = cli(*RUN, "--case", "refund-number-asked", "-f", "json")
    for result in (recorded, replayed):
        assert 3 == result.code
        assert any(
            note.startswith("1 of 1 (100 %) simulated users broke their script")
            for note in result.json["warnings"]
        )
        trial = trials_of(result.json)["refund-number-asked"]
        assert "not_measured" == trial["status"]
        assert trial["error"] == (
            "the simulated user broke its script: it gave away 'A1006'; 'order' of its facts is "
            "'A1001'"
        )


@pytest.mark.slow
def test_a_judge_finds_what_no_rule_sees(
    project: Path,
    cli: Cli,
    scripted_judge: Any,  # noqa: ANN401  # fixtures come by name: test folders are no packages
) -> None:
    """A goal in other words: not measured, asked once, labelled; without a verdict nobody knows."""
    server = scripted_judge(lambda *_: {"reason": "turn 3", "verdict": "invented_goal"})
    judge = {"kind": "user", "model": "j", "api_key_env": None, "base_url": server.base_url}
    with (project / "examples/dialogues.yaml").open("a") as config:
        config.write("\n    judges: " + json.dumps({"script": judge}))
    asked = cli(*RUN, "--case", "person", "--judge", "auto", "-f", "json")
    replayed = cli(*RUN, "--case", "person", "-f", "json")
    for result in (asked, replayed):
        assert 3 == result.code
        trial = trials_of(result.json)["person"]
        assert (
            "not_measured",
            "the simulated user broke its script: invented goal: turn 3",
            "invented goal: turn 3",
        ) == (trial["status"], trial["error"], trial["user"]["broken"])
        assert any(note.startswith("1 of 1 (100 %)") for note in result.json["warnings"])
    assert 1 == len(server.requests)
    assert 0 == cli("judge", "sample", "latest", *CONFIG, "--rate", "1").code
    label = [sys.executable, "-m", "evalgate", "judge", "label", "labels.jsonl"]
    shown = subprocess.run(label, input="n\n", capture_output=True, text=True, check=True)
    for part in ("the user's script:", "Your goal:", "turn 1, user:", "1 of 1 done"):
        assert part in shown.stdout, shown.stdout
    unknown = trials_of(cli(*RUN, "--case", "two-wishes", "-f", "json").json)["two-wishes"]
    assert unknown["error"].startswith("nobody knows whether the simulated user kept to its script")


def test_a_user_needs_a_gateway(project: Path, cli: Cli) -> None:
    """Its model is asked through it: exit 2 with the case, the model and the block to add."""
    config = project / "examples/dialogues.yaml"
    text = config.read_text()
    config.write_text(text[: text.index("    gateway:")])
    result = cli(*RUN)
    assert 2 == result.code
    for part in ("'refund-number-asked'", "'gpt-4.1-mini'", "no gateway", "upstream:"):
        assert part in result.err, part


@pytest.mark.parametrize(
    ("user", "place", "what"),
    [
        ({"model": "m"}, "/user", "'goal' is missing"),
        ({"goal": "g"}, "/user", "'model' is missing"),
        ({"model": "m", "goal": " "}, "/user/goal", "' '"),
        ({"model": "m", "goal": ""}, "/user/goal", "''"),
        ({"model": "m", "goal": "g", "max_turns": 0}, "/user/max_turns", "greater than or equal"),
        ({"model": "m", "goal": "g", "max_turns": 10**9}, "/user/max_turns", "1000000000"),
        ({"model": "m", "goal": "g", "min_turns": 11}, "/user", "min_turns (11) is above"),
        ({"model": "m", "goal": "g", "stop": {}}, "/user/stop", "at least 1"),
        ({"model": "m", "goal": "g", "stop": {"bye": "won"}}, "/user/stop/bye", "'reached'"),
        ({"model": "m", "goal": "g", "preset": "tau"}, "/user/preset", "'tau2'"),
        ({"model": "m", "goal": "g", "facts": {"order": None}}, "/user/facts/order", "None"),
        ({"model": "m", "goal": "g", "gaol": "x"}, "/user/gaol", "did you mean 'goal'?"),
    ],
)
def test_a_user_that_cannot_be_is_refused(
    tmp_path: Path, cli: Cli, user: dict[str, Any], place: str, what: str
) -> None:
    """Exit 2 with file, line and place; nothing is run."""
    golden = tmp_path / "golden.jsonl"
    case = {"id": "a", "input": "hi", "user": user, "expected": {"output": {"contains": ["x"]}}}
    golden.write_text(json.dumps(case) + "\n")
    result = cli("run", "--golden", golden, "--agent", "python:json:dumps")
    assert 2 == result.code
    for part in (str(golden), f"line 1, {place}:", what):
        assert part in result.err, result.err


@pytest.mark.parametrize(
    "opening",
    [{"turns": ["hi"]}, [{"role": "user", "content": "a"}, {"role": "tool", "content": "b"}]],
)
def test_an_opening_that_is_nobodys_turn_is_refused(
    tmp_path: Path, cli: Cli, opening: object
) -> None:
    """A script of turns leaves no turn to a user, nor does a tool's result."""
    golden = tmp_path / "golden.jsonl"
    golden.write_text(
        json.dumps({"id": "a", "input": opening, "user": {"model": "m", "goal": "g"}}) + "\n"
    )
    result = cli("run", "--golden", golden, "--agent", "python:json:dumps")
    assert 2 == result.code
    assert "line 1" in result.err
