"""The report as its own JSON: frozen, versioned, the same bytes for the same report."""

from evalgate.output.style import Style
from evalgate.schema.report_text import set_text
from evalgate.schema.result import ReportSet


def render(reports: ReportSet, _style: Style) -> str:
    """Write the report of a single suite as it stands in `report.json`, of several as a set."""
    return set_text(reports)
