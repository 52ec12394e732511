"""The base of a change is found by itself, or the run says why it cannot be."""

import json
from pathlib import Path

import pytest
from support.scratch import Scratch

from evalgate.errors import BaseUnknown, DataError
from evalgate.store.revision import Revisions, open_revisions
from evalgate.suite.base_revision import find_base, read_event


@pytest.fixture
def repo(tmp_path: Path) -> Scratch:
    """Make a repository with a branch `change` that main has moved on from."""
    (tmp_path / "repo").mkdir()
    scratch = Scratch(tmp_path / "repo")
    scratch.git("init", "-q", "-b", "main")
    scratch.write("a", "1")
    scratch.commit("first")
    scratch.branch()
    scratch.write("b", "1")
    scratch.commit("change")
    scratch.git("checkout", "-q", "main")
    scratch.write("c", "1")
    scratch.commit("main moved on")
    return scratch


def revisions(scratch: Scratch) -> Revisions:
    """Open a scratch repository."""
    return open_revisions(scratch.root)


def test_the_merge_commit_of_a_pull_request(repo: Scratch) -> None:
    """HEAD^1 of the merge commit, on the detached head that GitHub leaves."""
    head = repo.merge_commit()
    found = find_base(None, revisions(repo), repo.event(head))
    assert (repo.git("rev-parse", "main"), False) == (found.commit, found.fork)


def test_the_branch_itself(repo: Scratch) -> None:
    """Where the branch is checked out: the commit it left the base at."""
    head = repo.git("rev-parse", "change")
    repo.git("checkout", "-q", "--detach", "change")
    found = find_base(None, revisions(repo), repo.event(head))
    assert repo.git("merge-base", "main", "change") == found.commit


def test_a_fork_is_told(repo: Scratch) -> None:
    """By the two repositories of the event; one that is gone counts as a fork."""
    env = repo.event(repo.merge_commit(), fork=True)
    assert find_base(None, revisions(repo), env).fork
    path = Path(env["GITHUB_EVENT_PATH"])
    payload = json.loads(path.read_text())
    payload["pull_request"]["head"]["repo"] = None
    path.write_text(json.dumps(payload))
    assert find_base(None, revisions(repo), env).fork
    assert find_base("main", revisions(repo), env).fork


def test_a_shallow_clone_without_the_base(repo: Scratch, tmp_path: Path) -> None:
    """`fetch-depth: 1` has no base: the message names the depth."""
    env = repo.event(repo.merge_commit())
    target = tmp_path / "shallow"
    repo.git("clone", "-q", "--depth", "1", f"file://{repo.root}", str(target))
    with pytest.raises(BaseUnknown, match="fetch-depth: 2"):
        find_base(None, open_revisions(target), env)


def test_a_shallow_clone_with_the_base(repo: Scratch, tmp_path: Path) -> None:
    """`fetch-depth: 2` is enough for the merge commit."""
    head = repo.merge_commit()
    env = repo.event(head)
    repo.git("branch", "-q", "merged")
    target = tmp_path / "shallow"
    repo.git("clone", "-q", "--depth", "2", "-b", "merged", f"file://{repo.root}", str(target))
    assert repo.git("rev-parse", "main") == find_base(None, open_revisions(target), env).commit


def test_no_git(tmp_path: Path) -> None:
    """A folder that is in no repository has no base."""
    with pytest.raises(BaseUnknown, match="cannot be read"):
        open_revisions(tmp_path)


def test_no_such_revision(repo: Scratch) -> None:
    """A named revision that is not there."""
    with pytest.raises(BaseUnknown, match="'release'"):
        find_base("release", revisions(repo), {})


@pytest.mark.parametrize("name", ["--all", "", "HEAD; rm -rf /", "HEAD^{tree}"])
def test_revisions_are_no_options(repo: Scratch, name: str) -> None:
    """What looks like an option, or names no commit, is no revision."""
    assert revisions(repo).commit(name) is None


def test_a_merge_group(repo: Scratch) -> None:
    """The base that the queue says."""
    sha = repo.git("rev-parse", "main")
    env = repo.event(repo.merge_commit()) | {"GITHUB_EVENT_NAME": "merge_group"}
    Path(env["GITHUB_EVENT_PATH"]).write_text(json.dumps({"merge_group": {"base_sha": sha}}))
    found = find_base(None, revisions(repo), env)
    assert (sha, False) == (found.commit, found.fork)


def test_a_push(repo: Scratch) -> None:
    """The default branch is judged by itself; another branch by where it left the default."""
    repo.git("update-ref", "refs/remotes/origin/main", "main")
    env = repo.event(repo.git("rev-parse", "main")) | {"GITHUB_EVENT_NAME": "push"}
    on_main = find_base(None, revisions(repo), env | {"GITHUB_REF_NAME": "main"})
    repo.git("checkout", "-q", "change")
    on_branch = find_base(None, revisions(repo), env | {"GITHUB_REF_NAME": "change"})
    assert repo.git("rev-parse", "main") == on_main.commit
    assert repo.git("merge-base", "main", "change") == on_branch.commit


def test_a_push_without_the_default_branch(repo: Scratch) -> None:
    """A branch is never judged by itself because the default is not here."""
    env = repo.event(repo.git("rev-parse", "main")) | {"GITHUB_EVENT_NAME": "push"}
    with pytest.raises(BaseUnknown, match="is not main"):
        find_base(None, revisions(repo), env | {"GITHUB_REF_NAME": "change"})


def test_gitlab(repo: Scratch) -> None:
    """The base that GitLab names; a fork is another project."""
    sha = repo.git("merge-base", "main", "change")
    env = {"GITLAB_CI": "true", "CI_MERGE_REQUEST_DIFF_BASE_SHA": sha}
    projects = {"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "2", "CI_MERGE_REQUEST_PROJECT_ID": "1"}
    assert (sha, False) == _found(repo, env)
    assert (sha, True) == _found(repo, env | projects)
    with pytest.raises(BaseUnknown, match="GIT_DEPTH"):
        _found(repo, env | {"CI_MERGE_REQUEST_DIFF_BASE_SHA": "0" * 40})


def _found(repo: Scratch, env: dict[str, str]) -> tuple[str, bool]:
    found = find_base(None, revisions(repo), env)
    return found.commit, found.fork


def test_an_event_that_is_none(tmp_path: Path) -> None:
    """A broken file of the event is an error, and no laptop."""
    path = tmp_path / "event.json"
    path.write_text("{")
    env = {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_PATH": str(path)}
    with pytest.raises(DataError, match="no JSON"):
        read_event(env)
    with pytest.raises(DataError, match="cannot be read"):
        read_event(env | {"GITHUB_EVENT_PATH": str(tmp_path / "none")})
    assert read_event({}) is None
