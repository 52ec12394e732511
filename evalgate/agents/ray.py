"""Runs the trials of an agent on a Ray cluster; the machines are Ray's, the rules stay ours.

The cluster is where the agent runs, and nothing else: scheduling, scoring and writing stay in the
one process that was started. So each trial has one place in the report, however often its worker
was lost. An agent in Python runs in a process of its own inside a worker and cannot take the
worker along when it dies: a lost worker is the machine's fault, and its trials are done again.
"""

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Future
from contextlib import AsyncExitStack, asynccontextmanager, redirect_stdout
from dataclasses import dataclass, field, replace
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any, Final

from evalgate.agents.base import Agent, Context, Opening
from evalgate.agents.environment import agent_environment
from evalgate.agents.factory import open_agent
from evalgate.agents.sandbox.hardening import harden
from evalgate.errors import AgentLoadError, MissingExtra
from evalgate.schema.agent_line import PythonLine
from evalgate.schema.config import AgentConfig
from evalgate.schema.golden import Case
from evalgate.schema.trace import Trace

_ATTEMPTS: Final = 3
"""Times a trial is started before it is given up: losing a worker is retried at most twice."""

_LOAD_S: Final = 180.0
"""Seconds a worker has to start and to import the agent."""

_CONNECT_S: Final = 60.0
"""Seconds a cluster has to answer."""

_GRACE_S: Final = 30.0
"""Seconds beyond a trial's own limit after which a worker that is silent counts as lost."""

_WATCH_S: Final = 5.0
"""Seconds between two looks at the cluster's head."""

_GONE_AFTER: Final = 4
"""Looks without an answer after which the cluster is gone: Ray ends this process after 60 s."""


@dataclass(frozen=True, slots=True)
class _FixedSlots:
    """Endpoints of model calls as one worker sees them: the caller has switched them already."""

    variables: Mapping[str, str]

    def environment(self, _slot: int) -> Mapping[str, str]:
        """Return the variables that the caller has chosen for this worker."""
        return self.variables

    def switch(self, _slot: int, context: Context) -> Context:
        """Leave the context as the caller sent it."""
        return context


class _Worker:
    """What lives on the cluster; `ray.remote` makes an actor of it."""

    def __init__(self, opening: Mapping[str, Any]) -> None:
        harden()
        self.opening = opening
        self.stack = AsyncExitStack()
        self.agent: Agent | None = None

    async def open(self) -> tuple[str, str | None] | None:
        """Open the agent; return message and fix where it cannot be loaded."""
        given = dict(self.opening)
        variables = given.pop("variables")
        slots = None if variables is None else _FixedSlots(variables)
        try:
            self.agent = await self.stack.enter_async_context(open_agent(**given, slots=slots))
        except AgentLoadError as error:
            return error.message, error.fix
        return None

    async def run(self, case: str, context: Mapping[str, Any]) -> str:
        """Do one trial; case and trace travel as JSON."""
        assert self.agent is not None  # noqa: S101  # opened before it is asked
        trace = await self.agent.run(Case.model_validate_json(case), Context(**context))
        return trace.model_dump_json(by_alias=True)


@dataclass(slots=True)
class _Place:
    """A place for one worker."""

    index: int
    worker: Any = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class _LostError(Exception):
    """A worker is gone, or silent for too long."""


