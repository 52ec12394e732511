"""A scripted stand-in for a language model, for examples and tests: rules instead of weights.

It answers chat-completions requests as a model would: reads the conversation, calls the tools it
was given, and words an answer from their results. It follows the system prompt where that says
to look an order up before changing it, so that a changed prompt changes what it does.
"""

import json
import re
from typing import Any

__all__ = ["complete"]

_ORDER = re.compile(r"\bA\d{4}\b")
_HOSTILE = re.compile(
    r"ignore (all|your|the|previous)|system prompt|all customers|someone else|developer mode|"
    r"password",
    re.IGNORECASE,
)
_PERSON = re.compile(r"\b(human|person|manager|lawyer|representative)\b", re.IGNORECASE)
_IMPOSSIBLE = re.compile(r"\b(flight|stock|poem|diagnos|homework|translate)", re.IGNORECASE)
_TOPICS = {
    "returns": r"\b(return (window|policy)|how long .* return|can i return)",
    "shipping": r"\bshipping\b",
    "warranty": r"\bwarranty\b",
    "payment": r"\b(pay|payment|paypal)\b",
}
_REFUSAL = "I'm sorry, but I can't help with that."
_GREETING = "Hello! I can help with orders, refunds, cancellations and deliveries."


def complete(request: dict[str, Any]) -> dict[str, Any]:
    """Answer a chat-completions request body with a response body."""
    messages = request["messages"]
    last_user = max(i for i, m in enumerate(messages) if m["role"] == "user")
    results = [json.loads(m["content"]) for m in messages[last_user + 1 :] if m["role"] == "tool"]
    users = [str(m["content"]) for m in messages[: last_user + 1] if m["role"] == "user"]
    careful = any(
        m["role"] == "system" and "Always look the order up" in m["content"] for m in messages
    )
    move = _next_move(users, results, careful=careful)
    message = _message(move, len(messages))
    return {
        "id": "chatcmpl-scripted",
        "object": "chat.completion",
        "created": 0,
        "model": request.get("model", "scripted"),
        "choices": [
            {
                "index": 0,
                "message": message,
                "finish_reason": "tool_calls" if message.get("tool_calls") else "stop",
            }
        ],
        "usage": _usage(request, message),
    }


Move = str | list[tuple[str, dict[str, Any]]]


def _next_move(users: list[str], results: list[dict[str, Any]], *, careful: bool) -> Move:
    """Decide on a text or on tool calls, from what the user said and the tools returned."""
    text = users[-1]
    orders = _ORDER.findall(text) or _ORDER.findall(" ".join(users))[-1:]
    if _HOSTILE.search(text) or _IMPOSSIBLE.search(text):
        return _REFUSAL
    if _PERSON.search(text):
        if results:
            return "I have handed you over to a person, who will be with you shortly."
        return [("transfer_to_human", {"reason": "the customer asked for a person"})]
    if city := re.search(r"weather (?:in|for) ([A-Z][a-z]+(?: [A-Z][a-z]+)?)", text):
        return _weather(results, city.group(1))
    for topic, pattern in _TOPICS.items():
        if re.search(pattern, text, re.IGNORECASE) and not orders:
            return _policy(results, topic)
    said = text if _wish(text) else " ".join(users[-2:])
    return _about_order(said, orders, results, careful=careful)


def _weather(results: list[dict[str, Any]], city: str) -> Move:
    if not results:
        return [("get_weather", {"city": city})]
    found = results[0]
    if "error" in found:
        return f"I have no weather for {city}."
    return f"In {city} it is {found['celsius']} degrees with {found['sky']}."


def _policy(results: list[dict[str, Any]], topic: str) -> Move:
    if not results:
        return [("search_policy", {"topic": topic})]
    return str(results[0].get("text", "I could not find our policy on that."))


def _about_order(
    said: str, orders: list[str], results: list[dict[str, Any]], *, careful: bool
) -> Move:
    wish = _wish(said)
    if wish is None and not orders:
        return _GREETING
    if not orders:
        return "Which order is it about? Please give me the order number, such as A1001."
    if not results and (careful or wish in (None, "status")):
        return [("get_order", {"order_id": order}) for order in orders]
    looked_up = [r for r in results if "status" in r and "item" in r]
    if results and "error" in results[-1]:
        return f"I could not do that for {orders[0]}: {results[-1]['error']}."
    if wish in (None, "status"):
        return " ".join(_status_line(order) for order in looked_up)
    return _change(wish, said, orders[0], results, looked_up)


def _wish(said: str) -> str | None:
    for wish, pattern in (
        ("refund", r"\b(refund|money back)"),
        ("cancel", r"\bcancel"),
        ("address", r"\b(address|deliver it to|send it to)\b"),
        ("status", r"\b(where|status|arrive|track|when)\b"),
    ):
        if re.search(pattern, said, re.IGNORECASE):
            return wish
    return None


def _status_line(order: dict[str, Any]) -> str:
    line = f"Order {order['order_id']} ({order['item']}) is {order['status']}"
    return line + (f" and should arrive on {order['eta']}." if "eta" in order else ".")


def _change(
    wish: str,
    said: str,
    order_id: str,
    results: list[dict[str, Any]],
    looked_up: list[dict[str, Any]],
) -> Move:
    done = [r for r in results if "refunded" in r or "address" in r or r.get("status") == wish]
    changed = [r for r in results if r not in looked_up]
    order = looked_up[0] if looked_up else None
    if wish == "refund":
        if order is not None and not _refundable(order):
            return f"Order {order_id} can no longer be refunded: it is outside our refund policy."
        if not changed:
            return [("refund_order", {"order_id": order_id})]
        return f"I have refunded ${done[0]['refunded']:.2f} for order {order_id}."
    if wish == "cancel":
        if order is not None and order["status"] != "processing":
            return f"Order {order_id} cannot be cancelled: it is already {order['status']}."
        if not changed:
            return [("cancel_order", {"order_id": order_id})]
        return f"Order {order_id} is cancelled."
    if order is not None and order["status"] != "processing":
        return f"The address of order {order_id} is fixed: it is already {order['status']}."
    if not changed:
        place = re.search(r"(?:to|is) (\d+ [A-Z][\w ]+?)[.!]?$", said)
        if place is None:
            return "What is the new address?"
        return [("update_address", {"order_id": order_id, "address": place.group(1)})]
    return f"Order {order_id} will be sent to {changed[0]['address']}."


def _refundable(order: dict[str, Any]) -> bool:
    return order["status"] == "lost" or (
        order["status"] == "delivered" and order.get("days", 0) <= 30  # policy
    )


def _message(move: Move, turn: int) -> dict[str, Any]:
    if isinstance(move, str):
        return {"role": "assistant", "content": move}
    calls = [
        {
            "id": f"call_{turn}_{index}",
            "type": "function",
            "function": {"name": name, "arguments": json.dumps(arguments)},
        }
        for index, (name, arguments) in enumerate(move)
    ]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def _usage(request: dict[str, Any], message: dict[str, Any]) -> dict[str, int]:
    """Count four characters a token, as rough estimates do."""
    sent = len(json.dumps(request["messages"])) + len(json.dumps(request.get("tools", [])))
    answered = len(json.dumps(message))
    prompt, completion = sent // 4, answered // 4
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
