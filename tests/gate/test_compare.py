"""Comparison and gate on small reports: every row of the table of edges."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction

import pytest

from evalgate.gate.compare import compare
from evalgate.gate.comparison import CompareOptions
from evalgate.gate.facts import RunFacts
from evalgate.gate.verdict import decide
from evalgate.metrics.registry import METRICS
from evalgate.schema.config_parts.gate import GateConfig
from evalgate.schema.result import CaseResult, Pricing, Report
from evalgate.schema.score import Abstained, Broken
from evalgate.schema.verdict import Check, Verdict
from evalgate.stats.summary import JudgeId, RunSummary, summary_of_flat, summary_of_report

BuildSide = Callable[..., RunSummary]
BuildCase = Callable[..., CaseResult]
BuildReport = Callable[..., Report]
UNKNOWN = Abstained("no price", unknown=True)
SILENT = Abstained("no claims")
BROKEN = Broken("the judge is down")


def _gate(
    baseline: RunSummary | None,
    candidate: RunSummary,
    policy: dict[str, object] | None = None,
    options: CompareOptions | None = None,
    facts: RunFacts | None = None,
) -> Verdict:
    config = GateConfig.model_validate(policy or {})
    comparison = compare(baseline, candidate, METRICS, config, options or CompareOptions())
    return decide(comparison, config, facts or RunFacts())


def _check(verdict: Verdict, name: str) -> Check:
    return next(check for check in verdict.checks if check.id == name)


def _rows(success: Sequence[float], **scores: Sequence[object]) -> list[dict]:
    rows = []
    for i, value in enumerate(success):
        row: dict = {"task_success": [value], "error": [0.0]}
        row |= {name: [column[i]] for name, column in scores.items()}
        rows.append(row)
    return rows


def test_an_unchanged_run_passes(side: BuildSide) -> None:
    """Nothing changed: pass, exit 0, rho 0."""
    rows = _rows([1.0] * 45 + [0.0] * 5)
    verdict = _gate(side(rows), side(rows))
    assert (verdict.outcome, verdict.exit_code) == ("pass", 0)
    assert _check(verdict, "task_success_rate").change == 0


def test_new_cases_are_outside_the_comparison(side: BuildSide) -> None:
    """Ten failing new cases change no value."""
    verdict = _gate(side(_rows([1.0] * 20)), side(_rows([1.0] * 20 + [0.0] * 10)))
    assert verdict.outcome == "pass"
    assert _check(verdict, "task_success_rate").candidate == 1.0
    assert any("10 new cases" in warning for warning in verdict.warnings)


def test_a_removed_case_is_not_comparable(side: BuildSide) -> None:
    """Deleting a hard case must not improve a score; --allow-removed accepts it."""
    old, new = side(_rows([1.0] * 19 + [0.0])), side(_rows([1.0] * 19))
    verdict = _gate(old, new)
    assert verdict.exit_code == 3
    assert "gone from the golden set" in _check(verdict, "comparison").reason
    assert _gate(old, new, options=CompareOptions(allow_removed=True)).outcome == "pass"


def test_a_case_turned_into_a_draft_is_removed(
    case: BuildCase, report: BuildReport, side: BuildSide
) -> None:
    """Drafts do not gate, so making a hard case a draft is deleting it."""
    rows = _rows([1.0] * 19 + [0.0])
    cases = [case(f"case-{i:04}", row, draft=i == 19) for i, row in enumerate(rows)]
    drafted = summary_of_report(report(cases))
    assert _gate(side(rows), drafted).exit_code == 3
    whole = CompareOptions(golden_ids=frozenset(drafted.cases))
    verdict = _gate(side(rows), drafted, options=whole)
    assert "1 case is a draft now (case-0019)" in _check(verdict, "comparison").reason


def test_changed_cases_are_removed_and_new(side: BuildSide) -> None:
    """Up to 10 % of the cases may ask something else; more is another golden set."""
    old = side(_rows([1.0] * 20))

    def changed(count: int) -> RunSummary:
        cases = {
            name: replace(one, digest="other") if i < count else one
            for i, (name, one) in enumerate(old.cases.items())
        }
        return replace(old, cases=cases)

    assert _gate(old, changed(2)).outcome == "pass"
    assert "only 17 of 20 cases" in _check(_gate(old, changed(3)), "comparison").reason
    assert "another golden set" in _check(_gate(old, changed(20)), "comparison").reason


def test_a_selection_is_partial(side: BuildSide) -> None:
    """Not selected cases: fail 1, else 3, or 0 with --partial."""
    old = side(_rows([1.0] * 20))
    ids = frozenset(old.cases)
    options = CompareOptions(golden_ids=ids)
    some = {name: old.cases[name] for name in sorted(ids)[:5]}
    part = replace(old, cases=some, selection=True)
    verdict = _gate(old, part, options=options)
    assert (verdict.exit_code, verdict.partial) == (3, True)
    allowed = _gate(old, part, options=options, facts=RunFacts(allow_partial=True))
    assert (allowed.exit_code, allowed.partial) == (0, True)
    worse = side(_rows([0.0] * 5))
    failing = replace(worse, selection=True)
    assert _gate(old, failing, options=options).exit_code == 1


@pytest.mark.parametrize(
    ("field", "old", "new", "metric"),
    [
        ("scorers", {"task_success": "1:a"}, {"task_success": "1:b"}, "task_success_rate"),
        ("pricing", "p1", "p2", "cost_per_interaction"),
        ("judge", "j1", "j2", "faithfulness"),
    ],
)
def test_what_measured_differently_is_not_comparable(
    side: BuildSide, field: str, old: object, new: object, metric: str
) -> None:
    """Another scorer, price table or judge: the metric is not comparable, and says the way out."""
    made = {"pricing": _pricing, "judge": _judge}.get(field, lambda value: value)
    rows = _rows([1.0] * 10, cost_usd=[0.01] * 10, faithfulness=[0.9] * 10)
    known = {"error": "1:e", "cost_usd": "1:c", "faithfulness": "1:f", "task_success": "1:t"}
    base = replace(side(rows), judged=frozenset({"faithfulness"}), scorers=known)
    if field == "scorers":
        old, new = ({**known, **part} for part in (old, new))  # type: ignore[dict-item]
    verdict = _gate(replace(base, **{field: made(old)}), replace(base, **{field: made(new)}))
    check = _check(verdict, metric)
    assert (verdict.exit_code, check.outcome, check.kind) == (3, "inconclusive", "comparison")
    assert check.fix is not None
    assert "evalgate score" in check.fix
    others = [c for c in verdict.checks if c.metric not in (metric, None) and c.gate != "advisory"]
    assert {c.outcome for c in others} == {"pass"}


def _pricing(digest: object) -> Pricing:
    return Pricing(source="table", version=str(digest), digest=str(digest))


def _judge(model: object) -> JudgeId:
    return JudgeId(str(model), "prompts")


def test_broken_scores_are_taken_at_worst_and_best(side: BuildSide) -> None:
    """The same result either way: that result, shown; different: inconclusive."""
    old = side(_rows([1.0] * 50, faithfulness=[0.9] * 50))
    one = side(_rows([1.0] * 50, faithfulness=[BROKEN, *[0.9] * 49]))
    verdict = _gate(old, one)
    assert verdict.outcome == "pass"
    assert "1 score broken" in _check(verdict, "faithfulness").reason
    ten = side(_rows([1.0] * 50, faithfulness=[BROKEN] * 10 + [0.9] * 40))
    assert _check(_gate(old, ten), "faithfulness").outcome == "inconclusive"
    surely = side(_rows([1.0] * 50, faithfulness=[BROKEN] * 10 + [0.3] * 40))
    assert _check(_gate(old, surely), "faithfulness").outcome == "fail"


def test_a_judge_that_fails_never_yields_a_mean_of_the_rest(side: BuildSide) -> None:
    """Broken in 1 of 10 cases: not a pass over 9."""
    old = side(_rows([1.0] * 10, faithfulness=[0.9] * 10))
    new = side(_rows([1.0] * 10, faithfulness=[BROKEN, *[0.9] * 9]))
    assert _gate(old, new).exit_code == 3


def test_a_replay_miss_is_always_inconclusive(side: BuildSide) -> None:
    """Even where the missing score could not change the outcome."""
    miss = Broken("replay miss: no verdict recorded")
    old = side(_rows([1.0] * 100, faithfulness=[0.9] * 100))
    new = side(_rows([1.0] * 100, faithfulness=[miss, *[0.9] * 99]))
    assert _check(_gate(old, new), "faithfulness").outcome == "inconclusive"


def test_abstaining_now_counts_at_worst(side: BuildSide) -> None:
    """'I don't know' must not raise faithfulness."""
    old = side(_rows([1.0] * 10, faithfulness=[0.5] * 5 + [1.0] * 5))
    new = side(_rows([1.0] * 10, faithfulness=[SILENT] * 5 + [1.0] * 5))
    check = _check(_gate(old, new), "faithfulness")
    assert (check.outcome, check.baseline, check.candidate) == ("fail", 0.75, 0.5)


