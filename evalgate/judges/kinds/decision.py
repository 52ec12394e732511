"""Many questions about one trajectory in one call, by an endpoint of OpenAI's decisions format.

`POST /decisions`: the material once, and typed questions; each answer comes as a probability, or as
one for each level. Nothing is generated, so there is no reason to read and no prompt around the
material but the questions and the rule of the fence. Shapes: `openai/types/decision*.py` of the
openai package from 3.40 on, and `langchain_openai.decisions`.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field, ValidationError

from evalgate.judges.base import (
    Ask,
    Judge,
    Judged,
    JudgeError,
    Meter,
    Question,
    Reply,
    config_digest,
)
from evalgate.judges.kinds.chat import Failure, failed_status, prompt_digest, retrying
from evalgate.judges.kinds.fence import RULE
from evalgate.judges.kinds.http import Http, HttpReply, NoReply
from evalgate.judges.kinds.rubric import material
from evalgate.schema.base import Json
from evalgate.schema.judge import Evidence
from evalgate.schema.score import Broken, Score, Scored
from evalgate.text import strict_json
from evalgate.usage.parse import parse_usage

VERSION: Final = "decision.1"
"""Changes when the same replies would give another score."""

LIKELY: Final = 0.5
"""Probability from which on a statement counts as true."""

_ROUNDING: Final = 0.01
"""A probability may be rounded by as much; so the sum of several may be off."""

_Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class Decided:
    """One question."""

    name: str
    """Name of its score."""
    text: str
    """A statement that is true or false, or what the levels are about."""
    levels: Mapping[int, str]
    """What 1 to 5 mean; empty: a statement."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What is asked of a trajectory."""

    questions: tuple[Decided, ...]
    """In the order in which they are sent."""
    whole: bool = False
    """Whether the whole conversation is shown; else its last answer and the calls before it."""


class _Level(BaseModel):
    """One level's share; the provider adds fields, which are left alone."""

    label: str
    probability: _Share


class _Predicate(BaseModel):
    type: Literal["predicate"]
    name: str | None = None
    probability: _Share


class _Score(BaseModel):
    type: Literal["score"]
    name: str | None = None
    probabilities: list[_Level]


class _Refusal(BaseModel):
    type: Literal["refusal"]
    name: str | None = None


_Answer = Annotated[_Predicate | _Score | _Refusal, Field(discriminator="type")]


class _Answers(BaseModel):
    answers: list[_Answer]


