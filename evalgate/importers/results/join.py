"""Two results as the two sides of a comparison.

What one side holds and the other lacks is unknown there, never left out: a case that only the
candidate has, a trial, a score. Cases that only the baseline has are missing, which the comparison
itself refuses. Nothing here decides anything.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from evalgate.errors import ConfigError, DataError
from evalgate.gate.comparability import name_some
from evalgate.importers.results.read import ForeignFile
from evalgate.importers.results.rows import RATIO, SUCCESS, ResultRow, Results, ScoreKind
from evalgate.importers.results.table import direction_of
from evalgate.metrics.metric import Metric
from evalgate.metrics.registry import METRICS
from evalgate.schema.canonical import digest
from evalgate.schema.result import CaseResult, Report, SuiteInfo, TrialResult
from evalgate.schema.score import Abstained, Broken, Score, Scored
from evalgate.schema.verdict import Direction, Gate
from evalgate.stats.aggregate import metric_values
from evalgate.text.counts import number_of
from evalgate.text.suggest import did_you_mean

if TYPE_CHECKING:
    from evalgate.schema.base import Json

_OWN: Final = ("error", "cost_usd", "completion_time", SUCCESS)
"""Scores that every row may have beside the tool's own."""

_ERRORS: Final = "error_rate"
_COST: Final = "cost_per_interaction"
_STANDARD: Final = (
    _ERRORS,
    "cost_per_interaction",
    "completion_time_p50",
    "completion_time_p95",
)
_MISSING: Final = Abstained("only the other side has it", unknown=True)
_SHOWN: Final = 300


@dataclass(frozen=True, slots=True)
class Chosen:
    """A score the user asked to gate."""

    name: str
    direction: Direction | None = None
    """Which way is better; null: as the file says."""
    bounds: tuple[float, float] | None = None
    """Its range; null: as the file says."""


@dataclass(frozen=True, slots=True)
class Joined:
    """Both sides as reports, and the metrics they are compared by."""

    baseline: Report
    candidate: Report
    metrics: Mapping[str, Metric]
    """The metrics by name."""
    notes: tuple[str, ...]
    """What was assumed, one sentence each."""


def parse_chosen(text: str) -> Chosen:
    """Read `NAME`, `NAME:lower`, `NAME:0..5` or `NAME:lower:0..5`.

    Raises:
        ConfigError: The range is none.
    """
    name = text
    direction: Direction | None = None
    bounds: tuple[float, float] | None = None
    while (parts := name.rpartition(":"))[1]:
        tail = parts[2].strip().lower()
        if tail in ("higher", "lower"):
            direction = "higher" if tail == "higher" else "lower"
        elif ".." in tail:
            bounds = _range(tail, text)
        else:
            break
        name = parts[0]
    return Chosen(name, direction, bounds)


def _range(tail: str, text: str) -> tuple[float, float]:
    low, _, high = tail.partition("..")
    try:
        bounds = float(low), float(high)
    except ValueError:
        bounds = 1.0, 0.0
    if not bounds[0] < bounds[1]:
        raise ConfigError(f"--score {text!r}: found no range; expected e.g. 0..1 or 1..5")
    return bounds


def join(
    baseline: ForeignFile,
    candidate: ForeignFile,
    chosen: Sequence[Chosen] = (),
    *,
    allow_new: bool = False,
) -> Joined:
    """Put two files beside each other.

    Args:
        baseline: The file compared with.
        candidate: The file under judgement.
        chosen: The scores that gate; empty: all that the files do not only show.
        allow_new: Whether cases that only the candidate has are left out of the comparison.

    Raises:
        DataError: A case stands twice where the format knows no trials.
        ConfigError: A chosen score does not exist, or none is left to gate.
    """
    old, new = _by_case(baseline), _by_case(candidate)
    notes = [*baseline.results.notes, *candidate.results.notes]
    kinds = _kinds(baseline, candidate, (*_rows(old), *_rows(new)), chosen, notes)
    everywhere = _everywhere((*_rows(old), *_rows(new)))
    stray = () if allow_new else tuple(sorted(new.keys() - old.keys()))
    if stray:
        notes.append(
            f"{number_of(len(stray), 'case')} only in the candidate ({name_some(stray)}): the "
            "baseline's scores of them are unknown (--allow-new leaves them out)"
        )
    old, changed = _same_question(old, new)
    if changed:
        notes.append(
            f"{number_of(len(changed), 'case asks', 'cases ask')} something else than in the "
            f"baseline ({name_some(changed)}): the baseline's scores of them are unknown"
        )
    before: dict[str, list[ResultRow]] = {**old, **{case: [] for case in stray}}
    metrics = _metrics(kinds, chosen)
    tells = [_tells_errors(baseline, old), _tells_errors(candidate, new)]
    if not any(tells):
        del metrics[_ERRORS]
        notes.append(f"{_ERRORS} is not measured: neither file says which rows ended in an error")
    then, now = tells if any(tells) else (None, None)
    old_cases = [
        _case(case, rows, new.get(case, []), everywhere, errors=then)
        for case, rows in before.items()
    ]
    new_cases = [
        _case(case, rows, before.get(case, []), everywhere, errors=now)
        for case, rows in new.items()
    ]
    return Joined(
        _report(baseline, old_cases, metrics),
        _report(candidate, new_cases, metrics),
        metrics,
        tuple(dict.fromkeys(notes)),
    )


