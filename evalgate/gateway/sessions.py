"""Sessions: one URL a trial or a worker, and what became of each trial behind it."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from shlex import quote
from typing import Literal

from evalgate.errors import DataError
from evalgate.gateway.cassette_index import (
    NOTHING_RECORDED,
    CaseCassette,
    CassetteIndex,
    CassetteWriter,
)
from evalgate.gateway.exchange import AttemptLog, CallLog, Delivered
from evalgate.gateway.miss import Miss
from evalgate.gateway.recorded import call_entry
from evalgate.gateway.request_key import Matching
from evalgate.gateway.session import Session
from evalgate.gateway.steps import GatewayStep, build_steps
from evalgate.gateway.tool_faults import FaultScript
from evalgate.gateway.tool_rules import ToolRules
from evalgate.gateway.tool_steps import tool_summary, unmade
from evalgate.gateway.trial_log import TrialLog
from evalgate.gateway.wire.routes import Target
from evalgate.schema.base import Json
from evalgate.schema.trace import LlmCall
from evalgate.text.counts import number_of
from evalgate.text.redact import Redactor

__all__ = ["GatewaySettings", "Mode", "Outcome", "Session", "Sessions", "UserOutcome"]

Mode = Literal["record", "replay", "auto", "off"]
"""`record`: every call is live, and takes the place of what was recorded of the trial. `replay`:
no call is ever live. `auto`: recorded calls are replayed, the others are live and are recorded.
`off`: every call is live and nothing is recorded."""


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """How a gateway treats every session."""

    mode: Mode = "replay"
    """Whether calls are live, recorded, or replayed."""
    matching: Matching = field(default_factory=Matching)
    """What a request may differ in and still be the recorded one."""
    redactor: Redactor = field(default_factory=Redactor)
    """Replaces secrets before a byte is written."""
    loop_limit: int | None = None
    """LLM calls a turn after which the agent is stopped; None: no limit."""
    real_time: bool = False
    """Whether replayed calls have the times of the clock (a stress check) and not the recorded."""
    tools: ToolRules = field(default_factory=ToolRules)
    """What tools do."""
    services: Mapping[str, Literal["http", "mcp"]] = field(default_factory=dict)
    """HTTP services and MCP servers, by name."""
    served_by: Mapping[Target, str] = field(default_factory=dict)
    """Who serves a protocol that is another provider's, e.g. Mistral behind OpenAI's."""
    faults: Callable[[str, int], FaultScript | None] | None = None
    """Returns the faults of a trial that begins: case, number; None: there are none."""
    rerecord: str = "evalgate run --record-missing --case {case_id}"
    """The command that records a case again; `{case_id}` is replaced."""


@dataclass(frozen=True, slots=True)
class UserOutcome:
    """What the gateway saw of a simulated user; nothing of it is the agent's."""

    calls: tuple[LlmCall, ...]
    """The calls of its model, without the messages sent."""
    spoken: tuple[float, ...]
    """When it spoke, seconds since the start of the trial."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the gateway saw of one trial."""

    steps: tuple[GatewayStep, ...]
    """The steps, in order of time."""
    status: Literal["loop_limit", "not_measured"] | None = None
    """What the trial's status must be whatever the agent says; None: nothing to object."""
    error: str | None = None
    """Why."""
    miss: Miss | None = None
    """The first request that was not recorded."""
    duration: float | None = None
    """Seconds the recorded trial took; None where it was not replayed to a recorded end."""
    recording: str | None = None
    """Digest of the trial's recording, replayed or made; None where nothing is recorded of it."""
    served: frozenset[tuple[str, int]] = frozenset()
    """Keys and orders of the recorded responses that were given."""
    requests: int = 0
    """Requests that came, whatever was answered."""
    waited: float = 0.0
    """Seconds of the clock in which at least one request was in flight."""
    replayed: int = 0
    """Responses that came from the cassette."""
    live: int = 0
    """Responses that came from an upstream."""
    problems: tuple[str, ...] = ()
    """What went wrong on our side, e.g. a recording that could not be written."""
    unmade: str | None = None
    """Recorded calls of tools that a replay did not make; None: it made all of them."""
    final_state: dict[str, Json] | None = None
    """State of the mocks; None: there is none."""
    tools: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What became of calls of tools: names by `live`, `replayed`, `mocked`, `refused`, ..."""
    user: UserOutcome | None = None
    """The simulated user; None: nobody asked it."""


class Sessions:
    """The URLs that are open, and the trial behind each."""

    def __init__(
        self,
        settings: GatewaySettings,
        shelf: CassetteIndex | None,
        *,
        clock: Callable[[], float],
        token: Callable[[], str] = lambda: secrets.token_urlsafe(18),
    ) -> None:
        """Open nothing yet.

        Args:
            settings: How every session is treated.
            shelf: The cassettes; None is allowed in mode `off` only.
            clock: Seconds that only grow.
            token: Makes a text that nobody can guess.

        Raises:
            ValueError: There is no shelf though the mode needs one.
        """
        if shelf is None and settings.mode != "off":
            raise ValueError(f"mode {settings.mode!r} needs a shelf of cassettes")
        self.settings = settings
        self._shelf = shelf
        self._clock = clock
        self._token = token
        self._trials: dict[str, TrialLog | None] = {}
        self._users: dict[str, str] = {}
        self.on_end: list[Callable[[str], None]] = []
        """Are told the token of each trial that ends."""

    def open(
        self,
        case_id: str,
        trial: int = 0,
        *,
        case_digest: str | None = None,
        recorded_trial: int | None = None,
        state: Json = None,
    ) -> Session:
        """Hand out a URL for one trial.

        Args:
            case_id: The case.
            trial: Number of the trial, from 0.
            case_digest: Digest of what the case gives to the agent; a cassette that was recorded
                for another one is not used. None: not checked.
            recorded_trial: The recorded trial to replay; None: the one of the same number.
            state: What the mocks of the trial start from.

        Raises:
            DataError: Nothing can be recorded in the folder.
        """
        session = Session(self._token())
        self._trials[session.token] = None
        self.switch(
            session,
            case_id,
            trial,
            case_digest=case_digest,
            recorded_trial=recorded_trial,
            state=state,
        )
        return session

    def open_worker(self) -> Session:
        """Hand out a URL that stays while trials come and go; `switch` says which is on."""
        session = Session(self._token(), worker=True)
        self._trials[session.token] = None
        return session

    def switch(
        self,
        session: Session,
        case_id: str,
        trial: int = 0,
        *,
        case_digest: str | None = None,
        recorded_trial: int | None = None,
        state: Json = None,
    ) -> None:
        """Put a trial behind a worker's URL. Arguments and errors as for `open`.

        Raises:
            ValueError: The URL was never handed out, or its last trial is still open.
        """
        if session.token not in self._trials:
            raise ValueError("the session was never opened, or is released")
        if self._trials[session.token] is not None:
            raise ValueError("the session's last trial is still open")
        replays = self.settings.mode in {"replay", "auto"}
        cassette = self._cassette(case_id) if replays else CaseCassette()
        log = TrialLog(
            case_id=case_id,
            trial=trial,
            clock=self._clock,
            started=self._clock(),
            recorded_times=not self.settings.real_time,
            frozen=self.settings.mode == "replay" and not self.settings.real_time,
            cassette=CaseCassette() if isinstance(cassette, DataError) else cassette,
            recorded_trial=trial if recorded_trial is None else recorded_trial,
        )
        log.desk.state = state
        if self.settings.faults is not None:
            log.faults = self.settings.faults(case_id, trial)
        log.not_measured = _unusable(cassette, case_id, case_digest)
        log.writer = self._writer(case_id, trial, case_digest)
        self._trials[session.token] = log

    def open_user(self, session: Session) -> Session:
        """Hand out a URL for the simulated user of a trial; its calls are none of the agent's.

        Raises:
            ValueError: There is no trial behind the URL.
        """
        log = self._open_log(session)
        user = Session(self._token())
        self._trials[user.token] = log.with_user()
        self._users[session.token] = user.token
        return user

    def user_spoke(self, session: Session, waited: float) -> None:
        """Take the time of the user's model out of a trial's; `waited` is in seconds.

        Raises:
            ValueError: There is no trial behind the URL.
        """
        self._open_log(session).user_spoke(waited)

    def _open_log(self, session: Session) -> TrialLog:
        log = self._trials.get(session.token)
        if log is None:
            raise ValueError("the session has no open trial")
        return log

    def _cassette(self, case_id: str) -> CaseCassette | DataError:
        return CaseCassette() if self._shelf is None else self._shelf.cassette(case_id)

    def _writer(self, case_id: str, trial: int, case_digest: str | None) -> CassetteWriter | None:
        mode = self.settings.mode
        if self._shelf is None or mode not in {"record", "auto"}:
            return None
        unique = secrets.token_hex(6)
        how: Literal["record", "auto"] = "record" if mode == "record" else "auto"
        return self._shelf.record(case_id, trial, unique=unique, case_digest=case_digest, how=how)

    def refuse_direct(self, token: str, host: str) -> None:
        """Note a call that went past the gateway and was refused: the trial is no evidence."""
        log = self._trials.get(token)
        if log is not None and log.not_measured is None:
            log.not_measured = (
                f"the agent called {host} directly, past the gateway, and was refused; let its "
                "client use the base URL of the environment (OPENAI_BASE_URL, ANTHROPIC_BASE_URL)"
            )

    def is_known(self, token: str) -> bool:
        """Whether a token was handed out and not released."""
        return token in self._trials

    def trial(self, token: str) -> TrialLog | None:
        """Return the trial behind a token; None where there is none at the moment."""
        return self._trials.get(token)

    def close(self, session: Session, *, duration: float | None = None) -> Outcome:
        """End the trial behind a URL; a worker's URL stays until it is released.

        Args:
            session: Whose trial.
            duration: Seconds it took; recorded, so that a replay reports the same. None: it did
                not come to its end.

        Raises:
            ValueError: There is no trial behind the URL.
        """
        log = self._end(session)
        self._save(log, duration)
        return self._outcome(log)

    def discard(self, session: Session) -> Outcome:
        """End a trial that was interrupted: as `close`, but what was recorded before it stays.

        Raises:
            ValueError: There is no trial behind the URL.
        """
        log = self._end(session)
        if log.writer is not None:
            log.writer.abandon()
        return self._outcome(log)

    def _end(self, session: Session) -> TrialLog:
        log = self._open_log(session)
        self._trials[session.token] = None
        self._trials.pop(self._users.pop(session.token, ""), None)
        for told in self.on_end:
            told(session.token)
        if not session.worker:
            self.release(session)
        for part in _parts(log):
            for call in part.calls:
                for attempt in call.attempts:
                    self.left(part, call, attempt, "unfinished")
        return log

    def release(self, session: Session) -> None:
        """Take a URL back; from now on it gets 401."""
        self._trials.pop(session.token, None)

    def _save(self, log: TrialLog, duration: float | None) -> None:
        if log.writer is None:
            return
        lost = sum(len(call.pending) for part in _parts(log) for call in part.calls)
        if lost:
            log.problems.append(f"{lost} failed responses were not recorded: no success followed")
        try:
            log.writer.finish(log.trial, None if duration is None else round(duration, 4))
        except DataError as error:
            log.problems.append(str(error))
        if log.writer.marked:
            log.problems.append(
                f"case {log.case_id!r}: what looks like a secret was taken out of "
                f"{number_of(log.writer.marked, 'recorded response')}; a replay gives the agent "
                "[redacted:...] in its place, and may score otherwise"
            )
        if self._shelf is not None:
            self._shelf.forget(log.case_id)

    def _outcome(self, log: TrialLog) -> Outcome:
        steps = build_steps(log.calls, log.odd, log.limit, log.desk.runs)
        status, error = _verdict(log)
        replays_all = log.frozen and status is None
        return Outcome(
            steps=steps,
            status=status,
            error=error,
            miss=log.miss,
            duration=log.cassette.durations.get(log.recorded_trial) if replays_all else None,
            recording=None if self._shelf is None else self._recording(log, self._shelf),
            served=frozenset(
                (call.prepared.key, attempt.order)
                for part in _parts(log)
                for call in part.calls
                for attempt in call.attempts
                if attempt.order is not None
            )
            | {(run.prepared.key, run.order) for run in log.desk.runs if run.order is not None},
            requests=sum(len(call.attempts) for call in log.calls) + len(log.odd) + log.refused,
            waited=log.waited(),
            replayed=sum(part.replayed for part in _parts(log)),
            live=sum(part.live for part in _parts(log)),
            problems=(*(p for part in _parts(log) for p in part.problems), *log.desk.undeclared),
            unmade=self._unmade(log),
            final_state=log.desk.state if isinstance(log.desk.state, dict) else None,
            tools=tool_summary(log.desk.runs),
            user=None if log.user is None else _user_outcome(log.user, log.spoken),
        )

    def _unmade(self, log: TrialLog) -> str | None:
        if self.settings.mode != "replay" or log.faults is not None:
            return None
        answers = log.cassette.tools.get(log.recorded_trial, {})
        command = self.settings.rerecord.format(case_id=quote(log.case_id))
        return unmade(answers, log.desk, self.settings.tools, command)

    def _recording(self, log: TrialLog, shelf: CassetteIndex) -> str | None:
        """Fingerprint what the trial rests on: nothing, where it made no call."""
        if self.settings.mode == "replay":
            return log.cassette.recordings.get(log.recorded_trial, NOTHING_RECORDED)
        return None if self.settings.mode == "off" else shelf.digest(log.case_id, log.trial)

    def finished(self, log: TrialLog, call: CallLog, attempt: AttemptLog, sent: Delivered) -> None:
        """End a live attempt and record it; called right before its last byte is sent.

        An agent that has its answer may end the trial at once, so nothing may be left to do.
        """
        if attempt.end is None:
            log.end_live(attempt, sent)
            self.record(log, call, attempt)

    def left(self, log: TrialLog, call: CallLog, attempt: AttemptLog, error: str) -> None:
        """End an attempt whose agent went away; what it had got of a stream is recorded."""
        if attempt.end is not None:
            return
        if attempt.partial is None:
            log.end_lost(attempt, error)
            return
        sent = attempt.partial()
        left = (b"x-evalgate-error", b"disconnected")
        self.finished(log, call, attempt, replace(sent, headers=(*sent.headers, left), cut=True))

    def record(self, log: TrialLog, call: CallLog, attempt: AttemptLog) -> None:
        """Record a live response, with the failures that came before it.

        A passing failure (429, 5xx, a cut stream) is kept back until the same call succeeds: a
        cassette never holds an outage as the whole answer, and a replay still sees each attempt.
        Nothing is recorded of a refused key or an empty account.
        """
        if log.writer is None or attempt.delivered is None or _is_about_the_account(attempt):
            return
        if _passes(attempt):
            call.pending.append(attempt)
            return
        for ready in (*call.pending, attempt):
            order = log.served[call.prepared.key]
            log.served[call.prepared.key] += 1
            ready.order = order
            redactor = self.settings.redactor
            log.writer.append(partial(call_entry, log.trial, call, ready, order, redactor))
        call.pending.clear()


def _parts(log: TrialLog) -> tuple[TrialLog, ...]:
    """Return the log of the agent, and that of the simulated user where there is one."""
    return (log,) if log.user is None else (log, log.user)


def _user_outcome(log: TrialLog, spoken: Sequence[float]) -> UserOutcome:
    steps = build_steps(log.calls, (), None)
    calls = (step.model_copy(update={"input": None}) for step in steps if step.kind == "llm_call")
    return UserOutcome(tuple(calls), tuple(spoken))


def _passes(attempt: AttemptLog) -> bool:
    return attempt.error in {
        "throttled",
        "overloaded",
        "timeout",
        "server_error",
        "cut_stream",
        "upstream_unreachable",
        "upstream_timeout",
        "upstream_not_json",
        "upstream_too_large",
    }


def _is_about_the_account(attempt: AttemptLog) -> bool:
    return attempt.error in {"auth", "quota_exhausted", "no_upstream"}


def _unusable(
    cassette: CaseCassette | DataError, case_id: str, case_digest: str | None
) -> str | None:
    if isinstance(cassette, DataError):
        return str(cassette)
    if cassette.case_digest and case_digest and cassette.case_digest != case_digest:
        return (
            f"the cassette of case {case_id!r} was recorded for another case of that name, or for "
            "an older version of it; record it again"
        )
    return None


def _verdict(log: TrialLog) -> tuple[Literal["loop_limit", "not_measured"] | None, str | None]:
    for part in _parts(log):
        if part.not_measured is not None:
            return "not_measured", part.not_measured
        if part.miss is not None:
            return "not_measured", str(part.miss)
    if log.limit is not None:
        return "loop_limit", f"loop limit: more than {log.limit.calls} LLM calls in one turn"
    return None, None
