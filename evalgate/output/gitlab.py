"""GitLab code quality JSON: what keeps a suite from passing, shown in the merge request.

Format: https://docs.gitlab.com/ci/testing/code_quality/ (a JSON array without a byte order mark).
GitLab tells old findings from new ones by the fingerprint, so it holds no values: the same case
that regresses by another amount is the same finding.
"""

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from evalgate.output.style import Style
from evalgate.output.view import VERDICTS, gating_checks, view_report
from evalgate.schema.result import Report, ReportSet
from evalgate.schema.verdict import Check
from evalgate.text.escape import cap, plain

_FILE = "evalgate.yaml"
_MOST = 100
_DESCRIPTION = 500
_SEVERITY = {"fail": "critical", "inconclusive": "major"}


def render(reports: ReportSet, _style: Style) -> str:
    """Write one finding for each check that does not pass and each case that regressed.

    A passing run is an empty array. At most 100 cases a suite are listed, and the rest counted.
    """
    findings = [finding for report in reports.suites for finding in _findings(report)]
    return json.dumps(findings, indent=1, ensure_ascii=False) + "\n"


def _findings(report: Report) -> Iterator[dict[str, Any]]:
    suite = report.suite.id
    for check in gating_checks(report):
        if check.outcome != "pass" and check.accepted is None:
            yield _finding(suite, "check", check.id, _told(check), _SEVERITY[check.outcome])
    groups = [g for g in view_report(report).groups if g.cause.state in ("regressed", "errored")]
    worse = [(group, case) for group in groups for case in group.cases]
    for group, case in worse[:_MOST]:
        said = f"{case.name} {case.state}: {group.cause.words.one}: {case.difference}"
        yield _finding(suite, "case", case.name, said, "minor")
    if len(worse) > _MOST:
        said = f"{len(worse) - _MOST} more cases regressed; see the report"
        yield _finding(suite, "case", "", said, "minor")


def _told(check: Check) -> str:
    fix = f" Fix: {check.fix}" if check.fix else ""
    return f"{check.id} {VERDICTS[check.outcome]}: {check.reason}{fix}"


def _finding(suite: str, kind: str, name: str, said: str, severity: str) -> dict[str, Any]:
    # Parts are parted by NUL, which no id holds, so that no two findings share a fingerprint.
    key = f"{suite}\0{kind}\0{name}"
    return {
        "description": cap(plain(f"{suite}: {said}").replace("\n", " "), _DESCRIPTION),
        "check_name": f"evalgate.{kind}",
        "fingerprint": sha256(key.encode("utf-8", "replace")).hexdigest(),
        "severity": severity,
        "location": {"path": _FILE, "lines": {"begin": 1}},
    }
