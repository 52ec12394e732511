"""Asks Ragas: imports it, gives it a client, calls its metrics, keeps what its model replied."""

import logging
import os
import warnings
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from math import isnan
from types import MappingProxyType, TracebackType
from typing import Any, Final, Self

from evalgate.errors import MissingExtra
from evalgate.judges.base import JudgeError, Meter, Reply
from evalgate.schema.base import Json
from evalgate.schema.judge import Evidence
from evalgate.schema.usage import Usage
from evalgate.text.escape import cap
from evalgate.usage.parse import parse_usage

RAGAS_VERSION: Final = "0.4.3"
"""The version whose prompts the verdicts are made with."""

_INSTALL: Final = "pip install 'agent-evalgate[ragas]'"
_SHOWN: Final = 300
_replies: ContextVar[list[Any]] = ContextVar("ragas_replies")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where Ragas asks."""

    base_url: str
    """OpenAI-compatible, with the version."""
    key: str | None
    """The key; None: none is needed."""
    model: str
    """The judge's model."""
    embedding_model: str
    """Used by answer relevancy."""
    timeout_s: float
    """Seconds one attempt may take."""


class RagasLive:
    """Ragas, imported, with a client. Its own objects are typed loosely on purpose."""

    def __init__(self, endpoint: Endpoint, sampling: Mapping[str, Json], meter: Meter) -> None:
        """Import Ragas and connect to nothing yet.

        Args:
            endpoint: Where the judge's model is.
            sampling: Sampling parameters.
            meter: Counts what is spent.

        Raises:
            MissingExtra: Ragas is not installed, not importable, or of another version.
        """
        self.collections, self.messages, llms, embeddings = import_ragas()
        import openai  # noqa: PLC0415  # heavy

        async def count(response: Any) -> None:  # noqa: ANN401  # a response of httpx2
            if response.status_code == 200:
                await response.aread()
                _count(response, meter)

        self._client = openai.AsyncOpenAI(
            base_url=endpoint.base_url,
            api_key=endpoint.key or "none",
            timeout=endpoint.timeout_s,
            max_retries=2,
            http_client=openai.DefaultAsyncHttpx2Client(event_hooks={"response": [count]}),
        )
        # Two retries of instructor beside the first attempt; it does not repeat HTTP errors.
        inner = llms.llm_factory(endpoint.model, client=self._client, max_retries=2, **sampling)
        self._llm = _noting(llms.InstructorBaseRagasLLM, inner)
        self._embeddings = embeddings.OpenAIEmbeddings(
            client=self._client, model=endpoint.embedding_model
        )
        self._made: dict[str, Any] = {}

    async def __aenter__(self) -> Self:
        """Enter in the loop that the questions will be asked in."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close all connections."""
        await self._client.close()

    async def ask(self, name: str, evidence: Evidence) -> Reply:
        """Score one answer by one metric.

        Args:
            name: The metric, as in the configuration.
            evidence: The answer and what belongs to it.

        Raises:
            JudgeError: Ragas raised, or what it gave is no verdict.
        """
        try:
            _replies.set([])
            return await _CALLS[name](self, evidence)
        except JudgeError:
            raise
        except Exception as error:  # Ragas, instructor and openai raise without a common base
            said = cap(" ".join(f"{type(error).__name__}: {error}".split()), _SHOWN)
            raise JudgeError(f"Ragas' {name}: {said}") from error

    def metric(self, name: str) -> Any:  # noqa: ANN401  # a metric of Ragas
        """Make a metric once."""
        if name not in self._made:
            given: dict[str, Any] = {} if name == "ToolCallAccuracy" else {"llm": self._llm}
            if name == "AnswerRelevancy":
                given["embeddings"] = self._embeddings
            self._made[name] = getattr(self.collections, name)(**given)
        return self._made[name]

    async def score(self, name: str, **given: object) -> float | None:
        """Score; None for NaN."""
        value = float((await self.metric(name).ascore(**given)).value)
        return None if isnan(value) else value

    def talk(self, evidence: Evidence) -> list[Any]:
        """Write the conversation in Ragas' messages; the system's are left out."""
        return [m for m in map(self._message, evidence.conversation) if m is not None]

    def _message(self, message: Mapping[str, Any]) -> Any:  # noqa: ANN401  # a message of Ragas
        content = message.get("content") or ""
        match message.get("role"):
            case "user":
                return self.messages.HumanMessage(content=content)
            case "assistant":
                calls = self.calls(message.get("tool_calls") or ())
                return self.messages.AIMessage(content=content, tool_calls=calls or None)
            case "tool":
                return self.messages.ToolMessage(content=content)
            case _:
                return None

    def calls(self, calls: Any) -> list[Any]:  # noqa: ANN401  # parsed JSON
        """Write tool calls in Ragas' form."""
        return [self.messages.ToolCall(name=call["name"], args=call["args"]) for call in calls]