_Cases = dict[str, list[ResultRow]]


def _rows(cases: _Cases) -> list[ResultRow]:
    return [row for rows in cases.values() for row in rows]


def _by_case(file: ForeignFile) -> _Cases:
    """Sort rows by case and trial; names the two places of a case that stands twice."""
    cases: _Cases = {}
    for row in file.results.rows:
        rows = cases.setdefault(row.case, [])
        twice = next((r for r in rows if r.trial == row.trial), None)
        if twice is not None and not (row.trial is None and file.results.repeats):
            number = "" if row.trial is None else f", trial {row.trial},"
            raise DataError(
                f"{file.path}: {row.place}: found case {row.case!r}{number} again; "
                f"{twice.place} has it, and {file.format} files hold each once",
                fix="make the ids unique, or name the column of the trial: --trial COLUMN",
            )
        rows.append(row)
    return {
        case: sorted(rows, key=lambda row: -1 if row.trial is None else row.trial)
        for case, rows in cases.items()
    }


def _tells_errors(file: ForeignFile, cases: _Cases) -> bool:
    return file.results.errors or any(row.error is not None for row in _rows(cases))


def _same_question(old: _Cases, new: _Cases) -> tuple[_Cases, tuple[str, ...]]:
    """Empty the baseline's cases that ask something else now: their scores say nothing."""
    changed = tuple(
        case
        for case, rows in old.items()
        if case in new and (asked := _asks(rows)) and (now := _asks(new[case])) and asked != now
    )
    return {case: [] if case in changed else rows for case, rows in old.items()}, changed


def _asks(rows: Iterable[ResultRow]) -> frozenset[str]:
    return frozenset(row.asks for row in rows if row.asks)


def _everywhere(rows: Sequence[ResultRow]) -> dict[str, None]:
    """Name the scores that every row has that did not end in an error."""
    sound = [row for row in rows if row.error is None] or list(rows)
    return (
        {name: None for name in sound[0].scores if all(name in row.scores for row in sound)}
        if sound
        else {}
    )


def _case(
    case: str,
    rows: Sequence[ResultRow],
    others: Sequence[ResultRow],
    everywhere: Mapping[str, None],
    *,
    errors: bool | None,
) -> CaseResult:
    """Make a case with the trials and scores of either side; what this one lacks is unknown.

    Args:
        case: The case.
        rows: Its rows in this file.
        others: Its rows in the other file.
        everywhere: Scores that every row should have.
        errors: Whether this file says which rows ended in an error; null: neither does.
    """
    names = dict.fromkeys((*everywhere, *(n for row in (*rows, *others) for n in row.scores)))
    asked: Json = [*sorted(_asks(rows) and _asks(others))]
    stated = (*rows, *others)
    costs = any(row.cost_usd is not None for row in stated)
    missing = max(len(others) - len(rows), 0)
    trials = [
        _trial(case, number, row, names, costs=costs, errors=errors)
        for number, row in enumerate(rows)
    ]
    unknown: dict[str, Score] = dict.fromkeys(map(_score_name, names), _MISSING)
    if errors is not None:
        unknown["error"] = _MISSING
    if costs:
        unknown["cost_usd"] = _MISSING
    trials += [
        TrialResult(case, number, "finished", dict(unknown))
        for number in range(len(rows), len(rows) + missing)
    ]
    return CaseResult(
        id=case,
        digest=digest(asked),
        trials=tuple(trials),
    )


def _trial(
    case: str,
    number: int,
    row: ResultRow,
    names: Iterable[str],
    *,
    costs: bool,
    errors: bool | None,
) -> TrialResult:
    failed = row.error is not None
    lost: Score = _MISSING if row.error is None else Broken(row.error[:_SHOWN] or "error")
    scores: dict[str, Score] = {_score_name(name): row.scores.get(name, lost) for name in names}
    if errors is not None:
        scores["error"] = Scored(float(failed)) if errors else _MISSING
    if costs:
        # What an errored trial cost says nothing of what the answer would have.
        stated = row.cost_usd is not None and not failed
        scores["cost_usd"] = (
            Scored(row.cost_usd) if stated and row.cost_usd is not None else _MISSING
        )
    if row.seconds is not None and not failed:
        scores["completion_time"] = Scored(row.seconds)
    return TrialResult(
        case_id=case,
        trial=number,
        status="crashed" if failed else "finished",
        scores=scores,
        error=None if row.error is None else row.error[:_SHOWN],
        usage=row.usage,
        output=row.output[:_SHOWN],
    )


def _score_name(name: str) -> str:
    """Keep a tool's score apart from our own of the same name."""
    return f"{name} (score)" if name in _OWN and name != SUCCESS else name


