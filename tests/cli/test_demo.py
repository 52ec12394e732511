"""Tests of `evalgate demo`: the project it copies is green, then stopped for the right reason."""

import json
from pathlib import Path

import pytest
from support.cli import Cli

from evalgate.commands.demo import BREAK


def test_the_demo_passes_then_stops_the_bug(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a key: green, the diff, red with the crash in it, two pages, and a way to go on."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    place = tmp_path / "demo"
    result = cli("demo", str(place), "--no-open")
    assert (0, "") == (result.code, result.err)
    green, _, broken = result.out.partition(BREAK.why)
    assert "orders: PASS" in green
    assert all(line in broken for line in BREAK.diff)
    assert "orders: FAIL" in broken
    assert "KeyError: 'A9999'" in broken
    for name in ("green.html", "broken.html"):
        assert (place / name).read_text().startswith("<!doctype html>")
    reports = sorted((place / ".evalgate" / "runs").glob("2*/report.json"))
    verdicts = [json.loads(report.read_text())["verdict"] for report in reports]
    assert ["pass", "fail"] == verdicts[-2:]


def test_its_commands_run_where_it_says(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It changes to the folder first, so each command it prints works as it stands there."""
    monkeypatch.chdir(tmp_path)
    out = cli("demo", "my demo", "--no-open").out
    assert ("$ cd 'my demo'", False) == (out.splitlines()[2], "--config" in out)
    monkeypatch.chdir(tmp_path / "my demo")
    printed = [
        line.split("#")[0] for line in out.splitlines() if line.startswith("      evalgate ")
    ]
    codes = [cli(*line.split()[1:]).code for line in printed]
    assert ([1, 0], True) == (codes, "evalgate show" in printed[1])


def test_files_of_the_user_are_not_overwritten(tmp_path: Path, cli: Cli) -> None:
    """A folder with something in it is refused, and left alone."""
    (tmp_path / "mine.txt").write_text("mine")
    result = cli("demo", str(tmp_path), "--no-open")
    assert (2, "mine.txt") == (result.code, *[path.name for path in tmp_path.iterdir()])
    assert "NEW-FOLDER" in result.err
