"""`evalgate show`: what happened in a case, beside the baseline's trial."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.cli import Cli

HOSTILE = "\x1b[2J\x1b]0;owned\x07::error::x\u202e"

EXPECTED = {
    "output": {"contains": ["refunded"]},
    "tool_calls": [{"name": "refund", "arguments": {"id": "A1"}}],
    "tool_match": "superset",
}
ROWS = [
    {"id": "a", "input": "refund me", "expected": EXPECTED},
    {"id": "b", "input": "status?", "expected": {"output": {"equals": "shipped"}}},
]


def model(text: str, tokens: int = 100) -> dict[str, Any]:
    """Make a model call."""
    call = {"kind": "llm_call", "provider": "openai", "model": "gpt-4o-mini", "start": 0, "end": 1}
    return {**call, "input_tokens": tokens, "output_tokens": 10, "output": {"content": text}}


def tool(name: str, result: object, **arguments: object) -> dict[str, Any]:
    """Make a tool call."""
    return {"kind": "tool_call", "name": name, "arguments": arguments, "result": result}


def write(folder: Path, steps: list[dict[str, Any]], answer: str) -> None:
    """Write the traces of two trials of case `a` and one of `b`."""
    rows = [
        {"case_id": "a", "trial": 0, "output": "refunded", "steps": STEPS},
        {"case_id": "a", "trial": 1, "output": answer, "steps": steps},
        *({"case_id": "b", "trial": n, "output": "shipped", "steps": STEPS[:1]} for n in (0, 1)),
    ]
    text = "".join(json.dumps({"status": "finished", **row}) + "\n" for row in rows)
    (folder / "traces.jsonl").write_text(text, encoding="utf-8")


STEPS = [
    model("looking"),
    tool("look", '{"state": "paid"}', id="A1"),
    tool("refund", "ok", id="A1"),
]
WORSE = [
    model(HOSTILE),
    tool("look", '{"state": "open"}', id="A1"),
    {"kind": "retrieval", "query": "rules", "documents": ["Open orders are cancelled."]},
    {"kind": "handoff", "target": "person", "reason": "stuck"},
    {"kind": "guardrail", "type": "pii", "decision": "block"},
    {"kind": "unread", "type": "novelty", "item": {"x": 1}, "parts": []},
    tool("refund", "late", id="A2"),
]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli) -> Path:
    """Make a baseline and its run, then a run in which the second trial of `a` goes wrong."""
    (tmp_path / "golden.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    (tmp_path / "evalgate.yaml").write_text(
        'suites: {shop: {golden: golden.jsonl, agent: "recorded:traces.jsonl",\n'
        " gate: {metrics: {error_rate: {max: 0.9}}}}}\n"
    )
    monkeypatch.chdir(tmp_path)
    write(tmp_path, STEPS, "refunded")
    assert 0 == cli("baseline", "update", "--reason", "first", "--force", "--trials", "2").code
    write(tmp_path, WORSE, f"no {HOSTILE}")
    assert 1 == cli("run", "--baseline", "--trials", "2").code
    return tmp_path


def test_the_worst_case_is_shown_beside_its_baseline(project: Path, cli: Cli) -> None:
    """Each kind of step, what changed in it, and where the two first part."""
    shown = cli("show")
    assert 0 == shown.code
    expected = [
        "a, trial 1 of 2: failed (regressed)",
        "baseline: trial 1 of ",
        "user: refund me",
        "expected calls (superset): refund(id=A1)",
        "~ model gpt-4o-mini, 100 in, 10 out, $2.1e-05, 1 s",
        "> first divergence from the baseline",
        "~ tool look(id=A1)",
        'result /state: "paid" -> "open"',
        "+ retrieval rules: 1 texts",
        "+ hand-over to person",
        "+ guardrail pii: block",
        "+ not understood: novelty",
        "~ tool refund(id=A2)",
        'arguments /id: "A1" -> "A2"',
        "answer of the baseline",
        "task_success",
    ]
    at = 0
    for text in expected:
        assert text in shown.out[at:], text
        at = shown.out.index(text, at)


def test_hostile_text_drives_no_terminal(project: Path, cli: Cli) -> None:
    """No escape sequence, title or direction mark of the agent's reaches the screen."""
    shown = cli("show", "a")
    assert not {"\x1b", "\x07", "\u202e"} & {*shown.out}
    assert "no ::error::x" in shown.out


def test_a_trial_can_be_chosen(project: Path, cli: Cli) -> None:
    """The first trial passed and equals the baseline's."""
    shown = cli("show", "latest", "a", "--trial", "0")
    assert "a, trial 0 of 2: passed" in shown.out
    assert "first divergence" not in shown.out


def test_all_that_failed(project: Path, cli: Cli) -> None:
    """`--failed` shows `a` and not `b`; without failures it shows nothing."""
    assert ["a"] == [
        json.loads(line)["case"] for line in cli("show", "--failed", "--json").out.splitlines()
    ]


