"""What every printed report shows, decided once: terminal, Markdown and comment only lay it out.

Everything here is plain text. Names, errors, answers and reasons come from outside: a renderer
escapes them for its own surface. The numbers are ours.
"""

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from evalgate.gate.false_alarms import CAUTION
from evalgate.metrics.registry import METRICS
from evalgate.output.cases.causes import Cause, causes, difference
from evalgate.output.cases.rows import (
    STATES,
    CaseRow,
    case_rows,
    is_failed,
    mean_score,
)
from evalgate.output.dialogues import users_spent
from evalgate.output.grounds import grounds_line
from evalgate.output.headline import (
    VERDICTS,
    beyond_numbers,
    explained_checks,
    from_zero,
    gating_checks,
    headline,
    worst_first,
)
from evalgate.output.numbers import (
    amount,
    change_text,
    limit_text,
    move_text,
    noise_text,
    unit_of,
)
from evalgate.output.style import Ways, usual_ways
from evalgate.schema.result import Report, TrialResult
from evalgate.schema.score import Scored
from evalgate.schema.verdict import CaseChange, Check
from evalgate.text.counts import number_of

__all__ = [
    "EMOJI",
    "MARKS",
    "VERDICTS",
    "CaseLine",
    "CheckLine",
    "Group",
    "View",
    "advisory_moves",
    "counts_line",
    "explained_checks",
    "gating_checks",
    "headline",
    "moved_cases",
    "spent",
    "subject_line",
    "view_report",
]

MARKS = {"pass": "✓", "fail": "✗", "inconclusive": "?"}
EMOJI = {"pass": "✅", "fail": "❌", "inconclusive": "⚠️"}
_MOVED = ("regressed", "errored", "missing", "improved")
_KINDS = ("measured", "recorded", "replayed", "judged", "simulated", "claimed")
_COUNTED = (*STATES[:-1], "changed", STATES[-1])
"""States as they are counted: a case that asks something else is not new."""
_NAMED = 4
"""Cases that are named in one line."""


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One check in a line."""

    outcome: str
    """`pass`, `fail` or `inconclusive`."""
    name: str
    """Its id."""
    baseline: str
    now: str
    change: str
    limit: str
    notes: tuple[tuple[str, str], ...]
    """What stands below it: a word (empty, `accepted`, `look`, `fix`) and a text."""
    check: Check
    """The check itself; of several that share the line, the first."""


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One case in a line."""

    name: str
    state: str
    difference: str
    """Where it first leaves what was expected."""
    cost: str
    time: str


@dataclass(frozen=True, slots=True)
class Group:
    """Cases that went wrong in one way: a heading, a line each, and one of them as an example."""

    title: str
    cases: tuple[CaseLine, ...]
    example: tuple[tuple[str, str], ...]
    """What is known of the first: a label and a text, which may have several lines."""
    reproduce: str
    """The command that runs the first case alone; empty for results of another tool."""
    cause: Cause
    old: bool
    """Whether these cases failed in the baseline too."""
    show: str
    """The command that shows what happened in the first case; empty as the other."""
    compared: bool
    """Whether there is a baseline."""

    @property
    def next(self) -> str:
        """What to do first: run the first case alone, or look at one that cannot be run."""
        return self.show if self.cause.state == "missing" else self.reproduce

    @property
    def commands(self) -> tuple[str, ...]:
        """What to do next: run the first case again, and look at what happened."""
        if not self.show:
            return ()
        if self.cause.state == "missing":
            return (f"{self.show}  # what is known of it",)
        width = max(len(self.reproduce), len(self.show))
        beside = ", beside the baseline" if self.compared else ""
        return (
            f"{self.reproduce:{width}}  # run it again",
            f"{self.show:{width}}  # what happened{beside}",
        )


@dataclass(frozen=True, slots=True)
class View:
    """A report as people read it, top to bottom."""

    headline: str
    subject: str
    changed: tuple[str, ...]
    bad: tuple[CheckLine, ...]
    """Gating checks that did not pass, worst first."""
    passed: tuple[Check, ...]
    """Gating checks that passed."""
    passed_lines: tuple[CheckLine, ...]
    """The same, a line each."""
    cases: int
    """How many cases there are."""
    groups: tuple[Group, ...]
    counts: str
    """How many cases there are of each state."""
    advisory: tuple[tuple[str, str, str], ...]
    """Advisory checks that moved beyond their tolerance: id, move in numbers, and a reason."""
    spent: str
    """What agent and judge cost."""
    cautions: tuple[str, ...]
    """Why the verdict may be noise; stands above the checks."""
    warnings: tuple[str, ...]
    measured: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    """Every metric with a value, by where it comes from: name and value."""
    unknown: tuple[str, ...]
    """Metrics without a value."""
    grounds: str
    """What the metrics rest on."""


