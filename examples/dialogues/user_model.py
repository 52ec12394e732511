"""A scripted stand-in for the model that plays simulated users: rules instead of weights.

It answers chat-completions requests as a model would that keeps to its script: it reads goal,
facts and stop words from the system prompt, asks for its wishes one after another, gives a fact
when it is asked for, and stops.
"""

import json
import re
from typing import Any

__all__ = ["MODEL", "complete", "reply"]

MODEL = "gpt-4.1-mini"
"""The model that the users of the example name; its price makes their cost."""

_GOAL = re.compile(r"^Your goal: (.+)$", re.MULTILINE)
_FACT = re.compile(r"^- (\w+): (.+)$", re.MULTILINE)
_STOP = re.compile(r"^- (\S+) when (.+)$", re.MULTILINE)
_REFUSED = re.compile(r"can't help|can no longer|cannot be|is fixed|could not")
_OPENS = re.compile(r"conversation begins|how can I help", re.IGNORECASE)


def reply(messages: list[dict[str, str]]) -> str:
    """Return what the person says next."""
    script, heard = messages[0]["content"], messages[-1]["content"]
    goal = _GOAL.findall(script)[0]
    facts, stops = dict(_FACT.findall(script)), dict(_STOP.findall(script))
    own = [message["content"] for message in messages if message["role"] == "assistant"]
    wishes = [f"I would like to {wish.replace('your', 'my')}." for wish in goal.split("; then ")]
    left = [wish for wish in wishes if wish not in own]
    if _OPENS.search(heard):
        return left[0]
    for asked, fact, line in (
        ("Which order", "order", "It is order {}."),
        ("new address", "address", "Please send it to {}."),
    ):
        if asked in heard:
            return line.format(facts[fact]) if fact in facts else _stop(stops, "do not hold")
    if _REFUSED.search(heard) and not any("a person" in wish for wish in left):
        return _stop(stops, "cannot or will not")
    return left[0] if left else f"Thank you! {_stop(stops, 'reached')}"


def _stop(stops: dict[str, str], why: str) -> str:
    """Return the stop word for a reason; the last one where the rules know no such reason."""
    return next((word for word, when in stops.items() if why in when), [*stops][-1])


def complete(request: dict[str, Any]) -> dict[str, Any]:
    """Answer a chat-completions request body with a response body."""
    text = reply(request["messages"])
    prompt = sum(len(json.dumps(message)) for message in request["messages"]) // 4
    return {
        "id": "chatcmpl-scripted-user",
        "object": "chat.completion",
        "created": 0,
        "model": request["model"],
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": len(text) // 4,
            "total_tokens": prompt + len(text) // 4,
        },
    }
