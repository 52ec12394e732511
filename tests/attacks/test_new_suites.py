"""A suite that only the change has is not let in, and sends no key anywhere new."""

from collections.abc import Iterator

import pytest
from support.receivers import Inbox, receivers
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
JUDGED = (
    "judges: {{j: {{kind: rubric, model: m, rubric: polite, metrics: [manners], "
    "base_url: '{url}', api_key_env: {key}}}}}"
)
OTHER = """
  other:
    golden: golden_sets/sums.jsonl
    agent: "python:agents.sums:answer"
    {judged}
"""
MODULE = """
import contextlib, json, os, pathlib, urllib.request
with contextlib.suppress(OSError):
    pathlib.Path(__file__).with_name("imported").write_text("")

def answer(case, context):
    if url := os.environ.get("OPENAI_BASE_URL"):
        body = json.dumps({"model": "m", "messages": list(case.messages)}).encode()
        with contextlib.suppress(OSError):
            urllib.request.urlopen(url + "/chat/completions", body)
    left, right = case.messages[-1]["content"].split("+")
    return str(int(left) + int(right))

def score(case, trace):
    return 1.0
"""
KEYED = """
import os

def answer(case, context):
    left, right = case.messages[-1]["content"].split("+")
    return str(int(left) + int(right)) if "MY_KEY" in os.environ else "no key"
"""


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    """Serve where the author of the change would like to have the keys."""
    with receivers() as found:
        yield found


def on_main(repo: Scratch, old: str, new: str) -> None:
    """Change the configuration of the base."""
    repo.git("checkout", "-q", "main")
    repo.replace("evalgate.yaml", old, new)
    repo.commit()
    repo.git("checkout", "-q", "-B", "change")


def bring(repo: Scratch, more: str = "") -> dict[str, str]:
    """Add a suite of the change's own, and return the environment of its pull request."""
    repo.write("agents/mine.py", MODULE)
    repo.write("evalgate.yaml", repo.read("evalgate.yaml") + MINE.format(more=more))
    return repo.pull_request()


@pytest.mark.parametrize("option", ["", "--live", "--dry-run"])
def test_nothing_of_it_is_imported(repo: Scratch, option: str) -> None:
    """Neither its agent nor its scorers, however the gate is asked."""
    on_main(repo, "trust: {allow_new_suites: true}\n", "")
    result = repo.gate(bring(repo), "--suite", "mine", *([option] if option else []))
    assert (0 if option == "--dry-run" else 3) == result.code, result.err
    assert "bootstrap" in result.out
    assert not (repo.root / "agents/imported").exists()


def test_no_variable_reaches_it(repo: Scratch) -> None:
    """A new suite that may come sees no variable that the base passes to none of its agents."""
    bring(repo)
    repo.git("checkout", "-q", "change")
    repo.write("agents/mine.py", KEYED)
    repo.replace("evalgate.yaml", '    scorers: {mine: "agents.mine:score"}\n', "")
    env = {**repo.pull_request(), "MY_KEY": "secret"}
    assert 1 == repo.gate(env, "--suite", "mine").code


def sent(inbox: Inbox) -> set[str]:
    """Return the keys that arrived."""
    return {headers.get("authorization", "") for _, _, headers in inbox.got}


def test_no_key_goes_to_an_upstream_of_the_change(repo: Scratch, inbox: Inbox) -> None:
    """A gateway asks nobody whom no suite of the base asks."""
    env = bring(repo, f"    gateway: {{upstream: {{openai: '{inbox.url}/v1'}}}}")
    env |= {"OPENAI_API_KEY": "secret"}
    result = repo.gate(env, "--suite", "mine", "--record-missing")
    assert (2, set()) == (result.code, sent(inbox)), result.err
    assert "would send a key" in result.err


@pytest.mark.parametrize("base", ["nobody", "MY_KEY"])
def test_no_key_goes_to_a_judge_of_the_change(repo: Scratch, inbox: Inbox, base: str) -> None:
    """A judge whom the base asks is given no other key, and another is given none."""
    if base != "nobody":
        judged = JUDGED.format(url=inbox.url, key=base)
        on_main(repo, "suites:\n", "suites:" + OTHER.format(judged=judged))
    env = bring(repo, "    " + JUDGED.format(url=inbox.url, key="OPENAI_API_KEY"))
    env |= {"OPENAI_API_KEY": "secret", "MY_KEY": "x"}
    result = repo.gate(env, "--suite", "mine", "--judge", "auto")
    assert (2, set()) == (result.code, sent(inbox)), result.err
    assert "would send a key" in result.err
