"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

__all__ = [
    "FORMATS",
    "config_option",
    "format_options",
    "judge_option",
    "suite_option",
    "trusted_option",
]

FORMATS = (
    "terminal",
    "markdown",
    "json",
    "junit",
    "github",
    "gitlab",
    "openmetrics",
    "outputs",
    "html",
)

Command = TypeVar("Command", bound=Callable[..., Any])


def config_option(command: Command) -> Command:
    """Add `--config`."""
    return click.option(
        "--config",
        "-c",
        type=click.Path(path_type=Path, dir_okay=False),
        default=Path("evalgate.yaml"),
        show_default=True,
        help="The configuration.",
    )(command)


def suite_option(command: Command) -> Command:
    """Add `--suite`, which may be repeated."""
    return click.option(
        "--suite",
        "-s",
        "suites",
        multiple=True,
        metavar="NAME",
        help="Only this suite; may be repeated. Default: all suites.",
    )(command)


def trusted_option(command: Command) -> Command:
    """Add `--trusted-ref`."""
    return click.option(
        "--trusted-ref",
        metavar="REF|none",
        help="Judge by the policy, golden set and baseline of this revision. Default: in GitHub "
        "and GitLab the base of the change; elsewhere none.",
    )(command)


def format_options(command: Command) -> Command:
    """Add `--format` and `--output`, which pair in order."""
    command = click.option(
        "--output",
        "-o",
        "outputs",
        multiple=True,
        type=click.Path(path_type=Path, dir_okay=False),
        help="File for the --format of the same position; without it, standard output.",
    )(command)
    return click.option(
        "--format",
        "-f",
        "formats",
        multiple=True,
        metavar="|".join(FORMATS),
        help="Format of the report; may be repeated. Default: terminal.",
    )(command)


def judge_option(command: Command) -> Command:
    """Add `--judge`."""
    return click.option(
        "--judge",
        type=click.Choice(["replay", "auto", "off"]),
        default="replay",
        show_default=True,
        help="Verdicts of judges: recorded ones only, ask for the rest (needs a key), or none.",
    )(command)
