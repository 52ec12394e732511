"""`evalgate show`: what happened in a trial, step by step, beside the baseline's trial."""

from collections.abc import Iterator
from dataclasses import dataclass

from evalgate.matching.alignment import Row, align, diverges_at
from evalgate.output.cases.details import RunDetails, counterpart
from evalgate.output.cases.rows import CaseRow, is_failed, said_beside_error
from evalgate.output.cases.steps import call_text, shown, step_changes, view_step
from evalgate.pricing import PriceBook
from evalgate.schema.base import Json
from evalgate.schema.golden import Case
from evalgate.schema.result import TrialResult
from evalgate.schema.score import Broken, Scored, score_to_json
from evalgate.schema.trace import Handoff, Step, ToolCall, Trace, UserMessage
from evalgate.text.diff import words
from evalgate.text.escape import terminal

_LONG = 1_000
"""Characters of one value that are shown."""
_TELLING = 60
"""Characters of an error that tell it from others."""
_MARKS = {"same": " ", "added": "+", "removed": "-", "arguments": "~", "result": "~"}
_STYLES = {"same": "", "added": "green", "removed": "red", "arguments": "yellow"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a transcript; already safe to print."""

    text: str
    style: str = ""
    """A style of rich: a colour, `bold`, `dim`."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """A trial and what is shown beside it."""

    result: TrialResult
    trace: Trace | None
    before: TrialResult | None
    before_trace: Trace | None

    def rows(self) -> tuple[tuple[Row, ...], int | None]:
        """Align the two; without a baseline's trace, every step is its own."""
        after = () if self.trace is None else self.trace.steps
        if self.before_trace is None:
            return tuple(Row(None, i, "same") for i in range(len(after))), None
        rows = align(self.before_trace.steps, after)
        return rows, diverges_at(rows, self.before_trace.steps, after)


def transcript(row: CaseRow, number: int | None, details: RunDetails) -> Iterator[Line]:
    """Tell what happened in a trial of a case, line by line.

    Args:
        row: The case.
        number: The trial; None: the first that failed, else the first.
        details: Traces, golden set, the baseline's run.
    """
    result = _chosen(row, number)
    if result is None:
        yield _line(f"{row.id}: {row.state}", "bold red")
        yield _line(f"  {row.why}")
        return
    pair = _pair(result, details)
    yield from _head(row, pair, details)
    yield from _asked(details.golden.get(row.id), pair, details)
    yield Line("")
    yield from _steps(pair, details)
    yield from _answer(pair)
    yield from _scores(pair)
    if row.change is not None and row.change.reproduce:
        yield Line("")
        yield _line(f"run it alone: {row.change.reproduce}", "cyan")


def transcript_data(row: CaseRow, number: int | None, details: RunDetails) -> dict[str, Json]:
    """Return the same as data, with the traces whole.

    Args:
        row: The case.
        number: The trial; None: the first that failed, else the first.
        details: Traces, golden set, the baseline's run.
    """
    result = _chosen(row, number)
    if result is None:
        return {"case": row.id, "state": row.state, "why": row.why, "trial": None}
    pair = _pair(result, details)
    rows, first = pair.rows()
    case = details.golden.get(row.id)
    return {
        "case": row.id,
        "state": row.state,
        "why": row.why,
        "trial": result.trial,
        "status": result.status,
        "error": result.error,
        "details": list(result.details),
        "scores": {name: score_to_json(score) for name, score in result.scores.items()},
        "expected": None if case is None else case.expected.model_dump(mode="json"),
        "trace": None if pair.trace is None else pair.trace.model_dump(mode="json", by_alias=True),
        "baseline": None
        if pair.before is None or details.other is None
        else {
            "run": details.other.name,
            "trial": pair.before.trial,
            "trace": None
            if pair.before_trace is None
            else pair.before_trace.model_dump(mode="json", by_alias=True),
        },
        "alignment": [{"baseline": r.before, "step": r.after, "change": r.change} for r in rows],
        "first_divergence": first,
        "notes": list(details.notes),
    }


def _chosen(row: CaseRow, number: int | None) -> TrialResult | None:
    trials = () if row.case is None else row.case.trials
    if number is None:
        return next((t for t in trials if is_failed(t)), trials[0] if trials else None)
    return next((t for t in trials if t.trial == number), None)


def _pair(result: TrialResult, details: RunDetails) -> _Pair:
    before = counterpart(details.other, result.case_id, result.trial)
    return _Pair(
        result,
        details.traces.get((result.case_id, result.trial)),
        before,
        None
        if before is None or details.other is None
        else details.other.traces.get((before.case_id, before.trial)),
    )


def _head(row: CaseRow, pair: _Pair, details: RunDetails) -> Iterator[Line]:
    result = pair.result
    ended = "" if result.status == "finished" else f", {result.status}"
    bad = is_failed(result)
    word = "failed" if bad else "passed" if row.state != "not scored" else "not scored"
    if result.status == "not_measured":
        word, ended = "not measured", ""
    count = 0 if row.case is None else len(row.case.trials)
    of = f" of {count}" if count > 1 else ""
    yield _line(
        f"{row.id}, trial {result.trial}{of}: {word}{ended} ({row.state})",
        "bold red" if bad else "bold green",
    )
    if result.error:
        yield from _block(result.error, "  ", "red")
    for text in said_beside_error(result):
        yield _line(f"  {text}", "red" if bad else "")
    if pair.before is not None and details.other is not None:
        was = "failed" if is_failed(pair.before) else "passed"
        yield _line(f"  baseline: trial {pair.before.trial} of {details.other.name}, {was}", "dim")


def _asked(case: Case | None, pair: _Pair, details: RunDetails) -> Iterator[Line]:
    """Show what was asked and expected, where the golden set tells."""
    if case is None:
        return
    asked = details.asked.get(case.id, "")
    turns = any(isinstance(step, UserMessage) for step in (pair.trace.steps if pair.trace else ()))
    if asked and not turns:
        yield Line("")
        yield from _block(f"user: {asked}", "  ")
    expected = case.expected
    if expected.tool_calls is not None:
        calls = [call_text(call.name, call.arguments) for call in expected.tool_calls]
        yield _line(f"  expected calls ({expected.tool_match}): {', then '.join(calls) or 'none'}")
    if expected.output is not None:
        wanted = expected.output.model_dump(mode="json", exclude_defaults=True)
        yield _line(f"  expected answer: {shown(wanted)}")


def _steps(pair: _Pair, details: RunDetails) -> Iterator[Line]:
    if pair.trace is None:
        yield _line("there is no trace of this trial", "yellow")
        if pair.result.calls:
            yield _line(f"  tools called: {', '.join(pair.result.calls)}")
        return
    rows, first = pair.rows()
    old = () if pair.before_trace is None else pair.before_trace.steps
    for number, row in enumerate(rows):
        if number == first:
            yield Line("> first divergence from the baseline", "bold yellow")
        step = old[row.before or 0] if row.after is None else pair.trace.steps[row.after]
        changed = None if row.before is None or row.change == "same" else old[row.before]
        style = _STYLES.get(row.change, "")
        mark = _MARKS[row.change]
        told = _told(step, details.book)
        yield Line(f"{mark} {told[0]}", style or _kind_style(step))
        yield from (Line(f"{mark}     {text}", style or "dim") for text in told[1:])
        if changed is not None:
            yield from (Line(f"      {_one(t)}", "yellow") for t in step_changes(changed, step))


def _kind_style(step: Step) -> str:
    return "bold" if isinstance(step, ToolCall | UserMessage | Handoff) else ""


def _told(step: Step, book: PriceBook) -> list[str]:
    """Say one step in lines: what it was, then what it carried."""
    view = view_step(step, book)
    head = _one(", ".join(part for part in (view.head, view.meta) if part))
    return [head, *(_one(f"{label} {text}" if label else text) for label, text in view.parts)]


def _answer(pair: _Pair) -> Iterator[Line]:
    answer = pair.result.output if pair.trace is None else shown(pair.trace.output)
    yield Line("")
    yield Line("answer", "bold")
    yield from _block(answer or "(none)", "  ")
    if pair.before_trace is None:
        return
    before = shown(pair.before_trace.output)
    if before != answer:
        yield Line("answer of the baseline", "bold")
        yield from _block(before or "(none)", "  ")
        yield from _block(words(before, answer), "  diff: ", "yellow")


def _scores(pair: _Pair) -> Iterator[Line]:
    """List what scorers said; those that say the same share a line, abstained ones are counted."""
    yield Line("")
    yield Line("scores", "bold")
    before = {} if pair.before is None else pair.before.scores
    silent = 0
    unknown: dict[str, list[str]] = {}
    for name, score in pair.result.scores.items():
        if isinstance(score, Scored):
            old = before.get(name)
            moved = isinstance(old, Scored) and old.value != score.value
            was = f" (baseline {_value(old)})" if moved and isinstance(old, Scored) else ""
            yield _line(f"  {name} {_value(score)}{was}", "yellow" if moved else "")
        elif isinstance(score, Broken):
            same = bool(pair.result.error) and (pair.result.error or "")[:_TELLING] in score.error
            said = "broken: as the trial" if same else f"broken: {score.error}"
            unknown.setdefault(said, []).append(name)
        elif score.unknown:
            unknown.setdefault(f"unknown: {score.reason}", []).append(name)
        else:
            silent += 1
    for said, names in unknown.items():
        yield _line(f"  {said}: {', '.join(names)}", "yellow")
    if silent:
        yield Line(f"  {silent} more do not apply", "dim")


def _value(score: Scored) -> str:
    counts = f" ({score.counts[0]} of {score.counts[1]})" if score.counts else ""
    return f"{score.value:.4g}{counts}"


def _one(text: str) -> str:
    """Put a hostile text on one line."""
    return terminal(" ⏎ ".join(text.splitlines()), limit=_LONG)


def _block(text: str, indent: str, style: str = "") -> Iterator[Line]:
    shown = terminal(text, limit=4 * _LONG).splitlines() or [""]
    for number, line in enumerate(shown):
        yield Line((indent if number == 0 else " " * len(indent)) + line, style)


def _line(text: str, style: str = "") -> Line:
    return Line(_one(text), style)
