"""Options that say what a stress check plays; shared by `stress` and `capacity`."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from evalgate.cli.options import Finite
from evalgate.errors import ConfigError

Command = TypeVar("Command", bound=Callable[..., Any])

_LIMITS = ("rpm", "tpm", "input_tpm", "output_tpm", "max_concurrency", "burst")
_COUNTING = ("limiter", "charge", "count_rejected", "hint")
_PLAIN = (
    "profile",
    "retry",
    "retry_budget",
    "faults",
    "growth",
    "seed",
    "engine",
    "seconds",
    "most_seeds",
)


def _add(command: Command, options: Sequence[Callable[[Any], Any]]) -> Command:
    for option in reversed(options):
        command = option(command)
    return command


def source_options(*, several: bool) -> Callable[[Command], Command]:
    """Add `--suite`, `--traces` and `--arrivals`, which exclude each other.

    Args:
        several: Whether `--traces` may be repeated.
    """
    return partial(
        _add,
        options=(
            click.option(
                "--suite",
                "-s",
                "suites",
                multiple=True,
                metavar="NAME",
                help="Replay this suite's agent; may be repeated.",
            ),
            click.option(
                "--traces",
                type=click.Path(path_type=Path),
                multiple=several,
                metavar="FILE",
                help="Recorded sessions: a file of traces, a run folder, or `latest`"
                + ("; may be repeated." if several else "."),
            ),
            click.option(
                "--arrivals",
                type=click.Path(path_type=Path, dir_okay=False),
                metavar="FILE",
                help="Recorded calls, CSV or JSONL: a time and, where known, input and output "
                "tokens and max_tokens.",
            ),
        ),
    )


def quota_options(command: Command) -> Command:
    """Add the limits and the way they are counted."""
    whole = click.IntRange(min=1)
    return _add(
        command,
        (
            click.option(
                "--profile",
                metavar="openai|anthropic|azure|litellm|custom",
                help="Whose way of counting.",
            ),
            click.option("--rpm", type=whole, metavar="N", help="Requests a minute."),
            click.option("--tpm", type=whole, metavar="N", help="Tokens a minute."),
            click.option("--input-tpm", type=whole, metavar="N", help="Input tokens a minute."),
            click.option("--output-tpm", type=whole, metavar="N", help="Output tokens a minute."),
            click.option("--max-concurrency", type=whole, metavar="N", help="Calls in flight."),
            click.option("--burst", type=whole, metavar="N", help="Requests in a full bucket."),
            click.option(
                "--limiter",
                type=click.Choice(["bucket", "fixed", "sliding", "sliding-counter"]),
                help="How requests and tokens are counted.",
            ),
            click.option(
                "--charge",
                type=click.Choice(["actual", "max", "sum", "anthropic"]),
                help="What a call costs when it is admitted.",
            ),
            click.option(
                "--count-rejected",
                is_flag=True,
                default=None,
                help="A rejected attempt counts as a request.",
            ),
            click.option(
                "--hint",
                type=click.Choice(["none", "seconds", "ms", "date"]),
                help="How a refusal tells the wait.",
            ),
        ),
    )


def load_options(command: Command) -> Command:
    """Add the load, the clients and our own control."""
    return _load(_clients(_control(command)))


def _load(command: Command) -> Command:
    return _add(
        command,
        (
            click.option(
                "--sessions",
                multiple=True,
                metavar="NAME=N",
                help="N sessions of cases tagged NAME (`all`: of every case); may be repeated.",
            ),
            click.option(
                "--tier",
                "tiers",
                multiple=True,
                metavar="NAME=TIER",
                help="Business class of a kind of session, e.g. support=critical.",
            ),
            click.option(
                "--arrive",
                metavar="burst|poisson:RATE|ramp:S|users:N|FILE",
                help="When sessions come.",
            ),
            click.option(
                "--growth",
                type=Finite(-1, 1000, min_open=True),
                metavar="SHARE",
                help="Load that is added.",
            ),
        ),
    )


def _clients(command: Command) -> Command:
    return _add(
        command,
        (
            click.option(
                "--retry",
                metavar="none|exact|openai|...",
                help="Retry layers, innermost first, e.g. openai+langgraph or openai:0.",
            ),
            click.option(
                "--retry-budget",
                type=click.IntRange(0, 1000),
                metavar="PERCENT",
                help="Retries for every hundred calls, over all sessions.",
            ),
            click.option("--faults", metavar="PROFILE", help="Other errors, e.g. datadog-2026."),
            click.option("--seed", type=click.IntRange(0, 2**32), metavar="N", help="Seed."),
        ),
    )


def _control(command: Command) -> Command:
    return _add(
        command,
        (
            click.option("--queue/--no-queue", default=None, help="A queue before the provider."),
            click.option(
                "--reservation",
                type=click.Choice(["conserving", "strict", "none"]),
                help="How a share of the queue's budget is kept for critical sessions.",
            ),
            click.option(
                "--reserve", type=click.IntRange(0, 99), metavar="PERCENT", help="That share."
            ),
            click.option(
                "--backpressure/--no-backpressure",
                default=None,
                help="Hold everything while the provider throttles.",
            ),
            click.option(
                "--dynamic/--no-dynamic", default=None, help="Adjust the calls at once to the load."
            ),
            click.option(
                "--max-wait",
                type=Finite(0),
                metavar="SECONDS",
                help="Longest wait in the queue.",
            ),
            click.option(
                "--max-queue",
                type=click.IntRange(0),
                metavar="N",
                help="Calls that wait at most.",
            ),
        ),
    )


def stress_fields(given: Mapping[str, Any]) -> dict[str, object]:
    """Return the fields of the `stress:` block that the command line names.

    Raises:
        ConfigError: An option is malformed, or options contradict each other.
    """
    fields: dict[str, object] = {
        name: given[name] for name in _PLAIN if given.get(name) is not None
    }
    quota = {n: given[n] for n in (*_LIMITS, *_COUNTING) if given.get(n) is not None}
    if quota:
        fields["quota"] = quota
    if given.get("arrive") is not None:
        fields["arrivals"] = given["arrive"]
    admission = _admission(given)
    if admission is not None:
        fields["admission"] = admission
    sessions = {name: _count(name, n) for name, n in _pairs("--sessions", given["sessions"])}
    tiers = dict(_pairs("--tier", given["tiers"]))
    if sessions or tiers:
        fields["sessions"] = {
            name: {
                **({"sessions": sessions[name]} if name in sessions else {}),
                **({"tier": tiers[name]} if name in tiers else {}),
            }
            for name in dict.fromkeys((*sessions, *tiers))
        }
    limits = {name: _number(name, n) for name, n in _pairs("--limit", given.get("limits", ()))}
    if limits:
        fields["limits"] = limits
    return fields


def _admission(given: Mapping[str, Any]) -> dict[str, object] | bool | None:
    names = ("reservation", "reserve", "backpressure", "dynamic", "max_wait", "max_queue")
    parts = {name: given[name] for name in names if given.get(name) is not None}
    if given.get("queue") is False:
        if parts:
            named = next(iter(parts)).replace("_", "-")
            raise ConfigError(f"--{named} is about the queue, and --no-queue turns it off")
        return False
    return parts if parts or given.get("queue") else None


def _pairs(option: str, texts: Sequence[str]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for text in texts:
        name, equals, value = text.rpartition("=")
        if not (name and equals and value):
            raise ConfigError(f"{option}: expected NAME=VALUE, found {text!r}")
        if any(name == known for known, _ in pairs):
            raise ConfigError(f"{option}: {name!r} is given twice")
        pairs.append((name, value))
    return pairs


def _count(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 9 and 0 < int(text) <= 10**7):
        raise ConfigError(
            f"--sessions {name}: expected a whole number from 1 to 10,000,000, found {text!r}"
        )
    return int(text)


def _number(name: str, text: str) -> float:
    percent = text.endswith("%")
    try:
        value = float(text.removesuffix("%"))
    except ValueError:
        raise ConfigError(f"--limit {name}: expected a number, found {text!r}") from None
    return value / 100 if percent else value
