"""The canonical request and its key: what makes two requests the same request.

A request is split into model, messages, tools and sampling. Ids of tool calls are renamed in the
order in which they appear, and fields that do not reach the model are dropped. The key is a digest
of the request as it was made: two requests that differ only in a secret are two requests. Where a
cassette does not hold all of a request, because a secret was taken out, the key that is written is
a keyed digest, so that nobody can test a guess with a table.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from hmac import new as hmac
from typing import NoReturn

from pydantic_core import PydanticSerializationError, from_json, to_json

from evalgate.errors import ConfigError
from evalgate.gateway.wire.base import Body, ToolResult, as_body
from evalgate.gateway.wire.errors import ProviderError
from evalgate.gateway.wire.routes import Route
from evalgate.schema.base import Json
from evalgate.text.redact import Redactor, holds_mark
from evalgate.text.tame_json import MAX_DEPTH, tame

_NOT_FOR_THE_MODEL = frozenset(
    {
        "model",
        "stream",
        "stream_options",
        "user",
        "metadata",
        "safety_identifier",
        "prompt_cache_key",
    }
)
"""Fields that have a place of their own or that do not change what the model says."""

_UUID = re.compile(
    r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Matching:
    """What a request may differ in and still be the recorded one.

    Raises:
        ConfigError: An entry of `ignore` is no JSON pointer.
    """

    ignore: tuple[str, ...] = ()
    """JSON pointers into the request's body whose values do not count; `*` is any name or index."""
    uuids: bool = False
    """Whether UUIDs in texts count only by the order in which they appear."""

    def __post_init__(self) -> None:
        """Refuse what would silently ignore nothing."""
        for pointer in self.ignore:
            if not pointer.startswith("/"):
                raise ConfigError(
                    f"ignore: expected a JSON pointer such as /messages/0/content, found "
                    f"{pointer!r}",
                    fix=f"write /{pointer}",
                )


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request, ready to be looked up, recorded and shown."""

    spelt: bytes
    """The canonical request as JSON: `wire`, `model`, `messages`, `tools`, `sampling` and, for a
    stream, `stream`; as sent. It may hold secrets: never to be written as it is. Kept as bytes:
    thousands are alive at once."""
    key: str
    """`sha256:` and 64 hexadecimal digits: the key under which it is recorded, else the digest of
    the canonical request with sorted keys."""
    results: tuple[ToolResult, ...] = ()
    """Tool results as sent. They may hold secrets: never to be written as they are."""
    user_turns: int = 0
    """How often a person spoke."""

    @property
    def canonical(self) -> Body:
        """The canonical request, read anew each time."""
        value: Body = from_json(self.spelt)
        return value


@dataclass(frozen=True, slots=True)
class Known:
    """A request that is recorded to the letter, found without spelling it out again."""

    spelt: bytes
    """The canonical request as it was recorded, as JSON."""
    key: str


@dataclass(frozen=True, slots=True)
class Veiled:
    """A recorded request of which a part was taken out."""

    request: bytes
    """The canonical request with sorted keys, as it was recorded."""
    key: str

    def is_of(self, asked: bytes, redactor: Redactor) -> bool:
        """Say whether it is the recording of a request.

        Args:
            asked: The canonical request as sent, with sorted keys.
            redactor: What a secret is; asked where the whole request cannot be compared.
        """
        recorded_whole = self.key != _digest(self.request)
        if recorded_whole and not holds_mark(asked):
            return self.key == _keyed(asked, self.request)
        # A recording of an older version, or a request made of an answer that lost a part when it
        # was recorded: all that can be compared is the rest.
        clean = redactor.redact_json(json.loads(asked))
        return _encoded(_spell(clean)) == self.request


Spelling = bytes
"""Digest over a canonical request in the order of its fields as they came."""


class _RefusedError(ValueError):
    """A number that is no JSON."""


def _refuse(name: str) -> NoReturn:
    raise _RefusedError(name)


def _float(digits: str) -> float:
    """Read 1.0 as 1, so that clients in different languages send the same request."""
    value = float(digits)
    if not math.isfinite(value):
        raise _RefusedError(digits[:40])
    return int(value) if value.is_integer() and abs(value) < 1e15 else value


_DECODER = json.JSONDecoder(parse_float=_float, parse_constant=_refuse)


def parse_body(raw: bytes) -> Body | ProviderError:
    """Read the body of a request.

    Args:
        raw: The bytes; none at all count as an empty object (a GET).

    Returns:
        The object, or the error to answer with.
    """
    if not raw:
        return {}
    try:
        value = _DECODER.decode(raw.decode())
    except (ValueError, RecursionError) as error:
        message = f"We could not parse the JSON body of your request: {str(error)[:200]}"
        return ProviderError(400, "invalid_json", message)
    if not isinstance(value, dict):
        message = f"Expected a JSON object as the body, found {type(value).__name__}"
        return ProviderError(400, "invalid_json", message)
    # What an agent repeats of its model's words can be nested beyond what a file holds.
    deep = raw.count(b"[") + raw.count(b"{") > MAX_DEPTH
    return as_body(tame(value)) if deep else value


def parse_json(raw: bytes) -> tuple[Json, bool]:
    """Read any JSON value; false where it is none."""
    try:
        return tame(_DECODER.decode(raw.decode())), True
    except (ValueError, RecursionError):
        return None, False


def prepare(body: Body, route: Route, matching: Matching) -> Prepared:
    """Bring a request into its canonical form and compute its key."""
    considered = _without(body, matching.ignore) if matching.ignore else body
    wire = route.wire
    keyed = _keyed_as(_canonical(considered, route), uuids=matching.uuids)
    return replace(keyed, results=wire.results(body), user_turns=wire.user_turns(body))


def prepare_call(call: Body, ignore: tuple[str, ...], *, uuids: bool = False) -> Prepared:
    """Compute the key of a call of a tool.

    Args:
        call: The call as it is recorded: `via`, `tool`, `arguments`.
        ignore: JSON pointers into the arguments whose values do not count.
        uuids: Whether UUIDs count only by the order in which they appear.
    """
    arguments = call.get("arguments")
    if ignore and isinstance(arguments, dict):
        call = {**call, "arguments": _without(arguments, ignore)}
    return _keyed_as(call, uuids=uuids)


def _keyed_as(canonical: Body, *, uuids: bool) -> Prepared:
    """Compute the key of a canonical request."""
    text = _spell(canonical)
    if uuids and _UUID.search(text):
        renamed: Json = _rename_uuids(canonical, _numbering("uuid"))
        canonical = renamed if isinstance(renamed, dict) else canonical
        text = _spell(canonical)
    raw = _encoded(text)
    try:
        spelt = to_json(canonical)
    except PydanticSerializationError:  # half of a surrogate pair, which no file can hold
        spelt = raw
    return Prepared(spelt, _digest(raw))


def written(prepared: Prepared, redactor: Redactor) -> tuple[Body, str]:
    """Return the request and the key as a cassette holds them, without secrets."""
    canonical = prepared.canonical
    clean = redactor.redact_json(canonical)
    if clean is canonical or not isinstance(clean, dict):
        return canonical, prepared.key
    asked, request = _encoded(_spell(canonical)), _encoded(_spell(clean))
    # A key that was found in a cassette stays: it is of the same request.
    key = _keyed(asked, request) if prepared.key == _digest(asked) else prepared.key
    return clean, key


def veil(spelt: bytes, key: str) -> Veiled | None:
    """Return a recorded request of which a part was taken out; null where it is whole."""
    return Veiled(_encoded(_spell(from_json(spelt))), key) if holds_mark(spelt) else None


def recognised(prepared: Prepared, veiled: Iterable[Veiled], redactor: Redactor) -> Prepared:
    """Give a request the key under which it is recorded without a part of it."""
    asked: bytes | None = None
    for one in veiled:
        asked = asked or _encoded(_spell(prepared.canonical))
        if one.is_of(asked, redactor):
            return replace(prepared, key=one.key)
    return prepared


def _digest(raw: bytes) -> str:
    return f"sha256:{sha256(raw).hexdigest()}"


def _keyed(asked: bytes, request: bytes) -> str:
    """Digest a whole request, keyed by what is recorded of it."""
    return f"sha256:{hmac(sha256(request).digest(), asked, sha256).hexdigest()}"


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def spelling(spelt: bytes) -> Spelling:
    """Return the digest by which `recall` finds a recorded request."""
    return sha256(spelt).digest()


def recall(
    raw: bytes, route: Route, matching: Matching, known: Mapping[Spelling, Known]
) -> Prepared | None:
    """Find a request that is recorded to the letter: the short way, for most of a replay.

    Anything out of the ordinary is left to `parse_body` and `prepare`, which find the same key.

    Args:
        raw: The body.
        route: Where it goes.
        matching: What requests may differ in.
        known: The recorded requests, by their spelling.
    """
    if matching.uuids or not known:
        return None
    try:
        body = from_json(raw, allow_inf_nan=False)
        if not isinstance(body, dict):
            return None
        for name, value in body.items():
            if isinstance(value, float) and value.is_integer():
                body[name] = int(value)
        considered = _without(body, matching.ignore) if matching.ignore else body
        found = known.get(spelling(to_json(_canonical(considered, route))))
    except (ValueError, PydanticSerializationError):
        return None
    if found is None:
        return None
    wire = route.wire
    return Prepared(found.spelt, found.key, wire.results(body), wire.user_turns(body))


def _canonical(body: Body, route: Route) -> Body:
    wire = route.wire
    prompt, tools = wire.prompt_fields, wire.tool_fields
    canonical: Body = {
        "wire": wire.name,
        "model": route.model or body.get("model"),
        "messages": wire.prompt(body, _numbering("call")),
        "tools": {
            name: body[name] for name in sorted(tools & body.keys()) if body[name] is not None
        },
        "sampling": {
            name: value
            for name, value in body.items()
            if not (name in _NOT_FOR_THE_MODEL or name in prompt or name in tools)
        },
    }
    if body.get("stream") or route.stream:
        canonical["stream"] = body.get("stream_options") or True
    return canonical


def _spell(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _numbering(prefix: str) -> Callable[[str], str]:
    names: dict[str, str] = {}

    def name(raw: str) -> str:
        return names.setdefault(raw, f"{prefix}#{len(names)}")

    return name


def _rename_uuids(value: Json, ids: Callable[[str], str]) -> Json:
    if isinstance(value, str):
        return _UUID.sub(lambda match: ids(match[0].lower()), value)
    if isinstance(value, list):
        return [_rename_uuids(item, ids) for item in value]
    if isinstance(value, dict):
        return {key: _rename_uuids(item, ids) for key, item in value.items()}
    return value


def _without(body: Body, pointers: tuple[str, ...]) -> Body:
    value: Json = body
    for pointer in pointers:
        parts = [p.replace("~1", "/").replace("~0", "~") for p in pointer.split("/")[1:]]
        value = _drop(value, parts)
    return value if isinstance(value, dict) else {}


def _drop(value: Json, parts: list[str]) -> Json:
    here, rest = parts[0], parts[1:]
    if isinstance(value, dict):
        return {
            key: _drop(item, rest) if rest and here in ("*", key) else item
            for key, item in value.items()
            if rest or here not in ("*", key)
        }
    if isinstance(value, list):
        # An ignored element keeps its place as null: the ones behind it keep their index.
        return [
            (_drop(item, rest) if rest else None) if here in ("*", str(index)) else item
            for index, item in enumerate(value)
        ]
    return value
