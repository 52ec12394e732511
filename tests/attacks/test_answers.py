"""An agent that looks its answers up instead of finding them: the sandbox keeps them from it."""

from pathlib import Path
from typing import Any

import pytest
from support.scratch import Scratch

pytestmark = pytest.mark.slow

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
    "the base's export": "    pattern = 'SCRATCH/**/evalgate-base-*/base/golden_sets/sums.jsonl'\n"
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
    temporary = repo.root.parent / "tmp"
    temporary.mkdir()
    looked = SOURCES[source].replace("SCRATCH", str(temporary))
    repo.write("agents/sums.py", LOOKUP.format(source=looked))
    (repo.root / "agents/link.jsonl").symlink_to("../golden_sets/sums.jsonl")
    env = {**repo.pull_request(), "TMPDIR": str(temporary)}
    assert 0 == repo.gate(env, "--sandbox=off").code
    behind = repo.gate(env)
    assert (1, "landlock") == (behind.code, behind.json["suite"]["isolation"].split()[0])
    assert all("crashed" in what for what in errors(behind.json)), errors(behind.json)


def test_opening_the_sandbox_for_itself(repo: Scratch, tmp_path: Path) -> None:
    """`agent.sandbox` of a change opens nothing: the base's counts, and the edit is shown."""
    stolen = tmp_path / "stolen.jsonl"
    stolen.write_text(repo.read("golden_sets/sums.jsonl"), encoding="utf-8")
    repo.write("agents/sums.py", LOOKUP.format(source=f"    return open({str(stolen)!r})"))
    old, new = "workers: 1}", f"workers: 1, sandbox: {{read: [{stolen}]}}}}"
    repo.replace("evalgate.yaml", old, new)
    change = repo.pull_request()
    result = repo.gate(change)
    assert 1 == result.code
    assert any("sandbox" in line for line in result.json["warnings"]), result.json["warnings"]
    repo.git("checkout", "-q", "main")
    repo.replace("evalgate.yaml", old, new)
    repo.commit("policy")
    repo.git("checkout", "-q", "-B", "change")
    repo.write("agents/other.py", "")
    repo.write("agents/sums.py", LOOKUP.format(source=f"    return open({str(stolen)!r})"))
    assert 0 == repo.gate(repo.pull_request()).code


def test_learning_what_it_needs(repo: Scratch, tmp_path: Path) -> None:
    """`--sandbox=learn` ends with the line under which the same run goes through."""
    data = tmp_path / "data.jsonl"
    data.write_text(repo.read("golden_sets/sums.jsonl"), encoding="utf-8")
    source = f"    open('note', 'w').write('x')\n    return open({str(data)!r})"
    repo.write("agents/sums.py", LOOKUP.format(source=source))
    learned = repo.evalgate("run", "-q", "--sandbox=learn", "--format", "json")
    [line] = [line for line in learned.json["warnings"] if line.startswith("agent.sandbox: ")]
    assert f"agent.sandbox: {{read: ['{data}'], write: ['note']}}" == line
    errors_before = repo.evalgate("run", "-q", "--sandbox", "--format", "json").json
    opened = line.removeprefix("agent.")
    repo.replace("evalgate.yaml", "workers: 1}", f"workers: 1, {opened}}}")
    after = repo.evalgate("run", "-q", "--sandbox", "--format", "json").json
    values = [r["metrics"]["task_success_rate"]["value"] for r in (errors_before, after)]
    assert [0.0, 1.0] == values
