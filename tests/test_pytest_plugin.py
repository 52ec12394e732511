"""Tests of the pytest plugin, in real pytest processes, with and without xdist."""

import json
import os
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from support.projects import lines, write_project

import evalgate.pytest_plugin
from evalgate.store.runs import last_runs, read_manifest

ROOT = Path(__file__).resolve().parents[1]
_QUIET = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"}

_COMMON = (
    "-pno:cacheprovider",
    "--junitxml=junit.xml",
    "--strict-markers",
    "--evalgate-output=current.json",
    "--basetemp=tmp",
)


@dataclass(frozen=True)
class Done:
    """What a run of pytest left behind."""

    code: int
    out: str
    folder: Path

    @property
    def outcomes(self) -> dict[str, str]:
        """The outcome of each item, by the name it has in the JUnit file."""
        found = {}
        for case in ET.parse(self.folder / "junit.xml").iter("testcase"):  # noqa: S314  # our own
            kinds = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
            found[case.get("name", "")] = kinds[0] if kinds else "passed"
        return found

    @property
    def report(self) -> Any:  # noqa: ANN401  # any document
        """The report that was written."""
        return json.loads((self.folder / "current.json").read_text())


def run_pytest(folder: Path, *arguments: str) -> Done:
    """Run pytest in a folder, with our plugin and no other but xdist."""
    command = [sys.executable, "-m", "pytest", "-p", "evalgate.pytest_plugin", "-p", "xdist.plugin"]
    done = subprocess.run(
        [*command, *_COMMON, *arguments],
        cwd=folder,
        env={**os.environ, **_QUIET, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return Done(done.returncode, done.stdout + done.stderr, folder)


def run_evalgate(folder: Path, *arguments: str) -> int:
    """Run the command, and return its exit code."""
    command = [sys.executable, "-m", "evalgate", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode


@pytest.fixture(scope="module")
def worse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a project whose agent got worse than its baseline: 12 cases, 2 trials."""
    folder = tmp_path_factory.mktemp("worse")
    write_project(folder, 12, 2, ok=lambda n, t: (n * 3 + t) % 7 != 0)
    run_evalgate(folder, "baseline", "update", "--reason", "first", "--force", "-q")
    return write_project(folder, 12, 2, ok=lambda n, t: (n * 3 + t) % 3 != 0)


@pytest.fixture(scope="module")
def alone(worse: Path) -> Done:
    """Run its suite in one process."""
    done = run_pytest(worse, "--evalgate", "--evalgate-baseline")
    (worse / "alone.json").write_text((worse / "current.json").read_text())
    (worse / "alone.xml").write_text((worse / "junit.xml").read_text())
    return done


def test_the_verdict_is_the_last_item(alone: Done) -> None:
    """Cases pass because they were measured, whatever they scored; the verdict fails."""
    expected = {f"q{n}": "passed" for n in range(1, 13)} | {"verdict": "failure"}
    assert (1, expected) == (alone.code, alone.outcomes)
    assert "verdict" == list(alone.outcomes)[-1]


def test_the_summary_shows_the_same_verdict(alone: Done) -> None:
    """The terminal says what the report says."""
    assert "fail" == alone.report["verdict"]
    assert "quiz: FAIL" in alone.out
    assert "FAILED evalgate.yaml::quiz::verdict" in alone.out


def test_junit_has_a_property_for_each_metric(alone: Done) -> None:
    """The verdict's test case holds every metric, a case's its scores; nothing else travels."""
    cases = {c.get("name"): c for c in ET.parse(alone.folder / "alone.xml").iter("testcase")}  # noqa: S314
    found = {
        name: {p.get("name"): p.get("value") for p in case.iter("property")}
        for name, case in cases.items()
    }
    metrics = alone.report["metrics"]
    assert repr(metrics["task_success_rate"]["value"]) == found["verdict"]["task_success_rate"]
    assert {"verdict", "exit_code", *metrics} == found["verdict"].keys()
    assert "0.5" == found["q1"]["task_success"]
    assert not [name for properties in found.values() for name in properties if "evalgate" in name]


@pytest.mark.slow
def test_workers_give_the_same_verdict_and_report(worse: Path, alone: Done) -> None:
    """Byte for byte, with `-n 2` and without."""
    done = run_pytest(worse, "--evalgate", "--evalgate-baseline", "-n", "2")
    assert (alone.code, (worse / "alone.json").read_text()) == (
        done.code,
        (worse / "current.json").read_text(),
    )
    assert "failure" == done.outcomes["verdict"]
    assert 13 == len(done.outcomes)


def test_the_same_verdict_as_the_command(worse: Path, alone: Done) -> None:
    """`evalgate run --baseline` writes the same report."""
    run_evalgate(worse, "run", "--baseline", "-o", "command.json")
    assert json.loads((worse / "command.json").read_text()) == json.loads(
        (worse / "alone.json").read_text()
    )


def test_the_run_is_kept_like_any_other(worse: Path, alone: Done) -> None:
    """There is one run folder for it, and nothing is left of single processes."""
    runs = [f for f in (worse / ".evalgate/runs").iterdir() if (f / "report.json").exists()]
    reports = [json.loads((folder / "report.json").read_text()) for folder in runs]
    assert json.loads((worse / "alone.json").read_text()) in reports
    assert [] == list((worse / ".evalgate/runs/.parts").iterdir())


def test_the_latest_run_is_of_every_suite(tmp_path: Path) -> None:
    """As after `evalgate run`: `evalgate show` and the like take all suites of the session."""
    write_project(tmp_path, 2, 1)
    text = (tmp_path / "evalgate.yaml").read_text()
    quiz = text[text.index("  quiz:") :]
    again = quiz.replace("  quiz:", "  again:", 1)
    (tmp_path / "evalgate.yaml").write_text(f"{text.rstrip()}\n{again}")
    run_pytest(tmp_path, "--evalgate")
    runs = last_runs(tmp_path / ".evalgate/runs", ["quiz", "again"])
    assert ["quiz", "again"] == [read_manifest(folder).suite for folder in runs]


@pytest.mark.slow
def test_without_evidence_the_verdict_is_an_error(tmp_path: Path) -> None:
    """A case whose trace is missing is an error, and so is the verdict; the report says why."""
    write_project(tmp_path, 4, 1)
    rows = (tmp_path / "traces.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "traces.jsonl").write_text("".join(rows[:-1]))
    done = run_pytest(tmp_path, "--evalgate")
    assert {"q4": "error", "verdict": "error"} == {
        name: kind for name, kind in done.outcomes.items() if kind != "passed"
    }
    assert (1, "inconclusive") == (done.code, done.report["verdict"])
    assert "holds no trace of case 'q4'" in done.out
    assert "Traceback" not in done.out


def test_a_missing_baseline_is_an_error(tmp_path: Path) -> None:
    """The verdict says how to make one; an older report does not stand for this run's."""
    write_project(tmp_path, 2, 1)
    (tmp_path / "current.json").write_text("{}")
    done = run_pytest(tmp_path, "--evalgate", "--evalgate-baseline")
    assert ("error", 1) == (done.outcomes["verdict"], done.code)
    assert "evalgate baseline update" in done.out
    assert not (tmp_path / "current.json").exists()


def test_a_selection_is_inconclusive(tmp_path: Path) -> None:
    """With `-k` only some cases are judged, which is no pass."""
    write_project(tmp_path, 4, 1)
    done = run_pytest(tmp_path, "--evalgate", "-k", "q2")
    assert {"q2": "passed", "verdict": "error"} == done.outcomes


CRASHING = """
async def answer(case, context):
    if case.id == "b":
        raise RuntimeError("boom")
    return "right"


async def flaky(case, context):
    return "right" if context.trial or case.id == "a" else "wrong"
"""


def live_project(folder: Path, agent: str, **fields: object) -> None:
    """Write a project with two cases and an agent in Python."""
    (folder / "agent.py").write_text(CRASHING)
    expected = {"output": {"equals": "right"}}
    rows = [{"id": i, "input": "x", "expected": expected, **fields} for i in ("a", "b")]
    (folder / "golden.jsonl").write_text(lines(rows))
    config = f"suites: {{live: {{golden: golden.jsonl, agent: 'python:{agent}'}}}}\n"
    (folder / "evalgate.yaml").write_text(config)


def test_a_crash_is_measured(tmp_path: Path) -> None:
    """A crashed trial is evidence: the case's item passes, and the case counts as failed."""
    live_project(tmp_path, "agent:answer")
    done = run_pytest(tmp_path, "--evalgate")
    assert "passed" == done.outcomes["b"]
    assert 0.5 == done.report["metrics"]["error_rate"]["value"]


@pytest.mark.slow
def test_must_pass_cases_get_fresh_trials(tmp_path: Path) -> None:
    """A failure that two fresh trials do not confirm passes, as with `evalgate run`."""
    live_project(tmp_path, "agent:flaky", must_pass=True)
    done = run_pytest(tmp_path, "--evalgate", "-n", "1")
    checks = {c["id"]: c["reason"] for c in done.report["checks"]}
    assert 0 == done.code
    assert "0 of 2 fresh trials failed" in checks["must_pass.b"]


def test_an_agent_that_cannot_be_loaded_is_an_error(tmp_path: Path) -> None:
    """Every item says why, without a traceback."""
    live_project(tmp_path, "nowhere:answer")
    done = run_pytest(tmp_path, "--evalgate")
    assert {"a": "error", "b": "error", "verdict": "error"} == done.outcomes
    assert "no module 'nowhere'" in done.out
    assert "Traceback" not in done.out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("--evalgate", "--evalgate-config=none.yaml"), "none.yaml"),
        (("--evalgate", "--evalgate-suite=quix"), "did you mean 'quiz'"),
        (("--evalgate-suite=quiz",), "does nothing without --evalgate"),
        (("--evalgate-baseline",), "does nothing without --evalgate"),
        (("--evalgate-output=.",), "--evalgate-output .: cannot be written"),
        (("--evalgate-output=golden.jsonl/a/b.json",), "cannot be written: Not a directory"),
    ],
)
def test_wrong_options_are_usage_errors(
    tmp_path: Path, arguments: tuple[str, ...], part: str
) -> None:
    """Pytest's code for that is 4; the message is ours."""
    write_project(tmp_path, 2, 1)
    done = run_pytest(tmp_path, *arguments)
    assert 4 == done.code
    assert part in done.out


