"""The report as its own JSON: frozen, versioned, the same bytes for the same report."""

from evalgate.render.style import Style
from evalgate.schema.result import Report, ReportSet

__all__ = ["render", "report_json"]


def render(reports: ReportSet, _style: Style) -> str:
    """Write the report of a single suite as it stands in `report.json`, of several as a set."""
    return report_json(reports.suites[0] if len(reports.suites) == 1 else reports)


def report_json(report: Report | ReportSet) -> str:
    """Write a report with a final line break."""
    return report.model_dump_json(by_alias=True, indent=1) + "\n"
