"""Stands in for a judge's model: reads claims and verdicts off a prompt by rule, no key needed.

It speaks the form that judges of kind `claims` ask for. A sentence is a claim unless it greets,
asks or declines; it is supported where one context holds all its order numbers, figures, dates
and states. Like a real judge it is not always right: what a sentence says in other words, it
does not see. Run `python -m examples.support_agent.scripted_judge`.
"""

import json
import re
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["PORT", "app", "verdicts"]

PORT = 4012
_FENCED = re.compile(r"<<<([A-Z0-9 ]+) ([0-9a-f]{16})\n(.*?)\n\1 \2>>>", re.DOTALL)
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
_NO_CLAIM = re.compile(r"\?$|^Hello|^Please|^I'm sorry|^Which")
_DENIED = re.compile(r"can(?:not| no longer) be \w+")
_REPORTED = re.compile(r'"error": "([^"]+)"')
_FACT = re.compile(
    r"\bA\d{4}\b|\b\d{4}-\d\d-\d\d\b|\d+(?:\.\d+)?"
    r"|\b(?:shipped|processing|delivered|cancelled|lost|refunded|rain|fog|sun)\b"
)


def verdicts(prompt: str) -> dict[str, Any]:
    """Judge the material of a prompt."""
    parts = [(name, text) for name, _, text in _FENCED.findall(prompt)]
    answer = next(text for name, text in parts if name == "ANSWER")
    contexts = [text for name, text in parts if name.startswith("CONTEXT")]
    sentences = [s.strip() for s in _SENTENCE.split(answer) if s.strip()]
    return {
        "claims": [
            _verdict(sentence, contexts) for sentence in sentences if not _NO_CLAIM.search(sentence)
        ]
    }


def _verdict(sentence: str, contexts: list[str]) -> dict[str, Any]:
    facts = _facts(_DENIED.sub("", sentence))
    for context in contexts:
        error = _REPORTED.search(context)
        if (
            sentence in context
            or (facts and facts <= _facts(context))
            or (error is not None and error[1] in sentence)
            or ("handed you over" in sentence and '"transferred": true' in context)
        ):
            return {"claim": sentence, "quote": context, "supported": True}
    return {"claim": sentence, "quote": "", "supported": False}


def _facts(text: str) -> set[str]:
    """Return what can be checked, numbers without trailing zeros."""
    return {
        f"{float(fact):g}" if re.fullmatch(r"\d+(\.\d+)?", fact) else fact
        for fact in _FACT.findall(text)
    }


async def chat_completions(request: "Request") -> Response:
    """Answer one chat completion."""
    body = json.loads(await request.body())
    prompt = body["messages"][-1]["content"]
    said = json.dumps(verdicts(prompt))
    return JSONResponse(
        {
            "id": "chatcmpl-scripted",
            "object": "chat.completion",
            "created": 1,
            "model": body["model"],
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": said},
                    "finish_reason": "stop",
                }
            ],
            "usage": {
                "prompt_tokens": len(prompt) // 4,
                "completion_tokens": len(said) // 4,
                "total_tokens": (len(prompt) + len(said)) // 4,
            },
        }
    )


app = Starlette(routes=[Route("/v1/chat/completions", chat_completions, methods=["POST"])])

if __name__ == "__main__":
    import uvicorn

    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="warning")
