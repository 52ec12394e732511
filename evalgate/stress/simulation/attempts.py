"""Who sent which attempt: retries are told apart by what clients say about themselves."""

from collections.abc import Sequence
from itertools import pairwise

from evalgate.stress.simulation.retry import RetryPolicy

UNDECLARED = "undeclared layer"
"""How a layer is called that the configuration does not know."""


def layers_of_attempts(
    retry_counts: Sequence[int | None], declared: Sequence[RetryPolicy]
) -> tuple[str, ...]:
    """Name the layer that sent each attempt at one call after the first.

    SDKs count their own retries in `x-stainless-retry-count`. A count that starts again from 0 is
    a call that something above the SDK has sent again; a count that stands still while others go
    on is a request that something below it has. Without the header, attempts are given to
    the declared layers in the order in which they would make them.

    Args:
        retry_counts: What each attempt said, in order of time; None: it said nothing.
        declared: The retry layers that the configuration states, innermost first.

    Returns:
        One name for each attempt but the first.
    """
    if any(count is not None for count in retry_counts):
        return _by_header(retry_counts, declared)
    return _by_place(len(retry_counts), declared)


def _by_header(
    retry_counts: Sequence[int | None], declared: Sequence[RetryPolicy]
) -> tuple[str, ...]:
    inner = declared[0].name if declared else "client SDK"
    counts = any(retry_counts)
    names: list[str] = []
    again = 0
    for before, count in pairwise(retry_counts):
        if counts and count == before:
            names.append(f"{UNDECLARED} below {inner}")
        elif count:
            names.append(inner)
        else:
            again += 1
            names.append(_layer(again, declared[1:], inner))
    return tuple(names)


def _by_place(attempts: int, declared: Sequence[RetryPolicy]) -> tuple[str, ...]:
    return tuple(_layer(number, declared, None) for number in range(1, attempts))


def _layer(number: int, declared: Sequence[RetryPolicy], inner: str | None) -> str:
    """Name the layer that makes retry `number`, from 1, if layers nest as declared.

    Args:
        number: Retries so far, this one included, of all these layers together.
        declared: The layers, innermost first.
        inner: What lies below them; None: nothing.
    """
    size = 1
    for policy in declared:
        size *= 1 + policy.retries
        if number % size:
            return policy.name
        inner = policy.name
    return UNDECLARED if inner is None else f"{UNDECLARED} above {inner}"
