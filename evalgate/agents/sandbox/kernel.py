"""What is asked of the Linux kernel, by system calls: Landlock, and the settings of a process.

Standard library only and quick to import: the launcher uses it in every process it starts.
"""

import ctypes
import os
import stat
import struct
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final

from evalgate.agents.sandbox.sockets import close_sockets

_CREATE_RULESET: Final = 444
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446
_VERSION: Final = 1
_PATH_BENEATH: Final = 1
_NET_PORT: Final = 2

_SET_PDEATHSIG: Final = 1
_SET_DUMPABLE: Final = 4
_DROP_FROM_BOUNDING_SET: Final = 24
_SET_CHILD_SUBREAPER: Final = 36
_SET_NO_NEW_PRIVS: Final = 38

_EXECUTE: Final = 1 << 0
_WRITE_FILE: Final = 1 << 1
_READ_FILE: Final = 1 << 2
_READ_DIR: Final = 1 << 3
_MAKE_CHAR: Final = 1 << 6
_MAKE_BLOCK: Final = 1 << 11
_TRUNCATE: Final = 1 << 14
_IOCTL_DEV: Final = 1 << 15
_FILES: Final = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
"""All rights on files that the kernel knows, from this ABI on."""
_BIND: Final = 1
_CONNECT: Final = 2
_SCOPES: Final = 0b11
"""Abstract UNIX sockets and signals stay inside."""

_KEPT: Final = frozenset((0, 1, 3, 4, 5, 6, 7))
"""Capabilities that root keeps: those over files and users. Others (SYS_PTRACE, PERFMON, SYS_ADMIN
and so on) would look over the wall."""
_SETPCAP: Final = 8

_OF_A_FILE: Final = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_GRANTS: Final = {
    "read": _EXECUTE | _READ_FILE | _READ_DIR,
    "names": _READ_DIR,
    # a device node made by root would be a way out
    "write": ~(_MAKE_CHAR | _MAKE_BLOCK),
    "devices": _READ_FILE | _WRITE_FILE | _TRUNCATE | _IOCTL_DEV,
}

_MISSING: Final = (
    (2, "a file cannot be moved to another folder"),
    (3, "files it can read can be emptied"),
    (4, "the network is open"),
    (5, "ioctl calls on devices are open"),
    (6, "signals and abstract sockets are open"),
)

_libc: Final = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def abi() -> int:
    """Return the version of Landlock that this kernel has; 0 where it has none."""
    if _libc is None:
        return 0
    found = _libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))
    return max(int(found), 0)


def lacks(level: int) -> tuple[str, ...]:
    """Say what the wall does not hold where the kernel has no more than this version."""
    return tuple(f"{what} (Landlock {at})" for at, what in _MISSING if level < at)


def restrict(wall: Mapping[str, Any]) -> None:
    """Put this process, and all it will start, behind a wall; there is no way back.

    Call it before `exec`, at which root loses its other capabilities.

    Args:
        wall: `abi`, and by kind of right the paths (`read`, `names`, `write`, `devices`) and ports
            (`connect`, `bind`) that stay open, `sockets`, the kinds beside TCP, and `network`,
            whether all of it is. A path that does not exist opens nothing.

    Raises:
        OSError: The kernel refuses.
    """
    _prctl(_SET_NO_NEW_PRIVS, 1)
    level = wall["abi"]
    files = _FILES[max(known for known in _FILES if known <= level)]
    net = _BIND | _CONNECT if level >= 4 and not wall["network"] else 0
    scoped = _SCOPES if level >= 6 else 0
    attributes = struct.pack("QQQ", files, net, scoped)[: 24 if level >= 6 else 16 if net else 8]
    ruleset = _call(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    for kind, rights in _GRANTS.items():
        for path in wall[kind]:
            _allow_path(ruleset, path, rights & files)
    if net:
        for right, ports in ((_CONNECT, wall["connect"]), (_BIND, wall["bind"])):
            _allow_ports(ruleset, right, ports)
    _call(_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)
    _drop_capabilities()
    if net:
        close_sockets(wall["sockets"])


def _allow_path(ruleset: int, path: str, rights: int) -> None:
    try:
        # never through a link: the policy names what it points to
        beneath = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return
    mode = os.fstat(beneath).st_mode
    if not stat.S_ISDIR(mode):
        rights &= _OF_A_FILE
    if rights and not stat.S_ISLNK(mode):
        _call(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, beneath), 0)
    os.close(beneath)


def _allow_ports(ruleset: int, right: int, ports: Iterable[int]) -> None:
    for port in ports:
        _call(_ADD_RULE, ruleset, _NET_PORT, struct.pack("QQ", right, port), 0)


def _call(number: int, *arguments: object) -> int:
    assert _libc is not None  # noqa: S101  # `abi` found none elsewhere
    done = _libc.syscall(number, *arguments)
    if done < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"Landlock: {os.strerror(code)}")
    return int(done)


def _drop_capabilities() -> None:
    assert _libc is not None  # noqa: S101  # as above
    zero = ctypes.c_ulong(0)
    for capability in (*range(_SETPCAP), *range(_SETPCAP + 1, 64), _SETPCAP):
        if capability not in _KEPT:
            # fails for who has none to lose, and beyond the last that the kernel knows
            _libc.prctl(_DROP_FROM_BOUNDING_SET, ctypes.c_ulong(capability), zero, zero, zero)


def _prctl(option: int, value: int) -> None:
    if _libc is None:
        return
    zero = ctypes.c_ulong(0)
    if _libc.prctl(option, ctypes.c_ulong(value), zero, zero, zero) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"prctl: {os.strerror(code)}")


def set_undumpable() -> None:
    """Close this process to others of its user: they read neither its memory nor environment."""
    _prctl(_SET_DUMPABLE, 0)


def set_subreaper() -> None:
    """Become the parent of every process below this one whose own parent ends."""
    _prctl(_SET_CHILD_SUBREAPER, 1)


def tie_to_parent(signal: int) -> None:
    """Get a signal when the parent ends."""
    _prctl(_SET_PDEATHSIG, signal)
