"""Notices another distribution that brings a module or a command called `evalgate` too."""

import os
import re
from collections.abc import Iterable, Iterator
from typing import Final

from evalgate.errors import ConfigError

_OURS: Final = "agent_evalgate"
_SCRIPT: Final = re.compile(r"^evalgate\s*=", re.MULTILINE)
_MODULE: Final = re.compile(r"^evalgate/__init__\.py,", re.MULTILINE)


def refuse_other_owners(paths: Iterable[str], program: str) -> None:
    """Refuse to run where files of two distributions are mixed, or the command may be another's.

    Only small files are read, so that it costs a few milliseconds at most.

    Args:
        paths: Folders that modules are imported from.
        program: How this process was started; the command `agent-evalgate` and `python -m evalgate`
            are ours whoever owns the command `evalgate`.

    Raises:
        ConfigError: Another distribution owns the module, or the command that was used.
    """
    by_command = re.split(r"[\\/]", program)[-1].removesuffix(".exe") == "evalgate"
    for name, what in _others(paths):
        if what == "module" or by_command:
            raise ConfigError(
                f"the distributions 'agent-evalgate' and {name!r} both own the {what} 'evalgate': "
                "one has overwritten files of the other",
                fix=f"pip uninstall {name} agent-evalgate && pip install agent-evalgate, or an "
                "environment of its own",
            )


def _others(paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    for path in dict.fromkeys(paths):
        try:
            entries = [entry for entry in os.scandir(path) if entry.name.endswith(".dist-info")]
        except OSError:
            continue
        for entry in entries:
            name = entry.name.partition("-")[0]
            if re.sub(r"[-_.]+", "_", name).lower() == _OURS:
                continue
            script = _SCRIPT.search(_part(_read(entry.path, "entry_points.txt")))
            if (script or "evalgate" in name.lower()) and _MODULE.search(
                _read(entry.path, "RECORD")
            ):
                yield name, "module"
            elif script:
                yield name, "command"


def _part(text: str) -> str:
    """Return the commands of an `entry_points.txt`."""
    _, _, rest = text.partition("[console_scripts]")
    return rest.partition("\n[")[0]


def _read(folder: str, name: str) -> str:
    try:
        with open(f"{folder}/{name}", encoding="utf-8", errors="replace") as file:  # noqa: PTH123  # quick
            return file.read()
    except OSError:
        return ""
