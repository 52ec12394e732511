"""One trial: asks an agent turn by turn, and makes a trace of whatever comes of it."""

from collections.abc import Awaitable, Callable
from typing import Any

from evalgate.agents.agent_input import AgentCase
from evalgate.agents.base import Context, TrialFailed
from evalgate.agents.clock import Clock
from evalgate.agents.conversation import AskTurn, converse, message_of, spoken
from evalgate.agents.reply import Notes, Reply, make_trace, read_reply, shifted, without_claims
from evalgate.schema.golden import Case, Script
from evalgate.schema.trace import Span, Trace, UserMessage

Ask = Callable[[AgentCase, float], Awaitable[str | bytes]]
"""Asks the agent one turn: the question and the seconds that are left; returns the fields of a
reply as JSON text, or raises `TrialFailed`."""


async def run_trial(
    case: Case, context: Context, ask: Ask, *, clock: Clock, trust_reported: bool
) -> Trace:
    """Do one trial.

    Args:
        case: The case.
        context: The trial.
        ask: Asks the agent one turn.
        clock: Where the time comes from.
        trust_reported: Whether scores and costs that the agent reports about itself count.
    """
    started_at, start = clock.timestamp(), clock.now()
    notes, failed = Notes(), None
    try:
        if case.user is not None:
            await converse(case, context, _asker(ask, notes), clock=clock, notes=notes)
        elif isinstance(case.input, Script):
            await _run_script(case, case.input, context, ask, clock, notes)
        else:
            raw = await ask(_question(case), context.timeout_s)
            _note(notes, read_reply(raw), 0.0)
    except TrialFailed as failure:
        failed = failure
    duration = max(clock.now() - start - notes.paused, 0.0)
    trace = make_trace(case.id, context.trial, notes, (started_at, duration), failed)
    return trace if trust_reported else without_claims(trace)


def _question(case: Case) -> AgentCase:
    """Return what the agent sees of a case with a text or with messages."""
    if isinstance(case.input, str):
        messages: list[dict[str, Any]] = [{"role": "user", "content": case.input}]
        return AgentCase(case.id, case.input, messages, case.contexts)
    assert not isinstance(case.input, Script)  # noqa: S101  # tells mypy; scripts go turn by turn
    messages = [message_of(message) for message in case.input]
    return AgentCase(case.id, messages, messages, case.contexts)


def _asker(ask: Ask, notes: Notes) -> AskTurn:
    """Ask the agent a turn, and note what it replied."""

    async def asked(question: AgentCase, left: float, begin: float) -> Reply:
        reply = read_reply(await ask(question, left))
        _note(notes, reply, begin)
        return reply

    return asked


async def _run_script(  # one trial's whole surroundings
    case: Case, script: Script, context: Context, ask: Ask, clock: Clock, notes: Notes
) -> None:
    """Send the user's turns one after another, each with all that was said before."""
    start = clock.now()
    said: list[dict[str, Any]] = []
    if script.system is not None:
        said.append({"role": "system", "content": script.system})
    for turn, content in enumerate(script.turns):
        said.append({"role": "user", "content": content})
        begin = clock.now() - start
        notes.steps.append(UserMessage(content=content, start=begin, end=begin))
        left = context.timeout_s - begin
        if left <= 0:
            raise TrialFailed("timed_out", _late(context, turn, script))
        messages = [dict(message) for message in said]
        raw = await ask(AgentCase(case.id, messages, messages, case.contexts, turn), left)
        reply = read_reply(raw)
        _note(notes, reply, begin)
        notes.steps.append(
            Span(name="turn", start=begin, end=clock.now() - start, output=reply.output)
        )
        if reply.status not in (None, "finished"):
            return
        said.append({"role": "assistant", "content": spoken(reply.output)})


def _late(context: Context, turn: int, script: Script) -> str:
    return (
        f"no time was left for turn {turn + 1} of {len(script.turns)} "
        f"(timeout_s: {context.timeout_s:g})"
    )


def _note(notes: Notes, reply: Reply, begin: float) -> None:
    notes.last = reply
    notes.costs.append(reply.cost_usd)
    notes.scores.extend(reply.scores)
    notes.steps.extend(shifted(reply.steps, begin) if begin else reply.steps)
