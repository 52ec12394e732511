"""`evalgate gateway`."""

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from evalgate.text.counts import number_of

EPILOG = """\b
Examples:
  evalgate gateway --record cassettes/my-agent --upstream openai=https://api.openai.com/v1
  evalgate gateway --replay cassettes/my-agent --port 4010 --traces traces.jsonl
"""


@click.command(epilog=EPILOG)
@click.option("--record", type=click.Path(path_type=Path), help="Record every call here.")
@click.option("--replay", type=click.Path(path_type=Path), help="Replay calls from here.")
@click.option(
    "--upstream",
    "upstreams",
    multiple=True,
    metavar="[PROVIDER=]URL",
    help="Where live calls go: openai, anthropic, azure, google, bedrock or ollama. "
    "A bare URL: openai.",
)
@click.option("--port", default=0, show_default=True, help="0: any that is free.")
@click.option(
    "--case", "case_id", default="session", show_default=True, help="Name of the cassette."
)
@click.option("--traces", type=click.Path(path_type=Path), help="Write the trace here on exit.")
def gateway(
    record: Path | None,
    replay: Path | None,
    upstreams: tuple[str, ...],
    **given: Any,  # noqa: ANN401  # click's options
) -> None:
    """Listen on loopback for agents that run elsewhere, until interrupted.

    Prints the variables to export; on exit it writes the trace of what it saw.
    """
    from evalgate.commands.gateway import StandaloneOptions, run_gateway  # noqa: PLC0415
    from evalgate.errors import ConfigError  # noqa: PLC0415  # heavy
    from evalgate.suite.environment import this_machine  # noqa: PLC0415
    from evalgate.text.escape import terminal  # noqa: PLC0415

    if (record is None) == (replay is None):
        raise ConfigError(
            "give either --record DIR or --replay DIR", fix="evalgate gateway --record cassettes/x"
        )
    options = StandaloneOptions(
        mode="replay" if record is None else "record",
        cassettes=record or replay or Path(),
        upstream=dict(_provider(text) for text in upstreams),
        **given,
    )
    trace = run_gateway(options, this_machine(), _announce)
    calls = [step for step in trace.steps if step.kind == "llm_call"]
    failed = sum(step.error is not None for step in calls)
    made = number_of(len(calls), "call") + (f" ({failed} failed)" if failed else "")
    why = "" if trace.error is None else f": {trace.error}"
    click.echo(terminal(f"{made}, status {trace.status}{why}"), err=True)


def _provider(text: str) -> tuple[str, str]:
    name, found, url = text.partition("=")
    known = name in ("openai", "anthropic", "azure", "google", "bedrock", "ollama")
    return (name, url) if found and known else ("openai", text)


def _announce(variables: Mapping[str, str]) -> None:
    for name, value in variables.items():
        click.echo(f"export {name}={shlex.quote(value)}")
    sys.stdout.flush()
