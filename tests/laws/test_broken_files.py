"""No file and no reply is a bug: broken ones are read, or refused as a user's error.

Short here; `EVALGATE_FUZZ_SECONDS=180 pytest tests/laws/test_broken_files.py` gives every reader
so many seconds with seeds of its own, and `EVALGATE_FUZZ_SEED` starts at another one.
"""

import os
import signal
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.readers import READERS, Reader, WireReader

SECONDS = float(os.environ.get("EVALGATE_FUZZ_SECONDS", "0"))
FIRST = int(os.environ.get("EVALGATE_FUZZ_SEED", "0"))
_HANG_S = 20.0


@contextmanager
def _no_hang(seed: int) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise AssertionError(f"seed {seed}: still reading after {_HANG_S:g} s")

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, _HANG_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _reader(name: str) -> Reader | WireReader:
    reader = READERS[name]
    if isinstance(reader, Reader) and not reader.files():
        pytest.skip("the folder shared does not lie beside the project")
    return reader


@pytest.mark.parametrize("name", READERS)
@given(seed=st.integers(0, 2**32))
@settings(
    max_examples=12,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
def test_a_broken_file_is_no_bug(name: str, seed: int, tmp_path: Path) -> None:
    """Whatever happened to it; and reading ends."""
    reader = _reader(name)
    with _no_hang(seed):
        reader.survives(seed, tmp_path)


@pytest.mark.skipif(not SECONDS, reason="EVALGATE_FUZZ_SECONDS is not set")
@pytest.mark.parametrize("name", READERS)
def test_for_long(name: str, tmp_path: Path) -> None:
    """The same, for as long as asked; each kind of failure is told once."""
    reader, ends = _reader(name), time.monotonic() + SECONDS
    failures: dict[str, str] = {}
    for seed in count(FIRST):
        if time.monotonic() > ends:
            break
        try:
            with _no_hang(seed):
                reader.survives(seed, tmp_path)
        except Exception as error:  # noqa: BLE001  # what is looked for
            failures.setdefault(_place(error), f"seed {seed}: {error!r:.300}")
    said = [f"{name}: {seed - FIRST} files", *(f"{k}: {v}" for k, v in failures.items())]
    print("\n".join(said))  # noqa: T201
    assert not failures, "\n".join(said)


def _place(error: Exception) -> str:
    """Return the last line of evalgate that a failure passed."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/evalgate/" in frame.filename] or frames
    return f"{type(error).__name__} in {ours[-1].filename}:{ours[-1].lineno}"
