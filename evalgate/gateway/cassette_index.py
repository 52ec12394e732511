"""The cassettes of one folder, as the gateway uses them: answers by key, and recordings."""

import gc
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Final, Literal, TypeVar

from pydantic_core import from_json, to_json

from evalgate.errors import DataError
from evalgate.gateway.exchange import Delivered
from evalgate.gateway.miss import RecordedRequest
from evalgate.gateway.recorded import delivered
from evalgate.gateway.request_key import Known, Spelling, Veiled, spelling, veil
from evalgate.gateway.tool_calls import ToolAnswer, tool_answer
from evalgate.gateway.wire.routes import WIRES
from evalgate.schema.cassette import CallEntry, CassetteHeader, ToolEntry, TrialEntry
from evalgate.store.cassettes import (
    Cassette,
    Recording,
    cassette_digests,
    cassette_path,
    read_cassette,
    recording_digests,
    rewritten,
)
from evalgate.store.plain import read_plain
from evalgate.text.redact import holds_mark

_Answers = TypeVar("_Answers")

NOTHING_RECORDED: Final = "none"
"""Stands for the recording of a trial of which no model call is recorded."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One recorded response, its bytes ready to be sent."""

    start: float
    """Seconds from the start of the recorded trial to the request."""
    end: float
    """Seconds from the start of the recorded trial to the last byte."""
    spelt: bytes
    """The canonical request as JSON."""
    delivered: Delivered


@dataclass(frozen=True, slots=True)
class CaseCassette:
    """All recorded responses of one case."""

    answers: dict[int, dict[str, tuple[Answer, ...]]] = field(default_factory=dict)
    """By trial, by key, in their order."""
    known: dict[int, dict[Spelling, Known]] = field(default_factory=dict)
    """Recorded requests, by trial and spelling."""
    veiled: dict[int, tuple[Veiled, ...]] = field(default_factory=dict)
    """Recorded requests of which a part was taken out, by trial."""
    durations: dict[int, float] = field(default_factory=dict)
    """Seconds each trial took, of those that were recorded to their end."""
    recordings: Mapping[int, str] = field(default_factory=dict)
    """Digest of what is recorded of each trial."""
    case_digest: str | None = None
    """Digest of what the case gave to the agent."""
    warnings: tuple[str, ...] = ()
    """What was left out when it was read."""
    tools: dict[int, dict[str, tuple[ToolAnswer, ...]]] = field(default_factory=dict)
    """Recorded calls of tools, by trial, by key, in their order."""
    user: "CaseCassette | None" = None
    """Recorded responses to the simulated user; null: there are none."""

    def recorded_tools(self) -> Iterator[RecordedRequest]:
        """Read every recorded call of a tool."""
        for trial, keys in self.tools.items():
            for answers in keys.values():
                for order, answer in enumerate(answers):
                    yield RecordedRequest(trial, order, answer.request)

    def recorded(self) -> Iterator[RecordedRequest]:
        """Read every recorded request."""
        for trial, keys in self.answers.items():
            for answers in keys.values():
                for order, answer in enumerate(answers):
                    yield RecordedRequest(trial, order, from_json(answer.spelt))

    def __len__(self) -> int:
        """Return how many responses are recorded."""
        return sum(len(a) for keys in self.answers.values() for a in keys.values())

    def find(self, trial: int, key: str, order: int) -> Answer | None:
        """Return the response to the `order`-th equal request of a trial, if there is one."""
        answers = self.answers.get(trial, {}).get(key, ())
        return answers[order] if order < len(answers) else None


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep the cycle collector from walking, again and again, data that has no cycles.

    Reading makes and drops some hundred objects a line; without this a third of the time goes
    into looking for garbage among them.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def make_cassette(cassette: Cassette, source: str) -> CaseCassette:
    """Make the responses of a cassette ready to be sent.

    Args:
        cassette: What was read.
        source: Name of its file, for messages.

    Raises:
        DataError: A line is of a protocol that is not known here.
    """
    part = _part([call for call in cassette.calls if call.part == "agent"], source)
    users = [call for call in cassette.calls if call.part == "user"]
    tools: dict[int, dict[str, list[ToolAnswer]]] = {}
    for call in sorted(cassette.tools, key=lambda call: call.order):
        given = tool_answer(call)
        tools.setdefault(call.trial, {}).setdefault(call.key, []).append(given)
        hidden = veil(given.spelt, call.key)
        if hidden is not None and hidden not in part.veiled.get(call.trial, ()):
            part.veiled[call.trial] = (*part.veiled.get(call.trial, ()), hidden)
    return replace(
        part,
        durations={trial.trial: trial.duration for trial in cassette.trials},
        recordings=cassette.recordings,
        case_digest=cassette.header.case_digest,
        warnings=cassette.warnings,
        tools={t: {key: tuple(a) for key, a in keys.items()} for t, keys in tools.items()},
        user=_part(users, source) if users else None,
    )


