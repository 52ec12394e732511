"""`http://...`, `https://...`: a server; one POST a turn, never repeated."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from evalgate.agents.agent_input import AgentCase
from evalgate.agents.base import Agent, Context, Opening, TrialFailed
from evalgate.agents.command import read_answer
from evalgate.agents.plain import too_large
from evalgate.agents.trial import run_trial
from evalgate.errors import AgentLoadError
from evalgate.schema.golden import Case
from evalgate.schema.trace import Trace

if TYPE_CHECKING:
    import httpx2


BASE_URL_HEADER: Final = "X-Evalgate-Base-Url"
"""Header that tells the agent where to send its calls to the model."""

_INPUT_KEY: Final = "input"
_MESSAGES_KEY: Final = "messages"
_SHOWN: Final = 300
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
"""Hosts that no proxy of the environment stands before."""


@dataclass(frozen=True, slots=True)
class HttpAgent:
    """Posts each question to a URL."""

    opening: Opening
    """What it was opened with; its target is the URL."""
    client: "httpx2.AsyncClient"
    trials: int | None = None
    """As many as are asked for."""

    async def run(self, case: Case, context: Context) -> Trace:
        """Do one trial."""
        config = self.opening.config

        async def ask(question: AgentCase, left: float) -> str:
            return await self._ask(question, context, left)

        return await run_trial(
            case, context, ask, clock=self.opening.clock, trust_reported=config.trust_reported
        )

    async def close(self) -> None:
        """Close all connections."""
        await self.client.aclose()

    async def _ask(self, question: AgentCase, context: Context, left: float) -> str:
        import httpx2  # noqa: PLC0415  # heavy

        try:
            async with asyncio.timeout(left):
                status, raw = await self._post(question, context)
        except TimeoutError:
            raise TrialFailed("timed_out", f"no answer after {left:g} s (timeout_s)") from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            reason = f"POST {self.opening.target} failed: {type(error).__name__}: {error}"
            raise TrialFailed("crashed", reason) from None
        if not 200 <= status < 300:
            said = raw[:_SHOWN].decode("utf-8", "replace")
            reason = f"POST {self.opening.target} was answered with status {status}: {said}"
            raise TrialFailed("crashed", reason)
        config = self.opening.config
        return read_answer(raw, config.output_key, config.max_output_bytes)

    async def _post(self, question: AgentCase, context: Context) -> tuple[int, bytes]:
        """Return status and body; stop reading when the body is too large."""
        limit = self.opening.config.max_output_bytes
        headers = {"Content-Type": "application/json", **self.opening.config.headers}
        headers.update(context.headers)
        if context.base_url is not None:
            headers[BASE_URL_HEADER] = context.base_url
        body = json.dumps(self._body(question, context)).encode()
        parts = bytearray()
        async with self.client.stream(
            "POST", self.opening.target, content=body, headers=headers
        ) as response:
            async for part in response.aiter_bytes():
                parts += part
                if len(parts) > limit:
                    raise TrialFailed("bad_output", too_large(len(parts), limit))
            return response.status_code, bytes(parts)

    def _body(self, question: AgentCase, context: Context) -> Mapping[str, Any]:
        key = self.opening.config.input_key or _INPUT_KEY
        value = question.messages if key == _MESSAGES_KEY else question.input
        told = {"trial": context.trial, "base_url": context.base_url}
        return {
            "case_id": question.id,
            "turn": question.turn,
            "messages": question.messages,
            "context": told,
            key: value,
        }


@asynccontextmanager
async def open_http(opening: Opening) -> AsyncIterator[Agent]:
    """Open a server as an agent; nothing is sent before the first trial.

    Raises:
        AgentLoadError: The URL cannot be used.
    """
    import httpx2  # noqa: PLC0415  # heavy

    try:
        url = httpx2.URL(opening.target)
    except httpx2.InvalidURL as error:
        raise AgentLoadError(f"agent {opening.target!r} is no URL: {error}") from None
    if not url.host:
        raise AgentLoadError(f"agent {opening.target!r} names no host; expected http://HOST/PATH")
    limits = httpx2.Limits(
        max_connections=opening.concurrency, max_keepalive_connections=opening.concurrency
    )
    local = url.host in _LOOPBACK
    client = httpx2.AsyncClient(timeout=None, limits=limits, trust_env=not local)
    agent = HttpAgent(opening, client)
    try:
        yield agent
    finally:
        await agent.close()
