"""Care of a suite's cassettes: what goes, what stays, and what is said of it."""

import shutil
from pathlib import Path

import pytest
from support.cli import Cli

from evalgate.store.cassettes import read_cassette, write_cassette


@pytest.fixture
def demo(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in the project of `evalgate demo`, whose agent crashes in two cases."""
    cli("demo", str(tmp_path / "demo"), "--no-open")
    monkeypatch.chdir(tmp_path / "demo")
    return tmp_path / "demo"


def trials_of(path: Path) -> set[int]:
    """Return the trials that a cassette holds."""
    return {entry.trial for entry in read_cassette(path).entries}


def test_recordings_that_a_run_may_ask_for_stay(demo: Path, cli: Cli) -> None:
    """Settling asks for 3 trials, a failed `must_pass` case for 2 more; the sixth is gone."""
    path = demo / "cassettes/orders/greeting.jsonl"
    held = read_cassette(path)
    copies = [e.model_copy(update={"trial": n}) for n in range(6) for e in held.entries]
    write_cassette(path, held.header, copies)
    config = demo / "evalgate.yaml"
    config.write_text(config.read_text().replace("  orders:", "  orders:\n    max_trials: 3"))
    done = cli("cassette", "prune")
    assert (0, "") == (done.code, done.err)
    assert {0, 1, 2, 3, 4} == trials_of(path)


def test_a_crash_is_no_miss(demo: Path, cli: Cli) -> None:
    """A case whose agent crashes keeps its lines, and is not said to have missed."""
    out = cli("cassette", "prune", "--dry-run").out
    assert "did not end as recorded: refund-unknown-order, status-unknown" in out
    assert "missed" not in out
    assert "bytes are left" not in out


def test_what_was_searched_is_counted(demo: Path, cli: Cli) -> None:
    """No secret in no cassette is another thing than no secret in nine."""
    assert "0 secrets found in 9 cassettes\n" == cli("cassette", "scan").out
    shutil.rmtree(demo / "cassettes")
    assert "0 secrets found in 0 cassettes\n" == cli("cassette", "scan").out
    assert "orders: no case is recorded in cassettes/orders\n" == cli("cassette", "show").out
    pruned = cli("cassette", "prune").out
    assert "stays" not in pruned
