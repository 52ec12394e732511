"""What a stress check adds to a report: metrics, checks, and the `stress` object."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from evalgate.gate.checks.stress import STRESS_SCORER, against_baseline
from evalgate.gate.reports import filled, reference
from evalgate.gate.verdict import verdict_of
from evalgate.schema.base import Json
from evalgate.schema.config_parts.gate import GateConfig
from evalgate.schema.result import MetricValue, Report, SuiteInfo
from evalgate.schema.stress import StressConfig
from evalgate.schema.tool_faults import FaultOutcome
from evalgate.schema.verdict import Check
from evalgate.stats.summary import RunSummary, summary_of_report
from evalgate.stress.checks.checklist import Controls, Line, checklist
from evalgate.stress.checks.checks import as_check
from evalgate.stress.checks.metrics import stress_metrics
from evalgate.stress.checks.statements import StressCheck
from evalgate.stress.checks.stress import StressResult
from evalgate.stress.settings import settings_data
from evalgate.stress.simulation.causes import TEAMS
from evalgate.stress.simulation.outcome import as_data
from evalgate.stress.simulation.simulate import Scenario

__all__ = [
    "STRESS_EVIDENCE",
    "StressPart",
    "claimed_check",
    "conclude_alone",
    "part_of",
    "with_part",
]


STRESS_EVIDENCE = "evidence.stress"
"""How the ids of checks begin that say where a stress check lacks evidence."""


@dataclass(frozen=True, slots=True)
class StressPart:
    """All that a stress check adds to a report."""

    data: dict[str, Json] | None = None
    """The `stress` object; null: no check could be made."""
    faults: FaultOutcome | None = None
    """What became of faults of tools; null: there are none."""
    version: str | None = None
    """Version of the model and of its settings."""
    metrics: Mapping[str, MetricValue] = field(default_factory=dict)
    """Figures by name."""
    checks: tuple[Check, ...] = ()
    """Its checks."""
    warnings: tuple[str, ...] = ()
    """What a reader should know."""


def part_of(  # noqa: PLR0913  each is a fact of its own
    config: StressConfig,
    scenario: Scenario,
    result: StressResult,
    version: str,
    *,
    more: Iterable[Check] = (),
    extra: Mapping[str, Json] | None = None,
    warnings: tuple[str, ...] = (),
    joint: int = 0,
) -> StressPart:
    """Put together what a stress check says.

    Args:
        config: The `stress:` block.
        scenario: What was played.
        result: What came of it.
        version: What figures of two runs must share to be compared.
        more: Checks beside those of the result: on evidence, on findings.
        extra: Further fields of the `stress` object.
        warnings: What a reader should know.
        joint: Suites that share the limits and were played together, all of them; 0: not all were.
    """
    outcome = result.outcome
    lines = checklist(_controls(config, scenario, joint), result.checks)
    tiers: dict[str, Json] = {name: verdict for name, verdict in result.tiers.items()}  # noqa: C416  widens
    data: dict[str, Json] = {
        **settings_data(config, scenario),
        **as_data(outcome),  # type: ignore[dict-item]  # JSON data
        "tiers": tiers,
        "statements": [_statement(check) for check in result.checks],
        "root_causes": [
            {"cause": cause, "team": TEAMS[cause], "calls": calls}
            for cause, calls in sorted(outcome.total.causes.items(), key=lambda item: -item[1])
        ],
        "checklist": [_line(line) for line in lines],
        **(extra or {}),
    }
    if any(group.tier is not None for group in scenario.workload.groups):
        warnings = (*warnings, *(_tier_line(name, of) for name, of in result.tiers.items()))
    return StressPart(
        data=data,
        version=version,
        metrics=stress_metrics(outcome),
        checks=(*map(as_check, result.checks), *more),
        warnings=(*warnings, *_spoken(result)),
    )


def _controls(config: StressConfig, scenario: Scenario, joint: int) -> Controls:
    routes = config.alert_routes
    return Controls(
        admission=scenario.admission,
        organisation_budget=config.organisation,
        joint=joint,
        ranks=len({group.rank for group in scenario.workload.groups}),
        alert_routes=None if routes is None else set(TEAMS.values()) <= routes.keys(),
    )


def _tier_line(name: str, outcome: str) -> str:
    return f"stress tier {name}: {outcome}"


def _spoken(result: StressResult) -> list[str]:
    """Warn of what passes and still deserves a look."""
    return [f"stress {check.name}: {check.reason}" for check in result.checks if check.warning]


def _statement(check: StressCheck) -> Json:
    return {
        "name": check.name,
        "scope": check.scope,
        "outcome": check.outcome,
        "gates": check.gates,
        "value": check.value,
        "limit": check.limit,
        "numerator": check.numerator,
        "denominator": check.denominator,
        "needed": check.needed,
        "warning": check.warning,
        "reason": check.reason,
    }


def _line(line: Line) -> Json:
    return {
        "priority": line.priority,
        "name": line.name,
        "status": line.status,
        "check": line.check,
        "figure": line.figure,
    }


def claimed_check(info: SuiteInfo) -> tuple[Check, ...]:
    """Object to a load that only the agent knows of: it is no reason to pass."""
    if not info.claimed or info.trust_reported:
        return ()
    check = Check(
        id=f"{STRESS_EVIDENCE}_claimed",
        kind="evidence",
        outcome="inconclusive",
        reason="calls and tokens of the load are claimed by the agent; no gateway saw them",
        fix="gateway: {} in the suite, or agent: {trust_reported: true} to count its word",
    )
    return (check,)


def with_part(report: Report, part: StressPart) -> Report:
    """Add a stress check to a collected report that nothing is concluded from yet."""
    version = {} if part.version is None else {STRESS_SCORER: part.version}
    return report.model_copy(
        update={
            "stress": part.data,
            "faults": part.faults,
            "metrics": {**report.metrics, **part.metrics},
            "scorers": {**report.scorers, **version},
            "checks": (*report.checks, *part.checks),
            "warnings": (*report.warnings, *part.warnings),
        }
    )


def conclude_alone(
    report: Report, part: StressPart, baseline: RunSummary | None, gate: GateConfig
) -> Report:
    """Decide about a stress check that stands alone.

    Args:
        report: A report without figures.
        part: The stress check.
        baseline: What it is compared with; null: no comparison.
        gate: The policy.
    """
    whole = with_part(report, part)
    checks, warnings = list(whole.checks), list(whole.warnings)
    if baseline is not None:
        found, said = against_baseline(baseline, summary_of_report(whole), gate)
        checks += found
        warnings += said
    bare = whole.model_copy(update={"warnings": ()})
    done = filled(bare, verdict_of(checks, warnings=warnings))
    return done.model_copy(update={"baseline": reference(baseline)})