def test_abstaining_before_leaves_the_case_out(side: BuildSide) -> None:
    """Compared on cases scored on both sides."""
    old = side(_rows([1.0] * 10, faithfulness=[SILENT] * 5 + [1.0] * 5))
    new = side(_rows([1.0] * 10, faithfulness=[0.0] * 5 + [1.0] * 5))
    check = _check(_gate(old, new), "faithfulness")
    assert (check.outcome, check.candidate, check.n_cases) == ("pass", 1.0, 5)


def test_a_refusal_may_abstain(case: BuildCase, report: BuildReport) -> None:
    """A case that expects a refusal is left out where it abstains."""
    sides = [
        summary_of_report(
            report(
                [
                    case(f"c{i}", row, expects_refusal=i < 2)
                    for i, row in enumerate(_rows([1.0] * 10, faithfulness=column))
                ]
            )
        )
        for column in ([0.2, 0.2, *[1.0] * 8], [SILENT, SILENT, *[1.0] * 8])
    ]
    check = _check(_gate(*sides), "faithfulness")
    assert (check.outcome, check.n_cases) == ("pass", 8)


def test_cost_is_compared_where_both_finished(case: BuildCase, report: BuildReport) -> None:
    """An early crash is cheap: a pass of cost is inconclusive with more failed trials."""
    rows = _rows([1.0] * 20, cost_usd=[0.01] * 20)
    old = summary_of_report(report([case(f"c{i:02}", row) for i, row in enumerate(rows)]))
    crashed = [
        case(
            f"c{i:02}",
            {**row, "cost_usd": [0.001 if i == 0 else 0.01]},
            ["crashed" if i == 0 else "finished"],
        )
        for i, row in enumerate(rows)
    ]
    check = _check(_gate(old, summary_of_report(report(crashed))), "cost_per_interaction")
    assert (check.outcome, check.n_cases, check.candidate) == ("inconclusive", 19, 0.01)
    back = _check(_gate(summary_of_report(report(crashed)), old), "cost_per_interaction")
    assert back.outcome == "pass"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ([UNKNOWN] * 4, [UNKNOWN] * 4, None),
        ([UNKNOWN] * 4, [0.01] * 4, "inconclusive"),
        ([0.01] * 4, [UNKNOWN] * 4, "inconclusive"),
        ([0.01] * 4, [UNKNOWN, 0.01, 0.01, 0.01], "inconclusive"),
        ([0.01] * 4, [0.01] * 4, "pass"),
    ],
)
def test_unknown_cost_is_not_zero(
    side: BuildSide, old: list[object], new: list[object], expected: str | None
) -> None:
    """No evidence on either side: no check; on one side, or partly: inconclusive, with a fix."""
    verdict = _gate(side(_rows([1.0] * 4, cost_usd=old)), side(_rows([1.0] * 4, cost_usd=new)))
    found = [c for c in verdict.checks if c.id == "cost_per_interaction"]
    assert [check.outcome for check in found] == ([] if expected is None else [expected])
    if expected == "inconclusive":
        assert found[0].fix is not None
        assert "prices:" in found[0].fix
        assert "cost_per_interaction: advisory" in found[0].fix
        assert verdict.exit_code == 3


