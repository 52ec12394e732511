"""Builders of small reports, for the tests of comparison and gate."""

from collections.abc import Callable, Sequence

import pytest

from evalgate.schema.result import CaseResult, Report, SuiteInfo, TrialResult
from evalgate.schema.score import Score, Scored
from evalgate.schema.status import TraceStatus
from evalgate.stats.summary import RunSummary, summary_of_report

Columns = dict[str, Sequence[float | Score]]


def build_case(
    name: str,
    columns: Columns,
    statuses: Sequence[TraceStatus] | None = None,
    **fields: object,
) -> CaseResult:
    """Build a case from its scores by name, one a trial."""
    count = len(statuses) if statuses is not None else len(next(iter(columns.values())))
    ends = statuses if statuses is not None else ["finished"] * count
    trials = tuple(
        TrialResult(
            case_id=name,
            trial=number,
            status=ends[number],
            scores={
                score: value if isinstance(value := values[number], Score) else Scored(float(value))
                for score, values in columns.items()
            },
        )
        for number in range(count)
    )
    return CaseResult.model_validate(
        {"id": name, "digest": f"digest of {name}", "trials": trials, **fields}
    )


def build_report(cases: Sequence[CaseResult], **suite: object) -> Report:
    """Build a report of a suite, without metrics."""
    trials = min((len(case.trials) for case in cases if not case.draft), default=0)
    info = {
        "id": "support",
        "golden_digest": "sha256:golden",
        "cases": len(cases),
        "selected": len(cases),
        "trials": trials,
        **suite,
    }
    return Report(
        verdict="pass", exit_code=0, suite=SuiteInfo.model_validate(info), cases=tuple(cases)
    )


def build_side(rows: Sequence[Columns], source: str = "this run", **suite: object) -> RunSummary:
    """Build a side whose cases are named by their place."""
    cases = [build_case(f"case-{i:04}", columns) for i, columns in enumerate(rows)]
    return summary_of_report(build_report(cases, **suite), source)


@pytest.fixture
def case() -> Callable[..., CaseResult]:
    """Return the builder of cases."""
    return build_case


@pytest.fixture
def report() -> Callable[..., Report]:
    """Return the builder of reports."""
    return build_report


@pytest.fixture
def side() -> Callable[..., RunSummary]:
    """Return the builder of sides."""
    return build_side
