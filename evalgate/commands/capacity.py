"""`evalgate capacity`: what to reserve, what each tier needs, how far the quota goes."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from pathlib import Path

from evalgate.errors import ConfigError
from evalgate.quota.profiles import with_profile
from evalgate.quota.shares import organisation
from evalgate.schema.base import Json
from evalgate.schema.stress import StressConfig
from evalgate.stats.rng import seeded
from evalgate.stress.load.workload import Recorded, Workload, from_arrivals, starts, together
from evalgate.stress.planning.peaks import Arrival, ideal_arrivals, peaks
from evalgate.stress.planning.plan import (
    CapacityPlan,
    CurvePoint,
    Reserve,
    capacity_curve,
    capacity_plan,
    reserves,
)
from evalgate.stress.planning.what_if import levers
from evalgate.stress.recorded_sessions import Tagged, load_tagged, workload_from
from evalgate.stress.settings import (
    law_of,
    quota_of,
    read_arrivals,
    scenario_of,
    settings_data,
    with_options,
)
from evalgate.stress.simulation.retry import RetryPolicy, layers
from evalgate.stress.simulation.simulate import Scenario
from evalgate.stress.suite import suite_sessions
from evalgate.suite.environment import Environment
from evalgate.suite.events import Listener
from evalgate.suite.plan import Filters, make_plan
from evalgate.suite.suite import Selection, Suite, find_suites

_RUNS = Path(".evalgate/runs")
_CURVE = tuple(Fraction(n, 8) for n in (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24))
_QUEUE = ("queue and reservation", "queue")


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityOptions:
    """What to plan for."""

    selection: Selection = field(default_factory=Selection)
    """Suites of a configuration: each is an agent of the organisation."""
    traces: tuple[Path, ...] = ()
    """Files of traces or run folders, in place of suites: each is an agent."""
    arrivals: Path | None = None
    """A recorded arrival trace, in place of suites."""
    fields: Mapping[str, object] = field(default_factory=dict)
    """Fields of the `stress:` block that the command line names."""
    growth: float = 0.0
    """Share that is added to the peak."""


@dataclass(frozen=True, slots=True)
class AgentShare:
    """What one agent needs for itself."""

    name: str
    """Suite or file."""
    sessions: int
    reserve: tuple[Reserve, ...]
    """Its peaks."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, and what it was made of."""

    settings: dict[str, Json]
    """The scenario."""
    agents: tuple[AgentShare, ...]
    """Each agent by itself."""
    plan: CapacityPlan
    """The organisation's plan."""
    stated: bool
    """Whether limits were given; if not, today's peaks stand in for them."""
    curve: dict[str, tuple[CurvePoint, ...]]
    """Errors and completion against sessions, as it is and with a queue."""


@dataclass(frozen=True, slots=True)
class _Agent:
    name: str
    config: StressConfig
    workload: Workload


def plan_capacity(options: CapacityOptions, environment: Environment, listen: Listener) -> Planned:
    """Work a capacity plan out.

    Args:
        options: What to plan for.
        environment: The machine.
        listen: Is told of each finished trial, where agents are replayed.

    Raises:
        ConfigError: Options contradict each other, or agents count in different ways.
        DataError: A file is not readable, or lacks times.
    """
    agents = _agents(options, environment, listen)
    config, stated = _limited(agents)
    workload = _together(agents)
    scenario = replace(scenario_of(config, workload), retry_of=_own_layers(agents))
    return Planned(
        settings=settings_data(config, scenario),
        agents=tuple(_share(agent, config, options.growth) for agent in agents),
        plan=capacity_plan(scenario, _starts(workload), options.growth),
        stated=stated,
        curve=_curves(scenario),
    )


def _agents(options: CapacityOptions, environment: Environment, listen: Listener) -> list[_Agent]:
    named = [bool(options.selection.names), bool(options.traces), options.arrivals is not None]
    if sum(named) > 1:
        raise ConfigError("--suite, --traces and --arrivals exclude each other", fix="give one")
    if options.arrivals is not None:
        config = with_options(StressConfig(), options.fields)
        arrivals = read_arrivals(options.arrivals)
        return [_Agent(options.arrivals.name, config, from_arrivals(arrivals))]
    if options.traces:
        config = with_options(StressConfig(), options.fields)
        found = [(path.name, load_tagged(_place(path))) for path in options.traces]
        return [_agent(name, config, sessions, Path()) for name, sessions in found]
    suites = find_suites(options.selection)
    return [_of_suite(suite, options, environment, listen) for suite in suites]


def _place(path: Path) -> Path:
    return _RUNS / path if path.name == str(path) == "latest" else path


def _of_suite(
    suite: Suite, options: CapacityOptions, environment: Environment, listen: Listener
) -> _Agent:
    config = with_options(suite.config.stress or StressConfig(), options.fields)
    plan = make_plan(suite, Filters())
    sessions = asyncio.run(suite_sessions(plan, environment, listen))
    return _agent(suite.name, config, sessions, suite.root)


def _agent(name: str, config: StressConfig, sessions: Sequence[Tagged], root: Path) -> _Agent:
    return _Agent(name, config, workload_from(config, sessions, law_of(config.arrivals, root)))


