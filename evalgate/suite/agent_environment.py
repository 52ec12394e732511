"""Opens a suite's agent with its surroundings: the gateway, the sandbox, the place it runs in."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from evalgate.agents.base import Agent, Opening
from evalgate.agents.factory import open_agent
from evalgate.agents.recorded import RecordedAgent
from evalgate.agents.sandbox.policy import Observed
from evalgate.schema.agent_line import PythonLine
from evalgate.schema.config import AgentConfig
from evalgate.suite.environment import Environment
from evalgate.suite.hooks import open_hooks
from evalgate.suite.plan import Calls, Plan
from evalgate.suite.sandbox import open_sandbox
from evalgate.text.redact import Redactor

if TYPE_CHECKING:
    from evalgate.gateway.sessions import Outcome
    from evalgate.suite.gateway_agent import Gate, Gateway


Told = Callable[[str, int, "Outcome"], None]
"""Is told of the end of each trial behind the gateway: case, number, what was seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """How an agent is run, beside what its configuration says."""

    calls: Calls | None
    """How the gateway treats model calls; null: there is no gateway."""
    concurrency: int
    """Trials at once."""
    timeout_s: float
    """Seconds a trial may take."""
    executor: Literal["local", "ray"] = "local"
    """Where it runs."""
    workers: int | None = None
    """Worker processes; null: as configured."""
    gate: "Gate | None" = None
    """Limits that the gateway enforces; null: none."""
    told: Told | None = None
    """Is told what the gateway saw of each trial."""
    learned: Callable[[Observed], None] = lambda _: None
    """Is told what the agent opened and connected to, where the sandbox learns."""
    lost: Callable[[str], None] = lambda _: None
    """Is told of each worker that was lost."""


def runs_in_loop(config: AgentConfig) -> bool:
    """Say whether an agent is asked to share our event loop."""
    return isinstance(config.line, PythonLine) and config.isolation == "none"


@asynccontextmanager
async def agent_environment(
    plan: Plan, how: Surroundings, environment: Environment, redactor: Redactor
) -> AsyncIterator[Agent]:
    """Open the agent of a plan, and close it at the end.

    Args:
        plan: What is run.
        how: How.
        environment: The machine.
        redactor: Takes secrets out of what is recorded.

    Raises:
        ConfigError: The agent's line or the gateway's block is not usable.
        AgentLoadError: The agent cannot be loaded.
        DataError: A recording is not readable, or recorded traces lack a case.
    """
    async with AsyncExitStack() as stack:
        hooks = open_hooks(plan, environment, how.concurrency, how.executor)
        hooked = await stack.enter_async_context(hooks)
        plan = hooked.plan
        config = plan.suite.config.agent
        gateway: Gateway | None = None
        if how.calls is not None:
            from evalgate.suite.gateway_agent import open_gateway  # noqa: PLC0415  # heavy

            gateway = await stack.enter_async_context(
                open_gateway(plan.suite, how.calls, environment, redactor, how.gate)
            )
            if how.told is not None:
                gateway.told = how.told
        slots = None
        if isinstance(config.line, PythonLine) and not runs_in_loop(config):
            slots = gateway
        agent = await stack.enter_async_context(_opened(plan, how, environment, gateway, slots))
        if isinstance(agent, RecordedAgent):
            agent.check_cases(frozenset(case.id for case in plan.golden.cases))
        if gateway is not None:
            from evalgate.suite.gateway_agent import ThroughGateway  # noqa: PLC0415  # heavy

            agent = ThroughGateway(agent, gateway, slots is not None)
        yield await stack.enter_async_context(hooked.around(agent))


def _opened(
    plan: Plan,
    how: Surroundings,
    environment: Environment,
    gateway: "Gateway | None",
    slots: "Gateway | None",
) -> AbstractAsyncContextManager[Agent]:
    suite, given = plan.suite, plan.suite.given
    config = suite.config.agent
    if how.workers is not None:
        config = config.model_copy(update={"workers": how.workers})
    opening = Opening(
        target="",
        config=config,
        root=suite.root,
        concurrency=how.concurrency,
        timeout_s=how.timeout_s,
        environ=environment.environ,
        clock=environment.clock,
        slots=slots,
    )
    if how.executor == "ray":
        from evalgate.agents.ray import open_on_ray  # noqa: PLC0415  # only where it is asked for

        return open_on_ray(opening, how.lost, here=gateway is not None)
    if given is not None and given.agent is not None:
        from evalgate.agents.python import open_given  # noqa: PLC0415  # only where it is asked for

        return open_given(given.agent, opening)
    origin = None if gateway is None else gateway.origin
    return open_agent(
        config,
        root=opening.root,
        concurrency=opening.concurrency,
        timeout_s=opening.timeout_s,
        environ=opening.environ,
        clock=opening.clock,
        slots=slots,
        sandbox=open_sandbox(suite, environment.environ, origin, how.learned),
    )
