"""The public API is typed for those outside: two checkers read a program; a notebook runs."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.source import ROOT

PROGRAM = """
import evalgate
from evalgate import Case, Report, Scored, Suite


@evalgate.scorer(unit="count", direction="lower", version="2")
def length(case: Case, trace: evalgate.Trace, *, least: int = 0) -> Scored:
    return Scored(float(len(str(trace.output)) + least))


async def agent(text: str) -> str:
    return text


report: Report = evalgate.evaluate(
    Suite(golden=[Case(id="a", input="b")], agent=agent, scorers=[length]), baseline=True
)
value: float | None = report.metrics["task_success_rate"].value
names: list[str] = [case.id for case in report.failed]
verdict: str = evalgate.compare(report, "baseline.json", threshold=0.05).verdict
cases: tuple[Case, ...] = evalgate.load_golden("golden.jsonl")
shown: str = evalgate.load_report("latest").to_markdown()
"""
WRONG = PROGRAM + "number: int = report.verdict\n"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Write a program that uses every public function, and one with a wrong type."""
    (tmp_path / "right.py").write_text(PROGRAM)
    (tmp_path / "wrong.py").write_text(WRONG)
    return tmp_path


@pytest.mark.slow
def test_mypy_reads_it(program: Path) -> None:
    """Strict mypy accepts the program, and sees the wrong type."""

    def check(name: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", name]
        return subprocess.run(command, cwd=program, capture_output=True, text=True, check=False)

    right, wrong = check("right.py"), check("wrong.py")
    assert 0 == right.returncode, right.stdout
    assert (1, True) == (wrong.returncode, "wrong.py:" in wrong.stdout), wrong.stdout


@pytest.mark.slow
def test_pyright_reads_it(program: Path) -> None:
    """Pyright accepts the program, and sees the wrong type."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip("npm is not installed: pyright comes as an npm package")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(ROOT / "tests" / "workflows" / name, program)
    install = [npm, "ci", "--ignore-scripts", "--prefix", program]
    subprocess.run(install, check=True, capture_output=True)
    settings = {"typeCheckingMode": "strict", "include": ["right.py", "wrong.py"]}
    (program / "pyrightconfig.json").write_text(json.dumps(settings))
    command = [node, program / "node_modules" / "pyright" / "index.js", "--outputjson"]
    command += ["--pythonpath", sys.executable]
    done = subprocess.run(command, cwd=program, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)["generalDiagnostics"]
    said = [(Path(one["file"]).name, one["message"]) for one in found if one["severity"] == "error"]
    assert ["wrong.py"] == [name for name, _ in said], said


@pytest.mark.slow
def test_the_notebook_runs(tmp_path: Path) -> None:
    """Every cell of the example runs, and its reports show themselves as Markdown."""
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    notebook = nbformat.read(ROOT / "examples" / "notebook.ipynb", as_version=4)
    nbclient.NotebookClient(
        notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    shown = [
        output["data"].get("text/markdown", "")
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "execute_result"
    ]
    verdicts = ("INCONCLUSIVE", "FAIL")
    assert [True, True] == [word in text for word, text in zip(verdicts, shown, strict=False)]
