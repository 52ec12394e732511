"""LangGraph graphs and LangChain runnables: found by their shape, read from their messages."""

import textwrap
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from evalgate.agents.messages import read_messages
from evalgate.schema.config import AgentConfig
from evalgate.schema.golden import Case, Message, Script
from evalgate.schema.trace import LlmCall, Span, ToolCall, Trace, UserMessage
from evalgate.schema.usage import Usage

Ask = Callable[..., Trace]
Write = Callable[..., Path]

GRAPH = '''
from typing import Any
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition


class Scripted(BaseChatModel):
    """Asks for two tools, then answers with what they returned."""

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        last = messages[-1]
        usage = {
            "input_tokens": 10, "output_tokens": 5, "total_tokens": 15,
            "input_token_details": {"cache_read": 4},
            "output_token_details": {"reasoning": 2},
        }
        meta = {"model_name": "scripted-1", "finish_reason": "stop", "model_provider": "test"}
        if isinstance(last, ToolMessage):
            said = " / ".join(m.content for m in messages if isinstance(m, ToolMessage))
            humans = sum(m.type == "human" for m in messages)
            text = f"{said} ({humans} asked)"
            reply = AIMessage(text, usage_metadata=usage, response_metadata=meta)
        else:
            calls = [
                {"name": "find_order", "args": {"order": last.content}, "id": f"a{len(messages)}"},
                {"name": "refund", "args": {"order": last.content}, "id": f"b{len(messages)}"},
            ]
            reply = AIMessage("", tool_calls=calls, usage_metadata=usage, response_metadata=meta)
        return ChatResult(generations=[ChatGeneration(message=reply)])


@tool
def find_order(order: str) -> str:
    """Find an order."""
    return f"found {order}"


@tool
def refund(order: str) -> str:
    """Refund an order."""
    if order == "broken":
        raise ValueError("no refund")
    return f"refunded {order}"


class State(MessagesState):
    refunded: bool


tools = [find_order, refund]
model = Scripted().bind_tools(tools)


async def agent(state):
    return {"messages": [await model.ainvoke(state["messages"])], "refunded": True}


def build(checkpointer=None):
    graph = StateGraph(State)
    graph.add_node("agent", agent)
    graph.add_node("tools", ToolNode(tools, handle_tool_errors=True))
    graph.add_edge(START, "agent")
    graph.add_conditional_edges("agent", tools_condition)
    graph.add_edge("tools", "agent")
    return graph.compile(checkpointer=checkpointer)


plain = build()
remembering = build(InMemorySaver())
'''


def config(name: str, **more: object) -> AgentConfig:
    """Configure an object of the module."""
    return AgentConfig.model_validate(
        {"run": f"python:my_graph:{name}", "isolation": "none", **more}
    )


@pytest.fixture
def graph_file(agent_file: Write) -> Path:
    """Write the module with the graphs."""
    pytest.importorskip("langgraph", reason="langgraph is in the dev extra")
    return agent_file(GRAPH, "my_graph.py")


