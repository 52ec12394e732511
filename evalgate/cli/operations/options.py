"""Options that the commands of this room share."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from evalgate.cli.options import config_option

if TYPE_CHECKING:
    from evalgate.commands.operations.place import Place


Command = TypeVar("Command", bound=Callable[..., Any])


def place_options(command: Command) -> Command:
    """Add `--config` and `--db`."""
    command = click.option(
        "--db",
        metavar="URL",
        help="A SQLite file or postgresql://... Default: `history:` of the configuration, else "
        ".evalgate/history.db.",
    )(command)
    return config_option(command)


def at_option(command: Command) -> Command:
    """Add `--at`."""
    return click.option(
        "--at", metavar="TIME", help="Look at the history as of then (RFC 3339). Default: now."
    )(command)


def find_place(config: Path, db: str | None) -> "Place":
    """Find the history that the options name."""
    import os  # noqa: PLC0415

    from evalgate.commands.operations.place import history_of  # noqa: PLC0415  # heavy

    return history_of(config, db, os.environ)


def moment(at: str | None) -> int:
    """Return the time that `--at` names, else now, in seconds since 1970."""
    from evalgate.history.records import epoch  # noqa: PLC0415  # heavy
    from evalgate.suite.environment import this_machine  # noqa: PLC0415

    return int(this_machine().clock.wall()) if at is None else epoch(at, "--at")


def say(text: str) -> None:
    """Print a line; names in it may be hostile."""
    from evalgate.text.escape import terminal  # noqa: PLC0415  # heavy

    click.echo(terminal(text))
