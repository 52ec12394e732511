"""`evalgate init`."""

import os
from pathlib import Path

import click

__all__ = ["init"]

EPILOG = """\b
Examples:
  evalgate init --agent python:my_agent:answer
  evalgate init --agent 'command:node agent.js' --golden golden_sets/support.jsonl
  evalgate init --agent recorded:traces.jsonl --golden golden.jsonl
"""


@click.command(epilog=EPILOG)
@click.option(
    "--agent",
    required=True,
    metavar="SPEC",
    help="python:MODULE:NAME, command:..., http://... or recorded:FILE.",
)
@click.option("--golden", type=click.Path(path_type=Path), help="An existing golden set.")
@click.option("--name", default="main", show_default=True, help="Name of the suite.")
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="Of the probe.",
)
@click.option("--force", is_flag=True, help="Replace existing files.")
def init(*, agent: str, golden: Path | None, name: str, timeout_s: float, force: bool) -> None:
    """Probe an agent once; write evalgate.yaml, a first golden set and a workflow.

    Only metrics that the probe gave evidence for gate; the rest stands commented out, with what
    each needs.
    """
    from evalgate.commands.init import InitOptions, init_project  # noqa: PLC0415  # heavy
    from evalgate.text.escape import terminal  # noqa: PLC0415

    options = InitOptions(agent, Path(), golden, name, timeout_s, force)
    written = init_project(options, os.environ)
    probe = written.probe
    click.echo(terminal(f"probe: {probe.status}" + (f": {probe.error}" if probe.error else "")))
    for path in written.files:
        click.echo(f"wrote {path}")
    click.echo(f"gates: {', '.join(written.evidence)}")
    click.echo(
        "next: correct what the drafts of the golden set expect, set `status: reviewed`, commit; "
        'then\n      evalgate baseline update --trials 5 --reason "first baseline"'
    )
