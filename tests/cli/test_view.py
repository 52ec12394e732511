"""`evalgate view` and `--format html`: the page of real runs, also of broken ones."""

import base64
import gzip
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cli import Cli
from support.pages import page_of
from support.projects import write_project

from evalgate.output.html import sections


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli) -> Path:
    """Make a baseline, then a run in which the first of three cases is wrong."""
    write_project(tmp_path, 3, 2)
    monkeypatch.chdir(tmp_path)
    assert 0 == cli("baseline", "update", "--reason", "r", "--force", "--trials", "2").code
    write_project(tmp_path, 3, 2, ok=lambda number, _: number != 1)
    assert 1 == cli("run", "--baseline", "--trials", "2", "-o", "page.html").code
    return tmp_path


def packed(page: str) -> list[Any]:
    """Unpack the data of a page, the index first."""
    found = re.findall(r"<script type=\"application/gzip-base64\"[^>]*>([^<]*)<", page)
    return [json.loads(gzip.decompress(base64.b64decode(text))) for text in found]


def test_a_run_writes_its_page(project: Path, cli: Cli) -> None:
    """With the trajectories of both sides, found in their run folders."""
    index, cases = packed((project / "page.html").read_text())
    assert ["q1", "q2", "q3"] == [row[0] for row in index[0]["cases"]]
    trial = cases[0]["trials"][0]
    assert ["same"] == [row[0] for row in trial["steps"]["rows"]]
    sides = [[piece, piece] if isinstance(piece, str) else piece for piece in trial["base"]["diff"]]
    assert ("answer 1", "no idea") == tuple("".join(side) for side in zip(*sides, strict=True))
    assert None is cases[1]["trials"][0]["base"]["diff"]


def test_view_writes_the_same_page_beside_the_report(project: Path, cli: Cli) -> None:
    """`report.html` in the run folder; its path is all that is printed."""
    shown = cli("view", "--no-open")
    assert 0 == shown.code
    path = Path(shown.out.strip())
    assert "report.html" == path.name
    assert (project / "page.html").read_text() == path.read_text()


def test_a_comparison_shows_both_trajectories(project: Path, cli: Cli) -> None:
    """Of run folders that lie anywhere; a report alone brings its cases and a note."""
    first, last = sorted((project / ".evalgate" / "runs").iterdir())
    first, last = first.rename("main"), last.rename("branch")
    done = cli("compare", "--baseline", first, "--current", last, "-o", "both.html")
    index, cases = packed((project / "both.html").read_text())
    assert (1, ["q1", "q2", "q3"]) == (done.code, [row[0] for row in index[0]["cases"]])
    trial = cases[0]["trials"][0]
    assert ["same"] == [row[0] for row in trial["steps"]["rows"]]
    assert trial["base"]["diff"] is not None
    alone = (last / "report.json").rename("alone.json")
    assert 1 == cli("compare", "--baseline", first, "--current", alone, "-o", "one.html").code
    page = (project / "one.html").read_text()
    assert 3 == len(packed(page)[0][0]["cases"])
    assert "a run folder holds the trajectories" in page


def test_a_comparison_of_numbers_is_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    """Two flat files have no cases to show."""
    monkeypatch.chdir(tmp_path)
    Path("a.json").write_text('{"task_success_rate": 0.9}')
    Path("b.json").write_text('{"task_success_rate": 0.5}')
    done = cli("compare", "--baseline", "a.json", "--current", "b.json", "-o", "page.html")
    assert (1, True) == (done.code, "task success rate" in Path("page.html").read_text())


def test_an_artifact_is_a_page_without_trajectories(project: Path, cli: Cli) -> None:
    """The report inside a .zip; what is not there is named."""
    (report,) = list((project / ".evalgate" / "runs").glob("*/report.json"))[-1:]
    with zipfile.ZipFile("artifact.zip", "w") as archive:
        archive.write(report, "run/report.json")
    assert 0 == cli("view", "artifact.zip", "--no-open", "--output", "out.html").code
    assert "a run folder holds the trajectories" in Path("out.html").read_text()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "report.json"),
        ('{"schema": "evalgate.report/1", "verdict"', "report.json"),
        ('{"schema": "evalgate.report/9"}', "expected 'evalgate.report/1'"),
        ('{"schema": "evalgate.report/1", "verdict": "pass"}', "exit_code"),
        ("[" * 100_000, "report.json"),
    ],
)
def test_a_broken_report_is_one_clear_message(
    project: Path, cli: Cli, text: str, said: str
) -> None:
    """Cut off, of another version, incomplete, nested without end: exit 2 and the place."""
    report = max((project / ".evalgate" / "runs").glob("*/report.json"))
    report.write_text(text)
    shown = cli("view", "--no-open")
    assert 2 == shown.code
    assert said in shown.err
    assert "Traceback" not in shown.err


def test_a_report_of_an_older_version_is_a_page(project: Path, cli: Cli) -> None:
    """Fields that came later may be absent."""
    report = max((project / ".evalgate" / "runs").glob("*/report.json"))
    data = json.loads(report.read_text())
    for name in ("stress", "changes", "judge", "pricing", "changed", "warnings", "baseline"):
        data.pop(name, None)
    for case in data["cases"]:
        case.pop("cluster", None)
        for trial in case["trials"]:
            for name in ("usage", "calls", "output", "details", "error"):
                trial.pop(name, None)
    report.write_text(json.dumps(data))
    assert 0 == cli("view", "--no-open").code


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("ax", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab"), inner, max_size=3),
    max_leaves=6,
)
_STRESS = st.dictionaries(
    st.sampled_from(
        ("engine", "limits", "series", "admission", "checklist", "findings", "root_causes", "seeds")
    ),
    _JSON,
)


@given(_STRESS)
def test_any_stress_outcome_is_shown_or_said_to_be_unreadable(outcome: dict[str, Any]) -> None:
    """The outcome is free JSON in a report, so it may be anything."""
    reports, _ = page_of(lambda text: text)
    report = reports.suites[0].model_copy(update={"stress": outcome})
    assert "<p>" in sections.stress(report)


@pytest.mark.parametrize("command", [("view",), ("show", "q1"), ("explain",)])
def test_a_configuration_that_is_named_must_be_there(
    project: Path, cli: Cli, command: tuple[str, ...]
) -> None:
    """A slip in its name does not silently stand for the default places."""
    done = cli(*command, "-c", "evalgaet.yaml")
    assert (2, True) == (done.code, "evalgaet.yaml: cannot be read" in done.err)


def test_the_page_of_a_run_without_a_configuration(project: Path, cli: Cli) -> None:
    """Where nothing of a configuration is read, the page is written whatever `-c` names."""
    options = ("--golden", "golden.jsonl", "--agent", "recorded:traces.jsonl", "-c", "other.yaml")
    assert 3 == cli("run", *options, "-o", "alone.html").code  # nothing gates
    assert (project / "alone.html").exists()
