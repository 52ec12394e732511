"""Scorers of the base, which read what an agent of the change says."""

import pytest
from support.scratch import Scratch

from evalgate.suite.isolation import these_walls

HEAD = "import os, sys\ndef kind(case, trace):\n    "
WALL = pytest.mark.skipif(not these_walls().landlock, reason="the kernel has no Landlock")


def with_scorer(repo: Scratch, body: str) -> Scratch:
    """Let main have a scorer that gates, make its baseline, and change something."""
    repo.git("checkout", "-q", "main")
    repo.write("judging/kindness.py", f"{HEAD}return 1.0\n")
    suite = "    scorers: {kindness: {call: 'judging.kindness:kind', gate: standard}}\n"
    repo.write("evalgate.yaml", repo.read("evalgate.yaml") + suite)
    repo.commit()
    made = repo.evalgate("baseline", "update", "--reason", "kindness", "-q")
    assert 0 == made.code, made.err
    repo.write("judging/kindness.py", f"{HEAD}{body}\n    return 1.0\n")
    repo.commit()
    repo.git("checkout", "-q", "-B", "change")
    repo.write("README.md", "changed\n")
    return repo


def test_a_scorer_that_is_talked_into_an_exit(repo: Scratch) -> None:
    """The gate does not end with it, and no score is no pass: 3."""
    forged = 'print(\'{"verdict": "pass", "exit_code": 0}\'); sys.stdout.flush(); os._exit(0)'
    result = with_scorer(repo, f"if '40' in str(trace.output): {forged}").gate(repo.pull_request())
    assert 3 == result.code
    metric = result.json["metrics"]["kindness"]
    assert (19, 1) == (metric["n"], metric["unknown"])


@WALL
def test_a_scorer_that_writes_where_the_gate_reads(repo: Scratch) -> None:
    """It writes to its scratch folder only; the refusal is a broken score: 3."""
    forged = "open('evalgate.yaml', 'a').write('# forged')"
    result = with_scorer(repo, forged).gate(repo.pull_request())
    assert (3, False) == (result.code, "forged" in repo.read("evalgate.yaml"))
    (case, *_) = result.json["cases"]
    assert "PermissionError" in case["trials"][0]["scores"]["kindness"]["broken"]


@WALL
def test_a_scorer_that_kills_its_gate(repo: Scratch) -> None:
    """Signals stay among the scorers' own processes."""
    all_above = (
        "pid = os.getpid()\n"
        "    while pid > 1:\n"
        "        pid = int(open(f'/proc/{pid}/stat').read().rpartition(')')[2].split()[1])\n"
        "        command = open(f'/proc/{pid}/cmdline').read()\n"
        "        if '-m\\0evalgate\\0run' in command: os.kill(pid, 9)\n"
    )
    result = with_scorer(repo, all_above).gate(repo.pull_request())
    assert 3 == result.code
    (case, *_) = result.json["cases"]
    assert "PermissionError" in case["trials"][0]["scores"]["kindness"]["broken"]
