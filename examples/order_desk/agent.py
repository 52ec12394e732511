"""An agent with tools of every kind: an HTTP service, a Python function and an MCP server.

The model decides what is called. In a run every one of the four goes through the gateway: recorded
once, and replayed with all of them down.
"""

import json
import os
from pathlib import Path
from typing import Any

import httpx2
from mcp import Client

import evalgate

__all__ = ["answer"]

LEDGER = Path("ledger.txt")
SYSTEM = "You are the order desk. Look the order up, then the stock, before you pay anything back."


def described(name: str, says: str, **arguments: str) -> dict[str, Any]:
    """Describe a tool of the agent's own for the model."""
    properties = {name: {"type": kind} for name, kind in arguments.items()}
    schema = {"type": "object", "properties": properties, "required": [*arguments]}
    function = {"name": name, "description": says, "parameters": schema}
    return {"type": "function", "function": function}


OWN_TOOLS = [
    described("find_order", "Look an order up.", order_id="string"),
    described("refund", "Pay an order back.", order_id="string", amount="number"),
]


@evalgate.tool(effects=True)
def refund(order_id: str, amount: float) -> str:
    """Pay an order back: this is what must never happen in a pull request."""
    with LEDGER.open("a", encoding="utf-8") as ledger:
        ledger.write(f"{order_id} {amount}\n")
    return f"paid back {amount:g}"


async def find_order(order_id: str) -> str:
    """Look an order up in the shop's service."""
    async with httpx2.AsyncClient(base_url=os.environ["SHOP_BASE_URL"], timeout=30) as shop:
        found = await shop.get(f"/orders/{order_id}")
    return found.text


async def call_tool(warehouse: Client, name: str, arguments: dict[str, Any]) -> str:
    """Do what the model asks for."""
    if name == "find_order":
        return await find_order(**arguments)
    if name == "refund":
        return refund(**arguments)
    result = await warehouse.call_tool(name, arguments)
    return json.dumps(result.structured_content)


async def complete(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> dict[str, Any]:
    """Ask the model for its next message."""
    async with httpx2.AsyncClient(base_url=os.environ["OPENAI_BASE_URL"], timeout=30) as model:
        response = await model.post(
            "chat/completions",
            headers={"authorization": f"Bearer {os.environ['OPENAI_API_KEY']}"},
            json={"model": "gpt-4o-mini", "messages": messages, "tools": tools, "temperature": 0},
        )
    response.raise_for_status()
    message: dict[str, Any] = response.json()["choices"][0]["message"]
    return message


async def answer(case: Any, _context: object) -> str:  # noqa: ANN401  # the agent knows no evalgate
    """Answer a customer, calling tools as the model asks for them."""
    messages = [{"role": "system", "content": SYSTEM}, *case.messages]
    async with Client(os.environ["WAREHOUSE_MCP_URL"]) as warehouse:
        listed = (await warehouse.list_tools()).tools
        theirs = [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": tool.input_schema,
                },
            }
            for tool in listed
        ]
        for _ in range(8):
            message = await complete(messages, [*OWN_TOOLS, *theirs])
            messages.append(message)
            if not message.get("tool_calls"):
                return str(message["content"])
            for call in message["tool_calls"]:
                asked = call["function"]
                said = await call_tool(warehouse, asked["name"], json.loads(asked["arguments"]))
                messages.append({"role": "tool", "tool_call_id": call["id"], "content": said})
    return "I could not finish this."
