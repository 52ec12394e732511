"""`command:` agents: real programs, what they may answer, and how they end."""

import json
import os
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from evalgate.agents.base import Context
from evalgate.errors import AgentLoadError, ConfigError
from evalgate.schema.config import AgentConfig
from evalgate.schema.golden import Case, Script
from evalgate.schema.trace import ToolCall, Trace

Ask = Callable[..., Trace]
Write = Callable[..., Path]
PYTHON = shlex.quote(sys.executable)


@pytest.fixture
def program(agent_file: Write) -> Callable[..., AgentConfig]:
    """Return a function that writes a program and configures it as the agent."""

    def write(source: str, **more: object) -> AgentConfig:
        agent_file(source, "agent.py")
        return AgentConfig.model_validate({"run": f"command:{PYTHON} agent.py", **more})

    return write


def test_case_on_stdin(program: Callable[..., AgentConfig], ask: Ask) -> None:
    """The program reads case and context, and nothing of what is expected."""
    agent = program("import sys; print(sys.stdin.read())", output_key="case")
    case = Case.model_validate(
        {"id": "c1", "input": "hé", "expected": {"output": {"equals": "planted"}}}
    )
    trace = ask(agent, case, context=Context(trial=2, base_url="http://x/v1"))
    message = {"role": "user", "content": "hé"}
    assert {
        "id": "c1",
        "input": "hé",
        "messages": [message],
        "contexts": [],
        "turn": 0,
    } == trace.output
    whole = ask(
        program("import sys; print('got', sys.stdin.read())"), case, context=Context(trial=2)
    )
    assert "planted" not in str(whole.output)
    told = json.loads(str(whole.output).removeprefix("got "))
    assert {"trial": 2, "timeout_s": 120.0, "base_url": None} == told["context"]


@pytest.mark.parametrize(
    ("printed", "output"),
    [
        ("hello", "hello"),
        ("  two\\nlines \\n", "two\nlines"),
        ('{"output": "x"}', "x"),
        ('{"answer": 1}', {"answer": 1}),
        ("[1, 2]", [1, 2]),
        ("[see below] all fine", "[see below] all fine"),
        ("42", "42"),
    ],
)
def test_outputs(
    program: Callable[..., AgentConfig], ask: Ask, printed: str, output: object
) -> None:
    """Text is text, an object with `output` an Output, other JSON is itself the answer."""
    assert output == ask(program(f"print('''{printed}''')")).output


def test_steps(program: Callable[..., AgentConfig], ask: Ask) -> None:
    """A program can report its steps."""
    agent = program(
        """
        import json
        print(json.dumps({"output": "x", "steps": [{"kind": "tool_call", "name": "find"}]}))
        """
    )
    assert (ToolCall(name="find"),) == ask(agent).steps


@pytest.mark.parametrize(
    ("source", "status", "reason"),
    [
        ("", "bad_output", "wrote nothing"),
        ("print('{\"output\": NaN}')", "bad_output", "NaN"),
        ('print(\'{"output": 1, "output": 2}\')', "bad_output", "strict JSON"),
        ("print('{\"output\": 1')", "bad_output", "strict JSON"),
        ("print('{\"a\":' * 5000)", "bad_output", "strict JSON"),
        ('print(\'{"steps": [{"kind": "tool_call"}]}\')', "bad_output", "steps.0.tool_call.name"),
        ("import sys; sys.stdout.buffer.write(b'\\xff\\xfe')", "bad_output", "UTF-8"),
        ("import sys; sys.exit('broken pipe dream')", "crashed", "broken pipe dream"),
        ("import sys; print('fine'); sys.exit(3)", "crashed", "exit code 3"),
        ("import os; os.kill(os.getpid(), 9)", "crashed", "SIGKILL"),
        ("import time; time.sleep(60)", "timed_out", "no answer after 0.4 s"),
        ("while True: print('x' * 100_000)", "bad_output", "at most 1,000,000"),
        ("print('x' * 100_000_000)", "bad_output", "at most 1,000,000"),
    ],
)
def test_failures(
    program: Callable[..., AgentConfig], ask: Ask, source: str, status: str, reason: str
) -> None:
    """Whatever a program does wrong is a failed trial with a reason."""
    trace = ask(
        program(source, max_output_bytes=1_000_000),
        timeout_s=0.4 if status == "timed_out" else 20.0,
    )
    assert status == trace.status
    assert reason in (trace.error or "")
    assert trace.output is None


def test_large_input_that_is_not_read(program: Callable[..., AgentConfig], ask: Ask) -> None:
    """A program that does not read its input answers all the same."""
    case = Case(id="c1", input="x" * 1_000_000)
    assert "fine" == ask(program("print('fine')"), case).output


def test_children_end_with_it(
    program: Callable[..., AgentConfig], ask: Ask, gone: Callable[[int], bool]
) -> None:
    """A child that holds the output open neither delays the answer for long nor lives on."""
    agent = program(
        """
        import subprocess
        print(subprocess.Popen(["sleep", "60"], start_new_session=True).pid)
        """
    )
    started = time.monotonic()
    trace = ask(agent)
    assert "finished" == trace.status
    assert time.monotonic() - started < 50  # the child sleeps for 60 s
    assert gone(int(str(trace.output)))


def test_environment(program: Callable[..., AgentConfig], ask: Ask) -> None:
    """A program sees the variables of trial and configuration, and no other secrets."""
    agent = program(
        "import os, json; print(json.dumps({'output': dict(os.environ)}))", env={"A": "config"}
    )
    trace = ask(
        agent,
        environ={"PATH": os.environ["PATH"], "GITHUB_OUTPUT": "planted", "KEY": "planted"},
        context=Context(env={"OPENAI_BASE_URL": "http://x/v1"}),
    )
    assert isinstance(trace.output, dict)
    assert "planted" not in str(trace.output)
    assert ("config", "http://x/v1") == (trace.output["A"], trace.output["OPENAI_BASE_URL"])


def test_script(program: Callable[..., AgentConfig], ask: Ask) -> None:
    """The program is started once a turn, with all that was said."""
    agent = program("import sys, json; print(len(json.load(sys.stdin)['case']['messages']))")
    case = Case(id="c1", input=Script(turns=("one", "two")))
    assert "3" == ask(agent, case).output


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        ("command:", "names no program"),
        ("command:no-such-program-here --x", "no program on PATH"),
        ("command:./plain.txt", "may not be executed"),
        ("command:plain.txt", "not on PATH"),
        ("command:echo 'open quote", "No closing quotation"),
    ],
)
def test_not_startable(ask: Ask, tmp_path: Path, run: str, reason: str) -> None:
    """A program that cannot be started is an error before the first trial."""
    (tmp_path / "plain.txt").write_text("x", encoding="utf-8")
    with pytest.raises(AgentLoadError) as caught:
        ask(run)
    assert reason in str(caught.value)


def test_workflow_variables_are_refused(ask: Ask) -> None:
    """Handing over the workflow's variables is an error."""
    with pytest.raises(ConfigError, match="ACTIONS_RUNTIME_TOKEN"):
        ask(AgentConfig(run="command:true", env_allow=("ACTIONS_RUNTIME_TOKEN",)))


def test_shell_script(ask: Ask, tmp_path: Path) -> None:
    """Any language does: a shell script in the root folder."""
    script = tmp_path / "agent.sh"
    script.write_text('#!/bin/sh\nread line\necho "got ${#line} characters"\n', encoding="utf-8")
    script.chmod(0o755)
    assert "got" in str(ask("command:./agent.sh").output)
