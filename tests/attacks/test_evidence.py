"""Recordings that a change brings along are listed, and believed only as the base says."""

import os
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from support.scratch import Scratch, copy_of, jsonl

pytestmark = pytest.mark.slow

AGENT = '''
"""An agent that asks a model."""

import json
import os
from urllib.request import Request, urlopen


def answer(case, context):
    body = {"model": "gpt-4o-mini", "messages": case.messages}
    request = Request(
        os.environ["OPENAI_BASE_URL"] + "/chat/completions",
        json.dumps(body).encode(),
        {"content-type": "application/json", "authorization": "Bearer x"},
    )
    with urlopen(request) as response:
        return json.load(response)["choices"][0]["message"]["content"]
'''

CONFIG = """\
trust: {{trust_pr_evidence: {believed}}}
suites:
  talk:
    golden: golden_sets/talk.jsonl
    agent: {{run: "python:agents.talk:answer", workers: 1}}
    gateway: {{upstream: {{openai: "{url}"}}}}
"""

JUDGE = """\
    verdicts: verdicts/talk
    judges:
      taste:
        kind: rubric
        model: scripted
        base_url: "{url}"
        api_key_env: null
        rubric: Is it polite?
        metrics: [politeness]
        calibration: {{waived: a test}}
    gate: {{metrics: {{politeness: standard}}}}
"""

HIDING = """

def answer(case, context):
    try:
        return ask(case, context)
    except OSError:
        return "no idea"
"""

CASES = 6


def honest(body: dict[str, Any], _number: int) -> str:
    """Answer four of six questions right."""
    number = int(body["messages"][-1]["content"].split()[-1])
    return f"answer {number}" if number <= 4 else "no idea"


def rigged(body: dict[str, Any], _number: int) -> str:
    """Answer all of them right."""
    asked: str = body["messages"][-1]["content"]
    return f"answer {asked.rsplit(maxsplit=1)[-1]}"


@pytest.fixture(scope="module")
def recorded(
    tmp_path_factory: pytest.TempPathFactory, lasting_judge: Callable[..., Any], template: Scratch
) -> Callable[[bool], Scratch]:
    """Return a function that makes a repository with recorded calls, once for each policy."""
    model = lasting_judge(honest)

    @cache
    def make(believed: bool) -> Scratch:  # noqa: FBT001  # the key of the cache
        root = tmp_path_factory.mktemp("talk") / "repo"
        root.mkdir()
        scratch = replace(template, root=root, events=[])
        scratch.git("init", "-q", "-b", "main")
        scratch.write("agents/talk.py", AGENT)
        scratch.write(
            "evalgate.yaml", CONFIG.format(believed=str(believed).lower(), url=model.base_url)
        )
        rows = [
            {"id": f"q{n}", "input": f"ask {n}", "expected": {"output": {"equals": f"answer {n}"}}}
            for n in range(1, CASES + 1)
        ]
        scratch.write("golden_sets/talk.jsonl", jsonl(rows))
        scratch.write(".gitignore", ".evalgate/\n__pycache__/\n.recording/\n")
        record(scratch)
        scratch.commit("recorded")
        made = scratch.evalgate("baseline", "update", "--reason", "first", "-q")
        assert 0 == made.code, made.err
        scratch.commit("baseline")
        return scratch

    return make


@pytest.fixture
def talk(tmp_path: Path, recorded: Callable[[bool], Scratch]) -> Callable[..., Scratch]:
    """Return a function that copies such a repository, on a branch `change`."""

    def make(*, believed: bool = True) -> Scratch:
        scratch = copy_of(recorded(believed), tmp_path / "repo")
        scratch.branch()
        return scratch

    return make


def record(scratch: Scratch) -> None:
    """Record every call with the model that the working tree's configuration names."""
    done = scratch.evalgate("run", "--record", "-q", env={"OPENAI_API_KEY": "x"})
    assert done.code in (0, 1, 3), done.err


def forge(scratch: Scratch, url: str) -> None:
    """Record with a rigged model, as an author could on a laptop; keep the configuration."""
    before = scratch.read("evalgate.yaml")
    scratch.write("evalgate.yaml", re.sub(r'openai: "[^"]+"', f'openai: "{url}"', before))
    record(scratch)
    scratch.write("evalgate.yaml", before)


def supplied(report: dict[str, Any]) -> list[str]:
    """List the recordings that a report says the change supplies."""
    start = "supplied by this pull request: "
    return [line.removeprefix(start) for line in report["warnings"] if line.startswith(start)]


