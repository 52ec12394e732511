"""`evalgate merge`."""

import shlex
import sys
from pathlib import Path

import click

from evalgate.cli.options import config_option, format_options, suite_option, trusted_option

EPILOG = """\b
Examples:
  evalgate run --shard 1/4 --partial -f json -o shard-1/report.json   on each of 4 machines
  evalgate merge shard-*/report.json --baseline                       once, after all of them
  evalgate merge .evalgate/runs/*-of-4 --suite support
"""


@click.command(epilog=EPILOG)
@click.argument(
    "sources", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@config_option
@suite_option
@click.option(
    "--baseline",
    metavar="[PATH]",
    is_flag=False,
    flag_value="",
    help="Compare; without PATH with the suite's own baseline.",
)
@click.option("--mode", type=click.Choice(["plain", "confirmed", "strict"]), help="Gate mode.")
@click.option("--threshold", metavar="0.05|5%|5pp", help="The drop that fails.")
@click.option("--allow-removed", is_flag=True, help="Let the golden set have lost cases.")
@click.option(
    "--digest",
    "digests",
    metavar="SHA256",
    multiple=True,
    help="Digest of a shard's report, as its gate printed it; once for each shard. Needed where a "
    "change is judged by its base.",
)
@trusted_option
@format_options
def merge(  # noqa: PLR0913  # one parameter an option
    *,
    sources: tuple[Path, ...],
    config: Path,
    suites: tuple[str, ...],
    baseline: str | None,
    mode: str | None,
    threshold: str | None,
    allow_removed: bool,
    digests: tuple[str, ...],
    trusted_ref: str | None,
    formats: tuple[str, ...],
    outputs: tuple[Path, ...],
) -> int:
    """Put the shards of a run together, compare with the baseline, say the verdict.

    RUN is a run folder, a folder of them, a report.json or the .zip of an artifact. Every trial of
    every case must be there exactly once, made of one golden set, agent, configuration and one
    set of scorers; else nothing is judged and the exit code is 3.
    """
    from evalgate.cli.output import check_outputs, emit, log_safe  # noqa: PLC0415  # heavy
    from evalgate.commands.merge import MergeOptions, merge_runs  # noqa: PLC0415
    from evalgate.suite.environment import this_machine  # noqa: PLC0415
    from evalgate.suite.policy import Overrides  # noqa: PLC0415
    from evalgate.suite.suite import Selection  # noqa: PLC0415
    from evalgate.text.escape import terminal  # noqa: PLC0415
    from evalgate.trust.trusted import trusted_suites  # noqa: PLC0415

    pairs = check_outputs(formats, outputs)
    options = MergeOptions(
        baseline=baseline,
        overrides=Overrides(mode=mode, threshold=threshold),
        allow_removed=allow_removed,
        digests=tuple(part for given in digests for part in given.split()),
        command=shlex.join(["evalgate", *sys.argv[1:]]),
    )
    environment = this_machine()
    with trusted_suites(Selection(config, suites), trusted_ref, environment) as found:
        ran = merge_runs(sources, found, options, environment)
    if ran.reports.suites:
        emit(ran.reports, pairs, config)
    for name, error in ran.errors:
        click.echo(log_safe(terminal(f"error: suite {name!r}: {error}")), err=True)
    return ran.reports.exit_code
