"""What `evalgate run` costs as a whole process, beside pydantic-evals and bare asyncio.

    python benchmarks/command.py [--full]

A stub agent that answers at once with three tool calls; start-up included, everything on disk.
CPU time (user and system) of the smallest of a few runs; pydantic-evals, which keeps nothing, has a
row where it is installed (`pip install pydantic-evals`). `--full` adds 100,000 cases. The runs take
turns, so that other work on the machine weighs on all alike: compare rows of one table only.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

ROUNDS = 3
LINE = "{:<26} {:>8} {:>8} {:>12} {:>8} {:>8}"

STUB = """
def steps(case):
    return [
        {"kind": "tool_call", "name": name, "arguments": {"order": case, "index": index}}
        for index, name in enumerate(("find_order", "check_policy", "refund"))
    ]

async def stub(case, context):
    return {"output": f"done: {case.id}", "steps": steps(case.id)}
"""

BARE = """
import asyncio, sys
from stub import steps

async def work(numbers):
    for number in numbers:
        await asyncio.sleep(0)
        steps(f"case-{number}")

async def main():
    numbers = iter(range(int(sys.argv[1])))
    await asyncio.gather(*(work(numbers) for _ in range(50)))

asyncio.run(main())
"""

PYDANTIC_EVALS = """
import sys
from dataclasses import dataclass
from pydantic_evals import Case, Dataset
from pydantic_evals.evaluators import Evaluator
from stub import steps

@dataclass
class Answer(Evaluator):
    def evaluate(self, ctx):
        return ctx.expected_output["contains"] in ctx.output["output"]

@dataclass
class Calls(Evaluator):
    def evaluate(self, ctx):
        return ctx.expected_output["calls"] == ctx.output["steps"]

async def task(name):
    return {"output": f"done: {name}", "steps": steps(name)}

names = [f"case-{number}" for number in range(int(sys.argv[1]))]
cases = [
    Case(name=name, inputs=name, expected_output={"contains": name, "calls": steps(name)})
    for name in names
]
data = Dataset(name="bench", cases=cases, evaluators=[Answer(), Calls()])
report = data.evaluate_sync(task, max_concurrency=50, progress=False)
assert report.averages().assertions == 1
"""


def make_suite(folder: Path, count: int) -> None:
    """Write a suite of so many cases, and the programs beside it."""
    folder.mkdir()
    for name, text in (("stub", STUB), ("bare", BARE), ("other", PYDANTIC_EVALS)):
        (folder / f"{name}.py").write_text(text)
    with (folder / "golden.jsonl").open("w") as golden:
        for number in range(count):
            case = f"case-{number}"
            calls = [
                {"name": name, "arguments": {"order": case, "index": index}}
                for index, name in enumerate(("find_order", "check_policy", "refund"))
            ]
            expected = {"output": {"contains": [case]}, "tool_calls": calls}
            row = {"id": case, "input": f"Please refund {case}.", "expected": expected}
            golden.write(json.dumps(row) + "\n")
    agent = {"run": "python:stub:stub", "isolation": "none"}
    gate = {"metrics": {"error_rate": {"max": 0.1}}}
    suite = {"golden": "golden.jsonl", "agent": agent, "concurrency": 50, "gate": gate}
    (folder / "evalgate.yaml").write_text(json.dumps({"suites": {"bench": suite}}))


def measure(folder: Path, command: list[str]) -> tuple[float, float]:
    """Return CPU seconds and the peak in MB of one run."""
    # Compiled once and kept, as in an installed package.
    env = {name: v for name, v in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, env=env) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="add 100,000 cases")
    counts = (1, 1_000, 10_000, *((100_000,) if parser.parse_args().full else ()))
    programs = {"bare asyncio": ["bare.py"], "evalgate run": ["-m", "evalgate", "run", "-q"]}
    if find_spec("pydantic_evals") is not None:
        programs["pydantic-evals"] = ["other.py"]
    print(LINE.format("cases", "CPU s", "MB", "ms a case", "goal s", "goal MB"))
    goals = {1: (0.35, 0), 10_000: (3.5, 150), 100_000: (35.0, 400)}
    with tempfile.TemporaryDirectory() as top:
        for count in counts:
            folder = Path(top) / str(count)
            make_suite(folder, count)
            best: dict[str, tuple[float, float]] = {}
            for _ in range(ROUNDS if count <= 10_000 else 1):
                for name, program in programs.items():
                    extra = [] if name == "evalgate run" else [str(count)]
                    row = measure(folder, [sys.executable, *program, *extra])
                    best[name] = min(best.get(name, row), row)
            print(f"{count:,}")
            for name, (cpu, peak) in best.items():
                goal = goals.get(count, ("", "")) if name == "evalgate run" else ("", "")
                row = (f"{cpu:.2f}", f"{peak:.0f}", f"{1000 * cpu / count:.3f}", *goal)
                print(LINE.format(f"  {name}", *row))
    print("goal of 1,000 cases: at most 1.3 x pydantic-evals")


if __name__ == "__main__":
    main()
