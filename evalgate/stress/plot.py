"""Writes the picture of a stress check."""

from pathlib import Path

from evalgate.errors import ConfigError
from evalgate.output.stress_plot import stress_figure
from evalgate.schema.result import ReportSet
from evalgate.store.atomic import write_text


def check_plot(path: Path | None) -> None:
    """Refuse a format that is not drawn, before any work is done.

    Raises:
        ConfigError: The file's suffix is not `.svg`.
    """
    if path is not None and path.suffix != ".svg":
        raise ConfigError(
            f"--plot {str(path)!r}: pictures are written as SVG",
            fix=f"--plot {path.with_suffix('.svg') if path.name else 'plot.svg'}",
        )


def write_picture(path: Path, drawn: str | None) -> None:
    """Write a picture, where there is one.

    Raises:
        ConfigError: There is nothing to draw.
    """
    if drawn is None:
        raise ConfigError(
            "--plot: a recorded arrival trace cannot be scaled, so there is no curve to draw",
            fix="give recorded sessions: --traces FILE or --suite NAME",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, drawn)


def write_plot(path: Path, reports: ReportSet) -> list[Path]:
    """Draw each report's stress check; with several, each goes to a file of its own.

    Args:
        path: The file; with several reports the suite's name is put before the suffix.
        reports: What was checked.

    Returns:
        The files that were written.
    """
    written = []
    for report in reports.suites:
        drawn = stress_figure(report)
        if drawn is None:
            continue
        several = len(reports.suites) > 1
        target = path.with_stem(f"{path.stem}-{report.suite.id}") if several else path
        target.parent.mkdir(parents=True, exist_ok=True)
        write_text(target, drawn)
        written.append(target)
    return written
