"""Plays the simulated users of a run: their model is asked through the run's gateway."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from evalgate.agents.base import TrialFailed
from evalgate.gateway.sessions import Session, Sessions
from evalgate.gateway.wire.base import Body, as_body, as_list
from evalgate.schema.golden import SimulatedUser
from evalgate.text.escape import cap
from evalgate.text.tame_json import read_json
from evalgate.users.prompt import Said, request_of

if TYPE_CHECKING:
    import httpx2


_SHOWN: Final = 300
_MISS: Final = "cassette_miss"


@dataclass(slots=True)
class UserLine:
    """How users of a run reach the gateway; the connection is made when the first one speaks."""

    origin: str
    """Where the gateway listens."""
    stack: AsyncExitStack
    """Closes the connection."""
    client: "httpx2.AsyncClient | None" = None

    async def post(self, session: Session, request: Body) -> tuple[int, bytes]:
        """Ask for a chat completion; return status and body."""
        import httpx2  # noqa: PLC0415  # heavy

        if self.client is None:
            self.client = httpx2.AsyncClient(timeout=None, trust_env=False)
            self.stack.push_async_callback(self.client.aclose)
        url = f"{session.base_url(self.origin)}/chat/completions"
        response = await self.client.post(url, json=request)
        return response.status_code, response.content


@dataclass(slots=True)
class GatewaySpeaker:
    """Plays the user of one trial."""

    line: UserLine
    """How the gateway is reached."""
    sessions: Sessions
    agent: Callable[[], Session | None]
    """Returns the session of the agent; null: it has none yet."""
    timeout_s: float
    """Seconds that one message may take."""
    own: Session | None = field(default=None, repr=False)
    """The user's own session, of which the agent knows nothing."""

    async def say(self, user: SimulatedUser, said: Sequence[Said]) -> str:
        """Return what the user says next.

        Raises:
            TrialFailed: `not_measured`: its model gave no answer, or none is recorded.
        """
        agent = self.agent()
        if agent is None:
            raise TrialFailed("not_measured", "the simulated user was asked before its agent")
        if self.own is None:
            self.own = self.sessions.open_user(agent)
        began = time.monotonic()
        try:
            async with asyncio.timeout(self.timeout_s):
                status, raw = await self.line.post(self.own, request_of(user, said))
        except TimeoutError:
            late = f"gave no answer in {self.timeout_s:g} s"
            raise _unasked(user, late) from None
        finally:
            self.sessions.user_spoke(agent, time.monotonic() - began)
        return _message(user, status, raw)


def _message(user: SimulatedUser, status: int, raw: bytes) -> str:
    """Read the text of a chat completion."""
    body = _object(raw)
    if status >= 400:
        error = as_body(body.get("error"))
        said = str(error.get("message") or raw[:_SHOWN].decode("utf-8", "replace"))
        if error.get("code") == _MISS:
            raise TrialFailed("not_measured", said.removeprefix("evalgate: "))
        raise _unasked(user, f"failed with {status}: {cap(said, _SHOWN)}")
    choices = as_list(body.get("choices"))
    content = as_body(as_body(choices[0]).get("message")).get("content") if choices else None
    if not isinstance(content, str):
        shown = raw[:_SHOWN].decode("utf-8", "replace")
        raise _unasked(user, f"answered without a text: {shown}")
    return content


def _unasked(user: SimulatedUser, what: str) -> TrialFailed:
    return TrialFailed("not_measured", f"model {user.model!r} of the simulated user {what}")


def _object(raw: bytes) -> Body:
    try:
        return as_body(read_json(raw))
    except ValueError:
        return {}
