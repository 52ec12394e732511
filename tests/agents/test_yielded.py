"""Agents that yield: generators and async generators."""

from collections.abc import Callable
from pathlib import Path

import pytest

from evalgate.schema.config import AgentConfig
from evalgate.schema.golden import Case, Script
from evalgate.schema.trace import LlmCall, ToolCall, Trace

Ask = Callable[..., Trace]
Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def _forget_module() -> object:
    """Let every test import a `my_agent` of its own."""
    import sys  # noqa: PLC0415

    path = list(sys.path)
    yield
    sys.path[:] = path
    sys.modules.pop("my_agent", None)


BODIES = {
    "texts are joined": ("yield 'Hel'; yield ''; yield 'lo'", "Hello"),
    "the last state counts": ("yield {'n': 1}; yield {'n': 2}", {"n": 2}),
    "an answer after texts": ("yield 'thinking'; yield {'output': 'done'}", "done"),
    "one text": ("yield 'x'", "x"),
}
KINDS = {
    "generator": ("def answer(case):\n    {body}\n", "process"),
    "async generator": ("async def answer(case):\n    {body}\n", "none"),
    "async generator in a process": ("async def answer(case):\n    {body}\n", "process"),
    "generator from a coroutine": (
        "async def answer(case):\n    def parts():\n        {body}\n    return parts()\n",
        "none",
    ),
    "async generator from a function": (
        "def answer(case):\n    async def parts():\n        {body}\n    return parts()\n",
        "process",
    ),
}


def config(isolation: str, **more: object) -> AgentConfig:
    """Configure `my_agent:answer`."""
    return AgentConfig.model_validate(
        {"run": "python:my_agent:answer", "isolation": isolation, **more}
    )


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("kind", KINDS)
def test_answers(agent_file: Write, ask: Ask, kind: str, body: str) -> None:
    """Texts are joined; of anything else the last value is the answer."""
    source, isolation = KINDS[kind]
    yields, expected = BODIES[body]
    agent_file(source.format(body=yields))
    trace = ask(config(isolation))
    assert ("finished", None, expected) == (trace.status, trace.error, trace.output)


def test_what_is_returned_wins(agent_file: Write, ask: Ask) -> None:
    """A generator that returns something has said what its answer is."""
    agent_file("def answer(case):\n    yield 'on my way'\n    return {'output': 'there'}\n")
    assert "there" == ask(config("process")).output


def test_turns(agent_file: Write, ask: Ask) -> None:
    """Each turn is a generator of its own, and its whole answer stands in the conversation."""
    agent_file(
        "async def answer(case):\n"
        "    yield str(len(case.messages))\n"
        "    yield case.messages[-2]['content'] if case.turn else '!'\n"
    )
    trace = ask(config("none"), Case(id="c1", input=Script(turns=("a", "b"))))
    assert "31!" == trace.output


@pytest.mark.parametrize("kind", ["generator", "async generator", "async generator in a process"])
@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ("yield 'a'; raise ValueError('boom')", "crashed", "boom"),
        ("yield 'a'; raise GeneratorExit", "crashed", "GeneratorExit"),
        ("yield 'a'; raise SystemExit(3)", "crashed", "sys.exit(3)"),
        ("yield 'a'; yield object()", "bad_output", "no JSON data"),
        ("if False: yield", "bad_output", "nothing"),
    ],
)
def test_failures(  # a row and two fixtures
    agent_file: Write, ask: Ask, kind: str, body: str, status: str, error: str
) -> None:
    """One that raises midway is a crash, and one that yields nothing has answered nothing."""
    source, isolation = KINDS[kind]
    agent_file(source.format(body=body))
    trace = ask(config(isolation))
    assert (status, True) == (trace.status, error in (trace.error or "")), trace.error


def test_generator_exit_of_an_async_agent(agent_file: Write, ask: Ask) -> None:
    """Raised by the agent itself it is a crash, not the end of the run."""
    agent_file("async def answer(case):\n    raise GeneratorExit\n")
    trace = ask(config("none"))
    assert ("crashed", True) == (trace.status, "GeneratorExit" in (trace.error or ""))


@pytest.mark.parametrize("kind", ["generator", "async generator", "async generator in a process"])
@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("while True: yield ''", "timed_out"),
        ("while True: yield {'n': 1}", "timed_out"),
        ("while True: yield 'x' * 9999", "bad_output"),
    ],
)
def test_without_end(agent_file: Write, ask: Ask, kind: str, body: str, status: str) -> None:
    """One that never ends runs out of time, or of what an answer may hold."""
    source, isolation = KINDS[kind]
    agent_file(source.format(body=body))
    assert status == ask(config(isolation, max_output_bytes=100_000), timeout_s=0.4).status


def test_waiting_without_end(agent_file: Write, ask: Ask) -> None:
    """An async generator is cancelled where it waits, and cleans up."""
    agent_file(
        "import asyncio, pathlib\n"
        "async def answer(case):\n"
        "    try:\n"
        "        yield 'a'\n"
        "        await asyncio.sleep(60)\n"
        "    finally:\n"
        "        pathlib.Path(__file__).with_name('cleaned').touch()\n"
    )
    assert "timed_out" == ask(config("none"), timeout_s=0.3).status
    assert (agent_file("").parent / "cleaned").exists()


def test_chunks_of_a_message(agent_file: Write, ask: Ask) -> None:
    """What a LangChain model streams is one message: its text, its calls and its tokens."""
    pytest.importorskip("langchain_core", reason="langchain-core is in the dev extra")
    agent_file(
        """
        from langchain_core.messages import AIMessageChunk

        async def answer(case):
            yield AIMessageChunk("Hel")
            yield AIMessageChunk("lo", tool_call_chunks=[
                {"name": "f", "args": '{"a":', "id": "1", "index": 0}])
            yield AIMessageChunk("", tool_call_chunks=[
                {"name": None, "args": " 1}", "id": None, "index": 0}])
            yield AIMessageChunk("", usage_metadata={
                "input_tokens": 3, "output_tokens": 2, "total_tokens": 5})
        """
    )
    trace = ask(config("none"))
    assert ("finished", "Hello") == (trace.status, trace.output), trace.error
    call, tool = trace.steps
    assert isinstance(call, LlmCall)
    assert isinstance(tool, ToolCall)
    assert (3, 2) == (call.input_tokens, call.output_tokens)
    assert ("f", {"a": 1}) == (tool.name, tool.arguments)
