"""Looks at the machine: where interpreter, packages and programs are, and what must stay closed."""

import os
import shutil
import site
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from evalgate.agents.sandbox.policy import Places

PACKAGE: Final = str(Path(__file__).resolve().parents[3])
"""Where a process finds this package even if it is not installed."""

_SYSTEM: Final = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/etc", "/nix/store"),
    *("/proc", "/sys", "/etc/resolv.conf", "/etc/localtime", "/etc/ssl/certs"),
)
_BESIDE_BIN: Final = ("lib", "lib64", "libexec")
_NAMED_BY: Final = (
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    *("NODE_EXTRA_CA_CERTS", "VIRTUAL_ENV"),
)
"""Variables that an agent sees, whose values are paths."""


def real(path: str | Path) -> str:
    """Return a path without links; it need not exist."""
    return os.path.realpath(path)


def bubblewrap() -> str | None:
    """Return the program `bwrap`; null where it is not installed."""
    return shutil.which("bwrap", path="/usr/bin:/bin:/usr/local/bin")


def checkout_of(folder: Path) -> Path:
    """Return the working tree a folder is in; the folder itself where it is in none."""
    full = Path(real(folder))
    return next((one for one in (full, *full.parents) if (one / ".git").exists()), full)


def find_places(
    checkout: Path, hidden: Iterable[Path], environ: Mapping[str, str], opened: Sequence[str] = ()
) -> Places:
    """Look at the machine.

    Args:
        checkout: Folder of the working tree.
        hidden: What no agent reads; it need not exist yet.
        environ: The caller's environment.
        opened: Further folders that the configuration opens, without links.
    """
    system = tuple(dict.fromkeys(_system(environ)))
    closed: set[str] = set()
    for path in hidden:
        full = os.path.abspath(path)  # noqa: PTH100  # a link that is hidden, and what it shows
        closed |= {os.path.join(real(os.path.dirname(full)), os.path.basename(full)), real(full)}  # noqa: PTH118, PTH119, PTH120
    top = real(checkout)
    roots = (*system, top, *opened)
    return Places(system, top, frozenset(closed), dict(_tree(closed, roots)))


def _system(environ: Mapping[str, str]) -> Iterator[str]:
    home = real(Path.home())
    folders = [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix, PACKAGE]
    folders += [os.path.dirname(real(sys.executable))]  # noqa: PTH120
    folders += [path for path in sys.path if path]
    folders += [path for path in environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    folders += [environ[name] for name in _NAMED_BY if environ.get(name)]
    if site.ENABLE_USER_SITE:
        folders.append(site.getusersitepackages())
    for folder in environ.get("PATH", "").split(os.pathsep):
        if os.path.isabs(folder):  # noqa: PTH117
            folders.append(folder)
            beside = os.path.dirname(real(folder))  # noqa: PTH120
            folders += [os.path.join(beside, name) for name in _BESIDE_BIN]  # noqa: PTH118
    for folder in (*_SYSTEM, *folders):
        path = real(folder)
        if path not in ("/", home) and os.path.exists(path):  # noqa: PTH110
            yield path


def _tree(closed: Iterable[str], roots: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the folders below a root in which something is closed, with what is in them."""
    seen: set[str] = set()
    for path in closed:
        folder = os.path.dirname(path)  # noqa: PTH120
        while folder not in seen and any(_within(folder, root) for root in roots):
            seen.add(folder)
            yield folder, _entries(folder)
            folder = os.path.dirname(folder)  # noqa: PTH120


def _within(path: str, root: str) -> bool:
    return path == root or path.startswith(f"{root}/")


def _entries(folder: str) -> tuple[str, ...]:
    try:
        with os.scandir(folder) as entries:
            return tuple(sorted(entry.path for entry in entries if not entry.is_symlink()))
    except OSError:
        return ()