def test_nothing_failed(project: Path, cli: Cli) -> None:
    """A run without a failure says so, and not that cases passed of which nothing was expected."""
    write(project, STEPS, "refunded")
    assert 0 == cli("run", "--trials", "2").code
    shown = cli("show", "--failed")
    assert (0, "no case failed\n") == (shown.code, shown.out)


def test_all_suites_of_the_newest_command_are_shown(project: Path, cli: Cli) -> None:
    """A suite that passed after one that failed does not hide it; a later run stands alone."""
    suite = '{{golden: {}.jsonl, agent: "recorded:traces.jsonl"}}'
    good, bad = suite.format("golden"), suite.format("bad")
    (project / "evalgate.yaml").write_text(f"suites: {{bad: {bad}, good: {good}}}\n")
    rows = [{**row, "expected": {"output": {"equals": "no"}}} for row in ROWS]
    (project / "bad.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    write(project, STEPS, "refunded")
    cli("run", "--trials", "2")
    ids = [json.loads(line)["case"] for line in cli("show", "--failed", "--json").out.splitlines()]
    told = cli("explain", "--json").json["suites"]
    assert (["a", "b"], ["bad", "good"]) == (ids, [suite["suite"] for suite in told])
    again = cli("score", "latest", "-f", "json").json["suites"]
    assert ["bad", "good"] == [report["suite"]["id"] for report in again]
    cli("run", "--trials", "2", "--suite", "good")
    assert "no case failed\n" == cli("show", "--failed").out


def test_the_run_of_a_baseline_without_tokens_is_found(project: Path, cli: Cli) -> None:
    """It is the newest from before the baseline was made, not a later one that ended alike."""

    def answer(text: str) -> None:
        rows = [{"case_id": name, "output": text, "status": "finished"} for name in "ab"]
        lines = "".join(json.dumps({**row, "trial": n}) + "\n" for row in rows for n in (0, 1))
        (project / "traces.jsonl").write_text(lines)

    path = project / "baselines/shop.json"
    answer("first")
    assert 0 == cli("baseline", "update", "--reason", "second", "--force", "--trials", "2").code
    for text in ("second", "third"):
        answer(text)
        cli("run", "--baseline", "--trials", "2")
    for folder, at in zip(sorted((project / ".evalgate/runs").iterdir())[-3:], "123", strict=True):
        made = json.loads((folder / "manifest.json").read_text())
        made["created"] = f"2026-01-0{at}T00:00:00Z"
        (folder / "manifest.json").write_text(json.dumps(made))
    stated = json.loads(path.read_text())["provenance"]["created"]
    path.write_text(path.read_text().replace(stated, "2026-01-01T00:00:01Z"))
    said = cli("show", "a").out
    assert "answer of the baseline\n  first\n" in said


def test_programs_get_both_traces_and_their_alignment(project: Path, cli: Cli) -> None:
    """JSON holds the traces whole, and the row where they part."""
    data = cli("show", "a", "--json").json
    assert ("a", "regressed", 1, 1) == (
        data["case"],
        data["state"],
        data["trial"],
        data["first_divergence"],
    )
    assert 7 == len(data["trace"]["steps"])
    assert 3 == len(data["baseline"]["trace"]["steps"])
    assert ["result", "result", *["added"] * 4, "arguments"] == [
        row["change"] for row in data["alignment"]
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nope"], "there is no run 'nope'"),
        (["latest", "bb"], "there is no case 'bb' (did you mean 'b'?)"),
        (["a", "--trial", "7"], "case 'a' has no trial 7; there are: 0, 1"),
    ],
)
def test_slips_are_named(project: Path, cli: Cli, arguments: list[str], said: str) -> None:
    """A run, a case or a trial that is not there."""
    shown = cli("show", *arguments)
    assert 2 == shown.code
    assert said in shown.err


def test_a_broken_run_is_shown_as_far_as_it_goes(project: Path, cli: Cli) -> None:
    """Traces that were cut off, and a golden set that is gone, are notes and no end."""
    folder = max((project / ".evalgate" / "runs").iterdir())
    (folder / "traces.jsonl").write_text('{"case_id": "a"\n')
    (project / "golden.jsonl").unlink()
    shown = cli("show", "a")
    assert 0 == shown.code
    assert "there is no trace of this trial" in shown.out
    assert "note: the golden set is not here" in shown.out
    assert "note: the trajectories from here on cannot be read" in shown.out


def test_a_crash_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli) -> None:
    """The error says it whole; what the scorer says of it adds nothing."""
    crash = {"case_id": "b", "trial": 0, "status": "crashed", "error": "LookupError: no order"}
    (tmp_path / "golden.jsonl").write_text(json.dumps(ROWS[1]) + "\n")
    (tmp_path / "traces.jsonl").write_text(json.dumps(crash) + "\n")
    monkeypatch.chdir(tmp_path)
    cli("run", "--golden", "golden.jsonl", "--agent", "recorded:traces.jsonl", "-q")
    assert 1 == cli("show", "b").out.count("LookupError: no order")
