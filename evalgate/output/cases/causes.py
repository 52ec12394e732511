"""Groups cases that did not pass by what went wrong, so that one fault is read once."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from evalgate.output.cases.rows import (
    BELOW,
    FAILED,
    CaseRow,
    Kind,
    State,
    broken_score,
    is_failed,
)
from evalgate.schema.result import TrialResult

_VARIES = re.compile(r"\"[^\"]*\"|'[^']*'|\b[\w-]*\d[\w.:-]*\b")
"""What differs between two cases of one fault: quoted texts, ids and numbers."""
_FRAME = re.compile(r"^  in (?P<name>.+), (?P<file>[^,\n]+), line (?P<line>\d{1,9})$", re.MULTILINE)
_END = re.compile(r"\((?P<file>[^()\n]+), line (?P<line>\d{1,9})\)$", re.MULTILINE)
_TYPE = re.compile(r"^[\w.]+(?=:|$)")
_ARGUMENT = re.compile(r"^tool calls: call (?P<call>\d+), (?P<tool>\S+): (?P<name>\S+) is ")
_EXTRA = re.compile(
    r"^tool calls: call (?P<call>\d+), (?P<tool>[^(\s]+)\(.*: not expected$", re.DOTALL
)
_MISSED = re.compile(r"^tool calls: missed: (?P<tool>[^(\s]+)\(")
_MOVED = re.compile(r"^tool call (?P<call>\d+): (?P<was>.+) -> (?P<now>.+)$")
_NONE = "no further call"
_KEY_LENGTH = 120

_ENDS = {
    "timed_out": ("times out", "time out"),
    "bad_output": ("gives no valid answer", "give no valid answer"),
    "limit": ("runs into a limit", "run into a limit"),
    "loop_limit": ("calls the model too often", "call the model too often"),
    "unfinished": ("does not finish", "do not finish"),
}


@dataclass(frozen=True, slots=True)
class Words:
    """What went wrong, as one case does it and as many do."""

    one: str
    many: str


@dataclass(frozen=True, slots=True)
class Place:
    """A line of the agent's code."""

    file: str
    line: int
    function: str = ""


@dataclass(frozen=True, slots=True)
class Cause:
    """Cases that failed in the same way."""

    state: State
    """What became of them."""
    kind: Kind
    """What they are, where no comparison judges them."""
    again: bool
    """Whether they failed in the baseline too."""
    words: Words
    """What they do: `crash in ...`; hostile text."""
    place: Place | None
    """Where in the agent's code, where that is known."""
    example: str
    """What is known of the first; hostile text."""
    rows: tuple[CaseRow, ...]
    """The cases, worst first; at least one."""

    @property
    def cases(self) -> tuple[str, ...]:
        """Their ids."""
        return tuple(row.id for row in self.rows)


def causes(rows: Iterable[CaseRow]) -> tuple[Cause, ...]:
    """Group the cases that did not pass, drafts last, the worst state and largest group first."""
    groups: dict[tuple[State, Kind, bool, Words], list[CaseRow]] = {}
    order: dict[State, int] = {}
    for row in rows:
        if row.state in FAILED:
            order.setdefault(row.state, len(order))
            groups.setdefault((row.state, row.kind, row.again, _words(row)), []).append(row)
    found = [
        Cause(state, kind, again, words, _place(_error(members[0])), members[0].why, tuple(members))
        for (state, kind, again, words), members in groups.items()
    ]
    return tuple(sorted(found, key=lambda c: (c.kind == "draft", order[c.state], -len(c.rows))))


def difference(row: CaseRow) -> str:
    """Say in one line where a case first leaves what was expected of it; hostile text."""
    error = _error(row)
    if error:
        return error.partition("\n")[0]
    if (broken := _broken(row)) is not None:
        return f"{broken[0]}: {broken[1]}"
    details = _details(row)
    first = next((d for d in details if d.startswith("tool calls: ")), None)
    return first.removeprefix("tool calls: ") if first else details[0] if details else row.why


