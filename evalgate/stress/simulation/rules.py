"""What one simulated run is made of beside its load."""

from random import Random
from typing import NamedTuple

from evalgate.quota.quota import Quota
from evalgate.stress.simulation.admission import Admission
from evalgate.stress.simulation.faults import FaultProfile
from evalgate.stress.simulation.retry import RetryBudget, RetryPolicy


class Rules(NamedTuple):
    """Quota, clients, faults and control of one run; horizon and start in nanoseconds."""

    quota: Quota
    stacks: tuple[tuple[RetryPolicy, ...], ...]
    """Retry layers of each group, innermost first."""
    faults: FaultProfile
    admission: Admission | None
    budget: RetryBudget | None
    horizon: int | None
    window_start: int | None = None


class Dice(NamedTuple):
    """Where chance comes from, one generator for each kind, so that one more changes no other."""

    arrivals: Random
    jitter: Random
    faults: Random
    ties: Random
    """The order of what happens at one moment."""


def dice(seed: int) -> Dice:
    """Return the generators of a seed."""
    return Dice(*(Random(f"{seed}/{name}") for name in Dice._fields))  # noqa: S311  reproducible on purpose
