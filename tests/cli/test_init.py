"""Tests of `evalgate init`: files that run as they are, gating only what has evidence."""

import shlex
import sys
from pathlib import Path

import pytest
import yaml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from support.cli import Cli

from evalgate.gateway.server import serve_in_thread
from evalgate.schema.config import Config
from examples.support_agent.model_server import app

PLAIN = "def answer(question):\n    return 'I can help with orders.'\n"
CALLS = """
def answer(case, context):
    return {"output": "done", "steps": [
        {"kind": "llm_call", "model": "gpt-4o", "input_tokens": 5, "output_tokens": 2},
        {"kind": "tool_call", "name": "look_up", "arguments": {"key": "AKIAIOSFODNN7EXAMPLE"}},
    ]}
"""


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with two agents."""
    (tmp_path / "plain_agent.py").write_text(PLAIN)
    (tmp_path / "calling_agent.py").write_text(CALLS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def gates(folder: Path) -> list[str]:
    """Return the metrics that gate in the file that was written."""
    text = (folder / "evalgate.yaml").read_text()
    return [*Config.model_validate(yaml.safe_load(text)).suites["main"].gate.metrics]


def test_only_evidence_gates(empty: Path, cli: Cli) -> None:
    """An agent that returns text gates success and errors; what else there is stands as goals."""
    result = cli("init", "--agent", "python:plain_agent:answer")
    assert (0, "") == (result.code, result.err)
    assert ["task_success_rate", "error_rate"] == gates(empty)
    text = (empty / "evalgate.yaml").read_text()
    for goal in ("0.95", "0.90", "0.03", "0.15", "0.05", "2.0"):
        assert goal in text


def test_reported_calls_are_evidence(empty: Path, cli: Cli) -> None:
    """Tool calls gate their accuracy, tokens and models the cost; secrets are not written."""
    cli("init", "--agent", "python:calling_agent:answer")
    assert {"tool_call_accuracy", "cost_per_interaction"} <= {*gates(empty)}
    assert "AKIAIOSFODNN7EXAMPLE" not in (empty / "golden_sets" / "main.jsonl").read_text()


def test_what_is_written_runs(empty: Path, cli: Cli) -> None:
    """It ends green; what it wrote validates, takes a baseline and is gated against it."""
    result = cli("init", "--agent", "python:plain_agent:answer")
    assert (0, True) == (result.code, "main: PASS" in result.out)
    validated = cli("validate")
    assert (0, True) == (validated.code, "ok: golden set of 1 case" in validated.out)
    made = cli("baseline", "update", "--trials", "5", "--reason", "first", "-q")
    assert (0, "") == (made.code, made.err)
    assert 0 == cli("run", "--baseline", "-q").code
    agent = empty / "plain_agent.py"
    agent.write_text(agent.read_text().replace("orders", "nothing"))
    assert 1 == cli("run", "-q").code


def test_the_workflow_is_valid_and_its_command_runs(recorded: Path, cli: Cli) -> None:
    """The step of the workflow writes Markdown to the file and annotations to the log."""
    (recorded / "evalgate.yaml").unlink()
    agent = ("--agent", "recorded:traces.jsonl", "--golden", "golden.jsonl")
    assert 0 == cli("init", *agent).code
    text = (recorded / ".github" / "workflows" / "evalgate.yml").read_text()
    steps = yaml.safe_load(text)["jobs"]["gate"]["steps"]
    (line,) = [step["run"] for step in steps if step.get("run", "").startswith("evalgate run")]
    assert 0 == cli("baseline", "update", "--reason", "first", "--force", "-q").code
    ran = cli(*shlex.split(line)[1:])
    assert 0 == ran.code
    assert (recorded / "report.md").read_text().startswith("#")
    assert "pip install agent-evalgate" in text


def test_nothing_is_overwritten(empty: Path, cli: Cli) -> None:
    """A second `init` refuses, with the option that replaces."""
    (empty / "evalgate.yaml").write_text("mine\n")
    result = cli("init", "--agent", "python:plain_agent:answer")
    assert 2 == result.code
    assert "--force" in result.err
    assert "mine\n" == (empty / "evalgate.yaml").read_text()
    assert not (empty / "golden_sets").exists()
    assert 0 == cli("init", "--agent", "python:plain_agent:answer", "--force").code


def test_an_existing_golden_set_is_kept(empty: Path, cli: Cli) -> None:
    """`--golden` asks its cases and leaves it alone; what fails there fails, and is shown."""
    text = '{"id": "a", "input": "hi", "expected": {"tool_calls": [{"name": "look_up"}]}}\n'
    (empty / "mine.jsonl").write_text(text)
    result = cli("init", "--agent", "python:plain_agent:answer", "--golden", "mine.jsonl")
    assert (1, True) == (result.code, "main: FAIL" in result.out)  # it calls no tool
    assert text == (empty / "mine.jsonl").read_text()
    assert "tool_call_accuracy" in gates(empty)


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ((), "--agent"),
        (("--agent", "python:nope:x"), "nope"),
        (("--agent", "python:plain_agent:nope"), "nope"),
        (("--agent", "pyton:plain_agent:answer"), "did you mean"),
        (("--agent", "recorded:none.jsonl"), "golden add --from none.jsonl"),
        (("--agent", "python:plain_agent:answer", "--golden", "none.jsonl"), "none.jsonl"),
        (("--agent", "python:plain_agent:answer", "--name", "a b: c"), "--name"),
        (("--agent", "python:plain_agent:answer", "--timeout", "-1"), "--timeout"),
        (("--agent", "python:plain_agent:answer", "--env", "A=b"), "--env 'A=b'"),
        (("--agent", "python:"), "names no object"),
    ],
)
def test_slips_write_nothing(empty: Path, cli: Cli, arguments: tuple[str, ...], part: str) -> None:
    """A wrong agent or golden set is named, and no file is left behind."""
    result = cli("init", *arguments)
    assert 2 == result.code
    assert part in result.err
    assert not (empty / "evalgate.yaml").exists()


def test_what_force_replaced_is_put_back(empty: Path, cli: Cli) -> None:
    """An agent that fails costs nobody the configuration and cases that were there."""
    assert 0 == cli("init", "--agent", "python:plain_agent:answer").code
    kept = {path: path.read_bytes() for path in empty.rglob("*.[yj]*l") if path.is_file()}
    (empty / "broken.py").write_text("def answer(question):\n    raise ValueError('no')\n")
    assert 2 == cli("init", "--agent", "python:broken:answer", "--force").code
    own = (empty / "evalgate.yaml", empty / "golden_sets" / "main.jsonl")
    assert [kept[path] for path in own] == [path.read_bytes() for path in own]


def test_a_crashing_agent_is_told(empty: Path, cli: Cli) -> None:
    """The agent's own error is shown, and nothing is left behind: the same command works later."""
    bad = empty / "bad.py"
    bad.write_text("def answer(question):\n    raise ValueError('no key')\n")
    before = {path.name for path in empty.iterdir()}
    result = cli("init", "--agent", "python:bad:answer")
    assert (2, True) == (result.code, "ValueError: no key (bad.py, line 2)" in result.err)
    assert "only its run was kept, in .evalgate/runs" in result.err
    assert before == {path.name for path in empty.iterdir()} - {"__pycache__", ".evalgate"}
    bad.write_text(PLAIN)
    assert 0 == cli("init", "--agent", "python:bad:answer").code


