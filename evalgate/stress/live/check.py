"""The live stress check: the suite's own agent, over HTTP, against the provider's limits."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

from evalgate.errors import ConfigError
from evalgate.schema.stress import StressConfig
from evalgate.schema.verdict import Check
from evalgate.stats.rng import seeded
from evalgate.stress.checks.findings import Finding, find
from evalgate.stress.checks.stress import StressResult, evaluate
from evalgate.stress.live.quota import LiveQuota, decided_again
from evalgate.stress.live.round import Ran, Role, logged, open_live_agent, play
from evalgate.stress.load.workload import Closed, starts
from evalgate.stress.recorded_sessions import (
    Tagged,
    drawn_from,
    loops_in,
    session_checks,
    workload_from,
)
from evalgate.stress.report import StressPart, part_of
from evalgate.stress.settings import (
    law_of,
    policy_of,
    scenario_of,
    settings_version,
)
from evalgate.stress.simulation.live_log import LoggedSession, live_outcome
from evalgate.stress.simulation.outcome import StressOutcome, merge_outcomes
from evalgate.stress.simulation.simulate import Scenario, simulate
from evalgate.suite.environment import Environment
from evalgate.suite.events import Listener, Progress
from evalgate.suite.gateway_agent import Gate
from evalgate.suite.plan import Plan

if TYPE_CHECKING:
    from evalgate.schema.base import Json


_COMPARED = ("calls", "succeeded", "exhausted", "attempts", "throttled")


@dataclass(slots=True)
class _Log:
    """What several rounds left behind."""

    outcomes: list[StressOutcome] = field(default_factory=list)
    sessions: list[LoggedSession] = field(default_factory=list)
    decided: int = 0
    alike: int = 0
    """Decisions that the model gives again when it is fed the log."""


async def live_part(
    plan: Plan,
    config: StressConfig,
    sessions: Sequence[Tagged],
    environment: Environment,
    listen: Listener,
) -> StressPart:
    """Make the live stress check of a suite.

    First every session is played without limits, which starts all processes and shows what the
    sessions are like; then in rounds under the limits, until the claims have their evidence or
    the time is up.

    Args:
        plan: The suite; its calls are replayed.
        config: Its `stress:` block.
        sessions: Its recorded sessions.
        environment: The machine.
        listen: Is told of each round.

    Raises:
        ConfigError: The agent's calls do not go through a gateway, or there are too many sessions.
    """
    if plan.calls is None:
        raise ConfigError(
            f"suite {plan.suite.name!r}: a live stress check needs an agent behind a gateway",
            fix="add `gateway: {}` and record once, or --engine simulate",
        )
    law = law_of(config.arrivals, plan.suite.policy_root)
    scenario = scenario_of(config, workload_from(config, sessions, law))
    roles = _roles(plan, config, scenario, sessions)
    at_once = law.users if isinstance(law, Closed) else len(roles)
    chance = seeded(config.seed)
    quota = LiveQuota(scenario.quota, scenario.faults, time.monotonic_ns, chance, environment.now)
    gate = Gate(quota.admit, {role.number: role.cassette for role in roles})
    async with open_live_agent(plan, environment, gate, at_once) as agent:
        warm = [replace(role, start=0.0) for role in roles]
        ideal = {
            one.role.number: one
            for one in await play(agent, warm, at_once=at_once, seconds=config.seconds)
        }
        log = _Log()
        deadline = time.monotonic() + config.seconds
        result = None
        while result is None or (_wants_more(result) and time.monotonic() < deadline):
            left = max(1.0, deadline - time.monotonic())
            quota.begin()
            ran = await play(agent, roles, at_once=at_once, seconds=left)
            quota.end()
            _note(log, ran, ideal, quota, scenario)
            result = _judged(config, log, sessions)
            done = len(log.sessions)
            listen(Progress(plan.suite.name, done, done, 0))
    return _part(config, scenario, result, log, sessions, ideal)


def _roles(
    plan: Plan, config: StressConfig, scenario: Scenario, sessions: Sequence[Tagged]
) -> list[Role]:
    cases = {case.id: case for case in plan.cases}
    drawn = drawn_from(config, sessions)
    groups = scenario.workload.groups
    found = []
    for number, start in enumerate(starts(scenario.workload, seeded(config.seed))):
        trace = drawn[start.group][start.plan]
        name = groups[start.group].name
        case = cases[trace.case_id]
        found.append(Role(number, name, case, trace.trial, start.time / 1e9))
    return found


def _wants_more(result: StressResult) -> bool:
    return any(
        check.gates and check.outcome == "inconclusive" and check.needed is not None
        for check in result.checks
    ) and not any(check.gates and check.outcome == "fail" for check in result.checks)


def _note(
    log: _Log, ran: Sequence[Ran], ideal: dict[int, Ran], quota: LiveQuota, scenario: Scenario
) -> None:
    """Read a round's log, and hold the model to its own decisions."""
    sessions = logged(ran, ideal, quota.causes())
    tiers = {group.name: group.tier for group in scenario.workload.groups}
    made = quota.decisions()
    log.sessions += sessions
    log.outcomes.append(live_outcome(sessions, made, scenario.quota, tiers, scenario.retry))
    first = [event.cause for event in quota.events if event.request is not None]
    again = decided_again(scenario.quota, quota.events, quota.began)
    log.decided += len(first)
    log.alike += sum(one == two for one, two in zip(first, again, strict=True))


