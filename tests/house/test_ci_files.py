"""The files that other tools read are valid, and their commands exist."""

import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from evalgate.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "examples/gitlab").glob("*.yml"))


def read(path: Path) -> Any:  # noqa: ANN401  # any document
    """Read a YAML file."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def accepted(command: str) -> bool:
    """Say whether `evalgate ...` is a command with options that exist."""
    program, name, *arguments = shlex.split(command.replace("$CI_NODE_INDEX", "1"))
    found = main.get_command(click.Context(main), name)
    assert ("evalgate", True) == (program, found is not None)
    assert found is not None
    found.make_context(name, arguments)
    return True


@pytest.mark.skipif(find_spec("check_jsonschema") is None, reason="check-jsonschema is missing")
@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_gitlab_templates_fit_their_schema(template: Path) -> None:
    """The oracle is GitLab's own schema, which check-jsonschema brings along."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.gitlab-ci"]
    done = subprocess.run(
        [*command, "--data-transform", "gitlab-ci", template],
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stdout


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_gitlab_templates_call_what_exists(template: Path) -> None:
    """Each script line is a command of ours, and each report that is named is written by one."""
    jobs = [job for job in read(template).values() if isinstance(job, dict) and "script" in job]
    lines = [line for job in jobs for line in job["script"]]
    assert lines
    assert all(accepted(line) for line in lines)
    reports = [path for job in jobs for path in job["artifacts"].get("reports", {}).values()]
    assert reports
    assert all(any(path in line for line in lines) for path in reports)


def test_pre_commit_hooks_are_as_promised() -> None:
    """Both are in Python, get no file names, never run twice at once, and run before a push."""
    hooks = read(ROOT / ".pre-commit-hooks.yaml")
    assert ["evalgate-validate", "evalgate-replay"] == [hook["id"] for hook in hooks]
    for hook in hooks:
        assert ("python", False, True, ["pre-push", "manual"]) == (
            hook["language"],
            hook["pass_filenames"],
            hook["require_serial"],
            hook["stages"],
        )
        assert accepted(hook["entry"])
