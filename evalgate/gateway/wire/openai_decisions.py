"""OpenAI decisions: `POST /v1/decisions`."""

from evalgate.gateway.wire.base import Body, Ids, Reply, Wire, text_of, usage_of
from evalgate.schema.base import Json


def _prompt(body: Body, _ids: Ids) -> list[Json]:
    given = body.get("input")
    shown = given if isinstance(given, list) else [given]
    return [*shown, {"questions": body.get("questions")}]


def _read(body: Body) -> Reply:
    answers = body.get("answers")
    return Reply(
        model=text_of(body.get("model")),
        usage=usage_of(body.get("usage")),
        message=answers,
        error=None if isinstance(answers, list) else "bad_response",
    )


WIRE = Wire(
    name="openai_decisions",
    provider="openai",
    kind="llm",
    prompt=_prompt,
    prompt_fields=frozenset({"input", "questions"}),
    read=_read,
)