def _part(calls: Sequence[CallEntry], source: str) -> CaseCassette:
    """Make the responses to one side of the conversation ready."""
    found: dict[int, dict[str, list[Answer]]] = {}
    known: dict[int, dict[Spelling, Known]] = {}
    veiled: dict[int, tuple[Veiled, ...]] = {}
    for entry in sorted(calls, key=lambda call: call.order):
        answer = _answer(entry, source)
        found.setdefault(entry.trial, {}).setdefault(entry.key, []).append(answer)
        part = veil(answer.spelt, entry.key)
        if part is None:
            request = Known(answer.spelt, entry.key)
            known.setdefault(entry.trial, {})[spelling(answer.spelt)] = request
        elif part not in veiled.get(entry.trial, ()):
            veiled[entry.trial] = (*veiled.get(entry.trial, ()), part)
    answers = {t: {key: tuple(a) for key, a in keys.items()} for t, keys in found.items()}
    return CaseCassette(answers, known, veiled)


def _answer(entry: CallEntry, source: str) -> Answer:
    wire = WIRES.get(str(entry.request.get("wire")))
    if wire is None:
        raise DataError(
            f"{source}: a recorded request is of the protocol {entry.request.get('wire')!r}, "
            f"expected one of {', '.join(sorted(WIRES))}",
            fix="update evalgate, or record the case again",
        )
    sent = delivered(entry.response, round(entry.end - entry.start, 4), wire)
    return Answer(entry.start, entry.end, to_json(entry.request), sent)


class CassetteWriter:
    """Records one trial; lines go to disk behind the agent's back, in order."""

    def __init__(
        self, recording: Recording, executor: ThreadPoolExecutor, *, replace: bool
    ) -> None:
        """Use `CassetteIndex.record`."""
        self._recording = recording
        self._executor = executor
        self._replace = replace
        self._lines: deque[Future[None]] = deque()
        self._count = 0
        self._marked = 0
        self._ended = False
        self._lock = Lock()

    def append(self, make: Callable[[], CallEntry | ToolEntry]) -> None:
        """Hand over a line to be made; it is on disk at the latest when `finish` returns.

        A line that comes after the end, from a call the agent left behind, is dropped.
        """
        with self._lock:
            if not self._ended:
                self._count += 1
                while self._lines and self._lines[0].done() and not self._lines[0].exception():
                    self._lines.popleft()
                self._lines.append(self._executor.submit(self._write, make))

    def _write(self, make: Callable[[], CallEntry | ToolEntry]) -> None:
        entry = make()
        self._marked += holds_mark(entry.model_dump_json(include={"response", "result", "error"}))
        self._recording.append(entry)

    @property
    def marked(self) -> int:
        """Return how many responses lost a part, as a secret was taken out; known at the end."""
        return self._marked

    def _end(self) -> None:
        with self._lock:
            self._ended = True

    def finish(self, trial: int, duration: float | None) -> None:
        """Wait until all lines are on disk, and merge them into the cassette.

        Args:
            trial: Number of the trial.
            duration: Seconds it took; None where it did not come to its end.

        Raises:
            DataError: Something could not be written; the old cassette stands.
        """
        self._end()
        for line in self._lines:
            line.result()
        if duration is not None:
            self._recording.append(TrialEntry(trial=trial, duration=duration))
        # Nothing came: what is recorded already stays, whatever was asked for.
        if self._count or (self._replace and self._recording.is_first):
            self._recording.commit(replace=self._replace)
        else:
            self._recording.abandon()

    def abandon(self) -> None:
        """Forget the recording; the old cassette stands."""
        self._end()
        for line in self._lines:
            line.cancel()
        wait(self._lines)
        self._recording.abandon()


def with_faults(main: CaseCassette, faults: CaseCassette) -> CaseCassette:
    """Add to each trial what was recorded with faults, whichever these were.

    A request holds all that the agent knows, the fault included: whoever sends it again is due the
    recorded answer.
    """
    trials = sorted({*main.answers, *main.tools, 0})
    known = {key: each for keys in faults.known.values() for key, each in keys.items()}
    veiled = tuple(dict.fromkeys(part for parts in faults.veiled.values() for part in parts))
    return CaseCassette(
        answers={t: _joined(main.answers.get(t, {}), faults.answers) for t in trials},
        known={t: {**known, **main.known.get(t, {})} for t in trials},
        veiled={t: (*main.veiled.get(t, ()), *veiled) for t in trials},
        case_digest=main.case_digest,
        warnings=(*main.warnings, *faults.warnings),
        tools={t: _joined(main.tools.get(t, {}), faults.tools) for t in trials},
    )


