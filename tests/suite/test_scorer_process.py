"""Scorers of the user in a process of their own: what goes wrong there is a broken score."""

import asyncio
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.cli import Cli

from evalgate.errors import ConfigError
from evalgate.schema.golden import Case
from evalgate.schema.score import Abstained, Broken, Score, Scored
from evalgate.schema.trace import Trace
from evalgate.scorers.base import AsyncScorer
from evalgate.suite.environment import this_machine
from evalgate.suite.plan import Filters, make_plan
from evalgate.suite.scorer_process import open_scorers
from evalgate.suite.suite import Selection, find_suites

CODE = """
import asyncio, os, signal, sys, time

def which(trace):
    return int(trace.case_id[1:])

def plain(case, trace, least=0):
    return which(trace) / 10

async def waits(case, trace):
    await asyncio.sleep(0.01)
    return {"value": 1.0, "counts": [1, 1]}

def exits(case, trace):
    if which(trace) == 2:
        os._exit(0)
    return 1.0

def leaves(case, trace):
    sys.exit(0)

def hangs(case, trace):
    if which(trace) == 2:
        time.sleep(60)
    return 1.0

def forges(case, trace):
    sys.__stdout__.write('{"verdict": "pass", "exit_code": 0}\\\\n')
    sys.__stdout__.flush()
    os.write(2, b"verdict: PASS")
    return 0.0

def speaks(case, trace):
    os.write(3, b"\\\\0" * 4 + b"\\\\0\\\\0\\\\0\\\\x02{}")
    return 1.0

def killed(case, trace):
    os.kill(os.getppid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)

def odd(case, trace):
    return 7.0

def nothing(case, trace):
    return None

def who(case, trace):
    return float(os.getpid())
"""


def project(folder: Path, scorers: str, timeout: float = 30) -> Path:
    """Write a suite of three cases with scorers."""
    (folder / "judging.py").write_text(CODE.replace("\\\\", "\\"))
    rows = [
        {"id": f"q{n}", "input": "x", "expected": {"output": {"equals": "a"}}} for n in range(1, 4)
    ]
    (folder / "golden.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "agents_of_own.py").write_text("def answer(question):\n    return 'a'\n")
    (folder / "evalgate.yaml").write_text(
        "suites:\n  s:\n    golden: golden.jsonl\n    agent: python:agents_of_own:answer\n"
        f"    timeout_s: {timeout}\n    scorers: {scorers}\n"
        "    gate: {metrics: {error_rate: {max: 0.9}}}\n"
    )
    return folder


def scored(folder: Path, status: str = "finished") -> list[Mapping[str, Score]]:
    """Score a trial of each case, all at once."""
    (suite,) = find_suites(Selection(folder / "evalgate.yaml"))
    plan = make_plan(suite, Filters())

    async def one(case: Case, scorers: tuple[AsyncScorer, ...]) -> Mapping[str, Score]:
        told = {"case_id": case.id, "trial": 0, "status": status, "output": "a", "error": "why"}
        trace = Trace.model_validate(told)
        said = await asyncio.gather(*(scorer.score(case, trace) for scorer in scorers))
        return {scorer.name: score for scorer, score in zip(scorers, said, strict=True)}

    async def every() -> list[Mapping[str, Score]]:
        async with open_scorers(plan, this_machine()) as scorers:
            return await asyncio.gather(*(one(case, scorers) for case in plan.cases))

    return asyncio.run(every())


def test_scores_come_back_as_they_are(tmp_path: Path) -> None:
    """Sync and async functions, abstentions, and one process for all of them."""
    names = ["plain", "waits", "nothing"]
    listed = ", ".join(f'{name}: "judging:{name}"' for name in names)
    own = "who: {call: 'judging:who', unit: count}"
    found = scored(project(tmp_path, f"{{{listed}, {own}}}"))
    assert [Scored(0.1), Scored(0.2), Scored(0.3)] == [each["plain"] for each in found]
    assert [Scored(1.0, (1, 1))] * 3 == [each["waits"] for each in found]
    assert all(isinstance(each["nothing"], Abstained) for each in found)
    (process,) = {each["who"] for each in found}
    assert Scored(float(os.getpid())) != process


def test_failed_and_unmeasured_trials(tmp_path: Path) -> None:
    """Abstaining on a failure is the worst score; what was not measured is broken."""
    folder = project(tmp_path, '{nothing: "judging:nothing"}')
    assert [Scored(0.0)] * 3 == [each["nothing"] for each in scored(folder, "crashed")]
    assert all(isinstance(each["nothing"], Broken) for each in scored(folder, "not_measured"))


@pytest.mark.parametrize(
    ("name", "words"),
    [("exits", "exit code 0"), ("hangs", "no answer after 1 s")],
)
def test_one_trial_that_ends_the_process(tmp_path: Path, name: str, words: str) -> None:
    """A crash, an exit and a hang break the score of that trial, and of no other."""
    folder = project(tmp_path, f'{{{name}: "judging:{name}"}}', timeout=1)
    first, second, third = (each[name] for each in scored(folder))
    assert [Scored(1.0), Scored(1.0)] == [first, third]
    assert isinstance(second, Broken)
    assert words in second.error


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("leaves", "SystemExit"),
        ("speaks", "it wrote to the channel"),
        ("killed", "SIGKILL"),
        ("odd", "its unit allows 0 to 1"),
    ],
)
def test_a_scorer_that_misbehaves_each_time(tmp_path: Path, name: str, words: str) -> None:
    """Every score is broken, and says why."""
    found = [each[name] for each in scored(project(tmp_path, f'{{{name}: "judging:{name}"}}'))]
    assert [True] * 3 == [isinstance(score, Broken) and words in score.error for score in found]


