"""`evalgate tools`."""

from pathlib import Path

import click

from evalgate.cli.options import config_option, suite_option


@click.group()
def tools() -> None:
    """Look after recorded calls of tools."""


@tools.command()
@config_option
@suite_option
@click.option("--case", "cases", multiple=True, metavar="ID", help="Only this case.")
@click.option("--effects", is_flag=True, help="Also call tools that are not read-only.")
def check(config: Path, suites: tuple[str, ...], cases: tuple[str, ...], *, effects: bool) -> int:
    """Call the real tools with every recorded argument, and say what differs.

    Exits 0 where all answers are the recorded ones, 1 where one differs, 3 where no tool could be
    called.
    """
    import asyncio  # noqa: PLC0415  # light help

    from evalgate.commands.tools import check_recorded, nothing_recorded  # noqa: PLC0415
    from evalgate.suite.environment import this_machine  # noqa: PLC0415
    from evalgate.suite.suite import Selection, find_suites  # noqa: PLC0415
    from evalgate.text.escape import terminal  # noqa: PLC0415

    counts = {"same": 0, "differs": 0, "skipped": 0}

    chosen = find_suites(Selection(config, suites))

    async def run() -> None:
        for suite in chosen:
            async for done in check_recorded(suite, this_machine(), cases, effects=effects):
                counts[done.outcome] += 1
                click.echo(f"{done.outcome:<7} {terminal(done.call, limit=200)}")
                for line in done.lines:
                    click.echo(f"        {terminal(line, limit=200)}")

    asyncio.run(run())
    click.echo(", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
    if not any(counts.values()):
        raise nothing_recorded(chosen, cases)
    if counts["differs"]:
        return 1
    return 0 if counts["same"] else 3
