"""JUnit XML (xunit2): a test case for each case and each check, a property for each metric."""

from xml.etree import ElementTree as ET

from evalgate.output.cases.rows import judged_cases, mean_score
from evalgate.output.style import Style
from evalgate.output.view import gating_checks, headline, view_report
from evalgate.schema.result import CaseResult, Report, ReportSet
from evalgate.schema.verdict import CaseChange, Check
from evalgate.text.escape import xml


def render(reports: ReportSet, _style: Style) -> str:
    """Write one `testsuite` a report.

    A case that regressed is a failure, and one that was not measured an error; other cases pass
    whatever their score. A failed check is a failure, an inconclusive one an error. Times are of
    the trials of a case, where they are known.
    """
    root = ET.Element("testsuites", name="evalgate")
    for report in reports.suites:
        root.append(_suite(report))
    ET.indent(root, " ")
    body: str = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{body}\n'


def _suite(report: Report) -> ET.Element:
    changes = {change.id: change for change in report.changes}
    checks = gating_checks(report)
    errors = sum(check.outcome == "inconclusive" for check in checks)
    cases = judged_cases(report)
    broken = [case for case in cases if _not_measured(case)]
    worse = _regressed(report)
    suite = ET.Element(
        "testsuite",
        name=xml(report.suite.id),
        tests=str(len(cases) + len(checks) + 1),
        failures=str(
            sum(_failed(check) for check in checks) + (report.verdict == "fail") + len(worse)
        ),
        errors=str(errors + len(broken) + (report.verdict == "inconclusive")),
        skipped="0",
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in (("verdict", report.verdict), ("exit_code", str(report.exit_code))):
        ET.SubElement(properties, "property", name=name, value=value)
    for name, metric in report.metrics.items():
        shown = "unknown" if metric.value is None else repr(metric.value)
        ET.SubElement(properties, "property", name=xml(name), value=shown)
    suite.extend(
        _case(case, changes.get(case.id), report.suite.id, worse.get(case.id)) for case in cases
    )
    suite.extend(_check(check, report.suite.id) for check in checks)
    suite.append(_verdict(report))
    return suite


def _failed(check: Check) -> bool:
    return check.outcome == "fail" and check.accepted is None


def _not_measured(case: CaseResult) -> bool:
    return not case.trials or any(trial.status == "not_measured" for trial in case.trials)


def _regressed(report: Report) -> dict[str, tuple[str, str]]:
    """Say of each regressed case that was measured what it does, and the first difference."""
    ran = {case.id for case in report.cases if not _not_measured(case)}
    return {
        case.name: (group.cause.words.one, case.difference)
        for group in view_report(report).groups
        if group.cause.state == "regressed"
        for case in group.cases
        if case.name in ran
    }


def _time(case: CaseResult) -> str:
    mean = mean_score(case.trials, "completion_time")
    return "0" if mean is None else f"{mean * len(case.trials):.3f}"


def _case(
    case: CaseResult, change: CaseChange | None, suite: str, worse: tuple[str, str] | None
) -> ET.Element:
    element = ET.Element(
        "testcase", classname=xml(f"{suite}.cases"), name=xml(case.id), time=_time(case)
    )
    if worse is not None:
        doing, difference = worse
        child = ET.SubElement(element, "failure", message=xml(f"{doing}: {difference}", limit=300))
        child.text = xml("\n".join((change and change.what) or (difference,)))
    if _not_measured(case):
        errors = [trial.error for trial in case.trials if trial.error] or ["no trial"]
        ET.SubElement(element, "error", message=xml(errors[0], limit=300)).text = xml(
            "\n".join(errors)
        )
    said = [f"outcome: {change.outcome}", *change.what] if change else []
    said += [detail for trial in case.trials for detail in trial.details]
    if said:
        ET.SubElement(element, "system-out").text = xml("\n".join(said))
    return element


def _check(check: Check, suite: str) -> ET.Element:
    element = ET.Element("testcase", classname=xml(f"{suite}.checks"), name=xml(check.id), time="0")
    kind = {"fail": "failure", "inconclusive": "error"}.get(check.outcome)
    if kind and (kind == "error" or _failed(check)):
        child = ET.SubElement(element, kind, message=xml(check.reason, limit=300))
        child.text = xml(check.reason + (f"\nfix: {check.fix}" if check.fix else ""))
    return element


def _verdict(report: Report) -> ET.Element:
    element = ET.Element("testcase", classname=xml(report.suite.id), name="verdict", time="0")
    kind = {"fail": "failure", "inconclusive": "error"}.get(report.verdict)
    if kind:
        ET.SubElement(element, kind, message=xml(headline(report), limit=500))
    return element
