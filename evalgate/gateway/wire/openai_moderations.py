"""OpenAI moderations: `POST /v1/moderations`."""

from evalgate.gateway.wire.base import Body, Ids, Reply, Wire, text_of
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


WIRE = Wire(
    name="openai_moderations",
    provider="openai",
    kind="other",
    prompt=_prompt,
    prompt_fields=frozenset({"input"}),
    read=_read,
)
