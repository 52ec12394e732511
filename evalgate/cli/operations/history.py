"""`evalgate history`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalgate.cli.operations.options import find_place, place_options, say
from evalgate.text.counts import number_of, percent_text, signed_percent

if TYPE_CHECKING:
    from evalgate.commands.operations.history import Line


@click.group()
def history() -> None:
    """Keep results over time, and show trends, flaky cases and noise (extra [history])."""


@history.command()
@click.argument("results", metavar="RUN|REPORT...", nargs=-1, required=True)
@click.option("--at", metavar="TIME", help="When a bare report was made (RFC 3339).")
@click.option("--branch", metavar="NAME", help="The branch it ran on.")
@click.option("--commit", metavar="HASH", help="The commit it ran at.")
@place_options
def add(results: tuple[str, ...], config: Path, db: str | None, **given: str | None) -> None:
    """Add runs and reports; one that is there already stays as it is.

    A run is a run folder, its id or `latest`; a report is a report.json, a folder of run folders
    or the .zip of an artifact.
    """
    from evalgate.commands.operations.history import Given, add_results  # noqa: PLC0415  # heavy
    from evalgate.suite.environment import this_machine  # noqa: PLC0415

    environment = this_machine()
    place = find_place(config, db)
    for line in add_results(results, Given(**given), place, environment):
        say(line)


@history.command()
@click.argument("metric")
@click.option("--suite", "-s", metavar="NAME", help="Only this suite.")
@click.option("--branch", metavar="NAME|all", help="Runs of this branch. Default: main and master.")
@place_options
def show(metric: str, suite: str | None, branch: str | None, config: Path, db: str | None) -> None:
    """Show METRIC week by week, with the change and the noise floor."""
    from evalgate.commands.operations.history import show_metric  # noqa: PLC0415  # heavy
    from evalgate.commands.operations.place import opened  # noqa: PLC0415

    place = find_place(config, db)
    branches = place.config.branches if branch is None else (branch,)
    with opened(place) as database:
        lines = show_metric(database, metric, suite, None if branch == "all" else branches)
    for line in lines:
        _show(metric, line)


def _show(metric: str, line: "Line") -> None:
    from evalgate.output.numbers import amount  # noqa: PLC0415  # heavy

    say(f"{line.suite}: {metric}")
    for week in line.weeks:
        change = "" if week.change is None else f"  {signed_percent(week.change)}"
        notes = f"  ({'; '.join(week.notes)})" if week.notes else ""
        unknown = f", {week.unknown} unknown" if week.unknown else ""
        runs = f"{week.runs} run{'s' if week.runs != 1 else ''}{unknown}"
        say(f"  {week.start}  {amount(week.mean, line.unit):>9}{change}  {runs}{notes}")
    if line.noise is None:
        say("  noise: unknown, as no two runs share agent, model, prompt and golden set")
    else:
        limit = amount(line.noise.limit, line.unit)
        say(
            f"  noise: sd {amount(line.noise.sd, line.unit)} between runs of one agent "
            f"({line.noise.freedom} degrees of freedom); a change below {limit} is noise"
        )
    if line.left_out:
        say(f"  {number_of(line.left_out, 'run')} of only some cases left out")


@history.command()
@click.option("--suite", "-s", metavar="NAME", help="Only this suite.")
@click.option(
    "--last", type=click.IntRange(2), default=200, show_default=True, help="Runs looked at."
)
@place_options
def flaky(suite: str | None, last: int, config: Path, db: str | None) -> None:
    """List cases that change their outcome though agent, model, prompt and case did not.

    A flaky case still counts. `evalgate accept --case ID --expires 14d` takes one out for a
    while, in the open.
    """
    from evalgate.commands.operations.history import show_flakes  # noqa: PLC0415  # heavy
    from evalgate.commands.operations.place import opened  # noqa: PLC0415

    with opened(find_place(config, db)) as database:
        found = show_flakes(database, suite, last)
    for name, records in found.items():
        pairs = sum(record.pairs for record in records)
        shown = [record for record in records if record.flips or record.mixed]
        say(f"{name}: {len(shown)} of {len(records)} cases flaky ({pairs} pairs of runs)")
        for one in shown:
            rate = "unknown" if one.rate is None else percent_text(one.rate)
            say(
                f"  {one.case_id}: flip rate {rate} ({one.flips} of {one.pairs} pairs), "
                f"mixed trials in {one.mixed} of {one.runs} runs"
            )


@history.command()
@click.argument("traces", type=click.Path(path_type=Path))
@click.option(
    "--success",
    default="task_success",
    show_default=True,
    metavar="SCORE",
    help="The recorded score that stands for task success.",
)
@place_options
def observe(traces: Path, success: str, config: Path, db: str | None) -> None:
    """Add the interactions of production in TRACES (`-`: standard input), all or none."""
    import sys  # noqa: PLC0415
    from tempfile import TemporaryDirectory  # noqa: PLC0415

    from evalgate.commands.operations.history import observe as add_traces  # noqa: PLC0415  # heavy
    from evalgate.suite.environment import this_machine  # noqa: PLC0415

    place = find_place(config, db)
    with TemporaryDirectory() as folder:
        if str(traces) == "-":
            traces = Path(folder) / "standard input"
            traces.write_bytes(sys.stdin.buffer.read())
        for line in add_traces(traces, success, place, this_machine()):
            say(line)


@history.command()
@click.option(
    "--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="The file to write."
)
@place_options
def export(output: Path | None, config: Path, db: str | None) -> None:
    """Write every row as a line of JSON."""
    from evalgate.commands.operations.history import exported  # noqa: PLC0415  # heavy
    from evalgate.commands.operations.place import opened  # noqa: PLC0415
    from evalgate.store.atomic import write_text  # noqa: PLC0415

    with opened(find_place(config, db)) as database:
        text = "".join(f"{line}\n" for line in exported(database))
    if output is None:
        click.echo(text, nl=False)
    else:
        write_text(output, text)