def _kinds(
    baseline: ForeignFile,
    candidate: ForeignFile,
    rows: Sequence[ResultRow],
    chosen: Sequence[Chosen],
    notes: list[str],
) -> dict[str, ScoreKind]:
    """Settle direction, range and gate of every score."""
    names = dict.fromkeys(name for row in rows for name in row.scores)
    for one in chosen:
        if one.name not in (*names, _COST):
            raise ConfigError(
                f"--score {one.name!r}{did_you_mean(one.name, names)}: neither file has such a "
                f"score; they have {', '.join(names)}",
                fix="--score NAME",
            )
    wanted = {one.name: one for one in chosen}
    told = _told(baseline.results, candidate.results)
    settled: dict[str, ScoreKind] = {}
    for name in names:
        values = [s.value for row in rows if isinstance(s := row.scores.get(name), Scored)]
        given = wanted.get(name)
        settled[name] = _settled(name, told.get(name, ScoreKind()), given, values, notes)
        if chosen and given is None:
            settled[name] = replace(settled[name], informational=True)
    if all(kind.informational for kind in settled.values()):
        raise ConfigError(
            f"no score of the two files says which way is better: {', '.join(names)}",
            fix=f"--score {next(iter(names), 'NAME')}:higher (or :lower)",
        )
    return settled


def _told(old: Results, new: Results) -> dict[str, ScoreKind]:
    """Join what two files say: the baseline counts, and a score only informs where both say so."""
    both = {**new.kinds, **old.kinds}
    held = [(file.kinds, {n for row in file.rows for n in row.scores}) for file in (old, new)]
    return {
        name: replace(
            kind,
            informational=all(
                kinds.get(name, RATIO).informational for kinds, names in held if name in names
            ),
        )
        for name, kind in both.items()
    }


def _settled(
    name: str, kind: ScoreKind, one: Chosen | None, values: Sequence[float], notes: list[str]
) -> ScoreKind:
    if name == SUCCESS:
        return ScoreKind("higher", (0.0, 1.0))
    bounds = kind.bounds if one is None or one.bounds is None else one.bounds
    if bounds is not None and not _within(values, bounds):
        notes.append(f"{name}: a value lies outside {bounds[0]:g} to {bounds[1]:g}")
        bounds = None
    elif bounds is None and values and _within(values, (0.0, 1.0)):
        bounds = (0.0, 1.0)  # a guess that is said where it matters: see docs
    given = one.direction if one is not None else None
    direction = given or kind.direction or direction_of(name)
    informational = kind.informational and one is None
    if direction is None:
        direction = "higher"
        if bounds is None and one is None and not informational:
            notes.append(
                f"{name} is shown and does not gate: nothing says which way is better "
                f"(--score '{name}:lower' or ':higher' gates it)"
            )
            informational = True
        elif not informational:
            notes.append(f"{name}: more is taken for better")
    return ScoreKind(direction, bounds, informational)


def _within(values: Iterable[float], bounds: tuple[float, float]) -> bool:
    return all(bounds[0] <= value <= bounds[1] for value in values)


def _metrics(kinds: Mapping[str, ScoreKind], chosen: Sequence[Chosen]) -> dict[str, Metric]:
    """Define the metrics that the two files have."""
    metrics: dict[str, Metric] = {}
    for name, kind in kinds.items():
        gate: Gate = "advisory" if kind.informational else "standard"
        if name == SUCCESS:
            success = [
                m for m in METRICS.values() if m.score == SUCCESS and "quartile" not in m.aggregate
            ]
            metrics |= {m.name: m for m in success}
            metrics["task_success_rate"] = replace(metrics["task_success_rate"], gate=gate)
            continue
        label = _score_name(name)
        metrics[label] = Metric(
            name=label,
            score=label,
            unit="ratio" if kind.bounds == (0.0, 1.0) else "score",
            direction=kind.direction or "higher",
            gate=gate,
            doc="A score of another tool, as it gave it.",
            bounds=kind.bounds,
            abs_tol=0.0 if kind.direction == "lower" else None,
        )
    for name in _STANDARD:
        # A trial that ended early is no reason to compare costs over fewer cases.
        metrics[name] = replace(METRICS[name], finished_only=METRICS[name].aggregate != "mean")
    if chosen and all(one.name != _COST for one in chosen):
        metrics[_COST] = replace(metrics[_COST], gate="advisory")
    return metrics


def _report(
    file: ForeignFile, cases: Sequence[CaseResult], metrics: Mapping[str, Metric]
) -> Report:
    ids = "\n".join(sorted(case.id for case in cases))
    return Report(
        verdict="inconclusive",
        exit_code=3,
        suite=SuiteInfo(
            id=file.format,
            golden_digest=f"sha256:{sha256(ids.encode('utf-8', 'surrogatepass')).hexdigest()}",
            cases=len(cases),
            selected=len(cases),
            trials=min((len(case.trials) for case in cases), default=0),
            agent=str(file.path),
            mode="recorded",
        ),
        metrics=metric_values(cases, metrics),
        cases=tuple(cases),
    )
