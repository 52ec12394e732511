"""Which waivers count: those on the base, and those a code owner approved with this very commit."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from evalgate.errors import DataError
from evalgate.exporters.github import Api, ApiRefused, Review
from evalgate.schema.waiver import Waiver
from evalgate.store.waivers import load_waivers
from evalgate.suite.base_revision import GitHubEvent, read_event
from evalgate.suite.environment import Environment

_CODEOWNERS: Final = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
_MAX_BYTES: Final = 3_000_000


@dataclass(frozen=True, slots=True)
class Counting:
    """Waivers that count, and a note on those that do not."""

    waivers: tuple[Waiver, ...]
    notes: tuple[str, ...] = ()
    """Why the others do not, or who approved them."""


def counting_waivers(
    base: Path, proposed: Path, environment: Environment, where: str, files: Path
) -> Counting:
    """Return the waivers of the base, and those of the change where an owner approved it.

    Args:
        base: The base's file of waivers.
        proposed: The change's file of waivers.
        environment: The machine; tells the pull request and holds the token.
        where: Path of the file in the repository, which has the code owners.
        files: Folder with the files of the base.

    Raises:
        ConfigError: A file of waivers is not valid.
    """
    kept = load_waivers(base)
    added = tuple(waiver for waiver in load_waivers(proposed) if waiver not in kept)
    if not added:
        return Counting(kept)
    told = "; ".join(f"{waiver.suite}: {waiver}" for waiver in added)
    try:
        names = approvers(environment, owners_of(where, files))
    except ApiRefused as error:
        why = f"GitHub does not say who approved it ({error})"
        return Counting(kept, (f"proposed waiver, not counting: {told}: {why}",))
    if not names:
        why = "it counts on the base branch, or once a code owner approves this commit"
        return Counting(kept, (f"proposed waiver, not counting: {told}: {why}",))
    replaced = {(waiver.suite, waiver.about) for waiver in added}
    rest = tuple(waiver for waiver in kept if (waiver.suite, waiver.about) not in replaced)
    return Counting((*rest, *added), (f"waiver approved by {', '.join(names)}: {told}",))


def owners_of(path: str, files: Path) -> tuple[str, ...]:
    """Return who owns a file by the base's CODEOWNERS: the last line that fits decides.

    Args:
        path: The file, relative to the repository.
        files: Folder with the files of the base.
    """
    for name in _CODEOWNERS:
        file = files / name
        if file.is_file() and file.stat().st_size <= _MAX_BYTES:
            found: tuple[str, ...] = ()
            for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
                pattern, *owners = line.partition("#")[0].split() or [""]
                if pattern and _fits(pattern, path):
                    found = tuple(owners)
            return found
    return ()


def _fits(pattern: str, path: str) -> bool:
    """Match a line of CODEOWNERS: as in .gitignore, without negation and ranges."""
    anchored = "/" in pattern.rstrip("/")
    body = pattern.strip("/")
    parts = re.split(r"(\*\*/|/\*\*|\*\*|\*|\?)", body)
    wild = {"**/": "(?:.*/)?", "/**": "/.*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    regex = "".join(wild.get(part, re.escape(part)) for part in parts)
    start = "" if anchored else "(?:.*/)?"
    below = "/.*" if pattern.endswith("/") else "" if body.endswith("*") else "(?:/.*)?"
    return re.fullmatch(start + regex + below, path) is not None


def approvers(environment: Environment, owners: Sequence[str]) -> tuple[str, ...]:
    """Return the code owners whose newest review approves the head commit of this pull request.

    Raises:
        ApiRefused: GitHub does not tell.
        DataError: The event cannot be read.
    """
    event = read_event(environment.environ)
    if event is None or event.number is None or event.head is None or not owners:
        return ()
    author = str((event.pull.get("user") or {}).get("login", ""))
    with github_api(environment) as api:
        if api is None:
            raise ApiRefused(0, "there is no GITHUB_TOKEN")
        last = _newest(api.reviews(event.number))
        approved = [
            review.author
            for review in last.values()
            if review.state == "APPROVED" and review.commit == event.head
        ]
        others = [name for name in approved if name.lower() != author.lower()]
        return tuple(name for name in others if _owns(name, owners, api.is_member))


def _newest(reviews: Iterable[Review]) -> dict[str, Review]:
    """Keep what each reviewer said last; a mere comment takes nothing back."""
    found: dict[str, Review] = {}
    for review in reviews:
        if review.state in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED"):
            found[review.author] = review
    return found


def _owns(name: str, owners: Iterable[str], is_member: Callable[[str, str, str], bool]) -> bool:
    teams = []
    for owner in owners:
        organisation, slash, team = owner.removeprefix("@").partition("/")
        if slash:
            teams.append((organisation, team))
        elif organisation.lower() == name.lower():
            return True
    return any(is_member(organisation, team, name) for organisation, team in teams)


@contextmanager
def github_api(environment: Environment) -> Iterator[Api | None]:
    """Open the API of the repository a workflow runs in; null without a token or repository."""
    environ = environment.environ
    token, repository = environ.get("GITHUB_TOKEN"), environ.get("GITHUB_REPOSITORY", "")
    if not token or repository.count("/") != 1:
        yield None
        return
    import time  # noqa: PLC0415  # only here

    url = environ.get("GITHUB_API_URL", "https://api.github.com")
    with Api.client_for(url, token) as client:
        yield Api(client, repository, time.sleep, environment.clock.wall)


def pull_number(event: GitHubEvent | None, api: Api) -> int | None:
    """Find the pull request an event is about, also that of the workflow that started this one.

    Raises:
        ApiRefused: GitHub does not tell.
        DataError: The event says nothing of use.
    """
    if event is None:
        return None
    if event.number is not None or event.name != "workflow_run":
        return event.number
    run: Mapping[str, object] = event.payload.get("workflow_run") or {}
    repository = run.get("head_repository")
    owner = repository.get("owner") if isinstance(repository, dict) else None
    login = owner.get("login") if isinstance(owner, dict) else None
    branch, commit = run.get("head_branch"), run.get("head_sha")
    if not (isinstance(login, str) and isinstance(branch, str) and isinstance(commit, str)):
        raise DataError("the event names no branch and commit of the run it is about")
    return api.pull_of(login, branch, commit)
