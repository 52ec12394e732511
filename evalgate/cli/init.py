"""`evalgate init`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalgate.cli.options import Finite

if TYPE_CHECKING:
    from evalgate.suite.seen import Seen


EPILOG = """\b
Examples:
  evalgate init --agent python:my_agent:answer
  evalgate init --agent python:my_agent:answer --ask "Where is order A1?"
  evalgate init --agent 'command:node agent.js' --golden cases.csv
  evalgate init --agent http://localhost:8000/ask --env SHOP_TOKEN
  evalgate init --agent recorded:traces.jsonl --golden golden.jsonl
"""


@click.command(epilog=EPILOG)
@click.option(
    "--agent", metavar="SPEC", help="python:MODULE:NAME, command:..., http://... or recorded:FILE."
)
@click.option(
    "--golden",
    type=click.Path(path_type=Path),
    help="An existing golden set: .jsonl, .yaml, .csv or .parquet.",
)
@click.option("--name", default="main", show_default=True, help="Name of the suite.")
@click.option("--ask", "question", metavar="TEXT", help="What to ask, without a golden set.")
@click.option(
    "--gateway/--no-gateway",
    default=None,
    help="Whether to record the agent's model calls. Default: where it imports a model SDK.",
)
@click.option(
    "--env",
    "env_allow",
    multiple=True,
    metavar="NAME",
    help="A variable that the agent may see; may be repeated. Default: those that it reads.",
)
@click.option(
    "--timeout",
    "timeout_s",
    type=Finite(0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="Of each case.",
)
@click.option("--force", is_flag=True, help="Replace existing files.")
def init(  # noqa: PLR0913  # an option each
    *,
    agent: str | None,
    golden: Path | None,
    name: str,
    question: str | None,
    gateway: bool | None,
    env_allow: tuple[str, ...],
    timeout_s: float,
    force: bool,
) -> int:
    """Set up a gate: ask the agent, record, write evalgate.yaml, golden set and workflow, run.

    What is missing is asked at a terminal, and taken from the options elsewhere. Only metrics that
    there was evidence for gate; the rest stands commented out, with what each needs. Where the
    agent fails, its own error is shown and none of these files is written.
    """
    import os  # noqa: PLC0415
    from dataclasses import replace  # noqa: PLC0415

    from evalgate.cli.output import emit  # noqa: PLC0415  # heavy
    from evalgate.cli.progress import progress  # noqa: PLC0415
    from evalgate.commands.init import (  # noqa: PLC0415
        QUESTION,
        InitOptions,
        check_new,
        init_project,
    )
    from evalgate.errors import ConfigError  # noqa: PLC0415
    from evalgate.gate.baseline import MIN_TRIALS  # noqa: PLC0415
    from evalgate.schema.agent_line import parse_agent_line  # noqa: PLC0415
    from evalgate.suite.environment import this_machine  # noqa: PLC0415
    from evalgate.suite.seen import look_at  # noqa: PLC0415

    asks = sys.stdin.isatty() and sys.stderr.isatty()
    if agent is None and asks:
        agent = click.prompt("Agent (python:MODULE:NAME, command:..., http://...)", err=True)
    if agent is None:
        raise ConfigError("--agent is missing", fix="evalgate init --agent python:MODULE:NAME")
    seen = look_at(parse_agent_line(agent), Path())
    options = InitOptions(agent, Path(), golden, name, timeout_s=timeout_s, force=force)
    check_new(options)
    if golden is None and question is None and asks:
        question = click.prompt("A question for it", default=QUESTION, err=True)
    if gateway is None and asks:
        text = "Does it call a model, to be recorded and replayed?"
        gateway = click.confirm(text, default=bool(seen.sdks), err=True)
    gateway = bool(seen.sdks) if gateway is None else gateway
    if gateway and seen.sdks:
        _key_for(seen, asks=asks)
    keys = seen.keys if gateway else ()
    read = (variable for variable in seen.variables if variable in os.environ)
    passed = env_allow or tuple(name for name in read if name not in (*keys, *_GIVEN))
    options = replace(
        options, question=question or QUESTION, gateway=gateway, env_allow=tuple(passed)
    )
    if seen.sdks:
        click.echo(f"the agent imports {', '.join(seen.sdks)}")
    with progress(quiet=False) as listen:
        written = init_project(options, seen, this_machine(), listen)
    for path in written.files:
        click.echo(f"wrote {path}")
    click.echo(f"gates: {', '.join(written.evidence)}\n\n$ evalgate run")
    emit(written.reports, [("terminal", None)], options.config)
    live = any(report.suite.mode == "live" for report in written.reports.suites)
    update = "evalgate baseline update"
    update = f"{update} --trials {MIN_TRIALS}" if live else update
    click.echo(
        f"\nnext: correct what {options.golden_path} expects, add cases, commit; then\n"
        f'      {update} --reason "first baseline"'
    )
    return written.reports.exit_code


_GIVEN = ("OPENAI_BASE_URL", "OPENAI_API_BASE", "ANTHROPIC_BASE_URL", "PATH", "HOME", "LANG")
"""Variables that an agent has anyway, or has from the gateway."""


def _key_for(seen: "Seen", *, asks: bool) -> None:
    """Make sure that a key is there to record with; a person may type one in."""
    import os  # noqa: PLC0415

    from evalgate.errors import ConfigError  # noqa: PLC0415

    if any(os.environ.get(key) for key in seen.keys):
        return
    if asks:
        typed = click.prompt(f"{seen.keys[0]} (not kept)", hide_input=True, err=True)
        os.environ[seen.keys[0]] = typed
        return
    raise ConfigError(
        f"the agent imports {', '.join(seen.sdks)}, and {' or '.join(seen.keys)} is not set: its "
        "model calls cannot be recorded",
        fix=f"export {seen.keys[0]}=..., then the same command; or --no-gateway where it calls no "
        "model",
    )
