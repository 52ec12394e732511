"""The discrete-event loop on virtual time. Use it through `simulate`.

Nothing here reads a clock, and all chance comes from generators that are handed in. What happens
at one moment is served in an order that is drawn, as nobody knows how a server orders it; a seed
fixes every byte. Events of one moment share a list: retries that obey one hint come back together.
"""

from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import islice
from typing import Any

from evalgate.quota.quota import NO_HINT, attempt_on, new_state
from evalgate.quota.units import MILLISECOND, SECOND
from evalgate.stress.load.workload import Closed, Rows, Start, Workload, row_plan
from evalgate.stress.simulation.admission import Governor, leave
from evalgate.stress.simulation.causes import CAUSES, Cause
from evalgate.stress.simulation.in_flight import (
    CAUSE_OF,
    Answer,
    Wake,
    done,
    drain,
    send_watched,
    wait_in_line,
)
from evalgate.stress.simulation.outcome import Counts, Series
from evalgate.stress.simulation.retry import RetryPolicy, after_failure, budget_allows, delay
from evalgate.stress.simulation.rules import Dice, Rules
from evalgate.stress.simulation.script import Cost, LiveCall, Script, SimulatedSession
from evalgate.stress.simulation.sums import Charged, note_retries, note_script, note_sessions, tidy

_STEPS = {"exact": 1, "ms": MILLISECOND, "seconds": SECOND, "date": SECOND, "none": 0}
"""Resolution of the hint in nanoseconds; 0: there is none."""
_NEVER = 1 << 200
"""Later than anything that happens."""


