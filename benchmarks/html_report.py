"""What a page of 5,000 cases x 3 trials weighs, and how fast it is in Chromium.

    python benchmarks/html_report.py [CASES]

Each trial has 3 model calls, 3 tool calls with results, a retrieval of two texts, and an answer; a
tenth of the cases got worse against a baseline whose trajectories are there too. Words are drawn
from a list of 3,000, and texts that were looked up from 2,000 documents, so that they compress as
texts do and not as copies. Times are the
browser's own (`performance`), cold, the median of five; needs Debian's chromium and
chromium-driver, and selenium.
"""

import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any

from evalgate.output.cases.details import OtherRun, RunDetails
from evalgate.output.cases.rows import case_rows
from evalgate.output.html.page import html_page
from evalgate.output.html.payload import BUDGET, pack_cases
from evalgate.schema.result import (
    CaseResult,
    MetricValue,
    Report,
    ReportSet,
    SuiteInfo,
    TrialResult,
)
from evalgate.schema.score import Scored
from evalgate.schema.trace import LlmCall, Retrieval, Step, ToolCall, Trace
from evalgate.schema.verdict import CaseChange
from evalgate.stats.summary import summary_of_report

TRIALS, ROUNDS = 3, 5
LETTERS = "abcdefghijklmnopqrstuvwxyz"
FIRST_PAINT = (
    "return performance.getEntriesByName('first-contentful-paint').map((one) => one.startTime)[0]"
)
TIMED = """
const done = arguments[0];
const start = performance.now();
%s
const drawn = performance.now() - start;
requestAnimationFrame(() => setTimeout(() => done([drawn, performance.now() - start])));
"""
FILTER = """
const box = document.querySelector('input[name=q]');
box.value = '123';
box.dispatchEvent(new Event('input', {bubbles: true}));
"""
SORT = """
const box = document.querySelector('select[name=sort]');
box.value = 'cost';
box.dispatchEvent(new Event('input', {bubbles: true}));
"""
OPEN = """
const done = arguments[0];
const start = performance.now();
document.querySelector('button.case').click();
const wait = () => (document.querySelector('.panel') ? done([0, performance.now() - start])
  : setTimeout(wait, 1));
wait();
"""


def main(cases: int) -> None:
    """Print one row a figure."""
    reports, details = load(cases)
    start = time.perf_counter()
    page = html_page(reports, [details])
    spent = time.perf_counter() - start
    size = len(page.encode())
    print(f"{cases:,} cases x {TRIALS} trials, and as many of the baseline")
    print(f"{'figure':28} {'value':>10} {'goal':>10}")
    print(f"{'file, MB':28} {size / 1e6:10.2f} {15:10}")
    left_out = pack_cases(case_rows(reports.suites[0]), details, 0, BUDGET).left_out
    print(f"{'cases with trajectories':28} {cases - left_out:10,} {'':>10}")
    print(f"{'written in, s':28} {spent:10.2f} {'':>10}")
    if shutil.which("chromium") is None:
        print("chromium is not installed: nothing is measured in it")
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.html"
        path.write_text(page, encoding="utf-8")
        for name, values, goal in measured(path):
            print(f"{name:28} {statistics.median(values):10.0f} {goal:>10}")


def measured(path: Path) -> list[tuple[str, list[float], str]]:
    """Open the page a few times, and time what a reader does."""
    from selenium import webdriver  # noqa: PLC0415  # an extra of the tests

    found: dict[str, tuple[list[float], str]] = {}
    for _ in range(ROUNDS):
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium") or ""
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu"):
            options.add_argument(argument)
        service = webdriver.ChromeService(shutil.which("chromedriver"))
        driver = webdriver.Chrome(options=options, service=service)
        try:
            for name, value, goal in timed(driver, path):
                found.setdefault(name, ([], goal))[0].append(value)
        finally:
            driver.quit()
    return [(name, values, goal) for name, (values, goal) in found.items()]