def import_ragas() -> tuple[Any, Any, Any, Any]:
    """Import Ragas without its report of usage.

    Raises:
        MissingExtra: It is not installed, not importable, or of another version.
    """
    os.environ["RAGAS_DO_NOT_TRACK"] = "true"
    try:
        found = version("ragas")
    except PackageNotFoundError as error:
        raise MissingExtra("judge kind ragas: Ragas is not installed", fix=_INSTALL) from error
    if found != RAGAS_VERSION:
        raise MissingExtra(
            f"judge kind ragas: Ragas {found} is installed; its prompts are other ones than those "
            f"of {RAGAS_VERSION}",
            fix=_INSTALL,
        )
    names = ("ragas.metrics.collections", "ragas.messages", "ragas.llms.base", "ragas.embeddings")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            collections, messages, llms, embeddings = map(import_module, names)
    except (ImportError, AttributeError, TypeError) as error:
        cause = cap(f"{type(error).__name__}: {error}", _SHOWN)
        raise MissingExtra(
            f"judge kind ragas: Ragas is installed but cannot be imported: {cause}",
            fix=f"{_INSTALL}  (its versions are known to go together)",
        ) from error
    # Their log lines and warnings repeat what the judge said, raw, on standard error.
    warnings.filterwarnings("ignore", module=r"ragas(\.|$)")
    for logger in ("instructor", "ragas"):
        logging.getLogger(logger).addHandler(logging.NullHandler())
    return collections, messages, llms, embeddings


def _noting(base: type[Any], inner: Any) -> Any:  # noqa: ANN401  # a model of Ragas
    """Wrap a model so that its structured replies are kept; Ragas asks for its own base class."""

    async def agenerate(_self: object, prompt: str, response_model: type[Any]) -> Any:  # noqa: ANN401
        reply = await inner.agenerate(prompt, response_model)
        _replies.get().append(reply)
        return reply

    def generate(_self: object, prompt: str, response_model: type[Any]) -> Any:  # noqa: ANN401
        return inner.generate(prompt, response_model)

    return type("NotingLLM", (base,), {"agenerate": agenerate, "generate": generate})()


def _count(response: Any, meter: Meter) -> None:  # noqa: ANN401  # a response of httpx2
    try:
        usage = response.json().get("usage")
    except (ValueError, AttributeError):
        usage = None
    meter.add(parse_usage(usage) if isinstance(usage, dict) else Usage())


async def _faithfulness(ragas: RagasLive, evidence: Evidence) -> Reply:
    value = await ragas.score(
        "Faithfulness",
        user_input=evidence.question or "-",
        response=evidence.answer,
        retrieved_contexts=list(evidence.contexts),
    )
    replies = _replies.get()
    statements: list[Any] = list(replies[0].statements) if replies else []
    verdicts: list[Any] = list(replies[1].statements) if len(replies) > 1 else []
    if len(statements) != len(verdicts):
        raise JudgeError(f"{len(verdicts)} verdicts on {len(statements)} statements")
    if any(item.verdict not in (0, 1) for item in verdicts):
        raise JudgeError(f"a verdict that is neither 0 nor 1: {[v.verdict for v in verdicts]}")
    rows: list[Json] = [
        {"statement": item.statement, "reason": item.reason, "verdict": item.verdict}
        for item in verdicts
    ]
    return {"value": value, "statements": rows}


async def _answer_relevancy(ragas: RagasLive, evidence: Evidence) -> Reply:
    value = await ragas.score(
        "AnswerRelevancy", user_input=evidence.question, response=evidence.answer
    )
    return {"value": value}


async def _context_precision(ragas: RagasLive, evidence: Evidence) -> Reply:
    contexts = list(evidence.contexts)
    if evidence.reference is None:
        value = await ragas.score(
            "ContextPrecisionWithoutReference",
            user_input=evidence.question,
            response=evidence.answer,
            retrieved_contexts=contexts,
        )
    else:
        value = await ragas.score(
            "ContextPrecisionWithReference",
            user_input=evidence.question,
            reference=evidence.reference,
            retrieved_contexts=contexts,
        )
    return {"value": value}


async def _tool_call_accuracy(ragas: RagasLive, evidence: Evidence) -> Reply:
    value = await ragas.score(
        "ToolCallAccuracy",
        user_input=ragas.talk(evidence),
        reference_tool_calls=ragas.calls(evidence.expected_calls or ()),
    )
    return {"value": value}


async def _goal_accuracy(ragas: RagasLive, evidence: Evidence) -> Reply:
    talk = ragas.talk(evidence)
    if evidence.reference is None:
        return {"value": await ragas.score("AgentGoalAccuracyWithoutReference", user_input=talk)}
    value = await ragas.score(
        "AgentGoalAccuracyWithReference", user_input=talk, reference=evidence.reference
    )
    return {"value": value}


_CALLS: Final[Mapping[str, Callable[[RagasLive, Evidence], Awaitable[Reply]]]] = MappingProxyType(
    {
        "faithfulness": _faithfulness,
        "answer_relevancy": _answer_relevancy,
        "context_precision": _context_precision,
        "tool_call_accuracy": _tool_call_accuracy,
        "goal_accuracy": _goal_accuracy,
    }
)
