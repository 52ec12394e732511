"""`evalgate alerts`."""

from pathlib import Path

import click

from evalgate.cli.operations.options import find_place, moment, place_options, say
from evalgate.cli.options import config_option


@click.group()
def alerts() -> None:
    """Show alerts, and write the routes for Alertmanager."""


@alerts.command("list")
@place_options
def list_(config: Path, db: str | None) -> None:
    """List the alerts that are open, or were closed in the last 30 days."""
    from evalgate.commands.operations.place import opened  # noqa: PLC0415  # heavy
    from evalgate.commands.operations.signals import moment_text  # noqa: PLC0415
    from evalgate.commands.operations.watch import known_alerts  # noqa: PLC0415

    with opened(find_place(config, db)) as database:
        found = known_alerts(database, moment(None))
    for one in found:
        end = "open" if one.closed is None else f"closed {moment_text(one.closed)}"
        say(f"{moment_text(one.opened)}  {end}  {one.alert.severity}  {one.alert.title}")
    say(f"{sum(one.closed is None for one in found)} open")


@alerts.command()
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write; without it, standard output.",
)
@config_option
def alertmanager(output: Path | None, config: Path) -> None:
    """Write `receivers:` and `alert_routes:` as a configuration of Alertmanager.

    Secrets are named as files, secrets/NAME, beside the configuration.
    """
    import yaml  # noqa: PLC0415  # heavy

    from evalgate.alerts.alertmanager import alertmanager_config  # noqa: PLC0415
    from evalgate.commands.operations.watch import routed  # noqa: PLC0415
    from evalgate.store.atomic import write_text  # noqa: PLC0415
    from evalgate.store.config import load_config  # noqa: PLC0415

    made = alertmanager_config(*routed(load_config(config).config))
    text = yaml.safe_dump(made, sort_keys=False)
    if output is None:
        click.echo(text, nl=False)
    else:
        write_text(output, text)
