"""Finds the revision a change is judged by: in GitHub, in GitLab, or as it is named."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from evalgate.errors import BaseUnknown, DataError
from evalgate.store.plain import read_plain
from evalgate.store.revision import Revisions

_PULL: Final = ("pull_request", "pull_request_target", "pull_request_review")
_DEEPER: Final = (
    "fetch the base too: `fetch-depth: 2` with the merge commit of the pull request, or "
    "`fetch-depth: 0`"
)


@dataclass(frozen=True, slots=True)
class Base:
    """The revision a change is judged by."""

    name: str
    """How it was found, in words."""
    commit: str
    """Its full hash."""
    fork: bool
    """Whether the change comes from a fork, or may: then its recordings are not believed."""


@dataclass(frozen=True, slots=True)
class GitHubEvent:
    """What GitHub says of the event that started a workflow."""

    name: str
    """Its name, e.g. `pull_request`."""
    payload: Mapping[str, Any]
    """All of it; empty where there is none."""

    @property
    def pull(self) -> Mapping[str, Any]:
        """The pull request; empty where it is about none."""
        return _at(self.payload, "pull_request")

    @property
    def number(self) -> int | None:
        """Number of the pull request."""
        number = self.pull.get("number")
        return number if type(number) is int else None

    @property
    def head(self) -> str | None:
        """Commit at the head of the pull request."""
        return _text(_at(self.pull, "head").get("sha"))

    @property
    def fork(self) -> bool:
        """Whether the pull request comes from a fork; one that is gone counts as one."""
        repositories = (_at(_at(self.pull, side), "repo").get("full_name") for side in _SIDES)
        head, base = repositories
        return head is None or head != base


_SIDES: Final = ("head", "base")


def _at(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = data.get(name)
    return found if isinstance(found, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def read_event(environ: Mapping[str, str]) -> GitHubEvent | None:
    """Read the event of a GitHub workflow; null outside of one.

    Raises:
        DataError: The file of the event cannot be read.
    """
    if environ.get("GITHUB_ACTIONS") != "true":
        return None
    name, path = environ.get("GITHUB_EVENT_NAME", ""), environ.get("GITHUB_EVENT_PATH")
    if not path:
        return GitHubEvent(name, {})
    try:
        text = read_plain(Path(path)).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: the event cannot be read: {error}") from error
    try:
        payload: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: the event is no JSON: {error}") from error
    return GitHubEvent(name, payload if isinstance(payload, dict) else {})


def is_ci_with_base(environ: Mapping[str, str]) -> bool:
    """Say whether the environment is one that tells the base by itself."""
    return environ.get("GITHUB_ACTIONS") == "true" or environ.get("GITLAB_CI") == "true"


def find_base(asked: str | None, revisions: Revisions, environ: Mapping[str, str]) -> Base:
    """Find the base of a change.

    Args:
        asked: A revision that was named; null: as the environment says.
        revisions: The repository.
        environ: The caller's environment.

    Raises:
        BaseUnknown: It cannot be found, or is not here.
    """
    event = read_event(environ)
    if asked is not None:
        commit = revisions.commit(asked)
        if commit is None:
            raise BaseUnknown(f"there is no revision {asked!r} in {revisions.top}", fix=_DEEPER)
        return Base(asked, commit, _from_fork(event, environ))
    if event is not None:
        return _of_github(event, revisions, environ)
    return _of_gitlab(revisions, environ)


def _from_fork(event: GitHubEvent | None, environ: Mapping[str, str]) -> bool:
    if event is not None:
        return event.name in _PULL and event.fork
    source = environ.get("CI_MERGE_REQUEST_SOURCE_PROJECT_ID")
    return source is not None and source != environ.get("CI_MERGE_REQUEST_PROJECT_ID")


def _of_github(event: GitHubEvent, revisions: Revisions, environ: Mapping[str, str]) -> Base:
    if event.name in _PULL:
        return _of_pull(event, revisions, environ)
    if event.name == "merge_group":
        sha = _text(_at(event.payload, "merge_group").get("base_sha"))
        commit = revisions.commit(sha or "")
        if commit is None:
            raise BaseUnknown(f"the base of the merge group, {sha}, is not here", fix=_DEEPER)
        return Base("the base of the merge group", commit, fork=False)
    branch = _text(_at(event.payload, "repository").get("default_branch"))
    own = environ.get("GITHUB_REF_NAME") == branch or environ.get("GITHUB_REF_PROTECTED") == "true"
    return _of_branch(revisions, branch, own=own)


def _of_pull(event: GitHubEvent, revisions: Revisions, environ: Mapping[str, str]) -> Base:
    """Take the first parent of the merge commit, or where the branch left the base.

    HEAD^1 is the base only where HEAD is the merge commit that GitHub made; where a workflow
    checked the branch itself out, it is whatever its author put there, a merge commit pushed
    after the event included.
    """
    head = revisions.commit("HEAD")
    parents = () if head is None else revisions.parents(head)
    merges = event.head is not None and len(parents) == 2 and parents[1] == event.head != head
    if merges and _is_of_github(head, parents[0], event, revisions, environ):
        return Base("HEAD^1, the base of the pull request", parents[0], event.fork)
    sha = _text(_at(event.pull, "base").get("sha"))
    base_ref = environ.get("GITHUB_BASE_REF", "")
    for tip in (sha, f"origin/{base_ref}" if base_ref else None):
        commit = None if tip is None else revisions.commit(tip)
        found = None if commit is None else revisions.merge_base("HEAD", commit)
        if found is not None:
            return Base(f"where the branch left {base_ref or tip}", found, event.fork)
    raise BaseUnknown("the base of the pull request is not here (a shallow clone?)", fix=_DEEPER)


def _is_of_github(
    head: str | None,
    first: str,
    event: GitHubEvent,
    revisions: Revisions,
    environ: Mapping[str, str],
) -> bool:
    """Say whether a merge commit, or its first parent, is one that the event itself names."""
    sha = environ.get("GITHUB_SHA")
    named = {_text(_at(event.pull, "base").get("sha"))}
    if event.name == "pull_request_target":
        named.add(sha)
    elif head == sha:
        return True
    tip = revisions.commit(f"origin/{environ.get('GITHUB_BASE_REF', '')}")
    return first in named or (tip is not None and revisions.is_ancestor(first, tip) is True)


def _of_gitlab(revisions: Revisions, environ: Mapping[str, str]) -> Base:
    sha = environ.get("CI_MERGE_REQUEST_DIFF_BASE_SHA")
    if sha:
        commit = revisions.commit(sha)
        if commit is None:
            fix = 'fetch the base too: `variables: {GIT_DEPTH: "0"}`'
            raise BaseUnknown(f"the base of the merge request, {sha}, is not here", fix=fix)
        name = "the base of the merge request"
        return Base(name, commit, _from_fork(None, environ))
    branch = environ.get("CI_DEFAULT_BRANCH")
    own = (
        environ.get("CI_COMMIT_BRANCH") == branch
        or environ.get("CI_COMMIT_REF_PROTECTED") == "true"
    )
    return _of_branch(revisions, branch, own=own)


def _of_branch(revisions: Revisions, default: str | None, *, own: bool) -> Base:
    """On the default or a protected branch its own commit; elsewhere where it left the default."""
    head = revisions.commit("HEAD")
    if own and head is not None:
        return Base("HEAD", head, fork=False)
    tip = revisions.commit(f"origin/{default}") if default else None
    found = revisions.merge_base("HEAD", tip) if tip is not None else None
    if found is None:
        raise BaseUnknown(
            f"this branch is not {default or 'the default branch'}, and where it left that is not "
            "here",
            fix="run on pull requests, or fetch with `fetch-depth: 0`",
        )
    return Base(f"where the branch left {default}", found, fork=False)
