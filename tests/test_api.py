"""Tests of what `import evalgate` offers, as a program uses it."""

import asyncio
import dataclasses
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from support.projects import write_project

import evalgate
from evalgate import Abstained, Case, Scored, Suite
from evalgate.errors import BaselineMissing, ConfigError, DataError, NothingSelected

PUBLIC = [
    *("Abstained", "Broken", "Case", "Report", "Scored", "Suite", "Trace", "__version__"),
    *("capture", "compare", "evaluate", "load_golden", "load_report", "scorer", "tool"),
]

CASES = [
    Case(id=f"sum-{n}", input=f"{n}+1", expected={"output": {"equals": str(n + 1)}})
    for n in range(4)
]


def right(text: str) -> str:
    """Add up."""
    return str(sum(map(int, text.split("+"))))


async def wrong(_text: str) -> str:
    """Know one answer."""
    return "1"


@evalgate.scorer(unit="count", direction="lower", version="2")
def characters(_case: Case, trace: evalgate.Trace, *, more: int = 0) -> int:
    """Count characters."""
    return len(str(trace.output)) + more


@evalgate.scorer
async def short(_case: Case, trace: evalgate.Trace) -> Scored | Abstained:
    """Say whether the answer is short; waits like a scorer that asks somebody."""
    await asyncio.sleep(0)
    return Scored(float(len(str(trace.output)) < 3))


@evalgate.scorer(gate="standart")  # type: ignore[call-overload, untyped-decorator]
def badly_gated(_case: Case, _trace: evalgate.Trace) -> int:
    """Say a gate that does not exist."""
    return 1


@evalgate.scorer(unit="words")  # type: ignore[call-overload, untyped-decorator]
def badly_measured(_case: Case, _trace: evalgate.Trace) -> int:
    """Say a unit that does not exist."""
    return 1


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    """Make a suite of objects."""
    gate = {"metrics": {"task_success_rate": {"min": 0.9}}}
    scorers = [characters, short]
    return Suite(golden=CASES, agent=right, scorers=scorers, name="sums", gate=gate, root=tmp_path)


def test_the_public_names_are_frozen() -> None:
    """A name that a program may use comes and goes only with this list."""
    assert PUBLIC == evalgate.__all__
    assert PUBLIC == dir(evalgate)
    assert all(getattr(evalgate, name) is not None for name in PUBLIC)
    with pytest.raises(AttributeError, match="no attribute 'evaluat'"):
        evalgate.evaluat  # noqa: B018


def test_the_import_is_light() -> None:
    """`import evalgate` loads nothing that is heavy."""
    code = "import evalgate, sys; print([m for m in ('pydantic', 'click') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]\n" == done.stdout


def test_a_suite_of_objects(suite: Suite) -> None:
    """Cases, a function and scorers give a report with a verdict and every metric."""
    report = evalgate.evaluate(suite)
    assert ("pass", 0) == (report.verdict, report.exit_code)
    assert 1.0 == report.metrics["task_success_rate"].value
    made = report.metrics["characters"]
    assert (1.0, "count", "lower") == (made.value, made.unit, made.direction)
    assert 1.0 == report.metrics["short"].value
    assert ["sum-0", "sum-1", "sum-2", "sum-3"] == [case.id for case in report.cases]
    assert () == report.failed
    assert "<evalgate.Report sums: pass>" == repr(report)
    assert "sums" in report.to_markdown()


def test_a_worse_agent_fails_in_a_running_loop(suite: Suite) -> None:
    """A notebook has a loop running already: the same call works there, against a report."""
    before = evalgate.evaluate(suite)

    async def notebook() -> evalgate.Report:
        worse = dataclasses.replace(suite, agent=wrong)
        return evalgate.evaluate(worse, baseline=before)

    report = asyncio.run(notebook())
    assert "fail" == report.verdict
    assert ["sum-1", "sum-2", "sum-3"] == [case.id for case in report.failed]
    assert ["regressed"] * 3 == [c.outcome for c in report.changes if c.outcome == "regressed"]
    assert 'evalgate.evaluate(suite, cases=["sum-1"])' in report.to_text().replace("'", '"')
    assert "evalgate run" not in report.to_text()
    assert "fail" == evalgate.compare(before, report, threshold=0.05).verdict
    assert "pass" == evalgate.compare(before, before).verdict


def test_a_failed_evaluation_raises_in_a_running_loop(suite: Suite) -> None:
    """What goes wrong in the other thread is raised where it was asked for."""

    async def notebook() -> None:
        evalgate.evaluate(dataclasses.replace(suite, scorers=[characters, characters]))

    with pytest.raises(ConfigError, match="two scorers are named 'characters'"):
        asyncio.run(notebook())


def test_a_parametrised_scorer(suite: Suite) -> None:
    """Arguments are bound with `partial`; wrong ones are named before anything runs."""
    scorers = {"plus_two": partial(characters, more=2)}
    report = evalgate.evaluate(dataclasses.replace(suite, scorers=scorers))
    assert 3.0 == report.metrics["plus_two"].value
    with pytest.raises(ConfigError, match="cannot be called as"):
        evalgate.evaluate(dataclasses.replace(suite, scorers={"odd": partial(characters, less=2)}))


SCORERS = """
import evalgate


@evalgate.scorer(unit="count", direction="lower")
def words(case, trace, *, least=0):
    return max(least, len(str(trace.output).split()))
"""

CONFIG = """\
suites:
  quiz:
    golden: golden.jsonl
    agent: "recorded:traces.jsonl"
    scorers:
      long: {call: "own_scorers_of_api:words", args: {least: 5}}
      short: own_scorers_of_api:words
      shares: {call: "own_scorers_of_api:words", unit: score, direction: higher}
"""


