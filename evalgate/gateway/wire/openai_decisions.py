"""OpenAI decisions: `POST /v1/decisions`."""

from evalgate.gateway.wire.base import Body, Ids, Reply, StreamEvent, Wire, text_of, usage_of
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


def _read_stream(_events: tuple[StreamEvent, ...]) -> Reply:
    return Reply(error="bad_response")


WIRE = Wire(
    name="openai_decisions",
    provider="openai",
    kind="llm",
    prompt=_prompt,
    prompt_fields=frozenset({"input", "questions"}),
    tool_fields=frozenset(),
    results=lambda _body: (),
    user_turns=lambda _body: 0,
    max_tokens=(),
    read=_read,
    read_stream=_read_stream,
)
