"""What the kernel is asked to keep from the agents."""

import subprocess
import sys

import pytest

PROBE = """
import ctypes, subprocess, sys
from evalgate.agents.sandbox.hardening import harden

done = harden()
dumpable = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)
child = "print([l for l in open('/proc/self/status') if l.startswith('NoNewPrivs')][0].split()[1])"
said = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True).stdout.strip()
print(done, dumpable, said)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asked of the Linux kernel only")
def test_closed_and_without_new_rights() -> None:
    """The process cannot be read by others of its user, and children gain no rights."""
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    assert "True 0 1" == done.stdout.strip()