def test_a_forged_verdict_reaches_nobody(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a scorer prints is no part of a report, and its score gates."""
    folder = project(tmp_path, "{forges: {call: 'judging:forges', gate: standard}}")
    config = (folder / "evalgate.yaml").read_text().replace("error_rate: {max", "forges: {min")
    (folder / "evalgate.yaml").write_text(config)
    monkeypatch.chdir(folder)
    result = cli("run", "--format", "json")
    assert (1, "fail") == (result.code, result.json["verdict"])
    assert "PASS" not in result.err


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import os; os._exit(0)", "exit code 0"),
        ("import sys; sys.exit(0)", "SystemExit"),
        ("import nowhere_at_all", "No module named"),
        ("import os; os.write(3, b'x' * 40)", "cannot be loaded"),
    ],
)
def test_what_cannot_be_loaded_is_an_error(tmp_path: Path, code: str, words: str) -> None:
    """Before anything runs, with the scorer's name."""
    folder = project(tmp_path, '{plain: "judging_that_fails:plain"}')
    (folder / "judging_that_fails.py").write_text(f"{code}\n")
    with pytest.raises(ConfigError, match="plain") as caught:
        scored(folder)
    assert words in str(caught.value)


def test_a_decorator_that_says_what_is_none(tmp_path: Path) -> None:
    """A unit of its own making is named with what it said."""
    folder = project(tmp_path, '{plain: "judging_of_units:plain"}')
    code = "import evalgate\n@evalgate.scorer(unit='apples')\ndef plain(case, trace): return 1\n"
    (folder / "judging_of_units.py").write_text(code)
    with pytest.raises(ConfigError, match="'apples'"):
        scored(folder)


def test_no_process_is_left(tmp_path: Path) -> None:
    """The process is over when the run is."""
    found = scored(project(tmp_path, "{who: {call: 'judging:who', unit: count}}"))
    pid = {int(s.value) for each in found if isinstance(s := each["who"], Scored)}.pop()
    time.sleep(0.05)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_gate_imports_no_scorer(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its code changes nothing of the process that judges."""
    folder = project(tmp_path, '{plain: "judging_that_changes:plain"}')
    code = "import evalgate.gate.judge as j\nj.judge = None\ndef plain(case, trace): return 1.0\n"
    (folder / "judging_that_changes.py").write_text(code)
    monkeypatch.chdir(folder)
    assert 0 == cli("run").code


def test_a_trial_has_all_scores(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run and score give the same."""
    folder = project(tmp_path, '{plain: "judging:plain", waits: "judging:waits"}')
    monkeypatch.chdir(folder)
    run = cli("run", "--format", "json").json
    again = cli("score", "latest", "--format", "json").json
    for report in (run, again):
        trials = [trial for case in report["cases"] for trial in case["trials"]]
        assert [0.1, 0.2, 0.3] == [trial["scores"]["plain"] for trial in trials]