def test_collecting_judges_nothing(tmp_path: Path) -> None:
    """`--collect-only` lists the cases; nothing was run, so nothing is inconclusive."""
    write_project(tmp_path, 2, 1)
    done = run_pytest(tmp_path, "--evalgate", "--collect-only", "-q")
    assert 0 == done.code
    assert "evalgate.yaml::quiz::" in done.out
    assert "verdict" not in done.out


GOLDEN_TEST = '''
import pytest


@pytest.mark.golden("golden.jsonl")
def test_answers(evalgate_case, evalgate_trace, evalgate_agent):
    """Judge each answer with an assertion of one's own."""
    assert evalgate_agent is None
    assert evalgate_trace.case_id == evalgate_case.id
    assert evalgate_trace.output.startswith("answer")
'''


@pytest.mark.slow
def test_the_job_of_two_steps(tmp_path: Path) -> None:
    """First pytest writes metrics/current.json, then compare, or the script, says the verdict."""
    command = ["pytest", "test_agent_quality.py", "--evalgate-output=metrics/current.json"]
    write_project(tmp_path, 12, 1)
    (tmp_path / "test_agent_quality.py").write_text(GOLDEN_TEST)
    assert 0 == run_pytest(tmp_path, *command[1:]).code
    (tmp_path / "metrics/current.json").rename(tmp_path / "metrics/baseline.json")
    write_project(tmp_path, 12, 1, ok=lambda n, _: n != 7)
    done = run_pytest(tmp_path, *command[1:], "-n", "2")
    assert "1 failed, 11 passed" in done.out
    sides = ["--baseline", "metrics/baseline.json", "--current", "metrics/current.json"]
    for threshold, code in (("0.05", 1), ("0.5", 0)):
        arguments = [*sides, "--threshold", threshold]
        assert code == run_evalgate(tmp_path, "compare", *arguments)
        script = [sys.executable, str(ROOT / "scripts/check_regression.py"), *arguments]
        assert code == subprocess.run(script, cwd=tmp_path, check=False).returncode


