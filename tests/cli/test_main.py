"""Tests of the frame of the command line: who is called, and every exit code of the table."""

import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.cli import Cli
from support.example import copy_example

import evalgate
from evalgate.cli.main import COMMANDS, GROUPS
from evalgate.errors import ExitCode
from evalgate.version import VERSION

EVALGATE = (sys.executable, "-m", "evalgate")

EXTRA_COMMAND = """\
import sys
import click
from evalgate.cli.main import COMMANDS, entry

@click.command()
def extra():
    raise {error}

COMMANDS["extra"] = ("__main__:extra", "A command of this test.")
entry(sys.argv[1:])
"""


def run_extra(error: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command that raises, in a process of its own."""
    program = EXTRA_COMMAND.format(error=error)
    command = [sys.executable, "-c", program, *arguments, "extra"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_table_is_frozen() -> None:
    """The codes are those of the specification (specs: exit codes, one table)."""
    assert {0, 1, 2, 3, 4, 130} == {int(code) for code in ExitCode}


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        ("ValueError('odd')", 4, f"bug in evalgate {VERSION}: ValueError: odd"),
        ("SystemError('x')", 4, "bug in evalgate"),
        ("KeyboardInterrupt", 130, "interrupted"),
        ("click.Abort()", 130, "interrupted"),
        ("click.UsageError('wrong')", 2, "error: wrong"),
        ("click.FileError('f.json', 'no')", 2, "f.json"),
        ("OSError(28, 'No space left on device', 'out.json')", 2, "out.json: No space left"),
        ("MemoryError()", 4, "MemoryError"),
    ],
)
def test_no_exception_exits_1(error: str, code: int, said: str) -> None:
    """Whatever a command raises, the code is of the table and no traceback is shown."""
    done = run_extra(error)
    assert code == done.returncode
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_every_error_of_the_tree_has_its_code() -> None:
    """An expected stop shows its way out and exits as the tree says."""
    for name, code in (("ConfigError", 2), ("NothingSelected", 3), ("CapReached", 3)):
        error = f"__import__('evalgate.errors').errors.{name}('found', fix='do this')"
        done = run_extra(error)
        assert (code, "error: found\n  fix: do this\n") == (done.returncode, done.stderr)


def test_debug_shows_the_traceback() -> None:
    """`--debug` shows where it happened, and the code stays."""
    done = run_extra("ValueError('odd')", "--debug")
    assert 4 == done.returncode
    assert "Traceback" in done.stderr


def test_hostile_text_does_not_drive_the_terminal(cli: Cli) -> None:
    """An escape sequence in an argument is shown, not obeyed."""
    result = cli("run", "--suite", "\x1b[31mred", "--config", "\x1b]0;title\x07")
    assert 2 == result.code
    assert "\x1b" not in result.err
    assert "\x07" not in result.err


def test_no_command_shows_the_help(cli: Cli) -> None:
    """Asking for nothing is a slip, answered with what there is."""
    result = cli()
    assert (2, "") == (result.code, result.out)
    assert result.err.startswith("Usage: evalgate")


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)])
def test_help_exits_0(cli: Cli, command: tuple[str, ...]) -> None:
    """Every command explains itself on standard output."""
    result = cli(*command, "--help")
    assert (0, "") == (result.code, result.err)
    assert result.out.startswith(f"Usage: {' '.join(('evalgate', *command))}")


def test_the_version_is_told(cli: Cli) -> None:
    """`--version` names the version, Python's, and where both are."""
    first, second = cli("--version").out.splitlines()
    assert f"evalgate {VERSION}, in {Path(evalgate.__file__).parent}" == first
    assert f"Python {platform.python_version()}, {sys.executable}" == second


def test_every_command_stands_in_one_group() -> None:
    """The listing leaves no command out and has none twice."""
    listed = [name for names in GROUPS.values() for name in names if name in COMMANDS]
    assert sorted(COMMANDS) == sorted(listed)


def test_the_listing_fits_a_terminal(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command is one line of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    lines = cli("--help").out.splitlines()
    assert [] == [line for line in lines if len(line) > 80]
    for name, (_, text) in COMMANDS.items():
        assert f"  {name:<9}  {text}" in lines


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("rnu",), "did you mean 'run'"),
        (("run", "support"), "--suite support"),
        (("compare", "a", "b"), "evalgate compare --help"),
        (("baseline", "upate"), "evalgate baseline --help"),
        (("run", "--baselin", "x"), "--baseline"),
    ],
)
def test_slips_name_the_way_out(cli: Cli, arguments: tuple[str, ...], part: str) -> None:
    """A typing error is a usage error with the next step."""
    result = cli(*arguments)
    assert 2 == result.code
    assert part in result.err


