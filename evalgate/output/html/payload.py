"""The cases of a page as compressed data: an index of all, and their trajectories in chunks.

The data is JSON, gzipped, in base64: nothing in it is markup, whatever an agent said. The page
unpacks a chunk when one of its cases is opened.
"""

import gzip
import json
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from evalgate.matching.alignment import Row, align, diverges_at
from evalgate.output.cases.details import Claim, RunDetails, counterpart
from evalgate.output.cases.rows import STATES, CaseRow, is_failed, mean_score, said_beside_error
from evalgate.output.cases.spans import claim_spans
from evalgate.output.cases.steps import call_text, shown, step_changes, view_step
from evalgate.schema.base import Json
from evalgate.schema.result import TrialResult
from evalgate.schema.score import Abstained, Broken, Score, Scored
from evalgate.schema.trace import Step, Trace
from evalgate.text.diff import pieces
from evalgate.text.escape import cap, plain

BUDGET = 13_500_000
"""Characters that all chunks of a page may have together; the worst cases come first."""

_CHUNK = 40
"""Cases in a chunk: small enough to unpack at once, large enough to compress well."""
_TEXT = 4_000
_SHORT = 300
_CONTEXTS = 30


@dataclass(frozen=True, slots=True)
class Packed:
    """The cases of one suite."""

    index: dict[str, Json]
    """A row a case: what the table shows, filters and sorts by."""
    chunks: tuple[str, ...]
    """Their trajectories."""
    left_out: int
    """Cases whose trajectories did not fit."""


def pack_cases(
    rows: Sequence[CaseRow], details: RunDetails, first_chunk: int, budget: int
) -> Packed:
    """Pack the cases of a suite.

    Args:
        rows: The cases, worst first.
        details: Traces, golden set, the baseline's run.
        first_chunk: Number of the first chunk in the page.
        budget: Characters that the chunks may have.
    """
    chunks: list[str] = []
    places: dict[str, tuple[int, int]] = {}
    for start in range(0, len(rows), _CHUNK):
        part = rows[start : start + _CHUNK]
        text = packed_text([_case(row, details) for row in part])
        if len(text) > budget:
            break
        budget -= len(text)
        number = first_chunk + len(chunks)
        chunks.append(text)
        places |= {row.id: (number, i) for i, row in enumerate(part)}
    names = sorted({name for row in rows for name in _scores_of(row)})
    index: dict[str, Json] = {
        "states": list(STATES),
        "scores": list(names),
        "cases": [_index_row(row, places.get(row.id, (-1, 0))) for row in rows],
    }
    return Packed(index, tuple(chunks), len(rows) - len(places))


