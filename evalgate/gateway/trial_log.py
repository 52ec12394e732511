"""What happens behind one session's URL during one trial."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from evalgate.gateway.cassette_index import CaseCassette, CassetteWriter
from evalgate.gateway.exchange import (
    AttemptLog,
    CallLog,
    Delivered,
    OddRequest,
    parse_object,
    retry_after,
)
from evalgate.gateway.miss import Miss
from evalgate.gateway.request_key import Prepared
from evalgate.gateway.tool_calls import ToolDesk, ToolRun
from evalgate.gateway.tool_faults import FaultScript
from evalgate.gateway.wire.errors import ProviderError, classify
from evalgate.gateway.wire.routes import Route
from evalgate.schema.cassette import CallPart

__all__ = ["Limit", "TrialLog"]

Clock = Callable[[], float]

_DIGITS = 4
"""Decimal places of times: a recording holds the same numbers as the trace made of it."""

_WORD_S = 0.001
"""Seconds of a trial that a word of its simulated user takes."""


@dataclass(frozen=True, slots=True)
class Limit:
    """The agent was stopped at its limit of calls a turn."""

    at: float
    """Seconds since the start of the trial."""
    calls: int
    """The limit."""


@dataclass(slots=True)
class TrialLog:
    """The calls of one trial, and the time it is."""

    case_id: str
    """The case."""
    trial: int
    """Number of the trial."""
    clock: Clock
    """Seconds that only grow."""
    started: float
    """When the trial started, on the clock."""
    recorded_times: bool
    """Whether a replayed response has the times of its recording."""
    frozen: bool
    """Whether nothing but recorded times counts, so that two replays are the same to the byte."""
    cassette: CaseCassette
    """What is recorded of the case."""
    recorded_trial: int
    """The recorded trial that is replayed."""
    writer: CassetteWriter | None = None
    """Where new responses are recorded; None where nothing is."""
    calls: list[CallLog] = field(default_factory=list)
    """In order of arrival."""
    odd: list[OddRequest] = field(default_factory=list)
    """Requests that are no calls."""
    desk: ToolDesk = field(default_factory=ToolDesk)
    """Calls of tools."""
    faults: FaultScript | None = None
    """What goes wrong with calls of tools; None: nothing is made to."""
    by_key: dict[str, list[CallLog]] = field(default_factory=dict)
    """Calls with equal requests."""
    served: Counter[str] = field(default_factory=Counter)
    """Responses used up, by key: the order of the next one."""
    turns: Counter[int] = field(default_factory=Counter)
    """LLM calls by the number of times a person had spoken."""
    latest: float = 0.0
    """The latest end of an attempt, seconds since the start of the trial."""
    shift: float = 0.0
    """Seconds by which recorded time is ahead of the clock."""
    miss: Miss | None = None
    """The first miss."""
    blocked: ProviderError | None = None
    """What every further call is answered with."""
    limit: Limit | None = None
    """Set when the loop limit was reached."""
    problems: list[str] = field(default_factory=list)
    """What went wrong on our side."""
    not_measured: str | None = None
    """Why the trial is no evidence, where that is no miss."""
    refused: int = 0
    """Requests that were refused before they were calls: the loop limit, an empty budget."""
    in_flight: int = 0
    """Requests that are being answered."""
    busy: float = 0.0
    """Seconds of the clock in which at least one was."""
    busy_since: float = 0.0
    """When the first of those in flight came, on the clock."""
    replayed: int = 0
    """Responses taken from the cassette."""
    live: int = 0
    """Responses of a real upstream."""
    part: CallPart = "agent"
    """Whose calls come here."""
    user: "TrialLog | None" = None
    """Calls of the simulated user that the agent talks to; None: it talks to none."""
    spoken: list[float] = field(default_factory=list)
    """When the simulated user spoke, seconds since the start of the trial."""

    def now(self) -> float:
        """Return the seconds since the start of the trial."""
        if self.frozen:
            return self.latest
        return max(0.0, round(self.clock() - self.started + self.shift, _DIGITS))

    def arrived(self) -> None:
        """A request has come: the agent waits for a model."""
        if self.in_flight == 0:
            self.busy_since = self.clock()
        self.in_flight += 1

    def answered(self) -> None:
        """A request has its answer, or is gone."""
        self.in_flight -= 1
        if self.in_flight == 0:
            self.busy += self.clock() - self.busy_since

    def waited(self) -> float:
        """Return the seconds of the clock in which at least one request was in flight."""
        return self.busy + (self.clock() - self.busy_since if self.in_flight else 0.0)

    def with_user(self) -> "TrialLog":
        """Open the log of a simulated user beside that of the agent; both share the recording."""
        self.user = TrialLog(
            case_id=self.case_id,
            trial=self.trial,
            clock=self.clock,
            started=self.started,
            recorded_times=self.recorded_times,
            frozen=self.frozen,
            cassette=self.cassette.user or CaseCassette(),
            recorded_trial=self.recorded_trial,
            writer=self.writer,
            not_measured=self.not_measured,
            shift=self.shift,
            part="user",
        )
        return self.user

    def user_spoke(self, waited: float) -> None:
        """Take the time of the user's model out of the agent's.

        Its word takes a moment of its own, so that what the agent did before it, and what it did
        after it, can be told apart, in a replay as in the recording.

        Args:
            waited: Seconds that the user's model took.
        """
        if self.frozen:
            self.latest = round(self.latest + _WORD_S / 2, _DIGITS)
        else:
            self.shift -= waited - _WORD_S
        self.spoken.append(self.now())
        if self.user is not None:
            self.user.shift = self.shift

    def begin(
        self, route: Route, prepared: Prepared, retry_count: int | None
    ) -> tuple[CallLog, AttemptLog]:
        """Log a request: a new call, or one more attempt at a call that failed."""
        attempt = AttemptLog(self.now(), retry_count)
        twins = self.by_key.setdefault(prepared.key, [])
        call = _call_to_retry(twins, retry_count)
        if call is None:
            call = CallLog(route, prepared, part=self.part)
            twins.append(call)
            self.calls.append(call)
            if route.wire.kind == "llm":
                self.turns[prepared.user_turns] += 1
        call.attempts.append(attempt)
        return call, attempt

    def calls_in_turn(self, call: CallLog) -> int:
        """Return how many LLM calls the turn of a call has, this one included."""
        return self.turns[call.prepared.user_turns]

    def due(self, call: CallLog) -> int:
        """Return which of the equal responses the latest attempt is due.

        A response that the agent did not wait for, or was not admitted to, is due again.
        """
        left = (a.order for a in call.attempts if a.order is not None and a.delivered is None)
        return next(left, self.served[call.prepared.key])

    def take(self, call: CallLog, order: int) -> None:
        """Give the response that is due to the latest attempt."""
        if order == self.served[call.prepared.key]:
            self.served[call.prepared.key] += 1
        for earlier in call.attempts:
            if earlier.order == order:
                earlier.order = None
        call.last.order = order

    def end_replayed(self, attempt: AttemptLog, sent: Delivered, start: float, end: float) -> None:
        """End an attempt with a recorded response and its recorded times."""
        if self.recorded_times:
            attempt.start, attempt.end = start, end
            self.shift = max(self.shift, end - (self.clock() - self.started))
        else:
            attempt.end = self.now()
        self.replayed += 1
        self._end(attempt, sent)

    def replay_tool(self, run: ToolRun, start: float, end: float) -> None:
        """End a call of a tool with its recorded times."""
        if self.recorded_times:
            run.start, run.end = start, end
            self.shift = max(self.shift, end - (self.clock() - self.started))
        else:
            run.end = self.now()
        self.latest = max(self.latest, run.end)
        self.replayed += 1

    def end_live(self, attempt: AttemptLog, sent: Delivered) -> None:
        """End an attempt with the response of an upstream, right before its last byte is sent."""
        attempt.end = self.now()
        self.live += 1
        self._end(attempt, sent)

    def _end(self, attempt: AttemptLog, sent: Delivered) -> None:
        attempt.delivered = sent
        attempt.status = sent.status
        attempt.error = sent.error
        attempt.hint = sent.hint
        self.latest = max(self.latest, attempt.end or 0.0)

    def end_refused(self, attempt: AttemptLog, error: ProviderError) -> None:
        """End an attempt with an error of the gateway's own."""
        attempt.end = self.now()
        attempt.status = error.status
        attempt.error = error.code
        attempt.hint = error.retry_after
        self.latest = max(self.latest, attempt.end)

    def end_rejected(
        self, attempt: AttemptLog, status: int, headers: dict[bytes, bytes], body: bytes
    ) -> None:
        """End an attempt that was not admitted; the recorded response is still due."""
        attempt.end = self.now()
        attempt.status = status
        attempt.error = classify(status, parse_object(body)) or "rejected"
        attempt.hint = retry_after(headers)
        self.latest = max(self.latest, attempt.end)

    def end_lost(self, attempt: AttemptLog, error: str) -> None:
        """End an attempt whose response the agent did not wait for."""
        if attempt.end is None:
            attempt.end = self.now()
            attempt.error = error
            self.latest = max(self.latest, attempt.end)

    def drop(self, call: CallLog) -> None:
        """Take back a call that was refused before it was one (the loop limit)."""
        self.calls.remove(call)
        self.by_key[call.prepared.key].remove(call)


def _call_to_retry(twins: list[CallLog], retry_count: int | None) -> CallLog | None:
    """Find the call that a request repeats: one that failed, or that the client gave up on."""
    for call in reversed(twins):
        if call.last.failed or (retry_count and call.last.end is None):
            return call
    return None
