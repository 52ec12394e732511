"""What every protocol file says about its protocol: data and pure functions, no inheritance."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from evalgate.schema.base import Json
from evalgate.schema.usage import Usage
from evalgate.usage.parse import parse_usage

Body = dict[str, Json]
"""A JSON object."""

Ids = Callable[[str], str]
"""Gives a call id its normalised name."""

ProviderName = Literal["openai", "anthropic", "google", "bedrock", "ollama"]
"""Whose manners are spoken; Azure speaks OpenAI's."""

Frames = Literal["events", "aws", "lines"]
"""How a stream comes: as server-sent events, in AWS's binary frames, as lines of JSON."""


@dataclass(frozen=True, slots=True)
class CalledTool:
    """A tool call of a model."""

    call_id: str | None
    """The provider's id; null: its result names the function (`result_id`)."""
    name: str
    """The tool."""
    arguments: str | Body
    """As sent: JSON text, free text, or an object."""
    free_text: bool = False
    """Whether `arguments` is free text by design (custom tools)."""
    by_provider: bool = False
    """Whether the provider ran it, on its own servers."""
    result: "ToolResult | None" = None
    """The result, where the response itself holds it."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """A tool's answer, as a later request carries it."""

    call_id: str
    """The call it answers."""
    content: Json
    """The result."""
    failed: bool = False
    """Whether the protocol itself marks it as an error."""


def result_id(tool: CalledTool) -> str:
    """Return what a result says it answers: the id of the call, or the name where it has none."""
    return tool.name if tool.call_id is None else tool.call_id


@dataclass(frozen=True, slots=True)
class UnknownItem:
    """A part of a response that no reader knows."""

    type: str
    """What the response calls it, else where it stood."""
    item: Json
    """As it came."""


NO_USAGE: Final = Usage()
"""Nothing is stated."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A successful response, read."""

    model: str | None = None
    """The model that answered."""
    finish_reason: str | None = None
    """Why it stopped, in the provider's word."""
    usage: Usage = NO_USAGE
    """Tokens."""
    tools: tuple[CalledTool, ...] = ()
    """Tool calls: those that the agent is asked to make, and those the provider made itself."""
    unknown: tuple[UnknownItem, ...] = ()
    """What of it is not understood."""
    message: Json = None
    """The message; a list of them where there are several choices."""
    first_token: float | None = None
    """Seconds from the request to the first token of a stream."""
    error: str | None = None
    """Why the response is no whole answer, e.g. `cut_stream`."""


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One server-sent event."""

    at: float
    """Seconds since the request when its last byte came."""
    data: Body
    """Its data; empty where that is no JSON object."""
    name: str | None = None
    """Its name, where the stream gives one."""
    done: bool = False
    """Whether it is OpenAI's `[DONE]`."""
    text: str | None = None
    """Its data where that is no JSON object."""


@dataclass(frozen=True, slots=True)
class Wire:
    """One protocol."""

    name: str
    """Its file's name; part of every key."""
    provider: ProviderName
    """Whose errors and headers are spoken."""
    kind: Literal["llm", "embeddings", "other"]
    """What a call becomes in a trace: an LLM call, an LLM call named `embeddings`, a span."""
    prompt: Callable[[Body, Ids], list[Json]]
    """System prompt and conversation of a request, call ids named by the second argument."""
    prompt_fields: frozenset[str]
    """Fields of the request that `prompt` reads."""
    read: Callable[[Body], Reply]
    """Read a JSON response."""
    tool_fields: frozenset[str] = frozenset()
    """Fields about tools."""
    results: Callable[[Body], tuple[ToolResult, ...]] = lambda _body: ()
    """Tool results in a request, with the ids as sent."""
    user_turns: Callable[[Body], int] = lambda _body: 0
    """How often a person spoke in the conversation of a request."""
    max_tokens: tuple[str, ...] = ()
    """Fields that limit the output, the first that is there counts."""
    read_stream: Callable[[tuple[StreamEvent, ...]], Reply] = lambda _events: Reply(
        error="bad_response"
    )
    """Read a stream; a protocol that has none answers with an error."""
    frames: Frames = "events"
    """How a stream comes."""


def as_body(value: Json) -> Body:
    """Return an object as it is, and anything else as an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Json) -> list[Json]:
    """Return an array as it is, and anything else as an empty one."""
    return value if isinstance(value, list) else []


def text_of(value: Json) -> str | None:
    """Return a text as it is, and anything else as None."""
    return value if isinstance(value, str) else None


def usage_of(usage: Json, tier: Json = None) -> Usage:
    """Read the usage of a response, and the service tier that stands beside it."""
    whole = as_body(usage)
    beside = {"service_tier": tier} if isinstance(tier, str) and whole else {}
    return parse_usage({**beside, **{k: v for k, v in whole.items() if v is not None}})


def named_tool(
    call_id: Json, name: Json, arguments: Json, *, kind: str, free_text: bool = False
) -> CalledTool | UnknownItem:
    """Make a tool call; without a name it is none, and not nothing either."""
    given = arguments if isinstance(arguments, str | dict) else _spelt(arguments)
    if isinstance(name, str) and name:
        return CalledTool(text_of(call_id), name, given, free_text)
    return UnknownItem(f"{kind} without a name", {"id": call_id, "name": name, "arguments": given})


def _spelt(value: Json) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def sorted_items(
    found: Iterable[CalledTool | UnknownItem | None],
) -> tuple[tuple[CalledTool, ...], tuple[UnknownItem, ...]]:
    """Part calls and unknown items."""
    items = tuple(found)
    return (
        tuple(item for item in items if isinstance(item, CalledTool)),
        tuple(item for item in items if isinstance(item, UnknownItem)),
    )


def settings_of(canonical: Mapping[str, Json]) -> Body:
    """Return how a canonical request is sampled; Gemini, Bedrock and Ollama have a box."""
    sampling = as_body(canonical.get("sampling"))
    names = ("generationConfig", "inferenceConfig", "options")
    boxes = (as_body(sampling.get(name)) for name in names)
    return {**sampling, **{name: value for box in boxes for name, value in box.items()}}


def output_limit(wire: Wire, canonical: Mapping[str, Json]) -> int | None:
    """Return the output limit that a canonical request asks for, in tokens."""
    settings = settings_of(canonical)
    return next((n for name in wire.max_tokens if (n := count(settings, name)) is not None), None)


def count(source: Mapping[str, Json], name: str) -> int | None:
    """Return a field that counts something; None where it is absent or no count."""
    value = source.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return None
    return value