def _joined(
    main: dict[str, tuple[_Answers, ...]], faults: dict[int, dict[str, tuple[_Answers, ...]]]
) -> dict[str, tuple[_Answers, ...]]:
    found = dict(main)
    for _, keys in sorted(faults.items()):
        for key, answers in keys.items():
            found[key] = (*found.get(key, ()), *answers)
    return found


class CassetteIndex:
    """A folder of cassettes."""

    def __init__(
        self, directory: Path, *, source: str | None = None, without: "CassetteIndex | None" = None
    ) -> None:
        """Open the folder; it is made when the first case is recorded.

        Args:
            directory: Where the cassettes lie.
            source: What answers in recordings, e.g. `scripted`; None: the provider.
            without: Cassettes without faults, which are replayed as well and never written; None:
                this folder holds no faults.
        """
        self._directory = directory
        self._source = source
        self._without = without
        self._cassettes: dict[str, CaseCassette | DataError] = {}
        self._sealed: dict[Path, bytes] | None = None
        self._executor: ThreadPoolExecutor | None = None

    @property
    def directory(self) -> Path:
        """Where the cassettes lie."""
        return self._directory

    def seal(self) -> None:
        """Take every cassette as it is now; what anybody but us writes later is refused.

        Raises:
            DataError: One cannot be read.
        """
        self._sealed = cassette_digests(self._directory)
        if self._without is not None:
            self._without.seal()

    def refuse_rewritten(self) -> None:
        """Refuse cassettes that somebody else wrote since they were sealed, or took away.

        Raises:
            DataError: There is one.
        """
        if self._without is not None:
            self._without.refuse_rewritten()
        if self._sealed is None:
            return
        found = cassette_digests(self._directory)
        for path in sorted(found.keys() | self._sealed.keys()):
            if found.get(path) != self._sealed.get(path):
                raise rewritten(path)

    def cassette(self, case_id: str) -> CaseCassette | DataError:
        """Return the recorded responses of a case, read once; or why they cannot be used."""
        if case_id not in self._cassettes:
            self._cassettes[case_id] = self._load(case_id)
        found = self._cassettes[case_id]
        if self._without is None:
            return found
        main = self._without.cassette(case_id)
        if isinstance(main, DataError) or isinstance(found, DataError):
            return main if isinstance(main, DataError) else found
        return with_faults(main, found)

    def _load(self, case_id: str) -> CaseCassette | DataError:
        path = cassette_path(self._directory, case_id)
        sealed = None
        if self._sealed is not None:
            sealed = self._sealed.get(path)
            if (sealed is None) == path.exists():
                return rewritten(path)
        if not path.exists():
            return CaseCassette()
        try:
            with _collector_paused():
                return self._read(path, case_id, sealed)
        except DataError as error:
            return error

    @staticmethod
    def _read(path: Path, case_id: str, sealed: bytes | None) -> CaseCassette:
        cassette = read_cassette(path, sealed)
        if cassette.header.case_id not in {case_id, "?"}:
            raise DataError(
                f"{path}:1: the cassette is of case {cassette.header.case_id!r}, expected "
                f"{case_id!r}",
                fix="record the case again",
            )
        return make_cassette(cassette, str(path))

    def record(
        self,
        case_id: str,
        trial: int,
        *,
        unique: str,
        case_digest: str | None,
        how: Literal["record", "auto"],
    ) -> CassetteWriter:
        """Start the recording of a trial.

        Args:
            case_id: The case.
            trial: Number of the trial.
            unique: A text no other recorder uses.
            case_digest: Digest of what the case gives to the agent.
            how: `record` takes the place of what is recorded of the trial, `auto` adds to it.

        Raises:
            DataError: The folder cannot be written.
        """
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, "evalgate-cassettes")
        header = CassetteHeader(case_id=case_id, case_digest=case_digest, source=self._source)
        recording = Recording(self._directory, header, trial, unique, self._sealed)
        return CassetteWriter(recording, self._executor, replace=how == "record")

    def digest(self, case_id: str, trial: int) -> str | None:
        """Fingerprint what the file of a case holds of a trial; null where it is not readable."""
        path = cassette_path(self._directory, case_id)
        try:
            lines = read_plain(path).split(b"\n") if path.exists() else []
        except OSError:
            return None
        return recording_digests(lines).get(trial, NOTHING_RECORDED)

    def forget(self, case_id: str) -> None:
        """Read a case's cassette anew when it is asked for again."""
        self._cassettes.pop(case_id, None)

    def close(self) -> None:
        """End the threads that write."""
        if self._without is not None:
            self._without.close()
        if self._executor is not None:
            self._executor.shutdown()
            self._executor = None