OWN_AGENT = """
import pytest


@pytest.fixture
def evalgate_agent():
    return "python:agent:answer"


@pytest.mark.golden("golden.jsonl")
def test_with_an_agent_of_its_own(evalgate_trace):
    assert evalgate_trace.status in ("finished", "crashed")


@pytest.mark.golden("golden.jsonl", agent="python:agent:flaky")
@pytest.mark.parametrize("word", ["right", "wrong"])
def test_with_another_parameter(evalgate_case, word):
    assert word
"""


def test_a_golden_test_names_its_agent(tmp_path: Path) -> None:
    """By a fixture, and without any configuration; a golden set also goes with parameters."""
    live_project(tmp_path, "agent:answer")
    (tmp_path / "evalgate.yaml").unlink()
    (tmp_path / "test_own.py").write_text(OWN_AGENT)
    done = run_pytest(tmp_path)
    assert (0, 6) == (done.code, len(done.outcomes))
    assert ("golden", 0.5) == (
        done.report["suite"]["id"],
        done.report["metrics"]["error_rate"]["value"],
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "part"),
    [
        ('@pytest.mark.golden("none.jsonl")\ndef test(evalgate_case): pass', "none.jsonl"),
        ('@pytest.mark.golden("golden.jsonl")\ndef test(): pass', "takes no evalgate_case"),
        ("@pytest.mark.golden()\ndef test(evalgate_case): pass", "path of one golden set"),
        ("def test(evalgate_case): pass", "needs @pytest.mark.golden"),
        ('@pytest.mark.golden("g.jsonl", agnt="x")\ndef test(evalgate_case): pass', "and agent="),
        ('@pytest.mark.golden("g.jsonl")\ndef test(evalgate_trace): pass', "evalgate_agent"),
    ],
)
def test_slips_with_the_marker_are_named(tmp_path: Path, text: str, part: str) -> None:
    """Each ends with what is missing."""
    write_project(tmp_path, 1, 1)
    (tmp_path / "g.jsonl").write_text((tmp_path / "golden.jsonl").read_text())
    (tmp_path / "test_slip.py").write_text(f"import pytest\n\n{text}\n")
    done = run_pytest(tmp_path)
    assert 0 != done.code
    assert part in done.out


