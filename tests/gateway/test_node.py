"""An agent in JavaScript, with the openai npm package: the language does not matter."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

Loose = Any
"""Fixtures; the types of `conftest.py` cannot be imported from here."""

SOURCE = Path(__file__).parent / "node"
CACHE = Path(__file__).resolve().parents[2] / ".evalgate" / "node"


@pytest.fixture(scope="module")
def agent() -> Path:
    """Install the agent's packages into the cache, or skip where there is no npm."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        if os.environ.get("EVALGATE_REQUIRE_NODE"):
            pytest.fail("EVALGATE_REQUIRE_NODE is set, but npm or node is not installed")
        pytest.skip("npm and node are not installed")
    CACHE.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "agent.mjs"):
        shutil.copyfile(SOURCE / name, CACHE / name)
    if not (CACHE / "node_modules" / "openai").is_dir():
        command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(
            command, cwd=CACHE, capture_output=True, text=True, timeout=240, check=False
        )
        if done.returncode != 0 and not os.environ.get("EVALGATE_REQUIRE_NODE"):
            pytest.skip(f"npm cannot install the openai package: {done.stderr[-300:]}")
        assert 0 == done.returncode, done.stderr
    return CACHE / "agent.mjs"


def test_openai_npm_package(gateway: Loose, model: Loose, text: Loose, agent: Path) -> None:
    """Tools and streaming from Node, recorded and replayed: the same answer, the same steps."""
    model.then(
        text.scripted(text.chat(None, tools=[text.tool_call("weather", '{"city":"Rome"}')])),
        text.scripted(
            content_type="text/event-stream",
            chunks=text.sse(
                text.chat_chunk({"content": "Sunny, 22 "}),
                text.chat_chunk({"content": "C."}),
                text.chat_chunk({}, "stop"),
                text.usage_chunk(),
            ),
        ),
    )
    outcomes = []
    for started in (gateway("record", model.origin), gateway("replay")):
        session = started.sessions.open("case-1")
        variables = {**os.environ, **session.environment(started.origin, os.environ)}
        done = subprocess.run(
            ["node", str(agent)], env=variables, capture_output=True, timeout=120, check=True
        )
        assert {"answer": "Sunny, 22 C."} == json.loads(done.stdout)
        outcomes.append(started.sessions.close(session, duration=1.0))
    assert outcomes[0].steps == outcomes[1].steps
    assert ["llm_call", "tool_call", "llm_call"] == [step.kind for step in outcomes[0].steps]
    assert 11 == outcomes[1].steps[2].input_tokens
