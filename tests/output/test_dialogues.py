"""What simulated users cost stands beside the agent's cost."""

import pytest

from evalgate.output.dialogues import users_spent
from evalgate.schema.result import CaseResult, Report, SuiteInfo, TrialResult, TrialUser

SUITE = SuiteInfo(id="s", golden_digest="d", cases=1, selected=1, trials=1)


@pytest.mark.parametrize(
    ("users", "said"),
    [
        ((None,), ""),
        ((TrialUser("m", 2, cost_usd=0.5), TrialUser("n", 1, cost_usd=0.25)), "$0.75 in 3 calls"),
        ((TrialUser("m", 2, cost_usd=0.5), TrialUser("m", 1)), "unknown in 3 calls"),
        ((TrialUser("m", 0), TrialUser("m", 1, cost_usd=0.5)), "$0.5 in 1 call"),
    ],
)
def test_users_are_counted_apart(users: tuple[TrialUser | None, ...], said: str) -> None:
    """One of unknown cost makes the sum unknown; one that was never asked cost nothing."""
    trials = tuple(
        TrialResult("a", number, "finished", {}, user=user) for number, user in enumerate(users)
    )
    case = CaseResult(id="a", digest="d", trials=trials)
    report = Report(verdict="pass", exit_code=0, suite=SUITE, cases=(case,))
    expected = f"simulated users {said}" if said else ""
    assert expected == users_spent(report)
