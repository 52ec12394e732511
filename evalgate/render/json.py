"""The report as its own JSON: frozen, versioned, the same bytes for the same report."""

from evalgate.schema.result import Report, ReportSet

__all__ = ["render"]


def render(report: Report | ReportSet) -> str:
    """Write a report as JSON with a final line break."""
    return report.model_dump_json(by_alias=True, indent=1, exclude_none=False) + "\n"
