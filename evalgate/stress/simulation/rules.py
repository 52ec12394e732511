"""What a run plays by."""

from typing import NamedTuple

from evalgate.quota.quota import Quota
from evalgate.stress.simulation.admission import Admission
from evalgate.stress.simulation.faults import FaultProfile
from evalgate.stress.simulation.retry import RetryBudget, RetryPolicy

__all__ = ["Rules"]


class Rules(NamedTuple):
    """Quota, clients, faults and control of one run; horizon and start in nanoseconds."""

    quota: Quota
    stack: tuple[RetryPolicy, ...]
    faults: FaultProfile
    admission: Admission | None
    budget: RetryBudget | None
    horizon: int | None
    window_start: int | None = None