def view_report(report: Report, ways: Ways | None = None) -> View:
    """Decide what is shown of a report, and in which words.

    Args:
        report: The report.
        ways: Words of commands; null: those for the newest run.
    """
    ways = ways or usual_ways(report)
    rows = case_rows(report)
    groups = tuple(_group(cause, report, ways) for cause in causes(rows))
    counts = Counter[str](row.kind if row.state == "new" else row.state for row in rows)
    bad = [check for check in gating_checks(report) if check.outcome != "pass"]
    good = tuple(check for check in gating_checks(report) if check.outcome == "pass")
    return View(
        headline=headline(report),
        subject=subject_line(report),
        changed=report.changed,
        bad=tuple(_check_lines(worst_first(bad), report, ways)),
        passed=good,
        passed_lines=tuple(_check_line(check, check.id, report, ways) for check in good),
        cases=len(rows),
        groups=groups,
        counts=", ".join(f"{counts[state]} {state}" for state in _COUNTED if counts[state]),
        advisory=tuple(
            (c.id, move_text(c), c.reason if c.kind == "stress" else "")
            for c in advisory_moves(report)
        ),
        spent=spent(report),
        cautions=tuple(text for text in report.warnings if text.startswith(CAUTION)),
        warnings=tuple(text for text in report.warnings if not text.startswith(CAUTION)),
        measured=tuple(_measured(report)),
        unknown=tuple(name for name, m in report.metrics.items() if m.value is None),
        grounds=grounds_line(report),
    )


def advisory_moves(report: Report) -> tuple[Check, ...]:
    """Return the advisory checks that would fail if they gated, the largest change first."""
    worse = [c for c in report.checks if c.gate == "advisory" and c.outcome == "fail"]
    return tuple(sorted(worse, key=lambda check: -(check.change or 0)))


def _check_lines(checks: Sequence[Check], report: Report, ways: Ways) -> Iterator[CheckLine]:
    """Write a line a check; `must_pass` cases that fared alike share one."""
    alike: dict[tuple[str | None, ...], list[Check]] = {}
    for check in checks:
        if check.kind == "must_pass":
            key = (check.outcome, check.reason, check.fix, check.accepted)
            alike.setdefault(key, []).append(check)
        else:
            yield _check_line(check, check.id, report, ways)
    for same in alike.values():
        names = [check.id.removeprefix("must_pass.") for check in same]
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        yield _check_line(same[0], f"must_pass: {', '.join(names[:_NAMED])}{more}", report, ways)


def _check_line(check: Check, name: str, report: Report, ways: Ways) -> CheckLine:
    unit = unit_of(check.id, check.unit)
    plain = check.kind in ("relative", "limit") and check.outcome == "fail"
    plain = plain and check.direction is not None  # else the reason says that nobody gave it
    notes = [
        ("", from_zero(check, report) or ("" if plain else beyond_numbers(check))),
        ("", noise_text(check)),
        *_worst_cases(check, report, ways),
        ("accepted", check.accepted or ""),
        ("fix", (check.fix or "").replace("evalgate show --failed", f"{ways.shown} --failed")),
    ]
    return CheckLine(
        outcome=check.outcome,
        name=name,
        baseline="" if check.baseline is None else amount(check.baseline, unit),
        now="" if check.candidate is None else amount(check.candidate, unit),
        change=change_text(check),
        limit=limit_text(check),
        notes=tuple((word, text) for word, text in notes if text),
        check=check,
    )


def _worst_cases(check: Check, report: Report, ways: Ways) -> Iterator[tuple[str, str]]:
    """Name the slowest, or dearest, cases of a metric of time or cost that failed."""
    word = {"s": "slowest", "USD": "dearest"}.get(check.unit or "")
    metric = METRICS.get(check.metric or "")
    if word is None or metric is None or check.outcome != "fail":
        return
    means = [(mean_score(case.trials, metric.score), case.id) for case in report.cases]
    worst = sorted(((mean, name) for mean, name in means if mean is not None), reverse=True)
    if worst:
        named = (f"{name} {amount(mean, check.unit)}" for mean, name in worst[:_NAMED])
        yield "", f"{word} now: {', '.join(named)}"
        if ways.known:
            yield (
                "look",
                f"{ways.shown} {shlex.quote(worst[0][1])}  (its steps, with time and cost)",
            )


def _group(cause: Cause, report: Report, ways: Ways) -> Group:
    count = len(cause.rows)
    doing = cause.words.one if count == 1 else cause.words.many
    then = "that failed before " if cause.again else "now " if cause.state == "regressed" else ""
    title = f"{number_of(count, f'{cause.kind} case'.strip())} {then}{doing}"
    first = cause.rows[0]
    again = first.change.reproduce if first.change else None
    again = again or f"evalgate run {ways.run} --case {shlex.quote(first.id)}"
    return Group(
        title=title,
        cases=tuple(_case_line(row) for row in cause.rows),
        example=tuple(_example(first)),
        reproduce=again if ways.known else "",
        cause=cause,
        old=cause.again,
        show=f"{ways.shown} {shlex.quote(first.id)}" if ways.known else "",
        compared=report.baseline is not None and ways.beside,
    )


