"""Serves the scripted model as an OpenAI-compatible API on loopback.

Run `python -m examples.support_agent.model_server`, or `make record-example`, which starts it and
records the example's cassettes anew.
"""

import json
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .scripted_model import complete

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["PORT", "app"]

PORT = 4011


async def chat_completions(request: "Request") -> Response:
    """Answer one chat completion."""
    try:
        body = json.loads(await request.body())
    except ValueError:
        error = {"message": "the body is no JSON", "type": "invalid_request_error"}
        return JSONResponse({"error": error}, status_code=400)
    return JSONResponse(complete(body))


app = Starlette(routes=[Route("/v1/chat/completions", chat_completions, methods=["POST"])])

if __name__ == "__main__":
    import uvicorn

    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="warning")
