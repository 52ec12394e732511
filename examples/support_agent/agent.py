"""A small support agent: a loop of chat completions and tool calls, over plain HTTP.

It needs no SDK, only `httpx2`, which comes with evalgate: the gate of this repository stays light.
Point `OPENAI_BASE_URL` at any server that speaks chat completions.
"""

import json
import os
from typing import Any

import httpx2

from .shop import TOOLS, call_tool

__all__ = ["MAX_CALLS", "MODEL", "SYSTEM", "answer"]

MODEL = "gpt-4o-mini"
MAX_CALLS = 8
SYSTEM = """You are the support agent of a small shop.
Always look the order up before you refund, cancel or change it.
Hand over to a person when the customer asks for one. Decline what has nothing to do with the shop.
"""


async def answer(case: Any, _context: object) -> str:  # noqa: ANN401  # the agent knows no evalgate
    """Answer the last message of a conversation, calling tools as needed."""
    messages = [{"role": "system", "content": SYSTEM}, *case.messages]
    async with httpx2.AsyncClient(base_url=os.environ["OPENAI_BASE_URL"], timeout=30) as client:
        for _ in range(MAX_CALLS):
            message = await complete(client, messages)
            messages.append(message)
            if not message.get("tool_calls"):
                return str(message["content"])
            messages += [tool_message(call) for call in message["tool_calls"]]
    return "I could not finish this."


async def complete(client: httpx2.AsyncClient, messages: list[dict[str, Any]]) -> dict[str, Any]:
    """Ask the model for its next message."""
    response = await client.post(
        "chat/completions",
        headers={"authorization": f"Bearer {os.environ['OPENAI_API_KEY']}"},
        json={"model": MODEL, "messages": messages, "tools": TOOLS, "temperature": 0},
    )
    response.raise_for_status()
    message: dict[str, Any] = response.json()["choices"][0]["message"]
    return message


def tool_message(call: dict[str, Any]) -> dict[str, Any]:
    """Run a tool and word its result as a message."""
    result = call_tool(call["function"]["name"], json.loads(call["function"]["arguments"]))
    return {"role": "tool", "tool_call_id": call["id"], "content": json.dumps(result)}
