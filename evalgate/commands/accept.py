"""Writes a waiver: a failure that a team accepts down to a floor and up to a day."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from evalgate.errors import ConfigError, NoEvidence
from evalgate.gate.waivers import MOST_DAYS
from evalgate.schema.verdict import Check
from evalgate.schema.waiver import Waiver
from evalgate.store.config import load_config
from evalgate.store.golden_sets.golden import load_golden
from evalgate.store.reports import read_reports
from evalgate.store.runs import REPORT, list_runs, read_manifest
from evalgate.store.waivers import load_waivers, save_waivers
from evalgate.suite.policy import suite_metrics
from evalgate.suite.suite import Selection, Suite, find_suites
from evalgate.text.suggest import did_you_mean

_DIGITS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """What is accepted."""

    config: Path
    suite: str | None
    """The suite; null: the only one."""
    metric: str | None
    """The metric whose failing checks are accepted."""
    case: str | None
    """The case that may fail."""
    floor: float | None
    """The worst value accepted; null: of a metric, what its last run had."""
    reason: str
    expires: str
    """Last day, `2026-12-31`, or a number of days, `30d`."""


def accept_failure(wanted: Acceptance, today: date) -> str:
    """Write or replace one waiver, and say what was written and when it counts.

    Raises:
        ConfigError: Suite, metric, case or day is not valid.
        NoEvidence: No floor is given, and no run shows one.
    """
    suite = _suite(wanted)
    if (wanted.metric is None) == (wanted.case is None):
        raise ConfigError("give --metric or --case, one of the two", fix="evalgate accept --help")
    _refuse_unknown(suite, wanted)
    floor = wanted.floor
    if wanted.metric is not None and floor is None:
        floor = _floor_of_last_run(suite, wanted.metric)
    try:
        waiver = Waiver(
            suite=suite.name,
            metric=wanted.metric,
            case=wanted.case,
            floor=floor,
            reason=wanted.reason.strip(),
            expires=_day(wanted.expires, today),
        )
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "waiver"
        raise ConfigError(f"no valid waiver: {place}: {first['msg']}") from error
    loaded = load_config(wanted.config)
    path = loaded.root / loaded.config.trust.waivers
    key = (waiver.suite, waiver.about)
    kept = [other for other in load_waivers(path) if (other.suite, other.about) != key]
    save_waivers(path, [*kept, waiver])
    return (
        f"wrote {path}: {waiver.suite}: {waiver}\n"
        "commit it: it counts on the base branch, or once a code owner approves the commit"
    )


def _suite(wanted: Acceptance) -> Suite:
    names = () if wanted.suite is None else (wanted.suite,)
    found = find_suites(Selection(wanted.config, names))
    if len(found) > 1:
        listed = "|".join(suite.name for suite in found)
        raise ConfigError(f"{wanted.config} has {len(found)} suites", fix=f"--suite {listed}")
    return found[0]


def _refuse_unknown(suite: Suite, wanted: Acceptance) -> None:
    if wanted.metric is not None:
        known = suite_metrics(suite)
        if wanted.metric not in known:
            hint = did_you_mean(wanted.metric, known)
            raise ConfigError(f"suite {suite.name!r}: no metric {wanted.metric!r}{hint}")
    if wanted.case is not None:
        cases = [case.id for case in load_golden(suite.golden).cases]
        if wanted.case not in cases:
            hint = did_you_mean(wanted.case, cases)
            raise ConfigError(f"{suite.golden}: no case {wanted.case!r}{hint}")


def _day(text: str, today: date) -> date:
    try:
        days = int(text[:-1]) if text.endswith("d") else None
        day = date.fromisoformat(text) if days is None else today + timedelta(days=days)
    except (ValueError, OverflowError):
        raise ConfigError(
            f"--expires {text!r} is no day; expected 2026-12-31 or 30d", fix="--expires 30d"
        ) from None
    if not today <= day <= today + timedelta(days=MOST_DAYS):
        raise ConfigError(
            f"--expires {text!r} is {day.isoformat()}; expected a day from today on, at most "
            f"{MOST_DAYS} days ahead: no waiver is open-ended",
            fix="--expires 30d",
        )
    return day


def _floor_of_last_run(suite: Suite, metric: str) -> float:
    """Take what the newest run of the suite had, where that failed."""
    give = "--floor VALUE"
    for folder in reversed(list_runs(suite.runs)):
        if read_manifest(folder).suite != suite.name or not (folder / REPORT).is_file():
            continue
        (stored,) = read_reports(folder)
        failing = [c for c in stored.report.checks if c.metric == metric and _is_failing(c)]
        if not failing:
            raise NoEvidence(f"{folder.name}: no check of {metric} fails there", fix=give)
        worst = max(failing, key=_badness)
        return _outward(worst)
    raise NoEvidence(f"suite {suite.name!r} has no run that shows what to accept", fix=give)


def _is_failing(check: Check) -> bool:
    return check.outcome == "fail" and check.candidate is not None and check.gate != "advisory"


def _badness(check: Check) -> float:
    value = check.candidate or 0.0
    return -value if check.direction == "higher" else value


def _outward(check: Check) -> float:
    """Round to 4 significant digits, to the side that accepts the value itself."""
    value = Decimal(repr(check.candidate or 0.0))
    if not value:
        return 0.0
    step = Decimal(1).scaleb(value.adjusted() - _DIGITS + 1)
    way = ROUND_FLOOR if check.direction == "higher" else ROUND_CEILING
    return float(value.quantize(step, rounding=way))
