"""What is offered: sessions, how many of each kind, and when they come."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from heapq import heapify, heappop, heapreplace, merge
from itertools import accumulate
from math import isqrt, lcm
from operator import attrgetter
from random import Random
from typing import NamedTuple

from evalgate.errors import ConfigError
from evalgate.quota.quota import Quota, Request
from evalgate.quota.units import SECOND, exponential, nanoseconds
from evalgate.stress.load.arrivals import Arrivals


class Call(NamedTuple):
    """One LLM call of a session."""

    request: Request
    duration: int = 0
    """Nanoseconds from admission to answer."""
    offset: int = 0
    """Nanoseconds after the start of its stage."""


class Stage(NamedTuple):
    """Calls that overlap; the next stage waits for all of them."""

    calls: tuple[Call, ...]
    gap: int = 0
    """Nanoseconds of thinking and tools since the stage before ended."""


class SessionPlan(NamedTuple):
    """One session as it was recorded."""

    stages: tuple[Stage, ...]
    tail: int = 0
    """Nanoseconds from the last answer to the end."""


class Rows(NamedTuple):
    """Single-call sessions straight from an arrivals file; made when they come."""

    arrivals: Arrivals
    duration: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """Sessions of one kind."""

    name: str
    plans: tuple[SessionPlan, ...] | Rows
    """Recorded sessions, taken in turn."""
    sessions: int
    """How many come."""
    rank: int = 1
    """Place in the queue: lower goes first."""
    critical: bool = False
    """Whether it may use the reserved share."""
    tier: str | None = None
    """Its business class; None: none named."""


@dataclass(frozen=True, slots=True)
class Burst:
    """All at once."""


@dataclass(frozen=True, slots=True)
class Poisson:
    """Independent arrivals at `rate` sessions a second over all groups."""

    rate: float


@dataclass(frozen=True, slots=True)
class Ramp:
    """A rate that climbs evenly from 0 over `seconds`."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Recorded:
    """The moments of a recorded trace, in nanoseconds, sorted."""

    arrivals: Arrivals


@dataclass(frozen=True, slots=True)
class Closed:
    """A closed loop: `users` sessions at a time; when one ends, the next starts."""

    users: int


@dataclass(frozen=True, slots=True)
class Together:
    """Several loads at once, each by its own law: the law and how many groups follow it."""

    parts: tuple[tuple["ArrivalLaw", int], ...]


ArrivalLaw = Burst | Poisson | Ramp | Recorded | Closed | Together


@dataclass(frozen=True, slots=True)
class Workload:
    """Groups of sessions and the law by which they come.

    Raises:
        ConfigError: A group is empty or two share a name, or the law's numbers are absurd.
    """

    groups: tuple[Group, ...]
    law: ArrivalLaw = Burst()
    times_known: bool = True
    """Whether every call's times were recorded."""
    tokens_known: bool = True
    """Whether every call's tokens were recorded."""

    def __post_init__(self) -> None:
        """Refuse what cannot be offered."""
        names = [g.name for g in self.groups]
        if not names or len(set(names)) != len(names):
            raise ConfigError(f"sessions: expected groups with different names, found {names!r}")
        for group in self.groups:
            size = len(group.plans.arrivals) if isinstance(group.plans, Rows) else len(group.plans)
            if group.sessions < 1 or size == 0:
                raise ConfigError(
                    f"sessions of {group.name!r}: expected at least 1 session and 1 recorded "
                    f"trace, found {group.sessions!r} and {size}"
                )
        _check_law(self.law)


def _check_law(law: ArrivalLaw) -> None:
    number: float = 1.0
    if isinstance(law, Poisson):
        number = law.rate
    elif isinstance(law, Ramp):
        number = law.seconds
    elif isinstance(law, Closed):
        number = law.users
    if not 1e-9 <= number <= 1e9:
        raise ConfigError(
            f"arrivals: expected a number from 1e-9 to 1e9 for {type(law).__name__.lower()}, "
            f"found {number!r}"
        )


class Start(NamedTuple):
    """A session that comes: nanoseconds, the group's index, the plan's index in it."""

    time: int
    group: int
    plan: int


