"""`evalgate judge`."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from evalgate.cli.options import Finite, config_option
from evalgate.errors import ConfigError, ExitCode

if TYPE_CHECKING:
    from evalgate.judges.labels import Labelling
    from evalgate.schema.judge import LabelItem
    from evalgate.suite.suite import Suite


Command = TypeVar("Command", bound=Callable[..., Any])

_CONTEXT = 4_000


@click.group()
def judge() -> None:
    """Let a judge earn trust: sample, label, calibrate, and ask again whether it drifted."""


def _chosen(command: Command) -> Command:
    """Add the options that name a suite and a judge."""
    command = click.option("--judge", "name", metavar="NAME", help="Default: the only one.")(
        command
    )
    command = click.option("--suite", "-s", metavar="NAME", help="Default: the only one.")(command)
    return config_option(command)


@judge.command()
@click.argument("labels", type=click.Path(path_type=Path))
@_chosen
@click.option(
    "--mode",
    type=click.Choice(["replay", "auto"]),
    default="replay",
    show_default=True,
    help="replay: recorded verdicts, no key; auto: ask and record what is missing.",
)
@click.option("--repeats", type=click.IntRange(1, 25), default=1, show_default=True)
def calibrate(
    labels: Path, config: Path, suite: str | None, name: str | None, mode: str, repeats: int
) -> int:
    """Measure a judge against the LABELS of people and save the record beside the baseline.

    Exit code 3 where it is not enough to gate by. --repeats judges every answer so often, for
    its agreement with itself.

    \b
    Example:
      evalgate judge calibrate labels.jsonl --mode auto --repeats 3
    """  # noqa: D301  # \b is click's
    from evalgate.judges.calibration import calibrate as measure  # noqa: PLC0415
    from evalgate.judges.show import calibration_line  # noqa: PLC0415  # heavy
    from evalgate.suite.environment import this_machine  # noqa: PLC0415

    done = measure(
        _suite(config, suite),
        this_machine(),
        labels,
        judge=name,
        mode="auto" if mode == "auto" else "replay",
        repeats=repeats,
    )
    _say(calibration_line(done.record))
    _say(f"saved to {done.path}")
    if not done.enough:
        _say("not enough to gate by: see min_kappa and min_labels of the judge")
        return ExitCode.INCONCLUSIVE
    return ExitCode.PASSED


@judge.command()
@click.argument("run", metavar="RUN")
@_chosen
@click.option("--metric", metavar="SCORE", help="What is labelled. Default: the judge's first.")
@click.option("--rate", type=Finite(0, 1, min_open=True), default=0.1, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    default=Path("labels.jsonl"),
    show_default=True,
    help="The file of labels to write.",
)
def sample(
    run: str,
    config: Path,
    suite: str | None,
    rate: float,
    seed: int,
    **given: Any,  # noqa: ANN401
) -> None:
    """Draw answers of RUN for people to label, blind: the verdicts are not in the file.

    A share of --rate is drawn of each of five ranges of the score, at least one of each.

    \b
    Example:
      evalgate judge sample latest --rate .1 --seed 1 --output labels.jsonl
    """  # noqa: D301  # \b is click's
    import shlex  # noqa: PLC0415  # heavy

    from evalgate.gate.comparability import name_some  # noqa: PLC0415
    from evalgate.judges.labels import sample_labels  # noqa: PLC0415

    done = sample_labels(
        _suite(config, suite),
        run,
        given["output"],
        draw=(rate, seed),
        judge=given["name"],
        score=given["metric"],
    )
    _say(f"{done.drawn} of {done.judged} judged answers written to {done.path}")
    if done.changed:
        names = name_some(done.changed)
        _say(f"left out, as the golden set asks something else since the run: {names}")
    _say(f"label them: evalgate judge label {shlex.quote(str(done.path))}")


@judge.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--by", metavar="NAME", help="Who labels; kept with each label.")
def label(file: Path, by: str | None) -> int:
    """Ask for labels of FILE, one answer at a time; go on later where you left.

    Type y or n (1 to 5 for levels), s to skip, q to quit. Each label is saved at once.
    """
    from evalgate.judges.labels import open_labelling  # noqa: PLC0415  # heavy

    labelling = open_labelling(file, by)
    total = len(labelling.labels.items)
    for item in labelling.left:
        number = total - len(labelling.left) + 1
        _show(item, number, total, whole=labelling.labels.header.metric == "user_in_script")
        if not _asked(labelling, item):
            break
    left, skipped = len(labelling.left), sum(item.skipped for item in labelling.labels.items)
    _say(
        f"{total - left - skipped} of {total} done"
        + (f", {skipped} skipped" if skipped else "")
        + (f", {left} left" if left else "")
    )
    return ExitCode.PASSED


def _show(item: "LabelItem", number: int, total: int, *, whole: bool) -> None:
    """Show what is labelled: an answer, or the whole of a conversation with a simulated user."""
    evidence = item.evidence
    _say("")
    _say(f"--- {number} of {total} ---")
    if whole:
        _part("the user's script", evidence.script or "")
        for place, message in enumerate(evidence.conversation, start=1):
            said = message.get("content") or message.get("tool_calls")
            _part(f"turn {place}, {message.get('role')}", str(said))
        return
    _part("question", evidence.question)
    for place, text in enumerate(evidence.contexts, start=1):
        _part(f"context {place}", text)
    for message in evidence.conversation[:-1]:
        if message.get("tool_calls"):
            _part("called", str(message["tool_calls"]))
    if evidence.reference:
        _part("expected", evidence.reference)
    for nth, text in enumerate(evidence.criteria or (), start=1):
        _part(f"criterion {nth}", text)
    _part("answer", evidence.answer)


def _part(title: str, text: str) -> None:
    from evalgate.text.escape import cap  # noqa: PLC0415  # heavy

    _say(f"{title}:")
    for line in cap(text, _CONTEXT).splitlines() or ["(empty)"]:
        _say(f"    {line}")


def _asked(labelling: "Labelling", item: "LabelItem") -> bool:
    """Ask until the reply is understood; False to quit."""
    header = labelling.labels.header
    hint = "1-5" if header.scale == "1-5" else "y/n"
    while True:
        click.echo(f"{header.instruction} [{hint}/s/q] ", nl=False)
        typed = sys.stdin.readline()
        if not typed or typed.strip().lower() in ("q", "quit"):
            click.echo("")
            return False
        problem = labelling.answer(item, typed)
        if problem is None:
            return True
        _say(problem)


@judge.command()
@_chosen
@click.option("--limit", type=click.IntRange(1), help="At most so many answers.")
def drift(config: Path, suite: str | None, name: str | None, limit: int | None) -> int:
    """Ask a judge again about answers it has recorded verdicts on, and compare.

    The answers are the same, so what moves is the judge. Needs the judge's key; records nothing.
    Exit code 1 where the judge drifted (two-sided exact McNemar test, 5 %).
    """
    from evalgate.judges.drift import measure_drift  # noqa: PLC0415  # heavy
    from evalgate.suite.environment import this_machine  # noqa: PLC0415
    from evalgate.text.counts import number_of  # noqa: PLC0415

    found = measure_drift(_suite(config, suite), this_machine(), judge=name, limit=limit)
    for one in found:
        kappa = "unknown" if one.kappa is None else f"{one.kappa:.3f}"
        lost = f" ({one.abstained} left out: abstained then or now)" if one.abstained else ""
        _say(
            f"{one.score}: {one.then:.3f} then, {one.now:.3f} now, "
            f"on {number_of(one.n, 'answer')}{lost}; {one.to_bad} turned bad, "
            f"{one.to_good} turned good; kappa {kappa}; "
            f"p {one.p_value:.3f}: {'drifted' if one.drifted else 'no drift shown'}"
        )
    return ExitCode.FAILED if any(one.drifted for one in found) else ExitCode.PASSED


@judge.command()
@click.argument("run", metavar="[RUN]", required=False)
@config_option
@click.option("--suite", "-s", metavar="NAME", help="Default: the only one.")
def show(run: str | None, config: Path, suite: str | None) -> None:
    """Print how far each judge is trusted, and correct the shares of RUN for its errors.

    Judges that give the same score are compared with each other.
    """
    from evalgate.judges.show import show_judges  # noqa: PLC0415  # heavy
    from evalgate.suite.environment import this_machine  # noqa: PLC0415

    for line in show_judges(_suite(config, suite), run, this_machine()):
        _say(line)


def _suite(config: Path, name: str | None) -> "Suite":
    from evalgate.suite.suite import Selection, find_suites  # noqa: PLC0415  # heavy

    suites = find_suites(Selection(config, () if name is None else (name,)))
    if len(suites) > 1:
        raise ConfigError(
            f"{config} has {len(suites)} suites: {', '.join(suite.name for suite in suites)}",
            fix=f"--suite {suites[0].name}",
        )
    return suites[0]


def _say(text: str) -> None:
    """Print what may hold hostile text."""
    from evalgate.text.escape import terminal  # noqa: PLC0415  # heavy

    click.echo(terminal(text))
