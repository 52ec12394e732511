"""Tests of `evalgate golden add`: drafts from what was observed."""

import json
from pathlib import Path

import pytest
from support.cli import Cli


@pytest.fixture
def ran(recorded: Path, cli: Cli) -> Path:
    """Leave a run behind."""
    assert 0 == cli("run", "-q").code
    return recorded


def test_drafts_go_to_standard_output(ran: Path, cli: Cli) -> None:
    """One draft a case: what was asked, what was answered, where it comes from."""
    result = cli("golden", "add", "--from", "latest")
    drafts = [json.loads(line) for line in result.out.splitlines()]
    assert 0 == result.code
    assert ["ask 1", "ask 2", "ask 3", "ask 4"] == [draft["input"] for draft in drafts]
    assert {"draft"} == {draft["status"] for draft in drafts}
    assert {"equals": "answer 1"} == drafts[0]["expected"]["output"]
    assert "q1" == drafts[0]["metadata"]["proposed_from"]
    assert "4 drafts" in result.err


def test_a_file_of_traces_grows_a_golden_set(ran: Path, cli: Cli) -> None:
    """Appended drafts are read again, run, and do not gate; a second time adds nothing."""
    first = cli("golden", "add", "--from", "traces.jsonl", "--case", "q2", "--to", "new/set.jsonl")
    again = cli("golden", "add", "--from", "traces.jsonl", "--case", "q2", "--to", "new/set.jsonl")
    assert ("", "1 draft in new/set.jsonl" in first.err) == (first.out, True)
    assert "nothing new to draft" in again.err
    assert 1 == len((ran / "new" / "set.jsonl").read_text().splitlines())
    assert 0 == cli("validate", "--golden", "new/set.jsonl").code


def test_what_is_there_is_not_drafted_again(ran: Path, cli: Cli) -> None:
    """The golden set that already asks the same stays byte for byte."""
    before = (ran / "golden.jsonl").read_bytes()
    result = cli("golden", "add", "--from", "latest", "--to", "golden.jsonl")
    assert "the same input is there already" in result.err
    assert before == (ran / "golden.jsonl").read_bytes()


def test_a_last_line_without_an_end_is_kept_whole(ran: Path, cli: Cli) -> None:
    """Appending to a file without a final newline does not join two cases."""
    (ran / "mine.jsonl").write_text('{"id": "x", "input": "other", "expected": {"refusal": true}}')
    assert 0 == cli("golden", "add", "--from", "latest", "--case", "q1", "--to", "mine.jsonl").code
    assert 2 == len((ran / "mine.jsonl").read_text().splitlines())
    assert 0 == cli("validate", "--golden", "mine.jsonl").code


def test_secrets_are_not_drafted(recorded: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment keeps secret does not reach a golden set."""
    monkeypatch.setenv("SHOP_API_KEY", "very-secret-value-123")
    text = (recorded / "traces.jsonl").read_text().replace("ask 1", "use very-secret-value-123")
    (recorded / "traces.jsonl").write_text(text)
    result = cli("golden", "add", "--from", "traces.jsonl", "--case", "q1")
    assert 0 == result.code
    assert "very-secret-value-123" not in result.out + result.err


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (("--from", "latest", "--case", "q11"), 3, "did you mean 'q1'"),
        (("--from", "nowhere"), 2, "nowhere"),
        (("--from", "evalgate.yaml"), 2, "evalgate.yaml"),
        (("--from", "latest", "--to", "evalgate.yaml"), 2, "evalgate.yaml"),
        ((), 2, "--from"),
    ],
)
def test_wrong_sources_are_named(
    ran: Path, cli: Cli, arguments: tuple[str, ...], code: int, part: str
) -> None:
    """Each slip has its code and one clear message."""
    result = cli("golden", "add", *arguments)
    assert code == result.code
    assert part in result.err
    assert "Traceback" not in result.err