@pytest.fixture(autouse=True)
def _forget_module() -> object:
    """Let every test import modules of its own."""
    import sys  # noqa: PLC0415

    path = list(sys.path)
    yield
    sys.path[:] = path
    for name in ("my_graph", "my_chain"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("isolation", ["none", "process"])
@pytest.mark.usefixtures("graph_file")
def test_graph(ask: Ask, isolation: str) -> None:
    """A compiled graph is asked with messages; answer, steps and state are read from its state."""
    trace = ask(config("plain", isolation=isolation), "A-1")
    assert ("finished", None) == (trace.status, trace.error)
    assert "found A-1 / refunded A-1 (1 asked)" == trace.output
    assert {"refunded": True} == trace.final_state
    calls = [step for step in trace.steps if isinstance(step, ToolCall)]
    assert [
        ("find_order", {"order": "A-1"}, "found A-1", None),
        ("refund", {"order": "A-1"}, "refunded A-1", None),
    ] == [(call.name, call.arguments, call.result, call.error) for call in calls]
    models = [step for step in trace.steps if isinstance(step, LlmCall)]
    expected = ("test", "scripted-1", 10, 5, 4, 2, "stop")
    assert [expected, expected] == [
        (
            call.provider,
            call.model,
            call.input_tokens,
            call.output_tokens,
            call.cached_tokens,
            call.reasoning_tokens,
            call.finish_reason,
        )
        for call in models
    ]
    assert {models[0].id} == {call.parent_id for call in calls}
    assert all(step.start is None and step.end is None for step in trace.steps)


@pytest.mark.usefixtures("graph_file")
def test_failed_tool(ask: Ask) -> None:
    """A tool that failed carries its error."""
    trace = ask(config("plain"), "broken")
    refund = [step for step in trace.steps if isinstance(step, ToolCall)][1]
    assert "no refund" in (refund.error or "")


@pytest.mark.usefixtures("graph_file")
def test_earlier_messages_are_no_steps(ask: Ask) -> None:
    """Messages of the case are not taken for the agent's own."""
    case = Case(
        id="c1",
        input=(
            Message(role="user", content="first"),
            Message(role="assistant", content="earlier answer"),
            Message(role="user", content="A-2"),
        ),
    )
    trace = ask(config("plain"), case)
    assert 4 == len(trace.steps)
    assert "found A-2 / refunded A-2 (2 asked)" == trace.output


@pytest.mark.parametrize("name", ["plain", "remembering"])
@pytest.mark.usefixtures("graph_file")
def test_script(ask: Ask, name: str) -> None:
    """Turns of a script see each other once, with a checkpointer and without."""
    case = Case(id="c1", input=Script(turns=("A-1", "A-2")))
    trace = ask(config(name), case)
    assert "finished" == trace.status, trace.error
    assert "(2 asked)" in str(trace.output)
    calls = [s.arguments for s in trace.steps if isinstance(s, ToolCall)]
    assert [{"order": "A-1"}] * 2 + [{"order": "A-2"}] * 2 == calls
    turn = [UserMessage, LlmCall, ToolCall, ToolCall, LlmCall, Span]
    assert turn * 2 == [type(step) for step in trace.steps]


@pytest.mark.usefixtures("graph_file")
def test_memory_ends_with_the_trial(ask: Ask) -> None:
    """A checkpointer does not carry one trial into the next."""
    assert "(1 asked)" in str(ask(config("remembering"), "A-1").output)
    assert "(1 asked)" in str(ask(config("remembering"), "A-1").output)


@pytest.mark.usefixtures("graph_file")
def test_keys(ask: Ask) -> None:
    """An output key names another part of the state; a wrong one is said to be wrong."""
    assert ask(config("plain", output_key="refunded")).output is True
    wrong = ask(config("plain", output_key="refnded"))
    assert "bad_output" == wrong.status
    assert "has no key 'refnded'" in (wrong.error or "")


@pytest.mark.parametrize(
    ("name", "keys", "output"),
    [
        ("text_chain", {}, "HELLO"),
        ("keyed_chain", {"input_key": "question"}, "asked hello"),
        ("model", {}, "scripted answer"),
    ],
)
def test_chains(agent_file: Write, ask: Ask, name: str, keys: dict[str, str], output: str) -> None:
    """LCEL chains and bare models are asked with the text, or under the key that is named."""
    pytest.importorskip("langchain_core", reason="langchain-core is in the dev extra")
    agent_file(
        """
        from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
        from langchain_core.output_parsers import StrOutputParser
        from langchain_core.prompts import PromptTemplate
        from langchain_core.runnables import RunnableLambda
        text_chain = RunnableLambda(lambda text: text.upper())
        keyed_chain = PromptTemplate.from_template("asked {question}") | (lambda p: p.to_string())
        model = GenericFakeChatModel(messages=iter(["scripted answer"] * 9))
        """,
        "my_chain.py",
    )
    run = AgentConfig.model_validate(
        {"run": f"python:my_chain:{name}", "isolation": "none", **keys}
    )
    trace = ask(run)
    assert (None, output) == (trace.error, trace.output)


def test_invoke_alone(agent_file: Write, ask: Ask) -> None:
    """An object with only `invoke`, of no library, runs in a process."""
    agent_file(
        """
        import os
        class Agent:
            def invoke(self, text):
                return {"output": text.upper(), "steps": [{"kind": "tool_call", "name": "t"}]}
        agent = Agent()
        """,
        "my_chain.py",
    )
    trace = ask("python:my_chain:agent")
    assert ("HELLO", 1) == (trace.output, len(trace.steps))


def test_openai_shape() -> None:
    """Messages as dicts in the OpenAI shape give the same steps; bad arguments stay a text."""
    calls = [
        {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}},
        {"id": "2", "type": "function", "function": {"name": "g", "arguments": "{broken"}},
    ]
    messages = [
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "1", "content": "one"},
        {"role": "assistant", "content": "done"},
    ]
    steps = read_messages(messages)
    assert ["llm_call", "tool_call", "tool_call", "llm_call"] == [s["kind"] for s in steps]
    assert ({"a": 1}, "one", None) == tuple(
        steps[1].get(k) for k in ("arguments", "result", "error")
    )
    assert ("{broken", None, "unparsable") == tuple(
        steps[2].get(k) for k in ("arguments", "result", "error")
    )


