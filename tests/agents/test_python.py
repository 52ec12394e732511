"""`python:` agents: how they are found, called and judged, in the loop and in processes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from evalgate.agents.base import Context
from evalgate.errors import AgentLoadError, ConfigError
from evalgate.schema.config import AgentConfig
from evalgate.schema.golden import Case, Message, Script
from evalgate.schema.trace import Span, ToolCall, Trace, UserMessage

Ask = Callable[..., Trace]
Write = Callable[..., Path]
ANYWHERE = pytest.mark.parametrize("isolation", ["none", "process"])


def config(name: str, isolation: str | None = None, **more: object) -> AgentConfig:
    """Configure `my_agent:NAME`."""
    return AgentConfig.model_validate(
        {"run": f"python:my_agent:{name}", "isolation": isolation, **more}
    )


@pytest.fixture(autouse=True)
def _forget_modules() -> object:
    """Let every test import a `my_agent` of its own."""
    import sys  # noqa: PLC0415

    path = list(sys.path)
    yield
    sys.path[:] = path
    for name in ("my_agent", "my_package", "my_package.inner"):
        sys.modules.pop(name, None)


@ANYWHERE
def test_text_output(agent_file: Write, ask: Ask, isolation: str) -> None:
    """A text is the answer."""
    agent_file("async def answer(case, context):\n    return f'{case.id}: {case.text}'\n")
    trace = ask(config("answer", isolation))
    assert ("finished", None, "c1: hello") == (trace.status, trace.error, trace.output)
    assert trace.duration is not None
    assert trace.started_at is not None
    assert trace.started_at.endswith("Z")


@ANYWHERE
def test_one_argument_gets_the_input(agent_file: Write, ask: Ask, isolation: str) -> None:
    """A function of one argument gets the text itself, and its other defaults stay."""
    agent_file(
        "async def answer(question, temperature=0.2):\n    return f'{question} {temperature}'\n"
    )
    assert ask(config("answer", isolation)).output == "hello 0.2"


@ANYWHERE
def test_case_by_name(agent_file: Write, ask: Ask, isolation: str) -> None:
    """A single argument with the name `case` gets the case."""
    agent_file("async def answer(case):\n    return case.messages\n")
    expected = [{"role": "user", "content": "hello"}]
    assert expected == ask(config("answer", isolation)).output


@ANYWHERE
def test_expectations_stay_hidden(agent_file: Write, ask: Ask, isolation: str) -> None:
    """Nothing of what is expected can be read from the case or the context."""
    agent_file(
        """
        async def answer(case, context):
            return [repr(case), repr(context), [n for n in dir(case) if not n.startswith("_")]]
        """
    )
    case = Case.model_validate(
        {
            "id": "c1",
            "input": "hi",
            "expected": {"output": {"equals": "planted-answer"}},
            "metadata": {"gold": "planted-answer"},
        }
    )
    trace = ask(config("answer", isolation), case)
    assert "planted-answer" not in str(trace.output)
    assert trace.output is not None


@ANYWHERE
def test_output_with_steps(agent_file: Write, ask: Ask, isolation: str) -> None:
    """An Output carries steps and final state, unset fields stay unknown."""
    agent_file(
        """
        from evalgate.agents.output import Output
        async def answer(case, context):
            calls = [{"kind": "tool_call", "name": "find", "arguments": {"id": 1}, "end": 0.5}]
            return Output("done", steps=calls, final_state={"paid": True})
        """
    )
    trace = ask(config("answer", isolation))
    assert trace.steps == (ToolCall(name="find", arguments={"id": 1}, end=0.5),)
    assert (trace.output, trace.final_state) == ("done", {"paid": True})


@ANYWHERE
@pytest.mark.parametrize(
    ("returned", "reason"),
    [
        ("None", "returned nothing"),
        ("{'output': 'x', 'steps': [{'kind': 'tool_call'}]}", "steps.0.tool_call.name"),
        ("{'output': 'x', 'steps': [], 'ouput': 1}", "ouput: Extra inputs are not permitted"),
        ("{'output': float('nan')}", "not JSON compliant"),
        ("{'output': object()}", "is no JSON data"),
        ("'\\ud800'", "surrogate"),
        ("10 ** 400", "digits"),
        ("{'output': 'x', 'status': 'not_measured'}", "status"),
        ("'x' * 3_000_000", "at most 1,000,000 are allowed"),
    ],
)
def test_bad_output(
    agent_file: Write, ask: Ask, isolation: str, returned: str, reason: str
) -> None:
    """What is no valid output is a failed trial that says what is wrong."""
    agent_file(f"async def answer(case, context):\n    return {returned}\n")
    trace = ask(config("answer", isolation, max_output_bytes=1_000_000))
    assert trace.status == "bad_output"
    assert reason in (trace.error or "")
    assert len(trace.error or "") < 600


@ANYWHERE
def test_a_100_mb_output(agent_file: Write, ask: Ask, isolation: str) -> None:
    """An output of 100 MB is a failed trial, and the message does not hold it."""
    agent_file("async def answer(case):\n    return {'output': 'x', 'steps': ['y' * 10 ** 8]}\n")
    trace = ask(config("answer", isolation))
    assert (trace.status, trace.output) == ("bad_output", None)
    assert "100,0" in (trace.error or "")


@ANYWHERE
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("raise ValueError('boom')", "ValueError: boom"),
        ("raise SystemExit(0)", "sys.exit(0)"),
        ("import asyncio; raise asyncio.CancelledError", "ancel"),
        ("return 1 / 0", "my_agent.py, line 2"),
    ],
)
def test_crash(agent_file: Write, ask: Ask, isolation: str, body: str, reason: str) -> None:
    """What an agent raises is a crashed trial with the cause and the line."""
    agent_file(f"async def answer(case, context):\n    {body}\n")
    trace = ask(config("answer", isolation))
    assert trace.status == "crashed"
    assert reason in (trace.error or "")


@ANYWHERE
def test_timeout(agent_file: Write, ask: Ask, isolation: str) -> None:
    """An agent that waits too long is timed out."""
    agent_file("import asyncio\nasync def answer(case):\n    await asyncio.sleep(60)\n")
    trace = ask(config("answer", isolation), timeout_s=0.2)
    assert trace.status == "timed_out"
    assert "0.2 s" in (trace.error or "")
    assert trace.duration is not None
    assert 0.15 < trace.duration < 5


def test_deaf_to_cancellation(agent_file: Write, ask: Ask) -> None:
    """An agent that swallows its cancellation is let go of, and said to be deaf."""
    agent_file(
        """
        import asyncio
        async def answer(case):
            while True:
                try:
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    pass
        """
    )
    trace = ask(config("answer", "none"), timeout_s=0.2)
    assert trace.status == "timed_out"
    assert "did not end when it was cancelled" in (trace.error or "")
    assert "isolation: process" in (trace.error or "")


def test_answer_after_the_time(agent_file: Write, ask: Ask) -> None:
    """An answer that comes out of a swallowed cancellation is too late to count."""
    agent_file(
        """
        import asyncio
        async def answer(case):
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                return "too late"
        """
    )
    trace = ask(config("answer", "none"), timeout_s=0.2)
    assert ("timed_out", None) == (trace.status, trace.output)


@ANYWHERE
def test_timeouts_of_its_own(agent_file: Write, ask: Ask, isolation: str) -> None:
    """An agent may use timeouts and task groups inside; they are no failure."""
    agent_file(
        """
        import asyncio
        async def slow():
            await asyncio.sleep(60)
        async def answer(case):
            found = []
            for _ in range(2):
                try:
                    async with asyncio.timeout(0.01):
                        await slow()
                except TimeoutError:
                    found.append("late")
                try:
                    await asyncio.wait_for(slow(), 0.01)
                except TimeoutError:
                    found.append("late")
            async with asyncio.TaskGroup() as group:
                done = group.create_task(asyncio.sleep(0.01, "child"))
            return [*found, done.result()]
        """
    )
    trace = ask(config("answer", isolation))
    assert (trace.error, trace.output) == (None, ["late"] * 4 + ["child"])


def test_context_manager_ends_with_the_agent(agent_file: Write, ask: Ask) -> None:
    """An agent that is timed out gets to clean up."""
    agent_file(
        """
        import asyncio
        async def answer(case):
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(0.01)
                open("cleaned", "w").close()
        """
    )
    here = Path.cwd()
    import os  # noqa: PLC0415

    os.chdir(agent_file("", "empty.py").parent)
    try:
        assert ask(config("answer", "none"), timeout_s=0.1).status == "timed_out"
        assert Path("cleaned").exists()
    finally:
        os.chdir(here)


def test_blocked_loop(agent_file: Write, ask: Ask) -> None:
    """An async agent that never awaits is interrupted."""
    agent_file("async def answer(case):\n    while True:\n        pass\n")
    trace = ask(config("answer", "none"), timeout_s=0.2)
    assert trace.status == "timed_out"
    assert "blocked the event loop" in (trace.error or "")


@ANYWHERE
def test_messages_input(agent_file: Write, ask: Ask, isolation: str) -> None:
    """A case of messages arrives as messages; the text is the last thing the user said."""
    agent_file("async def answer(case, context):\n    return [case.input, case.text]\n")
    case = Case(
        id="c1",
        input=(
            Message(role="system", content="be nice"),
            Message(role="user", content=({"type": "text", "text": "hi"},)),
        ),
    )
    assert ask(config("answer", isolation), case).output == [
        [
            {"role": "system", "content": "be nice"},
            {"role": "user", "content": [{"type": "text", "text": "hi"}]},
        ],
        "hi",
    ]


@ANYWHERE
def test_script(agent_file: Write, ask: Ask, isolation: str) -> None:
    """A script goes turn by turn; each turn sees all that was said, the last answer counts."""
    agent_file(
        """
        async def answer(case, context):
            call = {"kind": "tool_call", "name": f"t{case.turn}"}
            roles = "".join(m["role"][0] for m in case.messages)
            return {"output": f"{roles} {case.text}", "steps": [call]}
        """
    )
    case = Case(id="c1", input=Script(turns=("one", "two"), system="s"))
    trace = ask(config("answer", isolation), case)
    assert trace.output == "suau two"
    kinds = [type(step) for step in trace.steps]
    assert kinds == [UserMessage, ToolCall, Span, UserMessage, ToolCall, Span]
    assert [s.output for s in trace.steps if isinstance(s, Span)] == ["su one", "suau two"]


@ANYWHERE
def test_script_that_fails_later(agent_file: Write, ask: Ask, isolation: str) -> None:
    """A crash in the second turn keeps the steps of the first, and there is no answer."""
    agent_file(
        """
        async def answer(case, context):
            if case.turn == 1:
                raise ValueError("second")
            return {"output": "fine", "steps": [{"kind": "tool_call", "name": "t"}]}
        """
    )
    case = Case(id="c1", input=Script(turns=("one", "two")))
    trace = ask(config("answer", isolation), case)
    assert ("crashed", None) == (trace.status, trace.output)
    assert ["t"] == [step.name for step in trace.steps if isinstance(step, ToolCall)]


@ANYWHERE
def test_claims_do_not_count(agent_file: Write, ask: Ask, isolation: str) -> None:
    """Scores and costs an agent gives itself are set aside, readable, unless trusted."""
    agent_file(
        """
        async def answer(case):
            return {
                "output": "x",
                "cost_usd": 0.001,
                "scores": [{"name": "success", "value": 1.0}],
                "steps": [{"kind": "llm_call", "cost_usd": 0.001}],
            }
        """
    )
    doubted = ask(config("answer", isolation))
    trusted = ask(config("answer", isolation, trust_reported=True))
    assert (None, ()) == (doubted.cost_usd, doubted.scores)
    assert doubted.steps[0].metadata == {"claimed": {"cost_usd": 0.001}}
    claimed = doubted.metadata["claimed"]
    assert isinstance(claimed, dict)
    assert claimed["cost_usd"] == 0.001
    assert (0.001, 1) == (trusted.cost_usd, len(trusted.scores))


@ANYWHERE
def test_variables(agent_file: Write, ask: Ask, isolation: str) -> None:
    """The variables of configuration and trial are in the context, the trial's win."""
    agent_file("async def answer(case, context):\n    return dict(context.env)\n")
    context = Context(env={"B": "trial"})
    trace = ask(config("answer", isolation, env={"A": "config", "B": "config"}), context=context)
    assert trace.output == {"A": "config", "B": "trial"}