def packed_text(data: Json | Sequence[Json]) -> str:
    """Write data as compressed JSON in base64; the same data gives the same text."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return b64encode(gzip.compress(text.encode("utf-8", "replace"), 7, mtime=0)).decode()


def _scores_of(row: CaseRow) -> Iterator[str]:
    for trial in row.case.trials[:1] if row.case else ():
        yield from (name for name, score in trial.scores.items() if isinstance(score, Scored))


def _index_row(row: CaseRow, place: tuple[int, int]) -> list[Json]:
    trials = () if row.case is None else row.case.trials
    tags = () if row.case is None else row.case.tags
    marks = [
        name
        for name, is_set in (
            ("must pass", row.case is not None and row.case.must_pass),
            ("draft", row.case is not None and row.case.draft),
        )
        if is_set
    ]
    return [
        row.id,
        STATES.index(row.state),
        _safe(row.why, _SHORT),
        row.success,
        row.before,
        mean_score(trials, "cost_usd"),
        mean_score(trials, "completion_time"),
        [*(_safe(tag, 60) for tag in tags), *marks],
        len(trials),
        sum(is_failed(trial) for trial in trials),
        *place,
    ]


def _case(row: CaseRow, details: RunDetails) -> Json:
    """Write all that is shown when a case is opened."""
    case = details.golden.get(row.id)
    expected: list[Json] = []
    if case is not None and case.expected.tool_calls is not None:
        calls = [call_text(call.name, call.arguments) for call in case.expected.tool_calls]
        said = f"{case.expected.tool_match}: {', then '.join(calls) or 'none'}"
        expected.append(["calls", _safe(said)])
    if case is not None and case.expected.output is not None:
        wanted = case.expected.output.model_dump(mode="json", exclude_defaults=True)
        expected.append(["answer", _safe(shown(wanted))])
    return {
        "asked": _safe(details.asked.get(row.id, "")),
        "expected": expected,
        "contexts": [_safe(text) for text in (case.contexts if case else ())[:_CONTEXTS]],
        "what": [_safe(text, 1_000) for text in (row.change.what if row.change else ())],
        "reproduce": row.change.reproduce if row.change else None,
        "trials": [_trial(trial, details) for trial in (row.case.trials if row.case else ())],
    }


def _trial(result: TrialResult, details: RunDetails) -> Json:
    trace = details.traces.get((result.case_id, result.trial))
    before = counterpart(details.other, result.case_id, result.trial)
    old = None
    if before is not None and details.other is not None:
        old = details.other.traces.get((before.case_id, before.trial))
    answer = result.output if trace is None else shown(trace.output)
    claims = _claims(answer, details.claims.get((result.case_id, answer), ()), result)
    found: dict[str, Json] = {
        "n": result.trial,
        "status": result.status,
        "failed": is_failed(result),
        "error": None if result.error is None else _safe(result.error),
        "details": [_safe(text, 1_000) for text in said_beside_error(result)],
        "answer": _safe(answer),
        "claims": [*claims],
        "spans": [list(span) for span in claim_spans(_safe(answer), [str(c[0]) for c in claims])],
        "scores": _scores(result.scores, {} if before is None else before.scores),
        "steps": _steps(trace, old, details),
    }
    if before is not None and details.other is not None:
        said = before.output if old is None else shown(old.output)
        found["base"] = {
            "run": details.other.name,
            "n": before.trial,
            "failed": is_failed(before),
            "diff": None if said == answer else _diff(said, answer),
        }
    return found


def _diff(before: str, after: str) -> Json:
    old, new = _safe(before), _safe(after)
    found = list(pieces(old, new))
    covered = (sum(len(a) for a, _ in found), sum(len(b) for _, b in found))
    if covered != (len(old), len(new)):
        return [[old, new]]  # too long to compare word by word
    return [a if a == b else [a, b] for a, b in found]


def _steps(trace: Trace | None, old: Trace | None, details: RunDetails) -> Json:
    """Write the steps of both sides, aligned; null where there is no trace."""
    if trace is None:
        return None
    if old is None:
        return {"rows": [["same", _step(step, details), None, []] for step in trace.steps]}
    rows = align(old.steps, trace.steps)
    return {
        "first": diverges_at(rows, old.steps, trace.steps),
        "rows": [_row(row, old.steps, trace.steps, details) for row in rows],
    }


def _row(row: Row, old: Sequence[Step], new: Sequence[Step], details: RunDetails) -> list[Json]:
    before = None if row.before is None else old[row.before]
    after = None if row.after is None else new[row.after]
    changed = row.change in ("arguments", "result")
    lines = step_changes(before, after) if changed and before and after else ()
    return [
        row.change,
        None if after is None else _step(after, details),
        None if before is None or row.change == "same" else _step(before, details),
        [_safe(line, 1_000) for line in lines],
    ]


def _step(step: Step, details: RunDetails) -> Json:
    view = view_step(step, details.book)
    parts: list[Json] = [[label, _safe(text)] for label, text in view.parts]
    return [step.kind, _safe(view.head, 1_000), view.meta, parts]


def _scores(scores: Mapping[str, Score], before: Mapping[str, Score]) -> list[Json]:
    """Write name, value and the baseline's value; those that do not apply are left out."""
    found: list[Json] = []
    for name, score in scores.items():
        old = before.get(name)
        was = old.value if isinstance(old, Scored) else None
        match score:
            case Scored(value):
                found.append([name, value, was])
            case Abstained(reason, unknown):
                if unknown:
                    found.append([name, f"unknown: {_safe(reason, _SHORT)}", was])
            case Broken(error):
                found.append([name, f"broken: {_safe(error, _SHORT)}", was])
    return found


def _claims(answer: str, judged: Sequence[Claim], result: TrialResult) -> list[list[Json]]:
    """Write the claims of an answer: text, whether a context supports it, and the quote.

    Without the judge's own list, what the scorers reported as unsupported is known.
    """
    if judged:
        return [[_safe(c.text, 1_000), c.supported, _safe(c.quote, 1_000)] for c in judged]
    prefix = "unsupported: "
    named = [text.removeprefix(prefix) for text in result.details if text.startswith(prefix)]
    return [[_safe(text, 1_000), False, ""] for text in named if answer]


def _safe(text: str, limit: int = _TEXT) -> str:
    """Drop what is not shown, and cut what is too long to be read."""
    return plain(cap(text, limit))
