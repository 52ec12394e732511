"""`evalgate export`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalgate.cli.operations.options import find_place, place_options, say
from evalgate.cli.options import config_option
from evalgate.registry import listed, resolve
from evalgate.text.counts import number_of

if TYPE_CHECKING:
    from evalgate.commands.operations.export import Done, Outside


EPILOG = """\b
Examples:
  evalgate export otlp latest --endpoint http://127.0.0.1:4318
  evalgate export langfuse latest
"""

_resend = click.option(
    "--resend", is_flag=True, help="Send again what the receiver may or may not have."
)


class Exporters(click.Group):
    """What is built in and what is installed, each loaded when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """Name the exporters that can be used."""
        return [one.name for one in listed("exporters") if one.error is None]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:  # noqa: ARG002
        """Load one exporter.

        Raises:
            PluginError: There is none of this name, or it cannot be loaded.
        """
        command: click.Command = resolve("exporters", cmd_name)
        return command


@click.group(cls=Exporters, epilog=EPILOG)
def export() -> None:
    """Send runs and traces elsewhere: OpenTelemetry, Langfuse, Prometheus, CloudWatch.

    What was sent stands in a ledger beside the runs: a second export sends nothing, and one that
    was cut off goes on. Exits with 3 where something was not sent.
    """


@click.command()
@click.argument("run", metavar="RUN|TRACES")
@click.option("--endpoint", metavar="URL", help="Base URL of an OTLP/HTTP receiver.")
@click.option("--header", "headers", multiple=True, metavar="NAME=VALUE", help="VALUE may be $VAR.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["json", "protobuf"]),
    default="json",
    show_default=True,
    help="protobuf needs the extra [otel].",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a file of OTLP JSON instead, one trial a line.",
)
@_resend
@config_option
def otlp(
    run: str,
    endpoint: str | None,
    headers: tuple[str, ...],
    output: Path | None,
    config: Path,
    **given: object,
) -> int:
    """Send the trials of RUN as spans under the GenAI names of OpenTelemetry."""
    from evalgate.commands.operations.export import (  # noqa: PLC0415  # heavy
        export_otlp,
        otlp_target,
        sent_traces,
    )
    from evalgate.exporters.otlp import json_body  # noqa: PLC0415
    from evalgate.store.atomic import write_text  # noqa: PLC0415
    from evalgate.suite.environment import this_machine  # noqa: PLC0415

    environment = this_machine()
    place = find_place(config, None)
    traces = list(sent_traces(run, place.runs, environment))
    if output is not None:
        write_text(output, "".join(f"{json_body([one]).decode()}\n" for one in traces))
        spans = sum(len(one.spans) for one in traces)
        say(f"{output}: {number_of(len(traces), 'trace')}, {number_of(spans, 'span')}")
        return 0
    target = otlp_target(environment.environ, endpoint, headers, binary=given["form"] == "protobuf")
    with _outside(place.runs, resend=bool(given["resend"])) as outside:
        return _report(export_otlp(traces, target, outside))


@click.command()
@click.argument("run", metavar="RUN|TRACES")
@click.option("--host", metavar="URL", help="Default: LANGFUSE_BASE_URL, else their cloud.")
@_resend
@config_option
def langfuse(run: str, host: str | None, config: Path, *, resend: bool) -> int:
    """Send RUN to Langfuse as an experiment: spans with its attributes, and scores.

    Reads LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY.
    """
    from evalgate.commands.operations.export import (  # noqa: PLC0415  # heavy
        export_langfuse,
        langfuse_target,
        sent_traces,
    )
    from evalgate.suite.environment import this_machine  # noqa: PLC0415

    environment = this_machine()
    place = find_place(config, None)
    target = langfuse_target(environment.environ, host)
    traces = list(sent_traces(run, place.runs, environment))
    with _outside(place.runs, resend=resend) as outside:
        return _report(export_langfuse(traces, target, outside))


_NOTHING = "there is no interaction: `evalgate history observe TRACES` adds some"


def _say_nothing(text: str) -> None:
    if not text:
        click.echo(f"note: {_NOTHING}", err=True)


@contextmanager
def _outside(runs: Path, *, resend: bool) -> Iterator["Outside"]:
    import time  # noqa: PLC0415

    import httpx2  # noqa: PLC0415  # heavy

    from evalgate.cli.operations.options import moment  # noqa: PLC0415
    from evalgate.commands.operations.export import Outside  # noqa: PLC0415

    with httpx2.Client(follow_redirects=False) as client:
        yield Outside(client, time.sleep, moment(None), runs.parent / "exports", resend)


def _report(done: "Done") -> int:
    """Say what became of an export."""
    there = number_of(done.known, "was there already", "were there already")
    known = f", {there}" if done.known else ""
    held = f"{number_of(done.spans, 'span')}, {number_of(done.scores, 'score')}"
    say(f"{number_of(done.traces, 'trace')} sent ({held}){known}")
    for problem in done.problems:
        say(f"not sent: {problem}")
    if done.doubts:
        say(
            f"in doubt: {number_of(len(done.doubts), 'trace')}, which the receiver may or may "
            f"not have ({', '.join(done.doubts[:3])}); look there, then `--resend` sends them again"
        )
    return 3 if done.problems or done.doubts else 0


@click.command()
@click.argument("run", metavar="[RUN|TRACES]", required=False)
@click.option(
    "--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="The file to write."
)
@click.option("--push", "push_url", metavar="URL", help="Base URL of a pushgateway.")
@place_options
def openmetrics(
    run: str | None, output: Path | None, push_url: str | None, config: Path, db: str | None
) -> int:
    """Write counters for Prometheus: of RUN, else of all that the history observed.

    --push replaces the group of this repository, suite and branch.
    """
    from evalgate.commands.operations import figures  # noqa: PLC0415  # heavy
    from evalgate.sending import checked_url  # noqa: PLC0415
    from evalgate.store.atomic import write_text  # noqa: PLC0415
    from evalgate.suite.environment import this_machine  # noqa: PLC0415

    if push_url is not None:
        checked_url(push_url, "--push")
    place, environment = find_place(config, db), this_machine()
    text = figures.metrics_text(figures.counted(run, place, environment)) + figures.gauges(
        run, place
    )
    if output is not None:
        write_text(output, text)
    if push_url is None:
        click.echo(text if output is None else "", nl=False)
        _say_nothing(text)
        return 0
    if not text:  # a push of nothing would take away what is there
        say(f"not pushed: {_NOTHING}")
        return 3
    with _outside(place.runs, resend=False) as outside:
        reply = figures.push(push_url, text, figures.grouping_of(run, place, environment), outside)
    say("pushed" if reply.error is None else f"not pushed: {reply.error}")
    return 0 if reply.error is None else 3


@click.command()
@click.argument("run", metavar="[RUN|TRACES]", required=False)
@click.option(
    "--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="The file to write."
)
@place_options
def cloudwatch(run: str | None, output: Path | None, config: Path, db: str | None) -> None:
    """Write lines of CloudWatch's embedded metric format, for its agent or a log group.

    Of RUN, else of all that the history observed. `evalgate boards` writes dashboard and alarms.
    """
    from evalgate.commands.operations import figures  # noqa: PLC0415  # heavy
    from evalgate.store.atomic import write_text  # noqa: PLC0415
    from evalgate.suite.environment import this_machine  # noqa: PLC0415

    place, environment = find_place(config, db), this_machine()
    text = figures.emf(figures.counted(run, place, environment), int(environment.clock.wall()))
    _say_nothing(text)
    if output is None:
        click.echo(text, nl=False)
    else:
        write_text(output, text)