def test_an_explicit_gate_without_evidence_is_inconclusive(side: BuildSide) -> None:
    """Asking for a gate on what nobody measures is not a pass."""
    rows = _rows([1.0] * 4)
    verdict = _gate(side(rows), side(rows), {"metrics": {"faithfulness": "standard"}})
    assert _check(verdict, "faithfulness").outcome == "inconclusive"
    assert verdict.exit_code == 3


def test_advisory_never_changes_the_exit_code(side: BuildSide) -> None:
    """Advisory metrics, broken or not."""
    old = side(_rows([1.0] * 4, escalation=[0.0] * 4, faithfulness=[1.0] * 4))
    new = side(_rows([1.0] * 4, escalation=[1.0] * 4, faithfulness=[BROKEN] * 4))
    assert _gate(old, new, {"metrics": {"faithfulness": "advisory"}}).exit_code == 0


def test_fail_comes_before_inconclusive(side: BuildSide) -> None:
    """Precedence over checks: fail > inconclusive > pass; the worst stands first."""
    old = side(_rows([1.0] * 10, cost_usd=[0.01] * 10))
    new = side(_rows([0.0] * 10, cost_usd=[UNKNOWN] * 10))
    verdict = _gate(old, new)
    assert verdict.exit_code == 1
    gating = [check.outcome for check in verdict.checks if check.gate != "advisory"]
    assert gating == sorted(gating, key=["fail", "inconclusive", "pass"].index)


