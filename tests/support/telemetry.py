"""An agent that is instrumented with OpenTelemetry, and a tracer that sends where told."""

import json

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.trace import Status, StatusCode

ASKED = [{"role": "user", "parts": [{"type": "text", "content": "Where is order 7?"}]}]
CALLED = {"type": "tool_call", "id": "c1", "name": "find_order", "arguments": {"id": 7}}
ANSWER = "It arrives on Friday."


def provider(processor: SpanProcessor) -> TracerProvider:
    """Make a provider of its own, so that no global one is touched."""
    made = TracerProvider(resource=Resource.create({"service.name": "support"}))
    made.add_span_processor(processor)
    return made


def answer(traced: TracerProvider, case_id: str | None = None, *, fails: bool = False) -> None:
    """Ask a model, call a tool, ask again: 3 + 5 tokens, 40 + 10; the agent repeats the sum."""
    tracer = traced.get_tracer("agent")
    named = {} if case_id is None else {"evalgate.case_id": case_id}
    with tracer.start_as_current_span("invoke_agent support") as agent:
        agent.set_attributes({
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": "support",
            "gen_ai.usage.input_tokens": 43,
            "gen_ai.usage.output_tokens": 15,
            **named,
        })  # fmt: skip
        _chat(tracer, ASKED, {"role": "assistant", "parts": [CALLED]}, 3, 5)
        with tracer.start_as_current_span("execute_tool find_order") as tool:
            tool.set_attributes({
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": "find_order",
                "gen_ai.tool.call.id": "c1",
                "gen_ai.tool.call.arguments": '{"id": 7}',
                "gen_ai.tool.call.result": '{"day": "Friday"}',
            })  # fmt: skip
            if fails:
                tool.set_status(Status(StatusCode.ERROR, "timeout"))
        found = {"type": "tool_call_response", "id": "c1", "response": {"day": "Friday"}}
        said = {"role": "assistant", "parts": [{"type": "text", "content": ANSWER}]}
        history = [*ASKED, {"role": "assistant", "parts": [CALLED]}]
        _chat(tracer, [*history, {"role": "tool", "parts": [found]}], said, 40, 10)


def _chat(tracer, asked, said, given: int, got: int) -> None:  # noqa: ANN001
    with tracer.start_as_current_span("chat gpt-4.1") as span:
        span.set_attributes({
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.response.model": "gpt-4.1",
            "gen_ai.usage.input_tokens": given,
            "gen_ai.usage.output_tokens": got,
            "gen_ai.input.messages": json.dumps(asked),
            "gen_ai.output.messages": json.dumps([said]),
        })  # fmt: skip
