"""Serves both scripted models of the dialogues, the agent's and the user's, on loopback.

Run `python -m examples.dialogues.model_server`, or `python scripts/record_dialogues.py`, which
starts it and records the dialogues anew.
"""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from examples.support_agent.scripted_model import complete as agent_completes

from .user_model import MODEL
from .user_model import complete as user_completes

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["PORT", "app", "app_of"]

PORT = 4013

Completes = Callable[[dict[str, Any]], dict[str, Any]]


def app_of(user: Completes) -> Starlette:
    """Make a server whose users are played by a function."""

    async def chat_completions(request: "Request") -> Response:
        body = json.loads(await request.body())
        return JSONResponse(user(body) if body["model"] == MODEL else agent_completes(body))

    return Starlette(routes=[Route("/v1/chat/completions", chat_completions, methods=["POST"])])


app = app_of(user_completes)

if __name__ == "__main__":
    import uvicorn

    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="warning")