def test_modes(side: BuildSide) -> None:
    """The table of gate.md: outcome x mode -> exit code."""
    policy = {"error_rate": "advisory"}
    flawless = side(_rows([1.0] * 20))
    unsure = (side(_rows([1.0] * 20)), side(_rows([1.0] * 19 + [0.0])))
    surely = (side(_rows([1.0] * 40 + [0.0] * 10)), side(_rows([1.0] * 15 + [0.0] * 35)))
    settled = (side(_rows([1.0] * 400)),) * 2
    expected = {
        "plain": [1, 1, 0, 0],
        "confirmed": [0, 1, 0, 0],
        "strict": [1, 1, 3, 0],
    }
    for mode, codes in expected.items():
        pairs = [unsure, surely, (flawless, flawless), settled]
        config = {"mode": mode, "metrics": policy}
        assert codes == [_gate(old, new, config).exit_code for old, new in pairs]


def test_confirmed_softens_on_complete_evidence_only(side: BuildSide) -> None:
    """While a gated metric has missing scores, a fail stays a fail."""
    old = side(_rows([1.0] * 20, faithfulness=[1.0] * 20))
    config = {"mode": "confirmed", "metrics": {"error_rate": "advisory"}}
    whole = side(_rows([1.0] * 19 + [0.0], faithfulness=[1.0] * 20))
    holed = side(_rows([1.0] * 19 + [0.0], faithfulness=[BROKEN] + [1.0] * 19))
    assert _check(_gate(old, whole, config), "task_success_rate").outcome == "pass"
    assert _check(_gate(old, holed, config), "task_success_rate").outcome == "fail"


def test_strict_passes_on_complete_evidence_only(side: BuildSide) -> None:
    """A settled pass with a score at its worst is no strict pass."""
    old = side(_rows([1.0] * 400, faithfulness=[1.0] * 400))
    new = side(_rows([1.0] * 400, faithfulness=[SILENT] + [1.0] * 399))
    assert _check(_gate(old, new), "faithfulness").settled is True
    assert _gate(old, new).exit_code == 0
    assert _gate(old, new, {"mode": "strict"}).exit_code == 3


def test_without_noise_there_are_no_statistics(side: BuildSide) -> None:
    """Replay: differences are exact and come from the code; modes behave as plain."""
    old, new = (side(_rows(s), noise="none") for s in ([1.0] * 20, [1.0] * 19 + [0.0]))
    for mode in ("plain", "confirmed", "strict"):
        verdict = _gate(old, new, {"mode": mode, "metrics": {"error_rate": "advisory"}})
        check = _check(verdict, "task_success_rate")
        assert verdict.exit_code == 1
        assert (check.p_value, check.settled, check.interval_90) == (None, None, None)
        assert _gate(old, old, {"mode": mode}).exit_code == 0
    assert verdict.false_alarm_rate is None