def timed(driver: Any, path: Path) -> list[tuple[str, float, str]]:  # noqa: ANN401  # selenium's
    """Time one visit, in ms."""
    driver.get(path.as_uri())
    while not driver.execute_script("return document.documentElement.dataset.ready"):
        time.sleep(0.01)
    ready = driver.execute_script("return performance.now()")
    paint = driver.execute_script(FIRST_PAINT)
    rows = [("first paint, ms", float(paint or ready), "1000"), ("list ready, ms", ready, "")]
    for name, script, goal in (("filter, ms", FILTER, "100"), ("sort, ms", SORT, "100")):
        drawn, shown = driver.execute_async_script(TIMED % script)
        rows += [(name, drawn, goal), (f"{name.replace(', ms', ' and paint, ms')}", shown, "")]
    rows.append(("open a case, ms", driver.execute_async_script(OPEN)[1], ""))
    return rows


def load(cases: int) -> tuple[ReportSet, RunDetails]:
    """Make a report, its traces and those of its baseline."""
    random = Random(7)
    words = ["".join(random.choices(LETTERS, k=random.randint(2, 9))) for _ in range(3_000)]
    names = [f"case-{number:05}" for number in range(cases)]
    bad = {name for name in names if random.random() < 0.1}
    before = traces(names, set(), Random(1), words)
    now = traces(names, bad, Random(1), words)
    old, new = report(names, set(), random), report(names, bad, random)
    details = RunDetails(
        traces=now,
        asked={name: text(random, words, 20) for name in names},
        baseline=summary_of_report(old),
        other=OtherRun("baseline", {case.id: case.trials for case in old.cases}, before),
    )
    return ReportSet(verdict="fail", exit_code=1, suites=(new,)), details


def report(names: list[str], bad: set[str], random: Random) -> Report:
    """Make a report in which some cases failed."""
    return Report(
        verdict="fail",
        exit_code=1,
        suite=SuiteInfo(
            id="load",
            golden_digest="sha256:0",
            cases=len(names),
            selected=len(names),
            trials=TRIALS,
        ),
        metrics={
            "task_success_rate": MetricValue(
                value=1 - len(bad) / len(names), unit="ratio", direction="higher", n=len(names)
            )
        },
        changes=tuple(
            CaseChange(id=name, outcome="regressed", baseline=1.0, candidate=0.0)
            if name in bad
            else CaseChange(id=name, outcome="unchanged", baseline=1.0, candidate=1.0)
            for name in names
        ),
        cases=tuple(
            CaseResult(id=name, digest=name, tags=("load",), trials=results(name, bad, random))
            for name in names
        ),
    )


def results(name: str, bad: set[str], random: Random) -> tuple[TrialResult, ...]:
    """Make the scored trials of a case."""
    scores = {f"score_{i}": Scored(1.0) for i in range(20)}
    scores |= {f"figure_{i}": Scored(round(random.random(), 3)) for i in range(5)}
    success = {"task_success": Scored(float(name not in bad))}
    return tuple(
        TrialResult(
            name,
            trial,
            "finished",
            {**success, "cost_usd": Scored(random.random()), **scores},
            output="",
            details=("the output does not contain 'refund'",) if name in bad else (),
        )
        for trial in range(TRIALS)
    )


def traces(
    names: list[str], bad: set[str], random: Random, words: list[str]
) -> dict[tuple[str, int], Trace]:
    """Make every trace; those of bad cases call another tool last."""
    found = {}
    for name in names:
        for trial in range(TRIALS):
            answer = text(random, words, 40)
            made = tuple(steps(name, answer, random, words, bad=name in bad))
            found[name, trial] = Trace(case_id=name, trial=trial, output=answer, steps=made)
    return found


def steps(name: str, answer: str, random: Random, words: list[str], *, bad: bool) -> list[Step]:
    """Make the steps of a trial."""
    found: list[Step] = []
    for number in range(3):
        tokens = random.randint(200, 900)
        found.append(
            LlmCall(
                provider="openai",
                model="gpt-4o-mini",
                input_tokens=tokens,
                output_tokens=40,
                start=number,
                end=number + random.random(),
                output={"content": answer if number == 2 else None},
            )
        )
        tool = "cancel" if bad and number == 2 else ("look", "check", "refund")[number]
        result = {"id": name, "note": text(random, words, 15), "total": random.randint(1, 999)}
        found.append(ToolCall(name=tool, arguments={"id": name, "n": number}, result=result))
    documents = tuple(text(Random(random.randint(1, 2_000)), words, 40) for _ in range(2))
    found.append(Retrieval(query=text(random, words, 5), documents=documents))
    return found


def text(random: Random, words: list[str], count: int) -> str:
    """Draw some words."""
    return " ".join(random.choices(words, k=count))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000)
