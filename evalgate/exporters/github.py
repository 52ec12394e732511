"""The few endpoints of GitHub's REST API that are used: comments, reviews, teams, pull requests.

Limits are obeyed within a budget of waiting; what GitHub refuses is an `ApiRefused`, which callers
turn into a warning: an API never changes a verdict.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import quote, urlsplit

from evalgate.quota.backoff import backoff

if TYPE_CHECKING:
    import httpx2


_ATTEMPTS: Final = 4
_PATIENCE_S: Final = 150.0
"""Seconds that may be waited in all."""
_SECONDARY_S: Final = 60.0
_SECONDS: Final = re.compile(r"[0-9]{1,12}")
"""What GitHub asks to wait for after a secondary limit that names no time."""
_MOST_PAGES: Final = 100
_TIMEOUT_S: Final = 30.0
_SAFE_TO_REPEAT: Final = ("GET", "PATCH", "DELETE")
_MOVED: Final = range(300, 400)


class ApiRefused(Exception):
    """GitHub did not do what was asked.

    Args:
        status: HTTP status; 0 where there was no answer.
        said: GitHub's message.
    """

    def __init__(self, status: int, said: str) -> None:
        """Keep the status beside the message."""
        super().__init__(f"{status}: {said}" if status else said)
        self.status = status


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on a pull request."""

    id: int
    author: str
    body: str


@dataclass(frozen=True, slots=True)
class Review:
    """A review of a pull request."""

    author: str
    state: str
    """`APPROVED`, `CHANGES_REQUESTED`, `DISMISSED`, `COMMENTED` or `PENDING`."""
    commit: str
    """The commit it is about."""


@dataclass(frozen=True, slots=True)
class Posted:
    """What became of a comment."""

    action: Literal["created", "updated", "unchanged"]
    """What was done."""
    id: int


@dataclass(frozen=True, slots=True)
class Api:
    """One repository's part of the API."""

    client: "httpx2.Client"
    """A client whose base URL is the API's and that sends the token."""
    repository: str
    """`owner/name`."""
    sleep: Callable[[float], None]
    """Waits so many seconds."""
    wall: Callable[[], float]
    """Seconds since 1970."""

    @staticmethod
    def client_for(url: str, token: str) -> "httpx2.Client":
        """Make a client for an API; it follows no redirects, so the token goes nowhere else."""
        headers = {
            "accept": "application/vnd.github+json",
            "authorization": f"Bearer {token}",
            "user-agent": "evalgate",
            "x-github-api-version": "2022-11-28",
        }
        import httpx2  # noqa: PLC0415  # heavy

        return httpx2.Client(base_url=url, headers=headers, timeout=_TIMEOUT_S)

    def comments(self, number: int) -> Iterator[Comment]:
        """Yield all comments of a pull request, oldest first.

        Raises:
            ApiRefused: They cannot be read.
        """
        for row in self._pages(f"/repos/{self.repository}/issues/{number}/comments"):
            author = (row.get("user") or {}).get("login", "")
            yield Comment(int(row["id"]), str(author), str(row.get("body") or ""))

    def create_comment(self, number: int, body: str) -> int:
        """Write a comment and return its id.

        Raises:
            ApiRefused: It cannot be written.
        """
        path = f"/repos/{self.repository}/issues/{number}/comments"
        return int(self._ask("POST", path, {"body": body}).json()["id"])

    def update_comment(self, comment: int, body: str) -> None:
        """Replace the text of a comment.

        Raises:
            ApiRefused: It cannot be replaced.
        """
        self._ask("PATCH", f"/repos/{self.repository}/issues/comments/{comment}", {"body": body})

    def delete_comment(self, comment: int) -> None:
        """Remove a comment.

        Raises:
            ApiRefused: It cannot be removed.
        """
        self._ask("DELETE", f"/repos/{self.repository}/issues/comments/{comment}")

    def reviews(self, number: int) -> Iterator[Review]:
        """Yield all reviews of a pull request, oldest first.

        Raises:
            ApiRefused: They cannot be read.
        """
        for row in self._pages(f"/repos/{self.repository}/pulls/{number}/reviews"):
            author = (row.get("user") or {}).get("login", "")
            yield Review(str(author), str(row.get("state")), str(row.get("commit_id")))

    def is_member(self, organisation: str, team: str, login: str) -> bool:
        """Say whether someone is an active member of a team.

        Raises:
            ApiRefused: The token may not know.
        """
        names = (quote(name, safe="") for name in (organisation, team, login))
        path = "/orgs/{}/teams/{}/memberships/{}".format(*names)
        return bool(self._ask("GET", path).json().get("state") == "active")

    def pull_of(self, owner: str, branch: str, commit: str) -> int | None:
        """Find the open pull request of a branch, of a fork or not, whose head is a commit.

        Raises:
            ApiRefused: They cannot be read.
        """
        query = f"?state=open&head={quote(f'{owner}:{branch}', safe='')}"
        for row in self._pages(f"/repos/{self.repository}/pulls{query}"):
            if (row.get("head") or {}).get("sha") == commit:
                return int(row["number"])
        return None

    def _pages(self, path: str) -> Iterator[Mapping[str, Any]]:
        url = f"{path}{'&' if '?' in path else '?'}per_page=100"
        for _ in range(_MOST_PAGES):
            response = self._ask("GET", url)
            yield from response.json()
            url = response.links.get("next", {}).get("url", "")
            if not url:
                return
            if urlsplit(url)[:2] != urlsplit(str(self.client.base_url))[:2]:
                raise ApiRefused(0, f"the next page is on another server: {url[:100]}")
        raise ApiRefused(0, f"more than {_MOST_PAGES} pages")

    def _ask(self, method: str, url: str, body: object = None) -> "httpx2.Response":
        import httpx2  # noqa: PLC0415  # heavy

        waited = 0.0
        for attempt in range(1, _ATTEMPTS + 1):
            response = self._once(method, url, body)
            if isinstance(response, httpx2.Response) and response.is_success:
                return response
            refused = _refusal(response)
            wait = _wait(response, attempt, self.wall(), repeat=method in _SAFE_TO_REPEAT)
            if wait is None or attempt == _ATTEMPTS or waited + wait > _PATIENCE_S:
                raise refused
            self.sleep(wait)
            waited += wait
        raise AssertionError  # the last attempt raised

    def _once(self, method: str, url: str, body: object) -> "httpx2.Response | httpx2.HTTPError":
        import httpx2  # noqa: PLC0415  # heavy

        try:
            return self.client.request(method, url, json=body)
        except httpx2.HTTPError as error:
            return error


