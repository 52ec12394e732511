"""Splits a golden set over machines: each case has one shard, whatever the other cases are."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from evalgate.errors import ConfigError

MAX_SHARDS: Final = 10_000
"""Most shards a golden set is split into."""

_WRITTEN: Final = re.compile(r"([1-9][0-9]{0,4})/([1-9][0-9]{0,4})")


@dataclass(frozen=True, slots=True)
class Shard:
    """One of several equal parts of a golden set."""

    number: int
    """Which one, from 1."""
    count: int
    """How many there are."""

    def __contains__(self, case_id: str) -> bool:
        """Say whether a case belongs to this shard."""
        return shard_of(case_id, self.count) == self.number

    def __str__(self) -> str:
        """Write it as it is asked for, `2/4`."""
        return f"{self.number}/{self.count}"


def shard_of(case_id: str, count: int) -> int:
    """Return the shard a case belongs to.

    The first 16 hexadecimal digits of the SHA-256 of the id, modulo the number of shards: the
    same on every machine and in every version, and a new case moves no other.

    Args:
        case_id: The case.
        count: Number of shards, at least 1.

    Returns:
        A number from 1 to `count`.
    """
    return int(sha256(case_id.encode("utf-8")).hexdigest()[:16], 16) % count + 1


def parse_shard(text: str, environ: Mapping[str, str] | None = None) -> Shard:
    """Read `2/4`, the second of four shards; or `auto` or `auto/4`, this machine's own.

    Args:
        text: What was asked for.
        environ: Where `auto` finds the number: `CI_NODE_INDEX` (GitLab), `SLURM_ARRAY_TASK_ID`,
            `JOB_COMPLETION_INDEX` (Kubernetes, which does not tell how many there are).

    Raises:
        ConfigError: It is something else, or the environment does not tell.
    """
    name, _, count = text.strip().partition("/")
    if name == "auto":
        return _own_shard(count, environ or {})
    found = _WRITTEN.fullmatch(text.strip())
    number, total = (int(part) for part in found.groups()) if found else (0, 0)
    return _checked(text, number, total)


def _checked(text: str, number: int, total: int) -> Shard:
    if not 1 <= number <= total <= MAX_SHARDS:
        raise ConfigError(
            f"--shard {text!r} is no shard; expected I/N with 1 <= I <= N <= {MAX_SHARDS:,}",
            fix="--shard 1/4 is the first of four",
        )
    return Shard(number, total)


def _own_shard(count: str, environ: Mapping[str, str]) -> Shard:
    known = {name: read for name, read in _SOURCES.items() if environ.get(name)}
    if len(known) != 1:
        what = f"{' and '.join(known)} are all set" if known else "no variable tells which"
        raise ConfigError(
            f"--shard auto: {what}; expected one of {', '.join(_SOURCES)}",
            fix="--shard 1/4 is the first of four",
        )
    (name, read), *_ = known.items()
    number, total = read(environ)
    asked = _number("--shard auto/N", count) if count else None
    if asked is not None and total is not None and asked != total:
        raise ConfigError(
            f"--shard auto/{count}: {name} is one of {total}, not of {count}",
            fix="--shard auto",
        )
    whole = asked or total
    if whole is None:
        raise ConfigError(
            f"--shard auto: {name}={environ[name]!r} tells which shard this is, and nothing how "
            "many there are",
            fix="--shard auto/4, with the job's `completions`",
        )
    return _checked(f"{number}/{whole} ({name})", number, whole)


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ConfigError(f"{name}: expected a whole number, found {text!r}")
    return int(text)


def _gitlab(environ: Mapping[str, str]) -> tuple[int, int | None]:
    total = environ.get("CI_NODE_TOTAL")
    number = _number("CI_NODE_INDEX", environ["CI_NODE_INDEX"])
    return number, None if total is None else _number("CI_NODE_TOTAL", total)


def _kubernetes(environ: Mapping[str, str]) -> tuple[int, int | None]:
    return _number("JOB_COMPLETION_INDEX", environ["JOB_COMPLETION_INDEX"]) + 1, None


def _slurm(environ: Mapping[str, str]) -> tuple[int, int | None]:
    """Count from the array's first task; the ids of an array may start anywhere, in steps."""
    stem = "SLURM_ARRAY_TASK_"
    task = _number(f"{stem}ID", environ[f"{stem}ID"])
    if not environ.get(f"{stem}COUNT"):
        return task, None
    count, first, last, step = (
        _number(f"{stem}{part}", environ.get(f"{stem}{part}", default))
        for part, default in (("COUNT", ""), ("MIN", ""), ("MAX", ""), ("STEP", "1"))
    )
    if step < 1 or (last - first) // step + 1 != count:
        raise ConfigError(
            f"--shard auto: the {count} tasks of this array do not run from {first} to {last} in "
            f"steps of {step}",
            fix="sbatch --array=1-4, or --shard I/N",
        )
    return (task - first) // step + 1, count


_SOURCES: Final[Mapping[str, Callable[[Mapping[str, str]], tuple[int, int | None]]]] = {
    "CI_NODE_INDEX": _gitlab,
    "SLURM_ARRAY_TASK_ID": _slurm,
    "JOB_COMPLETION_INDEX": _kubernetes,
}
"""Variables that number the machines of a job; each reader gives which, from 1, and of how many."""
