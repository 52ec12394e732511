"""What the event loop moves about: plans worked out for one quota, sessions and calls under way."""

from typing import TYPE_CHECKING

from evalgate.quota.quota import Quota, Reservation, oversized, real_cost, reserve
from evalgate.stress.load.workload import Call, SessionPlan, ideal_time
from evalgate.stress.simulation.outcome import Counts

if TYPE_CHECKING:
    from evalgate.stress.simulation.admission import Ticket


class Cost:
    """One call of a plan, worked out once for all sessions that share the plan."""

    __slots__ = ("admitted", "charges", "counted", "duration", "fits", "offset", "real")

    def __init__(self, call: Call, quota: Quota) -> None:
        """Work out what the call costs under the quota."""
        self.charges = reserve(quota, call.request)
        self.real = real_cost(quota, call.request)
        self.counted = self.real if quota.settles else self.charges
        self.fits = oversized(quota, self.charges) is None
        self.duration = call.duration
        self.offset = call.offset
        self.admitted = 0
        """Times it was admitted and not yet added to the sums."""


class Script:
    """A plan worked out for one quota."""

    __slots__ = ("arrived", "calls", "ideal", "single", "stages", "straight", "tail")

    def __init__(self, plan: SessionPlan, quota: Quota) -> None:
        """Work all calls out."""
        self.stages = tuple(
            (stage.gap, tuple(Cost(call, quota) for call in stage.calls)) for stage in plan.stages
        )
        self.tail = plan.tail
        self.ideal = ideal_time(plan)
        self.calls = sum(len(costs) for _, costs in self.stages)
        self.arrived = 0
        """Sessions that came and are not yet added to the sums."""
        self.straight = 0
        """Those of them whose only call was admitted at once."""
        lone = len(self.stages) == 1 and self.calls == 1 and not self.stages[0][0]
        first = self.stages[0][1][0] if lone else None
        self.single = first if first is not None and first.fits and not first.offset else None
        """The only call of a session that makes one call at once."""


class SimulatedSession:
    """A session under way."""

    __slots__ = ("calls", "counts", "dead", "group", "open", "script", "stage", "start")

    def __init__(self, script: Script, group: int, counts: Counts, start: int) -> None:
        """Stand before the first stage."""
        self.script = script
        self.group = group
        self.counts = counts
        self.start = start
        self.stage = -1
        self.open = 0
        """Calls of this stage without an answer."""
        self.dead = False
        self.calls: list[LiveCall] = []
        """Calls of this stage, kept only where a queue may hold them."""


class LiveCall:
    """A call under way."""

    __slots__ = (
        "cost",
        "layer",
        "most",
        "offered",
        "reservation",
        "retries",
        "session",
        "ticket",
        "tries",
    )

    def __init__(self, session: SimulatedSession, cost: Cost, layers: int) -> None:
        """Stand before the first attempt."""
        self.session = session
        self.cost = cost
        self.tries = [0] * layers
        """Retries each layer has made."""
        self.offered = False
        """Whether a first attempt was made."""
        self.retries = 0
        """Retries since the call was last put in line."""
        self.most = 0
        """The most of these."""
        self.layer: str | None = None
        """The layer that makes the next attempt, until it is counted."""
        self.ticket: Ticket | None = None
        self.reservation: Reservation | None = None
