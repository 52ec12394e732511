"""The part of the configuration that is about judges."""

from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from evalgate.schema.base import Json, Model, Positive


class Caps(Model):
    """Hard limits of one run; reaching one is inconclusive and keeps what was done."""

    cost_usd: Positive | None = None
    """US dollars."""
    tokens: Annotated[int, Field(gt=0)] | None = None
    """Tokens in and out."""
    seconds: Positive | None = None
    """Wall time."""


JudgeKind = Literal[
    "claims", "ragas", "rubric", "pairwise", "decision", "selfcheck", "moderation", "user"
]
"""What a judge is asked: see `docs/judges.md`."""

RagasMetric = Literal[
    "faithfulness", "answer_relevancy", "context_precision", "tool_call_accuracy", "goal_accuracy"
]
"""Metrics of Ragas that are read through the adapter."""

_RAGAS: tuple[str, ...] = get_args(RagasMetric)
_LEVELS = (1, 2, 3, 4, 5)
_PROBABILITY = "_probability"


class Waived(Model):
    """A judge that gates without having been calibrated."""

    waived: Annotated[str, Field(min_length=1)]
    """Why; shown with every verdict."""


class Asks(Model):
    """One question of a decision."""

    asks: Annotated[str, Field(min_length=1)]
    """A statement that is true or false; with levels, what they are about."""
    levels: dict[int, str] = Field(default_factory=dict)
    """What each of the levels 1 to 5 means; empty: a statement."""


