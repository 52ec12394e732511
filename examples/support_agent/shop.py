"""The shop behind the support agent: a handful of orders, a weather table and a policy book.

Everything is fixed, so that a run can be repeated; a tool that fails returns an object with
`error`, as real ones do.
"""

from typing import Any

__all__ = ["TOOLS", "call_tool"]

ORDERS: dict[str, dict[str, Any]] = {
    "A1001": {"status": "delivered", "total": 129.99, "item": "desk lamp", "days": 12},
    "A1002": {"status": "shipped", "total": 59.5, "item": "water bottle", "eta": "2026-12-02"},
    "A1003": {"status": "processing", "total": 24.0, "item": "phone case", "eta": "2026-12-05"},
    "A1004": {"status": "delivered", "total": 310.0, "item": "office chair", "days": 45},
    "A1005": {"status": "cancelled", "total": 18.75, "item": "notebook"},
    "A1006": {"status": "delivered", "total": 42.1, "item": "coffee grinder", "days": 3},
    "A1007": {"status": "processing", "total": 899.0, "item": "laptop", "eta": "2026-12-09"},
    "A1008": {"status": "shipped", "total": 75.25, "item": "backpack", "eta": "2026-11-30"},
    "A1009": {"status": "delivered", "total": 15.0, "item": "gift card", "days": 2},
    "A1010": {"status": "delivered", "total": 210.4, "item": "headphones", "days": 30},
    "A1011": {"status": "lost", "total": 64.0, "item": "running shoes"},
    "A1012": {"status": "processing", "total": 12.99, "item": "poster", "eta": "2026-12-01"},
}
WEATHER = {
    "berlin": {"celsius": 4, "sky": "rain"},
    "lisbon": {"celsius": 17, "sky": "sun"},
    "oslo": {"celsius": -3, "sky": "snow"},
    "san francisco": {"celsius": 14, "sky": "fog"},
    "sydney": {"celsius": 24, "sky": "sun"},
}
POLICY = {
    "returns": "Orders can be returned within 30 days of delivery for a full refund.",
    "shipping": "Standard shipping takes 3 to 5 business days and is free above $50.",
    "warranty": "Electronics carry a warranty of 24 months; other goods of 12 months.",
    "payment": "We accept credit cards, PayPal and bank transfer.",
}
NO_REFUND = {"gift card"}
RETURN_DAYS = 30


def get_order(order_id: str) -> dict[str, Any]:
    """Look an order up."""
    order = ORDERS.get(order_id)
    return {"error": f"no order {order_id}"} if order is None else {"order_id": order_id, **order}


def refund_order(order_id: str) -> dict[str, Any]:
    """Refund a delivered or lost order."""
    order = ORDERS.get(order_id, {})
    late = order.get("status") == "delivered" and order["days"] > RETURN_DAYS
    if order.get("status") not in ("delivered", "lost") or late or order["item"] in NO_REFUND:
        return {"error": "not refundable"}
    return {"order_id": order_id, "refunded": order["total"]}


def cancel_order(order_id: str) -> dict[str, Any]:
    """Cancel an order that has not left the house."""
    if ORDERS.get(order_id, {}).get("status") != "processing":
        return {"error": "not cancellable"}
    return {"order_id": order_id, "status": "cancelled"}


def update_address(order_id: str, address: str) -> dict[str, Any]:
    """Send an order elsewhere, as long as it has not left the house."""
    if ORDERS.get(order_id, {}).get("status") != "processing":
        return {"error": "address is fixed"}
    return {"order_id": order_id, "address": address}


def get_weather(city: str) -> dict[str, Any]:
    """Tell the weather at the place of delivery."""
    weather = WEATHER.get(city.lower())
    return {"error": f"no weather for {city}"} if weather is None else {"city": city, **weather}


def search_policy(topic: str) -> dict[str, Any]:
    """Read the policy book."""
    text = POLICY.get(topic)
    return {"error": f"no policy on {topic}"} if text is None else {"topic": topic, "text": text}


def transfer_to_human(reason: str) -> dict[str, Any]:
    """Hand the conversation over to a person."""
    return {"transferred": True, "reason": reason}


FUNCTIONS = {
    function.__name__: function
    for function in (
        get_order,
        refund_order,
        cancel_order,
        update_address,
        get_weather,
        search_policy,
        transfer_to_human,
    )
}
PARAMETERS = {
    "get_order": {"order_id": "string"},
    "refund_order": {"order_id": "string"},
    "cancel_order": {"order_id": "string"},
    "update_address": {"order_id": "string", "address": "string"},
    "get_weather": {"city": "string"},
    "search_policy": {"topic": "string"},
    "transfer_to_human": {"reason": "string"},
}
TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": (FUNCTIONS[name].__doc__ or "").strip(),
            "parameters": {
                "type": "object",
                "properties": {key: {"type": kind} for key, kind in parameters.items()},
                "required": list(parameters),
                "additionalProperties": False,
            },
        },
    }
    for name, parameters in PARAMETERS.items()
]


def call_tool(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Call a tool by name; a wrong name or wrong arguments are an error result."""
    try:
        return FUNCTIONS[name](**arguments)
    except (KeyError, TypeError) as error:
        return {"error": f"bad call of {name}: {error}"}


if __name__ == "__main__":
    import json
    import sys

    match sys.argv[1:]:
        case ["tools"]:
            print(json.dumps(TOOLS))
        case ["call", name, arguments]:
            print(json.dumps(call_tool(name, json.loads(arguments))))
        case _:
            sys.exit("usage: shop.py tools | shop.py call NAME ARGUMENTS")
