"""The same support agent with langchain-openai's ChatOpenAI."""

import json
from typing import Any

from langchain_core.messages import SystemMessage, ToolMessage, convert_to_messages
from langchain_openai import ChatOpenAI

from .agent import MAX_CALLS, MODEL, SYSTEM
from .shop import TOOLS, call_tool

__all__ = ["answer"]

# Built when the module is imported, as most agents do: the worker's base URL is set by then.
LLM = ChatOpenAI(model=MODEL, temperature=0).bind_tools(TOOLS)


async def answer(case: Any, _context: object) -> str:  # noqa: ANN401  # the agent knows no evalgate
    """Answer the last message of a conversation, calling tools as needed."""
    messages = [SystemMessage(SYSTEM), *convert_to_messages(case.messages)]
    for _ in range(MAX_CALLS):
        reply = await LLM.ainvoke(messages)
        messages.append(reply)
        if not reply.tool_calls:
            return str(reply.content)
        messages += [
            ToolMessage(json.dumps(call_tool(call["name"], call["args"])), tool_call_id=call["id"])
            for call in reply.tool_calls
        ]
    return "I could not finish this."
