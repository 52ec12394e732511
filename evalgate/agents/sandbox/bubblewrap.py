"""The same policy as arguments of `bwrap`, for kernels without Landlock.

It shows an agent a file system with nothing in it but what the policy opens. It cannot tell one
port from another, so the network stays open.
"""

import os
from typing import Final

from evalgate.agents.sandbox.policy import Policy

_LINKS: Final = tuple(f"/{name}" for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"))
"""Folders that are links to others on most systems; programs name them."""


def wrapped(program: str, policy: Policy, cwd: str) -> tuple[str, ...]:
    """Return the words to put before a command."""
    words = [program, "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--die-with-parent"]
    words += ["--dir", cwd]
    for link in _LINKS:
        if os.path.islink(link):  # noqa: PTH114
            words += ["--symlink", os.readlink(link), link]  # noqa: PTH115
    for path in policy.read:
        if path not in ("/proc", "/sys"):
            words += ["--ro-bind-try", path, path]
    for path in policy.write:
        words += ["--bind-try", path, path]
    words += ["--proc", "/proc", "--dev", "/dev", "--chdir", cwd, "--"]
    return tuple(words)
