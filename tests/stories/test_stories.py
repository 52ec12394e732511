"""What honest teams do ends green, and nobody needs an administrator."""

import json

import pytest
from support.scratch import Scratch, jsonl, sums

pytestmark = pytest.mark.slow

STRICT = '''
"""The agent under the gate: it adds, and by the team's decision refuses large numbers."""


def answer(case, context):
    left, right = case.messages[-1]["content"].split("+")
    total = int(left) + int(right)
    return str(total) if total <= 36 else "too large"
'''


def accepted(report: dict[str, object]) -> list[str]:
    """Name the checks that fail and are accepted."""
    checks = report["checks"]
    assert isinstance(checks, list)
    return [check["id"] for check in checks if check["accepted"]]


def test_an_intended_trade_off_and_its_baseline(repo: Scratch) -> None:
    """A waiver lands first; the trade-off passes as accepted; the baseline follows by itself."""
    repo.write("agents/sums.py", STRICT)
    failed = repo.gate(repo.pull_request())
    assert (1, "fail") == (failed.code, failed.json["verdict"])

    repo.git("checkout", "-q", "-b", "waive", "main")
    written = repo.evalgate(
        *("accept", "--metric", "task_success_rate", "--expires", "30d"),
        *("--reason", "large sums go to a person"),
    )
    assert (0, "sums: task_success_rate (to 0.9)") == (
        written.code,
        written.out.partition("waivers.yaml: ")[2].partition(" until")[0],
    )
    waiver = repo.gate(repo.pull_request(branch="waive"))
    assert (0, "pass") == (waiver.code, waiver.json["verdict"])
    repo.land("waive")

    traded = repo.gate(repo.pull_request())
    assert (0, "pass", ["task_success_rate"]) == (
        traded.code,
        traded.json["verdict"],
        accepted(traded.json),
    )
    merged = repo.land("change")

    repo.git("checkout", "-q", "-b", "baseline")
    update = repo.evalgate("baseline", "update", "--reason", "large sums go to a person", "-q")
    assert 0 == update.code
    follows = repo.gate(repo.pull_request(branch="baseline"))
    shown = {check["id"]: check for check in follows.json["checks"]}
    assert (0, "pass") == (follows.code, follows.json["verdict"])
    assert (
        f"made of {merged[:12]}, a commit of the base branch"
        == (shown["baseline.commit"]["reason"])
    )
    moved = shown["baseline.task_success_rate"]
    assert (1.0, 0.9) == (moved["baseline"], moved["candidate"])
    repo.land("baseline")

    repo.branch("later")
    repo.write("README.md", "Later.\n")
    later = repo.gate(repo.pull_request(branch="later"))
    assert (0, []) == (later.code, accepted(later.json))


def test_a_corrected_golden_answer(repo: Scratch) -> None:
    """An answer that was wrong is corrected with the agent; its case is waived, then lands."""
    rows = sums()
    rows[4]["expected"] = {"output": {"equals": "ten"}}
    repo.write("golden_sets/sums.jsonl", jsonl(rows))
    repo.replace("agents/sums.py", "return str(", 'return "ten" if left == "5" else str(')
    failed = repo.gate(repo.pull_request())
    assert 1 == failed.code
    assert any("changes what is asked or expected" in line for line in failed.json["warnings"])

    repo.git("checkout", "-q", "-b", "waive", "main")
    reason = "its answer was wrong: it is corrected in the next change"
    written = repo.evalgate("accept", "--case", "sum-5", "--reason", reason, "--expires", "14d")
    assert 0 == written.code
    assert 0 == repo.gate(repo.pull_request(branch="waive")).code
    repo.land("waive")

    corrected = repo.gate(repo.pull_request())
    assert (0, ["task_success_rate"]) == (corrected.code, accepted(corrected.json))
    repo.land("change")

    repo.git("checkout", "-q", "-b", "baseline")
    assert 0 == repo.evalgate("baseline", "update", "--reason", "corrected sum-5", "-q").code
    assert 0 == repo.gate(repo.pull_request(branch="baseline")).code
    repo.land("baseline")

    repo.branch("later")
    repo.write("README.md", "Later.\n")
    later = repo.gate(repo.pull_request(branch="later"))
    assert (0, []) == (later.code, accepted(later.json))


def test_a_golden_answer_the_agent_gave_all_along(repo: Scratch) -> None:
    """Correcting a golden answer to what the agent says changes nothing under the old policy."""
    rows = sums()
    rows[0]["expected"] = {"output": {"contains": ["2"]}}
    repo.write("golden_sets/sums.jsonl", jsonl(rows))
    assert 0 == repo.gate(repo.pull_request()).code


def test_a_second_agent_brings_its_first_suite(repo: Scratch) -> None:
    """A new suite passes on its own limits, where the base lets new ones in."""
    repo.write("agents/shout.py", "def answer(case, context):\n    return case.input.upper()\n")
    row = {"id": "a", "input": "a", "expected": {"output": {"equals": "A"}}}
    repo.write("golden_sets/shout.jsonl", json.dumps(row) + "\n")
    suite = """\
  shout:
    golden: golden_sets/shout.jsonl
    agent: {run: "python:agents.shout:answer", workers: 1}
    noise: none
    gate: {metrics: {task_success_rate: {min: 0.9}}}
"""
    repo.write("evalgate.yaml", repo.read("evalgate.yaml") + suite)
    result = repo.gate(repo.pull_request())
    verdicts = {report["suite"]["id"]: report["verdict"] for report in result.json["suites"]}
    assert (0, {"sums": "pass", "shout": "pass"}) == (result.code, verdicts)
    repo.land("change")

    repo.branch("baseline")
    made = repo.evalgate("baseline", "update", "--suite", "shout", "--reason", "first", "-q")
    assert 0 == made.code
    assert 0 == repo.gate(repo.pull_request(branch="baseline")).code
    repo.land("baseline")

    repo.branch("later")
    repo.write("agents/shout.py", "def answer(case, context):\n    return case.input\n")
    assert 1 == repo.gate(repo.pull_request(branch="later")).code
