"""Speed and memory of the rate-limit simulator, beside simpy on the same work in the same run.

    python benchmarks/capacity.py [--quick]

The work that all share: calls that come at once or by a Poisson law, one token bucket, clients
that wait the server's hint and try again. simpy runs it with a process for each call, the plain
loop with a heap and a float bucket and nothing else: no accounting, no exactness.
"""

import heapq
import resource
import subprocess
import sys
import time
from array import array
from collections.abc import Callable, Generator, Iterator
from random import Random
from typing import Any

import simpy

from evalgate.quota.quota import Quota, Request
from evalgate.quota.units import SECOND
from evalgate.stress.checks.stress import stress
from evalgate.stress.load.arrivals import Arrivals, parse_arrivals
from evalgate.stress.load.workload import (
    Call,
    Group,
    Poisson,
    SessionPlan,
    Stage,
    Workload,
    from_arrivals,
    starts,
)
from evalgate.stress.simulation.retry import layers
from evalgate.stress.simulation.simulate import Scenario, simulate

ONE = SessionPlan((Stage((Call(Request(500, 200)),)),))
SESSION = SessionPlan(tuple(Stage((Call(Request(500, 200), SECOND),), SECOND) for _ in range(4)))


class FloatBucket:
    """The simplest token bucket there is, for the peers."""

    def __init__(self, rate: float, burst: float) -> None:
        """Start full."""
        self.rate, self.burst, self.level, self.last = rate, burst, burst, 0.0

    def wait(self, now: float) -> float:
        """Take one token, or return the wait for it."""
        self.level = min(self.burst, self.level + (now - self.last) * self.rate)
        self.last = now
        if self.level >= 1.0:
            self.level -= 1.0
            return 0.0
        return (1.0 - self.level) / self.rate


def with_simpy(moments: list[float], rate: float, burst: float, retries: int) -> int:
    """Return the attempts made, by simpy."""
    env = simpy.Environment()
    bucket = FloatBucket(rate, burst)
    attempts = 0

    def client() -> Generator[simpy.Event, Any, None]:
        nonlocal attempts
        for _ in range(retries + 1):
            attempts += 1
            wait = bucket.wait(env.now)
            if not wait:
                return
            yield env.timeout(wait)

    def source() -> Generator[simpy.Event, Any, None]:
        for moment in moments:
            if moment > env.now:
                yield env.timeout(moment - env.now)
            env.process(client())

    env.process(source())
    env.run()
    return attempts


def with_heapq(moments: list[float], rate: float, burst: float, retries: int) -> int:
    """Return the attempts made, by a plain loop over a heap."""
    bucket = FloatBucket(rate, burst)
    heap = [(moment, number, 0) for number, moment in enumerate(moments)]
    heapq.heapify(heap)
    attempts, number = 0, len(heap)
    while heap:
        now, _, made = heapq.heappop(heap)
        attempts += 1
        wait = bucket.wait(now)
        if wait and made < retries:
            number += 1
            heapq.heappush(heap, (now + wait, number, made + 1))
    return attempts


def _best(run: Callable[[], int], rounds: int = 3) -> tuple[int, float]:
    """Return what was counted and the best rate a second of processor time."""
    best = 0.0
    count = 0
    for _ in range(rounds):
        began = time.process_time()
        count = run()
        best = max(best, count / (time.process_time() - began))
    return count, best


def _ours(workload: Workload, quota: Quota, retry: str) -> Callable[[], int]:
    return lambda: simulate(Scenario(workload, quota, layers(retry))).total.attempts


def _ready_made(calls: int) -> Workload:
    """Return Poisson arrivals as a recorded trace, so that only the simulator is measured."""
    drawn = Workload((Group("a", (ONE,), calls),), Poisson(90.0))
    times = array("q", (start.time for start in starts(drawn, Random("0/arrivals"))))
    unknown = array("q", [-1]) * calls
    return from_arrivals(Arrivals(times, unknown, unknown, unknown))


def _moments(workload: Workload) -> list[float]:
    seed = Random("0/arrivals")
    return [start.time / SECOND for start in starts(workload, seed)]


