"""Digests of what a case asks and of a golden set.

A digest covers whatever can change a verdict: the input, a simulated user, what is expected, the
contexts an answer must be faithful to, and the case's policy (`must_pass`, `zero_tolerance`,
`weight`, `cluster`, `status`), since softening a policy is as much a change as softening an
expectation. It leaves out what only describes: `tags`, `human_minutes` and `metadata`. Defaults
that are spelled out count as left out, so neither formatting nor a new optional field of the format
changes a digest.
"""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Final

from evalgate.schema.canonical import canonical_bytes, digest
from evalgate.schema.golden import Case

_ASKED: Final = frozenset(
    {
        "input",
        "user",
        "expected",
        "contexts",
        "must_pass",
        "zero_tolerance",
        "weight",
        "cluster",
        "status",
    }
)
_CASE_HEX_DIGITS: Final = 16


def case_digest(case: Case) -> str:
    """Fingerprint what a case asks; its id is no part of it.

    Returns:
        16 hexadecimal digits (64 bits): enough to notice a change, short enough for a line of a
        baseline.
    """
    asked = case.model_dump(include=set(_ASKED), exclude_defaults=True)
    return sha256(canonical_bytes(asked)).hexdigest()[:_CASE_HEX_DIGITS]


def case_digests(cases: Iterable[Case]) -> dict[str, str]:
    """Fingerprint what each case asks, by its id."""
    return {case.id: case_digest(case) for case in cases}


def golden_digest(digests: Mapping[str, str]) -> str:
    """Fingerprint a golden set: its ids and what each case asks, in whatever order.

    Args:
        digests: The digest of each case, by id.

    Returns:
        `sha256:` and 64 hexadecimal digits.
    """
    return digest([list(row) for row in sorted(digests.items())])
