"""Landlock, each version by asking for less than the kernel has."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from evalgate.agents.sandbox import kernel
from evalgate.agents.sandbox.places import PACKAGE, find_places
from evalgate.agents.sandbox.policy import make_policy

PROBE = """
import json, os, socket, sys, tempfile
settings = json.loads(sys.argv[1])
sys.path.append(settings["package"])
from evalgate.agents.sandbox import kernel

def exec_probe():
    kernel.restrict(settings["wall"])
    os.execv(sys.executable, [sys.executable, "-I", "-c", settings["probe"], sys.argv[1]])

exec_probe()
"""

INSIDE = """
import fcntl, json, os, socket, sys
settings = json.loads(sys.argv[1])
a, b = settings["a"], settings["b"]

def allowed(action):
    try:
        action()
    except PermissionError:
        return False
    except OSError as error:
        return error.errno not in (13, 18)
    return True

def connect():
    socket.create_connection(("127.0.0.1", 9))

def abstract():
    with socket.socket(socket.AF_UNIX) as one:
        one.connect("\\0" + settings["abstract"])

print(json.dumps({
    "read": allowed(lambda: open(settings["closed"]).read()),
    "write": allowed(lambda: open(f"{a}/x", "w").write("x")),
    "move": allowed(lambda: os.rename(f"{a}/x", f"{b}/x")),
    "truncate": allowed(lambda: os.truncate(settings["open"], 0)),
    "connect": allowed(connect),
    "ioctl": allowed(lambda: fcntl.ioctl(os.open("/dev/zero", os.O_RDONLY), 0x5401, b" " * 64)),
    "signal": allowed(lambda: os.kill(os.getppid(), 0)),
    "abstract": allowed(abstract),
}))
"""

HAS = kernel.abi()

RIGHTS = {
    "read": 1,
    "truncate": 3,
    "connect": 4,
    "ioctl": 5,
    "signal": 6,
    "abstract": 6,
}
"""What is refused, from which version on; from the kernel's own documentation."""


@pytest.mark.skipif(HAS == 0, reason="this kernel has no Landlock")
@pytest.mark.parametrize("level", [n for n in range(1, 8) if n <= HAS])
def test_each_version(tmp_path: Path, level: int) -> None:
    """Each right is refused from its version on, and open below, as `lacks` says."""
    import socket  # noqa: PLC0415

    a, b = tmp_path / "a", tmp_path / "b"
    a.mkdir()
    b.mkdir()
    closed, opened = tmp_path / "closed", tmp_path / "open"
    closed.write_text("closed", encoding="utf-8")
    opened.write_text("open", encoding="utf-8")
    places = find_places(tmp_path, [closed], os.environ)
    policy = make_policy(level, places, write=[str(a), str(b)])
    wall = {
        **policy.to_json(),
        "devices": ["/dev/null"],
        "read": [*policy.read, "/dev/zero"],
        "sockets": ["unix"],
    }
    name = f"evalgate-test-{os.getpid()}-{level}"
    settings = {
        "package": PACKAGE,
        "wall": wall,
        "probe": INSIDE,
        "a": str(a),
        "b": str(b),
        "closed": str(closed),
        "open": str(opened),
        "abstract": name,
    }
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0" + name)
        server.listen()
        done = subprocess.run(
            [sys.executable, "-I", "-c", PROBE, json.dumps(settings)],
            capture_output=True,
            text=True,
            check=True,
        )
    found = json.loads(done.stdout)
    expected = {right: level < at for right, at in RIGHTS.items()}
    assert {**expected, "write": True, "move": level >= 2} == found
    assert (level < 6) == bool(kernel.lacks(level))


def test_what_each_version_lacks() -> None:
    """The list shrinks with each version, and is empty from 6 on."""
    counts = [len(kernel.lacks(level)) for level in range(1, 8)]
    assert ([5, 4, 3, 2, 1, 0, 0], sorted(counts, reverse=True)) == (counts, counts)