def _case_line(row: CaseRow) -> CaseLine:
    trials = row.case.trials if row.case else ()
    cost, time = (mean_score(trials, name) for name in ("cost_usd", "completion_time"))
    return CaseLine(
        name=row.id,
        state=row.state,
        difference=difference(row),
        cost="" if cost is None else amount(cost, "USD"),
        time="" if time is None else amount(time, "s"),
    )


_ANSWER = 300


def _example(row: CaseRow) -> Iterator[tuple[str, str]]:
    """Tell what is known of one case, the most telling first."""
    trials = row.case.trials if row.case else ()
    failed = [trial for trial in trials if is_failed(trial)]
    if len(trials) > 1:
        yield "", f"{len(failed)} of {len(trials)} trials failed"
    trial = next(iter([*(t for t in failed if t.error), *failed, *trials]), None)
    if trial is None:
        yield "", row.why
        return
    if trial.error:
        yield "", trial.error
    elif row.state in ("errored", "not measured"):
        yield "", difference(row)
    said = [d for d in trial.details if not d.startswith("the trial ")]
    said.sort(key=lambda d: not d.startswith("tool calls: "))
    yield from (("", detail) for detail in said)
    moved = row.change.what if row.change else ()
    moved = tuple(line for line in moved if line.startswith("tool call "))
    yield from (("", line) for line in moved)
    if not trial.error and not said and not moved and row.state not in ("errored", "not measured"):
        yield "", row.why
    if trial.calls or said:
        yield "called", ", ".join(trial.calls) or "no tool"
    if trial.output:
        cut = trial.output[:_ANSWER] + ("…" if len(trial.output) > _ANSWER else "")
        yield "answered", cut


def spent(report: Report) -> str:
    """Say what the agent cost, and beside it what the judge did; empty without trials."""
    costs = [_cost(trial) for case in report.cases for trial in case.trials]
    if not costs:
        return ""
    known = [cost for cost in costs if cost is not None]
    agent = amount(sum(known), "USD") if known else "unknown"
    if known and len(known) < len(costs):
        agent += f" and {number_of(len(costs) - len(known), 'trial')} of unknown cost"
    word = " (claimed)" if known and report.suite.claimed else ""
    said = f"agent {agent}{word} in {number_of(len(costs), 'trial')}"
    users = users_spent(report)
    said += f"; {users}" if users else ""
    judge = report.judge
    if judge is None:
        return said
    cost = amount(judge.cost_usd, "USD")
    return (
        f"{said}; judge {cost} in {number_of(judge.calls, 'call')}, {judge.cached:,} from the cache"
    )


def _cost(trial: TrialResult) -> float | None:
    score = trial.scores.get("cost_usd")
    return score.value if isinstance(score, Scored) else None


def _measured(report: Report) -> Iterator[tuple[str, tuple[tuple[str, str], ...]]]:
    for kind in _KINDS:
        found = tuple(
            (name, amount(metric.value, unit_of(name, metric.unit)))
            for name, metric in report.metrics.items()
            if metric.source == kind and metric.value is not None
        )
        if found:
            yield kind, found


def subject_line(report: Report) -> str:
    """Say what was run and what it was compared with."""
    suite = report.suite
    part = f"{suite.selected} of " if suite.selected != suite.cases else ""
    cases, trials = number_of(suite.cases, "case"), number_of(suite.trials, "trial")
    run = f"{part}{cases} x {trials}, {suite.mode}"
    if not suite.selected:
        run = f"nothing was run of {cases}" if suite.cases else "numbers without cases"
    if report.stress is not None and not suite.cases:
        counts = ((report.stress.get(f"{what}s"), what) for what in ("session", "call"))
        run = ", ".join(number_of(n, what) for n, what in counts if isinstance(n, int))
    if suite.isolation is not None:
        run += f", sandbox {suite.isolation}"
    ref = report.baseline
    if ref is None:
        return f"{run}; no comparison"
    made = f", made {ref.created[:10]}" if ref.created else ""
    of = f" of {number_of(ref.trials, 'trial')}" if ref.trials else ""
    return f"{run}; baseline {ref.source}{of}{made}"


def counts_line(changes: Iterable[CaseChange]) -> str:
    """Count the cases by outcome, worst first."""
    counts = Counter[str](change.outcome for change in changes)
    order = ("regressed", "errored", "missing", "improved", "new", "unchanged")
    return ", ".join(f"{counts[outcome]} {outcome}" for outcome in order if counts[outcome])


def moved_cases(report: Report) -> tuple[CaseChange, ...]:
    """Return the cases worth reading, worst first."""
    rank = {outcome: index for index, outcome in enumerate(_MOVED)}
    moved = [change for change in report.changes if change.outcome in rank]
    return tuple(sorted(moved, key=lambda change: (rank[change.outcome], change.id)))
