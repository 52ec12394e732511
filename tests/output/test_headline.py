"""Tests of evalgate.output.headline."""

from evalgate.output.headline import headline
from evalgate.schema.result import CaseResult, Report, TrialResult
from evalgate.schema.verdict import Check


def test_nothing_checked_is_said(report: Report) -> None:
    """A report without gating checks does not claim that checks passed."""
    empty = report.model_copy(update={"checks": (), "verdict": "inconclusive"})
    assert "INCONCLUSIVE: nothing was checked" == headline(empty)


def test_the_headline_claims_no_comparison(report: Report) -> None:
    """Without one nothing got worse, and a case keeps its name."""
    errors = {"a_1": "one", "b_1": "other"}
    trials = {n: TrialResult(n, 0, "crashed", {}, error=said) for n, said in errors.items()}
    cases = tuple(CaseResult(id=n, digest="d", trials=(t,)) for n, t in trials.items())
    must = Check(id="must_pass.a_1", kind="must_pass", outcome="fail", reason="1 of 1 failed")
    changes = {"cases": cases, "changes": (), "checks": (must,)}
    said = "FAIL: 1 case crashes: one, 1 more failed otherwise; must-pass case a_1: 1 of 1 failed"
    assert said == headline(report.model_copy(update=changes))


def test_a_failed_case_explains_no_load(report: Report) -> None:
    """Where the stress check alone fails, the headline names it alone."""
    load = Check(id="stress.error_rate", kind="stress", outcome="fail", reason="176 of 237")
    alone = report.model_copy(update={"changes": (), "checks": (load,)})
    assert "FAIL: stress.error rate: 176 of 237" == headline(alone)