@pytest.mark.parametrize("box", ["itself", "additional_kwargs"])
def test_calls_of_the_old_form(box: str) -> None:
    """`function_call` is a call, and the messages of role `function` are its results, in order."""

    def said(order: str) -> dict[str, object]:
        call = {"name": "refund", "arguments": f'{{"order": "{order}"}}'}
        own = {"function_call": call}
        return {
            "role": "assistant",
            "content": "",
            **(own if box == "itself" else {"additional_kwargs": own}),
        }

    steps = read_messages(
        [
            said("1"),
            {"role": "function", "name": "refund", "content": "refunded"},
            said("2"),
            {"role": "function", "name": "refund", "content": "too late", "status": "error"},
            said("3"),
        ]
    )
    assert [
        ({"order": "1"}, "refunded", None),
        ({"order": "2"}, "too late", "too late"),
        ({"order": "3"}, None, None),
    ] == [
        (step["arguments"], step.get("result"), step.get("error"))
        for step in steps
        if step["kind"] == "tool_call"
    ]


def test_invalid_tool_calls() -> None:
    """Calls that LangChain could not parse are failed calls."""
    message = SimpleNamespace(
        type="ai",
        content="",
        tool_calls=[],
        invalid_tool_calls=[{"name": "f", "args": "{oops", "id": "1", "error": "x"}],
    )
    assert ("{oops", "unparsable") == tuple(
        read_messages([message])[1][key] for key in ("arguments", "error")
    )


def test_no_import_of_theirs() -> None:
    """Reading messages imports nothing of LangChain."""
    source = Path(__file__).parents[2] / "evalgate" / "agents"
    for path in source.glob("*.py"):
        text = textwrap.dedent(path.read_text(encoding="utf-8"))
        assert "import langchain" not in text
        assert "from langchain" not in text
        assert "from langgraph" not in text


SUMMED = {"input_tokens": 107, "output_tokens": 10, "total_tokens": 117}
ANTHROPIC = {
    "input_tokens": 20,
    "cache_read_input_tokens": 7,
    "cache_creation_input_tokens": 80,
    "cache_creation": {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 50},
    "output_tokens": 10,
    "server_tool_use": {"web_search_requests": 2},
}


@pytest.mark.parametrize(
    ("summed", "response", "expected"),
    [
        (
            {**SUMMED, "input_token_details": {"cache_read": 7, "cache_creation": 80}},
            {},
            Usage(input=20, cache_read=7, cache_write=80, output=10),
        ),
        (  # reasoning beside the output, as the total tells (inspect_ai 5528)
            {**SUMMED, "total_tokens": 2117, "output_token_details": {"reasoning": 2000}},
            {},
            Usage(input=107, output=10, reasoning=2000),
        ),
        (  # the provider's own says more: lifetimes of the cache, tools, tier
            {**SUMMED, "input_token_details": {"cache_read": 7, "cache_creation": 80}},
            {"usage": {**ANTHROPIC, "service_tier": "standard"}},
            Usage(
                input=20,
                cache_read=7,
                cache_write=30,
                cache_write_1h=50,
                output=10,
                tool_uses={"web_search": 2},
                service_tier="standard",
            ),
        ),
        (
            SUMMED,
            {"service_tier": "flex"},
            Usage(input=107, output=10, service_tier="flex"),
        ),
        (  # counts that contradict each other
            {**SUMMED, "total_tokens": 300},
            {},
            Usage(
                input=107,
                output=10,
                problems=(
                    (
                        "the counts contradict: total_tokens is 300, with input_tokens 107, "
                        "output_tokens 10"
                    ),
                ),
            ),
        ),
        (
            {"input_tokens": 1, "output_tokens": 10, "total_tokens": 11},
            {"usage": {"input_tokens": 20, "output_tokens": 10}},
            Usage(
                input=20,
                output=10,
                problems=("usage_metadata.input_tokens is 1, the provider's usage says 20",),
            ),
        ),
        (
            {**SUMMED, "input_token_details": {"holograms": 3}},
            {},
            Usage(
                input=107,
                output=10,
                problems=("the field input_token_details.holograms (3) is not known",),
            ),
        ),
    ],
)
def test_usage(summed: object, response: object, expected: Usage) -> None:
    """Parts that do not overlap, of the provider's own usage where there is one."""
    message = SimpleNamespace(
        type="ai", content="x", usage_metadata=summed, response_metadata=response
    )
    call = LlmCall.model_validate(read_messages([message])[0])
    assert expected == call.usage
    assert (expected.input_tokens, expected.output_tokens) == (
        call.input_tokens,
        call.output_tokens,
    )


def test_usage_of_a_dict() -> None:
    """A message in the OpenAI shape may carry the usage of its answer."""
    usage = {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15}
    (step,) = read_messages([{"role": "assistant", "content": "x", "usage": usage}])
    assert Usage(input=12, output=3) == LlmCall.model_validate(step).usage
