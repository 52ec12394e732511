"""Checks against the baseline, in words: the plain rule, modes, missing scores, values alone."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from evalgate.gate.checks.relative import relative_checks
from evalgate.gate.comparability import UNMEASURED
from evalgate.gate.compare import compare
from evalgate.metrics.registry import METRICS
from evalgate.schema.config_parts.gate import GateConfig
from evalgate.schema.score import Abstained, Broken, Score
from evalgate.schema.verdict import Check
from evalgate.stats.summary import RunSummary, summary_of_flat

BuildSide = Callable[..., RunSummary]
BROKEN, SILENT = Broken("the judge is down"), Abstained("no claims")
UNKNOWN = Abstained("no price", unknown=True)
MISS = Broken("replay miss: no verdict recorded")
Values = Sequence[float | Score]


def _checks(
    old: RunSummary, new: RunSummary, policy: dict[str, object] | None = None
) -> tuple[dict[str, Check], tuple[str, ...]]:
    config = GateConfig.model_validate(policy or {})
    checks, warnings = relative_checks(compare(old, new, METRICS, config), config)
    return {check.id: check for check in checks}, warnings


def _said(
    side: BuildSide,
    values: tuple[Values, Values],
    policy: object = "standard",
    *,
    score: str = "faithfulness",
    metric: str = "faithfulness",
    mode: str = "plain",
    noise: str = "none",
) -> tuple[str, str, str | None]:
    """Return outcome, reason and fix of one metric over cases of one trial."""
    sides = (side([{score: [value]} for value in column], noise=noise) for column in values)
    checks, _ = _checks(*sides, {"metrics": {metric: policy}, "mode": mode})
    check = checks[metric]
    return check.outcome, check.reason, check.fix


@pytest.mark.parametrize(
    ("old", "new", "policy", "outcome", "reason"),
    [
        (0.8, 0.76, "standard", "fail", "0.8 -> 0.76, 5 % worse; the threshold is 5 %"),
        (0.8, 0.77, "standard", "pass", "0.8 -> 0.77, 3.8 % worse; the threshold is 5 %"),
        (0.8, 0.8, "standard", "pass", "0.8 -> 0.8, no change; the threshold is 5 %"),
        (0.8, 0.9, "standard", "pass", "0.8 -> 0.9, 12.5 % better; the threshold is 5 %"),
        (0.8, 0.79, "zero", "fail", "0.8 -> 0.79, 1.2 % worse; any drop fails"),
        (
            *(0.8, 0.75, {"threshold": "5pp"}, "fail"),
            "0.8 -> 0.75, 6.2 % worse; the threshold is 0.05 (points)",
        ),
        (
            *(0.8, 0.7, {"gate": "standard", "min_abs_change": 0.2}, "pass"),
            "0.8 -> 0.7, 12.5 % worse; the threshold is 5 %; "  # noqa: ISC004  # one reason
            "the change is below min_abs_change 0.2",
        ),
        (0.0, 0.5, "standard", "pass", "0 -> 0.5: no headroom: the baseline is 0"),
    ],
)
def test_the_plain_rule_in_words(
    side: BuildSide, old: float, new: float, policy: object, outcome: str, reason: str
) -> None:
    """Values, change, threshold, and why where it is another rule."""
    assert _said(side, ([old], [new]), policy) == (outcome, reason, None)


def test_a_check_holds_what_it_was_made_from(side: BuildSide) -> None:
    """Every field of a check without noise, and of one with it."""
    policy = {"metrics": {"faithfulness": {"threshold": "10pp"}}}
    old, new = (
        side([{"faithfulness": [value] * trials}] * 4, noise="none")
        for value, trials in ((0.5, 3), (0.25, 2))
    )
    check = _checks(old, new, policy)[0]["faithfulness"]
    assert check == Check(
        id="faithfulness",
        kind="relative",
        gate="standard",
        outcome="fail",
        metric="faithfulness",
        unit="ratio",
        direction="higher",
        baseline=0.5,
        candidate=0.25,
        change=0.5,
        threshold=0.1,
        threshold_unit="points",
        n_cases=4,
        trials_baseline=2,  # without noise trials are paired by their number
        trials_candidate=2,
        reason="0.5 -> 0.25, 50 % worse; the threshold is 0.1 (points)",
    )
    noisy = _checks(replace(old, noise="trials"), replace(new, noise="trials"), policy)[0]
    found = noisy["faithfulness"]
    assert (found.trials_baseline, found.trials_candidate, found.settled) == (3, 2, True)
    assert None not in (found.interval_90, found.interval_80, found.p_value, found.quality)
    assert found.p_adjusted is None


@pytest.mark.parametrize(
    ("new", "reason", "fix"),
    [
        (
            [MISS, 1.0],
            "1 score was not measured",
            UNMEASURED,
        ),
        (
            [BROKEN, 1.0],
            "1 score broken: with each at its best and at its worst, no change and 50 % worse",
            "evalgate show --failed  (the errors), then evalgate score latest",
        ),
    ],
)
def test_missing_scores_in_words(side: BuildSide, new: Values, reason: str, fix: str) -> None:
    """What was not measured, and what could be either way: inconclusive, with the way out."""
    assert _said(side, ([1.0, 1.0], new)) == ("inconclusive", reason, fix)


def test_a_missing_score_that_changes_nothing_is_told(side: BuildSide) -> None:
    """The same outcome at best and at worst; what abstains is not counted among the lost."""
    words = "1 score broken, and the outcome is the same with each at its best"
    low = _said(side, ([1.0] * 4, [BROKEN, 0.0, 0.0, 0.0]))
    assert low[:2] == ("fail", f"1 -> 0, 100 % worse; the threshold is 5 %; {words}")
    silent = _said(side, ([1.0] * 4, [SILENT, 0.0, 0.0, 0.0]))
    assert silent[:2] == ("fail", "1 -> 0, 100 % worse; the threshold is 5 %")


def test_a_pass_with_broken_scores_is_told(side: BuildSide) -> None:
    """A mean over what is left would not show them."""
    old, new = (
        side([{"faithfulness": [v]} for v in [1.0] * 30 + [last]]) for last in (1.0, BROKEN)
    )
    checks, warnings = _checks(old, new)
    assert checks["faithfulness"].outcome == "pass"
    told = "faithfulness: 1 score broken; passes with each at its worst"
    assert told in warnings
    assert told not in _checks(old, old)[1]


def test_a_missed_verdict_is_recorded_by_the_judge(side: BuildSide) -> None:
    """Recording model calls would not help."""
    for rest in ([], [1.0]):
        old, new = (side([{"faithfulness": [v]} for v in [*rest, v0]]) for v0 in (1.0, MISS))
        judged = replace(new, judged=frozenset({"faithfulness"}))
        check = _checks(old, judged)[0]["faithfulness"]
        assert (check.outcome, check.fix) == ("inconclusive", "evalgate run --judge auto")


@pytest.mark.parametrize(
    ("old", "new", "lost"),
    [
        ([UNKNOWN, 0.1, 0.1], [0.1, BROKEN, 0.1], "1 score broken, 1 score unknown"),
        ([0.1, 0.1], [SILENT, 0.1], "1 score abstained"),
    ],
)
def test_no_bound_stands_in_for_money(side: BuildSide, old: Values, new: Values, lost: str) -> None:
    """Of costs, what abstains is lost too; the fix is a price."""
    advisory = "set `{}: advisory` under `gate: metrics:`"
    outcome, reason, fix = _said(side, (old, new), score="cost_usd", metric="cost_per_interaction")
    assert (outcome, reason) == (*("inconclusive", f"{lost}, and no bound can stand in for them"),)
    price = "give the model's price under `prices:` in evalgate.yaml"
    assert fix == f"{price}, or {advisory.format('cost_per_interaction')}"
    other = _said(side, (old, new), score="tool_invocations", metric="tool_invocations")[2]
    errors = "evalgate show --failed  (the errors), then evalgate score latest"
    assert other == f"{errors}; or {advisory.format('tool_invocations')}"


def test_a_baseline_of_zero_needs_a_tolerance(side: BuildSide) -> None:
    """Lower is better, and there is no relative change: the line of configuration is named."""
    rows = ([0.0, 0.0], [0.5, 0.0])
    found = _said(side, rows, score="cost_usd", metric="cost_per_interaction")
    assert found == (
        "inconclusive",
        "the baseline is 0: no relative change, and there is no abs_tol",
        "add `cost_per_interaction: {abs_tol: VALUE}` under `gate: metrics:`",
    )


MORE = "more trials settle it (--max-trials)"


@pytest.mark.parametrize(
    ("mode", "new", "outcome", "end", "warned"),
    [
        (
            "plain",
            [0.0] + [1.0] * 9,
            "fail",
            "",
            f"fails, not settled: noise over trials can explain it; {MORE}",
        ),
        (
            "plain",
            [1.0] * 10,
            "pass",
            "",
            f"passes, not settled: a drop over the threshold is not excluded; {MORE}",
        ),
        (
            "strict",
            [1.0] * 10,
            "inconclusive",
            "; a drop over the threshold is not excluded (strict)",
            None,
        ),
        (
            "confirmed",
            [0.0] + [1.0] * 9,
            "pass",
            "; not confirmed: Holm-adjusted p 0.500 > alpha 0.05",
            "the drop is over the threshold, but not confirmed: Holm-adjusted p 0.500 > alpha 0.05",
        ),
        ("confirmed", [0.0] * 10, "fail", "", None),
    ],
)
def test_modes_in_words(
    side: BuildSide, mode: str, new: Values, outcome: str, end: str, warned: str | None
) -> None:
    """Noise warns in `plain`, withholds a pass in `strict`, and excuses a fail in `confirmed`."""
    sides = (side([{"task_success": [v]} for v in column]) for column in ([1.0] * 10, new))
    policy = {"mode": mode, "metrics": {"error_rate": "advisory"}}
    checks, warnings = _checks(*sides, policy)
    check = checks["task_success_rate"]
    assert check.outcome == outcome
    assert check.reason.endswith(f"the threshold is 5 %{end}")
    assert warnings == (() if warned is None else (f"task_success_rate: {warned}",))
    assert check.fix == (MORE if outcome == "inconclusive" else None)
    assert (check.p_adjusted is None) == (mode != "confirmed")


def test_strict_needs_every_score(side: BuildSide) -> None:
    """Settled at both ends, and a score is missing: no pass in strict mode, a pass in plain."""
    old, new = ([1.0] * 400, [BROKEN, *[1.0] * 399])
    for mode, outcome, end in (
        ("strict", "inconclusive", "; scores are missing (strict)"),
        ("plain", "pass", "with each at its best"),
    ):
        found = _said(side, (old, new), mode=mode, noise="trials")
        assert found[0] == outcome
        assert found[1].endswith(end)


def test_holm_counts_what_gates(side: BuildSide) -> None:
    """Two gated metrics double the smaller p; an imputed score of one leaves none adjusted."""
    rows = [{"task_success": [1.0], "faithfulness": [1.0]}] * 10
    worse = [{"task_success": [0.0 if i < 3 else 1.0], "faithfulness": [1.0]} for i in range(10)]
    policy = {"mode": "confirmed", "metrics": {"error_rate": "advisory"}}
    checks, _ = _checks(side(rows), side(worse), policy)
    assert checks["task_success_rate"].p_value == 1 / 8
    assert checks["task_success_rate"].p_adjusted == 1 / 4
    alone = {"error_rate": "advisory", "faithfulness": "advisory"}
    checks, _ = _checks(side(rows), side(worse), {"mode": "confirmed", "metrics": alone})
    assert checks["task_success_rate"].p_adjusted == 1 / 8
    for lost in (BROKEN, MISS):
        some = [dict(row) for row in worse]
        some[9]["faithfulness"] = [lost]
        checks, _ = _checks(side(rows), side(some), policy)
        assert checks["task_success_rate"].p_adjusted is None


def test_cases_that_abstain_are_told(side: BuildSide) -> None:
    """Where the metric gates and is not inconclusive anyway."""
    old, new = ([1.0] * 4, [SILENT, SILENT, 0.0, 0.0])

    def warned(policy: object, column: Values = new) -> list[str]:
        sides = (side([{"faithfulness": [v]} for v in c], noise="none") for c in (old, column))
        warnings = _checks(*sides, {"metrics": {"faithfulness": policy}})[1]
        return [line for line in warnings if "abstain" in line]

    told = ["faithfulness: 2 cases that abstain count at their worst"]
    assert warned("standard") == told
    assert warned("advisory") == []
    assert warned("standard", [SILENT, MISS, 1.0, 1.0]) == []


def _flat(old: float, new: float, name: str = "faithfulness", **policy: object) -> Check:
    sides = (summary_of_flat({name: value}, "flat.json") for value in (old, new))
    return _checks(*sides, policy)[0][name]


def test_values_alone_in_words() -> None:
    """A flat file says so, and strict mode takes no pass from it."""
    check = _flat(0.8, 0.84)
    assert check == Check(
        id="faithfulness",
        kind="relative",
        outcome="pass",
        metric="faithfulness",
        unit="ratio",
        direction="higher",
        baseline=0.8,
        candidate=0.84,
        change=-0.05,
        threshold=0.05,
        threshold_unit="relative",
        reason="0.8 -> 0.84, 5 % better; the threshold is 5 % (by value only)",
    )
    strict = _flat(0.8, 0.84, mode="strict")
    assert strict.outcome == "inconclusive"
    assert strict.reason.endswith("means alone cannot exclude a drop over the threshold (strict)")
    assert strict.fix == "compare reports or baselines, which hold the trials"
    assert _flat(0.8, 0.7, mode="strict").outcome == "fail"
    zero = _flat(0.0, 0.1, "cost_per_interaction")
    assert (zero.outcome, zero.fix) == (
        "inconclusive",
        "add `cost_per_interaction: {abs_tol: VALUE}` under `gate: metrics:`",
    )


@pytest.mark.parametrize(
    ("old", "new", "outcome"),
    [
        (0.5, 0.524, "pass"),
        (0.5, 0.525, "inconclusive"),
        (0.5, 0.5, "pass"),
        (0.5, 0.475, "fail"),
        (0.0, 0.0, "pass"),
        (0.0, 0.1, "inconclusive"),
        (-0.5, -0.45, "inconclusive"),
    ],
)
def test_a_guessed_direction(old: float, new: float, outcome: str) -> None:
    """A rise that would fail were less better is no pass, at its boundary too."""
    check = _flat(old, new, "mine")
    assert check.outcome == outcome
    assert (check.fix is not None and "`direction`" in check.fix) == (outcome != "pass")
    assert check.direction is None
    assert "worse" not in check.reason
    assert "% better" not in check.reason


@pytest.mark.parametrize(("new", "outcome"), [(2.09, "pass"), (2.1, "inconclusive")])
def test_a_guessed_direction_in_points(new: float, outcome: str) -> None:
    """A threshold in points is held against the rise itself, not its share."""
    assert _flat(2.0, new, "mine", threshold="10pp").outcome == outcome


def test_what_is_not_comparable_in_words(side: BuildSide) -> None:
    """Another scorer and a lacking value: kind, reason and fix."""
    known = {"faithfulness": "1", "tool_selection_accuracy": "1"}
    one = replace(side([{"faithfulness": [1.0]}]), scorers=known)
    policy = {"metrics": {"faithfulness": "standard", "tool_selection_accuracy": "standard"}}
    checks, _ = _checks(one, replace(one, scorers={**known, "faithfulness": "2"}), policy)
    check = checks["faithfulness"]
    assert (check.kind, check.outcome, check.reason) == (
        *("comparison", "inconclusive"),
        "not comparable: scorer 'faithfulness' is another version (1, now 2)",
    )
    assert (check.metric, check.unit, check.direction) == ("faithfulness", "ratio", "higher")
    gone = checks["tool_selection_accuracy"]
    assert (gone.kind, gone.outcome, gone.reason) == (
        *("evidence", "inconclusive", "no value on either side"),
    )
    assert gone.fix is not None
