"""Runs the steps of the repository's action as GitHub's runner does."""

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from support.cli import Result
from support.scratch import IDENTITY, Scratch
from support.source import ROOT

FILES = ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY", "GITHUB_STATE")


@dataclass
class Runner:
    """Runs one step after another as GitHub's runner does."""

    action: Mapping[str, Any]
    repo: Scratch
    temp: Path
    inputs: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    out: str = ""
    err: str = ""

    def step(self, name: str) -> int:
        """Run the step of a name and return its exit code."""
        (step,) = [one for one in self.action["runs"]["steps"] if one.get("name") == name]
        commands = self.temp / "_runner_file_commands"
        commands.mkdir(parents=True, exist_ok=True)
        files = {one: commands / f"{one.lower()}_{name.replace(' ', '_')}" for one in FILES}
        for path in files.values():
            path.write_text("")
        script = self.temp / "step.sh"
        script.write_text(step["run"])
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", script],
            cwd=self.repo.root,
            env={
                **os.environ,
                **IDENTITY,
                **self.environ,
                **{one: str(path) for one, path in files.items()},
                **{key: self.value(text) for key, text in step.get("env", {}).items()},
                "RUNNER_TEMP": str(self.temp),
                "PATH": f"{self.repo.python.parent}:{os.environ['PATH']}",
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            start_new_session=True,
        )
        lines = files["GITHUB_OUTPUT"].read_text().splitlines()
        found = dict(line.split("=", 1) for line in lines)
        self.outputs[step.get("id", name)] = found
        self.summary += files["GITHUB_STEP_SUMMARY"].read_text()
        self.out, self.err = done.stdout, done.stderr
        left = [one for one in ("GITHUB_ENV", "GITHUB_PATH") if files[one].read_text()]
        assert left == []
        return done.returncode

    def value(self, text: str) -> str:
        """Evaluate the expressions that the steps use."""
        defaults = {name: entry["default"] for name, entry in self.action["inputs"].items()}
        given = {**defaults, "github-token": "token", **self.inputs}

        def evaluated(match: re.Match[str]) -> str:
            expression = match.group(1).strip()
            if found := re.fullmatch(r"inputs\.([\w-]+)", expression):
                return given[found.group(1)]
            if found := re.fullmatch(r"steps\.([\w-]+)\.outputs\.([\w-]+)", expression):
                return self.outputs.get(found.group(1), {}).get(found.group(2), "")
            if expression == "inputs.approvals == 'true' && inputs.github-token || ''":
                return given["github-token"] if given["approvals"] == "true" else ""
            raise AssertionError(expression)

        return re.sub(r"\$\{\{(.*?)\}\}", evaluated, text)

    def gated(self) -> Result:
        """Run the gate; the report stands for its output."""
        code = self.step("Gate")
        report = self.temp / "evalgate-report" / "report.json"
        text = report.read_text(encoding="utf-8") if report.exists() else ""
        return Result(code, text, self.err)

    @property
    def log(self) -> str:
        """What the last step printed."""
        return self.out + self.err

    @property
    def gate(self) -> dict[str, str]:
        """Outputs of the gate."""
        return self.outputs["gate"]


def read_action() -> dict[str, Any]:
    """Read `action.yml`."""
    data: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    return data
