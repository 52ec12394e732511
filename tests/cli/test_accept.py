"""`evalgate accept` writes waivers that say all they must."""

from pathlib import Path

import pytest
import yaml
from support.cli import Cli

from evalgate.store.waivers import load_waivers

REASON = ("--reason", "agreed", "--expires", "30d")


@pytest.fixture
def failed(quiz: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Leave a run behind in which one of four cases is lost."""
    assert 0 == cli("baseline", "update", "--reason", "x", "--force", "-q").code
    monkeypatch.setenv("AGENT_FORGETS", "sky")
    assert 1 == cli("run", "--baseline", "-q").code
    return quiz


def test_the_floor_of_the_last_run(failed: Path, cli: Cli) -> None:
    """Without --floor it is what the last run had, and the file reads back."""
    result = cli("accept", "--metric", "task_success_rate", *REASON)
    (waiver,) = load_waivers(failed / "baselines/waivers.yaml")
    assert (0, 0.75, "agreed") == (result.code, waiver.floor, waiver.reason)
    assert "once a code owner approves" in result.out


def test_one_waiver_a_thing(failed: Path, cli: Cli) -> None:
    """A second one of the same metric takes the first one's place; others stay."""
    for floor in ("0.5", "0.6"):
        assert 0 == cli("accept", "--metric", "error_rate", "--floor", floor, *REASON).code
    assert 0 == cli("accept", "--case", "q4", *REASON).code
    found = load_waivers(failed / "baselines/waivers.yaml")
    assert [("q4", None), (None, 0.6)] == [(waiver.case, waiver.floor) for waiver in found]


def test_hostile_reasons_are_text(failed: Path, cli: Cli) -> None:
    """A reason with quotes, colons and line breaks is one YAML text."""
    reason = 'a: "b"\n  - {c: !!python/object:x}'
    assert 0 == cli("accept", "--case", "q4", "--reason", reason, "--expires", "2d").code
    (waiver,) = yaml.safe_load((failed / "baselines/waivers.yaml").read_text())["waivers"]
    assert reason == waiver["reason"]


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (("--metric", "task_success", *REASON), 2, "did you mean"),
        (("--case", "q44", *REASON), 2, "did you mean 'q4'"),
        ((*REASON,), 2, "--metric or --case"),
        (("--metric", "error_rate", "--case", "q4", *REASON), 2, "one of the two"),
        (("--case", "q4", "--reason", "x", "--expires", "soon"), 2, "is no day"),
        (("--case", "q4", "--reason", "x", "--expires", "2020-01-01"), 2, "from today on"),
        (("--case", "q4", "--reason", "x", "--expires", "9999d"), 2, "open-ended"),
        (("--case", "q4", "--reason", " ", "--expires", "9d"), 2, "reason"),
        (("--case", "q4", "--expires", "9d"), 2, "--reason"),
        (("--metric", "tool_call_accuracy", *REASON), 3, "--floor"),
        (("--suite", "quix", "--case", "q4", *REASON), 2, "did you mean 'quiz'"),
    ],
)
def test_wrong_options_are_named(
    failed: Path, cli: Cli, arguments: tuple[str, ...], code: int, part: str
) -> None:
    """Each slip has its code and one clear message, and nothing is written."""
    result = cli("accept", *arguments)
    assert (code, True) == (result.code, part in result.err), result.err
    assert not (failed / "baselines/waivers.yaml").exists()


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("waivers: [{suite: s, reason: x, expires: 2026-12-01}]", "metric or about a case"),
        ("waivers: [{suite: s, metric: m, reason: x, expires: 2026-12-01}]", "needs a floor"),
        ("waivers: [{suite: s, case: c, expires: 2026-12-01}]", "reason"),
        ("waivers: [{suite: s, case: c, reason: x}]", "expires"),
        ("waivers: [{suite: s, case: c, reason: x, expires: never}]", "expires"),
        ("- 1", "a mapping with `waivers:`"),
    ],
)
def test_a_broken_file_is_named(failed: Path, cli: Cli, text: str, part: str) -> None:
    """A file that is there and not valid is never written over."""
    path = failed / "baselines/waivers.yaml"
    path.write_text(text)
    result = cli("accept", "--case", "q4", *REASON)
    assert (2, True, text) == (result.code, part in result.err, path.read_text()), result.err