def test_an_agent_that_says_nothing_is_told(empty: Path, cli: Cli) -> None:
    """No answer and no call is nothing that a first case could call right."""
    (empty / "mute.py").write_text("def answer(question):\n    return ''\n")
    result = cli("init", "--agent", "python:mute:answer")
    assert (2, True) == (result.code, "answered nothing" in result.err)
    assert not (empty / "evalgate.yaml").exists()


@pytest.mark.parametrize(
    ("name", "golden"), [("1", None), ("null", None), ("main", "a #1: b.jsonl")]
)
def test_names_that_yaml_would_misread(
    empty: Path, cli: Cli, name: str, golden: str | None
) -> None:
    """A suite called `1` or `null` and a file with a `#` in its name stand there in quotes."""
    arguments = ("--agent", "python:plain_agent:answer", "--name", name)
    if golden is not None:
        (empty / golden).write_text('{"id": "a", "input": "hi", "expected": {"refusal": false}}\n')
        arguments += ("--golden", golden)
    assert 2 != cli("init", *arguments).code
    suites = Config.model_validate(yaml.safe_load((empty / "evalgate.yaml").read_text())).suites
    assert (golden or f"golden_sets/{name}.jsonl") == suites[name].golden


def test_a_longer_timeout_is_kept(empty: Path, cli: Cli) -> None:
    """What the agent needed to be asked, its runs need too."""
    cli("init", "--agent", "python:plain_agent:answer", "--timeout", "300")
    text = (empty / "evalgate.yaml").read_text()
    assert 300 == Config.model_validate(yaml.safe_load(text)).suites["main"].timeout_s


