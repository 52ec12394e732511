"""Faithfulness in one call: the claims of an answer, each with a verdict and its evidence.

The definition is that of Ragas (claims that the contexts support over all claims); a claim counts
as supported only if the passage that the judge quotes for it really stands in a context.
"""

import re
import unicodedata
from collections.abc import Sequence

from pydantic import ValidationError

from evalgate.judges.base import Ask, Judge, Judged, JudgeError, Question, Reply, config_digest
from evalgate.judges.kinds.chat import Chat, Prompt, prompt_digest
from evalgate.judges.kinds.fence import RULE, fenced
from evalgate.schema.base import Json, Model
from evalgate.schema.judge import Evidence
from evalgate.schema.score import Abstained, Scored
from evalgate.text.numerals import NUMBER_EDGE, plain_digits

VERSION = "claims.1"
"""Changes when the same reply would give another score."""

WORST = {"faithfulness": Scored(0.0), "hallucination": Scored(1.0)}
"""Its scores, as a failed trial has them."""

_SYSTEM = f"""You check an answer against contexts. {RULE}

1. Split the answer into claims: the smallest statements that are true or false on their own, in \
the answer's words, pronouns replaced by what they stand for, none left out, none added. \
Greetings, questions, offers and "I don't know" are no claims.
2. A claim is supported only if the contexts alone state or directly entail it, with its numbers, \
names and negations. What you know from elsewhere does not count, nor does what the answer or the \
question says of itself.
3. In "quote", copy word for word the shortest passage of one context that supports the claim \
(parts joined with " ... "); leave it empty if there is none.

Reply with JSON: {{"claims": [{{"claim": "...", "quote": "...", "supported": true}}]}}. No claims: \
an empty list."""

_SCHEMA: Json = {
    "type": "object",
    "properties": {
        "claims": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "claim": {"type": "string"},
                    "quote": {"type": "string"},
                    "supported": {"type": "boolean"},
                },
                "required": ["claim", "quote", "supported"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["claims"],
    "additionalProperties": False,
}

PROMPT_DIGEST = prompt_digest(_SYSTEM, _SCHEMA)
"""Digest of the prompt."""

_NOTHING = "the answer is empty"
_NO_CONTEXTS = "there are no contexts to check the answer against"
_NO_CLAIMS = "the answer makes no claim"
_SPACED = r"[^\W\u0e00-\u109f\u1780-\u17ff\u2e80-\U0010ffff]"
"""Letters and digits of scripts that set blanks between words: no Thai, Khmer, Chinese, ..."""
_IS_SPACED = re.compile(_SPACED)
_BLANKS = re.compile(r"\s+")
_GAP = re.compile(r"\s*(?:\.\.\.|\u2026|\[\.\.\.\])\s*")
_QUOTES = str.maketrans("\u2018\u2019\u201c\u201d\u2013\u2014\u2010\u2011", "''\"\"----")


class _Claim(Model):
    claim: str
    quote: str
    supported: bool


class _Claims(Model):
    claims: tuple[_Claim, ...]


def _read(text: str) -> Reply:
    """Check the form of a reply.

    Raises:
        ValueError: It has another.
    """
    return _Claims.model_validate_json(text, strict=True).model_dump(mode="json")


def claims_judge(chat: Chat, sampling: dict[str, Json]) -> Judge:
    """Make a judge that asks for claims and verdicts in one structured call."""

    async def decide(evidence: Evidence, ask: Ask, draw: int) -> Judged:
        if not evidence.answer.strip():
            return _nothing(_NOTHING)
        if not evidence.contexts:
            return _nothing(_NO_CONTEXTS)
        question = Question(
            kind="claims",
            model=chat.model,
            prompt_digest=PROMPT_DIGEST,
            sampling=sampling,
            inputs={
                "question": evidence.question,
                "answer": evidence.answer,
                "contexts": list(evidence.contexts),
            },
            draw=draw,
        )

        async def live() -> Reply:
            prompt = Prompt(_SYSTEM, _material(evidence), "claims", _SCHEMA)
            return await chat.ask(prompt, question, _read)

        return _judged(await ask(question, live), evidence.contexts)

    return Judge(
        kind="claims",
        model=chat.model,
        prompt_digest=PROMPT_DIGEST,
        version=VERSION,
        config_digest=config_digest(chat.model, PROMPT_DIGEST, sampling),
        worst=WORST,
        decide=decide,
    )


def _material(evidence: Evidence) -> str:
    contexts = ((f"CONTEXT {n}", text) for n, text in enumerate(evidence.contexts, start=1))
    return fenced(
        [("QUESTION", evidence.question), *contexts, ("ANSWER", evidence.answer)],
    )


def _nothing(reason: str) -> Judged:
    return Judged(dict.fromkeys(WORST, Abstained(reason)))


def _judged(reply: Reply, contexts: Sequence[str]) -> Judged:
    try:
        claims = _Claims.model_validate(reply).claims
    except ValidationError as error:
        raise JudgeError(f"the recorded verdict has another form: {error.errors()[0]}") from error
    if not claims:
        return _nothing(_NO_CLAIMS)
    normal = [_normal(context) for context in contexts]
    unsupported = [
        claim for claim in claims if not (claim.supported and _stands_in(claim.quote, normal))
    ]
    total, bad = len(claims), len(unsupported)
    return Judged(
        {
            "faithfulness": Scored((total - bad) / total, (total - bad, total)),
            "hallucination": Scored(bad / total, (bad, total)),
        },
        tuple(_why(claim) for claim in unsupported),
    )


def _why(claim: _Claim) -> str:
    if claim.supported and claim.quote.strip():
        return f"unsupported: {claim.claim} (its quote stands in no context: {claim.quote})"
    return f"unsupported: {claim.claim}"


def is_quoted(quote: str, contexts: Sequence[str]) -> bool:
    """Say whether a passage stands in one of the contexts, letter case and blanks aside.

    Parts joined by `...` must follow one another in the same context; words are not cut.
    """
    return _stands_in(quote, [_normal(context) for context in contexts])


def _stands_in(quote: str, contexts: Sequence[str]) -> bool:
    parts = [part.strip(" \"'.,;:") for part in _GAP.split(_normal(quote))]
    parts = [part for part in parts if any(map(str.isalnum, part))]
    return bool(parts) and any(_follow(parts, context) for context in contexts)


def _follow(parts: Sequence[str], context: str) -> bool:
    at = 0
    for part in parts:
        match = re.compile(_whole(part)).search(context, at)
        if match is None:
            return False
        at = match.end()
    return True


def _whole(part: str) -> str:
    """Return a pattern that does not cut words, in scripts that set blanks between them."""
    first, last = _edge(part[0]), _edge(part[-1])
    before = f"(?<!{first})" if first else ""
    after = f"(?!{last})" if last else ""
    return f"{before}{re.escape(part)}{after}"


def _edge(char: str) -> str | None:
    """Return what may not stand beside a character, where it begins or ends a passage."""
    if char.isdecimal():
        return NUMBER_EDGE
    return _SPACED if _IS_SPACED.match(char) else None


def _normal(text: str) -> str:
    plain = plain_digits(unicodedata.normalize("NFKC", text)).translate(_QUOTES)
    return _BLANKS.sub(" ", plain).strip().casefold()
