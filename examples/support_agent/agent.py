"""A small support agent: a loop of chat completions and tool calls, over plain HTTP.

It needs no SDK: `httpx2` comes with evalgate. Point `OPENAI_BASE_URL` at any server that speaks
chat completions; without one it talks to the scripted model of this folder, in process.
"""

import json
from typing import Any

from examples.support_agent.scripted_model import complete
from examples.support_agent.shop import TOOLS, call_tool

__all__ = ["answer"]

MODEL = "gpt-4o-mini"
MAX_CALLS = 8
SYSTEM = """You are the support agent of a small shop.
Always look the order up before you refund, cancel or change it.
Hand over to a person when the customer asks for one. Decline what has nothing to do with the shop.
"""


async def answer(case: Any, _context: Any) -> dict[str, Any]:
    """Answer the last message of a conversation, calling tools as needed."""
    messages = [{"role": "system", "content": SYSTEM}, *case.messages]
    steps: list[dict[str, Any]] = []
    for _ in range(MAX_CALLS):
        response = complete({"model": MODEL, "messages": messages, "tools": TOOLS})
        message = response["choices"][0]["message"]
        messages.append(message)
        steps.append(llm_step(response))
        if not message.get("tool_calls"):
            return {"output": message["content"], "steps": steps}
        for call in message["tool_calls"]:
            name, arguments = call["function"]["name"], json.loads(call["function"]["arguments"])
            result = call_tool(name, arguments)
            messages.append(
                {"role": "tool", "tool_call_id": call["id"], "content": json.dumps(result)}
            )
            steps.append(tool_step(name, arguments, result))
    return {"output": "I could not finish this.", "steps": steps}


def llm_step(response: dict[str, Any]) -> dict[str, Any]:
    """Describe a model's response as a step of a trace."""
    return {
        "kind": "llm_call",
        "provider": "openai",
        "model": response["model"],
        "input_tokens": response["usage"]["prompt_tokens"],
        "output_tokens": response["usage"]["completion_tokens"],
        "finish_reason": response["choices"][0]["finish_reason"],
    }


def tool_step(name: str, arguments: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    """Describe a tool call as a step of a trace."""
    return {
        "kind": "tool_call",
        "name": name,
        "arguments": arguments,
        "result": result,
        "error": result.get("error"),
    }
