"""Splits a golden set over machines: each case has one shard, whatever the other cases are."""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from evalgate.errors import ConfigError

__all__ = ["MAX_SHARDS", "Shard", "parse_shard", "shard_of"]

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


def parse_shard(text: str) -> Shard:
    """Read `2/4`: the second of four shards.

    Raises:
        ConfigError: It is something else.
    """
    found = _WRITTEN.fullmatch(text.strip())
    number, count = (int(part) for part in found.groups()) if found else (0, 0)
    if not 1 <= number <= count <= MAX_SHARDS:
        raise ConfigError(
            f"--shard {text!r} is no shard; expected I/N with 1 <= I <= N <= {MAX_SHARDS:,}",
            fix="--shard 1/4 is the first of four",
        )
    return Shard(number, count)
