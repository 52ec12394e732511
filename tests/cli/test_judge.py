"""`evalgate judge` from end to end: sample, label, calibrate, show, drift, in real processes."""

# ruff: noqa: ANN401  # fixtures come by name: test folders are no packages

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evalgate.schema.result import CaseResult, Manifest, Report, SuiteInfo, TrialResult
from evalgate.schema.score import Scored
from evalgate.schema.trace import Trace
from evalgate.store.golden_sets.golden import load_golden
from evalgate.store.run_writer import create_run
from evalgate.store.runs import write_report

GOOD, BAD = "Refunds take 5 days", "Refunds take 9 days"
CONFIG = """
suites:
  support:
    golden: golden.jsonl
    agent: "recorded:traces.jsonl"
    judges:
      reader:
        kind: claims
        model: judge-1
        base_url: {url}
"""


def script(lenient: list[bool]) -> Callable[[dict[str, Any], int], Any]:
    """Support what says 5 days; once lenient, everything."""

    def reply(request: dict[str, Any], _number: int) -> Any:
        answer = request["messages"][1]["content"].rpartition("<<<ANSWER")[2]
        holds = "5 days" in answer or bool(lenient)
        claim = {"claim": "It takes days.", "quote": "Refunds take 5 days", "supported": holds}
        return {"claims": [claim]}

    return reply


@pytest.fixture
def project(tmp_path: Path) -> Callable[[str], Path]:
    """Return a maker of a project with a stored run of 30 judged answers, 10 of them bad."""

    def make(url: str) -> Path:
        (tmp_path / "evalgate.yaml").write_text(CONFIG.format(url=url))
        cases = [
            {
                "id": f"c{n}",
                "input": "How long?",
                "contexts": ["Refunds take 5 days."],
                "expected": {"refusal": False},
            }
            for n in range(30)
        ]
        (tmp_path / "golden.jsonl").write_text("".join(json.dumps(c) + "\n" for c in cases))
        asyncio.run(store(tmp_path))
        return tmp_path

    async def store(root: Path) -> None:
        manifest = Manifest(
            run_id="20260101-000000-support-aaaa",
            suite="support",
            golden="golden.jsonl",
            golden_digest=load_golden(root / "golden.jsonl").digest,
            agent="recorded:traces.jsonl",
            trials=1,
            created="2026-01-01T00:00:00Z",
        )
        async with create_run(root / ".evalgate/runs", manifest) as writer:
            for n in range(30):
                text = f"{BAD if n % 3 == 0 else GOOD}, case {n}.\x1b[31m"
                scores = {"faithfulness": Scored(float(n % 3 != 0))}
                result = TrialResult(f"c{n}", 0, "finished", scores)
                await writer.append(Trace(case_id=f"c{n}", output=text), result)

    return make


def run(folder: Path, *arguments: str, typed: str = "", key: bool = False) -> Any:
    """Run a subcommand in a process of its own."""
    environ = {k: v for k, v in os.environ.items() if k != "OPENAI_API_KEY"}
    if key:
        environ["OPENAI_API_KEY"] = "sk-0123456789"
    return subprocess.run(
        [sys.executable, "-m", "evalgate", "judge", *arguments],
        cwd=folder,
        input=typed,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )


def label(folder: Path) -> None:
    """Sample all answers and label them as a person would, in two sittings."""
    done = run(folder, "sample", "latest", "--rate", "1", "--seed", "1")
    assert (0, "") == (done.returncode, done.stderr)
    items = [json.loads(line) for line in (folder / "labels.jsonl").read_text().splitlines()][1:]
    truth = ["n" if "9 days" in item["evidence"]["answer"] else "y" for item in items]
    first = run(folder, "label", "labels.jsonl", typed="maybe\n" + "\n".join(truth[:10]) + "\nq\n")
    assert "expected y, n" in first.stdout
    assert "10 of 30 done, 20 left" in first.stdout
    rest = run(folder, "label", "labels.jsonl", "--by", "ann", typed="\n".join(truth[10:]) + "\n")
    assert "--- 11 of 30 ---" in rest.stdout
    assert "30 of 30 done" in rest.stdout
    assert "\x1b" not in first.stdout + rest.stdout


@pytest.mark.slow
def test_the_loop_from_sample_to_drift(project: Any, scripted_judge: Any) -> None:
    """A blind sample, labels in two sittings, a kappa of 1, corrected shares, then a drift."""
    lenient: list[bool] = []
    server = scripted_judge(script(lenient))
    folder = project(server.base_url)
    label(folder)
    sampled = (folder / "labels.jsonl").read_text()
    assert '"faithfulness"' in sampled.splitlines()[0]
    assert "scores" not in sampled

    missed = run(folder, "calibrate", "labels.jsonl")
    assert 3 == missed.returncode
    assert "30 of its verdicts are broken" in missed.stderr
    assert "replay miss" in missed.stderr

    done = run(folder, "calibrate", "labels.jsonl", "--mode", "auto", "--repeats", "2", key=True)
    assert (0, "") == (done.returncode, done.stderr)
    assert "kappa 1.000" in done.stdout
    assert "self-consistency 1.000 (2 times)" in done.stdout
    saved = json.loads((folder / "baselines/support.calibration.json").read_text())
    record = saved["judges"]["reader"]["faithfulness"]
    assert [20, 0, 0, 10] == record["confusion"]
    assert 60 == len(server.requests)

    again = run(folder, "calibrate", "labels.jsonl", "--repeats", "2")
    assert 0 == again.returncode, "recorded verdicts need no key"
    assert 60 == len(server.requests)

    shown = run(folder, "show", "latest")
    assert "20 of 30 answers good (0.667)" in shown.stdout
    assert "corrected for its errors: 0.667" in shown.stdout

    config = folder / "evalgate.yaml"
    config.write_text(config.read_text().replace("judge-1", "judge-2"))
    other = run(folder, "show", "latest")
    assert "not enough to gate by: it was calibrated as judge-1 and is judge-2 now" in other.stdout
    assert "not corrected: the judge's errors are unknown" in other.stdout
    config.write_text(config.read_text().replace("judge-2", "judge-1"))

    steady = run(folder, "drift", key=True)
    assert 0 == steady.returncode
    assert "no drift shown" in steady.stdout
    lenient.append(True)
    moved = run(folder, "drift", key=True)
    assert 1 == moved.returncode
    assert "0 turned bad, 10 turned good" in moved.stdout
    assert "drifted" in moved.stdout


