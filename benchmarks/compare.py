"""What `evalgate compare` and `evalgate --help` cost, start-up included.

    python benchmarks/compare.py

1,000 cases x 3 trials of recorded traces are scored once; then each command runs in a process of
its own, five times, and the smallest CPU time counts.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

CASES, TRIALS, ROUNDS = 1_000, 3, 5
EVALGATE = (sys.executable, "-m", "evalgate")


def main() -> None:
    """Print one row a command."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        make_files(Path())
        rows = (
            ("evalgate --help", ("--help",), 0.15),
            ("compare, two baselines", ("compare", *sides("base.json", "base.json")), 0.4),
            ("compare, baseline and report", ("compare", *sides("base.json", "now.json")), 0.4),
            ("compare, two reports", ("compare", *sides("now.json", "now.json")), 0.4),
        )
        print(f"{CASES:,} cases x {TRIALS} trials")
        print(f"{'command':32} {'CPU s':>8} {'goal':>8}")
        for name, arguments, goal in rows:
            print(f"{name:32} {smallest_cpu(arguments):8.2f} {goal:8.2f}")


def sides(baseline: str, current: str) -> tuple[str, ...]:
    """Name the two sides of a comparison."""
    return ("--baseline", baseline, "--current", current)


def smallest_cpu(arguments: tuple[str, ...]) -> float:
    """Return the smallest CPU time of a few runs, in seconds."""
    times = []
    # Compiled once and kept, as in an installed package.
    env = {name: v for name, v in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for _ in range(ROUNDS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([*EVALGATE, *arguments], check=True, stdout=subprocess.DEVNULL, env=env)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(times)


def make_files(folder: Path) -> None:
    """Write a golden set, traces, a report and a baseline."""
    with (folder / "golden.jsonl").open("w") as golden, (folder / "traces.jsonl").open("w") as out:
        for number in range(CASES):
            call = {"name": "t", "arguments": {"a": number}}
            expected = {"output": {"equals": "a"}, "tool_calls": [call]}
            golden.write(
                json.dumps({"id": f"c{number}", "input": "q", "expected": expected}) + "\n"
            )
            for trial in range(TRIALS):
                answer = "a" if (number * 7 + trial) % 20 else "b"
                llm = {"kind": "llm_call", "model": "gpt-4o-mini", "provider": "openai"}
                tokens = {"input_tokens": 1000 + number, "output_tokens": 50 + trial}
                steps = [{**llm, **tokens}, {"kind": "tool_call", **call}]
                trace = {"case_id": f"c{number}", "trial": trial, "output": answer, "steps": steps}
                out.write(json.dumps(trace) + "\n")
    config = {"golden": "golden.jsonl", "agent": "recorded:traces.jsonl", "baseline": "base.json"}
    config |= {"gate": {"metrics": {"error_rate": {"max": 0.9}}}}
    (folder / "evalgate.yaml").write_text(json.dumps({"suites": {"s": config}}))
    update = ("baseline", "update", "--reason", "benchmark", "--force", "-q")
    for arguments in (("run", "-q", "-f", "json", "-o", "now.json"), update):
        subprocess.run([*EVALGATE, *arguments], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