@pytest.mark.slow
def test_a_golden_test_needs_the_configuration_that_is_named(tmp_path: Path) -> None:
    """A file that is named and not there is an error, also where the test names its agent."""
    live_project(tmp_path, "agent:answer")
    (tmp_path / "test_own.py").write_text(OWN_AGENT)
    done = run_pytest(tmp_path, "--evalgate-config=none.yaml", "-k", "of_its_own")
    assert 1 == done.code
    assert "none.yaml: cannot be read" in done.out
    assert "Traceback" not in done.out


@pytest.mark.slow
def test_judges_are_asked_with_ragas_only(tmp_path: Path, scripted_judge: Any) -> None:  # noqa: ANN401
    """Without `--ragas` only recorded verdicts count; with it the judge is asked, once."""
    server = scripted_judge(lambda *_: {"reason": "so", "level": 4})
    write_project(tmp_path, 2, 1)
    judge = {
        "kind": "rubric",
        "rubric": "Was the goal reached?",
        "levels": {n: f"level {n}" for n in range(1, 6)},
        "model": "scripted",
        "base_url": server.base_url,
        "api_key_env": None,
    }
    config = (tmp_path / "evalgate.yaml").read_text()
    (tmp_path / "evalgate.yaml").write_text(f"{config}    judges: {{goal: {json.dumps(judge)}}}\n")
    counts = []
    for arguments in ((), ("--ragas",), ("-n", "2")):
        done = run_pytest(tmp_path, "--evalgate", *arguments)
        counts.append((len(server.requests), done.report["metrics"]["goal_attainment"]["value"]))
    assert [(0, None), (2, 4.0), (2, 4.0)] == counts


def test_ragas_without_a_judge_is_an_error(tmp_path: Path) -> None:
    """Nobody thinks that judged metrics were measured."""
    write_project(tmp_path, 1, 1)
    done = run_pytest(tmp_path, "--evalgate", "--ragas")
    assert {"q1": "error", "verdict": "error"} == done.outcomes
    assert "has no judge" in done.out


LIGHT = """
import sys


def test_nothing_heavy_is_loaded():
    heavy = {"pydantic", "evalgate.pytest_run", "evalgate.pipeline", "rich", "yaml", "asyncio"}
    assert not heavy & sys.modules.keys()
"""


def test_nothing_heavy_is_imported_unless_asked(tmp_path: Path) -> None:
    """A project that has the plugin installed, and does not use it, pays nothing for it."""
    (tmp_path / "test_light.py").write_text(LIGHT)
    command = [sys.executable, "-m", "pytest", "-p", "evalgate.pytest_plugin", "-q"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "-p", "no:junitxml"],
        cwd=tmp_path,
        env={**os.environ, **_QUIET, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stdout


def test_the_plugin_is_an_entry_point() -> None:
    """Installing the package is enough."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        points = tomllib.load(file)["project"]["entry-points"]["pytest11"]
    assert {"agent-evalgate": "evalgate.pytest_plugin"} == points


def test_every_option_is_documented() -> None:
    """Each option of the plugin has its row on the page."""
    page = (ROOT / "docs/pytest.md").read_text(encoding="utf-8")
    parser = pytest.Parser(_ispytest=True)
    evalgate.pytest_plugin.pytest_addoption(parser)
    (group,) = [group for group in parser._groups if group.name == "evalgate"]
    names = [name for option in group.options for name in option.names()]
    assert 6 == len(names)
    assert [] == [name for name in names if f"`{name}" not in page]
