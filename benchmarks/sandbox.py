"""What the sandbox costs: the same workers, with and without it, in turns.

    python benchmarks/sandbox.py [--rounds 30]

Start: a worker is started, loads an agent of one line, answers once and is ended; the median of the
differences between neighbouring rounds is what the sandbox adds. Goal: at most 5 ms.
Replay: a worker sends 200 calls a trial to a gateway that replays them, over one connection; the
median of the ratios of neighbouring rounds is what the sandbox leaves. Goal: at least .97.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

from gateway import CALLS, CALLS_A_CASE, CASES, process, request_body, run_replay, write_calls

from evalgate.agents.agent_input import Context
from evalgate.agents.base import Opening
from evalgate.agents.pool import PoolAgent, _start, open_pool
from evalgate.agents.sandbox import kernel, places
from evalgate.agents.sandbox.policy import make_policy
from evalgate.agents.sandbox.room import Sandbox
from evalgate.schema.config import AgentConfig
from evalgate.schema.golden import Case

GOAL_MS = 5.0
GOAL_SHARE = 0.97
CALLS_A_TRIAL = 200

AGENT = """
import http.client
import json

def answer(case):
    asked = json.loads(case.text)
    line = http.client.HTTPConnection("127.0.0.1", asked["port"])
    for session, bodies in asked["sessions"].items():
        for body in bodies:
            line.request("POST", f"/s/{session}/v1/chat/completions", body)
            response = line.getresponse()
            response.read()
            if response.status != 200:
                raise SystemExit(response.status)
    line.close()
    return "done"
"""


async def started(agent: PoolAgent) -> float:
    """Start one more worker; return the milliseconds until its agent is loaded."""
    begin = time.perf_counter()
    worker, _ = await _start(agent.opening, agent.launcher, 0, {})
    took = time.perf_counter() - begin
    await worker.end()
    return took * 1e3


def trials(port: int) -> Iterator[Case]:
    """Make one trial after another: so many recorded calls, each case in a session of its own."""
    for number in count():
        sessions = {
            f"{case}-{number}": [json.dumps(request_body(n)) for n in range(case, CALLS, CASES)]
            for case in range(CALLS_A_TRIAL // CALLS_A_CASE)
        }
        yield Case(id="load", input=json.dumps({"port": port, "sessions": sessions}))


async def calls_a_second(agent: PoolAgent, case: Case) -> float:
    """Do one trial; return the replayed calls a second."""
    begin = time.perf_counter()
    trace = await agent.run(case, Context(timeout_s=60.0))
    took = time.perf_counter() - begin
    if trace.status != "finished":
        raise SystemExit(f"the trial {trace.status}: {trace.error}")
    return CALLS_A_TRIAL / took


@asynccontextmanager
async def both(agent: str, port: int) -> AsyncIterator[list[PoolAgent]]:
    """Open the same agent without and with the sandbox."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "agent.py").write_text(agent, encoding="utf-8")
        found = places.find_places(root, [root / "golden.jsonl"], os.environ)
        policy = make_policy(kernel.abi(), found, connect=[("gateway", port)])
        agents = []
        for sandbox in (None, Sandbox(policy)):
            config = AgentConfig(run="python:agent:answer", isolation="process", workers=1)
            opening = Opening("agent:answer", config, root, 1, 60.0, os.environ, sandbox=sandbox)
            agents.append(await open_pool(opening))
        yield agents
        for opened in agents:
            await opened.close()


async def start(rounds: int) -> bool:
    """Measure the start of a worker; say whether the goal is met."""
    async with both("def answer(case): return case\n", 4000) as agents:
        rows = [[await started(agent) for agent in agents] for _ in range(rounds)]
    bare, walled = (statistics.median(column) for column in zip(*rows, strict=True))
    more = statistics.median(after - before for before, after in rows)
    print(f"start of a worker: {bare:.1f} ms without, {walled:.1f} ms with the sandbox")
    print(f"the sandbox adds {more:.1f} ms (goal: at most {GOAL_MS:g})")
    return more <= GOAL_MS


async def replay(rounds: int, origin: str) -> bool:
    """Measure replayed calls; say whether the goal is met."""
    port = int(origin.rpartition(":")[2])
    cases = trials(port)
    async with both(AGENT, port) as agents:
        rows = [[await calls_a_second(a, next(cases)) for a in agents] for _ in range(rounds + 1)]
    bare, walled = (statistics.median(column) for column in zip(*rows[1:], strict=True))
    share = statistics.median(after / before for before, after in rows[1:])
    print(f"replay: {bare:,.0f} calls/s without, {walled:,.0f} with the sandbox")
    print(f"the sandbox leaves {share:.2f} of them (goal: at least {GOAL_SHARE:g})")
    return share >= GOAL_SHARE


def main(rounds: int) -> int:
    """Measure in turns; return 1 where a goal is missed."""
    print(f"Landlock {kernel.abi()}, {rounds} rounds")
    met = asyncio.run(start(rounds))
    with tempfile.TemporaryDirectory() as name:
        write_calls(Path(name), CASES, CALLS)
        with process(run_replay, name) as origin:
            met &= asyncio.run(replay(rounds, origin))
    return int(not met)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    sys.exit(main(parser.parse_args().rounds))
