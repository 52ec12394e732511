"""Drafts golden cases from what was observed: proposals for a person to review."""

from collections.abc import Iterable, Mapping
from typing import Any

from evalgate.importers.observed import proposed_calls
from evalgate.importers.parts import read_message
from evalgate.schema.base import Json
from evalgate.schema.fingerprint import case_digest
from evalgate.schema.golden import Case, Expected, OutputExpectation, Script
from evalgate.schema.trace import Handoff, LlmCall, Span, Trace, UserMessage
from evalgate.text.redact import Redactor

__all__ = ["draft_cases", "observed_input"]

Input = str | tuple[Any, ...] | Script


def draft_cases(
    traces: Iterable[Trace],
    known: Mapping[str, Case],
    redactor: Redactor,
    taken: Iterable[Case] = (),
) -> tuple[list[Case], list[str]]:
    """Draft one case a distinct input.

    Args:
        traces: What was observed.
        known: Cases the traces may belong to, by id; they give the input where they do.
        redactor: Takes secrets out.
        taken: Cases that exist already; what they ask is not drafted again.

    Returns:
        The drafts, and a sentence for each trace that gave none.
    """
    drafts: list[Case] = []
    skipped: list[str] = []
    seen = {_asked(case.input) for case in taken}
    for trace in traces:
        case = known.get(trace.case_id)
        given = observed_input(trace) if case is None else case.input
        if given is None:
            skipped.append(f"{trace.case_id!r}: no input was recorded (no user message, no prompt)")
        elif trace.status != "finished":
            skipped.append(f"{trace.case_id!r}: the trial is {trace.status}, not finished")
        elif _asked(given) in seen:
            skipped.append(f"{trace.case_id!r}: the same input is there already")
        else:
            seen.add(_asked(given))
            drafts.append(_draft(trace, given, redactor))
    return drafts, skipped


def observed_input(trace: Trace) -> Input | None:
    """Find what the user asked: user messages, else the first prompt, else the first span."""
    said = [step.content for step in trace.steps if isinstance(step, UserMessage) and step.content]
    if not said:
        said = next((_users(s.input) for s in trace.steps if isinstance(s, LlmCall)), [])
    if not said:
        said = [s.input for s in trace.steps if isinstance(s, Span) and isinstance(s.input, str)]
        said = said[:1]
    match said:
        case []:
            return None
        case [text]:
            return text
        case turns:
            return Script(turns=tuple(turns))


def _users(messages: Json) -> list[str]:
    rows = [read_message(row) for row in messages] if isinstance(messages, list) else []
    return [row.text for row in rows if row.role == "user" and row.text]


def _draft(trace: Trace, given: Input, redactor: Redactor) -> Case:
    calls = proposed_calls(trace.steps)
    handed = any(isinstance(step, Handoff) for step in trace.steps)
    said = None if trace.output is None else OutputExpectation(equals=trace.output)
    expected = Expected(output=said, handoff=True if handed else None)
    if calls is not None and trace.steps:  # a trace of no steps does not say that none was made
        about_calls = {"tool_calls": calls, "tool_match": "in_order"}
        expected = expected.model_copy(update=about_calls)
    case = Case(
        id="draft",
        input=given,
        expected=expected,
        status="draft",
        tags=tuple(tag for tag in (trace.intent, trace.channel) if tag),
        metadata={"proposed_from": trace.case_id, "trial": trace.trial},
    )
    clean = Case.model_validate(redactor.redact_json(case.model_dump(mode="json")))
    return clean.model_copy(update={"id": f"draft-{case_digest(clean)[:8]}"})


def _asked(given: object) -> str:
    """Reduce an input to what makes two of them the same question."""
    if isinstance(given, Script):
        return " ".join(given.turns).casefold().strip()
    if isinstance(given, tuple):
        return " ".join(str(getattr(message, "content", message)) for message in given).casefold()
    return str(given).casefold().strip()
