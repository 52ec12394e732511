"""`evalgate show`: finds the cases of a stored run that somebody wants to see."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evalgate.commands.details import Place, find_place, gather, named_reports
from evalgate.errors import DataError
from evalgate.output.cases.details import RunDetails
from evalgate.output.cases.rows import FAILED, STATES, CaseRow, case_rows
from evalgate.store.reports import StoredReport
from evalgate.text.suggest import did_you_mean


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to see."""

    run: str | None = None
    """A run, or a case of the latest one; null: the latest run."""
    case: str | None = None
    """A case; null: the worst one."""
    trial: int | None = None
    """A trial; null: the first that failed."""
    failed: bool = False
    """Whether every case that did not pass is wanted."""
    config: Path = Path("evalgate.yaml")


def shown_cases(asked: Asked) -> list[tuple[CaseRow, RunDetails]]:
    """Find the cases, worst first.

    Raises:
        DataError: There is no such run, case or trial.
        ConfigError: The configuration is not valid.
    """
    place = find_place(asked.config)
    reports, case = _reports(asked, place)
    rows = [(row, stored) for stored in reports for row in case_rows(stored.report)]
    rows.sort(key=lambda found: STATES.index(found[0].state))
    if case is not None:
        rows = [(row, stored) for row, stored in rows if row.id == case]
        if not rows:
            raise _no_case(case, reports)
    elif asked.failed:
        rows = [(row, stored) for row, stored in rows if row.state in FAILED]
    else:
        rows = rows[:1]
    if asked.trial is not None:
        _check_trial(asked.trial, [row for row, _ in rows])
    details: dict[str, RunDetails] = {}
    for _, stored in rows:
        if stored.source not in details:
            details[stored.source] = gather(stored.report, stored.folder, place)
    return [(row, details[stored.source]) for row, stored in rows]


def _reports(asked: Asked, place: Place) -> tuple[list[StoredReport], str | None]:
    """Read the run; a first word that names no run may name a case of the latest one."""
    if asked.run is not None and asked.case is None and not Path(asked.run).exists():
        try:
            return named_reports(place, (asked.run,))[1], None
        except DataError as error:
            _, latest = named_reports(place, ())
            known = [row.id for stored in latest for row in case_rows(stored.report)]
            if asked.run in known:
                return latest, asked.run
            hint = did_you_mean(asked.run, known)
            raise DataError(f"{error.message}, nor a case of the latest run{hint}") from None
    return named_reports(place, () if asked.run is None else (asked.run,))[1], asked.case


def _no_case(case: str, reports: Sequence[StoredReport]) -> DataError:
    known = [one.id for stored in reports for one in stored.report.cases]
    source = ", ".join(stored.source for stored in reports)
    return DataError(
        f"{source}: there is no case {case!r}{did_you_mean(case, known)}",
        fix="evalgate show RUN --failed  (lists the cases that did not pass)",
    )


def _check_trial(number: int, rows: Sequence[CaseRow]) -> None:
    for row in rows:
        there = [] if row.case is None else [trial.trial for trial in row.case.trials]
        if number not in there:
            listed = ", ".join(map(str, there)) or "none"
            raise DataError(
                f"case {row.id!r} has no trial {number}; there are: {listed}",
                fix="leave --trial out for the first trial that failed",
            )
