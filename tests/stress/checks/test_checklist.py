"""The twelve lines."""

from dataclasses import replace

import pytest

from evalgate.quota.quota import Quota, Request
from evalgate.stress.checks.checklist import Controls, checklist
from evalgate.stress.checks.checks import judge
from evalgate.stress.load.sessions import Loops
from evalgate.stress.load.workload import Call, Group, SessionPlan, Stage, Workload
from evalgate.stress.simulation.admission import Admission, Aimd
from evalgate.stress.simulation.outcome import merge_outcomes
from evalgate.stress.simulation.simulate import Scenario, simulate

ONE = SessionPlan((Stage((Call(Request()),)),))


def _run(sessions: int) -> Scenario:
    return Scenario(Workload((Group("a", (ONE,), sessions),)), Quota(rpm=60))


def test_nothing_configured_and_nothing_measured() -> None:
    """Eleven lines in the field's order; what is not known is not met."""
    lines = checklist(Controls(), [])
    assert ["P0"] * 3 + ["P1"] * 3 + ["P2"] * 2 + ["P3"] * 3 == [line.priority for line in lines]
    assert "met" not in {line.status for line in lines}
    assert {"not met": 4, "not measured": 7} == {
        status: sum(line.status == status for line in lines)
        for status in ("not met", "not measured")
    }


def test_all_can_be_met() -> None:
    """With every control on and a run that holds."""
    controls = Controls(
        admission=Admission(aimd=Aimd()),
        organisation_budget=True,
        ranks=2,
        alert_routes=True,
        joint=2,
    )
    outcome = merge_outcomes([simulate(_run(50), seed) for seed in range(6)])
    checks = judge(outcome, None, Loops(3, 1, 1, 1))
    assert {"met"} == {line.status for line in checklist(controls, checks)}


def test_a_failed_check_is_a_line_not_met() -> None:
    """With its figure."""
    lines = {line.name: line for line in checklist(Controls(), judge(simulate(_run(90))))}
    alarm = lines["rate-limit alarm"]
    assert ("not met", "rate_limit_error_rate") == (alarm.status, alarm.check)
    assert "30 of 90" in alarm.figure


@pytest.mark.parametrize(
    ("stated", "joint", "status"),
    [(None, 3, "not measured"), (False, 3, "not met"), (True, 0, "not measured"), (True, 2, "met")],
)
def test_the_organisations_budget_takes_a_joint_run(
    stated: bool | None,  # noqa: FBT001  three values
    joint: int,
    status: str,
) -> None:
    """One suite alone says nothing about the budget of all."""
    controls = Controls(organisation_budget=stated, joint=joint)
    assert status == checklist(controls, [])[0].status


def test_figures_of_controls() -> None:
    """What is configured, in words; a gate without reserve keeps none."""

    def lines(controls: Controls) -> dict[str, tuple[str, str]]:
        return {line.name: (line.status, line.figure) for line in checklist(controls, [])}

    bare = lines(Controls())
    assert ("not measured", "limits: not stated") == bare["organisation-wide budget"]
    assert ("not measured", "the check was not made") == bare["rate-limit alarm"]
    assert ("not met", "off") == bare["backpressure"] == bare["dynamic adjustment"]
    assert ("not measured", "routes: not configured") == bare["alert routing"]
    assert ("not met", "no queue") == bare["priority queue"]
    assert ("not met", "reserved: none") == bare["reserved quota"]
    budgets = {
        (False, 3): ("not met", "limits: of one agent"),
        (True, 1): (
            "not measured",
            "limits: of the organisation; not all that share them were played",
        ),
        (True, 3): ("met", "limits: of the organisation; 3 suites played together"),
    }
    for (stated, joint), line in budgets.items():
        found = lines(Controls(organisation_budget=stated, joint=joint))
        assert line == found["organisation-wide budget"]
    gate = lines(Controls(Admission(aimd=Aimd()), alert_routes=True, ranks=2))
    assert ("met", "on") == gate["backpressure"] == gate["dynamic adjustment"]
    assert ("met", "2 ranks") == gate["priority queue"]
    assert ("met", "reserved: 20 % conserving") == gate["reserved quota"]
    assert ("met", "routes: configured") == gate["alert routing"]
    off = lines(Controls(Admission(backpressure=False, reserve=0), alert_routes=False))
    assert ("not met", "off") == off["backpressure"] == off["dynamic adjustment"]
    assert ("not met", "1 ranks") == off["priority queue"]
    assert ("not met", "reserved: none") == off["reserved quota"]
    assert ("not met", "routes: without a team") == off["alert routing"]
    none = lines(Controls(Admission(reservation="none")))
    assert ("not met", "reserved: none") == none["reserved quota"]


def test_only_checks_about_all_sessions_count() -> None:
    """A check of one tier is no line, and what is inconclusive is not measured."""
    made = {check.name: check for check in judge(simulate(_run(90)))}
    alarm = made["rate_limit_error_rate"]
    aside = replace(alarm, scope="critical")
    open_one = replace(alarm, outcome="inconclusive")
    for check, status in ((aside, "not measured"), (open_one, "not measured"), (alarm, "not met")):
        lines = {line.name: line for line in checklist(Controls(), [check])}
        assert status == lines["rate-limit alarm"].status
