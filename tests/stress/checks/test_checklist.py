"""The twelve lines."""

from evalgate.quota.quota import Quota, Request
from evalgate.stress.checks.checklist import Controls, checklist
from evalgate.stress.checks.checks import judge
from evalgate.stress.checks.rootcause import Accuracy
from evalgate.stress.load.sessions import Loops
from evalgate.stress.load.workload import Call, Group, Plan, Stage, Workload
from evalgate.stress.simulation.admission import Admission, Aimd
from evalgate.stress.simulation.simulate import Scenario, simulate, simulate_seeds

ONE = Plan((Stage((Call(Request()),)),))


def _run(sessions: int) -> Scenario:
    return Scenario(Workload((Group("a", (ONE,), sessions),)), Quota(rpm=60))


def test_nothing_configured_and_nothing_measured() -> None:
    """Twelve lines in the field's order; what is not known is not met."""
    lines = checklist(Controls(), [])
    assert ["P0"] * 3 + ["P1"] * 3 + ["P2"] * 3 + ["P3"] * 3 == [line.priority for line in lines]
    assert "met" not in {line.status for line in lines}
    assert {"not met": 4, "not measured": 8} == {
        status: sum(line.status == status for line in lines)
        for status in ("not met", "not measured")
    }


def test_all_twelve_can_be_met() -> None:
    """With every control on and a run that holds."""
    controls = Controls(
        admission=Admission(aimd=Aimd()),
        organisation_budget=True,
        ranks=2,
        alert_routes=True,
        rootcause=Accuracy(95, 100, ()),
    )
    checks = judge(simulate_seeds(_run(50), range(6)), None, Loops(3, 1, 1, 1))
    assert {"met"} == {line.status for line in checklist(controls, checks)}


def test_a_failed_check_is_a_line_not_met() -> None:
    """With its figure."""
    lines = {line.name: line for line in checklist(Controls(), judge(simulate(_run(90))))}
    alarm = lines["rate-limit alarm"]
    assert ("not met", "rate_limit_error_rate") == (alarm.status, alarm.check)
    assert "30 of 90" in alarm.figure


def test_a_poor_classifier_is_not_met() -> None:
    """Under 90 % right."""
    lines = checklist(Controls(rootcause=Accuracy(89, 100, ())), [])
    assert "not met" == next(line for line in lines if line.name == "root cause analysis").status