def decision_judge(
    http: Http,
    model: str,
    decision: Decision,
    meter: Meter,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Judge:
    """Make a judge that asks all its questions at once.

    Args:
        http: The endpoint.
        model: E.g. `gpt-6-luna`.
        decision: What is asked. A statement's score is 1 from a probability of .5 on, and
            `NAME_probability` keeps it; the score of levels is their mean. A question that the
            model declines is a broken score, the others stand.
        meter: Counts what is spent.
        sleep: Waits for some seconds.
    """
    questions = [_question(one) for one in decision.questions]
    prompt_id = prompt_digest("decisions", RULE, list(questions))

    async def decide(evidence: Evidence, ask: Ask, draw: int) -> Judged:
        shown = evidence.model_copy(update={"expected_calls": None, "script": None})
        question = Question(
            kind="decision",
            model=model,
            prompt_digest=prompt_id,
            sampling={},
            inputs=shown.model_dump(mode="json", exclude_none=True),
            draw=draw,
        )
        given = f"{RULE}\n\n{material(shown, whole=decision.whole)}"
        body = json.dumps(
            {"model": model, "input": given, "questions": questions}, ensure_ascii=False
        ).encode("utf-8", "replace")

        async def attempt() -> Reply | Failure:
            return _read(await http.post("/decisions", body), decision.questions, meter)

        reply = await ask(question, lambda: retrying(attempt, question.key, sleep))
        return _judged(reply, decision.questions)

    return Judge(
        kind="decision",
        model=model,
        prompt_digest=prompt_id,
        version=VERSION,
        config_digest=config_digest(model, prompt_id, {}, decision.whole),
        worst=_worst(decision.questions),
        decide=decide,
    )


def _question(one: Decided) -> dict[str, Json]:
    if not one.levels:
        return {"type": "predicate", "name": one.name, "instructions": one.text}
    levels: list[Json] = [
        {"label": str(level), "description": one.levels[level]} for level in sorted(one.levels)
    ]
    return {"type": "score", "name": one.name, "instructions": one.text, "levels": levels}


def _worst(questions: Sequence[Decided]) -> dict[str, Score]:
    worst: dict[str, Score] = {}
    for one in questions:
        worst[one.name] = Scored(1.0 if one.levels else 0.0)
        if not one.levels:
            worst[f"{one.name}_probability"] = Scored(0.0)
    return worst


def _read(
    reply: HttpReply | NoReply, questions: Sequence[Decided], meter: Meter
) -> Reply | Failure:
    if isinstance(reply, NoReply):
        return Failure(f"the judge: {reply.reason}")
    parsed = strict_json.parse(reply.body)
    data: Any = parsed.value if isinstance(parsed, strict_json.Parsed) else None
    whole = data if isinstance(data, dict) else {}
    if reply.status != 200:
        return failed_status(reply, whole)
    usage = whole.get("usage")
    meter.add(parse_usage(usage if isinstance(usage, dict) else {}))
    try:
        answers = _Answers.model_validate(whole, strict=True).answers
        return {"answers": [_kept(a, q) for a, q in _paired(answers, questions)]}
    except ValueError as error:
        return Failure(f"the judge's response is no decision: {_first(error)}")


def _paired(
    answers: Sequence[_Answer], questions: Sequence[Decided]
) -> list[tuple[_Predicate | _Score | _Refusal, Decided]]:
    """Hold each answer to its question: they come in the order of the questions."""
    if len(answers) != len(questions):
        message = f"{len(questions)} questions were asked, {len(answers)} are answered"
        raise ValueError(message)
    pairs = list(zip(answers, questions, strict=True))
    for answer, question in pairs:
        wanted = "score" if question.levels else "predicate"
        if answer.type not in (wanted, "refusal"):
            message = f"{question.name!r}: expected a {wanted}, found a {answer.type}"
            raise ValueError(message)
        if answer.name not in (None, question.name):
            message = f"expected the answer to {question.name!r}, found that to {answer.name!r}"
            raise ValueError(message)
    return pairs


def _kept(answer: _Predicate | _Score | _Refusal, question: Decided) -> dict[str, Json]:
    """Write an answer as it is recorded."""
    named: dict[str, Json] = {"name": question.name}
    match answer:
        case _Refusal():
            return {**named, "refused": True}
        case _Predicate():
            return {**named, "probability": answer.probability}
    shares = {level.label: level.probability for level in answer.probabilities}
    wanted = {str(level) for level in question.levels}
    if shares.keys() != wanted or len(shares) != len(answer.probabilities):
        message = f"{question.name!r}: expected the levels {sorted(wanted)}, found {list(shares)}"
        raise ValueError(message)
    if abs(sum(shares.values()) - 1) > _ROUNDING * len(shares):
        message = f"{question.name!r}: its probabilities add up to {sum(shares.values()):.3f}"
        raise ValueError(message)
    return {**named, "probabilities": {label: shares[label] for label in sorted(shares)}}


def _first(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    found = error.errors()[0]
    return f"{'/'.join(map(str, found['loc']))}: {found['msg']}"


def _judged(reply: Reply, questions: Sequence[Decided]) -> Judged:
    answers = reply.get("answers")
    if not isinstance(answers, list) or len(answers) != len(questions):
        raise JudgeError(f"the recorded verdict has another form: {reply!r:.80}")
    scores: dict[str, Score] = {}
    details: list[str] = []
    for answer, question in zip(answers, questions, strict=True):
        found, said = _score(answer, question)
        scores |= found
        details.append(said)
    return Judged(scores, tuple(details))


def _score(answer: Json, question: Decided) -> tuple[dict[str, Score], str]:
    name = question.name
    match answer:
        case {"refused": True}:
            declined = Broken("the judge declined the question")
            names = (name,) if question.levels else (name, f"{name}_probability")
            return dict.fromkeys(names, declined), f"{name}: declined"
        case {"probability": int() | float() as share} if not question.levels:
            true = Scored(float(share >= LIKELY))
            return {name: true, f"{name}_probability": Scored(float(share))}, f"{name}: {share:g}"
        case {"probabilities": dict() as shares} if question.levels:
            weights = {int(level): float(p) for level, p in shares.items() if _is_number(p)}
            mean = sum(level * p for level, p in weights.items()) / (sum(weights.values()) or 1)
            if weights.keys() == question.levels.keys() and mean:
                shown = ", ".join(f"{level}: {p:g}" for level, p in sorted(weights.items()) if p)
                return {name: Scored(round(mean, 6))}, f"{name}: {mean:.2f} ({shown})"
    raise JudgeError(f"the recorded verdict has another form: {answer!r:.80}")


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
