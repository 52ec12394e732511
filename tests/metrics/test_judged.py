"""The scores that judges give, told before they are asked."""

import pytest

from evalgate.errors import ConfigError
from evalgate.judges.kinds.chat import Chat
from evalgate.judges.kinds.claims import claims_judge
from evalgate.judges.kinds.decision import Decided, Decision, decision_judge
from evalgate.judges.kinds.http import Http
from evalgate.judges.kinds.moderation import WORST as TOXICITY
from evalgate.judges.kinds.ragas import Asked, ragas_judge
from evalgate.judges.kinds.rubric import Rubric, rubric_judge
from evalgate.judges.kinds.selfcheck import WORST as SELFCHECK
from evalgate.metrics.judged import judge_scores, judged_metrics, native_scores
from evalgate.schema.config import JudgeConfig

LEVELS = {n: f"level {n}" for n in range(1, 6)}
ALL = (
    "faithfulness",
    "answer_relevancy",
    "context_precision",
    "tool_call_accuracy",
    "goal_accuracy",
)


def config(kind: str, **fields: object) -> JudgeConfig:
    """Make a configuration."""
    return JudgeConfig.model_validate({"kind": kind, "model": "m", **fields})


def test_what_is_told_is_what_is_given() -> None:
    """The names stand in two rooms that may not know each other; they are the same."""
    chat = Chat(Http("http://127.0.0.1:9/v1", None, timeout_s=1), "m")
    goal = Rubric("goal_attainment", "x", LEVELS)
    ragas = ragas_judge(Asked("m", "e", {}), ALL, None)
    assert native_scores(config("claims")) == claims_judge(chat, {}).scores
    assert native_scores(config("ragas", metrics=ALL)) == ragas.scores
    rubric = config("rubric", rubric="x", levels=LEVELS)
    assert native_scores(rubric) == rubric_judge(chat, {}, goal).scores
    statement, levels = Decided("a", "x", {}), Decided("b", "y", LEVELS)
    decision = config("decision", questions={"a": "x", "b": {"asks": "y", "levels": LEVELS}})
    made = decision_judge(chat.http, "m", Decision((statement, levels)), chat.meter)
    assert native_scores(decision) == made.scores
    assert native_scores(config("selfcheck")) == tuple(SELFCHECK)
    assert native_scores(config("moderation")) == tuple(TOXICITY)


def test_a_second_judge_of_a_score_has_its_own_name() -> None:
    """The first gives the suite's score, the second one under its own name, advisory."""
    judges = {"a": config("claims"), "b": config("ragas")}
    assert {"faithfulness": "faithfulness_b", "hallucination": "hallucination_b"} == judge_scores(
        judges
    )["b"]
    metrics = judged_metrics(judges)
    assert {"faithfulness_b", "hallucination_b"} == set(metrics)
    assert {"advisory"} == {metric.gate for metric in metrics.values()}
    assert "lower" == metrics["hallucination_b"].direction


def test_a_decision_brings_a_metric_a_question() -> None:
    """A statement has its probability beside it; the goal is not a question's to define."""
    levels = {"asks": "How clear?", "levels": LEVELS}
    metrics = judged_metrics({"j": config("decision", questions={"ok": "It is.", "clear": levels})})
    assert {"ok", "ok_probability", "clear"} == {*metrics}
    assert ("ratio", "ratio", "1-5") == tuple(
        metrics[name].unit for name in ("ok", "ok_probability", "clear")
    )
    assert "Judge j: how likely: It is." == metrics["ok_probability"].doc
    with pytest.raises(ConfigError, match="'goal_attainment' is the name of a built-in"):
        judged_metrics({"j": config("decision", questions={"goal_attainment": "It is."})})


def test_rubrics_bring_their_metric() -> None:
    """Levels give 1-5, yes and no a share; goal attainment is in the registry already."""
    judges = {
        "tone": config("rubric", rubric="Is it polite?", metrics=["polite"]),
        "style": config("rubric", rubric="How clear?", metrics=["clarity"], levels=LEVELS),
        "goal": config("rubric", rubric="Reached?", levels=LEVELS),
    }
    metrics = judged_metrics(judges)
    assert {"polite": "ratio", "clarity": "1-5"} == {n: m.unit for n, m in metrics.items()}
    assert (1.0, 5.0) == metrics["clarity"].bounds


@pytest.mark.parametrize("name", ["task_success_rate", "task_success", "faithfulness"])
def test_a_rubric_cannot_pose_as_a_built_in_metric(name: str) -> None:
    """A yes/no rubric called like a measured metric is refused."""
    with pytest.raises(ConfigError, match="built-in"):
        judged_metrics({"x": config("rubric", rubric="?", metrics=[name])})


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "rubric"},
        {"kind": "rubric", "rubric": "?"},
        {"kind": "rubric", "rubric": "?", "metrics": ["a", "b"]},
        {"kind": "rubric", "rubric": "?", "levels": {1: "a"}},
        {"kind": "rubric", "rubric": "?", "metrics": ["a"], "votes": 2},
        {"kind": "claims", "votes": 3},
        {"kind": "claims", "metrics": ["faithfulness"]},
        {"kind": "ragas", "metrics": ["faithfullness"]},
        {"kind": "claims", "calibration": {"waived": ""}},
        {"kind": "claims", "api_key": "sk-123"},
    ],
)
def test_configurations_that_fit_no_kind(fields: dict[str, object]) -> None:
    """What a kind does not know is refused when it is read; a key has no place in the file."""
    with pytest.raises(ValueError, match="validation error"):
        JudgeConfig.model_validate({"model": "m", **fields})
