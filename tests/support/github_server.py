"""The few endpoints of GitHub's REST API that evalgate uses, on loopback."""

import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

PAGE = 3
"""Rows a page, however many are asked for: so that a second page is soon there."""

LIMIT = 65_536


@dataclass
class GitHub:
    """What the server holds and what it was asked."""

    url: str = ""
    login: str = "github-actions[bot]"
    comments: list[dict[str, Any]] = field(default_factory=list)
    reviews: list[dict[str, Any]] = field(default_factory=list)
    pulls: list[dict[str, Any]] = field(default_factory=list)
    teams: dict[str, str] = field(default_factory=dict)
    """State of a membership by `organisation/team/login`."""
    faults: list[tuple[int, dict[str, str], dict[str, Any]]] = field(default_factory=list)
    """Answers that are given first, one a request."""
    down: int = 0
    """How many new comments are answered with 502 and not written."""
    lost: int = 0
    """How many new comments are written and then answered with 502."""
    asked: list[str] = field(default_factory=list)

    def add(self, author: str, body: str) -> int:
        """Put a comment there and return its id."""
        number = len(self.comments) + 100
        self.comments.append({"id": number, "user": {"login": author}, "body": body})
        return number

    def approve(self, author: str, commit: str, state: str = "APPROVED") -> None:
        """Put a review there."""
        self.reviews.append({"user": {"login": author}, "state": state, "commit_id": commit})


@contextmanager
def serving() -> Iterator[GitHub]:
    """Serve on a free port."""
    state = GitHub()
    app = Starlette(routes=_routes(state))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    state.url = f"http://127.0.0.1:{port}"
    try:
        yield state
    finally:
        server.should_exit = True
        thread.join()


Handler = Callable[[GitHub, Request], Awaitable[Response]]


def _guarded(state: GitHub, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Ask for the token, and give what was planned first."""

    async def endpoint(request: Request) -> Response:
        state.asked.append(f"{request.method} {request.url.path}")
        if request.headers.get("authorization") != "Bearer token":
            return JSONResponse({"message": "Bad credentials"}, 401)
        if state.faults:
            status, headers, body = state.faults.pop(0)
            return JSONResponse(body, status, headers)
        return await handler(state, request)

    return endpoint


async def _comments(state: GitHub, request: Request) -> Response:
    if request.method == "GET":
        return _page(request, state.comments)
    body = (await request.json())["body"]
    if len(body) > LIMIT:
        return JSONResponse({"message": "Validation Failed: body is too long"}, 422)
    if state.down:
        state.down -= 1
        return JSONResponse({"message": "Bad gateway"}, 502)
    number = state.add(state.login, body)
    if state.lost:
        state.lost -= 1
        return JSONResponse({"message": "Bad gateway"}, 502)
    return JSONResponse({"id": number}, 201)


async def _comment(state: GitHub, request: Request) -> Response:
    number = int(request.path_params["id"])
    (row,) = [row for row in state.comments if row["id"] == number]
    if request.method == "DELETE":
        state.comments.remove(row)
        return Response(status_code=204)
    row["body"] = (await request.json())["body"]
    return JSONResponse(row)


async def _reviews(state: GitHub, request: Request) -> Response:
    return _page(request, state.reviews)


async def _pulls(state: GitHub, request: Request) -> Response:
    owner, _, branch = request.query_params["head"].partition(":")
    rows = [
        row
        for row in state.pulls
        if row["head"]["ref"] == branch and row["head"]["user"]["login"] == owner
    ]
    return _page(request, rows)


async def _membership(state: GitHub, request: Request) -> Response:
    found = state.teams.get("{org}/{team}/{login}".format(**request.path_params))
    if found is None:
        return JSONResponse({"message": "Not Found"}, 404)
    return JSONResponse({"state": found})


def _routes(state: GitHub) -> list[Route]:
    repo = "/repos/team/repo"
    table: tuple[tuple[str, Handler, list[str]], ...] = (
        (f"{repo}/issues/comments/{{id}}", _comment, ["PATCH", "DELETE"]),
        (f"{repo}/issues/{{number}}/comments", _comments, ["GET", "POST"]),
        (f"{repo}/pulls/{{number}}/reviews", _reviews, ["GET"]),
        (f"{repo}/pulls", _pulls, ["GET"]),
        ("/orgs/{org}/teams/{team}/memberships/{login}", _membership, ["GET"]),
    )
    return [Route(path, _guarded(state, h), methods=methods) for path, h, methods in table]


def _page(request: Request, rows: list[dict[str, Any]]) -> Response:
    number = int(request.query_params.get("page", "1"))
    shown = rows[(number - 1) * PAGE : number * PAGE]
    headers = {}
    if number * PAGE < len(rows):
        following = request.url.include_query_params(page=number + 1)
        headers["link"] = f'<{following}>; rel="next", <{request.url}>; rel="first"'
    return JSONResponse(shown, headers=headers)
