"""The paths of a session that are no model's: Python tools, HTTP services, MCP servers."""

import json
from dataclasses import dataclass
from typing import Any

from starlette.types import Receive, Scope, Send

from evalgate.gateway.http import Gone, TooLarge, read_body, send_bytes
from evalgate.gateway.request_key import parse_body
from evalgate.gateway.sessions import Sessions
from evalgate.gateway.tools.http import HttpTools
from evalgate.gateway.tools.mcp import McpTools
from evalgate.gateway.tools.python import call, done
from evalgate.gateway.trial_log import TrialLog
from evalgate.gateway.wire.errors import ProviderError

PREFIX = "evalgate/"
"""What the paths begin with, behind the session's token."""

_JSON = [(b"content-type", b"application/json")]


@dataclass(frozen=True, slots=True)
class ToolApp:
    """Answers calls of tools."""

    sessions: Sessions
    """Whose trials."""
    http: HttpTools
    """HTTP services."""
    mcp: McpTools | None = None
    """MCP servers; null: there are none."""
    max_body: int = 32 * 1024 * 1024
    """Bytes of a request that are taken."""

    async def __call__(
        self, scope: Scope, receive: Receive, send: Send, path: str, log: TrialLog
    ) -> None:
        """Answer a request to `path`, which stands behind the session's token."""
        kind, _, rest = path.removeprefix(PREFIX).partition("/")
        name = rest.partition("/")[0]
        try:
            raw = await read_body(receive, self.max_body)
            if kind == "tools":
                await self._python(rest, raw, log, send)
            elif kind == "http" and name in self.http.services:
                await self.http.answer(scope, receive, send, name, raw, log)
            elif kind == "mcp" and self.mcp is not None and name in self.mcp.servers:
                await self.mcp.answer(scope, receive, send, name, raw, log)
            else:
                await _refuse(send, 404, f"evalgate: no {kind} {name!r} is in the configuration")
        except Gone:
            return
        except TooLarge:
            await _refuse(send, 413, f"evalgate: the request is above {self.max_body:,} bytes")

    async def _python(self, verb: str, raw: bytes, log: TrialLog, send: Send) -> None:
        body = parse_body(raw)
        if isinstance(body, ProviderError):
            await _refuse(send, 400, body.message)
            return
        answer: dict[str, Any] = {}
        if verb == "call":
            answer = call(log, self.sessions.settings, body)
        else:
            problem = done(log, self.sessions.settings, body)
            if problem is not None:
                await _refuse(send, 400, f"evalgate: {problem}")
                return
        await send_bytes(send, 200, _JSON, json.dumps(answer).encode())


async def _refuse(send: Send, status: int, message: str) -> None:
    body = json.dumps({"error": {"code": "evalgate", "message": message}}).encode()
    await send_bytes(send, status, _JSON, body)
