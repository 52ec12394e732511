"""Tests of the options that commands share: the configuration is found, words are completed."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from support.cli import Cli

from evalgate.cli.main import main
from evalgate.cli.options import Finite
from evalgate.errors import ExitCode

AGENT = "def answer(question):\n    return 'hello ' + question\n"
CONFIG = """\
version: 1
suites:
  greet:
    golden: golden.jsonl
    agent: python:agent:answer
    gate: {threshold: 5%, metrics: {task_success_rate: {min: 1}}}
"""
GOLDEN = '{"id": "a", "input": "you", "expected": {"output": {"contains": ["hello"]}}}\n'


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder two levels below the configuration of a repository."""
    (tmp_path / "agent.py").write_text(AGENT)
    (tmp_path / "evalgate.yaml").write_text(CONFIG)
    (tmp_path / "golden.jsonl").write_text(GOLDEN)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    below = tmp_path / "src" / "deep"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    return tmp_path


def test_the_configuration_is_found_above(repository: Path, cli: Cli) -> None:
    """A run from a subfolder takes the repository's configuration, and says which."""
    result = cli("run", "-q")
    assert (ExitCode.PASSED, "configuration: ../../evalgate.yaml\n") == (result.code, result.err)
    assert [] == [*Path().iterdir()]
    assert 1 == len([*(repository / ".evalgate" / "runs").glob("2*")])
    assert ExitCode.PASSED == cli("show").code


def test_a_nearer_one_wins(repository: Path, cli: Cli) -> None:
    """The folder's own configuration is taken without a word."""
    Path("evalgate.yaml").write_text(CONFIG.replace("golden.jsonl", "../../golden.jsonl"))
    Path("agent.py").write_text(AGENT)
    result = cli("run", "-q")
    assert (ExitCode.PASSED, "") == (result.code, result.err)


def test_nothing_is_looked_for_beyond_the_repository(repository: Path, cli: Cli) -> None:
    """The folder above the repository is somebody else's; without one there is no above."""
    (repository / "src" / ".git").mkdir()
    result = cli("validate")
    assert (ExitCode.INPUT, True) == (result.code, "evalgate init" in result.err)
    shutil.rmtree(repository / "src" / ".git")
    shutil.rmtree(repository / ".git")
    assert ExitCode.INPUT == cli("validate").code


def test_a_named_configuration_is_not_replaced(repository: Path, cli: Cli) -> None:
    """`--config` that does not exist is an error, not another file."""
    assert ExitCode.INPUT == cli("validate", "--config", "evalgate.yaml").code


@pytest.mark.parametrize(("given", "code"), [("5%", 0), ("0.05", 0), ("5pp", 0), ("five", 2)])
def test_a_threshold_reads_as_people_write_it(
    repository: Path, cli: Cli, given: str, code: int
) -> None:
    """`5%`, `0.05` and `5pp` are read; anything else is an error that names them."""
    result = cli("run", "-q", "--threshold", given)
    assert (code, code == 2) == (result.code, "5pp" in result.err)


def completed(words: list[str], shell: str) -> list[str]:
    """Ask for completions as click's scripts do; return the words offered."""
    number = str(len(words) - 1)
    asked = {"COMP_WORDS": " ".join(words), "COMP_CWORD": number}
    if shell == "fish":
        asked["COMP_CWORD"] = words[-1]
    done = subprocess.run(
        [sys.executable, "-m", "evalgate"],
        env={**os.environ, **asked, "_EVALGATE_COMPLETE": f"{shell}_complete"},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    if shell == "zsh":  # kind, word and help on lines of their own
        return lines[1::3]
    return [line.partition(",")[2].split("\t")[0] for line in lines]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_commands_are_completed(repository: Path, shell: str) -> None:
    """A begun command is completed in every shell."""
    assert ["compare", "comment"] == completed(["evalgate", "com"], shell)


def test_suites_and_formats_are_completed(repository: Path) -> None:
    """So are the suites of the configuration above, and the formats."""
    assert ["greet"] == completed(["evalgate", "run", "--suite", ""], "bash")
    assert ["gitlab", "github"] == sorted(
        completed(["evalgate", "run", "--format", "git"], "bash"), reverse=True
    )


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_loads(repository: Path, shell: str, tmp_path: Path) -> None:
    """The documented line loads the script; bash then offers what click says."""
    done = subprocess.run(
        [sys.executable, "-m", "evalgate"],
        env={**os.environ, "_EVALGATE_COMPLETE": f"{shell}_source"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "_evalgate_completion" in done.stdout
    program = shutil.which(shell)
    if program is not None:
        script = tmp_path / "script"
        script.write_text(done.stdout)
        assert 0 == subprocess.run([program, "-n", str(script)], check=False).returncode


def _options(command: click.Command, context: click.Context) -> Iterator[click.Parameter]:
    yield from command.params
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _options(inner, context)


def test_every_number_is_finite() -> None:
    """`inf` and `nan` are no cost, no time and no growth; click takes them for numbers."""
    numbers = [
        option
        for option in _options(main, click.Context(main))
        if isinstance(option.type, click.FloatRange | click.types.FloatParamType)
    ]
    assert len(numbers) > 8
    assert [] == [option.name for option in numbers if not isinstance(option.type, Finite)]


@pytest.mark.parametrize("number", ["inf", "-inf", "nan", "1e999", "9" * 400])
def test_what_is_no_finite_number_is_refused(number: str, cli: Cli) -> None:
    """By name, with the option."""
    result = cli("run", "--max-cost", number)
    assert (2, True) == (result.code, "'--max-cost'" in result.err)


@pytest.mark.parametrize(
    "command",
    [
        ("watch", "--once", "--dry-run"),
        ("slo",),
        ("boards", "--out", "out"),
        ("export", "otlp", "t.jsonl", "--output", "o.json"),
        ("golden", "add", "--from", "t.jsonl"),
        ("history", "flaky"),
        ("score", "latest"),
    ],
)
def test_a_configuration_that_is_not_there(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """Named and missing: nothing is done by other settings, least of all said to be quiet."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.jsonl").write_text('{"schema": "evalgate.trace/1", "case_id": "a"}\n')
    done = cli(*command, "--config", "evalgat.yaml")
    assert (2, "", True) == (done.code, done.out, "evalgat.yaml: cannot be read" in done.err)
    assert ["t.jsonl"] == [path.name for path in tmp_path.iterdir()]
