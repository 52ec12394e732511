"""What the base says is read from the base, whatever the change does to git and its folders."""

import json
import os
import shutil
from pathlib import Path

import pytest
from support.scratch import AGENT, Scratch, jsonl, sums

from evalgate.errors import BaseUnknown, DataError
from evalgate.store.revision import open_revisions
from evalgate.suite.base_revision import find_base
from evalgate.trust.baseline_pull_request import _same_bytes
from evalgate.trust.evidence import refuse_linked

WORSE = AGENT.replace("return str(", 'return "no idea" if int(left) > 15 else str(')

OPEN = {"output": {"regex": ["."]}}
TALKS = """\
suites:
  talks:
    golden: golden_sets/talks.jsonl
    agent: {run: "python:agents.sums:answer", workers: 1}
    noise: none
    scorers: {polite: "scorers.polite:polite"}
    gate: {metrics: {polite: {min: 1.0}}}
"""

SCORER = """
from pathlib import Path

def polite(case, trace):
    words = Path(__file__).with_name("forbidden.txt")
    told = words.read_bytes().split(b"\\n") if words.exists() else []
    return float(not any(word and word in trace.output.encode() for word in told))
"""


@pytest.fixture
def forbidding(repo: Scratch) -> Scratch:
    """Return a repository whose scorer knows a forbidden word, which the change's agent says."""
    repo.git("checkout", "-q", "main")
    repo.write("scorers/__init__.py", "")
    repo.write("scorers/polite.py", SCORER)
    repo.write("scorers/forbidden.txt", "no idea\n")
    rows = [{key: row[key] for key in ("id", "input")} for row in sums()]
    repo.write("golden_sets/talks.jsonl", jsonl([row | {"expected": OPEN} for row in rows]))
    repo.write("evalgate.yaml", TALKS)
    repo.commit()
    made = repo.evalgate("baseline", "update", "--reason", "polite", "-q")
    assert 0 == made.code, made.err
    repo.commit()
    repo.git("checkout", "-q", "-B", "change")
    repo.write("agents/sums.py", WORSE)
    return repo


def test_a_baseline_replaced_by_a_link(repo: Scratch) -> None:
    """A link to a copy of the baseline is a change of it: the copy has no owner who guards it."""
    repo.git("checkout", "-q", "main")
    repo.write("examples/sums.json", repo.read("baselines/sums.json"))
    repo.commit()
    repo.git("checkout", "-q", "-B", "change")
    (repo.root / "baselines/sums.json").unlink()
    (repo.root / "baselines/sums.json").symlink_to("../examples/sums.json")
    assert 1 == repo.gate(repo.pull_request()).code


@pytest.mark.parametrize("what", ["link", "linked folder"])
def test_a_baseline_that_is_no_file(tmp_path: Path, what: str) -> None:
    """A link in the place of a baseline, or of its folder, is not the same as the base's file."""
    base, proposed = tmp_path / "base.json", tmp_path / "new" / "base.json"
    base.write_text("{}")
    if what == "link":
        proposed.parent.mkdir()
        proposed.symlink_to(base)
    else:
        proposed.parent.symlink_to(tmp_path)
    assert not _same_bytes(proposed, base)


def test_a_folder_is_no_baseline(tmp_path: Path) -> None:
    """Nor is a folder the same, which git has no file for: it is not read."""
    base = tmp_path / "base.json"
    base.write_text("{}")
    assert not _same_bytes(tmp_path, base)


def test_two_baselines_that_are_missing_are_the_same(tmp_path: Path) -> None:
    """Neither side has one, and nothing changed."""
    assert _same_bytes(tmp_path / "a.json", tmp_path / "b.json")


def test_a_laxer_configuration_behind_a_link(repo: Scratch) -> None:
    """An example of the base does not judge because a link of the change leads to it."""
    repo.git("checkout", "-q", "main")
    parts = ("agents", "baselines", "evalgate.yaml", "golden_sets")
    for name in parts:
        repo.write("conf/.keep", "")
        repo.git("mv", name, f"conf/{name}")
    shutil.copytree(repo.root / "conf", repo.root / "examples")
    lax = "    gate: {threshold: 90%}\n"
    repo.write("examples/evalgate.yaml", repo.read("examples/evalgate.yaml") + lax)
    repo.commit()
    repo.git("checkout", "-q", "-B", "change")
    shutil.rmtree(repo.root / "conf")
    (repo.root / "conf").symlink_to("examples")
    repo.write("examples/agents/sums.py", WORSE)
    result = repo.gate(repo.pull_request(), "--config", "conf/evalgate.yaml")
    assert (2, True) == (result.code, "symbolic link" in result.err)


def test_a_configuration_folder_replaced_by_a_link(repo: Scratch) -> None:
    """A link would let another configuration of the base, a laxer one, judge."""
    (repo.root / "conf").symlink_to("examples")
    with pytest.raises(DataError, match="symbolic link"):
        refuse_linked(repo.root / "conf" / "evalgate.yaml")
    refuse_linked(repo.root / "evalgate.yaml")


def test_attributes_that_blind_a_scorer(forbidding: Scratch) -> None:
    """Line ends that a change asks for do not make the base's list of words match nothing."""
    forbidding.write(".gitattributes", "*.txt text eol=crlf\n")
    assert 1 == forbidding.gate(forbidding.pull_request()).code