class Engine:
    """All state of one run."""

    def __init__(self, workload: Workload, rules: Rules, dice: Dice) -> None:
        """Set everything to the moment before the first arrival."""
        quota, gate = rules.quota, rules.admission
        self.workload, self.rules = workload, rules
        self.jitter, self.chance, self.shuffle = dice.jitter, dice.faults, dice.ties.shuffle
        self.state = new_state(quota, rules.window_start)
        self.attempt = attempt_on(self.state)
        self.step = _STEPS[quota.hint]
        self.dated = quota.hint == "date"
        # One plain layer: what `failed` and `_wait` keep book of follows from its retries.
        self.stacks = rules.stacks
        first = self.stacks[0]
        alike = all(stack == first for stack in self.stacks)
        plain = alike and len(first) == 1 and rules.budget is None and gate is None
        self.alone = first[0] if plain and not first[0].requeues else None
        self.counts = [
            Counts(throttles=dict.fromkeys(CAUSES, 0), by_layer={p.name: 0 for p in stack})
            for stack in self.stacks
        ]
        self.series = Series()
        self.charged = Charged(quota, self.series)
        self.now = self.place = self.calls = self.retries = 0
        self.scripts: list[dict[int, Script]] = [{} for _ in workload.groups]
        self.times: list[int] = []
        self.slots: dict[int, list[Any]] = {}
        self.queued: Iterator[Start] | None = None
        self.first_arrival = self.last_arrival = self.last_admission = self.last_end = 0
        self.last_refusal: int | None = None
        self.wake: int | None = None
        ranks = [group.rank for group in workload.groups]
        critical = any(group.critical for group in workload.groups)
        self.governor = None if gate is None else Governor(gate, quota, ranks, critical=critical)
        self.faulty = bool(rules.faults.rates or rules.faults.slow_rate)
        settles = quota.settles and quota.charge != "actual"
        # Without any of these an answer brings nothing but the next step.
        watched = settles or quota.max_concurrency or self.faulty or rules.horizon is not None
        self.direct = not (watched or gate)
        # Rows are used once each: what they cost is added at once and nothing is kept.
        self.rows = any(isinstance(group.plans, Rows) for group in workload.groups)

    def run(self, arrivals: Iterator[Start]) -> None:
        """Play until nothing is left to do, or the horizon is reached."""
        law = self.workload.law
        if isinstance(law, Closed):
            self.queued = arrivals
            arrivals = iter(list(islice(arrivals, law.users)))
        times = self.times
        horizon = _NEVER if self.rules.horizon is None else self.rules.horizon
        coming = next(arrivals, None)
        self.first_arrival = 0 if coming is None else coming.time
        while True:
            if coming is not None and (not times or coming.time <= times[0]):
                now = coming.time
                if now > horizon:
                    return
                later = next(arrivals, None)
                if (later is None or later.time > now) and (not times or times[0] > now):
                    self._advance(now)
                    self._arrive(coming, now)
                else:
                    self.push(now, coming)
                coming = later
            elif times and times[0] <= horizon:
                self._moment(heappop(times))
            else:
                return

    def _moment(self, now: int) -> None:
        """Serve what happens at one moment, in an order that is drawn."""
        self._advance(now)
        slot = self.slots[now]
        if len(slot) > 1:
            self.shuffle(slot)
        # The list grows while it is walked: what arises now is served now.
        for item in slot:
            kind = type(item)
            if kind is LiveCall:
                self._again(item, now)
            elif kind is SimulatedSession:
                self._stage(item, now)
            elif kind is Start:
                self._arrive(item, now)
            else:
                self._rarer(item, now)
        del self.slots[now]

    def _advance(self, now: int) -> None:
        self.now = now
        self.place = now // self.series.width
        if self.place >= self.series.size:
            self.place = self.series.place(now)

    def _rarer(self, item: Answer | Wake, now: int) -> None:
        if isinstance(item, Answer):
            done(self, item, now)
        elif self.governor is not None:
            self.wake = None
            drain(self, self.governor, now)

    def push(self, time: int, item: object) -> None:
        """Let something happen at a moment: a retry, a stage, an answer, an arrival."""
        slot = self.slots.get(time)
        if slot is None:
            self.slots[time] = [item]
            heappush(self.times, time)
        else:
            slot.append(item)

    def _arrive(self, start: Start, now: int) -> None:
        self.last_arrival = now
        script = self.scripts[start.group].get(start.plan) or self._script(start)
        script.arrived += 1
        counts = self.counts[start.group]
        cost = script.single
        if cost is None or not self.direct:
            self._next_stage(SimulatedSession(script, start.group, counts, now), now)
            return
        # A lone call that is admitted at once needs no session of its own.
        self.calls += 1
        counts.calls += 1
        wait = self.attempt(cost.charges, now)
        if wait:
            session = SimulatedSession(script, start.group, counts, now)
            session.stage, session.open = 0, 1
            call = LiveCall(session, cost, len(self.stacks[start.group]))
            call.offered = True
            self.refused(call, wait, now)
        elif self.rows or self.queued is not None:
            self.admitted(cost, counts, now)
            counts.succeeded += 1
            self._finished(counts, script, now, now + script.ideal)
        else:
            script.straight += 1
            self.last_admission = now
            self.series.admitted[self.place] += 1
            if self.charged.columns:
                self.charged.spend(cost, self.place)
            if script.ideal:
                self._note_end(now + script.ideal)
            else:
                self.last_end = now if now > self.last_end else self.last_end  # noqa: FURB136  hot
                self.series.finished[self.place] += 1

    def _script(self, start: Start) -> Script:
        """Work a plan out when its first session comes."""
        quota = self.rules.quota
        plans = self.workload.groups[start.group].plans
        if isinstance(plans, Rows):
            script = Script(row_plan(plans, start.plan), quota)
            note_sessions(self.counts[start.group], script, 1)
            return script
        script = self.scripts[start.group][start.plan] = Script(plans[start.plan], quota)
        return script

    def _next_stage(self, session: SimulatedSession, now: int) -> None:
        """Go to the next stage after its gap, or end the session after its tail."""
        session.stage += 1
        script = session.script
        if session.stage == len(script.stages):
            if not script.tail:
                self._finished(session.counts, script, session.start, now)
            else:
                self.push(now + script.tail, Answer(session, None, None))
            return
        gap = script.stages[session.stage][0]
        if gap:
            self.push(now + gap, session)
        else:
            self._stage(session, now)

    def _stage(self, session: SimulatedSession, now: int) -> None:
        costs = session.script.stages[session.stage][1]
        session.open = len(costs)
        layers = len(self.stacks[session.group])
        calls = [LiveCall(session, cost, layers) for cost in costs]
        if len(calls) > 1 and sum(not call.cost.offset for call in calls) > 1:
            self.shuffle(calls)
        if self.governor is not None:
            session.calls = calls
        for call in calls:
            if call.cost.offset:
                self.push(now + call.cost.offset, call)
            else:
                self._again(call, now)

    def _again(self, call: LiveCall, now: int) -> None:
        """Make an attempt, the first or another one."""
        session = call.session
        if not call.offered:
            if session.dead:
                return
            call.offered = True
            session.counts.calls += 1
            self.calls += 1
        elif session.dead:
            self.cancel(call)
            return
        if call.layer is not None:
            session.counts.by_layer[call.layer] += 1
            call.layer = None
        cost = call.cost
        if not self.direct:
            if self.governor is None or not cost.fits:
                send_watched(self, call, now)
            else:
                wait_in_line(self, self.governor, call, now)
            return
        wait = self.attempt(cost.charges, now) if cost.fits else NO_HINT
        if wait:
            self.refused(call, wait, now)
            return
        self.admitted(cost, session.counts, now)
        if session.open == 1:
            session.counts.succeeded += 1
            note_retries(call)
            self._go_on_at(session, now + cost.duration)
        else:
            self.push(now + cost.duration, Answer(session, call, None))

    def _go_on_at(self, session: SimulatedSession, at: int) -> None:
        """Go on at a moment without an event of its own for the answer."""
        script = session.script
        session.stage += 1
        if session.stage == len(script.stages):
            self._finished(session.counts, script, session.start, at + script.tail)
        else:
            self.push(at + script.stages[session.stage][0], session)

    def admitted(self, cost: Cost, counts: Counts, now: int) -> None:
        """Count an admitted attempt."""
        self.last_admission = now
        counts.attempts += 1
        if self.rows:
            self.charged.add(cost, 1)
        else:
            cost.admitted += 1
        self.series.admitted[self.place] += 1
        if self.charged.columns:
            self.charged.spend(cost, self.place)

    def refused(self, call: LiveCall, wait: int, now: int) -> None:
        """Let the client decide on an attempt that the quota refused."""
        self.last_refusal = now
        self.series.throttled[self.place] += 1
        cause: Cause = "never_fits"
        if call.cost.fits:
            cause = CAUSE_OF[self.state.binding]
        elif self.state.requests is not None:
            self.state.requests.waste(1, now)
        counts = call.session.counts
        counts.throttles[cause] += 1
        step = self.step
        hint: int | None = wait
        if wait == NO_HINT or not step:
            hint = None
        elif self.dated:
            hint = -(-(now + wait) // SECOND) * SECOND - now
        elif wait % step:
            hint = -(-wait // step) * step
        policy = self.alone
        if policy is None:
            self.failed(call, cause, hint, now)
            return
        # The one-layer case of `failed`, without its general machinery.
        again = delay(policy, cause, call.tries[0], hint, self.jitter)
        if again is None:
            self.give_up(call, cause, now)
            return
        call.most = call.tries[0] = call.tries[0] + 1
        now += again
        slot = self.slots.get(now)
        if slot is None:
            self.slots[now] = [call]
            heappush(self.times, now)
        else:
            slot.append(call)

    def failed(self, call: LiveCall, cause: Cause, hint: int | None, now: int) -> None:
        """Let the client's layers decide on a failed attempt."""
        rules = self.rules
        if call.session.dead:
            self.cancel(call)
            return
        stack = self.stacks[call.session.group]
        decision = after_failure(stack, call.tries, cause, hint, self.jitter)
        if decision is None or not budget_allows(rules.budget, self.calls, self.retries):
            self.give_up(call, cause, now)
        else:
            self._wait(call, stack[decision[1]], now + decision[0])

    def _wait(self, call: LiveCall, layer: RetryPolicy, until: int) -> None:
        call.layer = layer.name
        self.retries += 1
        if layer.requeues:
            call.retries = 0
        else:
            call.retries += 1
            call.most = max(call.most, call.retries)
        slot = self.slots.get(until)
        if slot is None:
            self.slots[until] = [call]
            heappush(self.times, until)
        else:
            slot.append(call)

    def give_up(self, call: LiveCall, cause: Cause, now: int) -> None:
        """End a call that failed; its session dies with it."""
        session = call.session
        counts = session.counts
        if cause == "never_fits":
            counts.never_fits += 1
        elif cause in ("queue_timeout", "queue_full"):
            counts.abandoned += 1
        else:
            counts.exhausted += 1
        counts.causes[cause] = counts.causes.get(cause, 0) + 1
        note_retries(call)
        session.dead = True
        for other in session.calls:
            if other is not call and other.ticket is not None and other.ticket.reservation is None:
                if self.governor is not None:
                    leave(self.governor, other.ticket)
                self.cancel(other)
        self._over(now)

    def cancel(self, call: LiveCall) -> None:
        """Drop a call whose session died of another one."""
        call.session.counts.cancelled += 1
        note_retries(call)

    def answered(self, session: SimulatedSession, call: LiveCall | None, now: int) -> None:
        """Go on after an answer, or (no call) after the tail."""
        if call is None:
            self._finished(session.counts, session.script, session.start, now)
            return
        session.counts.succeeded += 1
        note_retries(call)
        session.open -= 1
        if not session.open and not session.dead:
            self._next_stage(session, now)

    def _finished(self, counts: Counts, script: Script, start: int, now: int) -> None:
        counts.finished += 1
        counts.useful += script.calls
        counts.completion.add(now - start)
        self._note_end(now)
        self._over(now)

    def _note_end(self, now: int) -> None:
        series = self.series
        place = now // series.width
        if place >= series.size:
            place = series.place(now)
            self._advance(self.now)
        series.finished[place] += 1
        self.last_end = max(self.last_end, now)

    def _over(self, now: int) -> None:
        """In a closed loop the next session takes the place of one that ended."""
        self.last_end = max(self.last_end, now)
        if self.queued is not None:
            start = next(self.queued, None)
            if start is not None:
                self.push(now, start)

    def close(self) -> None:
        """Finish the sums once the run is over."""
        for counts, scripts in zip(self.counts, self.scripts, strict=True):
            for script in scripts.values():
                note_script(counts, self.charged, script)
        tidy(self.counts, self.alone)