def test_forged_cassettes_of_a_fork(
    talk: Callable[..., Scratch], scripted_judge: Callable[..., Any]
) -> None:
    """A fork's recordings are listed and make the verdict inconclusive at best."""
    repo = talk()
    forge(repo, scripted_judge(rigged).base_url)
    result = repo.gate(repo.pull_request(fork=True))
    assert (3, CASES) == (result.code, len(supplied(result.json)))


def test_forged_cassettes_where_none_are_believed(
    talk: Callable[..., Scratch], scripted_judge: Callable[..., Any]
) -> None:
    """With `trust_pr_evidence: false` on the base, a branch's recordings count no more."""
    repo = talk(believed=False)
    forge(repo, scripted_judge(rigged).base_url)
    assert 3 == repo.gate(repo.pull_request()).code


def test_believing_itself(talk: Callable[..., Scratch], scripted_judge: Callable[..., Any]) -> None:
    """A change cannot say that its own recordings are believed."""
    repo = talk(believed=False)
    forge(repo, scripted_judge(rigged).base_url)
    repo.replace("evalgate.yaml", "trust_pr_evidence: false", "trust_pr_evidence: true")
    assert 3 == repo.gate(repo.pull_request()).code


def test_a_colleagues_recordings_count(
    talk: Callable[..., Scratch], scripted_judge: Callable[..., Any]
) -> None:
    """Those of a branch of the same repository count by default, and are listed."""
    repo = talk()
    forge(repo, scripted_judge(rigged).base_url)
    result = repo.gate(repo.pull_request())
    assert (0, CASES) == (result.code, len(supplied(result.json)))


def test_an_unchanged_fork_passes(talk: Callable[..., Scratch]) -> None:
    """A fork that changes code and no recording is judged as anybody."""
    repo = talk()
    repo.write("README.md", "A word.\n")
    result = repo.gate(repo.pull_request(fork=True))
    assert (0, []) == (result.code, supplied(result.json))


def test_an_edited_cassette(talk: Callable[..., Scratch]) -> None:
    """A line that no longer fits its digest is refused."""
    repo = talk()
    path = "cassettes/talk/q6.jsonl"
    repo.replace(path, "no idea", "answer 6")
    result = repo.gate(repo.pull_request())
    assert result.code in (2, 3)
    assert "was edited" in result.out + result.err


def test_a_removed_cassette(talk: Callable[..., Scratch]) -> None:
    """A case without its recording is not measured, whatever the agent makes of the error."""
    repo = talk()
    repo.git("checkout", "-q", "main")
    gate = "    gate: {metrics: {cost_per_interaction: advisory}}\n"
    repo.write("evalgate.yaml", repo.read("evalgate.yaml") + gate)
    repo.commit("no call costs nothing")
    repo.git("checkout", "-q", "-B", "change")
    (repo.root / "cassettes/talk/q6.jsonl").unlink()
    repo.replace("agents/talk.py", "def answer(", "def ask(")
    repo.write("agents/talk.py", repo.read("agents/talk.py") + HIDING)
    assert 3 == repo.gate(repo.pull_request()).code


def test_a_committed_journal(
    talk: Callable[..., Scratch], scripted_judge: Callable[..., Any]
) -> None:
    """A journal that would be merged into a cassette before the run is a recording as well."""
    repo = talk(believed=False)
    path, journal = "cassettes/talk/q6.jsonl", "cassettes/talk/.recording/q6.0.x.jsonl"
    forge(repo, scripted_judge(rigged).base_url)
    forged = repo.read(path)
    repo.git("checkout", "-q", "--", "cassettes")
    (repo.root / path).unlink()
    repo.write(journal, forged)
    repo.git("add", "-f", journal)
    result = repo.gate(repo.pull_request())
    assert (3, True) == (result.code, "a recording journal" in "".join(supplied(result.json)))


@pytest.mark.parametrize("what", ["folder", "file", "parent"])
def test_a_symlinked_cassette_folder(talk: Callable[..., Scratch], what: str) -> None:
    """Recordings that lie behind a link could come from anywhere: 2."""
    repo = talk()
    place = {"folder": "cassettes/talk", "file": "cassettes/talk/q6.jsonl", "parent": "cassettes"}
    path = repo.root / place[what]
    target = repo.root.parent / "elsewhere"
    path.rename(target)
    path.symlink_to(target)
    result = repo.gate(repo.pull_request())
    assert (2, True) == (result.code, "symbolic link" in result.err)


