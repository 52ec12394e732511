"""A filter of system calls for the sockets that Landlock does not look at.

It knows TCP by `connect`. A connection by Multipath TCP or in the first packet (fast open) goes
past it, as do UDP, UNIX sockets with a path (the container engine's, for one) and `io_uring`.

Standard library only.
"""

import ctypes
import errno
import platform
import socket
import struct
import sys
from collections.abc import Iterable
from typing import Final, NamedTuple

KINDS: Final = ("udp", "unix")
"""Kinds of sockets that a policy can leave open."""


class _Machine(NamedTuple):
    """Numbers of an architecture."""

    arch: int
    socket: int
    sendto: int
    sendmsg: int
    sendmmsg: int


_MACHINES: Final = {
    "x86_64": _Machine(0xC000_003E, 41, 44, 46, 307),
    "aarch64": _Machine(0xC000_00B7, 198, 206, 211, 269),
}
_IO_URING_SETUP: Final = 425
_X32: Final = 0x4000_0000
"""Bit of the calls of another ABI of the same processor."""

_FAST_OPEN: Final = 0x2000_0000
_TYPE: Final = 0xF
_TCP: Final = 6
_NETLINK: Final = 16

_SET_SECCOMP: Final = 22
_FILTER: Final = 2
_ALLOW: Final = 0x7FFF_0000
_REFUSE: Final = 0x0005_0000 | errno.EACCES
_UNKNOWN: Final = 0x0005_0000 | errno.ENOSYS

_LOAD: Final = 0x20
_EQUAL: Final = 0x15
_AT_LEAST: Final = 0x35
_ANY_BIT: Final = 0x45
_AND: Final = 0x54
_RETURN: Final = 0x06
_NUMBER: Final = 0
_ARCH: Final = 4


class _Fprog(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("program", ctypes.c_void_p))


def close_sockets(opened: Iterable[str]) -> None:
    """Leave this process, and all it will start, only TCP sockets and what is named.

    Does nothing on processors that it does not know.

    Args:
        opened: Kinds of `KINDS`.

    Raises:
        OSError: The kernel refuses.
    """
    machine = _MACHINES.get(platform.machine())
    if machine is None or sys.byteorder != "little":
        return
    program = _assembled(machine, frozenset(opened))
    kept = ctypes.create_string_buffer(program, len(program))
    asked = _Fprog(len(program) // 8, ctypes.cast(kept, ctypes.c_void_p))
    libc = ctypes.CDLL(None, use_errno=True)
    zero = ctypes.c_ulong(0)
    if libc.prctl(_SET_SECCOMP, ctypes.c_ulong(_FILTER), ctypes.byref(asked), zero, zero) != 0:
        raise OSError(ctypes.get_errno(), "seccomp: the kernel takes no filter")


def _argument(index: int) -> int:
    """Return where the low half of an argument is."""
    return 16 + 8 * index


def _assembled(machine: _Machine, opened: frozenset[str]) -> bytes:
    """Write the program: a list of tests, each of which returns or goes on behind itself."""
    code: list[tuple[int, int, int, int]] = []

    def refuse_unless(test: int, value: int, verdict: int) -> None:
        code.extend(((test, 1, 0, value), (_RETURN, 0, 0, verdict)))

    def refuse_if(test: int, value: int, verdict: int) -> None:
        code.extend(((test, 0, 1, value), (_RETURN, 0, 0, verdict)))

    code.append((_LOAD, 0, 0, _ARCH))
    refuse_unless(_EQUAL, machine.arch, _REFUSE)
    code.append((_LOAD, 0, 0, _NUMBER))
    refuse_if(_AT_LEAST, _X32, _REFUSE)
    refuse_if(_EQUAL, _IO_URING_SETUP, _UNKNOWN)
    for number, argument in ((machine.sendto, 3), (machine.sendmsg, 2), (machine.sendmmsg, 3)):
        body = (
            (_LOAD, 0, 0, _argument(argument)),
            (_ANY_BIT, 0, 1, _FAST_OPEN),
            (_RETURN, 0, 0, _REFUSE),
            (_RETURN, 0, 0, _ALLOW),
        )
        code.extend(((_EQUAL, 0, len(body), number), *body))
    code.extend(((_EQUAL, 1, 0, machine.socket), (_RETURN, 0, 0, _ALLOW)))
    code.append((_LOAD, 0, 0, _argument(0)))
    for family in (_NETLINK, *((socket.AF_UNIX,) if "unix" in opened else ())):
        refuse_if(_EQUAL, family, _ALLOW)
    code.extend(((_EQUAL, 2, 0, socket.AF_INET), (_EQUAL, 1, 0, socket.AF_INET6)))
    code.append((_RETURN, 0, 0, _REFUSE))
    code.extend(((_LOAD, 0, 0, _argument(1)), (_AND, 0, 0, _TYPE)))
    if "udp" in opened:
        refuse_if(_EQUAL, socket.SOCK_DGRAM, _ALLOW)
    refuse_unless(_EQUAL, socket.SOCK_STREAM, _REFUSE)
    code.append((_LOAD, 0, 0, _argument(2)))
    refuse_if(_EQUAL, _TCP, _ALLOW)
    refuse_if(_EQUAL, 0, _ALLOW)
    code.append((_RETURN, 0, 0, _REFUSE))
    return b"".join(struct.pack("HBBI", *step) for step in code)