@pytest.mark.parametrize("name", ["cases.csv", "cases.yaml"])
def test_golden_sets_of_other_kinds_are_taken(empty: Path, cli: Cli, name: str) -> None:
    """A golden set in CSV or YAML is asked, gated and left alone."""
    text = {
        "cases.csv": 'id,input,expected\na,hi,"{""output"": {""contains"": [""orders""]}}"\n',
        "cases.yaml": "- id: a\n  input: hi\n  expected: {output: {contains: [orders]}}\n",
    }[name]
    (empty / name).write_text(text)
    result = cli("init", "--agent", "python:plain_agent:answer", "--golden", name)
    assert (0, text) == (result.code, (empty / name).read_text())


OPENAI = """
import os
from openai import OpenAI

TOKEN = os.environ["SHOP_TOKEN"]

def answer(question):
    messages = [{"role": "user", "content": question}]
    done = OpenAI().chat.completions.create(model="gpt-4o-mini", messages=messages)
    return done.choices[0].message.content
"""


def test_an_agent_on_the_openai_sdk(empty: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its calls are recorded, what it reads is passed, and the gate is green without the key."""
    (empty / "model_agent.py").write_text(OPENAI)
    (empty / "requirements.txt").write_text("openai\n")
    init = ("init", "--agent", "python:model_agent:answer")
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "SHOP_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    missing = cli(*init)
    assert (2, True) == (missing.code, "export OPENAI_API_KEY=" in missing.err)
    with serve_in_thread(app) as origin:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{origin}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "sk-scripted-0123456789abcdef")
        unset = cli(*init)
        assert (2, True) == (unset.code, "export SHOP_TOKEN=" in unset.err)
        monkeypatch.setenv("SHOP_TOKEN", "token-of-the-shop-42")
        result = cli(*init)
    assert (0, True) == (result.code, "main: PASS" in result.out)
    config = (empty / "evalgate.yaml").read_text()
    assert "env_allow: [SHOP_TOKEN]" in config
    assert (
        "pip install -r requirements.txt"
        in (empty / ".github" / "workflows" / "evalgate.yml").read_text()
    )
    written = [path for path in empty.rglob("*") if path.is_file()]
    assert [] == [path for path in written if b"sk-scripted-0123" in path.read_bytes()]
    assert [] == [path for path in written if b"token-of-the-shop" in path.read_bytes()]
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.delenv("OPENAI_BASE_URL")
    assert 0 == cli("run", "-q").code


PROGRAM = """\
import json
import sys

asked = json.load(sys.stdin)["case"]
call = {"kind": "tool_call", "name": "look_up", "arguments": {"order": "A1"}}
json.dump({"output": "Order A1 is shipped.", "steps": [call]}, sys.stdout)
"""


async def ask(request: Request) -> JSONResponse:
    """Answer as an agent behind HTTP."""
    return JSONResponse({"output": f"You asked: {(await request.json())['input']}"})


@pytest.mark.parametrize("kind", ["command", "async", "generator", "no-case", "http"])
def test_agents_of_other_kinds(empty: Path, cli: Cli, kind: str) -> None:
    """A program, a coroutine, a generator, a function of a case and a service end green."""
    (empty / "program.py").write_text(PROGRAM)
    (empty / "kinds.py").write_text(
        "async def coroutine(question):\n    return 'shipped'\n\n\n"
        "def generator(question):\n    yield 'ship'\n    yield 'ped'\n\n\n"
        "def of_case(case):\n    return f'{case.id}: shipped'\n"
    )
    lines = {
        "command": f"command:{sys.executable} program.py",
        "async": "python:kinds:coroutine",
        "generator": "python:kinds:generator",
        "no-case": "python:kinds:of_case",
    }
    app = Starlette(routes=[Route("/ask", ask, methods=["POST"])])
    with serve_in_thread(app) as origin:
        result = cli("init", "--agent", lines.get(kind, f"{origin}/ask"))
        assert (0, True) == (result.code, "main: PASS" in result.out), result.err
        assert ("tool_call_accuracy" in gates(empty)) == (kind == "command")
        assert 0 == cli("run", "-q").code


def test_a_service_that_is_down_is_told(empty: Path, cli: Cli) -> None:
    """Nothing is left behind where nobody answers."""
    result = cli("init", "--agent", "http://127.0.0.1:9/ask")
    assert 2 == result.code
    assert "http://127.0.0.1:9" in result.err or "refused" in result.err.lower(), result.err
    assert not (empty / "evalgate.yaml").exists()


def test_a_package_in_src_is_told(empty: Path, cli: Cli) -> None:
    """The error of a src layout says how the package is found."""
    (empty / "src" / "shop").mkdir(parents=True)
    (empty / "src" / "shop" / "__init__.py").write_text(PLAIN)
    result = cli("init", "--agent", "python:shop:answer")
    assert (2, True) == (result.code, "PYTHONPATH=src" in result.err)
