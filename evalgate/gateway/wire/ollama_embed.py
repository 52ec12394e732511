"""Ollama's embeddings: `POST /api/embed`."""

from evalgate.gateway.wire.base import Body, Ids, Reply, Wire, text_of, usage_of
from evalgate.schema.base import Json


def _prompt(body: Body, _ids: Ids) -> list[Json]:
    given = body.get("input")
    return given if isinstance(given, list) else [given]


def _read(body: Body) -> Reply:
    vectors, tokens = body.get("embeddings"), body.get("prompt_eval_count")
    known: Body = {} if tokens is None else {"prompt_tokens": tokens, "completion_tokens": 0}
    return Reply(
        model=text_of(body.get("model")),
        usage=usage_of(known),
        message={"vectors": len(vectors)} if isinstance(vectors, list) else None,
        error=None if isinstance(vectors, list) else "bad_response",
    )


WIRE = Wire(
    name="ollama_embed",
    provider="ollama",
    kind="embeddings",
    prompt=_prompt,
    prompt_fields=frozenset({"input"}),
    read=_read,
)
