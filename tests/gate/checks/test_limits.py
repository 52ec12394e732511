"""Limits on the candidate alone, in words and numbers."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from evalgate.gate.checks.limits import limit_checks
from evalgate.gate.comparability import SCORE_AGAIN, UNMEASURED
from evalgate.gate.compare import compare
from evalgate.metrics.registry import METRICS
from evalgate.schema.config_parts.gate import GateConfig
from evalgate.schema.result import CaseResult, Report
from evalgate.schema.score import Abstained, Broken, Score
from evalgate.schema.verdict import Check
from evalgate.stats.summary import RunSummary, summary_of_report

BuildCase = Callable[..., CaseResult]
BuildReport = Callable[..., Report]
BuildSide = Callable[..., RunSummary]
BROKEN, SILENT = Broken("b"), Abstained("a")
Values = Sequence[float | Score]


def _limits(
    new: RunSummary, policy: dict[str, object], old: RunSummary | None = None
) -> tuple[Check, ...]:
    config = GateConfig.model_validate({"metrics": policy})
    return limit_checks(compare(old, new, METRICS, config), config)


def _one(side: BuildSide, score: str, values: Values, **policy: object) -> tuple[str, str]:
    (check,) = _limits(side([{score: [value]} for value in values]), policy)
    return check.outcome, check.reason


def test_a_limit_holds_what_it_was_made_from(side: BuildSide) -> None:
    """Every field; both limits of a metric, in order; unknown metrics are told elsewhere."""
    rows = [{"faithfulness": [value]} for value in (0.5, 1.0)]
    limits = {"faithfulness": {"min": 0.8, "max": 0.9, "gate": "zero"}, "no_such": {"min": 1}}
    low, high = _limits(side(rows), limits)
    assert low == Check(
        id="faithfulness.min",
        kind="limit",
        gate="zero",
        outcome="fail",
        metric="faithfulness",
        unit="ratio",
        direction="higher",
        candidate=0.75,
        threshold=0.8,
        threshold_unit="absolute",
        reason="0.75; it must be at least 0.8",
    )
    assert (high.id, high.outcome, high.reason) == (
        *("faithfulness.max", "pass", "0.75; it must be at most 0.9"),
    )


@pytest.mark.parametrize(
    ("limit", "outcome"),
    [({"min": 0.75}, "pass"), ({"max": 0.75}, "pass"), ({"max": 0.74}, "fail")],
)
def test_the_limit_itself_is_allowed(
    side: BuildSide, limit: dict[str, float], outcome: str
) -> None:
    """What reaches it has not crossed it."""
    assert _one(side, "faithfulness", [0.5, 1.0], faithfulness=limit)[0] == outcome


def test_a_missing_score_between_both_ends(side: BuildSide) -> None:
    """The range is named, the worse end is shown, and the way out."""
    rows = [{"faithfulness": [value], "toxicity": [value]} for value in (BROKEN, 0.5)]
    policy = {"faithfulness": {"min": 0.5}, "toxicity_incidence": {"max": 0.5}}
    low, high = _limits(side(rows), policy)
    assert (low.outcome, low.candidate, high.candidate) == ("inconclusive", 0.25, 0.75)
    words = "between 0.25 and 0.75, as some scores are missing; it must be {} 0.5"
    assert (low.reason, high.reason) == (words.format("at least"), words.format("at most"))
    assert low.fix == "evalgate show --failed  (the errors), then evalgate score latest"


@pytest.mark.parametrize(
    ("score", "values", "metric", "words"),
    [
        ("faithfulness", [BROKEN, BROKEN], "faithfulness", "all 2 scores are unknown or broken"),
        ("faithfulness", [SILENT], "faithfulness", "there is no value"),
        (
            *("cost_usd", [0.1, BROKEN], "cost_per_interaction"),
            "some scores are unknown or broken, and no bound can stand in for them",
        ),
    ],
)
def test_no_value_in_words(
    side: BuildSide, score: str, values: Values, metric: str, words: str
) -> None:
    """Why it cannot be known, and where to look."""
    (check,) = _limits(side([{score: [value]} for value in values]), {metric: {"max": 0.5}})
    assert (check.outcome, check.candidate) == ("inconclusive", None)
    assert check.reason == f"{metric} has a max of 0.5, and {words}"
    needs = f"see what {metric} needs in docs/metrics.md, or take the limit out"
    assert check.fix == (SCORE_AGAIN if words.startswith("all") else needs)


def test_a_trial_that_was_not_measured(case: BuildCase, report: BuildReport) -> None:
    """No bound stands in for it, whether or not another case has a value or a column."""
    rows: list[CaseResult] = [
        case("a", {"faithfulness": [1.0]}),
        case("b", {"task_success": [BROKEN]}, ["not_measured"]),
    ]
    side = summary_of_report(report(rows))
    words = "faithfulness has a min of 0.1, and some scores were not measured"
    judged = replace(side, judged=frozenset({"faithfulness"}))
    for told, miss, fix in (
        (side, "", UNMEASURED),
        (replace(side, replayed=True), " (replay miss)", "evalgate run --record-missing"),
        (judged, " (replay miss)", "evalgate run --judge auto"),
    ):
        (check,) = _limits(told, {"faithfulness": {"min": 0.1}})
        assert (f"{words}{miss}", fix) == (check.reason, check.fix)


def test_a_metric_of_no_scores_has_its_value(side: BuildSide) -> None:
    """A quartile is taken as it is reported."""
    new = replace(side([{"task_success": [1.0]}]), values={"task_length_q1": 3.0})
    (check,) = _limits(new, {"task_length_q1": {"min": 4}})
    assert (check.outcome, check.candidate) == ("fail", 3.0)


def test_what_abstains_counts_only_where_the_baseline_scored(
    case: BuildCase, report: BuildReport
) -> None:
    """At its worst, unless the case expects a refusal, is new, or had no score before."""

    def side(values: Values, **fields: object) -> RunSummary:
        cases = [case(f"c{i}", {"faithfulness": [v]}, **fields) for i, v in enumerate(values)]
        return summary_of_report(report(cases))

    limit: dict[str, object] = {"faithfulness": {"min": 0.6}}
    new, silent = [SILENT, 1.0], [SILENT, 1.0]

    def outcome(old: RunSummary | None, **fields: object) -> tuple[str, float | None]:
        (check,) = _limits(side(new, **fields), limit, old)
        return check.outcome, check.candidate

    assert outcome(side([1.0, 1.0])) == ("fail", 0.5)
    assert outcome(side([1.0, 1.0]), expects_refusal=True) == ("pass", 1.0)
    assert outcome(side(silent)) == ("pass", 1.0)
    assert outcome(None) == ("pass", 1.0)
    assert outcome(side([1.0, 1.0]).__class__("other")) == ("pass", 1.0)
