"""Asks an OpenAI-compatible chat endpoint for an object of a given form.

An attempt that fails is made again at most twice, whatever the object would have said: only a
reply without the asked form is thrown away. What waiting or asking again cannot cure (a refused
key, a used-up quota, an output limit) is not repeated.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError

from evalgate.judges.base import JudgeError, Meter, Question, Reply
from evalgate.judges.kinds.http import Http, HttpReply, NoReply
from evalgate.quota.backoff import backoff
from evalgate.schema.base import Json
from evalgate.schema.canonical import digest
from evalgate.schema.usage import Usage
from evalgate.text import strict_json
from evalgate.text.escape import cap
from evalgate.usage.parse import parse_usage

ATTEMPTS: Final = 3
"""A question is sent at most this often."""

MAX_WAIT: Final = 60.0
"""Seconds; a longer hint of the server ends the attempts."""

_FIRST_WAIT: Final = 0.5
_SHOWN: Final = 160
_HOPELESS: Final = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
_TOO_MANY: Final = 429
_CURABLE: Final = frozenset({408, 409, 425, _TOO_MANY})
_FENCE: Final = re.compile(r"\s*```(?:json)?\s*\n(.*)\n\s*```\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is sent."""

    system: str
    """The instructions."""
    user: str
    """The material."""
    name: str
    """Name of the schema."""
    schema: Json
    """JSON Schema of the reply."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt that gave nothing."""

    reason: str
    """What went wrong."""
    again: bool = True
    """Whether another attempt may help."""
    wait: float | None = None
    """Seconds the server asked to wait."""


def prompt_digest(*parts: Json) -> str:
    """Return the digest of a prompt's fixed parts."""
    return digest(list(parts))


async def retrying(
    attempt: Callable[[], Awaitable[Reply | Failure]],
    key: str,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Reply:
    """Attempt until there is a reply, at most `ATTEMPTS` times.

    Args:
        attempt: Asks once.
        key: The question's digest; spreads the waits, so that questions that were throttled
            together do not come back together.
        sleep: Waits for some seconds.

    Raises:
        JudgeError: No attempt gave a reply; names the last reason and how often was asked.
    """
    spread = int(key.removeprefix("sha256:")[:8], 16) / 0xFFFFFFFF
    number = 0
    while True:
        number += 1
        found = await attempt()
        if not isinstance(found, Failure):
            return found
        hopeless = not found.again or (found.wait or 0.0) > MAX_WAIT
        if hopeless or number == ATTEMPTS:
            times = "" if number == 1 else f" ({number} attempts)"
            raise JudgeError(f"{found.reason}{times}")
        await sleep((found.wait or 0.0) + backoff(number, _FIRST_WAIT) * (0.5 + spread))


@dataclass(frozen=True)
class Chat:
    """A model behind an endpoint."""

    http: Http
    """The endpoint."""
    model: str
    meter: Meter = field(default_factory=Meter)
    """Counts what is spent."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    """Waits for some seconds."""

    async def ask(self, prompt: Prompt, question: Question, read: Callable[[str], Reply]) -> Reply:
        """Ask for an object.

        Args:
            prompt: What is sent.
            question: Its sampling is sent too; its key spreads the waits.
            read: Turns the text of the reply into the object; ValueError for another form.

        Raises:
            JudgeError: The judge gave no usable reply.
        """
        body: dict[str, Json] = {
            "model": self.model,
            "messages": [
                {"role": "system", "content": prompt.system},
                {"role": "user", "content": prompt.user},
            ],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": prompt.name, "strict": True, "schema": prompt.schema},
            },
            **question.sampling,
        }
        return await self._send(body, question.key, read)

    async def complete(self, messages: Sequence[Json], question: Question) -> Reply:
        """Let the model go on with a conversation; the reply is `{"text": ...}`.

        Raises:
            JudgeError: The model gave no text.
        """
        body: dict[str, Json] = {
            "model": question.model,
            "messages": list(messages),
            **question.sampling,
        }
        return await self._send(body, question.key, lambda text: {"text": text})

    async def _send(self, body: dict[str, Json], key: str, read: Callable[[str], Reply]) -> Reply:
        data = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")

        async def attempt() -> Reply | Failure:
            reply = await self.http.post("/chat/completions", data)
            return _object(reply, self.meter, read)

        return await retrying(attempt, key, self.sleep)


def _object(
    reply: HttpReply | NoReply, meter: Meter, read: Callable[[str], Reply]
) -> Reply | Failure:
    if isinstance(reply, NoReply):
        return Failure(f"the judge: {reply.reason}")
    envelope = _json_object(reply.body)
    if reply.status != 200:
        return failed_status(reply, envelope)
    if envelope is None:
        shown = _shown(reply.body.decode(errors="replace"))
        return Failure(f"the judge's response is no JSON object: {shown}")
    _count(envelope, meter)
    text = _content(envelope)
    return text if isinstance(text, Failure) else _form(text, read)


def failed_status(reply: HttpReply, envelope: dict[str, Any] | None) -> Failure:
    """Say what an HTTP error of the judge means."""
    error = (envelope or {}).get("error")
    error = error if isinstance(error, dict) else {}
    said = error.get("message")
    shown = _shown(said if isinstance(said, str) else reply.body.decode(errors="replace"))
    reason = f"the judge answered HTTP {reply.status}: {shown}"
    if any(isinstance(n, str) and n in _HOPELESS for n in (error.get("code"), error.get("type"))):
        return Failure(reason, again=False)
    return Failure(reason, again=reply.status in _CURABLE or reply.status >= 500, wait=reply.wait)


def _json_object(body: bytes) -> dict[str, Any] | None:
    found = strict_json.parse(body)
    value = found.value if isinstance(found, strict_json.Parsed) else None
    return value if isinstance(value, dict) else None


def _count(envelope: dict[str, Any], meter: Meter) -> None:
    usage = envelope.get("usage")
    tier = {"service_tier": envelope.get("service_tier")}
    meter.add(parse_usage({**tier, **usage}) if isinstance(usage, dict) else Usage())


def _content(envelope: dict[str, Any]) -> str | Failure:
    choices = envelope.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        return Failure("the judge's response holds no message")
    if message.get("refusal"):
        return Failure(f"the judge refused: {_shown(str(message['refusal']))}")
    match choice.get("finish_reason"):
        case "length":
            return Failure(
                "the judge's reply was cut at its output limit: raise max_tokens", again=False
            )
        case "content_filter":
            return Failure("the judge's reply was stopped by the provider's content filter")
    text = message.get("content")
    if not isinstance(text, str) or not text.strip():
        return Failure("the judge's reply is empty")
    return text


def _form(text: str, read: Callable[[str], Reply]) -> Reply | Failure:
    match = _FENCE.fullmatch(text)
    try:
        return read(match[1] if match else text)
    except ValidationError as error:
        first = error.errors()[0]
        where = "/".join(map(str, first["loc"])) or "the reply"
        return Failure(
            f"the judge's reply has another form: {where}: {first['msg']}: {_shown(text)}"
        )
    except ValueError as error:
        return Failure(f"the judge's reply has another form: {error}: {_shown(text)}")


def _shown(text: str) -> str:
    return repr(cap(" ".join(text.split()), _SHOWN))
