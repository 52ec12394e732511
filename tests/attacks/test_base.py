"""What the base says is read from the base, whatever the change does to git and its folders."""

import json
import os
from pathlib import Path

import pytest
from support.scratch import Scratch, jsonl, sums

from evalgate.errors import BaseUnknown, DataError
from evalgate.store.revision import open_revisions
from evalgate.suite.base_revision import find_base
from evalgate.trust.baseline_pull_request import _same_bytes
from evalgate.trust.evidence import refuse_linked


@pytest.mark.parametrize("what", ["folder", "link", "linked folder"])
def test_a_baseline_that_is_no_file(tmp_path: Path, what: str) -> None:
    """A folder or a link in the place of a baseline is not the same as the base's file."""
    base, proposed = tmp_path / "base.json", tmp_path / "new" / "base.json"
    base.write_text("{}")
    match what:
        case "folder":
            proposed.mkdir(parents=True)
        case "link":
            proposed.parent.mkdir()
            proposed.symlink_to(base)
        case _:
            proposed.parent.symlink_to(tmp_path)
    assert not _same_bytes(proposed, base)


def test_two_baselines_that_are_missing_are_the_same(tmp_path: Path) -> None:
    """Neither side has one, and nothing changed."""
    assert _same_bytes(tmp_path / "a.json", tmp_path / "b.json")


def test_a_configuration_folder_replaced_by_a_link(repo: Scratch) -> None:
    """A link would let another configuration of the base, a laxer one, judge."""
    (repo.root / "conf").symlink_to("examples")
    with pytest.raises(DataError, match="symbolic link"):
        refuse_linked(repo.root / "conf" / "evalgate.yaml")
    refuse_linked(repo.root / "evalgate.yaml")


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


def test_a_merge_commit_of_the_author(repo: Scratch) -> None:
    """One pushed after the event, its first parent laxer, is not the one that GitHub made."""
    repo.write("README.md", "innocent")
    head = repo.commit()
    env = repo.event(head)
    repo.git("checkout", "-q", "-b", "lax", "main")
    repo.write("evalgate.yaml", repo.read("evalgate.yaml") + "    gate: {threshold: 90%}\n")
    lax = repo.commit()
    repo.git("merge", "-q", "--no-ff", "-m", "merge", "change")
    assert [lax, head] == repo.git("rev-parse", "HEAD^1", "HEAD^2").split()
    found = find_base(None, open_revisions(repo.root), env)
    assert repo.git("rev-parse", "main") == found.commit


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