class JudgeConfig(Model):
    """A judge: a model that is asked about an answer, and how far it is trusted."""

    kind: JudgeKind
    """What it is asked."""
    model: Annotated[str, Field(min_length=1)]
    """The judge's model."""
    base_url: str = "https://api.openai.com/v1"
    """Where an OpenAI-compatible endpoint is."""
    api_key_env: str | None = "OPENAI_API_KEY"
    """Name of the variable that holds the key, never the key; null: the endpoint needs none."""
    metrics: tuple[str, ...] = ()
    """Ragas: which of its metrics (default: faithfulness). Rubric, pairwise: the metric's name
    (default for a rubric: goal_attainment). Other kinds have fixed metrics."""
    rubric: str | None = None
    """Rubric: what is asked of the answer; null: whether each of the case's own `criteria` is met.
    Pairwise: by what two answers are compared."""
    shows: Literal["answer", "conversation"] = "answer"
    """Rubric, decision: what is judged, the last answer with the calls before it, or every turn of
    the conversation and each call of a tool with what came of it."""
    levels: dict[int, str] = Field(default_factory=dict)
    """Rubric: what each of the levels 1 to 5 means; empty: a yes/no rubric."""
    votes: Annotated[int, Field(ge=1, le=25)] = 1
    """Rubric: how often it is asked; an odd number, the median or majority counts."""
    questions: dict[str, Annotated[str, Field(min_length=1)] | Asks] = Field(default_factory=dict)
    """Decision: what is asked, by the metric's name; a text is a statement. All are one call."""
    samples: Annotated[int, Field(ge=1, le=20)] = 3
    """Selfcheck: further answers to the case's input that are drawn to compare with."""
    sample_model: str | None = None
    """Selfcheck: the model they are drawn from; null: the judge's."""
    embedding_model: str = "text-embedding-3-small"
    """Ragas answer relevancy: the embedding model."""
    sampling: dict[str, Json] | None = None
    """Sampling parameters sent as they are; null: temperature 0 (1 with several votes) and
    max_tokens 4096."""
    max_context_tokens: Annotated[int, Field(gt=0)] = 100_000
    """Longest contexts of one answer, in tokens of 4 characters."""
    long_contexts: Literal["error", "cut"] = "error"
    """Longer ones: `error` breaks the score; `cut` keeps the first contexts up to the limit, the
    last of them cut at a blank, and says so in the report."""
    concurrency: Annotated[int, Field(ge=1, le=1_000)] = 8
    """Calls at once."""
    timeout_s: Positive = 60.0
    """Seconds one attempt may take."""
    caps: Caps = Caps.model_construct()
    """Hard limits of one run; what is not judged for them is broken, so inconclusive."""
    min_kappa: Annotated[float, Field(ge=-1, le=1)] = 0.6
    """Cohen's kappa against people from which on its metrics may gate."""
    min_labels: Annotated[int, Field(ge=2)] = 20
    """Labelled answers that a calibration needs."""
    calibration: str | Waived | None = None
    """File of its calibration; null: `SUITE.calibration.json` beside the baseline;
    `{waived: REASON}` lets its metrics gate without one."""

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "JudgeConfig":
        problem = self._problem()
        if problem is not None:
            raise ValueError(problem)
        return self

    @property
    def asked(self) -> dict[str, Asks]:
        """The questions of a decision, by the metric's name."""
        return {
            name: Asks(asks=one) if isinstance(one, str) else one
            for name, one in self.questions.items()
        }

    def _problem(self) -> str | None:
        if self.kind == "decision":
            return self._decision_problem()
        if self.questions:
            return f"questions are for kind: decision, not {self.kind!r}"
        if taken := [name for name in self.metrics if name.endswith(_PROBABILITY)]:
            return f"metrics: {taken[0]!r}: {_PROBABILITY} is the end of a decision's names"
        if self.kind == "rubric":
            return self._rubric_problem()
        if self.shows != "answer":
            return f"shows is for kind: rubric or decision, not {self.kind!r}"
        if self.kind == "pairwise":
            return self._pairwise_problem()
        if self.rubric is not None or self.levels or self.votes != 1:
            return f"rubric, levels and votes are for kind: rubric, not {self.kind!r}"
        if self.kind == "ragas":
            unknown = [name for name in self.metrics if name not in _RAGAS]
            return f"{unknown[0]!r} is no metric of {', '.join(_RAGAS)}" if unknown else None
        return f"metrics of kind {self.kind!r} are fixed; leave them out" if self.metrics else None

    def _decision_problem(self) -> str | None:
        if not self.questions:
            return "kind: decision needs questions: {NAME: a statement that is true or false}"
        if self.rubric is not None or self.levels or self.metrics or self.votes != 1:
            return "rubric, levels, metrics and votes are not for kind: decision; leave them out"
        if self.sampling is not None:
            return "kind: decision has no sampling: nothing is generated"
        for name, one in self.asked.items():
            if name.endswith(_PROBABILITY):
                return f"questions: {name!r} ends in {_PROBABILITY}, which a statement's has"
            if one.levels and tuple(sorted(one.levels)) != _LEVELS:
                return f"questions: {name!r}: levels must say what 1, 2, 3, 4 and 5 mean"
        return None

    def _pairwise_problem(self) -> str | None:
        if not self.rubric:
            return "kind: pairwise needs a rubric: by what two answers are compared"
        if self.levels or self.votes != 1:
            return "levels and votes are for kind: rubric; a pair is asked once in each order"
        if len(self.metrics) != 1:
            found = list(self.metrics)
            return f"kind: pairwise needs a name for its metric: metrics: [NAME], found {found!r}"
        return None

    def _rubric_problem(self) -> str | None:
        if not self.rubric and self.levels:
            return "levels need a rubric: the question that they answer"
        if len(self.metrics) > 1:
            return f"a rubric gives one metric, found {list(self.metrics)!r}"
        if not self.levels and not self.metrics:
            return "a yes/no rubric needs a name for its metric: metrics: [NAME]"
        if self.levels and tuple(sorted(self.levels)) != _LEVELS:
            return f"levels must say what 1, 2, 3, 4 and 5 mean, found {sorted(self.levels)!r}"
        return f"votes must be odd, found {self.votes}" if self.votes % 2 == 0 else None
