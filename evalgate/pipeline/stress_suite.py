"""The stress check of a suite: its agent is replayed, and what it did is played at scale."""

import asyncio

from evalgate.errors import ConfigError, ExitCode
from evalgate.pipeline.events import Listener
from evalgate.pipeline.plan import Filters, Plan, make_plan
from evalgate.pipeline.policy import config_digest
from evalgate.pipeline.replay import replayed_traces
from evalgate.pipeline.sources import suite_baseline
from evalgate.pipeline.stress import stress_of_sessions
from evalgate.pipeline.stress_report import StressPart, conclude_alone
from evalgate.pipeline.stress_sessions import Tagged, tagged_by_case
from evalgate.pipeline.suite import Suite
from evalgate.pipeline.world import World
from evalgate.schema.result import CaseResult, Report, SuiteInfo
from evalgate.schema.stress import StressConfig

__all__ = ["stress_suite", "suite_sessions"]


def stress_suite(suite: Suite, baseline: str | None, world: World, listen: Listener) -> Report:
    """Make the stress check of one suite, and of nothing else of it.

    Args:
        suite: A suite with a `stress:` block.
        baseline: What to compare with: a path, the empty text for its own; null: nothing.
        world: The machine.
        listen: Is told of each finished trial.

    Raises:
        ConfigError: The suite's calls are neither recorded nor replayed.
    """
    plan = make_plan(suite, Filters())
    config = suite.config.stress or StressConfig()
    side = None if baseline is None else suite_baseline(suite, baseline, plan.metrics)
    part = asyncio.run(_part(plan, config, world, listen))
    return conclude_alone(_report(plan), part, side, suite.config.gate)


async def _part(plan: Plan, config: StressConfig, world: World, listen: Listener) -> StressPart:
    sessions = await suite_sessions(plan, world, listen)
    if config.engine == "live":
        from evalgate.pipeline.stress_live import live_part  # noqa: PLC0415  heavy

        return await live_part(plan, config, sessions, world, listen)
    return stress_of_sessions(config, sessions, plan.suite.root)


async def suite_sessions(plan: Plan, world: World, listen: Listener) -> list[Tagged]:
    """Replay every case of a suite, or read its recorded traces.

    Raises:
        ConfigError: That would call a model.
    """
    if plan.calls is None and plan.mode != "recorded":
        raise ConfigError(
            f"suite {plan.suite.name!r}: its agent calls its model itself, and a stress check "
            "calls none",
            fix="add `gateway: {}` and record once, or give recorded sessions: --traces latest",
        )
    traces = await replayed_traces(plan, world, listen)
    return tagged_by_case(traces, plan.cases)


def _report(plan: Plan) -> Report:
    """Say what was stressed: the cases, none of which is scored here."""
    config = plan.suite.config
    cases = tuple(
        CaseResult(id=case.id, digest=plan.digests[case.id], tags=tuple(case.tags))
        for case in plan.cases
    )
    return Report(
        verdict="inconclusive",
        exit_code=ExitCode.INCONCLUSIVE,
        suite=SuiteInfo(
            id=plan.suite.name,
            golden_digest=plan.golden.digest,
            cases=len(plan.golden.cases),
            selected=len(plan.cases),
            trials=config.trials,
            agent=config.agent.run,
            noise="none",
            mode=plan.mode,
            config_digest=config_digest(config),
        ),
        cases=cases,
    )