def test_the_attributes_of_a_change(repo: Scratch, tmp_path: Path) -> None:
    """The base's files come as they are stored: no attribute of the change rewrites them."""
    base = repo.git("rev-parse", "main")
    for name in repo.git("ls-files").splitlines():  # or git may read them anew, and fail
        os.utime(repo.root / name, (1, 1))
    repo.git("update-index", "--refresh")
    told = "* text eol=crlf\n*.jsonl working-tree-encoding=UTF-16\n*.yaml ident\n"
    repo.write(".gitattributes", told)
    repo.pull_request()
    target = tmp_path / "base"
    target.mkdir()
    open_revisions(repo.root).export(base, target)
    assert jsonl(sums()).encode() == (target / "golden_sets/sums.jsonl").read_bytes()
    names = {file.relative_to(target) for file in target.rglob("*") if file.is_file()}
    assert {Path(name) for name in repo.git("ls-tree", "-r", "--name-only", base).split()} == names


def test_modes_and_links_of_the_base(repo: Scratch, tmp_path: Path) -> None:
    """Programs stay programs and links links; a submodule is left out."""
    repo.write("run.sh", "#!/bin/sh\n").chmod(0o755)
    (repo.root / "link").symlink_to("run.sh")
    commit = repo.commit()
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{commit},module")
    repo.git("commit", "-q", "-m", "a submodule")
    target = tmp_path / "base"
    target.mkdir()
    open_revisions(repo.root).export("HEAD", target)
    assert 0o755 == (target / "run.sh").stat().st_mode & 0o777
    assert "run.sh" == str((target / "link").readlink())
    assert not (target / "module").exists()


def test_a_list_of_the_base_that_is_not_here(forbidding: Scratch) -> None:
    """A file that the change empties is not left out where its old version was not fetched."""
    blob = forbidding.git("rev-parse", "main:scorers/forbidden.txt")
    forbidding.write("scorers/forbidden.txt", "")
    env = forbidding.pull_request()
    (forbidding.root / ".git/objects" / blob[:2] / blob[2:]).unlink()
    result = forbidding.gate(env)
    assert (3, True) == (result.code, "forbidden.txt' is not here" in result.err)


def test_a_commit_whose_files_are_not_here(repo: Scratch, tmp_path: Path) -> None:
    """A partial clone without the files ends in an error, not in fewer files."""
    blob = repo.git("rev-parse", "HEAD:golden_sets/sums.jsonl")
    (repo.root / ".git/objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(BaseUnknown, match=r"golden_sets/sums\.jsonl' is not here"):
        open_revisions(repo.root).export("HEAD", tmp_path)


def test_a_submodule_that_is_ignored(repo: Scratch) -> None:
    """`ignore = all` of the change hides no moved submodule from the list of changes."""
    first = repo.git("rev-parse", "HEAD")
    repo.write(".gitmodules", '[submodule "m"]\n\tpath = m\n\turl = ./m\n\tignore = all\n')
    repo.git("add", ".gitmodules")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{first},m")
    repo.git("commit", "-q", "-m", "a submodule")
    base = repo.git("rev-parse", "HEAD")
    repo.git("update-index", "--cacheinfo", f"160000,{base},m")
    repo.git("commit", "-q", "-m", "moved")
    assert frozenset({"m"}) == open_revisions(repo.root).changed(base)


def test_a_worse_agent_in_an_ignored_submodule(repo: Scratch) -> None:
    """A waiver beside it does not make the change one of waivers alone, for which nothing runs."""
    module = Scratch(repo.root / "m")
    module.root.mkdir()
    module.git("init", "-q", "-b", "main")
    module.write("sums.py", AGENT)
    good = module.commit()
    module.write("sums.py", WORSE)
    worse = module.commit()
    module.git("checkout", "-q", good)
    repo.git("checkout", "-q", "main")
    repo.write(".gitmodules", '[submodule "m"]\n\tpath = m\n\turl = ./m\n\tignore = all\n')
    repo.replace("evalgate.yaml", "agents.sums", "m.sums")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{good},m")
    repo.git("add", ".gitmodules", "evalgate.yaml")
    repo.git("commit", "-q", "-m", "a submodule")
    repo.git("checkout", "-q", "-B", "change")
    waived = ("--metric", "error_rate", "--floor", "0.1", "--reason", "x", "--expires", "30d")
    assert 0 == repo.evalgate("accept", *waived).code
    repo.git("update-index", "--cacheinfo", f"160000,{worse},m")
    repo.git("add", "baselines")
    repo.git("commit", "-q", "-m", "a waiver")
    env = repo.event(repo.merge_commit())
    module.git("checkout", "-q", worse)
    assert 1 == repo.gate(env).code


def test_a_merge_commit_of_the_author(repo: Scratch) -> None:
    """One pushed after the event, its first parent laxer, is not the one that GitHub made."""
    repo.write("agents/sums.py", WORSE)
    head = repo.commit()
    env = repo.event(head)
    repo.git("checkout", "-q", "-b", "lax", "main")
    repo.write("evalgate.yaml", repo.read("evalgate.yaml") + "    gate: {threshold: 90%}\n")
    lax = repo.commit()
    repo.git("merge", "-q", "--no-ff", "-m", "merge", "change")
    assert [lax, head] == repo.git("rev-parse", "HEAD^1", "HEAD^2").split()
    assert 1 == repo.gate(env).code


def test_a_base_that_moved_on(repo: Scratch) -> None:
    """The event may name an older base than GitHub's merge commit has: HEAD is what it made."""
    repo.write("README.md", "x")
    repo.commit()
    env = repo.event(repo.merge_commit())
    path = Path(env["GITHUB_EVENT_PATH"])
    payload = json.loads(path.read_text())
    payload["pull_request"]["base"]["sha"] = "0" * 40
    path.write_text(json.dumps(payload))
    found = find_base(None, open_revisions(repo.root), env)
    assert repo.git("rev-parse", "main") == found.commit
