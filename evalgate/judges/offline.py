"""What judges add to a report whose trials were judged somewhere else; nobody is asked."""

import asyncio
from collections.abc import Sequence

from evalgate.judges.calibration import suite_trust_checks
from evalgate.judges.judged_agent import JudgedPart, judged_part
from evalgate.judges.judging import open_judges
from evalgate.schema.result import JudgeInfo
from evalgate.schema.verdict import Check
from evalgate.suite.environment import Environment
from evalgate.suite.plan import Plan


def judges_of(plan: Plan, environment: Environment) -> tuple[JudgedPart, tuple[Check, ...]]:
    """Describe the judges of a suite, and state whether the gate may trust them.

    Raises:
        DataError: A calibration is not readable.
    """

    async def described() -> tuple[JudgedPart, tuple[Check, ...]]:
        async with open_judges(plan.suite, environment, "off") as judging:
            part = judged_part(judging, plan.metrics)
            return part, suite_trust_checks(plan.suite, judging, plan.metrics)

    return asyncio.run(described())


def added_up(judges: Sequence[JudgeInfo]) -> JudgeInfo | None:
    """Add up what one judge did in several processes; unknown costs stay unknown."""
    if not judges:
        return None
    costs = [judge.cost_usd for judge in judges]
    known = [cost for cost in costs if cost is not None]
    return judges[0].model_copy(
        update={
            "calls": sum(judge.calls for judge in judges),
            "cached": sum(judge.cached for judge in judges),
            "input_tokens": sum(judge.input_tokens for judge in judges),
            "output_tokens": sum(judge.output_tokens for judge in judges),
            "cost_usd": sum(known) if len(known) == len(costs) else None,
        }
    )