def test_a_configuration(tmp_path: Path) -> None:
    """A path is a configuration; its scorers say of themselves what it leaves open."""
    write_project(tmp_path, 3, 1)
    (tmp_path / "own_scorers_of_api.py").write_text(SCORERS)
    (tmp_path / "evalgate.yaml").write_text(CONFIG)
    report = evalgate.evaluate(tmp_path / "evalgate.yaml", suites=["quiz"])
    seen = {name: report.metrics[name] for name in ("long", "short", "shares")}
    assert {"long": 5.0, "short": 2.0, "shares": 2.0} == {n: m.value for n, m in seen.items()}
    assert ["count", "count", "score"] == [m.unit for m in seen.values()]
    assert ["lower", "lower", "higher"] == [m.direction for m in seen.values()]
    with pytest.raises(BaselineMissing):
        evalgate.evaluate(tmp_path / "evalgate.yaml", baseline=True)


def test_the_latest_report_is_of_every_suite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `evalgate show` takes it: the newest evaluation's, where the configuration keeps runs."""
    write_project(tmp_path, 3, 1)
    text = (tmp_path / "evalgate.yaml").read_text()
    quiz = text[text.index("  quiz:") :]
    again = quiz.replace("  quiz:", "  again:", 1)
    (tmp_path / "evalgate.yaml").write_text(f"runs: kept\n{text.rstrip()}\n{again}")
    monkeypatch.chdir(tmp_path)
    evalgate.evaluate()
    assert ["quiz", "again"] == list(evalgate.evaluate().suites)
    latest = evalgate.load_report()
    assert ["quiz", "again"] == list(latest.suites)
    with pytest.raises(ConfigError, match="this report is of 2 suites: quiz, again"):
        evalgate.evaluate(suites=["quiz"], baseline=latest)


def test_reports_and_golden_sets_are_loaded(suite: Suite, tmp_path: Path) -> None:
    """What was written is read again; what is not there is named."""
    report = evalgate.evaluate(suite)
    report.save(tmp_path / "report.json")
    assert report.to_json() == evalgate.load_report(tmp_path / "report.json").to_json()
    write_project(tmp_path, 3, 1)
    assert 3 == len(evalgate.load_golden(tmp_path / "golden.jsonl"))
    with pytest.raises(BaselineMissing):
        evalgate.load_report(tmp_path / "nothing.json")


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"golden": [CASES[0], CASES[0]]}, DataError, "sum-0"),
        ({"golden": [{"id": "a", "input": "1+1"}]}, DataError, "expected a Case"),
        ({"golden": CASES[0]}, DataError, "expected a Case"),
        ({"golden": None}, DataError, "expected a Case"),
        ({"golden": []}, NothingSelected, "no case"),
        ({"gate": {"threshhold": 1}}, ConfigError, "gate.threshhold: unknown key .*'threshold'"),
        ({"gate": None}, ConfigError, "gate: .*found None"),
        ({"scorers": None}, ConfigError, "expected a list of functions"),
        ({"scorers": right}, ConfigError, "expected a list of functions"),
        ({"scorers": [badly_gated]}, ConfigError, "its decorator says gate: .*found 'standart'"),
        ({"scorers": [badly_measured]}, ConfigError, "its decorator says unit: .*found 'words'"),
        ({"agent": 5}, Exception, "expected a function"),
    ],
)
def test_what_cannot_be_used_is_named(
    suite: Suite, change: Mapping[str, object], error: type[Exception], said: str
) -> None:
    """A slip is an error of evalgate that says what and where."""
    with pytest.raises(error, match=said):
        evalgate.evaluate(dataclasses.replace(suite, **change))


def test_what_is_asked_of_a_suite_is_named(suite: Suite, tmp_path: Path) -> None:
    """A text is one name; another suite's, a mode or a side that does not exist is refused."""
    report = evalgate.evaluate(suite, cases="sum-1", suites="sums")
    assert ["sum-1"] == [case.id for case in report.cases]
    with pytest.raises(ConfigError, match="the suite that is given is 'sums'"):
        evalgate.evaluate(suite, suites=["others"])
    with pytest.raises(ConfigError, match="mode 'strickt': expected one of plain, confirmed"):
        evalgate.compare(report, report, mode="strickt")
    for side in (None, True, "", 5):
        with pytest.raises(ConfigError, match="expected a report or a path"):
            evalgate.compare(side, report)  # type: ignore[arg-type]
    with pytest.raises(BaselineMissing) as missing:
        evalgate.evaluate(suite, baseline=True)
    path = tmp_path / "baselines/sums.json"
    assert f'evalgate.evaluate(suite).save("{path}")' == missing.value.fix
    assert missing.value.__context__ is None
    evalgate.evaluate(suite).save(path)
    assert "pass" == evalgate.evaluate(suite, baseline=True).verdict


def test_a_case_that_nothing_scored_has_not_failed(suite: Suite) -> None:
    """Without an expectation there is no success to miss; a crash is a failure all the same."""
    rows = [Case(id="free", input="1+1"), Case(id="crash", input="x")]
    report = evalgate.evaluate(dataclasses.replace(suite, golden=rows))
    assert ["crash"] == [case.id for case in report.failed]


def test_evaluations_in_threads_keep_apart(suite: Suite) -> None:
    """Runs that start in the same millisecond have run folders of their own."""
    with ThreadPoolExecutor(8) as pool:
        reports = list(pool.map(lambda _: evalgate.evaluate(suite), range(16)))
    assert ["pass"] * 16 == [report.verdict for report in reports]
    assert 16 == len(list(Path(suite.root, ".evalgate/runs").iterdir()))
