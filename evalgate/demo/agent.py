"""The agent of `evalgate demo`: a shop's support, a model that may look up and refund orders."""

import json
import os
from typing import Any
from urllib.request import Request, urlopen

SYSTEM = "You are the support agent of a small shop. Always look the order up before you refund it."
ORDERS: dict[str, dict[str, Any]] = {
    "A1001": {"status": "delivered", "total": 129.99, "item": "desk lamp", "days": 12},
    "A1002": {"status": "shipped", "total": 59.5, "item": "water bottle", "eta": "2026-12-02"},
    "A1004": {"status": "delivered", "total": 310.0, "item": "office chair", "days": 45},
    "A1006": {"status": "delivered", "total": 42.1, "item": "coffee grinder", "days": 3},
    "A1011": {"status": "lost", "total": 64.0, "item": "running shoes"},
}


def answer(question: str) -> str:
    """Answer a customer: ask the model, run the tools it wants, until it has an answer."""
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": question},
    ]
    for _ in range(6):
        message = ask_model(messages)
        messages.append(message)
        if not message.get("tool_calls"):
            return str(message["content"])
        messages += [run_tool(call) for call in message["tool_calls"]]
    return "I could not finish this."


def get_order(order_id: str) -> dict[str, Any]:
    """Look an order up."""
    order = ORDERS.get(order_id)
    if order is None:
        return {"error": f"no order {order_id}"}
    return {"order_id": order_id, **order}


def refund_order(order_id: str) -> dict[str, Any]:
    """Refund an order that was delivered in the last 30 days, or lost."""
    return {"order_id": order_id, "refunded": ORDERS[order_id]["total"]}


TOOLS = {"get_order": get_order, "refund_order": refund_order}


def run_tool(call: dict[str, Any]) -> dict[str, Any]:
    """Run one tool, and word its result as a message."""
    arguments = json.loads(call["function"]["arguments"])
    result = TOOLS[call["function"]["name"]](**arguments)
    return {"role": "tool", "tool_call_id": call["id"], "content": json.dumps(result)}


def ask_model(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """Ask for the next message. The gateway of evalgate answers here, from its recordings."""
    order_id = {"type": "object", "properties": {"order_id": {"type": "string"}}}
    tools = [
        {
            "type": "function",
            "function": {"name": name, "description": tool.__doc__, "parameters": order_id},
        }
        for name, tool in TOOLS.items()
    ]
    request = Request(  # noqa: S310  # a URL of the user's own
        os.environ["OPENAI_BASE_URL"] + "/chat/completions",
        data=json.dumps({"model": "gpt-4o-mini", "messages": messages, "tools": tools}).encode(),
        headers={
            "Authorization": f"Bearer {os.environ['OPENAI_API_KEY']}",
            "Content-Type": "application/json",
        },
    )
    with urlopen(request, timeout=30) as response:  # noqa: S310
        message: dict[str, Any] = json.load(response)["choices"][0]["message"]
    return message
