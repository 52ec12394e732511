"""What an agent may reach: data, computed by pure functions, and explained in its own terms."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from posixpath import join, normpath
from typing import Any, Final

_DEVICES: Final = tuple(
    f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts")
)

_LOOPBACK: Final = frozenset(("localhost", "127.0.0.1", "::1"))


@dataclass(frozen=True, slots=True)
class Policy:
    """What stays open; all else is closed."""

    abi: int
    """Version of Landlock whose rights are asked for; 0: another wall is used."""
    read: tuple[str, ...] = ()
    """Files and folders, with all in them, that can be read and executed."""
    names: tuple[str, ...] = ()
    """Folders whose names, and those below them, can be listed."""
    write: tuple[str, ...] = ()
    """Files and folders that can be changed."""
    devices: tuple[str, ...] = _DEVICES
    """Devices that can be read and written."""
    connect: tuple[int, ...] = ()
    """TCP ports that can be connected to."""
    bind: tuple[int, ...] = ()
    """TCP ports that can be listened on."""
    sockets: tuple[str, ...] = ()
    """Kinds of sockets beside TCP: `udp`, `unix` (those with a path)."""
    closed: tuple[str, ...] = ()
    """What no configuration opens; for explanations."""
    network: bool = False
    """Whether every port and kind of socket is open."""

    def to_json(self) -> dict[str, Any]:
        """Return the policy as plain data."""
        return asdict(self)

    def can_read(self, path: str) -> bool:
        """Say whether a file's content can be read."""
        return _inside(path, (*self.read, *self.write, *self.devices))

    def can_write(self, path: str) -> bool:
        """Say whether a file can be changed."""
        return _inside(path, (*self.write, *self.devices))


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are on this machine, with links resolved."""

    system: tuple[str, ...]
    """Interpreter, packages, libraries, programs."""
    checkout: str
    """Folder of the working tree."""
    hidden: frozenset[str]
    """What no agent reads: golden sets, baselines, recordings, `.git` and so on."""
    tree: Mapping[str, Sequence[str]]
    """Entries that are no links, as full paths, of every folder that something hidden is in."""


def make_policy(
    abi: int,
    places: Places,
    *,
    read: Iterable[str] = (),
    write: Iterable[str] = (),
    connect: Iterable[tuple[str, int]] = (),
    sockets: Iterable[str] = (),
) -> Policy:
    """Compute what an agent may reach.

    Args:
        abi: Version of Landlock.
        places: The machine.
        read: Further paths that the configuration opens.
        write: Paths that can be changed: the scratch folder, and what the configuration opens.
        connect: Hosts and ports; the kernel knows only ports. On loopback they can be listened on;
            the names of other hosts are looked up, so UDP is opened with them.
        sockets: Kinds of sockets beside TCP.

    Returns:
        The policy; what is hidden is in none of its folders, whatever else was asked for.
    """
    readable: list[str] = []
    names: list[str] = []
    for root in dict.fromkeys((*places.system, places.checkout, *read)):
        _open_around(root, places, readable, names)
    writable: list[str] = []
    for root in write:
        _open_around(root, places, writable, names)
    ends = tuple(connect)
    return Policy(
        abi,
        read=tuple(dict.fromkeys(readable)),
        names=tuple(dict.fromkeys(names)),
        write=tuple(dict.fromkeys(writable)),
        connect=tuple(sorted({port for _, port in ends})),
        bind=tuple(sorted({port for host, port in ends if host in _LOOPBACK})),
        sockets=tuple(sorted({*sockets, *("udp" for host, _ in ends if _is_name(host))})),
        closed=tuple(sorted(places.hidden)),
    )


def _is_name(host: str) -> bool:
    return host not in _LOOPBACK and any(letter.isalpha() for letter in host) and ":" not in host


def _open_around(path: str, places: Places, opened: list[str], names: list[str]) -> None:
    """Open a folder as a whole, or, where something in it is hidden, each of its other entries."""
    if _inside(path, places.hidden):
        return
    if path not in places.tree:
        opened.append(path)
        return
    names.append(path)
    for entry in places.tree[path]:
        _open_around(entry, places, opened, names)


def _inside(path: str, folders: Iterable[str]) -> bool:
    return any(path == folder or path.startswith(f"{folder.rstrip('/')}/") for folder in folders)


@dataclass(frozen=True, slots=True)
class Observed:
    """What an agent was seen to open."""

    read: tuple[str, ...] = ()
    """Files."""
    write: tuple[str, ...] = ()
    """Files."""
    connect: tuple[int, ...] = ()
    """TCP ports."""
    sockets: tuple[str, ...] = ()
    """Kinds of sockets beside TCP: `udp`, `unix`."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Observed":
        """Read what a launcher or a worker says; it may be anything."""
        return cls(
            tuple(str(path) for path in data.get("read", ())),
            tuple(str(path) for path in data.get("write", ())),
            tuple(int(port) for port in data.get("connect", ())),
            tuple(str(kind) for kind in data.get("sockets", ())),
        )