def test_without_noise_trials_are_paired_by_number(case: BuildCase, report: BuildReport) -> None:
    """A baseline of 3 recorded trials and a run of 1: trial 0 with trial 0."""
    old = report([case("c", {"task_success": [1.0, 0.0, 0.0]})], noise="none")
    new = report([case("c", {"task_success": [1.0]})], noise="none")
    policy = {"metrics": {"error_rate": "advisory"}}
    check = _check(
        _gate(summary_of_report(old), summary_of_report(new), policy), "task_success_rate"
    )
    assert (check.baseline, check.candidate) == (1.0, 1.0)


def test_weights_count_in_every_mean(case: BuildCase, report: BuildReport) -> None:
    """A case of weight 3 counts three times."""
    cases = [case("a", {"task_success": [1.0]}, weight=3.0), case("b", {"task_success": [0.0]})]
    check = _check(
        _gate(summary_of_report(report(cases)), summary_of_report(report(cases))),
        "task_success_rate",
    )
    assert check.baseline == 0.75


def test_clusters_widen_the_interval(case: BuildCase, report: BuildReport) -> None:
    """C - 1 degrees of freedom: copies of one case are not more evidence."""
    flips = [1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0]

    def build(clustered: bool, column: list[float]) -> RunSummary:  # noqa: FBT001
        return summary_of_report(
            report(
                [
                    case(
                        f"c{i}-{j}",
                        {"task_success": [value]},
                        cluster=f"cluster {i}" if clustered else None,
                    )
                    for i, value in enumerate(column)
                    for j in range(5)
                ]
            )
        )

    widths = []
    for clustered in (False, True):
        verdict = _gate(build(clustered, flips), build(clustered, flips[::-1]))
        interval = _check(verdict, "task_success_rate").interval_90
        assert interval is not None
        assert interval.low is not None
        assert interval.high is not None
        widths.append(interval.high - interval.low)
    assert widths[1] > 1.5 * widths[0]


def test_flat_files_are_means_only(side: BuildSide) -> None:
    """Every metric that somebody put into the file gates, and the verdict says means only."""
    old = summary_of_flat({"task_success_rate": 0.9, "tool_selection_accuracy": 0.9}, "old.json")
    new = summary_of_flat({"task_success_rate": 0.9, "tool_selection_accuracy": 0.855}, "new.json")
    verdict = _gate(old, new)
    assert verdict.exit_code == 1
    assert any("means only" in warning for warning in verdict.warnings)
    assert _gate(old, old).exit_code == 0
    gone = summary_of_flat({"task_success_rate": 0.9}, "new.json")
    assert _gate(old, gone).exit_code == 3
    apart = summary_of_flat({"faithfulness": 0.9}, "new.json")
    assert _gate(summary_of_flat({"cost_per_interaction": 1}, "old.json"), apart).exit_code == 3


def test_a_flat_baseline_asks_for_nothing_that_it_does_not_hold(side: BuildSide) -> None:
    """A report beside it has errors, costs and more: only what both hold is compared."""
    flat = summary_of_flat({"task_success_rate": 1.0}, "old.json")
    full = side(_rows([1.0] * 20))
    full = replace(full, values={"task_success_rate": 1.0, "error_rate": 0.0})
    verdict = _gate(flat, full)
    relative = {check.id: check.outcome for check in verdict.checks if check.kind == "relative"}
    assert (0, {"task_success_rate": "pass"}) == (verdict.exit_code, relative)


@pytest.mark.parametrize(("new", "code"), [(0.5, 0), (0.47, 1), (0.53, 3), (0.52, 0)])
def test_an_undefined_name_has_no_known_direction(new: float, code: int) -> None:
    """More is taken for better; a large rise could be worse, so it is no pass."""
    sides = [summary_of_flat({"my_number": value}, "flat.json") for value in (0.5, new)]
    assert _gate(*sides).exit_code == code


