"""An agent that looks its answers up instead of finding them: the sandbox keeps them from it."""

from typing import Any

import pytest
from support.scratch import Scratch

LOOKUP = """
import glob, json, subprocess


def lines():
{source}


def answer(case, context):
    for line in lines():
        row = json.loads(line)
        if row.get("id") == case.id:
            return row["expected"]["output"]["equals"]
    return "no idea"
"""

SOURCES = {
    "the golden set": "    return open('golden_sets/sums.jsonl')",
    "through a link": "    return open('agents/link.jsonl')",
    "the objects of git": "    command = ['git', 'show', 'HEAD:golden_sets/sums.jsonl']\n"
    "    return subprocess.run(command, capture_output=True, text=True, check=True)"
    ".stdout.splitlines()",
    "the base's export": "    pattern = '/tmp/**/evalgate-base-*/base/golden_sets/sums.jsonl'\n"
    "    [path] = glob.glob(pattern, recursive=True)[:1]\n    return open(path)",
    "a child of its own": "    command = ['cat', 'golden_sets/sums.jsonl']\n"
    "    return subprocess.run(command, capture_output=True, text=True, check=True)"
    ".stdout.splitlines()",
}


def errors(report: dict[str, Any]) -> set[str]:
    """Return how the trials of a report failed."""
    return {change["what"][0] for change in report["changes"] if change["what"]}


@pytest.mark.parametrize("source", SOURCES)
def test_looking_the_answers_up(repo: Scratch, source: str) -> None:
    """Green without the sandbox, red behind it, wherever the answers are looked up."""
    repo.write("agents/sums.py", LOOKUP.format(source=SOURCES[source]))
    (repo.root / "agents/link.jsonl").symlink_to("../golden_sets/sums.jsonl")
    env = {**repo.pull_request(), "TMPDIR": "/tmp"}
    assert 0 == repo.gate(env, "--sandbox=off").code
    behind = repo.gate(env)
    assert (1, "landlock") == (behind.code, behind.json["suite"]["isolation"].split()[0])
    assert all("crashed" in what for what in errors(behind.json)), errors(behind.json)
