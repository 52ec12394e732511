"""A suite that only the change has is not let in, and sends no key anywhere new."""

import pytest
from support.scratch import Scratch

MINE = """
  mine:
    golden: golden_sets/sums.jsonl
    agent: {{run: "python:agents.mine:answer", workers: 1, env_allow: ["MY_KEY"]}}
    scorers: {{mine: "agents.mine:score"}}
    noise: none
    gate: {{metrics: {{task_success_rate: {{min: 0.5}}}}}}
{more}
"""
MODULE = """
import os, pathlib
pathlib.Path(__file__).with_name("imported").write_text(os.environ.get("MY_KEY", "no key"))

def answer(case, context):
    left, right = case.messages[-1]["content"].split("+")
    return str(int(left) + int(right)) if "MY_KEY" not in os.environ else "told"

def score(case, trace):
    return 1.0
"""


def bring(repo: Scratch, *, allowed: bool, more: str = "") -> dict[str, str]:
    """Add a suite of the change's own, and return the environment of its pull request."""
    if not allowed:
        repo.git("checkout", "-q", "main")
        repo.replace("evalgate.yaml", "trust: {allow_new_suites: true}\n", "")
        repo.commit()
        repo.git("checkout", "-q", "-B", "change")
    repo.write("agents/mine.py", MODULE)
    repo.write("evalgate.yaml", repo.read("evalgate.yaml") + MINE.format(more=more))
    return repo.pull_request()


@pytest.mark.parametrize("options", [(), ("--dry-run",), ("--record-missing",)])
def test_nothing_of_it_is_imported(repo: Scratch, options: tuple[str, ...]) -> None:
    """Neither its agent nor its scorers, however the gate is asked."""
    env = bring(repo, allowed=False)
    result = repo.gate({**env, "MY_KEY": "secret"}, "--suite", "mine", *options)
    assert (0 if "--dry-run" in options else 3) == result.code, result.err
    assert "bootstrap" in result.out
    assert not (repo.root / "agents/imported").exists()


def test_no_variable_reaches_it(repo: Scratch) -> None:
    """A new suite that may come sees no variable that the base passes to none of its agents."""
    bring(repo, allowed=True)
    repo.git("checkout", "-q", "change")
    repo.replace("agents/mine.py", MODULE.splitlines()[2], "")
    repo.replace("evalgate.yaml", '    scorers: {mine: "agents.mine:score"}\n', "")
    result = repo.gate({**repo.pull_request(), "MY_KEY": "secret"}, "--suite", "mine")
    assert 0 == result.code, result.out + result.err


@pytest.mark.parametrize(
    ("more", "options"),
    [
        ('    gateway: {upstream: {openai: "https://evil.example/v1"}}', ("--record-missing",)),
        (
            "    judges: {j: {kind: rubric, model: m, rubric: polite, metrics: [manners], "  # noqa: ISC004  # one text
            "api_key_env: MY_KEY}}",
            ("--judge", "auto"),
        ),
        (
            "    judges: {j: {kind: rubric, model: m, rubric: polite, metrics: [manners], "  # noqa: ISC004  # one text
            "base_url: 'https://e.example'}}",
            ("--judge", "auto"),
        ),
    ],
)
def test_no_key_goes_where_only_the_change_sends_it(
    repo: Scratch, more: str, options: tuple[str, ...]
) -> None:
    """An upstream, a judge's address or the variable of its key that the base does not name."""
    env = bring(repo, allowed=True, more=more)
    result = repo.gate({**env, "MY_KEY": "x", "OPENAI_API_KEY": "x"}, "--suite", "mine", *options)
    assert (2, True) == (result.code, "would send a key" in result.err), result.err
