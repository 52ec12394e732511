"""The field's twelve lines, P0 to P3: met, not met or not measured, each with its figure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from evalgate.stress.checks.rootcause import Accuracy
from evalgate.stress.checks.statements import StressCheck
from evalgate.stress.simulation.admission import Admission

__all__ = ["Controls", "Line", "LineStatus", "checklist"]

LineStatus = Literal["met", "not met", "not measured"]

_LEAST_ACCURACY = 0.90


@dataclass(frozen=True, slots=True)
class Controls:
    """What the configuration says about capacity control; None: nothing."""

    admission: Admission | None = None
    organisation_budget: bool | None = None
    """Whether the limits are those of the whole organisation."""
    ranks: int = 1
    """Different places in the queue."""
    alert_routes: bool | None = None
    """Whether alerts go to the team that owns the cause."""
    rootcause: Accuracy | None = None
    """The classifier's accuracy on labelled responses."""


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


def _root_cause(found: Accuracy | None) -> Line:
    share = None if found is None else found.share
    if found is None or share is None:
        text = "no labelled responses"
        return Line("P2", "root cause analysis", "not measured", None, text)
    status: LineStatus = "met" if share >= _LEAST_ACCURACY else "not met"
    text = f"classifier right on {found.right} of {found.total}"
    return Line("P2", "root cause analysis", status, None, text)


def checklist(controls: Controls, checks: Iterable[StressCheck]) -> tuple[Line, ...]:
    """Return the twelve lines in their order.

    Args:
        controls: What is configured.
        checks: What was judged; those about all sessions count.
    """
    by_name = {check.name: check for check in checks if check.scope == "all"}
    gate = controls.admission
    reserve = gate is not None and gate.reservation != "none" and gate.reserve > 0
    kept = f"{gate.reserve} % {gate.reservation}" if gate is not None and reserve else "none"
    ranks = f"{controls.ranks} ranks" if gate is not None else "no queue"
    routes = {None: "not configured", True: "configured", False: "without a team"}
    budget = {None: "not stated", True: "of the organisation", False: "of one agent"}
    return (
        _by_control(
            "P0",
            "organisation-wide budget",
            controls.organisation_budget,
            f"limits: {budget[controls.organisation_budget]}",
        ),
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
        _root_cause(controls.rootcause),
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
