"""No evidence is never a pass: each lack in words, and what has none."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from evalgate.gate.checks.presence import evidence_checks, is_partial, nothing_gates
from evalgate.gate.comparability import UNMEASURED
from evalgate.gate.compare import compare
from evalgate.gate.comparison import CompareOptions
from evalgate.gate.facts import RunFacts
from evalgate.metrics.registry import METRICS
from evalgate.schema.config_parts.gate import GateConfig
from evalgate.schema.result import CaseResult, Report
from evalgate.schema.score import Broken
from evalgate.schema.status import TraceStatus
from evalgate.schema.verdict import Check
from evalgate.stats.summary import RunSummary, summary_of_flat, summary_of_report

BuildCase = Callable[..., CaseResult]
BuildReport = Callable[..., Report]
BuildSide = Callable[..., RunSummary]
BROKEN = Broken("b")
GOOD = {"task_success": [1.0]}


def _checks(
    new: RunSummary,
    old: RunSummary | None = None,
    policy: dict[str, object] | None = None,
    facts: RunFacts | None = None,
    options: CompareOptions | None = None,
) -> tuple[Check, ...]:
    config = GateConfig.model_validate({"metrics": policy or {}})
    comparison = compare(old, new, METRICS, config, options or CompareOptions())
    return evidence_checks(comparison, config, facts or RunFacts())


def _lacks(checks: Sequence[Check]) -> list[tuple[str, str]]:
    """Return id and reason of checks that are all inconclusive and name a way out."""
    assert {(check.outcome, check.gate) for check in checks} == {("inconclusive", "standard")}
    assert all(check.fix for check in checks)
    return [(check.id, check.reason) for check in checks]


def test_whole_evidence_is_one_check(case: BuildCase, report: BuildReport) -> None:
    """Cases and trials are counted, drafts aside; a flat file has neither."""
    two = {"task_success": [1.0, 0.0]}
    made = report([case("a", two), case("b", two), case("c", two, draft=True)])
    (check,) = _checks(summary_of_report(made))
    words = "2 cases, 4 trials, every one measured"
    assert check == Check(id="evidence", kind="evidence", outcome="pass", reason=words)
    flat = summary_of_flat({"task_success_rate": 1.0}, "flat.json")
    assert [one.reason for one in _checks(flat, flat)] == ["means only"]


def test_a_metric_of_the_policy_that_does_not_exist(side: BuildSide) -> None:
    """A typo is told, unless it gates nothing."""
    policy: dict[str, object] = {"no_such": "zero", "nor_this": "advisory"}
    found = _lacks(_checks(side([GOOD]), policy=policy))
    words = "the policy gates 'no_such', and there is no such metric"
    assert found == [("evidence.no_such", words)]


def test_no_case_is_told_alone(case: BuildCase, report: BuildReport) -> None:
    """Nothing else is said of trials that are not there."""
    for cases in ([], [case("a", GOOD, draft=True)]):
        (found,) = _lacks(_checks(summary_of_report(report(cases))))
        words = "there is no case to judge: nothing was run, or every case is a draft"
        assert found == ("evidence.cases", words)


def test_what_was_not_measured_is_named(case: BuildCase, report: BuildReport) -> None:
    """With the cause and the command the run knows, or the usual one."""
    broken: dict[str, list[object]] = {"task_success": [1.0, BROKEN]}
    ends: list[TraceStatus] = ["finished", "not_measured"]
    side = summary_of_report(
        report([case("a", broken, ends), case("b", {"task_success": [1.0] * 2})])
    )
    words = "1 case has trials that were not measured"
    told = RunFacts(cause="no cassette", record="do it")
    again = "record them: `evalgate run --record-missing`"
    for replayed, facts, reason, fix in (
        (False, RunFacts(), f"{words}: a", UNMEASURED),
        (True, RunFacts(), f"{words} (replay miss): a", again),
        (True, told, f"{words} (replay miss): a; each time: no cassette", "do it"),
    ):
        checks = _checks(replace(side, replayed=replayed), facts=facts)
        check = next(c for c in checks if c.id == "evidence.replay")
        assert (reason, fix) == (check.reason, check.fix)


def test_a_trial_that_was_not_measured_is_no_broken_score(
    case: BuildCase, report: BuildReport
) -> None:
    """Scoring it again would not help; it is told once, as what it is."""
    cases = [case("a", {"task_success": [BROKEN]}, ["not_measured"]), case("b", GOOD)]
    found = [check.id for check in _checks(summary_of_report(report(cases)))]
    assert ["evidence.replay"] == found


@pytest.mark.parametrize(
    ("counts", "told"),
    [([0, 0], True), ([0, 1], False), ([0, None], False), ([], False), ([1, 1], False)],
)
def test_no_call_at_the_gateway(
    case: BuildCase, report: BuildReport, counts: list[int | None], *, told: bool
) -> None:
    """Every trial was counted, and none asked a model."""
    made = summary_of_report(report([case("a", {"task_success": [1.0, 1.0]})]))
    counted = {"a": replace(made.cases["a"], model_calls=tuple(counts))}
    found = [check.id for check in _checks(replace(made, cases=counted))]
    assert found == (["evidence.gateway"] if told else ["evidence"])


def test_a_trial_that_broke_off_may_have_asked_no_model(
    case: BuildCase, report: BuildReport
) -> None:
    """It had not come to its first call: a crash, or a tool whose recording is missing."""
    for status in ("finished", "crashed"):
        made = summary_of_report(report([case("a", {"task_success": [0.0]}, [status])]))
        counted = {"a": replace(made.cases["a"], model_calls=(0,))}
        found = {check.id: check for check in _checks(replace(made, cases=counted))}
        told = "or broke off before it asked" in found["evidence.gateway"].reason
        assert (status == "crashed") == told


def test_fewer_trials_than_were_asked_for(case: BuildCase, report: BuildReport) -> None:
    """A case that is short is named; one trial is always asked for."""
    cases = [case("a", {"task_success": [1.0] * 2}), case("b", GOOD)]
    found = _lacks(_checks(summary_of_report(report(cases, trials=2))))
    assert found == [("evidence.trials", "1 case has fewer than 2 trials: b")]
    empty = summary_of_report(report(cases, trials=0))
    none = replace(empty.cases["b"], numbers=(), statuses=(), columns={})
    found = _lacks(_checks(replace(empty, cases={**empty.cases, "b": none})))
    assert found == [("evidence.trials", "1 case has no trial: b")]


def test_nothing_finished_and_nothing_scored(case: BuildCase, report: BuildReport) -> None:
    """How trials ended is counted; a replay that missed everything is told as that alone."""
    ends: list[TraceStatus] = ["crashed", "timed_out", "crashed"]
    lost = case("a", {"task_success": [BROKEN] * 3}, ends)
    found = dict(_lacks(_checks(summary_of_report(report([lost])))))
    told = (
        "no trial finished (2 crashed, 1 timed out), so nothing is known of what the agent can do"
    )
    assert found["evidence.finished"] == told
    assert found["evidence.scores"] == "no score was given in any trial"
    missed = case("a", {"task_success": [BROKEN]}, ["not_measured"])
    ids = [check.id for check in _checks(summary_of_report(report([missed])))]
    assert "evidence.finished" not in ids
    one = [case("a", GOOD), case("b", {"task_success": [0.0]}, ["crashed"])]
    assert [check.id for check in _checks(summary_of_report(report(one)))] == ["evidence"]


def test_caps_and_selections(side: BuildSide) -> None:
    """A cap is always told; a selection unless it is allowed."""
    some = replace(side([GOOD]), selection=True)
    found = _lacks(_checks(some, facts=RunFacts(cap="$5")))
    assert found == [
        ("evidence.cap", "the run was stopped early: $5"),
        ("evidence.partial", "only a selection of the cases was judged"),
    ]
    allowed = _checks(some, facts=RunFacts(allow_partial=True))
    assert [check.outcome for check in allowed] == ["pass"]


def test_a_baseline_of_a_selection_is_no_whole_one(case: BuildCase, report: BuildReport) -> None:
    """What a part of a run left out cannot be compared; a part with the same part can."""
    whole = summary_of_report(report([case(name, GOOD) for name in "abc"]))
    part = replace(summary_of_report(report([case("a", GOOD)])), selection=True)
    said = "the baseline is a run of a selection: 2 cases (b, c) cannot be compared"
    assert [("evidence.partial", said)] == _lacks(_checks(whole, part))
    same = replace(summary_of_report(report([case("a", GOOD)])), selection=False)
    for new, facts in ((whole, RunFacts(allow_partial=True)), (same, RunFacts())):
        assert "evidence.partial" not in [check.id for check in _checks(new, part, facts=facts)]


def test_a_selection_is_known_by_either_sign(side: BuildSide) -> None:
    """The run says so, or cases of the golden set were not run."""
    whole = side([GOOD])
    config = GateConfig()
    assert not is_partial(compare(whole, whole, METRICS, config))
    assert is_partial(compare(whole, replace(whole, selection=True), METRICS, config))
    more = CompareOptions(golden_ids=frozenset({*whole.cases, "not run"}))
    assert is_partial(compare(whole, whole, METRICS, config, more))


def test_sides_that_share_nothing(side: BuildSide) -> None:
    """Another golden set is a check of kind `comparison`; no common metric is lacking evidence."""
    one, other = side([GOOD]), side([GOOD])
    renamed = replace(other, cases={"x": replace(other.cases["case-0000"], id="x")})
    (check,) = _checks(one, renamed)
    assert (check.id, check.kind) == ("comparison", "comparison")
    assert check.reason.startswith("not comparable: this run is a baseline of another golden set")
    found = evidence_checks(compare(one, one, {}, GateConfig()), GateConfig(), RunFacts())
    assert _lacks(found) == [("evidence.metrics", "the two sides have no metric in common")]


def test_broken_scores_without_a_baseline(case: BuildCase, report: BuildReport) -> None:
    """Of gated metrics, with each case named once; a comparison tells its own."""
    lost = {"task_success": [1.0, 1.0], "faithfulness": [BROKEN, BROKEN]}
    whole = {"task_success": [1.0, 1.0], "faithfulness": [1.0, 1.0]}
    side = summary_of_report(report([case("a", lost), case("b", whole)]))
    found = _lacks(_checks(side))
    assert found == [("evidence.faithfulness", "2 scores of faithfulness broken: a")]
    assert [c.id for c in _checks(side, policy={"faithfulness": "advisory"})] == ["evidence"]
    assert [c.id for c in _checks(side, side)] == ["evidence"]


def test_a_gate_that_cannot_fail_is_no_gate() -> None:
    """Only evidence that passed, and what is advisory: nothing gates."""
    evidence = Check(id="evidence", kind="evidence", outcome="pass", reason="r")
    relative = Check(id="m", kind="relative", outcome="pass", reason="r")
    advisory = relative.model_copy(update={"gate": "advisory"})
    for compared in (True, False):
        found = nothing_gates([evidence, advisory], compared=compared)
        assert ["evidence.gates"] == [check.id for check in found]
        assert ("advisory" in found[0].reason, "baseline update" in str(found[0].fix)) == (
            compared,
            not compared,
        )
        assert () == nothing_gates([evidence, relative], compared=compared)
        lack = evidence.model_copy(update={"outcome": "inconclusive"})
        assert () == nothing_gates([lack], compared=compared)