@pytest.mark.parametrize("arguments", [("plugins",), ("--help",), ("run", "--help")])
def test_a_reader_that_leaves_is_no_failed_gate(arguments: tuple[str, ...]) -> None:
    """A closed pipe exits 2 without a word, and never 1."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        done = subprocess.run(
            [*EVALGATE, *arguments], stdout=closed, stderr=subprocess.PIPE, check=False
        )
    assert (2, b"") == (done.returncode, done.stderr)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_told() -> None:
    """Output that cannot be written exits 2 and says why; so does an error that cannot."""
    with Path("/dev/full").open("wb") as full:
        out = subprocess.run(
            [*EVALGATE, "plugins"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
        err = subprocess.run([*EVALGATE, "run", "--nonsense"], stderr=full, check=False)
    assert (2, True) == (out.returncode, "No space left" in out.stderr)
    assert 2 == err.returncode


SLOW = """\
import asyncio
import pathlib


async def answer(case, context):
    pathlib.Path(f"started-{case.id}").touch()
    held = case.id != "q1" and pathlib.Path("hold").exists()
    await asyncio.sleep(60 if held else 0)
    return "4"
"""


def test_an_interrupt_exits_130_and_keeps_what_was_done(quiz: Path, cli: Cli) -> None:
    """Ctrl-C stops cleanly; the run can be resumed, and reruns nothing that was finished."""
    (quiz / "slow.py").write_text(SLOW)
    (quiz / "hold").touch()
    command = [*EVALGATE, "run", "--golden", "golden.jsonl", "--agent", "python:slow:answer"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=quiz
    )
    deadline = time.monotonic() + 60
    while not (_finished(quiz) and (quiz / "started-q4").exists()):
        assert time.monotonic() < deadline, process.poll()
        time.sleep(0.02)
    before = (quiz / "slow.py").stat()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=200)
    assert (130, "") == (process.returncode, out)
    assert "interrupted\n  fix: the same command with --resume goes on\n" == err
    for name in ("q1", "q2", "q3", "q4"):
        (quiz / f"started-{name}").unlink()
    (quiz / "hold").unlink()
    (quiz / "slow.py").write_text(SLOW.replace('"4"', '"5"'))
    refused = cli("run", *command[4:], "--resume", "latest")
    assert (2, True) == (refused.code, "the working tree has changed" in refused.err)
    (quiz / "slow.py").write_text(SLOW)
    os.utime(quiz / "slow.py", ns=(before.st_atime_ns, before.st_mtime_ns))
    resumed = cli("run", *command[4:], "--resume", "latest", "--format", "json")
    assert 4 == len([case for case in resumed.json["cases"] if case["trials"]])
    assert not (quiz / "started-q1").exists()
    assert (quiz / "started-q2").exists()


def _finished(folder: Path) -> list[str]:
    """Return the results that are on disk."""
    files = (folder / ".evalgate" / "runs").glob("*/trials.jsonl")
    return [line for file in files for line in file.read_text().splitlines()]


def test_verbose_logs_the_steps(tmp_path: Path) -> None:
    """`-v` names what is run and each worker, `-vv` each model call; nothing without."""
    place = copy_example(tmp_path)

    def logged(*flags: str) -> str:
        command = [*EVALGATE, *flags, "run", "--case", "refund-delivered", "--partial", "--quiet"]
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
        return done.stderr

    quiet, steps, calls = logged(), logged("-v"), logged("-vv")
    assert "evalgate." not in quiet
    assert "evalgate.run.run: suite support of evalgate.yaml: 1 cases x 1, replay" in steps
    assert "evalgate.agents.pool: worker process" in steps
    assert "evalgate.gateway.app" not in steps
    assert "case refund-delivered, trial 0: openai_chat" in calls
    assert " is replayed" in calls


def test_what_is_logged_holds_no_secret() -> None:
    """Secrets are taken out, and what drives a terminal is shown."""
    program = (
        "import logging; from evalgate.cli.verbose import log_to_stderr; log_to_stderr(1);"
        "logging.getLogger('evalgate.x').info('key %s \\x1b[31m', 'Zx81-q7Lm-93Rt-Kd02')"
    )
    environ = {**os.environ, "MY_API_KEY": "Zx81-q7Lm-93Rt-Kd02"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True
    )
    assert "[redacted:MY_API_KEY]" in done.stderr
    assert "Zx81" not in done.stderr
    assert "\x1b" not in done.stderr
