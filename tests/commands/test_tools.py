"""`evalgate tools check`: the real tools, with what is recorded."""

import asyncio
import json
import sys
from pathlib import Path

import pytest
from suite.test_tools import AGENT, run, shop, suite_in
from support.cli import Cli
from support.projects import write_project

from evalgate.commands.tools import Checked, check_recorded
from evalgate.schema.config import SuiteConfig
from evalgate.suite.environment import Environment
from evalgate.suite.suite import Suite

__all__ = ["shop"]


def checked(suite: Suite, *, effects: bool = False) -> list[Checked]:
    """Check a suite in full."""

    async def all_of_it() -> list[Checked]:
        found = check_recorded(suite, Environment({}), (), effects=effects)
        return [one async for one in found]

    return asyncio.run(all_of_it())


@pytest.fixture(autouse=True)
def _imported_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "shop_agent", raising=False)


@pytest.fixture
def recorded(tmp_path: Path, shop: str, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """Record a suite whose price tool has no effects."""
    suite = suite_in(tmp_path, shop)
    agent = AGENT.replace("@evalgate.tool", "@evalgate.tool(effects=False)")
    (tmp_path / "shop_agent.py").write_text(agent)
    assert "pass" == run(suite, "record").verdict
    monkeypatch.setenv("PRICES", str(tmp_path / "prices.json"))
    return suite


def test_the_same_answers_are_the_same(recorded: Suite) -> None:
    """A GET and a function that says it is read-only are called."""
    assert {"same"} == {one.outcome for one in checked(recorded)}
    assert 2 == len(checked(recorded))


def test_what_differs_is_shown(recorded: Suite) -> None:
    """With the recorded and the present value."""
    (recorded.root / "prices.json").write_text(json.dumps({"pen": 3.5}))
    found = {one.call.split()[0]: one for one in checked(recorded)}
    assert ("differs", "same") == (found["price"].outcome, found["shop"].outcome)
    assert "3.5" in found["price"].lines[0]


def test_tools_with_effects_are_not_called(tmp_path: Path, shop: str) -> None:
    """Nor are those that say nothing; a service that is down is no difference."""
    suite = suite_in(tmp_path, shop)
    run(suite, "record")
    found = {one.call.split()[0]: one for one in checked(suite_in(tmp_path, "http://127.0.0.1:9"))}
    assert {"skipped"} == {one.outcome for one in found.values()}
    assert "not known to be read-only" in found["price"].lines[0]
    assert "cannot be reached" in found["shop"].lines[0]


def test_a_servers_list_is_held_against_the_recorded_one(tmp_path: Path) -> None:
    """A schema that changed shows, though no recorded call would be another one."""
    script = tmp_path / "warehouse.py"
    script.write_text(WAREHOUSE)
    (tmp_path / "golden.jsonl").write_text('{"id": "a", "input": "pen"}\n')
    (tmp_path / "lister.py").write_text(LISTER)
    config = {
        "golden": "golden.jsonl",
        "agent": "python:lister:answer",
        "gateway": {"mcp": {"warehouse": {"command": [sys.executable, str(script)]}}},
    }
    suite = Suite("w", SuiteConfig.model_validate(config), tmp_path, tmp_path / "runs")
    run(suite, "record")
    assert [Checked("warehouse tools/list", "same")] == checked(suite)
    script.write_text(WAREHOUSE.replace('"string"', '"integer"'))
    (found,) = checked(suite)
    assert "differs" == found.outcome
    assert "integer" in found.lines[0]


WAREHOUSE = """
import json, sys
schema = {"type": "object", "properties": {"item": {"type": "string"}}}
info = {"name": "w", "version": "1"}
for line in sys.stdin:
    message = json.loads(line)
    if "id" in message:
        result = {"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": info}
        if message["method"] == "tools/list":
            result = {"tools": [{"name": "stock", "inputSchema": schema}]}
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
"""
LISTER = """
import json, os, urllib.request

def answer(case, context):
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}).encode()
    kind = {"content-type": "application/json"}
    asked = urllib.request.Request(os.environ["WAREHOUSE_MCP_URL"], body, kind)
    with urllib.request.urlopen(asked) as response:
        return json.load(response)["result"]["tools"][0]["name"]
"""


def test_nothing_recorded_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    """With the place that was looked at, and the command that records."""
    write_project(tmp_path, 1, 1)
    monkeypatch.chdir(tmp_path)
    done = cli("tools", "check", "--case", "q1")
    assert 3 == done.code
    assert "no call of a tool of case 'q1' is recorded in cassettes/quiz" in done.err
    assert "add `gateway: {}` to suite 'quiz', then evalgate run --suite quiz --record" in done.err