def beyond(policy: Policy, seen: Observed) -> Observed:
    """Return the part of what was seen that a policy refuses; compiled Python is no loss."""
    return Observed(
        tuple(path.rstrip("/") for path in seen.read if not _may_read(policy, path)),
        tuple(p for p in seen.write if not policy.can_write(p) and "__pycache__" not in p),
        tuple(port for port in seen.connect if port not in policy.connect),
        tuple(kind for kind in seen.sockets if kind not in policy.sockets),
    )


def _may_read(policy: Policy, path: str) -> bool:
    listed = path.endswith("/") and _inside(path.rstrip("/"), policy.names)
    return listed or policy.can_read(path.rstrip("/"))


def smallest(seen: Iterable[Observed]) -> dict[str, list[str]]:
    """Return what `agent.sandbox` must open so that all that was seen can be done.

    Returns:
        The keys that are needed, with sorted values: paths as they were seen, ports as text.
    """
    read: set[str] = set()
    write: set[str] = set()
    ports: set[int] = set()
    kinds: set[str] = set()
    for one in seen:
        read.update(one.read)
        write.update(one.write)
        ports.update(one.connect)
        kinds.update(one.sockets)
    found = {
        "read": sorted(read - write),
        "write": sorted(write),
        "connect": [*(str(port) for port in sorted(ports)), *sorted(kinds)],
    }
    return {name: values for name, values in found.items() if values}


_REFUSAL: Final = re.compile(
    "permission ?denied|permissionerror|eacces|eperm|not permitted", re.IGNORECASE
)
_PATH: Final = re.compile(r"""['"`]([^'"`\n]+)['"`]|(?<![\w/])(/[^\s'"`:;,()\[\]]+)""")
_END: Final = re.compile(r"(?:[\w.-]+|\[[0-9a-f:]+\]):(\d{1,5})\b")
_KIND: Final = re.compile(r"opening a (UDP|UNIX) socket")
_SIGNAL: Final = re.compile(r"signal\w* process|\bkill\b", re.IGNORECASE)


def explained(policy: Policy, cwd: str, text: str) -> str | None:
    """Say which line of the configuration would open what an agent was refused.

    Args:
        policy: What it may reach.
        cwd: The folder it was started in.
        text: What it said when it failed.

    Returns:
        The path or port, and the line; null where nothing in the text is a refusal of the wall.
    """
    for line in text.splitlines():
        found = _explained_line(policy, cwd, line) if _REFUSAL.search(line) else None
        if found is not None:
            return found
    return None


def _explained_line(policy: Policy, cwd: str, line: str) -> str | None:
    for match in _END.finditer(line):
        port = int(match[1])
        if 0 < port < 65_536 and port not in policy.connect and "connect" in line:
            return _refused(f"{match[0]}", "connect", f"'{match[0]}'")
    for quoted, bare in _PATH.findall(line):
        path = normpath(join(cwd, quoted or bare.rstrip(".")))
        if path.startswith("/proc/"):
            return f"the sandbox closes {path}: it is of another process"
        if _inside(path, policy.closed):
            return f"the sandbox closes {path} to every agent: its answers are judged by it"
        if not policy.can_read(path):
            return _refused(path, "read", path)
        if quoted and not policy.can_write(path):
            return _refused(path, "write", path)
    kind = _KIND.search(line)
    if kind is not None and kind[1].lower() not in policy.sockets:
        return _refused(f"a {kind[1]} socket", "connect", kind[1].lower())
    if _SIGNAL.search(line):
        return "the sandbox keeps signals among the agent's own processes"
    return None


def _refused(what: str, right: str, value: str) -> str:
    return (
        f"the sandbox refused it ({right}: {what}); agent.sandbox: {{{right}: [{value}]}} would "
        "allow it"
    )
