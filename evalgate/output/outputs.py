"""Outputs of a GitHub action: one `name=value` a line, each of a few letters and digits."""

from collections.abc import Iterator

from evalgate.output.style import Style
from evalgate.schema.report_text import digest_of
from evalgate.schema.result import Report, ReportSet
from evalgate.schema.score import Scored


def render(reports: ReportSet, _style: Style) -> str:
    """Write verdict, exit code, number of regressions, cost in USD, and what else a job passes on.

    The digest is that of the report as `--format json` writes it; `sandboxed` says whether no code
    of the change ran outside of the sandbox.

    No value holds text of a model, a line break or a `=`, so none can forge another output.
    """
    regressions = sum(
        change.outcome == "regressed" for report in reports.suites for change in report.changes
    )
    values = {
        "verdict": reports.verdict,
        "exit-code": int(reports.exit_code),
        "regressions": regressions,
        "cost-usd": _cost(reports.suites),
        "report-digest": digest_of(reports),
        "sandboxed": "true" if all(map(_kept_in, reports.suites)) else "false",
    }
    return "".join(f"{name}={value}\n" for name, value in values.items())


def _kept_in(report: Report) -> bool:
    ran = report.suite.selected > 0 and not report.suite.agent.startswith("recorded:")
    return not ran or (report.suite.isolation or "").startswith(("landlock", "bubblewrap"))


def _cost(reports: tuple[Report, ...]) -> str:
    """Add up what all trials cost; unknown where one is, or where there is none."""
    costs = list(_costs(reports))
    known = [cost for cost in costs if cost is not None]
    return f"{sum(known):.6g}" if known and len(known) == len(costs) else "unknown"


def _costs(reports: tuple[Report, ...]) -> Iterator[float | None]:
    for report in reports:
        for case in report.cases:
            for trial in case.trials:
                score = trial.scores.get("cost_usd")
                yield score.value if isinstance(score, Scored) else None