def _words(row: CaseRow) -> Words:
    trial = _worst(row)
    if row.state == "missing":
        return _same(f"in the baseline and {'not run' if row.case is None else 'a draft'} now")
    if trial is not None and trial.status == "crashed":
        return _crash(trial.error or "")
    if trial is not None and trial.status in _ENDS:
        return Words(*_ENDS[trial.status])
    if (broken := _broken(row)) is not None:
        name, said = broken[0], _key(row, broken[1])
        return Words(f"has no {name}: {said}", f"have no {name}: {said}")
    if row.state in ("not measured", "errored"):
        return _same(f"not measured: {_key(row, difference(row))}")
    return _tools(row) or _answer(row)


def _crash(error: str) -> Words:
    kind = _TYPE.match(error)
    name = kind.group() if kind else ""
    place = _place(error)
    if place is None:
        said = _VARIES.sub("…", error.partition("\n")[0][:_KEY_LENGTH]) or "no reason given"
        return Words(f"crashes: {said}", f"crash: {said}")
    inside = f"`{place.function}`, " if place.function else ""
    at = f"in {inside}{place.file.rpartition('/')[2]}:{place.line}"
    told = f"{at} ({name})" if name else at
    return Words(f"crashes {told}", f"crash {told}")


def _place(error: str) -> Place | None:
    found = _FRAME.search(error)
    if found:
        return Place(found["file"], int(found["line"]), found["name"])
    found = _END.search(error)
    return Place(found["file"], int(found["line"])) if found else None


def _tools(row: CaseRow) -> Words | None:
    """Name the first difference in the tool calls."""
    moved = next(filter(None, map(_MOVED.match, row.change.what if row.change else ())), None)
    if row.case is None and moved is not None and moved["was"] != _NONE:
        return _no_longer(moved["was"])
    for detail in _details(row):
        argument, extra = _ARGUMENT.match(detail), _EXTRA.match(detail)
        missed = _MISSED.match(detail)
        at = int((argument or extra or {"call": 0})["call"])
        later = moved is None or at < int(moved["call"])
        if argument and (later or moved is None or at <= int(moved["call"])):
            said = f"another `{argument['name']}` to `{argument['tool']}`"
            return Words(f"passes {said}", f"pass {said}")
        if moved is not None and moved["was"] != _NONE and (missed or (extra and not later)):
            return _no_longer(moved["was"])
        if extra:
            said = f"`{extra['tool']}`, which is not expected"
            return Words(f"calls {said}", f"call {said}")
        if missed:
            said = f"not call `{missed['tool']}`"
            return Words(f"does {said}", f"do {said}")
    return None


def _no_longer(tool: str) -> Words:
    return Words(f"no longer calls `{tool}`", f"no longer call `{tool}`")


def _answer(row: CaseRow) -> Words:
    details = _details(row)
    first = details[0] if details else row.why
    if first.startswith("the output does not contain"):
        return Words("leaves out what the answer must say", "leave out what the answer must say")
    if first.startswith("the output contains"):
        return Words("says what the answer must not say", "say what the answer must not say")
    if first.startswith("unsupported: "):
        said = "what no context supports"
        return Words(f"claims {said}", f"claim {said}")
    said = _key(row, first)
    if first == BELOW or not any(map(str.isalpha, said)):
        return Words("fails", "fail")
    return Words(f"fails: {said}", f"fail: {said}")


def _same(text: str) -> Words:
    return Words(f"is {text}", f"are {text}")


def _broken(row: CaseRow) -> tuple[str, str] | None:
    """Return the score that could not be given, where that is what is wrong with a case."""
    if row.state not in ("not measured", "errored") or row.case is None:
        return None
    return broken_score(row.case.trials)


def _worst(row: CaseRow) -> TrialResult | None:
    trials = row.case.trials if row.case else ()
    failed = [trial for trial in trials if is_failed(trial)]
    ended = [trial for trial in failed if trial.status != "finished"]
    return next(iter([*ended, *failed, *trials]), None)


def _error(row: CaseRow) -> str:
    trial = _worst(row)
    return "" if trial is None or trial.status == "finished" else trial.error or ""


def _details(row: CaseRow) -> tuple[str, ...]:
    return tuple(_failed_details(row))


def _failed_details(row: CaseRow) -> Iterator[str]:
    trial = _worst(row)
    if trial is not None and is_failed(trial):
        yield from trial.details


def _key(row: CaseRow, text: str) -> str:
    own = rf"(?<!\w){re.escape(row.id)}(?!\w)"
    first = re.sub(own, "…", text.partition("\n")[0])[:_KEY_LENGTH]
    return _VARIES.sub("…", first)
