"""Tests of evalgate.output.explanation."""

import json

from evalgate.output.explanation import explanation
from evalgate.schema.result import ReportSet


def test_causes_evidence_and_what_proves_a_fix(reports: ReportSet) -> None:
    """What broke, the cases, and the command that runs one alone; all of it is JSON."""
    (suite,) = json.loads(json.dumps(explanation(reports)))["suites"]
    cause = suite["causes"][0]
    assert ("regressed", ["refund-1"], "evalgate run --case refund-1") == (
        cause["state"],
        cause["cases"],
        cause["prove"],
    )
    assert "task_success_rate" == suite["checks"][0]["check"]
    assert "evalgate run --suite support --baseline" == suite["prove_all"]


def test_a_pass_has_no_cause(passing: ReportSet) -> None:
    """No check is left to explain."""
    (suite,) = json.loads(json.dumps(explanation(passing)))["suites"]
    assert [] == suite["checks"]
