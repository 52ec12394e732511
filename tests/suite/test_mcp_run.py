"""A whole run with MCP servers: the ready `mcp.json`, the shim, and both behind the wall."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from mcp.server.mcpserver import MCPServer
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from support.scratch import Scratch

from evalgate.gateway.server import serve_in_thread
from evalgate.suite.isolation import these_walls

pytestmark = pytest.mark.slow

AGENT = """
import json, os, subprocess, sys, urllib.request
from pathlib import Path

KIND = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
INFO = {"name": "agent", "version": "1"}
HELLO = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": INFO}


def message(number, method, params):
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})


def over_http(item):
    servers = json.loads(Path(os.environ["EVALGATE_MCP_CONFIG"]).read_text())["mcpServers"]
    assert {"docs"} == servers.keys() and "http" == servers["docs"]["type"]
    call = {"name": "stock", "arguments": {"item": item}}
    for number, method, params in ((1, "initialize", HELLO), (2, "tools/call", call)):
        body = message(number, method, params).encode()
        with urllib.request.urlopen(
            urllib.request.Request(servers["docs"]["url"], body, KIND)
        ) as answer:
            said = json.load(answer)
    return said["result"]["content"][0]["text"]


def over_stdio(item):
    call = {"name": "stock", "arguments": {"item": item}}
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "evalgate", "mcp", "docs"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as shim:
        for number, method, params in ((1, "initialize", HELLO), (2, "tools/call", call)):
            shim.stdin.write(message(number, method, params) + "\\n")
            shim.stdin.flush()
            said = json.loads(shim.stdout.readline())
        shim.stdin.close()
    return said["result"]["content"][0]["text"]


def said_by_the_model(text):
    body = {"model": "m", "messages": [{"role": "user", "content": text}]}
    url = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
    with urllib.request.urlopen(
        urllib.request.Request(url, json.dumps(body).encode(), KIND)
    ) as answer:
        return json.load(answer)["choices"][0]["message"]["content"]


def both(text):
    return said_by_the_model(f"{over_http(text)}, {over_stdio(text + 's')}")


def answer(case, context):
    assert context.mcp_config == os.environ["EVALGATE_MCP_CONFIG"]
    return both(case.text)


if __name__ == "__main__":
    print(both(json.load(sys.stdin)["case"]["input"]))
"""
PROGRAM = json.dumps(f"command:{sys.executable} desk.py")
SUITE = """\
suites:
  desk:
    golden: golden.jsonl
    agent: AGENT
    gateway: {mcp: {docs: SERVER}, upstream: {openai: ORIGIN/v1}}
    gate: {metrics: {task_success_rate: {min: 1.0}}}
"""


@contextmanager
def docs() -> Iterator[str]:
    """Serve the official server over streamable HTTP, and a model that repeats what it is told."""
    server = MCPServer("docs")

    @server.tool()
    def stock(item: str) -> str:
        """Say how many are left."""
        return f"{len(item)} left"

    app = server.streamable_http_app()
    app.routes.append(Route("/v1/chat/completions", repeat, methods=["POST"]))
    with serve_in_thread(app, resources=[server.session_manager.run()]) as origin:
        yield origin


async def repeat(request: Request) -> JSONResponse:
    """Answer with the last message."""
    said = (await request.json())["messages"][-1]["content"]
    message = {"role": "assistant", "content": said}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return JSONResponse({"id": "1", "object": "chat.completion", "model": "m", "choices": [choice]})


def write_suite(repo: Scratch, origin: str, agent: str, server: str | None = None) -> None:
    """Write the configuration, with the server of the origin or another one."""
    asked = SUITE.replace("SERVER", server or f'{{url: "{origin}/mcp"}}')
    repo.write("evalgate.yaml", asked.replace("ORIGIN", origin).replace("AGENT", agent))


@pytest.fixture
def project(tmp_path: Path) -> Scratch:
    """Write a suite whose agent reads `mcp.json`, and starts the shim."""
    repo = Scratch(tmp_path)
    repo.write("desk.py", AGENT)
    case = {"id": "pen", "input": "pen", "expected": {"output": {"equals": "3 left, 4 left"}}}
    repo.write("golden.jsonl", json.dumps(case) + "\n")
    return repo


@pytest.mark.parametrize(
    ("wall", "agent"),
    [
        ("--sandbox", '{run: "python:desk:answer", workers: 1}'),
        ("--sandbox=off", '{run: "python:desk:answer", workers: 1}'),
        ("--sandbox", PROGRAM),
    ],
    ids=["walled", "open", "program"],
)
def test_mcp_json_and_shim_lead_to_the_gateway(project: Scratch, wall: str, agent: str) -> None:
    """Recorded from a URL and replayed without it, with the wall and without."""
    if wall == "--sandbox" and not these_walls().landlock and these_walls().bwrap is None:
        pytest.skip("this machine has neither Landlock nor bubblewrap")
    with docs() as origin:
        write_suite(project, origin, agent)
        live = project.evalgate("run", "--record", wall, "-q")
    assert 0 == live.code, live.out + live.err
    first, second = (project.evalgate("run", wall, "-q", "-f", "json") for _ in range(2))
    assert 0 == first.code, first.err
    assert first.out == second.out
    assert {"replayed": ["docs/stock"]} == first.json["rests_on"]["tools"]


def test_a_command_is_replayed_behind_the_wall_and_never_started(project: Scratch) -> None:
    """It would be code of the change, outside: to record it there is a usage error that says so."""
    if not these_walls().landlock and these_walls().bwrap is None:
        pytest.skip("this machine has neither Landlock nor bubblewrap")
    with docs() as origin:
        write_suite(project, origin, PROGRAM)
        assert 0 == project.evalgate("run", "--record", "--sandbox=off", "-q").code
    started = json.dumps({"command": [sys.executable, "-c", "open('started', 'w')"]})
    write_suite(project, origin, PROGRAM, started)
    assert 0 == project.evalgate("run", "--sandbox", "-q").code
    refused = project.evalgate("run", "--sandbox", "--record", "-q")
    assert 2 == refused.code
    assert "gateway.mcp.docs.command would run outside of the sandbox" in refused.err
    assert not (project.root / "started").exists()
