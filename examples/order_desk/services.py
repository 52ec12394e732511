"""The shop's HTTP service and a scripted model, on loopback: `python services.py`.

The model stands in for a real one, so that the example can be recorded without a key: it looks the
order up, then the stock, and pays back what cannot be sent again.
"""

import json
import re
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

__all__ = ["PORT", "app"]

PORT = 4013
ORDERS = {
    "A1": {"item": "cup", "total": 7.5},
    "A2": {"item": "lamp", "total": 30.0},
    "A3": {"item": "pen", "total": 1.2},
}


async def order(request: Request) -> Response:
    """Return one order."""
    name = request.path_params["order_id"]
    if name not in ORDERS:
        return JSONResponse({"error": f"no order {name}"}, 404)
    return JSONResponse({"id": name, **ORDERS[name]})


async def chat_completions(request: Request) -> Response:
    """Answer one chat completion."""
    body = await request.json()
    usage = {"prompt_tokens": 50, "completion_tokens": 10, "total_tokens": 60}
    message = {"role": "assistant", "content": None, **next_message(body["messages"])}
    reason = "tool_calls" if "tool_calls" in message else "stop"
    choice = {"index": 0, "message": message, "finish_reason": reason}
    said = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "usage": usage}
    return JSONResponse({**said, "model": body["model"], "choices": [choice]})


def next_message(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """Decide by what the tools have said so far."""
    asked = re.search(r"\bA\d+\b", str(messages[1]["content"]))
    told = [message["content"] for message in messages if message["role"] == "tool"]
    name = asked[0] if asked else "A0"
    if not told:
        return call(1, "find_order", order_id=name)
    found = json.loads(told[0])
    if "error" in found:
        return {"content": f"I cannot find order {name}."}
    if len(told) == 1:
        return call(2, "stock", item=found["item"])
    left = json.loads(told[1])["left"]
    if left:
        return {"content": f"A new {found['item']} is on its way; {left} are left."}
    if len(told) == 2:
        return call(3, "refund", order_id=name, amount=found["total"])
    return {"content": f"We have no {found['item']} any more: {told[2]}."}


def call(number: int, name: str, **arguments: object) -> dict[str, Any]:
    """Make a message that asks for a tool."""
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {"tool_calls": [{"id": f"call_{number}", "type": "function", "function": function}]}


app = Starlette(
    routes=[
        Route("/v1/chat/completions", chat_completions, methods=["POST"]),
        Route("/api/orders/{order_id}", order),
    ]
)

if __name__ == "__main__":
    import uvicorn

    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="warning")
