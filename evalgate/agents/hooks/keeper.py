"""Runs hooks and keeps what they start, until the last of them has taken it down.

What a hook leaves running becomes a child of the keeper, whatever group or session it went to, so
that it lives on after its hook, and is seen when it outlives the teardown.

Run as a program; standard library only.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from typing import IO, Any, Final

from evalgate.agents.sandbox import kernel
from evalgate.agents.sandbox.launcher import CHANNEL, descendants

_SAID: Final = 1_500
"""Bytes of what a hook said that are told."""


def main() -> None:
    """Serve the channel until the gate lets go of it; the guard above ends what is left."""
    kernel.set_subreaper()
    with socket.socket(fileno=CHANNEL) as channel, channel.makefile("rwb") as lines:
        for line in lines:
            asked = json.loads(line)
            answer = _run(asked) if "command" in asked else {"left": _left(asked["seconds"])}
            lines.write(json.dumps(answer).encode() + b"\n")
            lines.flush()


def _run(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Run one hook to its end; what it started in the background goes on."""
    with tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(  # noqa: S603  # the suite's own command
                asked["command"],
                env=asked["environment"],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            return {"refused": error.strerror or str(error)}
        code: int | None = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = process.wait(asked["seconds"])
        if code is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        return {"code": code, "said": _tail(said)}


def _tail(said: IO[bytes]) -> str:
    size = said.seek(0, os.SEEK_END)
    said.seek(max(0, size - _SAID))
    return said.read().decode("utf-8", "replace").strip()


def _left(seconds: float) -> list[str]:
    """Wait until all that hooks started is over, and name what is not."""
    until = time.monotonic() + seconds
    while True:
        try:
            ended, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return []
        if ended == 0:
            if time.monotonic() > until:
                break
            time.sleep(0.01)
    found = descendants()
    names = [f"{_name(pid)} ({pid})" for pid in found]
    for pid in found:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    return names or ["a process"]


def _name(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:  # noqa: PTH123
            words = file.read(200).replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        words = ""
    return words or "process"


if __name__ == "__main__":
    main()
