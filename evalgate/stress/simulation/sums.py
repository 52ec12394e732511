"""Adding a run up: what the event loop counts by the call and leaves to the end."""

from collections.abc import Sequence

from evalgate.quota.quota import Quota
from evalgate.stress.simulation.outcome import Counts, Series
from evalgate.stress.simulation.retry import RetryPolicy
from evalgate.stress.simulation.script import Cost, LiveCall, Script


class Charged:
    """What was admitted in all: charge by dimension, and nanoseconds in flight."""

    __slots__ = ("busy", "charges", "columns", "first")

    def __init__(self, quota: Quota, series: Series) -> None:
        """Start with nothing.

        Args:
            quota: Its limits; those on tokens come last.
            series: Gets a column for each limit on tokens.
        """
        names = [d.name for d in quota.dimensions if d.name != "requests"]
        self.charges = [0] * len(quota.dimensions)
        self.busy = 0
        self.columns = tuple(series.column_of(name) for name in names)
        self.first = len(quota.dimensions) - len(names)

    def spend(self, cost: Cost, place: int) -> None:
        """Add what an admitted call was charged in tokens to the bin of its moment."""
        counted = cost.counted
        for index, column in enumerate(self.columns, self.first):
            column[place] += counted[index]

    def add(self, cost: Cost, times: int) -> None:
        """Add an admitted call, so many times."""
        for index, charge in enumerate(cost.counted):
            self.charges[index] += charge * times
        self.busy += cost.duration * times


def note_sessions(counts: Counts, script: Script, times: int) -> None:
    """Count sessions that came."""
    counts.sessions += times
    counts.planned += times * script.calls
    counts.ideal.add(script.ideal, times)


def note_script(counts: Counts, charged: Charged, script: Script) -> None:
    """Count everything a script kept to itself."""
    note_sessions(counts, script, script.arrived)
    for _, costs in script.stages:
        for cost in costs:
            charged.add(cost, cost.admitted)
    times, lone = script.straight, script.single
    if times and lone is not None:
        counts.attempts += times
        counts.succeeded += times
        counts.finished += times
        counts.useful += times
        counts.completion.add(script.ideal, times)
        charged.add(lone, times)


def note_retries(call: LiveCall) -> None:
    """Count a call that ended by the retries it needed."""
    if call.most:
        retries = call.session.counts.retries
        retries[call.most] = retries.get(call.most, 0) + 1


def tidy(groups: Sequence[Counts], alone: RetryPolicy | None) -> None:
    """Finish the sums of each group.

    Args:
        groups: Counts whose `attempts` lack the refused ones.
        alone: The only retry layer, where its retries were not counted one by one.
    """
    for counts in groups:
        counts.throttled = sum(counts.throttles.values())
        counts.attempts += counts.throttled
        if alone is not None:
            counts.by_layer[alone.name] = counts.attempts - counts.calls
        counts.throttles = {cause: n for cause, n in counts.throttles.items() if n}
        counts.by_layer = {name: n for name, n in counts.by_layer.items() if n}
