"""What simulated users cost and how often they left their scripts: no part of the agent's."""

from evalgate.output.numbers import amount
from evalgate.schema.result import Report, TrialUser
from evalgate.text.counts import number_of


def users_of(report: Report) -> list[TrialUser]:
    """Return the simulated user of each trial that had one."""
    return [t.user for case in report.cases for t in case.trials if t.user is not None]


def users_spent(report: Report) -> str:
    """Say what simulated users cost; empty where there were none."""
    users = users_of(report)
    if not users:
        return ""
    calls = sum(user.calls for user in users)
    costs = [user.cost_usd for user in users if user.calls]
    known = [cost for cost in costs if cost is not None]
    spent = amount(sum(known) if len(known) == len(costs) else None, "USD")
    return f"simulated users {spent} in {number_of(calls, 'call')}"
