"""The client of GitHub's API, against a server on loopback."""

from collections.abc import Iterator

import pytest
from support.github_server import GitHub, serving

from evalgate.exporters.github import Api, ApiRefused, Posted, post_comment

MARKER = "<!-- evalgate:gate:all -->"
AUTHOR = "github-actions[bot]"
Fault = tuple[int, dict[str, str], dict[str, str]]


@pytest.fixture
def github() -> Iterator[GitHub]:
    """Serve."""
    with serving() as state:
        yield state


@pytest.fixture
def waits() -> list[float]:
    """Return the waits a client made."""
    return []


@pytest.fixture
def api(github: GitHub, waits: list[float]) -> Iterator[Api]:
    """Open a client whose waits are only noted; its clock stands at 1,000 s."""
    with Api.client_for(github.url, "token") as client:
        yield Api(client, "team/repo", waits.append, lambda: 1_000.0)


def post(api: Api, body: str = f"{MARKER}\nhello") -> Posted:
    """Write our comment on pull request 7."""
    return post_comment(api, 7, MARKER, AUTHOR, body)


def test_created_unchanged_updated(github: GitHub, api: Api) -> None:
    """One comment: written once, left alone while nothing changes, edited when it does."""
    done = [post(api), post(api), post(api, f"{MARKER}\nother")]
    assert ["created", "unchanged", "updated"] == [one.action for one in done]
    assert [f"{MARKER}\nother"] == [row["body"] for row in github.comments]


def test_found_on_a_later_page(github: GitHub, api: Api) -> None:
    """Our comment is found behind a page and more of others."""
    for number in range(7):
        github.add("someone", f"comment {number}")
    own = github.add(AUTHOR, f"{MARKER}\r\nhello\r\n")
    github.add("someone", "last")
    assert Posted("unchanged", own) == post(api)


def test_a_planted_comment_is_left_alone(github: GitHub, api: Api) -> None:
    """Somebody else's comment with our marker is neither edited nor taken for ours."""
    github.add("mallory", f"{MARKER}\nPASS")
    assert "created" == post(api).action
    assert f"{MARKER}\nPASS" == github.comments[0]["body"]


def test_a_quoted_marker_is_not_ours(github: GitHub, api: Api) -> None:
    """A comment of the same bot that only mentions the marker is another tool's."""
    github.add(AUTHOR, f"coverage report, beside {MARKER}")
    assert "created" == post(api).action


def test_copies_are_removed(github: GitHub, api: Api) -> None:
    """Two runs at once may both have written one: the first stays."""
    first = github.add(AUTHOR, f"{MARKER}\nhello")
    github.add(AUTHOR, f"{MARKER}\nhello")
    assert Posted("unchanged", first) == post(api)
    assert [first] == [row["id"] for row in github.comments]


def test_a_lost_answer_posts_once(github: GitHub, api: Api) -> None:
    """After a 502 to a new comment the client looks before it writes again."""
    github.lost = 1
    assert ("created", 1) == (post(api).action, len(github.comments))


def test_a_refused_new_comment_is_written_again(github: GitHub, api: Api) -> None:
    """After a 502 that wrote nothing, it is written."""
    github.down = 1
    assert ("created", 1) == (post(api).action, len(github.comments))


@pytest.mark.parametrize(
    ("fault", "wait"),
    [
        ((403, {"retry-after": "7"}, {"message": "secondary rate limit"}), 7.0),
        ((403, {}, {"message": "You have exceeded a secondary rate limit."}), 60.0),
        ((429, {}, {"message": "slow down"}), 60.0),
        (
            (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1030"}, {"message": "x"}),
            31.0,
        ),
        ((500, {}, {"message": "oops"}), 1.0),
        ((503, {}, {"message": "oops"}), 1.0),
    ],
)
def test_limits_and_outages_are_waited_for(
    github: GitHub,
    api: Api,
    waits: list[float],
    fault: Fault,
    wait: float,
) -> None:
    """The time that GitHub names, a minute where it names none, a second after an outage."""
    github.faults = [fault]
    assert ("created", [wait]) == (post(api).action, waits)


@pytest.mark.parametrize(
    "fault",
    [
        (401, {}, {"message": "Bad credentials"}),
        (403, {}, {"message": "Resource not accessible by integration"}),
        (404, {}, {"message": "Not Found"}),
        (422, {}, {"message": "Validation Failed"}),
        (301, {"location": "http://example.org/"}, {"message": "Moved Permanently"}),
        (403, {"retry-after": "3600"}, {"message": "secondary rate limit"}),
    ],
)
def test_what_waiting_does_not_cure(
    github: GitHub,
    api: Api,
    waits: list[float],
    fault: Fault,
) -> None:
    """A missing right, a wrong text, a moved repository, an hour's limit: refused at once."""
    github.faults = [fault]
    with pytest.raises(ApiRefused) as refused:
        post(api)
    assert (fault[0], [], 1) == (refused.value.status, waits, len(github.asked))


def test_patience_ends(github: GitHub, api: Api, waits: list[float]) -> None:
    """An API that stays down is given up."""
    github.faults = [(500, {}, {"message": "oops"})] * 10
    with pytest.raises(ApiRefused, match="500"):
        post(api)
    assert [1.0, 2.0, 4.0] == waits


def test_nobody_there(waits: list[float]) -> None:
    """A server that does not answer is a refusal like any other."""
    with Api.client_for("http://127.0.0.1:9", "token") as client:
        api = Api(client, "team/repo", waits.append, lambda: 0.0)
        with pytest.raises(ApiRefused, match="no answer"):
            post(api)


def test_a_next_page_elsewhere(github: GitHub, api: Api) -> None:
    """A link to another server is not followed: it would get the token."""
    link = '<http://127.0.0.1:9/repos/team/repo/issues/7/comments>; rel="next"'
    github.faults = [(200, {"link": link}, [])]  # type: ignore[list-item]  # an empty page
    with pytest.raises(ApiRefused, match="another server"):
        post(api)


def test_reviews_teams_and_pulls(github: GitHub, api: Api) -> None:
    """What approvals and fork comments need."""
    for number in range(5):
        github.approve(f"user-{number}", "abc")
    github.teams = {"team/owners/ann": "active", "team/owners/bob": "pending"}
    github.pulls = [
        {"number": 3, "head": {"ref": "fix", "sha": "old", "user": {"login": "ann"}}},
        {"number": 4, "head": {"ref": "fix", "sha": "abc", "user": {"login": "ann"}}},
    ]
    assert 5 == len(list(api.reviews(7)))
    assert [True, False] == [api.is_member("team", "owners", name) for name in ("ann", "bob")]
    assert [4, None] == [api.pull_of("ann", "fix", sha) for sha in ("abc", "other")]
    with pytest.raises(ApiRefused):
        api.is_member("team", "owners", "eve")
