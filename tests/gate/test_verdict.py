"""The gate beside the comparison: limits, must-pass cases, evidence, age, references, waivers."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from evalgate.gate.checks.must_pass import confirmed, needs_confirmation
from evalgate.gate.compare import compare
from evalgate.gate.comparison import CompareOptions
from evalgate.gate.facts import RunFacts
from evalgate.gate.settle import cannot_settle, needs_more_trials, unsettled
from evalgate.gate.verdict import decide, verdict_of, with_reference
from evalgate.metrics.registry import METRICS
from evalgate.schema.config import AgentConfig, SuiteConfig
from evalgate.schema.config_parts.gate import GateConfig
from evalgate.schema.result import CaseResult, Report, Subject
from evalgate.schema.score import Abstained, Broken, Scored
from evalgate.schema.verdict import Check, GateQuality, Verdict
from evalgate.stats.summary import RunSummary, summary_of_flat, summary_of_report

BuildSide = Callable[..., RunSummary]
BuildCase = Callable[..., CaseResult]
BuildReport = Callable[..., Report]
PASSED, FAILED = Scored(1.0), Scored(0.0)
BROKEN = Broken("the judge is down")


def _gate(
    baseline: RunSummary | None,
    candidate: RunSummary,
    policy: dict[str, object] | None = None,
    facts: RunFacts | None = None,
    options: CompareOptions | None = None,
) -> Verdict:
    config = GateConfig.model_validate(policy or {})
    comparison = compare(baseline, candidate, METRICS, config, options or CompareOptions())
    return decide(comparison, config, facts or RunFacts())


def _check(verdict: Verdict, name: str) -> Check:
    return next(check for check in verdict.checks if check.id == name)


def test_without_a_baseline_the_report_says_no_comparison(side: BuildSide) -> None:
    """Only limits and must-pass cases are checked."""
    verdict = _gate(None, side([{"task_success": [0.0]}] * 3))
    assert verdict.exit_code == 0
    assert any("no comparison" in warning for warning in verdict.warnings)


@pytest.mark.parametrize(
    ("values", "limit", "expected"),
    [
        ([1.0, 0.0], {"min": 0.5}, "pass"),
        ([1.0, 0.0], {"min": 0.51}, "fail"),
        ([1.0, BROKEN], {"min": 0.5}, "pass"),
        ([1.0, BROKEN], {"min": 0.6}, "inconclusive"),
        ([0.0, BROKEN], {"min": 0.6}, "fail"),
        ([BROKEN, BROKEN], {"min": 0.6}, "inconclusive"),
    ],
)
def test_min(side: BuildSide, values: list[object], limit: dict[str, float], expected: str) -> None:
    """A limit with evidence at both ends of its bounds."""
    rows = [{"task_success": [1.0], "faithfulness": [value]} for value in values]
    verdict = _gate(None, side(rows), {"metrics": {"faithfulness": limit}})
    assert expected == _check(verdict, "faithfulness.min").outcome


def test_max_of_an_unbounded_metric_needs_every_value(side: BuildSide) -> None:
    """Unknown cost is not zero: a limit on it is inconclusive."""
    unknown = Abstained("no price", unknown=True)
    policy = {"metrics": {"cost_per_interaction": {"max": 0.15}}}
    rows = [{"task_success": [1.0], "cost_usd": [value]} for value in (0.1, 0.2)]
    assert _check(_gate(None, side(rows), policy), "cost_per_interaction.max").outcome == "pass"
    rows = [{"task_success": [1.0], "cost_usd": [value]} for value in (0.1, unknown)]
    verdict = _gate(None, side(rows), policy)
    assert _check(verdict, "cost_per_interaction.max").outcome == "inconclusive"


def test_a_limit_without_evidence_is_inconclusive(side: BuildSide) -> None:
    """A limit on what nobody measures is no pass; an advisory one changes nothing."""
    rows = [{"task_success": [1.0]}]
    assert _gate(None, side(rows), {"metrics": {"ttft_p95": {"max": 2}}}).exit_code == 3
    advisory = {"metrics": {"ttft_p95": {"max": 2, "gate": "advisory"}}}
    assert _gate(None, side(rows), advisory).exit_code == 0


def test_abstaining_does_not_lift_a_limited_metric(side: BuildSide) -> None:
    """A case that the baseline scored and that abstains now counts at its worst in a limit."""
    policy = {"metrics": {"faithfulness": {"gate": "advisory", "min": 0.6}}}
    policy["metrics"]["faithfulness"]["gate"] = "standard"
    old = side([{"task_success": [1.0], "faithfulness": [v]} for v in (0.5, 0.5, 1.0, 1.0)])
    silent = Abstained("no claims")
    new = side([{"task_success": [1.0], "faithfulness": [v]} for v in (silent, silent, 1.0, 1.0)])
    assert _check(_gate(old, new, policy), "faithfulness.min").outcome == "fail"


def _with_must_pass(case: BuildCase, report: BuildReport, values: list[float], **fields: object):  # noqa: ANN202
    cases = [case("vip", {"task_success": values}, must_pass=True, **fields)]
    cases += [case(f"c{i}", {"task_success": [1.0] * len(values)}) for i in range(40)]
    return summary_of_report(report(cases))


POLICY: dict[str, object] = {"metrics": {"error_rate": "advisory"}}


@pytest.mark.parametrize(
    ("fresh", "outcome"),
    [
        ((PASSED, PASSED), "pass"),
        ((PASSED, FAILED), "fail"),
        ((FAILED, FAILED), "fail"),
        ((PASSED,), "inconclusive"),
        ((PASSED, BROKEN), "inconclusive"),
        ((), "inconclusive"),
    ],
)
def test_a_must_pass_failure_is_confirmed_by_fresh_trials(
    case: BuildCase, report: BuildReport, fresh: tuple[Scored, ...], outcome: str
) -> None:
    """Any failure starts 2 fresh trials; fail iff at least one fails; nothing is pooled."""
    new = _with_must_pass(case, report, [1.0, 0.0])
    assert needs_confirmation(new, None) == ("vip",)
    assert outcome == confirmed(fresh)
    verdict = _gate(None, new, POLICY, RunFacts(fresh={"vip": fresh}))
    assert outcome == _check(verdict, "must_pass.vip").outcome
    assert {"pass": 0, "fail": 1, "inconclusive": 3}[outcome] == verdict.exit_code


@pytest.mark.parametrize("why", ["noise", "zero_tolerance", "baseline"])
def test_a_must_pass_failure_that_needs_no_confirmation(
    case: BuildCase, report: BuildReport, why: str
) -> None:
    """Without noise, with zero tolerance, and where the baseline fails too: at once."""
    new = _with_must_pass(case, report, [0.0], zero_tolerance=why == "zero_tolerance")
    old = _with_must_pass(case, report, [0.0 if why == "baseline" else 1.0])
    if why == "noise":
        old, new = replace(old, noise="none"), replace(new, noise="none")
    assert needs_confirmation(new, old) == ()
    check = _check(_gate(old, new, POLICY), "must_pass.vip")
    assert check.outcome == "fail"
    assert ("in the baseline too" in check.reason) == (why == "baseline")


def test_a_stored_report_keeps_what_fresh_trials_said(case: BuildCase, report: BuildReport) -> None:
    """Comparing a stored report again gives the verdict that its fresh trials gave."""
    cleared = Check(id="must_pass.vip", kind="must_pass", outcome="pass", reason="fresh trials")
    cases = [case("vip", {"task_success": [0.0]}, must_pass=True)]
    stored = report(cases).model_copy(update={"checks": (cleared,)})
    assert _gate(None, summary_of_report(stored), POLICY).exit_code == 0


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ("empty", "evidence.cases"),
        ("drafts", "evidence.cases"),
        ("short", "evidence.trials"),
        ("missed", "evidence.replay"),
        ("unscored", "evidence.scores"),
        ("cap", "evidence.cap"),
    ],
)
def test_no_evidence_is_never_a_pass(
    case: BuildCase, report: BuildReport, change: str, check: str
) -> None:
    """Empty, only drafts, fewer trials, not measured, nothing scored, stopped at a cap: exit 3."""
    cases = [case(f"c{i}", {"task_success": [1.0, 1.0]}, draft=change == "drafts") for i in (0, 1)]
    if change == "short":
        cases[1] = case("c1", {"task_success": [1.0]})
    if change == "missed":
        cases[1] = case("c1", {"task_success": [1.0, BROKEN]}, ["finished", "not_measured"])
    if change == "unscored":
        cases = [case("c0", {"task_success": [Abstained("nothing")] * 2})]
    made = report([] if change == "empty" else cases, trials=2)
    facts = RunFacts(cap="cost of $5 reached" if change == "cap" else None)
    verdict = _gate(None, summary_of_report(made), facts=facts)
    assert verdict.exit_code == 3
    assert _check(verdict, check).outcome == "inconclusive"


def test_a_broken_gated_metric_is_inconclusive_without_a_baseline(side: BuildSide) -> None:
    """A crashed scorer is exit 3 whether or not there is something to compare with."""
    verdict = _gate(None, side([{"task_success": [BROKEN]}, {"task_success": [1.0]}]))
    assert _check(verdict, "evidence.task_success_rate").outcome == "inconclusive"
    assert verdict.exit_code == 3


def test_a_gate_on_a_metric_that_does_not_exist_is_inconclusive(side: BuildSide) -> None:
    """A typo in a policy that reached the gate is no pass."""
    verdict = _gate(None, side([{"task_success": [1.0]}]), {"metrics": {"task_sucess": "zero"}})
    assert verdict.exit_code == 3


def test_an_old_baseline_and_another_model_are_warned_of(side: BuildSide) -> None:
    """Older than 30 days, or another model snapshot: warnings, the verdict stays."""
    rows = [{"task_success": [1.0], "error": [0.0]}] * 60
    new = replace(side(rows), subject=Subject(model="m-2"))
    old = replace(new, created="2026-10-01T12:00:00Z", subject=Subject(model="m-1"))
    verdict = _gate(old, new, facts=RunFacts(today="2026-11-21T08:00:00Z"))
    told = " ".join(verdict.warnings)
    assert "51 days old (limit 30)" in told
    assert "m-1, now m-2" in told
    assert verdict.exit_code == 0
    fresh = _gate(
        replace(old, created="2026-11-20T00:00:00Z"), new, facts=RunFacts(today="2026-11-21")
    )
    assert not any("days old" in warning for warning in fresh.warnings)


def test_the_limit_of_age_is_still_young(side: BuildSide) -> None:
    """30 days are no warning, 31 are; no date, a broken date or no model known: none."""
    new = replace(side([{"task_success": [1.0]}]), subject=Subject(model="m-2"))
    days = {"2026-10-22": 0, "2026-10-21": 1, None: 0, "yesterday": 0}
    for created, warnings in days.items():
        old = replace(new, created=created, subject=Subject())
        told = _gate(old, new, facts=RunFacts(today="2026-11-21")).warnings
        assert len([line for line in told if "days old" in line]) == warnings
        assert not any("another model" in line for line in told)


def test_what_is_outside_the_comparison_is_told(case: BuildCase, report: BuildReport) -> None:
    """Drafts, new, changed and removed cases, and another suite: each named, in this order."""
    row = {"task_success": [1.0]}
    common = [case(f"c{i:02}", row) for i in range(20)]
    before = [*common, case("asks", row, digest="before"), case("gone", row)]
    after = [*common, case("asks", row), case("fresh", row), case("draft", row, draft=True)]
    old = summary_of_report(report(before, id="other"))
    allowed = CompareOptions(allow_removed=True)
    warnings = _gate(old, summary_of_report(report(after)), options=allowed).warnings
    assert warnings[:5] == (
        "1 draft case ran and does not gate",
        "1 new case is outside the comparison: fresh",
        "1 case asks something else than in the baseline: asks",
        "1 case is gone from the golden set: gone",
        "the baseline is of suite 'other', the candidate of 'support'",
    )
    same = _gate(old, old, options=allowed).warnings
    assert not any("suite" in line or "case" in line for line in same)


@pytest.mark.parametrize(
    ("old", "new", "told"), [("trials", "none", 1), ("none", "trials", 0), ("none", "none", 0)]
)
def test_noisy_against_deterministic_is_told(
    side: BuildSide, old: str, new: str, told: int
) -> None:
    """A deterministic candidate beside a noisy baseline is worth a word, the reverse is not."""
    base, candidate = (side([{"task_success": [1.0]}], noise=noise) for noise in (old, new))
    warnings = _gate(base, candidate).warnings
    assert len([line for line in warnings if "comes from noisy trials" in line]) == told


def test_means_are_told_once(side: BuildSide) -> None:
    """A side of means only has no cases to name: one warning on either side."""
    whole = replace(side([{"task_success": [1.0]}]), values={"task_success_rate": 1.0})
    flat = summary_of_flat({"task_success_rate": 1.0}, "numbers.json")
    for sides in ((flat, whole), (whole, flat), (flat, flat)):
        warnings = _gate(*sides).warnings
        assert [line for line in warnings if "means only" in line] == [
            "means only: without cases nothing is paired, and noise cannot be judged"
        ]
        assert not any(word in line for line in warnings for word in ("new case", "was removed"))


def test_checks_are_sorted_worst_first() -> None:
    """Fail, inconclusive, pass; what explains the rest of its outcome first; advisory last."""
    checks = [
        Check(id="d", kind="relative", gate="advisory", outcome="fail", reason="r"),
        Check(id="c", kind="relative", outcome="pass", reason="r"),
        Check(id="b", kind="relative", outcome="inconclusive", reason="r"),
        Check(id="evidence.trials", kind="evidence", outcome="inconclusive", reason="r"),
        Check(id="comparison", kind="comparison", outcome="inconclusive", reason="r"),
        Check(id="a", kind="relative", outcome="fail", reason="r"),
    ]
    assert [check.id for check in verdict_of(checks).checks] == [
        *("a", "evidence.trials", "comparison", "b", "c", "d"),
    ]


def test_false_alarms_of_several_metrics_add_up() -> None:
    """1 - (1 - .1)(1 - .2) = .28; unknown where one is unknown; settled relative checks only."""

    def check(name: str, rate: float | None, **fields: object) -> Check:
        quality = GateQuality(false_alarm_rate=rate)
        made = {"kind": "relative", "outcome": "pass", "reason": "r", "settled": True, **fields}
        return Check.model_validate({"id": name, "quality": quality, **made})

    two = [check("a", 0.1), check("b", 0.2)]
    aside = [
        check("c", 0.5, gate="advisory"),
        check("d", 0.5, kind="limit"),
        check("e", 0.5, settled=None),
    ]
    assert verdict_of([*two, *aside]).false_alarm_rate == pytest.approx(0.28)
    assert verdict_of([*two, check("f", None)]).false_alarm_rate is None
    assert verdict_of([two[0].model_copy(update={"quality": None})]).false_alarm_rate is None
    assert verdict_of(aside[1:]).false_alarm_rate is None


def test_a_reference_adds_what_compares(side: BuildSide) -> None:
    """Limits, must-pass cases and advisory checks are not said twice."""
    kinds = {"relative": "a", "comparison": "b", "limit": "c", "must_pass": "d"}
    pinned = [
        Check(id=name, kind=kind, outcome="pass", reason="r")  # type: ignore[arg-type]
        for kind, name in kinds.items()
    ]
    pinned += [
        Check(id="e", kind="relative", gate="advisory", outcome="fail", reason="r"),
        Check(id="evidence.metrics", kind="evidence", outcome="inconclusive", reason="r"),
        Check(id="evidence.cases", kind="evidence", outcome="inconclusive", reason="r"),
    ]
    own = verdict_of([Check(id="own", kind="limit", outcome="pass", reason="r")], warnings=["w"])
    both = with_reference(own.model_copy(update={"partial": True}), verdict_of(pinned))
    assert [check.id for check in both.checks] == [
        *("reference.evidence.metrics", "reference.b", "own", "reference.a"),
    ]
    assert (both.warnings, both.partial) == (("w",), True)


def test_a_run_that_measured_nothing_tells_its_one_cause(
    case: BuildCase, report: BuildReport
) -> None:
    """Only the checks that name the cause stay; what follows from it is not listed."""
    miss = ["not_measured"]
    old = summary_of_report(report([case("a", {"task_success": [1.0]})]))
    new = summary_of_report(report([case("a", {"task_success": [BROKEN]}, miss)]))
    assert [check.id for check in _gate(old, new).checks] == ["evidence.replay"]
    one = [case("a", {"task_success": [BROKEN]}, miss), case("b", {"task_success": [1.0]})]
    some = _gate(summary_of_report(report(one)), summary_of_report(report(one)))
    assert "task_success_rate" in {check.id for check in some.checks}


def test_a_reference_catches_a_slow_slide(side: BuildSide) -> None:
    """-4 % against the baseline passes, -8 % against the pinned reference fails."""
    pinned, old, new = (
        side([{"task_success": [float(i < n)], "error": [0.0]} for i in range(200)])
        for n in (200, 192, 184)
    )
    against = _gate(old, new), _gate(pinned, new)
    assert against[0].exit_code == 0
    both = with_reference(*against)
    assert both.exit_code == 1
    assert _check(both, "reference.task_success_rate").outcome == "fail"


def test_an_accepted_failure_does_not_count() -> None:
    """A waiver is shown and the verdict goes by the rest."""
    checks = [
        Check(id="a", kind="relative", outcome="fail", reason="worse", accepted="until Friday"),
        Check(id="b", kind="relative", outcome="pass", reason="same"),
    ]
    assert verdict_of(checks).outcome == "pass"
    assert verdict_of([checks[0].model_copy(update={"accepted": None}), checks[1]]).exit_code == 1


def test_no_check_at_all_is_inconclusive() -> None:
    """Nothing was checked: that is not a pass; advisory checks do not help."""
    assert verdict_of([]).exit_code == 3
    advisory = Check(id="a", kind="relative", gate="advisory", outcome="pass", reason="fine")
    assert verdict_of([advisory]).exit_code == 3


def test_settling_asks_for_more_trials_of_every_case(side: BuildSide) -> None:
    """Unsettled and trials left: one more of every case; settled, or at the limit: none."""
    config = GateConfig()

    def trials(n: int, k: int) -> RunSummary:
        return side([{"task_success": [1.0] * k, "error": [0.0] * k}] * n)

    twenty = compare(trials(20, 10), trials(20, 1), METRICS, config)
    assert unsettled(twenty) == ("task_success_rate",)
    assert needs_more_trials(twenty, 5)
    assert not needs_more_trials(twenty, 1)
    enough = compare(trials(20, 10), trials(20, 5), METRICS, config)
    assert not needs_more_trials(enough, 10)
    quiet = [replace(trials(20, k), noise="none") for k in (1, 1)]
    assert not needs_more_trials(compare(*quiet, METRICS, config), 5)


def test_a_configuration_that_can_never_settle_says_so() -> None:
    """20 cases cannot settle 5 % with 2 trials; with 5 they can; without the wish, no message."""
    agent = AgentConfig(run="python:agent:answer")
    suite = SuiteConfig(golden="g.jsonl", agent=agent, trials=1, max_trials=2)
    assert "never settle" in (cannot_settle(suite, 20, 10) or "")
    assert cannot_settle(suite.model_copy(update={"max_trials": 5}), 20, 10) is None
    assert cannot_settle(suite.model_copy(update={"max_trials": 5}), 20, 1) is not None
    assert cannot_settle(suite.model_copy(update={"max_trials": None}), 20, 10) is None


def test_the_gates_own_quality_is_printed(side: BuildSide) -> None:
    """False alarms, detection and the trials needed; unknown with a baseline of one trial."""
    rows = [{"task_success": [1.0, 1.0, 0.0], "error": [0.0] * 3}] * 10
    rows += [{"task_success": [1.0] * 3, "error": [0.0] * 3}] * 40
    quality = _check(_gate(side(rows), side(rows)), "task_success_rate").quality
    assert quality is not None
    assert quality.false_alarm_rate is not None
    assert 0 < quality.false_alarm_rate < 0.5
    assert quality.trials_for_5_percent is not None
    one = [{"task_success": [1.0], "error": [0.0]}] * 50
    verdict = _gate(side(one), side(one))
    unknown = _check(verdict, "task_success_rate").quality
    assert unknown is not None
    assert unknown.false_alarm_rate is None
    assert verdict.false_alarm_rate is None
