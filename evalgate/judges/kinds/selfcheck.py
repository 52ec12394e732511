"""SelfCheckGPT in its prompt variant: does the model say the same when it is asked again?

Further answers to the case's input are drawn from the model; then one call says of every sentence
of the answer whether each of them supports it. The score is the mean over sentences and samples of
0 (yes), .5 (cannot be told) and 1 (no), as published (Manakul et al., EMNLP 2023, section 5.5): it
finds what the model makes up, without any context, and says nothing about what it gets wrong alike
each time.
"""

from collections.abc import Awaitable, Callable
from typing import Literal

from pydantic import ValidationError

from evalgate.judges.base import Ask, Judge, Judged, JudgeError, Question, Reply, config_digest
from evalgate.judges.kinds.chat import Chat, Prompt, prompt_digest
from evalgate.judges.kinds.fence import RULE, fenced
from evalgate.schema.base import Json, Model
from evalgate.schema.judge import Evidence
from evalgate.schema.score import Abstained, Scored
from evalgate.text.claims import claims

VERSION = "selfcheck.1"
"""Changes when the same replies would give another score."""

WORST = {"selfcheck_inconsistency": Scored(1.0)}
"""Its score, as a failed trial has it."""

_SYSTEM = f"""You compare sentences with samples. {RULE}

For every numbered sentence, in order, and every sample, in order: does the sample support the \
sentence? "yes" if it says or entails it, "no" if it contradicts it or does not say it, "unclear" \
if that cannot be told. Reply with JSON: {{"sentences": [["yes", "no"], ["unclear", "yes"]]}}: one \
list a sentence, one entry a sample."""

_SCHEMA: Json = {
    "type": "object",
    "properties": {
        "sentences": {
            "type": "array",
            "items": {
                "type": "array",
                "items": {"type": "string", "enum": ["yes", "no", "unclear"]},
            },
        }
    },
    "required": ["sentences"],
    "additionalProperties": False,
}

PROMPT_DIGEST = prompt_digest(_SYSTEM, _SCHEMA)
"""Digest of the prompt."""

_VALUE = {"yes": 0.0, "unclear": 0.5, "no": 1.0}
_NOTHING = Judged(dict.fromkeys(WORST, Abstained("the answer holds no sentence to compare")))
_NO_INPUT = Judged(
    dict.fromkeys(WORST, Abstained("a script of several turns cannot be asked again in one call"))
)


class _Table(Model):
    sentences: tuple[tuple[Literal["yes", "no", "unclear"], ...], ...]


def selfcheck_judge(
    chat: Chat, sampling: dict[str, Json], *, samples: int, sample_model: str | None
) -> Judge:
    """Make a judge of self-consistency.

    Args:
        chat: The endpoint.
        sampling: Sampling parameters of the comparison; samples are drawn at temperature 1.
        samples: Further answers to draw.
        sample_model: The model they are drawn from; None: the judge's.
    """
    drawn_from = sample_model or chat.model
    sample = _sampler(chat, drawn_from, {**sampling, "temperature": 1})

    async def decide(evidence: Evidence, ask: Ask, draw: int) -> Judged:
        sentences = [claim.text for claim in claims(evidence.answer)]
        if not sentences:
            return _NOTHING
        if not _input(evidence):
            return _NO_INPUT
        others = [await sample(evidence, ask, draw * samples + n) for n in range(samples)]
        question = Question(
            kind="selfcheck",
            model=chat.model,
            prompt_digest=PROMPT_DIGEST,
            sampling=sampling,
            inputs={"answer": evidence.answer, "contexts": list(others)},
            draw=draw,
        )

        async def live() -> Reply:
            prompt = Prompt(_SYSTEM, _material(sentences, others), "comparison", _SCHEMA)
            return await chat.ask(prompt, question, lambda t: _read(t, len(sentences), samples))

        return _judged(await ask(question, live), sentences, samples)

    return Judge(
        kind="selfcheck",
        model=chat.model,
        prompt_digest=PROMPT_DIGEST,
        version=VERSION,
        config_digest=config_digest(chat.model, PROMPT_DIGEST, sampling, samples, drawn_from),
        worst=WORST,
        decide=decide,
    )


def _sampler(
    chat: Chat, model: str, sampling: dict[str, Json]
) -> Callable[[Evidence, Ask, int], Awaitable[str]]:
    """Return a way to draw a further answer, by its number."""

    async def sample(evidence: Evidence, ask: Ask, number: int) -> str:
        messages: list[Json] = [dict(m) for m in _input(evidence)]
        question = Question(
            kind="selfcheck.sample",
            model=model,
            prompt_digest=prompt_digest("sample"),
            sampling=sampling,
            inputs={"conversation": messages},
            draw=number,
        )
        reply = await ask(question, lambda: chat.complete(messages, question))
        text = reply.get("text")
        if not isinstance(text, str):
            raise JudgeError(f"the recorded sample is {text!r}, no text")
        return text

    return sample


def _input(evidence: Evidence) -> list[dict[str, Json]]:
    """Return the messages up to the user's last before the agent did anything; none for scripts."""
    head: list[dict[str, Json]] = []
    users = [m for m in evidence.conversation if m.get("role") == "user"]
    if len(users) != 1:
        return []
    for message in evidence.conversation:
        head.append(message)
        if message is users[0]:
            return head
    return []


def _material(sentences: list[str], samples: list[str]) -> str:
    numbered = "\n".join(f"{n}. {' '.join(text.split())}" for n, text in enumerate(sentences, 1))
    return fenced(
        [("SENTENCES", numbered), *((f"SAMPLE {n}", text) for n, text in enumerate(samples, 1))]
    )


def _read(text: str, sentences: int, samples: int) -> Reply:
    return _fitting(_Table.model_validate_json(text, strict=True), sentences, samples).model_dump(
        mode="json"
    )


def _fitting(table: _Table, sentences: int, samples: int) -> _Table:
    rows = {len(row) for row in table.sentences}
    if len(table.sentences) != sentences or rows != {samples}:
        message = (
            f"expected {samples} verdicts on each of {sentences} sentences, found "
            f"{[len(row) for row in table.sentences]}"
        )
        raise ValueError(message)
    return table


def _judged(reply: Reply, sentences: list[str], samples: int) -> Judged:
    try:
        table = _fitting(_Table.model_validate(reply), len(sentences), samples).sentences
    except ValidationError as error:
        raise JudgeError(f"the recorded verdict has another form: {error.errors()[0]}") from error
    except ValueError as error:
        raise JudgeError(f"the recorded verdict does not fit: {error}") from error
    means = [sum(_VALUE[word] for word in row) / samples for row in table]
    doubtful = [text for text, mean in zip(sentences, means, strict=True) if mean > 0.5]
    return Judged(
        {"selfcheck_inconsistency": Scored(sum(means) / len(means))},
        tuple(f"said otherwise when asked again: {text}" for text in doubtful),
    )
