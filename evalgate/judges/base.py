"""What every judge is made of: a question that is asked once, a reply, and what it costs.

A judge is a function of evidence and of a way to ask. It builds its questions, asks them, and
turns the replies into scores; whether a reply comes from a model or from a file is not its
business. A failure of the judge is a `JudgeError`, which becomes a broken score.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from evalgate.schema.base import Json
from evalgate.schema.canonical import digest
from evalgate.schema.judge import Evidence
from evalgate.schema.score import Score
from evalgate.schema.usage import Usage

Reply = dict[str, Json]
"""What a judge replied: an object of the asked form."""

Live = Callable[[], Awaitable[Reply]]
"""Really asks; raises `JudgeError`."""


class JudgeError(Exception):
    """The judge gave no usable verdict; says nothing about the agent."""


@dataclass(frozen=True)
class Question:
    """One call of a judge; two with one key have one reply."""

    kind: str
    """Kind of the judge."""
    model: str
    """The model that is asked."""
    prompt_digest: str
    """Digest of the prompt around the inputs."""
    sampling: Mapping[str, Json]
    """Sampling parameters."""
    inputs: Mapping[str, Json]
    """What is judged."""
    draw: int = 0
    """Number of the draw, where one question is asked several times."""

    @cached_property
    def key(self) -> str:
        """Digest of all that the reply depends on."""
        parts: list[Json] = [
            self.kind,
            self.model,
            self.prompt_digest,
            dict(self.sampling),
            self.draw,
            dict(self.inputs),
        ]
        return digest(parts)


Ask = Callable[[Question, Live], Awaitable[Reply]]
"""Gets the reply to a question, from a file or by asking; raises `JudgeError`."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What a judge says of one answer."""

    scores: Mapping[str, Score]
    """One score for each name of the judge."""
    details: tuple[str, ...] = ()
    """What is behind them, in words."""


class Decide(Protocol):
    """Judges one answer."""

    async def __call__(self, evidence: Evidence, ask: Ask, draw: int) -> Judged:
        """Judge an answer.

        Args:
            evidence: The answer and what belongs to it.
            ask: Gets replies.
            draw: Number of the repetition, from 0, where an answer is judged several times.

        Raises:
            JudgeError: A reply could not be had or does not have its form.
        """
        ...


@dataclass(frozen=True, slots=True)
class Judge:
    """A judge that is ready to be asked."""

    kind: str
    """What it is asked."""
    model: str
    """Its model."""
    prompt_digest: str
    """Digest of its prompts."""
    version: str
    """Changes when the same replies would give other scores."""
    config_digest: str
    """Digest of all that its scores depend on beside the version."""
    worst: Mapping[str, Score]
    """Its scores by name, each as a failed trial has it."""
    decide: Decide
    """Judges one answer."""

    @property
    def scores(self) -> tuple[str, ...]:
        """Names of its scores."""
        return tuple(self.worst)


def config_digest(model: str, prompt: str, sampling: Mapping[str, Json], *more: Json) -> str:
    """Return 12 hexadecimal digits over all that a judge's scores depend on."""
    parts: list[Json] = [model, prompt, dict(sampling), *more]
    return digest(parts).removeprefix("sha256:")[:12]


@dataclass(slots=True)
class Meter:
    """Counts what a judge spends; grows while it is asked."""

    calls: int = 0
    """Attempts that reached the model."""
    input_tokens: int = 0
    """Input tokens."""
    output_tokens: int = 0
    """Output tokens."""
    cost_usd: float | None = 0.0
    """USD; None once a call of unknown cost was made."""
    price: Callable[[Usage], float | None] = field(default=lambda _usage: None, repr=False)
    """What a call used to USD; None where the price is unknown."""

    def add(self, usage: Usage) -> None:
        """Count one call; unknown tokens make the cost unknown."""
        self.calls += 1
        self.input_tokens += usage.input_tokens or 0
        self.output_tokens += usage.output_tokens or 0
        cost = self.price(usage)
        self.cost_usd = None if cost is None or self.cost_usd is None else self.cost_usd + cost
