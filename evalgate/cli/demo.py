"""`evalgate demo`."""

from pathlib import Path

import click

EPILOG = """\b
Examples:
  evalgate demo                    in a new folder for temporary files
  evalgate demo my-demo --no-open  in my-demo, without a browser
"""


@click.command(epilog=EPILOG)
@click.argument("folder", required=False, type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--open/--no-open", "opened", default=True, help="Whether to open both reports in the browser."
)
def demo(folder: Path | None, *, opened: bool) -> int:
    """See the gate pass, then stop a bug: a small agent in a folder of its own.

    It needs neither a key nor the network: the agent's model calls are recorded. FOLDER, new or
    empty, is where the agent, its golden set and both reports are left for you to try things.
    The exit code is 0 where the gate did both.
    """
    import contextlib  # noqa: PLC0415  # heavy
    import shlex  # noqa: PLC0415
    import tempfile  # noqa: PLC0415
    import webbrowser  # noqa: PLC0415

    from evalgate.cli.output import emit  # noqa: PLC0415
    from evalgate.commands.demo import (  # noqa: PLC0415
        BREAK,
        break_agent,
        gate_demo,
        set_up_demo,
    )
    from evalgate.errors import ConfigError, ExitCode  # noqa: PLC0415
    from evalgate.suite.environment import this_machine  # noqa: PLC0415

    if folder is not None and folder.exists() and any(folder.iterdir()):
        raise ConfigError(f"{folder} is not empty", fix="evalgate demo NEW-FOLDER")
    place = folder or Path(tempfile.mkdtemp(prefix="evalgate-demo-"))
    environment = this_machine()
    set_up_demo(place, environment)
    click.echo(f"{place}: an agent, its golden set, recorded model calls and a baseline\n")
    enter = f"cd {shlex.quote(str(place))}"
    click.echo(f"$ {enter}")
    pages = []
    codes = []
    with contextlib.chdir(place):  # what is printed is what anybody sees there
        for name in ("green", "broken"):
            if name == "broken":
                break_agent(Path())
                click.echo(f"\n{BREAK.why}, in {BREAK.file}:\n")
                click.echo("\n".join(f"  {line}" for line in BREAK.diff) + "\n")
            click.echo("$ evalgate run --baseline")
            reports = gate_demo(Path(), environment)
            pages.append(place / f"{name}.html")
            codes.append(reports.exit_code)
            emit(reports, [("terminal", None), ("html", Path(f"{name}.html"))])
    click.echo("\nreports: " + ", ".join(str(page) for page in pages))
    look = f"{enter} && evalgate show"
    click.echo(
        f"next:    {look}   (what happened in the first of these cases)\n"
        f"         {'evalgate init':{len(look)}}   (in your own project: set it up for your agent)"
    )
    if opened:
        for page in pages:
            webbrowser.open(page.resolve().as_uri())
    if codes == [ExitCode.PASSED, ExitCode.FAILED]:
        return ExitCode.PASSED
    click.echo(f"error: expected exit codes 0 and 1 of the two runs, got {codes}", err=True)
    return ExitCode.BUG
