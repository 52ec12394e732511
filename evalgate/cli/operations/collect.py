"""`evalgate collect`."""

from pathlib import Path
from typing import Any

import click

from evalgate.cli.operations.options import say
from evalgate.cli.options import Finite
from evalgate.text.counts import number_of

EPILOG = """\b
Examples:
  evalgate collect traces.jsonl
  OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 python my_agent.py
"""


@click.command(epilog=EPILOG)
@click.argument("traces", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Where to listen. Whoever reaches it can send traces: no key is asked for.",
)
@click.option("--port", default=4318, show_default=True, help="0: any that is free.")
@click.option(
    "--settle",
    "settle_s",
    type=Finite(min=0.1),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="A trace without a new span for so long is complete.",
)
@click.option(
    "--golden",
    type=click.Path(path_type=Path, dir_okay=False),
    help="On exit, draft cases here: failures first, each question once.",
)
@click.option("--tag", "tags", multiple=True, help="Draft only from traces with this tag.")
@click.option("--most", type=click.IntRange(1), default=20, show_default=True, help="Drafts made.")
def collect(
    traces: Path,
    golden: Path | None,
    tags: tuple[str, ...],
    most: int,
    **given: Any,  # noqa: ANN401  # where and how to listen
) -> None:
    """Receive spans over OTLP/HTTP, and add them to TRACES as traces until interrupted.

    JSON and protobuf (extra [otel]), compressed or not. An agent that is instrumented with
    OpenTelemetry needs OTEL_EXPORTER_OTLP_ENDPOINT and nothing else. Messages of model calls that
    come as log events join their span; other logs and metrics are taken and left out.
    """
    from evalgate.commands.operations.collect import (  # noqa: PLC0415  # heavy
        CollectOptions,
        write_drafts,
    )
    from evalgate.commands.operations.collect import collect as listen  # noqa: PLC0415
    from evalgate.gateway.server import is_loopback  # noqa: PLC0415
    from evalgate.suite.environment import this_machine  # noqa: PLC0415

    environment = this_machine()
    options = CollectOptions(traces, **given)

    def announce(origin: str) -> None:
        say(f"listening on {origin}")
        if not is_loopback(options.host):
            click.echo(
                f"warning: other machines reach {options.host}, and whoever does can add traces: "
                "no key is asked for; without --host it listens on this machine alone",
                err=True,
            )

    done = listen(options, environment, announce)
    say(f"{traces}: {number_of(done.traces, 'trace')} added, of {number_of(done.spans, 'span')}")
    for count, words in (
        (done.repeated, "spans had come before, and count once"),
        (done.late, "spans came after their trace was written, and are left out"),
        (done.refused, "spans could not be read"),
        (done.unused, "log records say nothing of a model call, and are left out"),
    ):
        if count:
            say(f"{count} {words}")
    if golden is not None:
        made, skipped = write_drafts(traces, golden, tags, most, environment)
        say(f"{golden}: {number_of(made, 'case')} drafted, for review")
        for why in skipped:
            say(f"left out {why}")
