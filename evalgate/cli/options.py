"""Options that several commands share."""

import os
from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from evalgate.registry import built_in

FORMATS = tuple(built_in("renderers"))

Command = TypeVar("Command", bound=Callable[..., Any])


CONFIG = Path("evalgate.yaml")


class Finite(click.FloatRange):
    """A number within bounds, if there are any; click itself takes `inf` and `nan` for one."""

    def convert(
        self,
        value: Any,  # noqa: ANN401  # as click has it
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """Read it as click does, and refuse what is endless or no number."""
        number: float = super().convert(value, param, ctx)
        if not isfinite(number):
            self.fail(f"{value!r} is no finite number.", param, ctx)
        return number

    def _describe_range(self) -> str:
        return "" if self.min is self.max is None else super()._describe_range()


def config_option(command: Command) -> Command:
    """Add `--config`; where it is not given, the nearest one up to the repository's root."""
    return click.option(
        "--config",
        "-c",
        type=click.Path(path_type=Path, dir_okay=False),
        default=CONFIG,
        show_default=True,
        callback=_nearest,
        help="The configuration; else the nearest above, up to the repository's root.",
    )(command)


def _nearest(context: click.Context, option: click.Parameter, given: Path) -> Path:
    """Say which configuration was taken where it is not the folder's own."""
    name = option.name or ""
    if context.get_parameter_source(name) is not ParameterSource.DEFAULT or given.exists():
        return given
    found = _above(Path.cwd())
    if found is None or context.params.get("golden") is not None:  # without a configuration
        return given
    click.echo(f"configuration: {found}", err=True)
    return found


def _above(folder: Path) -> Path | None:
    """Find the configuration in the folders above; only inside a repository, never beyond it."""
    top = next((up for up in (folder, *folder.parents) if (up / ".git").exists()), folder)
    for up in folder.parents if top != folder else ():
        if (up / CONFIG).is_file():
            return Path(os.path.relpath(up / CONFIG, folder))
        if up == top:
            break
    return None


def suite_option(command: Command) -> Command:
    """Add `--suite`, which may be repeated."""
    return click.option(
        "--suite",
        "-s",
        "suites",
        multiple=True,
        metavar="NAME",
        shell_complete=_suites,
        help="Only this suite; may be repeated. Default: all suites.",
    )(command)


def _suites(context: click.Context, _option: click.Parameter, begun: str) -> list[str]:
    """Complete the name of a suite; a configuration that cannot be read completes nothing."""
    from evalgate.errors import EvalgateError  # noqa: PLC0415  # heavy
    from evalgate.store.config import load_config  # noqa: PLC0415

    try:
        loaded = load_config(context.params.get("config") or _above(Path.cwd()) or CONFIG)
    except EvalgateError:
        return []
    return [name for name in loaded.config.suites if name.startswith(begun)]


def trusted_option(command: Command) -> Command:
    """Add `--trusted-ref`."""
    return click.option(
        "--trusted-ref",
        metavar="REF|none",
        help="Judge by the policy, golden set and baseline of this revision. Default: in GitHub "
        "and GitLab the base of the change; elsewhere none.",
    )(command)


def _formats(_context: click.Context, _option: click.Parameter, begun: str) -> list[str]:
    return [name for name in FORMATS if name.startswith(begun)]


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
        shell_complete=_formats,
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
