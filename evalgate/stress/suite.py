"""The stress check of a suite: its agent is replayed, and what it did is played at scale."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from evalgate.errors import ConfigError, DataError, ExitCode
from evalgate.schema.result import CaseResult, Report, SuiteInfo
from evalgate.schema.stress import StressConfig
from evalgate.schema.trace import Trace
from evalgate.schema.verdict import Check
from evalgate.stress.check import stress_of_sessions
from evalgate.stress.organisation import Share, shares_limits
from evalgate.stress.recorded_sessions import Tagged, tagged_by_case
from evalgate.stress.replay import replayed_traces
from evalgate.stress.report import (
    STRESS_EVIDENCE,
    StressPart,
    claimed_check,
    conclude_alone,
)
from evalgate.stress.settings import check_settings, has_limits
from evalgate.stress.tool_faults.how import REPLAYED, FaultPlay
from evalgate.suite.environment import Environment
from evalgate.suite.events import Listener
from evalgate.suite.plan import Filters, Plan, make_plan, suite_info
from evalgate.suite.sources import suite_baseline
from evalgate.suite.suite import Suite

__all__ = [
    "check_stress",
    "stored_share",
    "stress_suite",
    "stressed",
    "stressed_again",
    "suite_sessions",
    "suite_share",
]


def stress_suite(
    suite: Suite,
    baseline: str | None,
    environment: Environment,
    listen: Listener,
    how: FaultPlay = REPLAYED,
) -> Report:
    """Make the stress check of one suite, and of nothing else of it.

    Args:
        suite: A suite with a `stress:` block.
        baseline: What to compare with: a path, the empty text for its own; null: nothing.
        environment: The machine.
        listen: Is told of each finished trial.
        how: How sessions with faults of tools are played.

    Raises:
        ConfigError: The suite's calls are neither recorded nor replayed.
    """
    plan = make_plan(suite, Filters())
    config = suite.config.stress or StressConfig()
    side = None if baseline is None else suite_baseline(suite, baseline, plan.metrics)
    part = asyncio.run(_part(plan, config, environment, listen, how))
    return conclude_alone(_report(plan), part, side, suite.config.gate)


def suite_share(suite: Suite, environment: Environment, listen: Listener) -> Share:
    """Replay a suite for the joint check of all that share its limits.

    Raises:
        ConfigError: The suite's calls are neither recorded nor replayed.
    """
    plan = make_plan(suite, Filters())
    sessions = asyncio.run(suite_sessions(plan, environment, listen))
    return Share(_info(plan), suite.config.stress or StressConfig(), sessions, suite.root)


def stored_share(plan: Plan, trials: int, traces: Iterable[Trace]) -> Share | None:
    """Return what a suite that was run brings to the joint check; null: it takes no part."""
    config = plan.suite.config.stress
    if config is None or plan.partial or not shares_limits(plan.suite):
        return None
    return Share(_info(plan), config, _counted(plan, trials, traces), plan.suite.root)


async def _part(
    plan: Plan,
    config: StressConfig,
    environment: Environment,
    listen: Listener,
    how: FaultPlay,
) -> StressPart:
    sessions = await suite_sessions(plan, environment, listen)
    return await _made(plan, config, sessions, environment, listen, how)


async def _made(
    plan: Plan,
    config: StressConfig,
    sessions: list[Tagged],
    environment: Environment,
    listen: Listener,
    how: FaultPlay,
) -> StressPart:
    """Play the load against the limits, and sessions with faults of tools, where there are any."""
    if not config.faults.tools:
        return await _load_part(plan, config, sessions, environment, listen)
    part = StressPart()
    if has_limits(config):
        part = await _load_part(plan, config, sessions, environment, listen)
    from evalgate.stress.tool_faults.check import tool_fault_part  # noqa: PLC0415  heavy

    faults = await tool_fault_part(plan, config, sessions, environment, listen, how)
    return replace(part, faults=faults.faults, checks=(*part.checks, *faults.checks))


async def _load_part(
    plan: Plan,
    config: StressConfig,
    sessions: list[Tagged],
    environment: Environment,
    listen: Listener,
) -> StressPart:
    if config.engine == "live":
        from evalgate.stress.live.check import live_part  # noqa: PLC0415  heavy

        return await live_part(plan, config, sessions, environment, listen)
    return _simulated(plan, config, sessions)


def _simulated(plan: Plan, config: StressConfig, sessions: list[Tagged]) -> StressPart:
    """Play sessions at scale; a load that only the agent knows of is no reason to pass."""
    part = stress_of_sessions(config, sessions, plan.suite.root)
    return replace(part, checks=(*part.checks, *claimed_check(_info(plan))))


async def suite_sessions(plan: Plan, environment: Environment, listen: Listener) -> list[Tagged]:
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
    traces = await replayed_traces(plan, environment, listen)
    return tagged_by_case(traces, plan.cases)


def _report(plan: Plan) -> Report:
    """Say what was stressed: the cases, none of which is scored here."""
    cases = tuple(
        CaseResult(id=case.id, digest=plan.digests[case.id], tags=tuple(case.tags))
        for case in plan.cases
    )
    return Report(
        verdict="inconclusive",
        exit_code=ExitCode.INCONCLUSIVE,
        suite=_info(plan),
        cases=cases,
    )


def _info(plan: Plan) -> SuiteInfo:
    return suite_info(plan).model_copy(update={"noise": "none"})


async def stressed(
    plan: Plan, trials: int, traces: Iterable[Trace], environment: Environment, listen: Listener
) -> StressPart | None:
    """Make the stress check of a suite after its run; null where the suite asks for none.

    Args:
        plan: What was run.
        trials: Trials a case that count.
        traces: The traces of the run, in any order.
        environment: The machine.
        listen: Is told of each finished trial of a live check.
    """
    config = plan.suite.config.stress
    if config is None:
        return None
    if plan.partial:
        note = "no stress check was made: a selection of the cases is not the load"
        return StressPart(warnings=(note,))
    try:
        how = FaultPlay(record=plan.calls in ("record", "auto"))
        sessions = _counted(plan, trials, traces)
        return await _made(plan, config, sessions, environment, listen, how)
    except DataError as error:  # what the trials left behind is no load
        return _unknown(error.message, error.fix)


def stressed_again(plan: Plan, trials: int, traces: Iterable[Trace]) -> StressPart | None:
    """Make the stress check of stored traces; nothing is run, and null where none is asked for.

    Args:
        plan: What was run.
        trials: Trials a case that count.
        traces: Its traces, in any order.
    """
    config = plan.suite.config.stress
    if config is None or plan.partial:
        return None
    if config.engine == "live" or config.faults.tools:
        again = f"evalgate stress {plan.suite.asked}"
        what = "a live stress check" if config.engine == "live" else "a check of faults of tools"
        return _unknown(f"{what} is not made of stored traces", again)
    try:
        return _simulated(plan, config, _counted(plan, trials, traces))
    except DataError as error:
        return _unknown(error.message, error.fix)


def _counted(plan: Plan, trials: int, traces: Iterable[Trace]) -> list[Tagged]:
    """Leave out the trials that only confirm failures."""
    return tagged_by_case([trace for trace in traces if trace.trial < trials], plan.cases)


def _unknown(reason: str, fix: str | None) -> StressPart:
    check = Check(
        id=f"{STRESS_EVIDENCE}_check",
        kind="evidence",
        outcome="inconclusive",
        reason=reason,
        fix=fix,
    )
    return StressPart(checks=(check,))


def check_stress(plan: Plan) -> None:
    """Refuse a `stress:` block that cannot be played, before any trial is run.

    Raises:
        ConfigError: A name is unknown, a limit is absurd, or a kind of session has no case.
        DataError: The arrival trace is not readable.
    """
    config = plan.suite.config.stress
    if config is not None:
        tags = {tag for case in plan.golden.cases for tag in case.tags}
        check_settings(config, tags, plan.suite.root)
