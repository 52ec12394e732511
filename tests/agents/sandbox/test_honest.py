"""Honest agents run behind the wall as they run without it."""

import asyncio
import os
import shutil
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from evalgate.agents.base import Context
from evalgate.agents.factory import open_agent
from evalgate.agents.sandbox import kernel, places
from evalgate.agents.sandbox.bubblewrap import wrapped
from evalgate.agents.sandbox.policy import Observed, make_policy, smallest
from evalgate.agents.sandbox.room import Sandbox, open_room
from evalgate.schema.config import AgentConfig
from evalgate.schema.golden import Case
from evalgate.schema.trace import Trace

AGENTS = {
    "python": """
        def answer(question):
            return question.upper()
        """,
    "async": """
        async def answer(question):
            import asyncio
            await asyncio.sleep(0)
            return question.upper()
        """,
    "SQLite file and cache folder": """
        import sqlite3, tempfile
        from pathlib import Path
        cache = Path.home() / ".cache" / "agent"
        cache.mkdir(parents=True)
        db = sqlite3.connect(cache / "answers.db")
        db.execute("create table answers (text)")
        def answer(question):
            with tempfile.NamedTemporaryFile() as file:
                file.write(question.encode())
            with db:
                db.execute("insert into answers values (?)", (question.upper(),))
            return db.execute("select text from answers").fetchone()[0]
        """,
    "children": """
        import subprocess, sys
        from concurrent.futures import ThreadPoolExecutor
        def upper(text):
            code = "import sys; print(sys.argv[1].upper())"
            command = [sys.executable, "-c", code, text]
            return subprocess.run(command, capture_output=True, text=True, check=True).stdout
        def answer(question):
            with ThreadPoolExecutor() as pool:
                return pool.submit(upper, question).result().strip()
        """,
    "LangGraph": """
        from typing import TypedDict
        from langgraph.graph import END, START, StateGraph
        class State(TypedDict):
            text: str
        graph = StateGraph(State)
        graph.add_node("upper", lambda state: {"text": state["text"].upper()})
        graph.add_edge(START, "upper")
        graph.add_edge("upper", END)
        app = graph.compile()
        def answer(question):
            return app.invoke({"text": question})["text"]
        """,
    "node": """
        let text = "";
        process.stdin.on("data", (part) => (text += part));
        process.stdin.on("end", () => {
          const fs = require("fs"), os = require("os");
          fs.writeFileSync(os.tmpdir() + "/note", "x");
          fs.mkdirSync(os.homedir() + "/.cache", { recursive: true });
          console.log(JSON.parse(text).case.input.toUpperCase());
        });
        """,
    "shell": """
        text=$(sed 's/.*"input": "\\([a-z]*\\)".*/\\1/')
        echo "$text" > "$HOME/note"
        tr a-z A-Z < "$HOME/note"
        """,
}


def asked(root: Path, name: str, make: Callable[[], Sandbox]) -> Trace:
    """Run one trial of an agent."""
    file, run = {
        "node": ("agent.js", "command:node agent.js"),
        "shell": ("agent.sh", "command:sh agent.sh"),
    }.get(name, ("my_agent.py", "python:my_agent:answer"))
    (root / file).write_text(textwrap.dedent(AGENTS[name]), encoding="utf-8")

    async def main() -> Trace:
        async with open_agent(
            AgentConfig(run=run),
            root=root,
            concurrency=1,
            timeout_s=60,
            environ=os.environ,
            sandbox=make(),
        ) as agent:
            return await agent.run(Case(id="c", input="hello"), Context(timeout_s=60))

    return asyncio.run(main())


def walled(root: Path) -> Sandbox:
    """Make the sandbox of a suite without a gateway."""
    hidden = [root / "golden.jsonl", root / ".git"]
    return Sandbox(make_policy(kernel.abi(), places.find_places(root, hidden, os.environ)))


@pytest.mark.skipif(kernel.abi() == 0, reason="this kernel has no Landlock")
@pytest.mark.parametrize("name", AGENTS)
def test_honest_agents(tmp_path: Path, name: str) -> None:
    """They answer behind the wall as they do without."""
    if name == "node" and shutil.which("node") is None:
        pytest.skip("node is not installed")
    trace = asked(tmp_path, name, lambda: walled(tmp_path))
    assert ("finished", "HELLO") == (trace.status, str(trace.output).strip()), trace.error


READER = """
    def answer(question):
        return open("golden.jsonl").read()
    """


@pytest.mark.skipif(places.bubblewrap() is None, reason="bubblewrap is not installed")
@pytest.mark.parametrize("name", ["python", "SQLite file and cache folder", "shell"])
def test_bubblewrap(tmp_path: Path, name: str) -> None:
    """Where the kernel has no Landlock, bubblewrap shows the same files, and hides the same."""
    program = places.bubblewrap()
    assert program is not None
    (tmp_path / "golden.jsonl").write_text("secret", encoding="utf-8")

    def make() -> Sandbox:
        hidden = [tmp_path / "golden.jsonl"]
        policy = make_policy(0, places.find_places(tmp_path, hidden, os.environ))
        return Sandbox(policy, wrap=lambda one, cwd: wrapped(program, one, cwd))

    trace = asked(tmp_path, name, make)
    assert ("finished", "HELLO") == (trace.status, str(trace.output).strip()), trace.error
    AGENTS["reader"] = READER
    trace = asked(tmp_path, "reader", make)
    assert ("crashed", True) == (trace.status, "FileNotFoundError" in (trace.error or ""))


def test_learning(tmp_path: Path) -> None:
    """Without a wall, what it opened beyond the policy is told, and nothing is refused."""
    seen: list[Observed] = []
    outside = tmp_path / "outside"
    outside.write_text("x", encoding="utf-8")
    root = tmp_path / "root"
    root.mkdir()
    AGENTS["learner"] = f"""
        import json
        def answer(question):
            open("note", "w").write("x")
            open({str(outside)!r}).read()
            return question.upper()
        """
    policy = make_policy(7, places.find_places(root, [], os.environ))
    trace = asked(root, "learner", lambda: Sandbox(policy, learn=seen.append))
    assert "HELLO" == trace.output
    expected = {"read": [str(outside)], "write": [str(root / "note")]}
    assert expected == smallest(seen)


def test_the_scratch_folder_goes(tmp_path: Path) -> None:
    """What was left in it, however it was locked, is removed."""
    with open_room(walled(tmp_path), tmp_path) as room:
        scratch = Path(room.environment["HOME"])
        (scratch / "a" / "b").mkdir(parents=True)
        (scratch / "link").symlink_to(tmp_path)
        assert room.wall is not None
        assert room.wall.can_write(str(scratch / "x"))
    assert (False, True) == (scratch.exists(), tmp_path.exists())