@dataclass(slots=True)
class RayAgent:
    """An agent whose trials run on a Ray cluster."""

    opening: Opening
    ray: Any
    """The module."""
    each: int
    """Trials at once in one worker."""
    on_loss: Callable[[str], None]
    """Hears of every lost worker, in words."""
    strategy: object
    """Ray's name for where workers run."""
    trials: int | None = None
    """Trials a case that exist; null: as many as are asked for."""
    free: "asyncio.Queue[_Place]" = field(default_factory=asyncio.Queue)
    head: str = ""
    """Address of the cluster's head."""
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """Whether the head has stopped answering."""

    async def run(self, case: Case, context: Context) -> Trace:
        """Do one trial, unless the cluster is gone before it ends."""
        tried = asyncio.ensure_future(self._tried(case, context))
        gone = asyncio.ensure_future(self.gone.wait())
        try:
            await asyncio.wait((tried, gone), return_when=asyncio.FIRST_COMPLETED)
            if tried.done():
                return tried.result()
        finally:
            tried.cancel()
            gone.cancel()
        return Trace(
            case_id=case.id,
            trial=context.trial,
            status="not_measured",
            error=f"the Ray cluster at {self.head} has stopped answering",
        )

    async def watch(self) -> None:
        """Look whether the head answers, until it does not; Ray would end this very process."""
        missed = 0
        while missed < _GONE_AFTER:
            await asyncio.sleep(_WATCH_S)
            missed = 0 if await self._answers() else missed + 1
        self.gone.set()

    async def _answers(self) -> bool:
        host, _, port = self.head.rpartition(":")
        try:
            async with asyncio.timeout(_WATCH_S):
                _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        except OSError:  # of which a timeout is one
            return False
        writer.close()
        return True

    async def _tried(self, case: Case, context: Context) -> Trace:
        """Do one trial; one whose worker is lost is done again by another, at most twice."""
        lost: list[str] = []
        for _ in range(_ATTEMPTS):
            place = await self.free.get()
            try:
                return await self._asked(place, case, context)
            except _LostError as error:
                lost.append(str(error))
                self.on_loss(f"case {case.id!r}, trial {context.trial}: {error}")
            finally:
                self.free.put_nowait(place)
        return Trace(
            case_id=case.id,
            trial=context.trial,
            status="not_measured",
            error=f"{_ATTEMPTS} workers were lost while it ran: {lost[-1]}",
        )

    async def start(self, place: _Place) -> None:
        """Start the first worker, which shows that the agent can be loaded.

        One that is lost shows nothing: the trials start others, and give up after three.

        Raises:
            AgentLoadError: It cannot.
        """
        try:
            await self._worker(place)
        except TimeoutError:
            self.on_loss(f"the first worker had not started in {_LOAD_S:g} s")
        except self.ray.exceptions.RayTaskError:
            raise
        except self.ray.exceptions.RayError as error:
            self.on_loss(f"the first worker was lost ({type(error).__name__})")

    async def close(self) -> None:
        """End every worker."""
        while not (self.gone.is_set() or self.free.empty()):
            await self._end(self.free.get_nowait())

    async def _asked(self, place: _Place, case: Case, context: Context) -> Trace:
        """Ask the worker of a place; on any loss the place is empty afterwards.

        Raises:
            _LostError: The worker is gone or silent.
            AgentLoadError: A new worker cannot load the agent.
        """
        slots = self.opening.slots
        seen = context if slots is None else slots.switch(place.index, context)
        worker = None
        try:
            worker = await self._worker(place)
            reply = worker.run.remote(case.model_dump_json(), _plain(seen))
            async with asyncio.timeout(context.timeout_s + _GRACE_S):
                return Trace.model_validate_json(await reply)
        except TimeoutError:
            await self._end(place, worker)
            raise _LostError("its worker did not answer in time") from None
        except self.ray.exceptions.RayTaskError:
            raise
        except self.ray.exceptions.RayError as error:
            await self._end(place, worker)
            raise _LostError(f"its worker was lost ({type(error).__name__})") from None
        except asyncio.CancelledError:
            await self._end(place, worker)
            raise

    async def _worker(self, place: _Place) -> Any:  # noqa: ANN401  # Ray's handle has no type
        """Return the worker of a place, started where there is none."""
        async with place.lock:
            if place.worker is None:
                while not await self._answers():  # noqa: ASYNC110  # no event tells of a way
                    await asyncio.sleep(_WATCH_S)  # Ray itself would wait, and all of us with it
                worker = self._started(place)
                try:
                    async with asyncio.timeout(_LOAD_S):
                        refused = await worker.open.remote()
                except BaseException:
                    self.ray.kill(worker)
                    raise
                if refused is not None:
                    raise AgentLoadError(refused[0], fix=refused[1])
                place.worker = worker
            return place.worker

    def _started(self, place: _Place) -> Any:  # noqa: ANN401  # Ray's handle has no type
        opening, slots = self.opening, self.opening.slots
        given = {
            "config": opening.config,
            "root": opening.root.resolve(),
            "concurrency": self.each,
            "timeout_s": opening.timeout_s,
            "environ": agent_environment(opening.environ, opening.config, {}),
            "variables": None if slots is None else dict(slots.environment(place.index)),
        }
        actor = self.ray.remote(_Worker).options(
            num_cpus=0, max_concurrency=self.each + 1, scheduling_strategy=self.strategy
        )
        return actor.remote(given)

    async def _end(self, place: _Place, worker: object = None) -> None:
        """Empty a place, unless another worker is in it already."""
        if place.worker is not None and worker in (None, place.worker):
            ended, place.worker = place.worker, None
            if not self.gone.is_set():  # nobody is there to be told
                self.ray.kill(ended)


