"""Metrics of Ragas by name, through one adapter over its current API.

Ragas is imported only to ask; a recorded verdict is read without it. It is held to one version:
its prompts are part of it, and verdicts of two prompts are not compared. What it silently does is
made loud: NaN abstains, a number of verdicts that is not the number of statements breaks the
score, a usage report to its makers is switched off, and the number of its calls is bounded by the
caller.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from evalgate.judges.base import Ask, Judge, Judged, JudgeError, Question, Reply, config_digest
from evalgate.judges.kinds.chat import prompt_digest
from evalgate.judges.kinds.ragas_live import RAGAS_VERSION, RagasLive
from evalgate.schema.base import Json
from evalgate.schema.judge import Evidence
from evalgate.schema.score import Abstained, Broken, Score, Scored

SAMPLING: Final[Mapping[str, Json]] = MappingProxyType(
    {"temperature": 0.01, "top_p": 0.1, "max_tokens": 4096}
)
"""Ragas' own sampling, but for max_tokens: its 1024 cuts long answers."""


PROMPT_DIGEST: Final = prompt_digest("ragas", RAGAS_VERSION)
"""Stands for Ragas' prompts, which are part of its version."""


@dataclass(frozen=True, slots=True)
class RagasMetric:
    """How one metric is called and read."""

    name: str
    """Its name in the configuration."""
    worst: Mapping[str, Score]
    """Its scores, as a failed trial has them."""
    uses: frozenset[str]
    """Fields of the evidence it is made of."""
    lacks: Callable[[Evidence], str | None]
    """Says why there is nothing to score."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What Ragas is asked with."""

    model: str
    """The judge's model."""
    embedding_model: str
    """Used by answer relevancy."""
    sampling: Mapping[str, Json]
    """Sampling parameters."""


def ragas_judge(asked: Asked, names: tuple[str, ...], live: RagasLive | None) -> Judge:
    """Make a judge of Ragas' metrics.

    Args:
        asked: What Ragas is asked with.
        names: Names of the metrics.
        live: Ragas; None where only recorded verdicts are read.
    """
    metrics = tuple(metric_of(name) for name in names)

    async def decide(evidence: Evidence, ask: Ask, draw: int) -> Judged:
        scores: dict[str, Score] = {}
        details: list[str] = []
        for metric in metrics:
            try:
                judged = await _one(metric, asked, live, (evidence, ask, draw))
            except JudgeError as error:
                judged = Judged(dict.fromkeys(metric.worst, Broken(str(error))))
            scores.update(judged.scores)
            details += judged.details
        return Judged(scores, tuple(details))

    embeds = asked.embedding_model if "answer_relevancy" in names else ""
    return Judge(
        kind="ragas",
        model=asked.model,
        prompt_digest=PROMPT_DIGEST,
        version=f"ragas.{RAGAS_VERSION}.1",
        config_digest=config_digest(asked.model, PROMPT_DIGEST, asked.sampling, *names, embeds),
        worst={name: score for metric in metrics for name, score in metric.worst.items()},
        decide=decide,
    )


async def _one(
    metric: RagasMetric, asked: Asked, live: RagasLive | None, call: tuple[Evidence, Ask, int]
) -> Judged:
    evidence, ask, draw = call
    lacking = metric.lacks(evidence)
    if lacking is not None:
        return Judged(dict.fromkeys(metric.worst, Abstained(lacking)))
    sampling = dict(asked.sampling)
    if metric.name == "answer_relevancy":
        sampling["embedding"] = asked.embedding_model
    question = Question(
        kind=f"ragas.{metric.name}",
        model=asked.model,
        prompt_digest=PROMPT_DIGEST,
        sampling=sampling,
        inputs=evidence.model_dump(mode="json", exclude_none=True, include=set(metric.uses)),
        draw=draw,
    )

    async def ask_ragas() -> Reply:
        if live is None:
            message = "Ragas was not opened for asking"
            raise JudgeError(message)
        return await live.ask(metric.name, evidence)

    return _judged(metric, await ask(question, ask_ragas))


def _needs(*fields: str) -> Callable[[Evidence], str | None]:
    words = {
        "question": "the case has no question",
        "answer": "the answer is empty",
        "contexts": "there are no contexts to check the answer against",
        "conversation": "nothing was said or done",
    }

    def lacks(evidence: Evidence) -> str | None:
        for name in fields:
            value = getattr(evidence, name)
            if not (value.strip() if isinstance(value, str) else value):
                return words[name]
        return None

    return lacks


def _no_expected_calls(evidence: Evidence) -> str | None:
    return "the case expects no tool calls" if evidence.expected_calls is None else None


def _ratio(name: str) -> dict[str, Score]:
    return {name: Scored(0.0)}


_METRICS: Final[Mapping[str, RagasMetric]] = MappingProxyType(
    {
        metric.name: metric
        for metric in (
            RagasMetric(
                "faithfulness",
                {"faithfulness": Scored(0.0), "hallucination": Scored(1.0)},
                frozenset({"question", "answer", "contexts"}),
                _needs("answer", "contexts"),
            ),
            RagasMetric(
                "answer_relevancy",
                _ratio("answer_relevancy"),
                frozenset({"question", "answer"}),
                _needs("question", "answer"),
            ),
            RagasMetric(
                "context_precision",
                _ratio("context_precision"),
                frozenset({"question", "answer", "contexts", "reference"}),
                _needs("question", "answer", "contexts"),
            ),
            RagasMetric(
                "tool_call_accuracy",
                _ratio("ragas_tool_call_accuracy"),
                frozenset({"conversation", "expected_calls"}),
                _no_expected_calls,
            ),
            RagasMetric(
                "goal_accuracy",
                _ratio("goal_accuracy"),
                frozenset({"conversation", "reference"}),
                _needs("conversation"),
            ),
        )
    }
)


def metric_of(name: str) -> RagasMetric:
    """Look a metric up by its name in the configuration."""
    return _METRICS[name]


def _judged(metric: RagasMetric, reply: Reply) -> Judged:
    if metric.name == "faithfulness":
        return _judged_faithfulness(reply)
    value = reply.get("value")
    if value is None:
        return Judged(dict.fromkeys(metric.worst, Abstained("Ragas gave NaN")))
    if isinstance(value, bool) or not isinstance(value, int | float) or value > 1 + 1e-6:
        raise JudgeError(f"Ragas gave {value!r}, expected at most 1")
    # A cosine below 0 says no more than 0: the questions have nothing in common.
    return Judged({name: Scored(min(max(float(value), 0.0), 1.0)) for name in metric.worst})


def _judged_faithfulness(reply: Reply) -> Judged:
    match reply:
        case {"value": _, "statements": list() as rows}:
            pass
        case _:
            raise JudgeError(f"the recorded verdict has another form: {reply!r:.80}")
    both = ("faithfulness", "hallucination")
    if not rows:
        return Judged(dict.fromkeys(both, Abstained("Ragas found no statement in the answer")))
    bad = [row for row in rows if isinstance(row, dict) and row.get("verdict") != 1]
    total, wrong = len(rows), len(bad)
    return Judged(
        {
            "faithfulness": Scored((total - wrong) / total, (total - wrong, total)),
            "hallucination": Scored(wrong / total, (wrong, total)),
        },
        tuple(f"unsupported: {row.get('statement')}" for row in bad),
    )