def session_count(workload: Workload) -> int:
    """Return how many sessions come; a recorded trace brings one for each arrival."""
    if isinstance(workload.law, Together):
        return sum(session_count(part) for part in parts_of(workload))
    if isinstance(workload.law, Recorded):
        return len(workload.law.arrivals)
    return sum(group.sessions for group in workload.groups)


def is_sampled(workload: Workload) -> bool:
    """Say whether the arrivals themselves are drawn at random."""
    law = workload.law
    laws = [part for part, _ in law.parts] if isinstance(law, Together) else [law]
    return any(isinstance(part, Poisson) for part in laws)


def parts_of(workload: Workload) -> list[Workload]:
    """Return the loads that come together, each with its own law."""
    law = workload.law
    if not isinstance(law, Together):
        return [workload]
    found, first = [], 0
    for part, count in law.parts:
        groups = workload.groups[first : first + count]
        found.append(replace(workload, groups=groups, law=part))
        first += count
    return found


def together(workloads: Sequence[Workload]) -> Workload:
    """Offer several loads at once; what comes by equal laws of no rate stays one law.

    Raises:
        ConfigError: Closed loops are mixed with other laws: when do their users come?
    """
    laws = [workload.law for workload in workloads]
    law: ArrivalLaw = Together(tuple((w.law, len(w.groups)) for w in workloads))
    if all(isinstance(one, Burst) for one in laws):
        law = Burst()
    elif closed := [one for one in laws if isinstance(one, Closed)]:
        if len(closed) < len(laws):
            raise ConfigError(
                "a closed loop (users:N) cannot be put together with sessions that come by "
                "themselves",
                fix="--arrive burst, or users:N for every suite",
            )
        law = Closed(sum(one.users for one in closed))
    return Workload(
        tuple(group for workload in workloads for group in workload.groups),
        law,
        all(workload.times_known for workload in workloads),
        all(workload.tokens_known for workload in workloads),
    )


def ideal_time(plan: SessionPlan) -> int:
    """Return the nanoseconds a session takes when nothing is ever refused."""
    return plan.tail + sum(
        stage.gap + max((c.offset + c.duration for c in stage.calls), default=0)
        for stage in plan.stages
    )


def row_plan(rows: Rows, row: int) -> SessionPlan:
    """Return the single-call session of one recorded arrival."""
    return SessionPlan((Stage((Call(rows.arrivals.request(row), rows.duration),)),))


def without_rows(workload: Workload, quota: Quota) -> Workload:
    """Let one plan stand for all rows of an arrivals file where no limit is on tokens.

    Args:
        workload: What is offered.
        quota: The limits: without one on tokens every row costs the same.
    """
    if any(dimension.name != "requests" for dimension in quota.dimensions):
        return workload
    groups = tuple(
        replace(group, plans=(row_plan(group.plans, 0),))
        if isinstance(group.plans, Rows)
        else group
        for group in workload.groups
    )
    return replace(workload, groups=groups)


def from_arrivals(arrivals: Arrivals, name: str = "recorded", duration: float = 0.0) -> Workload:
    """Offer exactly the recorded calls, each a session of its own.

    Args:
        arrivals: The trace.
        name: Name of the only group.
        duration: Seconds from admission to answer, as a trace of arrivals does not tell.
    """
    group = Group(name, Rows(arrivals, nanoseconds(duration)), len(arrivals))
    return Workload((group,), Recorded(arrivals), tokens_known=arrivals.missing_tokens == 0)


