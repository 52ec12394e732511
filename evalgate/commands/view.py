"""`evalgate view`: writes the HTML report of stored runs."""

from collections.abc import Callable
from pathlib import Path

from evalgate.commands.details import find_place, gather, named_reports
from evalgate.output.html.page import html_page
from evalgate.output.style import Ways, usual_ways
from evalgate.schema.result import Report
from evalgate.store.atomic import write_text

_NAME = "report.html"


def write_page(
    runs: tuple[str, ...],
    output: Path | None,
    config: Path,
    ways: Callable[[Report], Ways] = usual_ways,
) -> Path:
    """Write the page of some runs, and return its path.

    Args:
        runs: What the user named; empty: the latest run.
        output: The file; None: `report.html` beside the report of a single run.
        config: The configuration.
        ways: Finds the words of commands for a report.

    Raises:
        DataError: There is no such run, or it is not readable.
        InputError: The page cannot be written.
    """
    place = find_place(config)
    reports, found = named_reports(place, runs)
    details = [gather(stored.report, stored.folder, place) for stored in found]
    folder = found[0].folder if len(found) == 1 else None
    path = output or (folder or Path()) / _NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, html_page(reports, details, ways=ways))
    return path
