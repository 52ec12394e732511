"""A replay that misses says what replay can judge, and how to record."""

from pathlib import Path

from support.cli import Cli

AGENT = """\
import os

import httpx2


async def answer(case, context):
    base = context.base_url or os.environ["OPENAI_BASE_URL"]
    body = {"model": "m", "messages": [{"role": "user", "content": case.text}]}
    async with httpx2.AsyncClient() as client:
        response = await client.post(f"{base}/chat/completions", json=body)
    return response.text
"""
CONFIG = """\
suites:
  quiz:
    golden: golden.jsonl
    agent: {run: "python:asking_agent:answer", isolation: none}
    gateway: {}
"""


def test_a_miss_says_what_replay_can_judge(quiz: Path, cli: Cli) -> None:
    """Nothing is recorded: inconclusive, with the command, and no word about better or worse."""
    (quiz / "asking_agent.py").write_text(AGENT)
    (quiz / "evalgate.yaml").write_text(CONFIG)
    result = cli("run", "--format", "json")
    assert (3, "inconclusive") == (result.code, result.json["verdict"])
    assert [True] == [note.startswith("replay judges code") for note in result.json["warnings"][:1]]
    fixes = [check["fix"] for check in result.json["checks"] if check["fix"]]
    assert [True] == [
        fix.startswith("evalgate run --suite quiz --record-miss") for fix in fixes[:1]
    ]
    assert {"not_measured"} == {
        trial["status"] for case in result.json["cases"] for trial in case["trials"]
    }
    replay = next(c for c in result.json["checks"] if c["id"] == "evidence.replay")
    assert replay["reason"].endswith("; each time: no openai_chat request is recorded")
    assert {"evidence.replay"} == {c["id"] for c in result.json["checks"]}
    assert result.json["subject"]["model"] is None


def test_a_gateway_that_no_call_reached_is_no_replay(quiz: Path, cli: Cli) -> None:
    """The agent asks its model elsewhere, and answers right: inconclusive, and it says why."""
    config = (quiz / "evalgate.yaml").read_text().replace("noise: none", "gateway: {}")
    (quiz / "evalgate.yaml").write_text(config)
    result = cli("run", "--format", "json")
    assert (3, "inconclusive") == (result.code, result.json["verdict"])
    lack = next(c for c in result.json["checks"] if c["id"] == "evidence.gateway")
    assert lack["reason"].startswith("no model call of 4 trials reached the gateway")
    stored = next((quiz / ".evalgate/runs").iterdir())
    again = cli("compare", "--baseline", stored, "--current", stored, "--format", "json")
    assert 3 == again.code
    assert "evidence.gateway" in {check["id"] for check in again.json["checks"]}


def test_the_folder_of_runs_ignores_itself(quiz: Path, cli: Cli) -> None:
    """Git leaves `.evalgate` alone, whatever the project's own list says."""
    cli("run")
    assert "*\n" == (quiz / ".evalgate" / ".gitignore").read_text()


DIRECT = """\
import openai


def answer(case, context):
    client = openai.OpenAI(base_url="https://api.openai.com/v1", api_key="x", max_retries=0)
    messages = [{"role": "user", "content": "hi"}]
    reply = client.chat.completions.create(model="m", messages=messages)
    return reply.choices[0].message.content
"""


def test_a_direct_call_to_a_provider_is_refused_and_named(quiz: Path, cli: Cli) -> None:
    """An agent whose client has a base URL of its own: not measured, and it says which host."""
    (quiz / "direct_agent.py").write_text(DIRECT)
    config = CONFIG.replace("asking_agent:answer", "direct_agent:answer")
    (quiz / "evalgate.yaml").write_text(config.replace("isolation: none", "workers: 1"))
    result = cli("run", "--format", "json")
    assert 3 == result.code
    trials = [trial for case in result.json["cases"] for trial in case["trials"]]
    assert {"not_measured"} == {trial["status"] for trial in trials}
    assert all("called api.openai.com directly, past the gateway" in t["error"] for t in trials)
    assert {"evidence.replay", "evidence.gateway"} == {c["id"] for c in result.json["checks"]}
