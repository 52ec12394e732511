"""What is committed and published is fit for every machine and reader."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from support.source import ROOT, tracked

from evalgate.commands.templates import workflow as first_workflow

_TEXT = (".py", ".md", ".toml", ".yaml", ".yml", ".json", ".jsonl", ".mjs", ".txt", ".cfg", "")
_MACHINE = re.compile(
    r"(?<![\w.*$}])/(?:work|root|tmp|home|Users)/\w+"
)  # shape of a machine's path
_PLANTED = {
    "tests/agents/sandbox/test_policy.py",
    "tests/agents/test_place.py",
    "tests/text/test_redact.py",
}
_WRONG_NAME = re.compile(r"pip install (?:-\S+ )*[\"']?evalgate\b")


def texts() -> dict[str, str]:
    """Return every committed text by its path."""
    found = {}
    for path in tracked():
        if path.suffix in _TEXT and path.stat().st_size < 5_000_000:
            found[path.relative_to(ROOT).as_posix()] = path.read_text(encoding="utf-8")
    if not found:
        pytest.skip("this is no git checkout")
    return found


def test_no_path_of_a_machine_is_committed() -> None:
    """A path outside the repository means nothing to anyone else; test data aside."""
    assert [] == [
        f"{name}: {match[0]}"
        for name, text in texts().items()
        if name not in _PLANTED
        for match in _MACHINE.finditer(text)
    ]


def test_nobody_is_told_to_install_another_project() -> None:
    """The package index has an `evalgate` that is not this one; ours is `agent-evalgate`."""
    wrong = [name for name, text in texts().items() if _WRONG_NAME.search(text)]
    assert [] == [name for name in wrong if name != "tests/house/test_files.py"]


def test_nothing_large_or_generated_is_committed() -> None:
    """Caches, run folders, virtual environments and archives stay out."""
    assert [] == [
        name
        for name in texts()
        if re.search(r"(^|/)(\.venv|\.evalgate|__pycache__|node_modules|dist)/|\.(whl|pyc)$", name)
    ]


def test_types_are_published() -> None:
    """`py.typed` is there, and empty: the annotations count for whoever imports us."""
    assert b"" == (ROOT / "evalgate" / "py.typed").read_bytes()


def test_the_distribution_has_its_name() -> None:
    """`agent-evalgate` installs the command `evalgate`, under its own name too."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert ("agent-evalgate", {"evalgate", "agent-evalgate"}) == (
        project["name"],
        {*project["scripts"]},
    )


def test_the_first_workflow_is_a_workflow() -> None:
    """It parses, may only read, runs on pull requests, and pins as this repository's own does."""
    text = first_workflow("pip install -r requirements.txt")
    workflow = yaml.safe_load(text)
    own = (ROOT / ".github" / "workflows" / "agent-quality-gate.yml").read_text()
    pins = re.findall(r"uses: (\S+@[0-9a-f]{40} # \S+)", text)
    assert 2 == len(pins) == text.count("uses:")
    assert [] == [pin for pin in pins if pin not in own]
    assert {"contents": "read"} == workflow["permissions"]
    assert {"pull_request", "merge_group"} <= {*workflow[True]}  # YAML 1.1 reads `on` as true
    steps = workflow["jobs"]["gate"]["steps"]
    assert [] == [step["uses"] for step in steps if "@" not in step.get("uses", "@")]
    assert [] == [step["run"] for step in steps if "${{" in step.get("run", "")]


def test_the_first_workflow_shows_no_second_error(tmp_path: Path) -> None:
    """Where the gate wrote no report, the step that shows it has nothing to show."""
    steps = yaml.safe_load(first_workflow(None))["jobs"]["gate"]["steps"]
    for summary in ("", "## PASS\n"):
        environ = {**os.environ, "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}
        subprocess.run(
            ["bash", "-e", "-c", steps[-1]["run"]], cwd=tmp_path, env=environ, check=True
        )
        seen = tmp_path / "summary.md"
        assert summary == (seen.read_text() if seen.exists() else "")
        (tmp_path / "report.md").write_text("## PASS\n")