def test_quantiles_are_judged_by_a_bootstrap(side: BuildSide) -> None:
    """A gated p95 has an interval with a fixed seed, and the exact type-7 value."""
    times = [1.0 + i / 10 for i in range(40)]
    old = side(_rows([1.0] * 40, completion_time=times))
    new = side(_rows([1.0] * 40, completion_time=[t * 1.5 for t in times]))
    policy = {"metrics": {"completion_time_p95": "standard"}}
    checks = [_check(_gate(old, new, policy), "completion_time_p95") for _ in range(2)]
    assert checks[0] == checks[1]
    assert checks[0].outcome == "fail"
    assert checks[0].baseline == pytest.approx(1.0 + 0.95 * 39 / 10)
    assert checks[0].interval_90 is not None
    assert checks[0].interval_90.low == pytest.approx(0.5, abs=0.05)


def test_case_outcomes(case: BuildCase, report: BuildReport) -> None:
    """Regressed, improved, unchanged, new, missing, errored."""
    old = report(
        [
            case("regressed", {"task_success": [1.0, 1.0]}),
            case("improved", {"task_success": [0.0, 1.0]}),
            case("unchanged", {"task_success": [1.0, 0.0]}),
            case("missing", {"task_success": [1.0, 1.0]}),
            case("errored", {"task_success": [1.0, 1.0]}),
            *[case(f"same{i:02}", {"task_success": [1.0, 1.0]}) for i in range(20)],
        ]
    )
    new = report(
        [
            case("regressed", {"task_success": [1.0, 0.0]}),
            case("improved", {"task_success": [1.0, 1.0]}),
            case("unchanged", {"task_success": [0.0, 1.0]}),
            case("new", {"task_success": [1.0, 1.0]}),
            case("errored", {"task_success": [1.0, BROKEN]}),
            *[case(f"same{i:02}", {"task_success": [1.0, 1.0]}) for i in range(20)],
        ]
    )
    comparison = compare(
        summary_of_report(old),
        summary_of_report(new),
        METRICS,
        GateConfig(),
        CompareOptions(allow_removed=True),
    )
    outcomes = {c.id: c.outcome for c in comparison.changes if not c.id.startswith("same")}
    assert {name: name for name in outcomes} == outcomes
    assert [c.outcome for c in comparison.changes[:3]] == ["regressed", "errored", "missing"]


@pytest.mark.parametrize(
    ("gate", "outcome"), [("advisory", "unchanged"), ("standard", "regressed")]
)
def test_what_only_informs_makes_no_case_worse(side: BuildSide, gate: str, outcome: str) -> None:
    """Without task success a case is judged by the scores that gate, and by no other."""
    sides = [
        side([{"error": [0.0], "tool_selection_accuracy": [value]}] * 5) for value in (0.9, 0.1)
    ]
    policy = GateConfig.model_validate({"metrics": {"tool_selection_accuracy": gate}})
    changes = compare(*sides, METRICS, policy, CompareOptions()).changes
    assert {outcome} == {change.outcome for change in changes}


def test_a_value_without_a_column_needs_the_same_cases(side: BuildSide) -> None:
    """A baseline made when the metric was advisory holds its mean alone."""
    rows = _rows([1.0] * 20, escalation=[0.0] * 20)
    new = replace(side(rows), values={"escalation_rate": 0.0})
    bare = replace(side(_rows([1.0] * 20)), values={"escalation_rate": 0.0})
    policy = {"metrics": {"escalation_rate": "standard"}}
    assert _check(_gate(bare, new, policy), "escalation_rate").outcome == "pass"
    more = replace(side(_rows([1.0] * 21, escalation=[0.0] * 21)), values=new.values)
    assert _check(_gate(bare, more, policy), "escalation_rate").outcome == "inconclusive"


def test_rho_is_exact_over_thousands_of_cases(side: BuildSide) -> None:
    """0.1 is one tenth: 1,000 costs of 0.1 have a mean of exactly 1/10."""
    old = side(_rows([1.0] * 1000, cost_usd=[0.1] * 1000))
    new = side(_rows([1.0] * 1000, cost_usd=[0.105] * 1000))
    comparison = compare(old, new, METRICS, GateConfig())
    found = next(c.result for c in comparison.metrics if c.metric.name == "cost_per_interaction")
    assert getattr(found, "ruling", None) is not None
    assert Fraction(1, 20) == found.ruling.rho  # type: ignore[union-attr]
