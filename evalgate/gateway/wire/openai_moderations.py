"""OpenAI moderations: `POST /v1/moderations`."""

from evalgate.gateway.wire.base import Body, Ids, Reply, StreamEvent, Wire, text_of
from evalgate.schema.base import Json


def _prompt(body: Body, _ids: Ids) -> list[Json]:
    given = body.get("input")
    return given if isinstance(given, list) else [given]


def _read(body: Body) -> Reply:
    results = body.get("results")
    return Reply(
        model=text_of(body.get("model")),
        message=results,
        error=None if isinstance(results, list) else "bad_response",
    )


def _read_stream(_events: tuple[StreamEvent, ...]) -> Reply:
    return Reply(error="bad_response")


WIRE = Wire(
    name="openai_moderations",
    provider="openai",
    kind="other",
    prompt=_prompt,
    prompt_fields=frozenset({"input"}),
    tool_fields=frozenset(),
    results=lambda _body: (),
    user_turns=lambda _body: 0,
    max_tokens=(),
    read=_read,
    read_stream=_read_stream,
)