def grown(workload: Workload, growth: float | Fraction) -> Workload:
    """Return the workload with `growth` more load.

    Counts and rates are multiplied by 1 + growth, fractions of a session rounded up; a recorded
    trace keeps its calls and comes in a shorter time.

    Args:
        workload: Today's load.
        growth: Share that is added, e.g. 0.2; above -1.
    """
    factor = 1 + Fraction(str(growth))
    if factor <= 0:
        raise ConfigError(f"growth: expected a number above -1, found {growth!r}")
    law = workload.law
    if isinstance(law, Together):
        return together([grown(part, growth) for part in parts_of(workload)])
    if isinstance(law, Recorded):
        times = law.arrivals.times
        faster = times[:0]
        faster.extend(round(t / factor) for t in times)
        old = law.arrivals
        origin = None if old.origin is None else round(old.origin / factor)
        arrivals = replace(old, times=faster, origin=origin)
        return Workload(
            workload.groups, Recorded(arrivals), workload.times_known, workload.tokens_known
        )
    if isinstance(law, Poisson):
        law = Poisson(float(Fraction(law.rate) * factor))
    elif isinstance(law, Closed):
        law = Closed(-(-law.users * factor.numerator // factor.denominator))
    groups = tuple(
        replace(g, sessions=-(-g.sessions * factor.numerator // factor.denominator))
        for g in workload.groups
    )
    return Workload(groups, law, workload.times_known, workload.tokens_known)


def starts(workload: Workload, rng: Random) -> Iterator[Start]:
    """Yield the sessions in order of time, one by one, so that memory stays flat.

    Args:
        workload: What is offered; a closed loop yields everything at time 0 and the caller holds
            back all but the first `users`.
        rng: Source of Poisson arrivals.
    """
    law = workload.law
    if isinstance(law, Together):
        return _mixed(workload, rng)
    if isinstance(law, Poisson):
        total = session_count(workload)
        # Each group has its own generator, so that one more group changes no other.
        seeds = [rng.getrandbits(64) for _ in workload.groups]
        streams = [
            _poisson(workload, index, law.rate * group.sessions / total, Random(seed))  # noqa: S311  reproducible on purpose
            for index, (group, seed) in enumerate(zip(workload.groups, seeds, strict=True))
        ]
        return merge(*streams) if len(streams) > 1 else streams[0]
    if isinstance(law, Recorded):
        return _recorded(workload, law)
    span = nanoseconds(law.seconds) if isinstance(law, Ramp) else 0
    return _spread(workload, span)


def _mixed(workload: Workload, rng: Random) -> Iterator[Start]:
    streams, first = [], 0
    for part in parts_of(workload):
        streams.append(_moved(starts(part, Random(rng.getrandbits(64))), first))  # noqa: S311  reproducible on purpose
        first += len(part.groups)
    return merge(*streams, key=attrgetter("time"))


def _moved(stream: Iterator[Start], first: int) -> Iterator[Start]:
    return (start._replace(group=start.group + first) for start in stream)


def _size(group: Group) -> int:
    plans = group.plans
    return len(plans.arrivals) if isinstance(plans, Rows) else len(plans)


def _poisson(workload: Workload, index: int, rate: float, rng: Random) -> Iterator[Start]:
    group = workload.groups[index]
    size = _size(group)
    now = 0
    mean = SECOND / rate
    for number in range(group.sessions):
        now += round(exponential(rng) * mean)
        yield Start(now, index, number % size)


def _order(workload: Workload) -> Iterator[tuple[int, int]]:
    """Interleave the groups evenly: always the one that is furthest behind its share."""
    sizes = [_size(group) for group in workload.groups]
    common = lcm(*(group.sessions for group in workload.groups))
    steps = [common // group.sessions for group in workload.groups]
    heap = [(step, index, 0) for index, step in enumerate(steps)]
    heapify(heap)
    while heap:
        behind, index, done = heap[0]
        yield index, done % sizes[index]
        if done + 1 < workload.groups[index].sessions:
            heapreplace(heap, (behind + 2 * steps[index], index, done + 1))
        else:
            heappop(heap)


def _spread(workload: Workload, span: int) -> Iterator[Start]:
    total = session_count(workload)
    for number, (group, plan) in enumerate(_order(workload)):
        yield Start(isqrt(span * span * number // total), group, plan)


def _recorded(workload: Workload, law: Recorded) -> Iterator[Start]:
    times = law.arrivals.times
    if len(workload.groups) == 1:
        size = _size(workload.groups[0])
        for number, moment in enumerate(times):
            yield Start(moment, 0, number % size)
        return
    bounds = list(accumulate(group.sessions for group in workload.groups))
    taken = [0] * len(bounds)
    # A golden-ratio walk visits the groups in proportion, the same way each time.
    for number, moment in enumerate(times):
        mark = (number * 0x9E3779B97F4A7C15 % (1 << 64)) * bounds[-1] >> 64
        index = next(i for i, bound in enumerate(bounds) if mark < bound)
        yield Start(moment, index, taken[index] % _size(workload.groups[index]))
        taken[index] += 1
