"""Where judges get their replies: recorded verdicts, else by asking; each question once."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from evalgate.errors import InputError
from evalgate.judges.base import Ask, JudgeError, Live, Meter, Question, Reply
from evalgate.schema.config import Caps
from evalgate.schema.judge import VerdictEntry
from evalgate.stats.summary import REPLAY_MISS
from evalgate.store.verdicts import add_verdicts, read_verdicts, verdict_files
from evalgate.suite.plan import JudgeMode


@dataclass(slots=True)
class RecordedVerdicts:
    """The recorded verdicts of a suite, by key."""

    folder: Path
    """Where their files are."""
    replies: dict[str, Reply] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> "RecordedVerdicts":
        """Read all files.

        Raises:
            DataError: One of them is not readable, or was edited.
        """
        found = (verdict for path in verdict_files(folder) for verdict in read_verdicts(path))
        return cls(folder, {verdict.entry.key: verdict.entry.reply for verdict in found})

    def keep(self, case_id: str, question: Question, reply: Reply) -> None:
        """Put a verdict on disk.

        Raises:
            InputError: It cannot be written.
        """
        entry = VerdictEntry(
            judge=question.kind,
            key=question.key,
            model=question.model,
            prompt_digest=question.prompt_digest,
            sampling=dict(question.sampling),
            draw=question.draw,
            inputs={},
            reply=reply,
        )
        add_verdicts(self.folder, case_id, [(entry, question.inputs)])
        self.replies[question.key] = reply


@dataclass(frozen=True, slots=True)
class JudgeLimits:
    """How a judge may be asked."""

    mode: JudgeMode
    """Where replies come from."""
    concurrency: int
    """Calls at once."""
    caps: Caps
    """What a run may spend on it."""


class JudgeCache:
    """Answers the questions of one judge; safe to use by many trials at once."""

    def __init__(
        self,
        name: str,
        limits: JudgeLimits,
        shelf: RecordedVerdicts,
        meter: Meter,
        clock: Callable[[], float],
    ) -> None:
        """Nothing is asked yet."""
        self.cached = 0
        """Replies that were there already."""
        self._name = name
        self._limits = limits
        self._shelf = shelf
        self._meter = meter
        self._clock = clock
        self._started = clock()
        self._places = asyncio.Semaphore(limits.concurrency)
        self._asked: dict[str, asyncio.Task[Reply]] = {}

    def for_case(self, case_id: str) -> Ask:
        """Return a way to ask about one case."""

        async def ask(question: Question, live: Live) -> Reply:
            return await self._reply(case_id, question, live)

        return ask

    async def close(self) -> None:
        """End what nobody waits for any more."""
        for task in self._asked.values():
            task.cancel()
        await asyncio.gather(*self._asked.values(), return_exceptions=True)

    async def _reply(self, case_id: str, question: Question, live: Live) -> Reply:
        recorded = self._shelf.replies.get(question.key)
        if recorded is not None and self._limits.mode != "fresh":
            self.cached += 1
            return recorded
        if self._limits.mode not in ("auto", "fresh"):
            raise JudgeError(self._miss(case_id, question))
        task = self._asked.get(question.key)
        if task is None:
            task = asyncio.create_task(self._live(case_id, question, live))
            self._asked[question.key] = task
        else:
            self.cached += 1
        # The question outlives a trial that is cancelled: others may wait for the same reply.
        return await asyncio.shield(task)

    def _miss(self, case_id: str, question: Question) -> str:
        return (
            f"{REPLAY_MISS}: judge {self._name!r} has no recorded verdict on this answer of case "
            f"{case_id!r} (model {question.model}, key {question.key[:19]}); record it with "
            "`evalgate run --judge auto`, which needs the judge's key"
        )

    async def _live(self, case_id: str, question: Question, live: Live) -> Reply:
        async with self._places:
            self._refuse_over_caps()
            reply = await live()
        if self._limits.mode == "auto":
            await _kept(lambda: asyncio.to_thread(self._shelf.keep, case_id, question, reply))
        return reply

    def _refuse_over_caps(self) -> None:
        caps, meter = self._limits.caps, self._meter
        tokens = meter.input_tokens + meter.output_tokens
        spent = {
            "tokens": (caps.tokens, tokens),
            "cost_usd": (caps.cost_usd, meter.cost_usd),
            "seconds": (caps.seconds, self._clock() - self._started),
        }
        for name, (limit, used) in spent.items():
            if limit is not None and used is None:
                raise JudgeError(
                    f"judge {self._name!r}: the price of its model is unknown, so caps.cost_usd "
                    "cannot be kept; give it under prices:"
                )
            if limit is not None and used is not None and used >= limit:
                raise JudgeError(
                    f"judge {self._name!r}: caps.{name} of {limit:g} is reached ({used:g})"
                )


async def _kept(keep: Callable[[], Awaitable[None]]) -> None:
    try:
        await keep()
    except InputError as error:
        raise JudgeError(f"the verdict could not be kept: {error.message}") from error
