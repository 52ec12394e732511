"""Which scores and metrics the judges of a suite give, before any of them is asked."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from evalgate.errors import ConfigError
from evalgate.metrics.metric import Metric
from evalgate.metrics.registry import METRICS
from evalgate.schema.config import JudgeConfig
from evalgate.schema.config_parts.judge import Asks

_RAGAS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "faithfulness": ("faithfulness", "hallucination"),
        "answer_relevancy": ("answer_relevancy",),
        "context_precision": ("context_precision",),
        "tool_call_accuracy": ("ragas_tool_call_accuracy",),
        "goal_accuracy": ("goal_accuracy",),
    }
)
_DOCS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "answer_relevancy": "Ragas: mean cosine of the question and of questions that its model "
        "made from the answer.",
        "context_precision": "Ragas: average precision of the contexts, as its model finds them "
        "useful for the expected answer, else for the answer given.",
        "ragas_tool_call_accuracy": "Ragas: share of equal arguments where the expected calls "
        "were made in their order, else 0.",
        "goal_accuracy": "Ragas: whether its model finds the goal reached.",
        "selfcheck_inconsistency": "SelfCheckGPT, prompt variant: how little of the answer the "
        "model says again when it is asked again.",
        "user_in_script": "The simulated user kept to its script; a trial whose user did not is "
        "not measured.",
    }
)
_LOWER: Final = 0.02
_PROBABILITY: Final = "_probability"


def native_scores(config: JudgeConfig) -> tuple[str, ...]:
    """Name the scores of one judge, as it gives them."""
    match config.kind:
        case "claims":
            return _RAGAS["faithfulness"]
        case "ragas":
            names = config.metrics or ("faithfulness",)
            return tuple(score for name in names for score in _RAGAS[name])
        case "rubric":
            metric = config.metrics[0] if config.metrics else "goal_attainment"
            return (metric, "goal_success") if metric == "goal_attainment" else (metric,)
        case "pairwise":
            return (config.metrics[0], f"{config.metrics[0]}_inconsistency")
        case "decision":
            return tuple(score for name, q in config.asked.items() for score in _decided(name, q))
        case "selfcheck":
            return ("selfcheck_inconsistency",)
        case "moderation":
            return ("toxicity",)
        case "user":
            return ("user_in_script",)


def _decided(name: str, question: Asks) -> tuple[str, ...]:
    return (name,) if question.levels else (name, f"{name}{_PROBABILITY}")


def judge_scores(judges: Mapping[str, JudgeConfig]) -> dict[str, dict[str, str]]:
    """Name the scores of every judge: by judge, its own name of a score and the suite's.

    The first judge that gives a score gives the suite's; that of a further one is called
    `SCORE_JUDGE`, so that two judges can be compared.
    """
    taken: set[str] = set()
    found: dict[str, dict[str, str]] = {}
    for judge, config in judges.items():
        names = native_scores(config)
        found[judge] = {name: f"{name}_{judge}" if name in taken else name for name in names}
        taken |= set(found[judge].values())
    return found


def judged_metrics(judges: Mapping[str, JudgeConfig]) -> dict[str, Metric]:
    """Define the metrics of the judges that are not in the registry.

    Raises:
        ConfigError: A rubric takes the name of another metric.
    """
    by_score = {metric.score: metric for metric in METRICS.values() if metric.aggregate == "mean"}
    metrics: dict[str, Metric] = {}
    for judge, scores in judge_scores(judges).items():
        config = judges[judge]
        for native, score in scores.items():
            known = by_score.get(native)
            named = config.kind in ("rubric", "pairwise", "decision")
            goal = config.kind != "decision" and native in ("goal_attainment", "goal_success")
            if named and not goal:
                _refuse_taken(judge, native, known is not None or native in METRICS)
            if known is None or score != native:
                metrics[score] = _metric(score, native, judge, config)
    return metrics


def labelled_score(native: str) -> str:
    """Return the score that people label for a score: those of one verdict share it."""
    own = native.removesuffix(_PROBABILITY)
    return {"hallucination": "faithfulness", "goal_success": "goal_attainment"}.get(own, own)


def _refuse_taken(judge: str, name: str, taken: bool) -> None:  # noqa: FBT001  # private
    if taken:
        raise ConfigError(
            f"judge {judge!r}: its rubric's metric {name!r} is the name of a built-in metric",
            fix="choose another name under metrics: [NAME]",
        )


def _metric(score: str, native: str, judge: str, config: JudgeConfig) -> Metric:
    asked = config.asked.get(native)
    levels = config.kind == "rubric" and bool(config.levels) and native != "goal_success"
    levels = levels or (asked is not None and bool(asked.levels))
    lower = native in ("hallucination", "toxicity", "selfcheck_inconsistency")
    doc = _DOCS.get(native, f"What the rubric of judge {judge} says.")
    if config.kind == "decision":
        likely = "how likely" if native.endswith(_PROBABILITY) else "how far"
        likely = "whether" if asked is not None and not asked.levels else likely
        doc = f"Judge {judge}: {likely}: {config.asked[labelled_score(native)].asks}"
    if config.kind == "pairwise":
        lower = native.endswith("_inconsistency")
        doc = (
            f"Share of pairs in which judge {judge} says another answer when the order is turned."
            if lower
            else f"How often judge {judge} prefers the answer to the expected one; a tie is a half."
        )
    return Metric(
        name=score,
        score=score,
        unit="1-5" if levels else "ratio",
        direction="lower" if lower else "higher",
        gate="advisory",
        doc=doc if score == native else f"{native}, by judge {judge}.",
        bounds=(1.0, 5.0) if levels else (0.0, 1.0),
        where_known=True,
        abs_tol=_LOWER if lower else None,
        min_abs_change=_LOWER if lower else None,
    )