def test_cassettes_written_by_the_agent(
    talk: Callable[..., Scratch], scripted_judge: Callable[..., Any], tmp_path: Path
) -> None:
    """What an agent writes among the recordings while it runs is seen after the run."""
    repo = talk(believed=False)
    forge(repo, scripted_judge(rigged).base_url)
    hidden = tmp_path / "hidden"
    (repo.root / "cassettes").rename(hidden)
    repo.git("checkout", "-q", "HEAD", "--", "cassettes")
    code = f"import shutil\nshutil.copytree({str(hidden)!r}, 'cassettes', dirs_exist_ok=True)\n"
    repo.write("agents/talk.py", code + repo.read("agents/talk.py"))
    change = repo.pull_request()
    result = repo.gate(change, "--sandbox=off")
    assert result.code in (1, 3)
    assert CASES == len(supplied(result.json))
    assert 2 == repo.gate(change).code  # behind the sandbox it finds nothing to copy


@pytest.mark.parametrize("which", ["q1", "q6"])
def test_a_cassette_rewritten_while_others_are_recorded(
    talk: Callable[..., Scratch], scripted_judge: Callable[..., Any], which: str
) -> None:
    """An agent may not edit a recording, old or just made, in the run that records what misses."""
    repo = talk()
    repo.git("checkout", "-q", "main")
    repo.replace(
        "evalgate.yaml", re.findall(r'openai: "(.*)"', repo.read("evalgate.yaml"))[0], "URL"
    )
    repo.replace("evalgate.yaml", "URL", scripted_judge(honest).base_url)
    repo.commit("the model")
    repo.git("checkout", "-q", "-B", "change")
    repo.git("rm", "-q", "cassettes/talk/q2.jsonl")
    code = (
        "import glob, os\nif os.path.exists('cassettes/talk/q2.jsonl'):\n"
        f"    open('cassettes/talk/{which}.jsonl', 'a').write(' ')\n"
    )
    agent = repo.read("agents/talk.py").replace("    with urlopen", "    FORGE\n    with urlopen")
    repo.write(
        "agents/talk.py",
        agent.replace("FORGE", "forge()")
        + "\n\ndef forge():\n"
        + "".join(f"    {line}\n" for line in code.splitlines()),
    )
    change = repo.pull_request() | {"OPENAI_API_KEY": "x"}
    result = repo.gate(change, "--record-missing", "--sandbox=off")
    assert (2, True) == (result.code, f"{which}.jsonl: is not what it was" in result.err), (
        result.err
    )


def judge_harshly(repo: Scratch, scripted_judge: Callable[..., Any]) -> str:
    """Let main gate by a judge whose recorded verdicts are all no; return the judge's URL."""
    repo.git("checkout", "-q", "main")
    harsh = scripted_judge(lambda _body, _number: {"reason": "rude", "verdict": "no"})
    repo.write("evalgate.yaml", repo.read("evalgate.yaml") + JUDGE.format(url=harsh.base_url))
    judged = repo.evalgate("run", "-q", "--judge", "auto", "-f", "json")
    assert "politeness" in judged.json["metrics"], judged.out
    repo.commit("judged")
    made = repo.evalgate("baseline", "update", "--reason", "judged", "-q")
    assert 0 == made.code, made.err
    repo.commit("baseline")
    repo.git("checkout", "-q", "-B", "change")
    url: str = harsh.base_url
    return url


def test_a_forged_verdict_of_a_judge(
    talk: Callable[..., Scratch], scripted_judge: Callable[..., Any]
) -> None:
    """Recorded verdicts are evidence like any other, wherever they lie."""
    repo = talk(believed=False)
    url = judge_harshly(repo, scripted_judge)
    mild = scripted_judge(lambda _body, _number: {"reason": "kind", "verdict": "yes"})
    for path in (repo.root / "verdicts/talk").glob("*.jsonl"):
        path.unlink()
    before = repo.read("evalgate.yaml")
    repo.write("evalgate.yaml", before.replace(url, mild.base_url))
    assert "politeness" in repo.evalgate("run", "-q", "--judge", "auto", "-f", "json").out
    repo.write("evalgate.yaml", before)
    result = repo.gate(repo.pull_request())
    assert (3, True) == (result.code, len(supplied(result.json)) > 0)


def test_an_edited_verdict_of_a_judge(
    talk: Callable[..., Scratch], scripted_judge: Callable[..., Any]
) -> None:
    """A verdict set to yes by hand no longer fits its digest."""
    repo = talk()
    judge_harshly(repo, scripted_judge)
    (first, *_) = sorted((repo.root / "verdicts/talk").glob("*.jsonl"))
    name = os.path.relpath(first, repo.root)
    repo.replace(name, '"verdict":"no"', '"verdict":"yes"')
    result = repo.gate(repo.pull_request())
    assert result.code in (2, 3)
    assert "was edited" in result.out + result.err
