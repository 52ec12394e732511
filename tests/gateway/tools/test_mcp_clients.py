"""Agents' own MCP clients before the gateway, over streamable HTTP and the shim over stdio.

langchain-mcp-adapters needs version 1 of the MCP SDK, and the OpenAI Agents SDK installs a package
`agents`, which would hide a repository's folder of that name: both live in environments of their
own, made once under `.evalgate/clients`. Where one cannot be made, its test is skipped and says so.
"""

import fcntl
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
from gateway.tools.conftest import OpenTools
from gateway.tools.test_mcp import shop
from support.source import ROOT

from evalgate.gateway.sessions import Outcome, Sessions

__all__ = ["shop"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # the first run installs

SCRIPTS = Path(__file__).parent / "clients"
CACHE = ROOT / ".evalgate" / "clients"
OWN = {
    "langchain_adapters": "langchain-mcp-adapters==0.3.2",
    "openai_agents": "openai-agents==0.24.0",
}
CLIENTS = (*OWN, "pydantic_ai_toolset")


def python_with(requirement: str) -> Path:
    """Return a Python that has a package, from an environment that is made once."""
    folder = CACHE / requirement.partition("==")[0]
    python, made = folder / "bin" / "python", folder / "made"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if made.exists() and made.read_text() == requirement:
            return python
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        install = [str(python), "-m", "pip", "install", "-q", requirement]
        done = subprocess.run(install, capture_output=True, text=True, check=False, timeout=280)
        if done.returncode != 0:
            pytest.skip(f"{requirement} cannot be installed: {done.stderr[-300:]}")
        made.write_text(requirement)
    return python


@contextmanager
def started(name: str) -> Iterator["subprocess.Popen[str]"]:
    """Start a client; it is sent a server a line."""
    python = Path(sys.executable)
    if name in OWN:
        python = python_with(OWN[name])
    elif find_spec("pydantic_ai") is None:
        pytest.skip("pydantic-ai is not installed beside this Python")
    command = [str(python), str(SCRIPTS / f"{name}.py")]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as client:
        yield client
        assert client.stdin is not None
        client.stdin.close()


def used(
    client: "subprocess.Popen[str]", sessions: Sessions, origin: str, case: str
) -> tuple[dict[str, object], Outcome]:
    """Let a client use the server, over HTTP or over stdio, and end the trial."""
    session = sessions.open(case)
    url = session.environment(origin, {}, None, sessions.settings.services)["SHOP_MCP_URL"]
    server: dict[str, object] = {"url": url}
    if case == "stdio":
        shim = ["-m", "evalgate", "mcp", "shop"]
        server = {"command": sys.executable, "args": shim, "env": {"SHOP_MCP_URL": url}}
    assert client.stdin is not None
    assert client.stdout is not None
    client.stdin.write(json.dumps(server) + "\n")
    client.stdin.flush()
    answer = client.stdout.readline()
    outcome = sessions.close(session, duration=1.0)
    assert answer, f"the client ended: {outcome.problems}"
    return json.loads(answer), outcome


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_is_recorded_and_replayed_over_both_ways(
    open_tools: OpenTools, shop: tuple[str, ...], name: str
) -> None:
    """Four trials of one process: the same tools, answers and errors with the server gone."""
    with started(name) as client:
        recording, replaying = open_tools("record", mcp=shop), open_tools("replay", mcp=("/no",))
        live = [used(client, *recording, case) for case in ("http", "stdio")]
        again = [used(client, *replaying, case) for case in ("http", "stdio")]
    answers = [answer for answer, _ in (*live, *again)]
    assert 1 == len({json.dumps(answer) for answer in answers}), answers
    assert ["big", "count", "die", "fail", "stock"] == answers[0]["tools"]
    assert ["left", "done"] == [("left" if "3" in s else s) for s in answers[0]["said"]]
    assert "Error executing tool fail" == answers[0]["failed"]
    for _, outcome in again:
        assert (None, None, ()) == (outcome.status, outcome.unmade, outcome.problems)
        assert {"replayed": ("shop/count", "shop/fail", "shop/stock")} == outcome.tools
        assert ["stock", "count", "fail"] == [step.name for step in outcome.steps]