@asynccontextmanager
async def open_on_ray(
    opening: Opening, on_loss: Callable[[str], None], *, here: bool = False
) -> AsyncIterator[RayAgent]:
    """Connect to the cluster of `RAY_ADDRESS`, or start one here, and open an agent on it.

    Args:
        opening: The agent.
        on_loss: Hears of every lost worker, in words.
        here: Whether workers have to run on this machine, since a gateway listens here only.

    Raises:
        MissingExtra: Ray is not installed.
        AgentLoadError: The agent cannot be loaded.
    """
    ray = _ray()
    ours = not ray.is_initialized()
    # Ray prints what it has to say of lost workers; standard output is for the report.
    with redirect_stdout(sys.stderr):
        if ours:
            await _connected(ray, opening.environ.get("RAY_ADDRESS") or None)
        try:
            agent, first = _opened(opening, ray, on_loss, here=here)
            await agent.start(first)
            watch = asyncio.create_task(agent.watch())
            try:
                yield agent
            finally:
                watch.cancel()
            await agent.close()
        finally:
            if ours:
                await asyncio.to_thread(ray.shutdown)


async def _connected(ray: Any, address: str | None) -> None:  # noqa: ANN401  # the module
    """Connect to a cluster, or start one here.

    Raises:
        AgentLoadError: It does not answer in time, or refuses.
    """
    init = partial(
        ray.init,
        address=address,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="error",
    )
    if address is None:
        # The kernel ends what Ray starts when the thread that started it is gone: a pooled one.
        await asyncio.to_thread(init)
        return
    where = f"RAY_ADDRESS={address!r}"
    done: Future[None] = Future()

    def connect() -> None:
        try:
            init()
        except BaseException as error:  # noqa: BLE001  # raised again in the thread that waits
            done.set_exception(error)
        else:
            done.set_result(None)

    # Ray tries for a quarter of an hour; a thread of the pool would be waited for at the end.
    threading.Thread(target=connect, name="evalgate-ray", daemon=True).start()
    try:
        async with asyncio.timeout(_CONNECT_S):
            await asyncio.wrap_future(done)
    except TimeoutError:
        raise AgentLoadError(
            f"{where} did not answer in {_CONNECT_S:g} s",
            fix="see `ray status` on its head node, or leave RAY_ADDRESS out",
        ) from None
    except (ray.exceptions.RayError, OSError, ValueError, RuntimeError) as error:
        said = str(error).splitlines()[0][:300] if str(error) else type(error).__name__
        raise AgentLoadError(
            f"{where} cannot be used: {said}",
            fix="see `ray status`; a cluster with a token (the default of `ray start` where there "
            "is one) wants it here too: RAY_AUTH_MODE=token and RAY_AUTH_TOKEN, or its "
            "~/.ray/auth_token",
        ) from error


def _opened(
    opening: Opening,
    ray: Any,  # noqa: ANN401  # the module
    on_loss: Callable[[str], None],
    *,
    here: bool,
) -> tuple[RayAgent, _Place]:
    cores = int(ray.cluster_resources().get("CPU", 1))
    wanted = opening.config.workers or min(opening.concurrency, 4 * cores)
    each = 1 if opening.slots is not None else ceil(opening.concurrency / wanted)
    strategy: object = "SPREAD"
    if here:
        from ray.util.scheduling_strategies import (  # noqa: PLC0415  # heavy
            NodeAffinitySchedulingStrategy,
        )

        node = ray.get_runtime_context().get_node_id()
        strategy = NodeAffinitySchedulingStrategy(node_id=node, soft=False)
    isolated = replace(opening, config=_isolated(opening.config, each))
    head = ray.get_runtime_context().gcs_address
    agent = RayAgent(isolated, ray, each, on_loss, strategy, head=head)
    places = [_Place(index) for index in range(wanted)]
    for _ in range(each):
        for place in places:
            agent.free.put_nowait(place)
    return agent, places[0]


def _plain(context: Context) -> dict[str, Any]:
    """Return a context as data that can be sent."""
    return {
        "trial": context.trial,
        "timeout_s": context.timeout_s,
        "base_url": context.base_url,
        "env": dict(context.env),
        "headers": dict(context.headers),
    }


def _isolated(config: AgentConfig, each: int) -> AgentConfig:
    """Give a Python agent a process of its own: dying, it must not take the worker along."""
    if not isinstance(config.line, PythonLine):
        return config
    return config.model_copy(update={"isolation": "process", "workers": each})


def _has_token(environ: Mapping[str, str]) -> bool:
    named = environ.get("RAY_AUTH_TOKEN_PATH")
    home = Path(environ.get("HOME") or "~").expanduser()
    file = Path(named) if named else home / ".ray" / "auth_token"
    return bool(environ.get("RAY_AUTH_TOKEN")) or file.is_file()


def _ray() -> Any:  # noqa: ANN401  # the module has no types
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if os.environ.get("RAY_ADDRESS") and _has_token(os.environ):
        # `ray start` asks for a token where it finds one, `ray.init` does not bring it by itself.
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    try:
        import ray  # noqa: PLC0415  # heavy, and an extra
        import ray.exceptions  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtra(
            f"--executor ray needs Ray, which cannot be imported: {error}",
            fix="pip install 'agent-evalgate[ray]'",
        ) from error
    return ray