def _judged(config: StressConfig, log: _Log, sessions: Sequence[Tagged]) -> StressResult:
    return evaluate(
        merge_outcomes(log.outcomes),
        policy_of(config, traces=True),
        loops_in(config, sessions),
    )


def _part(
    config: StressConfig,
    scenario: Scenario,
    result: StressResult,
    log: _Log,
    sessions: Sequence[Tagged],
    ideal: dict[int, Ran],
) -> StressPart:
    findings = find(log.sessions, scenario.retry, seconds=config.seconds)
    simulated = simulate(scenario, config.seed).total
    extra: dict[str, Json] = {
        "findings": [asdict(finding) for finding in findings],
        "rounds": len(log.outcomes),
        "decisions": log.decided,
        "decisions_alike": log.alike,
        "simulated": {name: getattr(simulated, name) for name in _COMPARED},
    }
    more = [
        *session_checks(config, sessions),
        *_unlimited(ideal, log),
        *(_check(finding) for finding in findings),
    ]
    return part_of(
        config,
        scenario,
        result,
        settings_version(config),
        more=more,
        extra=extra,
        warnings=tuple(_notes(config, scenario)),
    )


def _check(finding: Finding) -> Check:
    by = f" [layer: {finding.layer}]" if finding.layer else ""
    return Check(
        id=f"stress.finding.{finding.kind}",
        kind="stress",
        gate="standard" if finding.gates else "advisory",
        outcome="fail",
        unit="count",
        candidate=finding.count,
        threshold=0,
        threshold_unit="absolute",
        reason=f"{finding.said}{by}",
        fix=finding.fix,
    )


def _unlimited(ideal: dict[int, Ran], log: _Log) -> list[Check]:
    """Say where sessions do not finish even without limits: then limits explain nothing."""
    bad = [one for one in ideal.values() if one.trace is None or one.trace.status != "finished"]
    found = []
    if bad:
        first = bad[0]
        status = "time was up" if first.trace is None else first.trace.status
        why = "" if first.trace is None or not first.trace.error else f": {first.trace.error[:200]}"
        found.append(
            Check(
                id="evidence.stress_unlimited",
                kind="evidence",
                outcome="inconclusive",
                reason=f"{len(bad)} of {len(ideal)} sessions do not finish even without limits "
                f"(case {first.role.case.id!r}: {status}{why})",
                fix="see `evalgate run`, or give the check more time: --seconds",
            )
        )
    if log.alike < log.decided:
        found.append(
            Check(
                id="evidence.stress_decisions",
                kind="evidence",
                outcome="inconclusive",
                reason=f"the model gives {log.decided - log.alike} of {log.decided} decisions "
                "otherwise when it is fed their log",
                fix="report this as a bug, with the report",
            )
        )
    return found


def _notes(config: StressConfig, scenario: Scenario) -> list[str]:
    found = []
    if config.admission is not None:
        found.append("stress: the queue of `admission` is not played live: the agent's own is")
    answered = {"overloaded", "server_error", "quota_exhausted", "bad_request"}
    left_out = [cause for cause, rate in scenario.faults.rates if rate and cause not in answered]
    if left_out or scenario.faults.slow_rate:
        names = ", ".join([*left_out, *(["slow first token"] * bool(scenario.faults.slow_rate))])
        found.append(f"stress: faults that are no answer are not injected live: {names}")
    return found
