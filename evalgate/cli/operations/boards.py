"""`evalgate boards`."""

from pathlib import Path

import click

from evalgate.cli.operations.options import find_place, say
from evalgate.cli.options import config_option


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder to write to.",
)
@click.option("--region", default="us-east-1", show_default=True, help="Region of CloudWatch.")
@config_option
def boards(out: Path, region: str, config: Path) -> None:
    """Write Grafana dashboards, Prometheus rules for `slo:`, and CloudWatch's dashboard."""
    from evalgate.commands.operations.figures import write_boards  # noqa: PLC0415  # heavy

    for line in write_boards(out, find_place(config, None), region):
        say(line)
