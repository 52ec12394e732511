"""What was exported where, so that nothing is sent twice.

    {"key": "4bf9...", "state": "sending", "at": 1780000000}

A line stands on disk before its request is sent, and another when the answer is there. `sending`
without an answer is a doubt: the receiver may or may not have it.
"""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import IO, Literal

from evalgate.errors import DataError
from evalgate.store.sealed import locked

State = Literal["sending", "sent", "failed"]
"""`failed`: the receiver does not have it."""


@dataclass(slots=True)
class Ledger:
    """An open ledger of one receiver."""

    file: IO[bytes]
    states: dict[str, State] = field(default_factory=dict)
    """The last state of each key."""

    def note(self, keys: Iterable[str], state: State, now: int) -> None:
        """Write the state of keys to disk."""
        for key in keys:
            self.states[key] = state
            line = json.dumps({"key": key, "state": state, "at": now})
            self.file.write(f"{line}\n".encode())
        self.file.flush()
        os.fsync(self.file.fileno())


@contextmanager
def opened_ledger(folder: Path, kind: str, receiver: str) -> Iterator[Ledger]:
    """Open the ledger of a receiver; a second export waits until the first has ended.

    Args:
        folder: Where ledgers are.
        kind: The format.
        receiver: Its URL and account; only a digest of it becomes the file's name.

    Raises:
        DataError: It cannot be written, or a line in its middle is none.
    """
    name = f"{kind}-{sha256(receiver.encode()).hexdigest()[:12]}"
    path = folder / f"{name}.jsonl"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / f"{name}.lock"), path.open("a+b") as file:
            yield Ledger(file, _states(file, path))
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror}") from error


def _states(file: IO[bytes], path: Path) -> dict[str, State]:
    """Read the states; a last line that a kill cut off says nothing and is cut off."""
    file.seek(0)
    data = file.read()
    whole = data.rfind(b"\n") + 1
    file.truncate(whole)
    states: dict[str, State] = {}
    for number, line in enumerate(data[:whole].splitlines(), 1):
        try:
            row = json.loads(line)
            states[str(row["key"])] = row["state"]
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{path}:{number}: found {line[:80]!r}; expected a line of the ledger",
                fix="without the ledger a repeat is doubled at the receiver: restore the file",
            ) from error
    return states
