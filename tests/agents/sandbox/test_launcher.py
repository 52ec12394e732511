"""The launcher: whatever a process leaves behind ends with it, and with the gate."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from evalgate.agents.process import Process, open_launcher

Gone = Callable[[int], bool]

ESCAPES = {
    "a session of its own": "subprocess.Popen(['sleep', '60'], start_new_session=True)",
    "no environment": "subprocess.Popen(['/bin/sleep', '60'], start_new_session=True, env={})",
    "no parent": "os.fork() and os._exit(0); os.setsid(); os.fork() and os._exit(0); "
    "os.execve('/bin/sleep', ['sleep', '60'], {})",
}


def python(code: str) -> list[str]:
    """Return a command that runs some code."""
    return [sys.executable, "-I", "-c", f"import os, subprocess, sys, time\n{code}"]


async def run(command: list[str], cwd: Path, *, then: Callable[[Process], object]) -> int:
    """Start a process, do something about it, and return its exit code."""
    launcher = open_launcher()
    try:
        process = await launcher.start(command, environment={"A": "1"}, cwd=cwd, keep_output=1000)
        await asyncio.sleep(0)
        then(process)
        code = await process.exited
        await process.end()
        return code
    finally:
        launcher.close()


@pytest.mark.skipif(sys.platform != "linux", reason="finding strays needs /proc")
@pytest.mark.parametrize("how", ESCAPES)
def test_strays_end(tmp_path: Path, gone: Gone, how: str) -> None:
    """What leaves its group, its session, its parent and its environment ends all the same."""
    code = f"""
    if os.fork() == 0:
        open("new", "w").write(str(os.getpid()))
        os.rename("new", "pid")
        {ESCAPES[how]}
        time.sleep(60)
    while not os.path.exists("pid"):
        time.sleep(0.01)
    time.sleep(0.2)
    """
    before = {pid for pid in sleeping() if pid}
    ended = asyncio.run(run(python(textwrap.dedent(code)), tmp_path, then=lambda _: None))
    assert 0 == ended
    assert gone(int((tmp_path / "pid").read_text(encoding="utf-8")))
    assert sleeping() <= before


def sleeping() -> set[int]:
    """Name the processes that run `sleep 60`."""
    done = subprocess.run(
        ["pgrep", "-fx", ".*sleep 60"], capture_output=True, text=True, check=False
    )
    return {int(pid) for pid in done.stdout.split()}


@pytest.mark.parametrize(
    ("command", "code"),
    [("sys.exit(7)", 7), ("os.kill(os.getpid(), 15)", -15), ("os._exit(0)", 0)],
)
def test_exit_codes(tmp_path: Path, command: str, code: int) -> None:
    """The exit code is that of the process, not of its guard."""
    assert code == asyncio.run(run(python(command), tmp_path, then=lambda _: None))


def test_what_cannot_be_started(tmp_path: Path) -> None:
    """A program that is not there is an OSError with its reason."""
    with pytest.raises(FileNotFoundError):
        asyncio.run(run(["/no/such/program"], tmp_path, then=lambda _: None))
    with pytest.raises(NotADirectoryError):
        asyncio.run(run(python("pass"), Path(__file__), then=lambda _: None))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_agents_end_with_the_gate(tmp_path: Path, gone: Gone, number: int) -> None:
    """TERM, HUP and KILL of the gate end the agents, and what they started, at once."""
    program = """
        import asyncio, os, sys
        from pathlib import Path
        from evalgate.agents.process import open_launcher

        async def main():
            launcher = open_launcher()
            code = ("import os, subprocess, time\\n"
                    "sleep = ['/bin/sleep', '60']\\n"
                    "child = subprocess.Popen(sleep, start_new_session=True, env={})\\n"
                    "open('new', 'w').write(f'{os.getpid()} {child.pid}')\\n"
                    "os.rename('new', 'pids')\\n"
                    "time.sleep(60)")
            await launcher.start([sys.executable, "-c", code], environment={}, cwd=Path.cwd())
            await asyncio.sleep(60)

        asyncio.run(main())
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], cwd=tmp_path) as gate:
        for _ in range(500):
            if (tmp_path / "pids").exists():
                break
            time.sleep(0.02)
        gate.send_signal(number)
    pids = [int(pid) for pid in (tmp_path / "pids").read_text(encoding="utf-8").split()]
    assert [True, True] == [gone(pid) for pid in pids]


def test_core_dumps_are_off_and_nothing_is_inherited(tmp_path: Path) -> None:
    """A process has standard streams and its own environment, and leaves no core behind."""
    code = """
    import resource
    assert (0, 0) == resource.getrlimit(resource.RLIMIT_CORE)
    assert {"A"} == set(os.environ) - {"LC_CTYPE"}, os.environ
    assert [] == [n for n in range(3, 64) if os.path.exists(f"/proc/self/fd/{n}")]
    assert os.getpid() == os.getpgid(0) == os.getsid(0)
    """
    assert 0 == asyncio.run(run(python(textwrap.dedent(code)), tmp_path, then=lambda _: None))
    assert os.getpid() > 0
