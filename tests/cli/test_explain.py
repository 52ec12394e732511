"""`evalgate explain`."""

from pathlib import Path

import pytest
from support.cli import Cli
from support.example import copy_example


def test_a_stored_run_is_explained(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As data and as text, without a comparison: what fails, and the command that shows it."""
    monkeypatch.chdir(copy_example(tmp_path))
    assert 0 == cli("run", "-q").code
    done = cli("explain", "--json")
    (suite,) = done.json["suites"]
    assert (0, "pass") == (done.code, done.json["verdict"])
    causes = {cause["cases"][0]: cause for cause in suite["causes"]}
    assert "do not call `transfer_to_human`" == causes["person-frustrated"]["doing"]
    assert (
        "evalgate run --suite support --case person-frustrated"
        == (causes["person-frustrated"]["prove"])
    )
    assert "does not call `transfer_to_human`" in cli("explain").out