def _together(agents: Sequence[_Agent]) -> Workload:
    """Offer the sessions of all agents at once, each by its own law.

    Raises:
        ConfigError: Closed loops are mixed with other laws.
    """
    if len(agents) == 1:
        return agents[0].workload
    return together(
        [
            replace(
                agent.workload,
                groups=tuple(
                    replace(group, name=f"{agent.name}/{group.name}")
                    for group in agent.workload.groups
                ),
            )
            for agent in agents
        ]
    )


def _own_layers(agents: Sequence[_Agent]) -> tuple[tuple[RetryPolicy, ...], ...]:
    """Return the retry layers of each group, where the agents' clients differ."""
    if len({agent.config.retry for agent in agents}) == 1:
        return ()
    return tuple(layers(a.config.retry) for a in agents for _ in a.workload.groups)


def _limited(agents: Sequence[_Agent]) -> tuple[StressConfig, bool]:
    """Return the configuration all agents are planned under, and whether it states limits.

    Without limits today's peaks stand in for them: what is needed is searched in proportion.
    """
    config = _one_config(agents)
    limits = config.quota.model_dump(exclude_none=True, include={"rpm", "tpm", "input_tpm"})
    more = config.quota.output_tpm, config.quota.max_concurrency
    if limits or any(value is not None for value in more):
        return config, True
    workload = _together(agents)
    quota = with_profile(config.profile, {"rpm": 1, "tpm": 1})
    found = {p.dimension: p.amount for p in peaks(_ideal(workload), quota)}
    peak = {"rpm": found["requests"], "tpm": found["tokens"]}
    fields = {name: value for name, value in peak.items() if value}
    return with_options(config, {"quota": fields}), False


def _one_config(agents: Sequence[_Agent]) -> StressConfig:
    """Return the settings of the whole organisation.

    Equal limits are taken to be the one quota of all; different ones are each agent's own and are
    added up, unless an agent says that they are the organisation's.

    Raises:
        ConfigError: Limits of the organisation differ, or different ways of counting.
    """
    first = agents[0].config
    quotas = [agent.config.quota for agent in agents]
    profiles = {agent.config.profile for agent in agents}
    if all(quota == first.quota for quota in quotas) and len(profiles) == 1:
        return first
    if any(agent.config.organisation for agent in agents):
        raise ConfigError(
            "stress: `organisation: true` says that the limits are those of all suites, but the "
            f"limits of {', '.join(agent.name for agent in agents)} differ",
            fix="state the same `profile:` and `quota:` in all of them",
        )
    whole = organisation(quota_of(agent.config) for agent in agents)
    names = ("rpm", "tpm", "input_tpm", "output_tpm", "max_concurrency", "burst")
    summed = {name: getattr(whole, name) for name in names}
    return with_options(first, {"quota": summed})


def _ideal(workload: Workload) -> list[Arrival]:
    return ideal_arrivals(workload, _starts(workload))


def _starts(workload: Workload) -> Iterable[tuple[int, int, int]]:
    return starts(workload, seeded(0))


def _share(agent: _Agent, config: StressConfig, growth: float) -> AgentShare:
    quota = scenario_of(config, agent.workload).quota
    room = reserves(_ideal(agent.workload), quota, growth)
    return AgentShare(agent.name, sum(group.sessions for group in agent.workload.groups), room)


def _curves(scenario: Scenario) -> dict[str, tuple[CurvePoint, ...]]:
    """Play several loads, as it is and with a queue, for the picture."""
    if isinstance(scenario.workload.law, Recorded):
        return {}
    found = {"as it is": capacity_curve(scenario, _CURVE)}
    if scenario.admission is None:
        changed = levers(scenario)
        name = next(name for name in _QUEUE if name in changed)
        found[f"with {name}"] = capacity_curve(changed[name], _CURVE)
    return found


def as_json(planned: Planned) -> dict[str, Json]:
    """Return a plan as JSON data, `evalgate.capacity/1`."""
    plan = planned.plan
    return {
        "schema": "evalgate.capacity/1",
        "growth": plan.growth,
        "sessions": plan.sessions,
        "limits_stated": planned.stated,
        "scenario": planned.settings,
        "organisation": [_reserve(r, stated=planned.stated) for r in plan.reserve],
        "agents": [
            {
                "name": agent.name,
                "sessions": agent.sessions,
                "reserve": [_reserve(r, stated=planned.stated) for r in agent.reserve],
            }
            for agent in planned.agents
        ],
        "tiers": [
            {
                "tier": need.tier,
                "needs": None if need.limits is None else dict(need.limits),
                "largest_sessions": need.sessions,
                "sessions_per_minute": need.rate,
                "at_least": need.at_most,
                "reason": need.reason,
            }
            for need in plan.needs
        ],
        "levers": [asdict(lever) for lever in plan.levers],
        "curve": {name: [asdict(p) for p in points] for name, points in planned.curve.items()},
    }


def _reserve(reserve: Reserve, *, stated: bool) -> Json:
    return {
        "dimension": reserve.dimension,
        "peak": reserve.peak,
        "reserve": reserve.needed,
        "limit": reserve.limit if stated else None,
        "headroom": reserve.headroom if stated else None,
    }