def _refusal(response: "httpx2.Response | httpx2.HTTPError") -> ApiRefused:
    import httpx2  # noqa: PLC0415  # heavy

    if isinstance(response, httpx2.HTTPError):
        return ApiRefused(0, f"no answer: {type(response).__name__}: {response}"[:300])
    if response.status_code in _MOVED:
        return ApiRefused(response.status_code, "moved: the repository was renamed")
    return ApiRefused(response.status_code, _said(response))


def _said(response: "httpx2.Response") -> str:
    try:
        data = response.json()
    except ValueError:
        return response.text[:200]
    return str(data.get("message", ""))[:300] if isinstance(data, dict) else response.text[:200]


def _wait(
    response: "httpx2.Response | httpx2.HTTPError", attempt: int, now: float, *, repeat: bool
) -> float | None:
    """Return the seconds after which to ask again; null: asking again is of no use."""
    import httpx2  # noqa: PLC0415  # heavy

    pause = backoff(attempt)
    if isinstance(response, httpx2.HTTPError):
        return pause if repeat else None
    status = response.status_code
    if status in (403, 429):
        return _limited(response, now)
    return pause if status >= 500 and repeat else None


def _limited(response: "httpx2.Response", now: float) -> float | None:
    """Tell a limit, which waiting cures, from a missing right, which it does not."""
    headers = response.headers
    after = headers.get("retry-after", "")
    if _SECONDS.fullmatch(after):
        return float(after)
    if headers.get("x-ratelimit-remaining") == "0":
        reset = headers.get("x-ratelimit-reset", "")
        return max(float(reset) - now, 0.0) + 1.0 if _SECONDS.fullmatch(reset) else _SECONDARY_S
    if response.status_code == 429 or "secondary rate limit" in _said(response).lower():
        return _SECONDARY_S
    return None


def post_comment(api: Api, number: int, marker: str, author: str, body: str) -> Posted:
    """Write the one comment, or edit it where it differs; it is found by marker and author.

    A comment of somebody else with the same marker is left alone. Copies of ours, which two runs
    at once may have made, are removed.

    Args:
        api: The repository.
        number: The pull request.
        marker: The first line of the comment.
        author: Login that the token writes as.
        body: The whole comment.

    Raises:
        ApiRefused: It cannot be written.
    """
    own = _own(api, number, marker, author)
    if not own:
        return Posted("created", _created(api, number, marker, author, body))
    first, *copies = own
    for copy in copies:
        api.delete_comment(copy.id)
    if _same(first.body, body):
        return Posted("unchanged", first.id)
    api.update_comment(first.id, body)
    return Posted("updated", first.id)


def _own(api: Api, number: int, marker: str, author: str) -> list[Comment]:
    return [
        comment
        for comment in api.comments(number)
        if comment.author == author and comment.body.lstrip().startswith(marker)
    ]


def _created(api: Api, number: int, marker: str, author: str, body: str) -> int:
    """Write a new comment; where the answer got lost, look before writing again."""
    try:
        return api.create_comment(number, body)
    except ApiRefused as error:
        if error.status and error.status < 500:
            raise
        found = _own(api, number, marker, author)
        return found[0].id if found else api.create_comment(number, body)


def _same(one: str, other: str) -> bool:
    """Compare two texts as GitHub keeps them: line ends and outer blanks may differ."""
    return one.replace("\r\n", "\n").strip() == other.replace("\r\n", "\n").strip()
