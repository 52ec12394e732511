"""A conversation of the agent with a simulated user, turn by turn."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from evalgate.agents.agent_input import AgentCase
from evalgate.agents.base import Context, TrialFailed
from evalgate.agents.clock import Clock
from evalgate.agents.reply import Notes, Reply
from evalgate.schema.base import Json
from evalgate.schema.golden import Case, Message, SimulatedUser
from evalgate.schema.trace import Span, TraceUser, UserMessage
from evalgate.users.ending import OPENING, ending_of
from evalgate.users.prompt import Said
from evalgate.users.script import broken_by, never_stopped

BROKEN: Final = "the simulated user broke its script"
"""How the reason of such a trial begins."""


class Speaker(Protocol):
    """Plays a simulated user."""

    async def say(self, user: SimulatedUser, said: Sequence[Said]) -> str:
        """Return what the user says next.

        Args:
            user: Its script.
            said: The conversation so far.

        Raises:
            TrialFailed: `not_measured`: its model gave no answer.
        """


_SPEAKER: ContextVar[Speaker | None] = ContextVar("evalgate_user", default=None)


@contextmanager
def speaking(speaker: Speaker) -> Iterator[None]:
    """Let the trial that runs here talk to a user."""
    token = _SPEAKER.set(speaker)
    try:
        yield
    finally:
        _SPEAKER.reset(token)


class AskTurn(Protocol):
    """Asks the agent one turn and notes what came of it."""

    async def __call__(self, question: AgentCase, left: float, begin: float) -> Reply:
        """Ask a question.

        Args:
            question: What the agent is asked.
            left: Seconds that are left.
            begin: Seconds since the start of the trial.

        Raises:
            TrialFailed: The agent failed.
        """


@dataclass(slots=True)
class _Talk:
    """One conversation, while it goes on."""

    case: Case
    user: SimulatedUser
    context: Context
    ask: AskTurn
    clock: Clock
    notes: Notes
    start: float
    speaker: Speaker
    messages: list[dict[str, Any]] = field(default_factory=list)
    """The conversation as the agent gets it."""
    said: list[Said] = field(default_factory=list)
    """The same as the user hears it."""
    turns: int = 0
    """Messages of the user that the agent answered."""

    @property
    def now(self) -> float:
        """Seconds of the agent: what its user takes is none of its time."""
        return self.clock.now() - self.start - self.notes.paused

    async def run(self) -> None:
        """Let both speak in turn until the user stops."""
        self.open()
        while True:
            if not self.said or self.said[-1][0] == "assistant":
                await self.user_speaks()
                if self.notes.user is not None and self.notes.user.ending is not None:
                    return
            if not await self.agent_speaks():
                return

    def open(self) -> None:
        """Take over what the case says of the beginning."""
        given = self.case.input
        if isinstance(given, str):
            opening = [{"role": "user", "content": given}] if given else []
        else:
            opening = [message_of(m) for m in given if isinstance(m, Message)]
        self.messages += opening
        told = [(m["role"], _text(m.get("content"))) for m in opening]
        self.said += [(role, text) for role, text in told if role in ("user", "assistant")]
        for role, text in self.said:
            if role == "user":
                self.notes.steps.append(UserMessage(name=OPENING, content=text, start=0.0, end=0.0))

    async def user_speaks(self) -> None:
        """Ask the user, hold it to its script, and note what it says."""
        began = self.clock.now()
        try:
            text = await self.speaker.say(self.user, self.said)
        finally:
            self.notes.paused += self.clock.now() - began
        at = self.now
        self.notes.steps.append(UserMessage(content=text, start=at, end=at))
        self.hold(text)
        self.said.append(("user", text))
        self.messages.append({"role": "user", "content": text})

    def hold(self, text: str) -> None:
        """Hold the user to its script.

        Raises:
            TrialFailed: `not_measured`: it left it.
        """
        user, said = self.user, self.said
        why = broken_by(user, said, text)
        ending = None if why else ending_of(text, user)
        if why is None and ending is None and self.turns >= user.max_turns:
            why = never_stopped(user, said)
        self.notes.user = TraceUser(model=user.model, ending=ending, broken=why)
        if why is not None:
            raise TrialFailed("not_measured", f"{BROKEN}: {why}")

    async def agent_speaks(self) -> bool:
        """Ask the agent; say whether the conversation goes on."""
        begin = self.now
        left = self.context.timeout_s - begin
        if left <= 0:
            raise TrialFailed(
                "timed_out",
                f"no time was left for turn {self.turns + 1} (timeout_s: "
                f"{self.context.timeout_s:g})",
            )
        messages = [dict(message) for message in self.messages]
        question = AgentCase(self.case.id, messages, messages, self.case.contexts, self.turns)
        reply = await self.ask(question, left, begin)
        self.notes.steps.append(Span(name="turn", start=begin, end=self.now, output=reply.output))
        text = spoken(reply.output)
        self.messages.append({"role": "assistant", "content": text})
        self.said.append(("assistant", text))
        self.turns += 1
        return reply.status in (None, "finished")


async def converse(
    case: Case, context: Context, ask: AskTurn, *, clock: Clock, notes: Notes
) -> None:
    """Let the agent talk to the simulated user of a case.

    Args:
        case: The case; it has a user.
        context: The trial.
        ask: Asks the agent one turn.
        clock: Where the time comes from.
        notes: What is learned of the trial.

    Raises:
        TrialFailed: The agent failed; or, as `not_measured`, its user left the script, could not
            be asked, or nobody plays one here.
    """
    user, speaker = case.user, _SPEAKER.get()
    assert user is not None  # noqa: S101  # the caller looked
    notes.user = TraceUser(model=user.model)
    if speaker is None:
        raise TrialFailed(
            "not_measured",
            "nobody plays the simulated user here: that takes a suite with a gateway whose agent "
            "runs on this machine",
        )
    token = _SPEAKER.set(None)  # an agent of this process gets no hold of its user
    try:
        await _Talk(case, user, context, ask, clock, notes, clock.now(), speaker).run()
    finally:
        _SPEAKER.reset(token)


def message_of(message: Message) -> dict[str, Any]:
    """Return a message of a case as the agent gets it."""
    return message.model_dump(mode="json", exclude_none=True)


def spoken(output: Json) -> str:
    """Return an answer as the text of an assistant message."""
    return output if isinstance(output, str) else json.dumps(output, ensure_ascii=False)


def _text(content: object) -> str:
    """Return the text of a message; of a list of parts, the parts that are text."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = (part.get("text") for part in parts if isinstance(part, dict))
    return "\n".join(text for text in texts if isinstance(text, str))
