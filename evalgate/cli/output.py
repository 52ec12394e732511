"""Where a report goes: standard output or files, in the formats asked for."""

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import click

from evalgate.errors import ConfigError
from evalgate.output.style import Renderer, Style, Ways, usual_ways
from evalgate.registry import resolve
from evalgate.schema.result import MetricValue, Report, ReportSet, SuiteInfo
from evalgate.schema.verdict import Check
from evalgate.store.atomic import write_text
from evalgate.text.escape import workflow_log

if TYPE_CHECKING:
    from evalgate.output.cases.details import RunDetails


_LATE = (
    *("evalgate.commands.details", "evalgate.stress.suite"),
    *("evalgate.gateway.forecast", "evalgate.suite.gateway_agent", "evalgate.gateway.tools.http"),
    *("concurrent.futures.thread", "httpx2"),
    *("genai_prices", "genai_prices.data", "genai_prices.data_snapshot"),
)
"""Modules that are imported where they are used, and may be first used after the agent ran."""

_JSON = ("json", "gitlab")
_BY_SUFFIX = {
    ".html": "html",
    ".json": "json",
    ".md": "markdown",
    ".xml": "junit",
    ".txt": "terminal",
}


def check_outputs(formats: Sequence[str], outputs: Sequence[Path]) -> list[tuple[str, Path | None]]:
    """Pair formats with files before any work is done.

    Without formats, files tell theirs by suffix. A terminal report goes to standard output
    unless another format does.

    Raises:
        ConfigError: There are more files than formats, or a suffix tells no format.
        PluginError: A format is unknown.
    """
    if not formats:
        formats = [_by_suffix(path) for path in outputs]
    if len(outputs) > len(formats):
        raise ConfigError(
            f"{len(outputs)} --output for {len(formats)} --format; they pair in order",
            fix="--format json --output report.json --format markdown --output report.md",
        )
    files: list[Path | None] = [*outputs, *([None] * (len(formats) - len(outputs)))]
    pairs = list(zip(formats, files, strict=True))
    for name in formats:
        resolve("renderers", name)
    if all(path is not None for _, path in pairs):
        pairs.append(("terminal", None))
    return pairs


def emit(
    reports: ReportSet,
    pairs: Sequence[tuple[str, Path | None]],
    config: Path = Path("evalgate.yaml"),
    folder: Path | None = None,
    *,
    asked: Mapping[str, str] | None = None,
    shown: str | None = "",
) -> None:
    """Render and write each format; files are replaced whole.

    Args:
        reports: What is written.
        pairs: Formats and files, of `check_outputs`.
        config: The configuration, for what stands beside a report.
        folder: The run folder of the report; null: the one that holds the same cases.
        asked: Options that select each suite, by name; null: those for the configuration.
        shown: The run or report that `evalgate show` is to be given; empty: the newest run; null:
            no command knows the cases.
    """
    ways = ways_to(config, shown or "", asked or {}, beside=not shown)
    if shown is None:
        ways = _unknown

    def details(report: Report) -> "RunDetails":
        from evalgate.commands.details import (  # noqa: PLC0415
            Place,
            find_place,
            folder_of,
            gather,
        )

        # A suite of options alone reads no configuration; its report is not lost for want of one.
        place = find_place(config) if config.exists() else Place()
        return gather(report, folder or folder_of(report, place), place)

    for name, path in pairs:
        renderer: Renderer = resolve("renderers", name)
        if path is None:
            style = replace(_stdout_style(), details=details, ways=ways)
            text = log_safe(renderer(reports, style), name)
            click.echo(text, nl=False, color=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_text(path, renderer(reports, Style(details=details, ways=ways)))


def rehearse(pairs: Sequence[tuple[str, Path | None]]) -> None:
    """Load all that rendering needs, by rendering a report that says nothing.

    What would be imported only after the agent has run, the agent could have written.
    """
    check = Check(id="x", kind="evidence", outcome="inconclusive", reason="x")
    value = MetricValue(value=1.0, unit="ratio", direction="higher", n=1)
    suite = SuiteInfo(id="x", golden_digest="x", cases=1, selected=1, trials=1)
    report = Report(
        verdict="inconclusive",
        exit_code=3,
        suite=suite,
        checks=(check,),
        metrics={"task_success_rate": value},
    )
    sample = ReportSet(verdict="inconclusive", exit_code=3, suites=(report,))
    for module in _LATE:
        import_module(module)
    for name, _ in pairs:
        with suppress(Exception):  # a renderer of a plug-in may want more; it will say so
            log_safe(resolve("renderers", name)(sample, _stdout_style()), name)


def _unknown(_: Report) -> Ways:
    return Ways("", known=False)


def ways_to(
    config: Path,
    shown: str = "",
    asked: Mapping[str, str] = MappingProxyType({}),
    *,
    beside: bool = True,
) -> Callable[[Report], Ways]:
    """Return the words of commands that bring a reader to the cases of a report.

    Args:
        config: The configuration.
        shown: The run or report that `evalgate show` is to be given; empty: the newest run.
        asked: Options that select each suite, by name; none: those for the configuration.
        beside: Whether that run was compared with the baseline of the report.
    """
    given = "" if config == Path("evalgate.yaml") else f"--config {shlex.quote(str(config))} "

    def ways(report: Report) -> Ways:
        run = asked.get(report.suite.id) or f"{given}{usual_ways(report).run}"
        return Ways(run, f"{given}{shlex.quote(shown) if shown else ''}".rstrip(), beside)

    return ways


def log_safe(text: str, form: str = "terminal") -> str:
    """Keep a text from giving commands to a GitHub workflow whose log it is printed into.

    Args:
        text: What is printed.
        form: Its format; `github` is made of commands.
    """
    if os.environ.get("GITHUB_ACTIONS") != "true" or form == "github":
        return text
    if form in _JSON:
        return text.replace("##[", "#\\u0023[")
    return workflow_log(text, limit=len(text))


def _by_suffix(path: Path) -> str:
    if path.suffix not in _BY_SUFFIX:
        known = ", ".join(_BY_SUFFIX)
        raise ConfigError(
            f"--output {str(path)!r}: the suffix tells no format (known: {known})",
            fix=f"--format markdown --output {path}",
        )
    return _BY_SUFFIX[path.suffix]


def _stdout_style() -> Style:
    """Use colour and the full width on a terminal only; NO_COLOR turns colour off."""
    tty = sys.stdout.isatty()
    width = shutil.get_terminal_size((100, 24)).columns
    color = tty and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Style(width=width, color=color)
