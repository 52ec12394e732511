"""OpenAI embeddings: `POST /v1/embeddings`."""

from evalgate.gateway.wire.base import (
    Body,
    Ids,
    Reply,
    Wire,
    as_body,
    text_of,
    usage_of,
)
from evalgate.schema.base import Json


def _prompt(body: Body, _ids: Ids) -> list[Json]:
    given = body.get("input")
    return given if isinstance(given, list) else [given]


def _read(body: Body) -> Reply:
    vectors = body.get("data")
    return Reply(
        model=text_of(body.get("model")),
        usage=usage_of({"completion_tokens": 0, **as_body(body.get("usage"))}),
        message={"vectors": len(vectors)} if isinstance(vectors, list) else None,
        error=None if isinstance(vectors, list) else "bad_response",
    )


WIRE = Wire(
    name="openai_embeddings",
    provider="openai",
    kind="embeddings",
    prompt=_prompt,
    prompt_fields=frozenset({"input"}),
    read=_read,
)
