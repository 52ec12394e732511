"""Keeps what runs under the gate from looking into it, or from becoming another user.

Both are asked of the Linux kernel, for this process and those it starts; elsewhere nothing is done.
An agent still runs as the same user: `docs/security.md` says what that leaves open.
"""

import ctypes
import sys
from typing import Final

_SET_DUMPABLE: Final = 4
_SET_NO_NEW_PRIVS: Final = 38


def harden() -> bool:
    """Close this process to others of its user, and keep its children from gaining rights.

    Other processes can then neither read its environment or memory under `/proc` nor attach to
    it; programs that it or its children start gain nothing by set-user-id bits, so not by `sudo`.

    Returns:
        Whether the kernel did both.
    """
    if sys.platform != "linux":
        return False
    try:
        prctl = ctypes.CDLL(None, use_errno=True).prctl
    except (OSError, AttributeError):
        return False
    zero, one = ctypes.c_ulong(0), ctypes.c_ulong(1)
    closed = prctl(_SET_DUMPABLE, zero, zero, zero, zero) == 0
    return bool(closed and prctl(_SET_NO_NEW_PRIVS, one, zero, zero, zero) == 0)