def speed(scale: int) -> Iterator[tuple[str, int, float, float, float]]:
    """Yield name, attempts, and attempts a second of us, a plain loop and simpy."""
    storm = Workload((Group("a", (ONE,), 200 * scale),))
    quota = Quota(rpm=6000, burst=100)
    cases: list[tuple[str, Workload, Quota, int]] = [
        ("retry storm, all at once, 20 retries", storm, quota, 20),
        (
            "retry storm, Poisson at 3 x the limit, 2 retries",
            Workload((Group("a", (ONE,), 500 * scale),), Poisson(300.0)),
            quota,
            2,
        ),
        (
            "no retry, Poisson at 0.9 x the limit",
            Workload((Group("a", (ONE,), 1000 * scale),), Poisson(90.0)),
            quota,
            0,
        ),
        ("no retry, the same arrivals ready-made", _ready_made(1000 * scale), quota, 0),
    ]
    for name, workload, limits, retries in cases:
        count, ours = _best(_ours(workload, limits, f"exact:{retries}"))
        moments = _moments(workload)
        plain = _best(lambda m=moments, r=retries: with_heapq(m, 100.0, 100.0, r))[1]  # type: ignore[misc]
        peer = _best(lambda m=moments, r=retries: with_simpy(m, 100.0, 100.0, r))[1]  # type: ignore[misc]
        yield name, count, ours, plain, peer


def memory_run(calls: int) -> int:
    """Play so many calls in sessions of four and return the peak of memory in kB."""
    workload = Workload((Group("a", (SESSION,), calls // 4),), Poisson(400.0))
    total = simulate(Scenario(workload, Quota(rpm=120_000), layers("openai"))).total
    assert total.calls == total.succeeded + total.exhausted
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def memory(calls: int) -> int:
    """Return the peak of memory of a fresh process in kB."""
    call = [sys.executable, __file__, "--memory", str(calls)]
    return int(subprocess.run(call, capture_output=True, text=True, check=True).stdout)


def check_of_180() -> float:
    """Return the seconds of a stress check of 100 + 50 + 30 sessions at once."""
    names = (("info", 100), ("orders", 50), ("support", 30))
    groups = tuple(Group(name, (SESSION,), count) for name, count in names)
    scenario = Scenario(Workload(groups), Quota(rpm=300, tpm=200_000), layers("openai"))
    began = time.perf_counter()
    stress(scenario)
    return time.perf_counter() - began


def main() -> None:
    """Print one table."""
    if "--memory" in sys.argv:
        print(memory_run(int(sys.argv[-1])))
        return
    scale = 20 if "--quick" in sys.argv else 100
    print(f"Python {sys.version.split()[0]}, attempts a second of processor time, best of 3\n")
    print(f"| {'work':48} | attempts | evalgate | plain loop | simpy {simpy.__version__} |")
    print("|" + "-" * 50 + "|---------:|---------:|-----------:|------------:|")
    for name, count, ours, plain, peer in speed(scale):
        print(f"| {name:48} | {count:8,} | {ours:8,.0f} | {plain:10,.0f} | {peer:11,.0f} |")
    small, large = memory(2_000 * scale), memory(10_000 * scale)
    print(f"\npeak memory: {2_000 * scale:,} calls {small / 1024:.0f} MB, ", end="")
    print(f"{10_000 * scale:,} calls {large / 1024:.0f} MB")
    print(f"stress check of 180 sessions at once: {check_of_180():.3f} s")
    rows = "".join(f"{i / 7:.3f},{i % 900},{i % 70}\n" for i in range(500 * scale))
    began = time.process_time()
    arrivals = parse_arrivals("time,input_tokens,output_tokens\n" + rows, "csv")
    read = time.process_time() - began
    simulate(Scenario(from_arrivals(arrivals), Quota(rpm=300)))
    whole = time.process_time() - began
    print(
        f"arrivals file of {len(arrivals):,} rows: read {read:.2f} s, played {whole - read:.2f} s"
    )


if __name__ == "__main__":
    main()