def test_what_is_skipped_is_not_labelled(project: Any, scripted_judge: Any) -> None:
    """A file of nothing but skipped answers has no label, and labelling it again asks nothing."""
    folder = project(scripted_judge(script([])).base_url)
    run(folder, "sample", "latest", "--output", "my labels.jsonl")
    done = run(folder, "label", "my labels.jsonl", typed="s\ns\ns\n")
    assert "0 of 3 done, 3 skipped" in done.stdout
    calibrated = run(folder, "calibrate", "my labels.jsonl")
    assert 3 == calibrated.returncode
    assert """remove "skipped" from its lines, then evalgate judge label 'my""" in calibrated.stderr


def test_a_judge_that_abstains_now_is_said_to(project: Any, scripted_judge: Any) -> None:
    """Answers that drift cannot compare are counted beside those that it compares."""
    silent: list[bool] = []

    def reply(request: dict[str, Any], number: int) -> Any:
        if silent and "case 1." in request["messages"][1]["content"]:
            return {"claims": []}
        return script([])(request, number)

    folder = project(scripted_judge(reply).base_url)
    label(folder)
    run(folder, "calibrate", "labels.jsonl", "--mode", "auto", key=True)
    silent.append(True)
    moved = run(folder, "drift", key=True)
    assert "on 29 answers (1 left out: abstained then or now)" in moved.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("calibrate", "none.jsonl"), 2, "none.jsonl"),
        (("calibrate", "golden.jsonl"), 2, "problem"),
        (("sample", "latest", "--metric", "faithfullness"), 2, "faithfulness"),
        (("sample", "latest", "--judge", "readr"), 2, "reader"),
        (("sample", "latest", "-o", "golden.jsonl"), 2, "there is such a file"),
        (("drift",), 2, "OPENAI_API_KEY"),
    ],
)
def test_mistakes_are_named(
    arguments: tuple[str, ...], code: int, said: str, project: Any, scripted_judge: Any
) -> None:
    """A wrong file, name or a missing key: one error, no traceback, nothing overwritten."""
    folder = project(scripted_judge(script([])).base_url)
    if arguments == ("drift",):
        label(folder)
        run(folder, "calibrate", "labels.jsonl", "--mode", "auto", key=True)
    done = run(folder, *arguments)
    assert code == done.returncode
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_labels_that_do_not_fit(project: Any, scripted_judge: Any) -> None:
    """A level on a yes/no scale and a doubled id are refused with their lines."""
    folder = project(scripted_judge(script([])).base_url)
    header = {"schema": "evalgate.labels/1", "metric": "faithfulness"}
    item = {"id": "a", "case_id": "c1", "evidence": {}}
    rows = [header, {**item, "label": 4}, {**item, "label": 1}]
    (folder / "bad.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = run(folder, "calibrate", "bad.jsonl")
    assert 2 == done.returncode
    assert "line 2, /label: found 4; expected 0, 1" in done.stderr
    assert "line 3, /id: 'a' stands twice" in done.stderr


def test_cases_that_changed_since_the_run_are_left_out(project: Any) -> None:
    """Nobody labels an old answer beside a new question; where nobody knows, no answer at all."""
    folder = project("http://127.0.0.1:9/v1")
    golden = folder / "golden.jsonl"
    (stored,) = (folder / ".evalgate/runs").iterdir()
    digests = load_golden(golden).digests
    golden.write_text(
        golden.read_text().replace('"c3", "input": "How long?"', '"c3", "input": "?"')
    )
    unknown = run(folder, "sample", "latest", "--rate", "1")
    assert (3, False) == (unknown.returncode, (folder / "labels.jsonl").exists())
    assert "every case that was judged asks something else" in unknown.stderr

    info = SuiteInfo(id="support", golden_digest="-", cases=30, selected=30, trials=1)
    cases = tuple(CaseResult(id=name, digest=digest) for name, digest in digests.items())
    write_report(stored, Report(verdict="pass", exit_code=0, suite=info, cases=cases))
    done = run(folder, "sample", "latest", "--rate", "1")
    assert "29 of 29 judged answers written" in done.stdout
    assert "asks something else since the run: c3\n" in done.stdout
    assert '"c3"' not in (folder / "labels.jsonl").read_text()
