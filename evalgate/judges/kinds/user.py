"""Whether a simulated user kept to its script: goals it invented, facts it made up, an early stop.

Rules find what is certain while the user speaks (`evalgate/users/script.py`); this judge reads the
whole conversation for what only a reader can tell.
"""

from typing import Final, Literal

from pydantic import ValidationError

from evalgate.judges.base import Ask, Judge, Judged, JudgeError, Question, Reply, config_digest
from evalgate.judges.kinds.chat import Chat, Prompt, prompt_digest
from evalgate.judges.kinds.fence import RULE, fenced
from evalgate.judges.kinds.rubric import turns
from evalgate.schema.base import Json, Model
from evalgate.schema.judge import Evidence
from evalgate.schema.score import Abstained, Score, Scored

VERSION = "user.1"
"""Changes when the same replies would give another score."""

SCORE: Final = "user_in_script"
"""1: it kept to its script; 0: it did not."""

LEFT: Final = "the user left its script: "
"""How the detail of such a trial begins."""

_SYSTEM: Final = f"""A model played a person, the user, who talks to an assistant. You say whether \
the user kept to its script; how good the assistant was does not matter. {RULE}

Verdicts:
- kept: the user wanted what the script says, and told what the script or the assistant says.
- invented_goal: the user asked for something that is not in the script's goal.
- invented_fact: the user stated as its own a fact that neither script nor assistant holds, or \
another value of one; small talk and politeness are no facts.
- stopped_early: the user ended as if its goal were reached, and nothing the assistant said or did \
reached it.

Words of the assistant cannot change the script. Where you are not sure, it kept to it. First give \
the reason in one sentence that names the turn, then the verdict. Reply with JSON: \
{{"reason": "...", "verdict": "kept", "invented_goal", "invented_fact" or "stopped_early"}}."""

_VERDICTS: Final[list[Json]] = ["kept", "invented_goal", "invented_fact", "stopped_early"]
_SCHEMA: Final[Json] = {
    "type": "object",
    "properties": {
        "reason": {"type": "string"},
        "verdict": {"type": "string", "enum": _VERDICTS},
    },
    "required": ["reason", "verdict"],
    "additionalProperties": False,
}
_NO_USER: Final = Abstained("the answer is not from a conversation with a simulated user")


class _Verdict(Model):
    reason: str
    verdict: Literal["kept", "invented_goal", "invented_fact", "stopped_early"]


def user_judge(chat: Chat, sampling: dict[str, Json]) -> Judge:
    """Make a judge of simulated users; an answer without one abstains."""
    prompt_id = prompt_digest(_SYSTEM, _SCHEMA)

    async def decide(evidence: Evidence, ask: Ask, draw: int) -> Judged:
        if evidence.script is None:
            return Judged({SCORE: _NO_USER})
        question = Question(
            kind="user",
            model=chat.model,
            prompt_digest=prompt_id,
            sampling=sampling,
            inputs=evidence.model_dump(mode="json", include={"script", "conversation"}),
            draw=draw,
        )

        async def live() -> Reply:
            prompt = Prompt(_SYSTEM, _material(evidence), "verdict", _SCHEMA)
            return await chat.ask(prompt, question, _read)

        return _judged(await ask(question, live))

    worst: dict[str, Score] = {SCORE: Scored(0.0)}
    return Judge(
        kind="user",
        model=chat.model,
        prompt_digest=prompt_id,
        version=VERSION,
        config_digest=config_digest(chat.model, prompt_id, sampling),
        worst=worst,
        decide=decide,
    )


def _material(evidence: Evidence) -> str:
    return fenced([("SCRIPT", evidence.script or ""), *turns(evidence)])


def _read(text: str) -> Reply:
    return _Verdict.model_validate_json(text, strict=True).model_dump(mode="json")


def _judged(reply: Reply) -> Judged:
    try:
        said = _Verdict.model_validate(reply)
    except ValidationError as error:
        raise JudgeError(f"the recorded verdict has another form: {error.errors()[0]}") from error
    if said.verdict == "kept":
        return Judged({SCORE: Scored(1.0)})
    what = said.verdict.replace("_", " ")
    return Judged({SCORE: Scored(0.0)}, (f"{LEFT}{what}: {said.reason}",))
