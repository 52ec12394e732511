"""A stranger's first hour, in a fresh environment: install, set up, green gate, a stopped bug."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.installed import build_wheel

from evalgate.gateway.server import serve_in_thread
from examples.support_agent.model_server import app

pytestmark = pytest.mark.slow

AGENT = """\
from openai import OpenAI


def answer(question):
    messages = [{"role": "user", "content": question}]
    done = OpenAI().chat.completions.create(model="gpt-4o-mini", messages=messages)
    return done.choices[0].message.content
"""


def test_five_commands_from_an_empty_folder_to_a_green_gate(tmp_path: Path) -> None:
    """The wheel, the real openai client, a key and a server: green in under two minutes."""
    wheel = build_wheel(tmp_path)
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "my_agent.py").write_text(AGENT)
    (folder / "requirements.txt").write_text("openai\n")
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    said: list[str] = []

    def do(*command: str) -> None:
        done = subprocess.run(
            command, cwd=folder, env=environ, capture_output=True, text=True, check=False
        )
        assert 0 == done.returncode, done.stdout + done.stderr
        said.append(done.stdout)

    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    programs = tmp_path / "venv" / "bin"
    with serve_in_thread(app) as origin:
        environ |= {"OPENAI_API_KEY": "sk-0123456789abcdef", "OPENAI_BASE_URL": f"{origin}/v1"}
        started = time.monotonic()
        do(str(programs / "pip"), "install", "-q", str(wheel), "openai")
        do(str(programs / "evalgate"), "init", "--agent", "python:my_agent:answer")
    assert "main: PASS" in said[-1]
    del environ["OPENAI_API_KEY"], environ["OPENAI_BASE_URL"]
    do(str(programs / "evalgate"), "baseline", "update", "--reason", "first")
    do(str(programs / "evalgate"), "run", "--baseline")
    assert "main: PASS" in said[-1]
    assert time.monotonic() - started < 120
    do(str(programs / "evalgate"), "demo", "--no-open", str(tmp_path / "demo"))
    assert "orders: FAIL" in said[-1]
