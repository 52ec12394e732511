"""What a comparison says of a metric that lacks evidence, and what its noise comes from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest

from evalgate.gate.comparability import SCORE_AGAIN
from evalgate.gate.compare import compare
from evalgate.gate.comparison import ByCase, ByValue, CompareOptions, NoComparison
from evalgate.metrics.metric import Metric
from evalgate.metrics.registry import METRICS
from evalgate.schema.config_parts.gate import GateConfig
from evalgate.schema.result import CaseResult, Report
from evalgate.schema.score import Abstained, Broken, Score
from evalgate.stats.summary import RunSummary, summary_of_flat, summary_of_report

BuildSide = Callable[..., RunSummary]
BuildCase = Callable[..., CaseResult]
BuildReport = Callable[..., Report]
BROKEN, SILENT = Broken("b"), Abstained("a")
Values = Sequence[float | Score]


def _found(
    old: RunSummary,
    new: RunSummary,
    metric: str,
    policy: object = "standard",
    *,
    metrics: Mapping[str, Metric] = METRICS,
    options: CompareOptions | None = None,
) -> ByCase | ByValue | NoComparison | None:
    config = GateConfig.model_validate({"metrics": {} if policy is None else {metric: policy}})
    made = compare(old, new, metrics, config, options or CompareOptions())
    return next((one.result for one in made.metrics if one.metric.name == metric), None)


def _pair(side: BuildSide, score: str, old: Values, new: Values) -> tuple[RunSummary, RunSummary]:
    named = zip((old, new), ("base.json", "this run"), strict=True)
    first, second = (side([{score: [v]} for v in column], name) for column, name in named)
    return first, second


UPDATE = (
    "make a new baseline with `evalgate baseline update --reason WHY`, or set `{}: advisory` under "
)
UPDATE += "`gate: metrics:`"
NEEDS = "see what {0} needs in docs/metrics.md, or set `{0}: advisory` under `gate: metrics:`"
PRICE = (
    "give the model's price under `prices:` in evalgate.yaml and run `evalgate score RUN`, or set "
    "`cost_per_interaction: advisory` under `gate: metrics:`"
)


@pytest.mark.parametrize(
    ("score", "old", "new", "metric", "expected"),
    [
        (
            *("faithfulness", [SILENT], [1.0], "faithfulness"),
            NoComparison(
                "evidence", "base.json has no value of faithfulness", UPDATE.format("faithfulness")
            ),
        ),
        (
            *("faithfulness", [1.0], [BROKEN], "faithfulness"),
            NoComparison(
                "evidence",
                "this run has no value of faithfulness: its scores are broken",
                SCORE_AGAIN,
            ),
        ),
        (
            *("faithfulness", [1.0], [SILENT], "faithfulness"),
            NoComparison(
                "evidence", "this run has no value of faithfulness", NEEDS.format("faithfulness")
            ),
        ),
        (
            *("cost_usd", [0.1], [BROKEN], "cost_per_interaction"),
            NoComparison(
                "evidence",
                "this run has no value of cost_per_interaction: its scores are broken",
                PRICE,
            ),
        ),
        (
            *("faithfulness", [BROKEN], [BROKEN], "faithfulness"),
            NoComparison(
                "evidence",
                "2 scores are broken, and none is left on either side",
                SCORE_AGAIN,
            ),
        ),
        (
            *("faithfulness", [SILENT], [SILENT], "faithfulness"),
            NoComparison("evidence", "no value on either side", NEEDS.format("faithfulness")),
        ),
        (
            *("faithfulness", [SILENT, 1.0], [1.0, SILENT], "faithfulness"),
            None,
        ),
    ],
)
def test_lacking_evidence_in_words(
    side: BuildSide,
    score: str,
    old: Values,
    new: Values,
    metric: str,
    expected: NoComparison | None,
) -> None:
    """Which side lacks it, why, and the way out; an advisory metric is left out instead."""
    sides = _pair(side, score, old, new)
    found = _found(*sides, metric)
    if expected is None:
        assert isinstance(found, ByCase)
    else:
        assert found == expected
        assert _found(*sides, metric, "advisory") is None


def test_no_case_scored_on_both_sides(side: BuildSide) -> None:
    """Of money nothing stands in for a score: each side has one, of another case."""
    sides = _pair(side, "cost_usd", [SILENT, 0.1], [0.1, SILENT])
    found = _found(*sides, "cost_per_interaction")
    assert found == NoComparison("evidence", "no case is scored on both sides", PRICE)


def test_what_may_be_absent_on_both_sides(side: BuildSide) -> None:
    """A metric that is there where it is known, unless the policy names it."""
    sides = _pair(side, "task_success", [1.0], [1.0])
    assert _found(*sides, "faithfulness", None) is None
    named = _found(*sides, "faithfulness", "standard")
    assert isinstance(named, NoComparison)
    assert named.reason == "no value on either side"
    without = _pair(side, "faithfulness", [1.0], [1.0])
    usual = _found(*without, "task_success_rate", None)
    assert isinstance(usual, NoComparison)


def test_a_flat_file_need_not_hold_everything() -> None:
    """What only the candidate has is no lack, unless the policy names it."""
    old = summary_of_flat({"task_success_rate": 0.9}, "old.json")
    new = summary_of_flat({"task_success_rate": 0.9, "faithfulness": 0.9}, "new.json")
    assert _found(old, new, "faithfulness", None) is None
    assert isinstance(_found(old, new, "faithfulness"), NoComparison)
    assert isinstance(_found(new, old, "faithfulness", None), NoComparison)
    assert isinstance(_found(old, old, "faithfulness"), NoComparison)
    assert _found(old, old, "faithfulness", None) is None


def test_a_flat_file_gates_what_it_holds(side: BuildSide) -> None:
    """Advisory metrics too, on the flat side only; a name that nobody defined is guessed."""
    flat = summary_of_flat({"escalation_rate": 0.5, "mine": 1}, "flat.json")
    whole = replace(side([{"task_success": [1.0]}]), values={"task_success_rate": 1.0})
    config = GateConfig()
    for sides in ((flat, flat), (flat, whole), (whole, flat)):
        made = {one.metric.name: one for one in compare(*sides, METRICS, config).metrics}
        gates = {name: one.rule.gate for name, one in made.items()}
        if sides == (flat, flat):
            assert gates == {"escalation_rate": "standard", "mine": "standard"}
            assert [made[name].guessed_direction for name in gates] == [False, True]
        else:
            assert "advisory" not in gates.values()
    wholes = compare(whole, whole, METRICS, config).metrics
    assert "mine" not in {one.metric.name for one in wholes}


def test_what_noise_comes_from(case: BuildCase, report: BuildReport) -> None:
    """Trials of a live agent, the clock in a replay, else recordings."""
    row = {"completion_time": [1.0, 2.0], "task_success": [1.0, 1.0]}
    made = summary_of_report(report([case(f"c{i}", row) for i in range(5)]))
    exact = replace(made, noise="none")
    timed = replace(exact, timed=frozenset({"completion_time_p95"}))
    for new, expected, judged in (
        (made, "trials", True),
        (timed, "clock", True),
        (exact, "recordings", False),
    ):
        found = _found(new, new, "completion_time_p95")
        assert isinstance(found, ByCase)
        assert found.noise_from == expected
        assert (found.uncertainty is not None) == judged


def test_what_only_informs_is_compared_by_value(side: BuildSide) -> None:
    """Over the same cases; with other ones by its scores, or by nothing where it has none."""
    rows = [{"task_success": [1.0], "escalation": [0.0]}] * 20
    old = replace(side(rows), values={"escalation_rate": 0.25, "task_length_q1": 2.0})
    more = replace(side([*rows, rows[0]]), values=old.values)
    assert isinstance(_found(old, old, "escalation_rate", None), ByValue)
    found = _found(old, more, "escalation_rate", None)
    assert isinstance(found, ByCase)
    assert found.uncertainty is None
    assert isinstance(_found(old, old, "escalation_rate"), ByCase)
    assert isinstance(_found(old, old, "task_length_q1"), ByValue)
    uneven = _found(old, more, "task_length_q1")
    assert isinstance(uneven, NoComparison)
    assert uneven.kind == "comparison"
    assert isinstance(_found(old, more, "task_length_q1", "advisory"), ByValue)
    bare = replace(old, values={})
    assert isinstance(_found(bare, old, "escalation_rate", None), ByCase)


@pytest.mark.parametrize("change", ["changed", "removed", "new", "unselected"])
def test_cases_that_differ_in_any_way(side: BuildSide, change: str) -> None:
    """A value over all cases says nothing where one was changed, removed, added or not run."""
    old = replace(side([{"task_success": [1.0]}] * 20), values={"task_length_q1": 2.0})
    cases = dict(old.cases)
    last = cases.pop("case-0019")
    options = CompareOptions(allow_removed=True)
    if change == "changed":
        cases["case-0019"] = replace(last, digest="other")
    elif change == "new":
        cases |= {"case-0019": last, "more": replace(last, id="more")}
    elif change == "unselected":
        options = CompareOptions(golden_ids=frozenset(old.cases))
    found = _found(old, replace(old, cases=cases), "task_length_q1", options=options)
    assert isinstance(found, NoComparison)


def test_pass_k_needs_k_trials_where_it_only_informs(side: BuildSide) -> None:
    """With fewer it is not shown; where it gates, that is a lack."""
    rows = [{"task_success": [1.0, 1.0]}] * 5
    one = replace(side(rows), values={"pass_hat_2": 1.0, "pass_hat_3": 1.0})
    assert isinstance(_found(one, one, "pass_hat_2", None), ByValue)
    assert _found(one, one, "pass_hat_3", None) is None
    assert _found(one, one, "pass_hat_3") is not None


def test_failing_more_often_is_noticed(case: BuildCase, report: BuildReport) -> None:
    """By share of the trials that were measured, for metrics over finished trials only."""

    def side(*ends: str) -> RunSummary:
        row = {"cost_usd": [0.1] * len(ends), "task_success": [1.0] * len(ends)}
        return summary_of_report(report([case("a", row, list(ends))]))

    good, bad, lost = "finished", "crashed", "not_measured"
    for old, new, expected in (
        (side(good, good), side(good, bad), True),
        (side(good, bad), side(good, bad), False),
        (side(good, bad), side(good, good, good, bad), False),
        (side(good, good, good, bad), side(good, bad, lost, lost), True),
        (side(good, bad), side(good, good), False),
    ):
        found = _found(old, new, "cost_per_interaction")
        assert isinstance(found, ByCase)
        assert found.more_failures == expected
        success = _found(old, new, "task_success_rate")
        assert isinstance(success, ByCase)
        assert not success.more_failures


def test_without_a_common_case_changes_are_told_all_the_same(side: BuildSide) -> None:
    """Where nothing can be compared the cases are sorted by their sets."""
    old = side([{"task_success": [1.0]}] * 2)
    other = replace(old.cases["case-0000"], digest="other")
    made = compare(old, replace(old, cases={"case-0000": other}), METRICS, GateConfig())
    assert made.blocked is not None
    assert [(one.id, one.outcome) for one in made.changes] == [
        *(("case-0001", "missing"), ("case-0000", "new")),
    ]
    alone = compare(None, old, METRICS, GateConfig())
    assert (alone.changes, alone.blocked, alone.metrics) == ((), None, ())
