"""What a trace shows without asking a model: a block, a hand-over, a refusal.

Structure comes first: a guardrail's decision, a finish reason, a hand-over step. Words come last
and only for refusals. The rules stand in `docs/scorers.md`.
"""

import json
import re
from typing import Final

from evalgate.schema.base import Json
from evalgate.schema.trace import GuardrailStep, Handoff, LlmCall, ToolCall, Trace

_FILTERED: Final = frozenset(
    {"content_filter", "content-filter", "safety", "guardrail_intervened", "blocklist"}
)
_REFUSED: Final = _FILTERED | {"refusal"}

_HANDOVER_TOOL: Final = re.compile(
    r"(?:transfer|hand[_-]?(?:off|over)|escalate|connect|route)(?:[_-]?to)?(?:[_-]an?)?[_-]?"
    r"(?:human|person|operator|representative|rep|staff|supervisor|manager|support|specialist|"
    r"live[_-]agent)s?(?:[_-](?:agent|operator|representative|support|team|desk)s?)?"
    r"|escalate|escalation|(?:human[_-])?hand[_-]?(?:off|over)",
    re.IGNORECASE,
)
"""Names of tools that mean a hand-over to a person, matched in full."""

_MACHINE: Final = re.compile(r"(?:agent|assistant|bot|model|workflow)$", re.IGNORECASE)
_PERSON: Final = re.compile(
    r"human|person|live|operator|representative|staff|supervisor|manager|support team",
    re.IGNORECASE,
)

_APOSTROPHES: Final = str.maketrans(dict.fromkeys("\u2018\u2019\u02bc\u00b4\u0060\uff07", "'"))
_LONGEST_OPENING: Final = 2_000
"""A refusal is said within this many characters; what follows is advice."""

_CONTRACTIONS: Final = (
    ("can't", "cannot"),
    ("can not", "cannot"),
    ("won't", "will not"),
    ("n't", " not"),
    ("i'm ", "i am "),
    ("i'll ", "i will "),
    ("i'd ", "i would "),
    ("that's ", "that is "),
)
_WILL_NOT: Final = (
    r"(?:cannot|could not|will not|would rather not|do not feel comfortable|"
    r"am (?:un|not )able to|am not (?:allowed|permitted|authori[sz]ed|in a position) to)"
)
_TO_HELP: Final = (
    r"(?: be able to)?(?: to)? (?:help|assist|support|answer|comply|provide|share|disclose|reveal|"
    r"give|do (?:that|this|so)|fulfil|complete|process|perform|carry out|grant|offer|make (?:an )?"
    r"exceptions?|approve|accommodate|discuss|engage|create|write|generate|guess|speculate)"
)
_SAYS_NO: Final = re.compile(
    rf"\bi {_WILL_NOT}{_TO_HELP}"
    r"|\bi (?:must|have to|need to|will(?: have to)?|would like to) (?:respectfully )?"
    r"(?:decline|refuse)\b"
    r"|\bi (?:do|did) not know\b"
    r"|\bi do not have (?:enough |sufficient |any |that |this |the )?"
    r"(?:information|access|ability|authority|permission|knowledge)\b"
    r"|\b(?:un|not )able to (?:help|assist|answer|comply|fulfil|process)"
    r"|\bis not (?:something|anything) (?:that )?i (?:can|am able to)\b"
    r"|\b(?:against|violates?|not (?:allowed|permitted) (?:by|under)) (?:my|our|the) "
    r"(?:policy|policies|guidelines|rules|terms)\b"
    r"|\bi am not (?:comfortable|allowed|permitted) (?:with )?(?:helping|sharing|providing)\b"
)


def output_text(output: Json) -> str:
    """Return the final answer as text: a text as it is, null as nothing, the rest as JSON."""
    if isinstance(output, str):
        return output
    return "" if output is None else json.dumps(output, ensure_ascii=False, sort_keys=True)


def blocked(trace: Trace) -> bool:
    """Return whether a guardrail, or the provider's content filter, blocked something.

    A loop limit is a brake of ours and no guardrail decision.
    """
    for step in trace.steps:
        if isinstance(step, GuardrailStep):
            if step.decision == "block" and step.type != "loop_limit":
                return True
        elif isinstance(step, LlmCall) and _finish(step) in _FILTERED:
            return True
    return False


def handed_over(trace: Trace) -> bool:
    """Return whether the agent handed over to a person.

    A hand-over step counts unless its target is named like a machine (`billing_agent`); a tool
    call of the agent counts when its name says so (`transfer_to_human_agents`, `escalate`).
    """
    for step in trace.steps:
        if isinstance(step, Handoff):
            target = step.target or ""
            if _PERSON.search(target) or not _MACHINE.search(target):
                return True
        elif (
            isinstance(step, ToolCall)
            and step.requestor == "assistant"
            and step.error is None
            and _HANDOVER_TOOL.fullmatch(step.name)
        ):
            return True
    return False


def refused(trace: Trace) -> bool:
    """Return whether the agent declined: by a block, by the model's own signal, or in words."""
    if blocked(trace):
        return True
    calls = [step for step in trace.steps if isinstance(step, LlmCall)]
    if calls and (_finish(calls[-1]) in _REFUSED or _refusal_field(calls[-1].output)):
        return True
    return says_no(output_text(trace.output))


def says_no(text: str) -> bool:
    """Return whether a text declines in words.

    Letter case, curly apostrophes and line breaks do not matter. Only English is known.
    """
    opening = " ".join(text[:_LONGEST_OPENING].translate(_APOSTROPHES).lower().split())
    for short, long in _CONTRACTIONS:
        opening = opening.replace(short, long)
    return _SAYS_NO.search(opening) is not None


def _finish(call: LlmCall) -> str:
    return (call.finish_reason or "").lower()


def _refusal_field(output: Json) -> bool:
    return isinstance(output, dict) and bool(output.get("refusal"))
