"""`evalgate run`."""

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evalgate.cli.options import (
    Finite,
    config_option,
    format_options,
    judge_option,
    suite_option,
    trusted_option,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalgate.run.run import RunOptions
    from evalgate.suite.suite import Suite

__all__ = ["run"]

EPILOG = """\b
Examples:
  evalgate run                                  every suite, limits only
  evalgate run --baseline                       compare with each suite's own baseline
  evalgate run --suite support --case refund-1  one case
  evalgate run --golden g.jsonl --agent recorded:traces.jsonl --format json
  evalgate run --baseline --format json --output report.json --format github
"""


@click.command(epilog=EPILOG)
@config_option
@suite_option
@click.option(
    "--golden", type=click.Path(path_type=Path), help="A golden set, without a configuration."
)
@click.option(
    "--agent",
    metavar="SPEC",
    help="python:MODULE:NAME, command:..., http://... or recorded:FILE, without a configuration.",
)
@click.option(
    "--baseline",
    metavar="[PATH]",
    is_flag=False,
    flag_value="",
    help="Compare; without PATH with the suite's own baseline.",
)
@click.option("--trials", type=click.IntRange(1, 1000), help="Trials a case.")
@click.option(
    "--max-trials",
    type=click.IntRange(1, 1000),
    help="Settle: more trials of every case while noise can explain a gated change.",
)
@click.option("--concurrency", type=click.IntRange(1, 10_000), help="Trials at once.")
@click.option("--timeout", type=Finite(0.001), metavar="SECONDS", help="Longest a trial may take.")
@click.option(
    "--filter", "filters", multiple=True, metavar="tag:NAME", help="Only cases with this tag."
)
@click.option("--case", "cases", multiple=True, metavar="ID", help="Only this case.")
@click.option(
    "--changed",
    metavar="[REF]",
    is_flag=False,
    flag_value="",
    help="Only cases whose agent, input or recording differs from REF (default: the main branch).",
)
@click.option(
    "--shard",
    metavar="I/N|auto[/N]",
    help="Only this part of the golden set; see merge. auto: as the CI job or array numbers it.",
)
@click.option("--fail-fast", is_flag=True, help="Stop at the first failed trial.")
@click.option(
    "--max-cost",
    type=Finite(0, min_open=True),
    metavar="USD",
    help="Stop before more is spent; what was done is kept, and the run is inconclusive.",
)
@click.option("--max-tokens", type=click.IntRange(1), metavar="N", help="The same, in tokens.")
@click.option(
    "--max-time",
    type=Finite(0, min_open=True),
    metavar="SECONDS",
    help="The same, in wall time.",
)
@click.option("--mode", type=click.Choice(["plain", "confirmed", "strict"]), help="Gate mode.")
@click.option("--threshold", metavar="0.05|5%|5pp", help="The drop that fails.")
@click.option("--partial", is_flag=True, help="Let a selection of the cases pass.")
@click.option("--allow-removed", is_flag=True, help="Let the golden set have lost cases.")
@trusted_option
@click.option(
    "--resume",
    metavar="[RUN]",
    is_flag=False,
    flag_value="latest",
    help="Go on with a run that was cut off; finished trials are kept.",
)
@click.option(
    "--record-missing",
    "calls",
    flag_value="auto",
    help="Replay what is recorded, call the model for the rest and record it (needs a key).",
)
@click.option(
    "--record",
    "calls",
    flag_value="record",
    help="Call the model for everything and record it anew (needs a key).",
)
@click.option(
    "--live",
    "calls",
    flag_value="off",
    help="Call the model for everything and record nothing (needs a key).",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Forecast the live calls, tokens, cost and time, and make none of them.",
)
@judge_option
@click.option(
    "--executor",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Run the agent here, or on the Ray cluster of RAY_ADDRESS (extra [ray]).",
)
@click.option(
    "--sandbox",
    metavar="[on|off|learn]",
    is_flag=False,
    flag_value="on",
    type=click.Choice(["on", "off", "learn"]),
    help="Keep the agent's processes to what agent.sandbox opens (default: on where a change is "
    "judged by its base); learn refuses nothing and prints what to open.",
)
@format_options
@click.option("--quiet", "-q", is_flag=True, help="No progress on standard error.")
def run(formats: tuple[str, ...], outputs: tuple[Path, ...], *, quiet: bool, **given: Any) -> int:  # noqa: ANN401  # click's options
    """Run suites, score every trial, compare with the baseline, say the verdict.

    Without --baseline only limits and must-pass cases are checked; without any, nothing gates: 3.

    Behind a gateway, model calls are replayed from recordings, without a key. Replay judges code
    (tools, parsing, routing, retries); only a recording can say whether a changed prompt, model or
    tool schema is better or worse.
    """
    from evalgate.agents.sandbox.hardening import harden  # noqa: PLC0415  # heavy
    from evalgate.cli.output import check_outputs, emit, log_safe, rehearse  # noqa: PLC0415
    from evalgate.cli.progress import progress  # noqa: PLC0415
    from evalgate.commands.operations.remember import remember  # noqa: PLC0415
    from evalgate.run.run import run_suites  # noqa: PLC0415
    from evalgate.schema.report_text import digest_of  # noqa: PLC0415
    from evalgate.suite.environment import this_machine  # noqa: PLC0415
    from evalgate.suite.suite import Selection  # noqa: PLC0415
    from evalgate.text.escape import terminal  # noqa: PLC0415
    from evalgate.trust.trusted import trusted_suites  # noqa: PLC0415

    pairs = check_outputs(formats, outputs)
    selection = Selection(given["config"], given["suites"], given["golden"], given["agent"])
    environment = this_machine()
    started = environment.timestamp()
    with trusted_suites(selection, given["trusted_ref"], environment) as suites:
        if any(suite.trust is not None for suite in suites):
            harden()
            rehearse(pairs)
        if given["dry_run"]:
            return _forecast(suites, _options(given))
        with progress(quiet=quiet) as listen:
            ran = run_suites(suites, _options(given), environment, listen)
    if ran.reports.suites:
        asked = {suite.name: suite.asked for suite in suites}
        emit(ran.reports, pairs, given["config"], asked=asked)
        if given["shard"] is not None:
            click.echo(f"report digest: sha256:{digest_of(ran.reports)}", err=True)
    for name, error in ran.errors:
        click.echo(log_safe(terminal(f"error: suite {name!r}: {error}")), err=True)
    for problem in remember(suites, started, environment):
        click.echo(log_safe(terminal(problem)), err=True)
    return ran.reports.exit_code


def _forecast(suites: "Sequence[Suite]", options: "RunOptions") -> int:
    from evalgate.run.dry_run import dry_run  # noqa: PLC0415  # heavy
    from evalgate.suite.environment import this_machine  # noqa: PLC0415
    from evalgate.text.escape import terminal  # noqa: PLC0415

    for line in dry_run(suites, options, this_machine()):
        click.echo(terminal(line))
    return 0


def _options(given: "Mapping[str, Any]") -> "RunOptions":
    from evalgate.run.run import RunOptions  # noqa: PLC0415
    from evalgate.schema.config import Caps  # noqa: PLC0415
    from evalgate.suite.plan import Filters  # noqa: PLC0415  # heavy
    from evalgate.suite.policy import Overrides  # noqa: PLC0415
    from evalgate.suite.shards import parse_shard  # noqa: PLC0415

    renamed = {
        "trials": given["trials"],
        "max_trials": given["max_trials"],
        "concurrency": given["concurrency"],
        "timeout_s": given["timeout"],
    }
    caps = Caps(cost_usd=given["max_cost"], tokens=given["max_tokens"], seconds=given["max_time"])
    fields = {name: value for name, value in renamed.items() if value is not None}
    shard = None if given["shard"] is None else parse_shard(given["shard"], os.environ)
    return RunOptions(
        baseline=given["baseline"],
        filters=Filters(tuple(_tag(text) for text in given["filters"]), given["cases"], shard),
        overrides=Overrides(fields, given["mode"], given["threshold"], caps),
        calls=given["calls"] or "replay",
        judge=given["judge"],
        fail_fast=given["fail_fast"],
        partial=given["partial"],
        changed=given["changed"],
        allow_removed=given["allow_removed"],
        executor=given["executor"],
        resume=given["resume"],
        sandbox=given["sandbox"],
        command=shlex.join(["evalgate", *sys.argv[1:]]),
    )


def _tag(text: str) -> str:
    """Read `tag:NAME`; a bare name is a tag too."""
    return text.removeprefix("tag:")
