"""What the sandbox adds to the start of a worker: the same worker, with and without it, in turns.

    python benchmarks/sandbox.py [--rounds 30]

A worker is started, loads an agent of one line, answers once and is ended; the median of the
differences between neighbouring rounds is what the sandbox costs. Goal: at most 5 ms.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from evalgate.agents.base import Opening
from evalgate.agents.pool import PoolAgent, _start, open_pool
from evalgate.agents.sandbox import kernel, places
from evalgate.agents.sandbox.policy import make_policy
from evalgate.agents.sandbox.room import Sandbox
from evalgate.schema.config import AgentConfig

GOAL_MS = 5.0


async def started(agent: PoolAgent) -> float:
    """Start one more worker; return the milliseconds until its agent is loaded."""
    begin = time.perf_counter()
    worker, _ = await _start(agent.opening, agent.launcher, 0, {})
    took = time.perf_counter() - begin
    await worker.end()
    return took * 1e3


async def main(rounds: int) -> int:
    """Measure in turns; return 1 where the goal is missed."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "agent.py").write_text("def answer(case): return case\n", encoding="utf-8")
        found = places.find_places(root, [root / "golden.jsonl"], os.environ)
        policy = make_policy(kernel.abi(), found, connect=[("gateway", 4000)])
        agents = []
        for sandbox in (None, Sandbox(policy)):
            config = AgentConfig(run="python:agent:answer", isolation="process", workers=1)
            opening = Opening("agent:answer", config, root, 1, 60.0, os.environ, sandbox=sandbox)
            agents.append(await open_pool(opening))
        rows = [[await started(agent) for agent in agents] for _ in range(rounds)]
        for agent in agents:
            await agent.close()
    bare, walled = (statistics.median(column) for column in zip(*rows, strict=True))
    more = statistics.median(after - before for before, after in rows)
    print(f"Landlock {kernel.abi()}, {len(policy.read)} paths opened, {rounds} rounds")
    print(f"start of a worker: {bare:.1f} ms without, {walled:.1f} ms with the sandbox")
    print(f"the sandbox adds {more:.1f} ms (goal: at most {GOAL_MS:g})")
    return int(more > GOAL_MS)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    sys.exit(asyncio.run(main(parser.parse_args().rounds)))
