"""OpenAI models: `GET /v1/models` and `GET /v1/models/NAME`. Anthropic's list has the same path."""

from evalgate.gateway.wire.base import Body, Reply, Wire, text_of


def _read(body: Body) -> Reply:
    listed = body.get("data")
    if isinstance(listed, list):
        return Reply(message={"models": len(listed)})
    name = text_of(body.get("id"))
    return Reply(model=name, error=None if name else "bad_response")


WIRE = Wire(
    name="openai_models",
    provider="openai",
    kind="other",
    prompt=lambda _body, _ids: [],
    prompt_fields=frozenset(),
    read=_read,
)
