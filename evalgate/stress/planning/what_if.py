"""Levers: the scenario with one thing changed, to see what each change buys."""

from collections.abc import Callable
from dataclasses import replace

from evalgate.quota.quota import Request
from evalgate.stress.load.workload import Call, Group, Rows, SessionPlan, Workload
from evalgate.stress.simulation.admission import Admission
from evalgate.stress.simulation.retry import RetryPolicy, with_jitter, with_retries
from evalgate.stress.simulation.simulate import Scenario


def _shrunk(workload: Workload, change: Callable[[Request], Request]) -> Workload | None:
    groups: list[Group] = []
    for group in workload.groups:
        if isinstance(group.plans, Rows):
            return None
        plans = tuple(
            SessionPlan(
                tuple(
                    stage._replace(calls=tuple(_changed(call, change) for call in stage.calls))
                    for stage in plan.stages
                ),
                plan.tail,
            )
            for plan in group.plans
        )
        groups.append(replace(group, plans=plans))
    return replace(workload, groups=tuple(groups))


def _changed(call: Call, change: Callable[[Request], Request]) -> Call:
    return call._replace(request=change(call.request))


def _smaller(request: Request) -> Request:
    return request._replace(input_tokens=request.input_tokens * 4 // 5)


def _cached(request: Request) -> Request:
    return request._replace(cached_tokens=max(request.cached_tokens, request.input_tokens // 2))


def _with_layers(scenario: Scenario, change: Callable[[RetryPolicy], RetryPolicy]) -> Scenario:
    return replace(
        scenario,
        retry=tuple(map(change, scenario.retry)),
        retry_of=tuple(tuple(map(change, stack)) for stack in scenario.retry_of),
    )


def levers(scenario: Scenario) -> dict[str, Scenario]:
    """Return the scenario with one thing changed, for each lever that applies."""
    gate = scenario.admission
    found = {"as it is": scenario}
    if scenario.retry or any(scenario.retry_of):
        found["one retry fewer a layer"] = _with_layers(
            scenario, lambda policy: with_retries(policy, max(0, policy.retries - 1))
        )
        jitter = _with_layers(
            scenario, lambda policy: with_jitter(policy, 1.0) if policy.hint else policy
        )
        if jitter != scenario:
            found["1 s of full jitter on the hint"] = jitter
    if gate is None:
        found["queue"] = replace(scenario, admission=Admission(reservation="none"))
    if any(group.critical for group in scenario.workload.groups):
        both = Admission() if gate is None else replace(gate, reservation="conserving")
        found["queue and reservation"] = replace(scenario, admission=both)
    smaller = _shrunk(scenario.workload, _smaller)
    if smaller is not None and any(d.name != "requests" for d in scenario.quota.dimensions):
        found["prompts 20 % smaller"] = replace(scenario, workload=smaller)
        cached = _shrunk(scenario.workload, _cached)
        if cached is not None and scenario.quota.charge == "anthropic":
            found["half of the input cached"] = replace(scenario, workload=cached)
    return found
