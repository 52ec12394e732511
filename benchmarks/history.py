"""What the history costs when it is large (SQLite, on this machine's disk).

    python benchmarks/history.py [--runs N]

10,000 runs of 50 metrics and 100 cases: adding one more, any trend, the flake record. A year of
hourly production (10 interactions an hour, so 87,600): `slo` and `watch --once`, whole commands,
start-up included, in CPU time. Goals: 50 ms, 300 ms, 1 s. The smallest of five counts.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from random import Random

from evalgate.history.reads import case_points, metric_points
from evalgate.history.records import CaseRow, Interaction, MetricRow, RunRecord, RunRow
from evalgate.history.series import flakes, noise_floor, weekly
from evalgate.history.store import Database, add_interactions, add_run, open_history

METRICS, CASES, ROUNDS = 50, 100, 5
NAMES = ["task_success_rate", "cost_per_interaction", "error_rate", "tool_call_accuracy"]
NAMES += [f"metric_{number}" for number in range(METRICS - len(NAMES))]
NOW = 1_780_000_000
HOUR = 3_600
CONFIG = """\
history: h.db
slo:
  - {name: success, metric: task_success_rate, objective: 95%}
  - {name: cost, metric: cost_per_interaction, at_most: 0.05, objective: 95%}
suites:
  support: {golden: golden.jsonl, agent: "python:agent:answer"}
"""
ROW = "{:<44} {:>9} {:>9}"


def run(number: int, chance: Random) -> RunRecord:
    """Make a run; four runs share an agent."""
    run_id = f"run-{number:06d}"
    clean, whole = False, False  # neither dirty nor partial
    row = RunRow(
        run_id, "support", NOW - 3_000 * (10_000 - number), "main", f"c{number // 4}", clean,
        "pass", 0, whole, "replay", "python:a:b", "a", "m", "p", "t", "s", "g", "c", 1, CASES,
        "r", f"f{number // 4}",
    )  # fmt: skip
    metrics = tuple(
        MetricRow(run_id, NAMES[n], chance.gauss(0.9, 0.02), "ratio", "higher", CASES, 0,
                  90.0, 100, 0.01, "measured", "1:a")
        for n in range(METRICS)
    )  # fmt: skip
    cases = tuple(
        CaseRow(run_id, f"case-{n}", f"d{n}", 1, float(chance.random() < 0.95), 0, 0)
        for n in range(CASES)
    )
    return RunRecord(row, metrics, cases)


def fill(database: Database, runs: int) -> None:
    """Add all runs in a few transactions."""
    chance = Random(1)
    own = database.tables
    for start in range(0, runs, 500):
        records = [run(n, chance) for n in range(start, min(start + 500, runs))]
        with database.writing() as connection:
            connection.execute(own.runs.insert(), [asdict(r.run) for r in records])
            connection.execute(
                own.metrics.insert(), [asdict(m) for r in records for m in r.metrics]
            )
            connection.execute(own.cases.insert(), [asdict(c) for r in records for c in r.cases])


def year() -> list[Interaction]:
    """Make 10 interactions an hour for a year."""
    chance = Random(2)
    one = Interaction(
        "", "d", None, None, "support", "m1", "v1", "production", "finished", 1.0, 0.0, 0.0, 0.0,
        None, 0.02, 1.0, None, 2, 2, 0, 100, 10, {"find": (1, 0), "pay": (1, 0)}, {},
    )  # fmt: skip
    return [
        replace(one, id=f"i{n}", at=NOW - n * HOUR // 10, success=float(chance.random() < 0.97))
        for n in range(365 * 24 * 10)
    ]


def best(work: Callable[[], object]) -> float:
    """Return the smallest wall time of a few rounds, in milliseconds."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


def trend(database: Database) -> None:
    """Read one metric, week by week, with its noise."""
    points = metric_points(database, "metric_7", branches=("main", "master"))["support"]
    weekly(points)
    noise_floor(points)


def cpu(*arguments: str) -> float:
    """Return the smallest CPU time of a command, in milliseconds."""
    times = []
    for _ in range(ROUNDS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command(*arguments)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return 1000 * min(times)


def command(*arguments: str) -> None:
    """Run the command line as a user does."""
    words = [sys.executable, "-m", "evalgate", *arguments]
    done = subprocess.run(words, capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout.decode() + done.stderr.decode())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("evalgate.yaml").write_text(CONFIG)
        at = ("--at", "2026-05-28T20:26:40Z")
        with open_history("sqlite:///h.db") as database:
            fill(database, options.runs)
            add_interactions(database, year())
            chance, numbers = Random(3), iter(range(options.runs, options.runs + 100))
            rows = [
                ("add a run", best(lambda: add_run(database, run(next(numbers), chance))), 50),
                ("trend and noise of a metric", best(lambda: trend(database)), 300),
                (
                    "flake record of the last 200 runs",
                    best(lambda: flakes(case_points(database, "support", 200))),
                    300,
                ),
            ]
        print(f"{options.runs:,} runs of {METRICS} metrics and {CASES} cases, a year by the hour")
        print(ROW.format("", "ms", "goal ms"))
        rows += [
            ("evalgate slo", cpu("slo", *at), 1000),
            ("evalgate watch --once", cpu("watch", "--once", *at), 1000),
        ]
        for name, took, goal in rows:
            print(ROW.format(name, f"{took:.1f}", goal))


if __name__ == "__main__":
    main()
