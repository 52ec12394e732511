"""What the harness costs beside bare asyncio, in one table.

    python benchmarks/harness.py [--quick]

Cases of a stub agent that sleeps and makes 3 tool calls; answer and tool-call scoring (arguments
included), and all built-in metrics; every trial safe on disk before it is reported. Each row is
measured in a process of its own; start-up (imports, making the cases) is left out. `x ideal` is
wall time over `cases x trials x sleep / concurrency`. Run it on a quiet machine: with other work
on the same cores the wall times say nothing.
"""

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evalgate.agents.agent_input import AgentCase
from evalgate.agents.base import Context
from evalgate.agents.factory import open_agent
from evalgate.agents.runner import RunPlan, run_trials
from evalgate.schema.config import AgentConfig
from evalgate.schema.golden import Case
from evalgate.schema.result import Manifest, TrialResult
from evalgate.schema.trace import Trace
from evalgate.scorers.builtin import builtin_scorers, score_trial
from evalgate.scorers.settings import Settings
from evalgate.store.run_lines import iter_traces
from evalgate.store.run_writer import create_run
from evalgate.store.runs import new_run_id

SLEEP_S = 0.02
BARE, ANSWER_AND_TOOLS, EVERYTHING = "bare asyncio", "evalgate", "evalgate, all metrics"
LINE = "{:<34} {:>8} {:>8} {:>9} {:>12} {:>9}"


@dataclass(frozen=True, slots=True)
class Load:
    """One row of the table."""

    name: str
    cases: int
    trials: int
    concurrency: int
    sleep_s: float

    @property
    def ideal_s(self) -> float:
        """Seconds with no cost but the agent's sleep."""
        waves = -(-self.cases * self.trials // self.concurrency)
        return waves * self.sleep_s


LOADS = (
    Load("1,000 x 1 at 50, 20 ms", 1000, 1, 50, SLEEP_S),
    Load("10,000 x 3 at 50, 20 ms", 10_000, 3, 50, SLEEP_S),
    Load("1,000 x 1 at 1,000, 1 s", 1000, 1, 1000, 1.0),
)


def steps_of(case_id: str) -> list[dict[str, Any]]:
    """Return the three tool calls of the stub."""
    return [
        {"kind": "tool_call", "name": name, "arguments": {"order": case_id, "index": index}}
        for index, name in enumerate(("find_order", "check_policy", "refund"))
    ]


_sleep_s = [SLEEP_S]


async def stub(case: AgentCase, context: Context) -> dict[str, Any]:
    """Sleep, call three tools, answer with the case's id."""
    await asyncio.sleep(_sleep_s[context.trial * 0])
    return {"output": f"done: {case.id}", "steps": steps_of(case.id)}


def make_cases(count: int) -> list[Case]:
    """Make cases that expect the stub's calls and answer."""
    return [
        Case.model_validate(
            {
                "id": f"case-{index:05d}",
                "input": f"Please refund order {index}.",
                "expected": {
                    "output": {"contains": [f"case-{index:05d}"]},
                    "tool_calls": [
                        {"name": step["name"], "arguments": step["arguments"]}
                        for step in steps_of(f"case-{index:05d}")
                    ],
                },
            }
        )
        for index in range(count)
    ]


def scoring(cases: list[Case], what: str) -> Callable[[Case, Trace], TrialResult]:
    """Return the product's own scoring: answer and tool calls, or every built-in metric."""
    scorers = builtin_scorers(Settings(), cases)
    if what == ANSWER_AND_TOOLS:
        scorers = tuple(scorer for scorer in scorers if scorer.name == "task")
    return lambda case, trace: score_trial(scorers, case, trace)


@asynccontextmanager
async def context_for(_case: Case, trial: int) -> AsyncIterator[Context]:
    """Return a context without a gateway."""
    yield Context(trial=trial, timeout_s=60.0)


async def bare(load: Load, _cases: list[Case]) -> None:
    """Run the stub alone: a queue of numbers, nothing scored, nothing kept."""
    numbers = iter(range(load.cases * load.trials))

    async def work() -> None:
        for number in numbers:
            await asyncio.sleep(load.sleep_s)
            steps_of(str(number))

    await asyncio.gather(*(work() for _ in range(load.concurrency)))


async def harness(load: Load, cases: list[Case], folder: Path, what: str) -> tuple[float, float]:
    """Run the whole harness, and return wall and CPU seconds after start-up."""
    config = AgentConfig(run=f"python:{Path(__file__).stem}:stub", isolation="none")
    created = datetime.fromtimestamp(time.time(), UTC)
    manifest = Manifest(
        run_id=new_run_id(created, "bench"),
        suite="bench",
        golden="-",
        golden_digest="-",
        agent=config.run,
        trials=load.trials,
        created=created.isoformat(),
    )
    root = Path(__file__).parent
    async with (
        open_agent(
            config, root=root, concurrency=load.concurrency, timeout_s=60.0, environ={}
        ) as agent,
        create_run(folder, manifest) as writer,
    ):
        sys.modules[Path(__file__).stem]._sleep_s[0] = load.sleep_s  # noqa: SLF001  # the stub's copy
        plan = RunPlan(cases, range(load.trials), load.concurrency)
        right = 0

        def count(progress: Any) -> None:  # noqa: ANN401
            nonlocal right
            right += progress.result.scores["task_success"].value == 1

        score = scoring(cases, what)
        wall, cpu = time.perf_counter(), time.process_time()
        outcome = await run_trials(
            plan, agent, score=score, sink=writer, context_for=context_for, on_progress=count
        )
        used = time.perf_counter() - wall, time.process_time() - cpu
    assert outcome.complete
    assert right == load.cases * load.trials
    if load.cases <= 1000:
        assert sum(1 for _ in iter_traces(writer.folder)) == load.cases * load.trials
    return used


def measure(load: Load, what: str) -> dict[str, float]:
    """Measure one row; runs in a process of its own."""
    cases = make_cases(load.cases)
    if what == BARE:
        wall, cpu = time.perf_counter(), time.process_time()
        asyncio.run(bare(load, cases))
        used = time.perf_counter() - wall, time.process_time() - cpu
    else:
        with tempfile.TemporaryDirectory() as folder:
            used = asyncio.run(harness(load, cases, Path(folder), what))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"wall": used[0], "cpu": used[1], "rss": peak}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="leave out 10,000 x 3")
    parser.add_argument("--row", nargs=2, metavar=("LOAD", "WHAT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.row:
        print(json.dumps(measure(LOADS[int(options.row[0])], options.row[1])))
        return
    print(LINE.format("load", "wall s", "x ideal", "CPU ms/tr", "x bare asyncio", "RSS MB"))
    for index, load in enumerate(LOADS):
        if options.quick and load.cases > 1000:
            continue
        rows = {what: child(index, what) for what in (BARE, ANSWER_AND_TOOLS, EVERYTHING)}
        print(load.name)
        for what, row in rows.items():
            print(
                LINE.format(
                    f"  {what}",
                    f"{row['wall']:.3f}",
                    f"{row['wall'] / load.ideal_s:.2f}",
                    f"{1000 * row['cpu'] / (load.cases * load.trials):.3f}",
                    f"{row['wall'] / rows[BARE]['wall']:.2f}",
                    f"{row['rss']:.0f}",
                )
            )


def child(index: int, what: str) -> dict[str, float]:
    """Measure a row in a fresh process."""
    command = [sys.executable, __file__, "--row", str(index), what]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    row: dict[str, float] = json.loads(done.stdout)
    return row


if __name__ == "__main__":
    main()
