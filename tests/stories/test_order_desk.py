"""An agent with a model, an HTTP service, a Python tool and an MCP server, and all four down.

Recorded once by the command line; then a pull request is gated as its workflow would.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.cli import Result
from support.scratch import Scratch, copy_of
from support.source import ROOT

from evalgate.gateway.server import serve_in_thread
from examples.order_desk.services import app

pytestmark = pytest.mark.slow

LIVE = {
    "CI": "",  # a laptop: in CI no refund would be made
    "OPENAI_API_KEY": "any",
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
}
REFUND = "return refund(**arguments)"


@contextmanager
def services_of(repo: Scratch) -> Iterator[None]:
    """Serve model and shop, and let the configuration lead to them."""
    text = repo.read("evalgate.yaml")
    with serve_in_thread(app) as origin:
        repo.write("evalgate.yaml", text.replace("http://127.0.0.1:4013", origin))
        yield
    repo.write("evalgate.yaml", text)


def ledger(repo: Scratch) -> str:
    """Read what was really paid back."""
    path = repo.root / "ledger.txt"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def traces(repo: Scratch) -> list[str]:
    """Return the traces of the latest run."""
    latest = max((repo.root / ".evalgate" / "runs").iterdir())
    return sorted((latest / "traces.jsonl").read_text().splitlines())


def rests(result: Result) -> dict[str, object]:
    """Say what the figures of a report rest on."""
    found: dict[str, object] = result.json["rests_on"]
    return found


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Scratch:
    """Record the example and its baseline once, with everything up."""
    repo = Scratch(tmp_path_factory.mktemp("desk") / "repo")
    ignored = shutil.ignore_patterns("__pycache__", "cassettes", "ledger.txt")
    shutil.copytree(ROOT / "examples/order_desk", repo.root, ignore=ignored)
    repo.write(".gitignore", ".evalgate/\n__pycache__/\nledger.txt\n")
    repo.git("init", "-q", "-b", "main")
    with services_of(repo):
        made = repo.evalgate("run", "--record", "-q", env=LIVE)
        assert 0 == made.code, made.out + made.err
    assert "A2 30.0\n" == ledger(repo), "the recording paid back in earnest"
    (repo.root / "ledger.txt").unlink()
    repo.commit("agent, golden set, recordings")
    made = repo.evalgate("baseline", "update", "--reason", "first", "-q")
    assert 0 == made.code, made.err
    repo.commit("first baseline")
    return repo


@pytest.fixture
def repo(recorded: Scratch, tmp_path: Path) -> Scratch:
    """Return a copy on a branch, with nothing up."""
    scratch = copy_of(recorded, tmp_path / "repo")
    scratch.branch()
    return scratch


def test_with_all_four_down_verdict_and_bytes_are_the_same_twice(repo: Scratch) -> None:
    """No model, no shop, no command of the server, and a refund that nobody may make."""
    repo.replace(
        "agent.py", "    with LEDGER.open", "    raise AssertionError\n    with LEDGER.open"
    )
    repo.write("warehouse.py", "raise SystemExit(1)\n")
    env = repo.pull_request()
    first, seen = repo.gate(env), traces(repo)
    again = repo.gate(env)
    assert (0, "pass") == (first.code, first.json["verdict"]), first.err
    assert first.out == again.out
    assert seen == traces(repo)
    assert "" == ledger(repo)
    tools = {"replayed": ["refund", "shop", "warehouse/stock"]}
    assert ("replayed", tools) == (rests(first)["model"], rests(first)["tools"])


@dataclass(frozen=True)
class Change:
    """A pull request's change of the agent."""

    old: str
    new: str
    said: str
    """What the report must name."""
    recorded: int
    """The exit code once it is recorded."""


CHANGES = {
    "argument of the service": Change(
        'f"/orders/{order_id}"', 'f"/orders/{order_id.lower()}"', "/orders/a2", 1
    ),
    "argument of the function": Change(
        REFUND, 'return refund(arguments["order_id"], 2 * arguments["amount"])', "60", 1
    ),
    "argument of the server": Change(
        "call_tool(name, arguments)", "call_tool(name, {'item': 'Lamp'})", "Lamp", 1
    ),
    "schema": Change('amount="number")', 'amount="number", why="string")', "why", 0),
    "dropped call": Change(
        REFUND, "return f'paid back {arguments[\"amount\"]:g}'", "was not made: refund", 0
    ),
}


def errors(result: Result) -> str:
    """Say why trials were not measured."""
    return " ".join(t["error"] or "" for case in result.json["cases"] for t in case["trials"])


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_inconclusive_with_its_diff_until_it_is_recorded(
    repo: Scratch, name: str
) -> None:
    """Exit 3 in the pull request; on the laptop that records it, a verdict."""
    change = CHANGES[name]
    repo.replace("agent.py", change.old, change.new)
    gated = repo.gate(repo.pull_request())
    assert 3 == gated.code, gated.err
    assert change.said in errors(gated)
    assert "" == ledger(repo)
    repo.git("checkout", "-q", "change")
    with services_of(repo):
        anew = repo.gate(LIVE, "--record")
    assert change.recorded == anew.code, anew.out + anew.err
    replayed = repo.gate({})
    assert change.recorded == replayed.code, "and the recording says the same"


def test_a_servers_schema_is_judged_when_the_server_is_the_code_under_test(repo: Scratch) -> None:
    """With `live` its new list reaches the model, which was recorded with the old one."""
    repo.replace(
        "evalgate.yaml", "    gateway:\n", "    gateway:\n      tools: {warehouse: live}\n"
    )
    repo.replace("warehouse.py", "item: str", 'item: str, colour: str = "any"')
    gated = repo.gate(LIVE)
    assert 3 == gated.code, gated.err
    assert "colour" in errors(gated)
    assert "the schema of tool 'stock' changed" in gated.out
    with services_of(repo):
        assert 0 == repo.gate(LIVE, "--record").code