@ANYWHERE
@pytest.mark.parametrize(
    ("source", "run", "reason"),
    [
        ("", "python:my_agnt:answer", "did you mean 'my_agent'"),
        ("def anser(case): ...", "python:my_agent:answer", "did you mean 'anser'"),
        ("import nowhere_to_be_found", "python:my_agent:answer", "nowhere_to_be_found"),
        ("x = 1 / 0", "python:my_agent:answer", "my_agent.py, line 1): ZeroDivisionError"),
        ("def f(:", "python:my_agent:answer", "SyntaxError"),
        ("import sys; sys.exit(0)", "python:my_agent:answer", "sys.exit(0)"),
        ("answer = 3", "python:my_agent:answer", "expected a function"),
        ("class answer: ...", "python:my_agent:answer", "the class 'answer'"),
        ("async def answer(): ...", "python:my_agent:answer", "takes ()"),
        ("async def answer(a, b, c): ...", "python:my_agent:answer", "takes (a, b, c)"),
        ("", "python:my_agent", "expected python:MODULE:NAME"),
    ],
)
def test_not_loadable(
    agent_file: Write, ask: Ask, isolation: str, source: str, run: str, reason: str
) -> None:
    """What cannot be imported or called is one error that names module, place and cause."""
    agent_file(source)
    with pytest.raises(AgentLoadError) as caught:
        ask(AgentConfig(run=run, isolation=isolation))
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        ("my_agent:answer", "fix: python:my_agent:answer"),
        ("pyton:my_agent:answer", "did you mean 'python'"),
    ],
)
def test_unknown_prefix(ask: Ask, run: str, reason: str) -> None:
    """An unknown prefix is an error that says what was meant."""
    with pytest.raises(ConfigError) as caught:
        ask(run)
    assert reason in str(caught.value)


def test_sync_agents_do_not_run_in_the_loop(agent_file: Write, ask: Ask) -> None:
    """`isolation: none` is refused for an agent that would stop the loop."""
    agent_file("def answer(case): return 'x'\n")
    with pytest.raises(AgentLoadError, match="not async"):
        ask(config("answer", "none"))


def test_where_an_agent_runs(agent_file: Write, ask: Ask) -> None:
    """Without a wish, async agents run in this process and sync ones in another."""
    import os  # noqa: PLC0415

    agent_file(
        """
        import os
        async def in_loop(case): return os.getpid()
        def outside(case): return os.getpid()
        """
    )
    assert os.getpid() == ask(config("in_loop")).output
    assert os.getpid() != ask(config("outside")).output
