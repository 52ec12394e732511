"""The field's eleven lines, P0 to P3: met, not met or not measured, each with its figure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from evalgate.stress.checks.statements import StressCheck
from evalgate.stress.simulation.admission import Admission

_JOINT = 2
"""Suites that make a joint run."""

LineStatus = Literal["met", "not met", "not measured"]


@dataclass(frozen=True, slots=True)
class Controls:
    """What the configuration says about capacity control; None: nothing."""

    admission: Admission | None = None
    organisation_budget: bool | None = None
    """Whether the limits are those of the whole organisation."""
    joint: int = 0
    """Suites that share these limits, played together; 0: one alone, or not all of them."""
    ranks: int = 1
    """Different places in the queue."""
    alert_routes: bool | None = None
    """Whether alerts go to the team that owns the cause."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the checklist."""

    priority: Literal["P0", "P1", "P2", "P3"]
    name: str
    status: LineStatus
    check: str | None
    """The check it rests on."""
    figure: str


def _by_check(
    checks: dict[str, StressCheck],
    priority: Literal["P0", "P1", "P2", "P3"],
    name: str,
    check: str,
) -> Line:
    found = checks.get(check)
    if found is None:
        return Line(priority, name, "not measured", check, "the check was not made")
    status: dict[str, LineStatus] = {"pass": "met", "fail": "not met"}
    return Line(priority, name, status.get(found.outcome, "not measured"), check, found.reason)


def _by_control(
    priority: Literal["P0", "P1", "P2", "P3"],
    name: str,
    has: bool | None,  # noqa: FBT001  three values
    figure: str,
) -> Line:
    status: LineStatus = "not measured" if has is None else "met" if has else "not met"
    return Line(priority, name, status, None, figure)


def _budget(controls: Controls) -> Line:
    """Hold the organisation's budget against all that draw on it, or leave the line open."""
    has = controls.organisation_budget
    figure = "limits: not stated" if has is None else "limits: of one agent"
    if has and controls.joint < _JOINT:
        has, figure = None, "limits: of the organisation; not all that share them were played"
    elif has:
        figure = f"limits: of the organisation; {controls.joint} suites played together"
    return _by_control("P0", "organisation-wide budget", has, figure)


def checklist(controls: Controls, checks: Iterable[StressCheck]) -> tuple[Line, ...]:
    """Return the lines in their order."""
    by_name = {check.name: check for check in checks if check.scope == "all"}
    gate = controls.admission
    reserve = gate is not None and gate.reservation != "none" and gate.reserve > 0
    kept = f"{gate.reserve} % {gate.reservation}" if gate is not None and reserve else "none"
    ranks = f"{controls.ranks} ranks" if gate is not None else "no queue"
    routes = {None: "not configured", True: "configured", False: "without a team"}
    return (
        _budget(controls),
        _by_check(by_name, "P0", "rate-limit alarm", "rate_limit_error_rate"),
        _by_check(by_name, "P0", "retry limit", "retry_limit"),
        _by_control(
            "P1",
            "backpressure",
            gate is not None and gate.backpressure,
            "on" if gate is not None and gate.backpressure else "off",
        ),
        _by_check(by_name, "P1", "loop limit", "llm_calls_per_turn"),
        _by_check(by_name, "P1", "quota watch", "quota_utilisation"),
        _by_check(by_name, "P2", "tool fan-out", "tool_fan_out"),
        _by_control(
            "P2", "alert routing", controls.alert_routes, f"routes: {routes[controls.alert_routes]}"
        ),
        _by_control(
            "P3",
            "dynamic adjustment",
            gate is not None and gate.aimd is not None,
            "on" if gate is not None and gate.aimd is not None else "off",
        ),
        _by_control("P3", "priority queue", gate is not None and controls.ranks > 1, ranks),
        _by_control("P3", "reserved quota", reserve, f"reserved: {kept}"),
    )
