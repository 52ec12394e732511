"""A waiver in the change itself counts once a code owner approved this very commit."""

from collections.abc import Iterator

import pytest
from support.github_server import GitHub, serving
from support.scratch import Scratch

pytestmark = pytest.mark.slow


@pytest.fixture
def github() -> Iterator[GitHub]:
    """Serve."""
    with serving() as state:
        yield state


@pytest.fixture
def waived(repo: Scratch, github: GitHub) -> dict[str, str]:
    """Make a change that is worse and waives that; return its environment, token and all."""
    repo.replace("agents/sums.py", "return str(", 'return "no" if int(left) > 15 else str(')
    written = repo.evalgate(
        *("accept", "--metric", "task_success_rate", "--floor", "0.75"),
        *("--reason", "agreed", "--expires", "30d"),
    )
    assert 0 == written.code
    return repo.pull_request() | {"GITHUB_TOKEN": "token", "GITHUB_API_URL": github.url}


def head(repo: Scratch) -> str:
    """Return the head commit of the change."""
    return repo.git("rev-parse", "change")


def test_an_owner_approves(repo: Scratch, github: GitHub, waived: dict[str, str]) -> None:
    """`@owner` owns `/baselines/` in the base's CODEOWNERS."""
    for number in range(4):
        github.approve(f"passer-by-{number}", head(repo))
    github.approve("owner", head(repo))
    result = repo.gate(waived)
    assert (0, "pass") == (result.code, result.json["verdict"])
    assert any(line.startswith("waiver approved by owner") for line in result.json["warnings"])
    (accepted,) = [check for check in result.json["checks"] if check["accepted"]]
    assert ("fail", "task_success_rate") == (accepted["outcome"], accepted["id"])


@pytest.mark.parametrize("who", ["nobody", "passer-by", "author", "stale", "dismissed", "changed"])
def test_anybody_else_does_not(
    repo: Scratch, github: GitHub, waived: dict[str, str], who: str
) -> None:
    """Not an approval of a passer-by, of the author, of an older commit, or one taken back."""
    if who in ("passer-by", "author"):
        github.approve(who, head(repo))
    if who == "stale":
        github.approve("owner", "0" * 40)
    if who in ("dismissed", "changed"):
        github.approve("owner", head(repo))
        state = {"dismissed": "DISMISSED", "changed": "CHANGES_REQUESTED"}[who]
        github.approve("owner", head(repo), state)
    assert 1 == repo.gate(waived).code


def test_the_change_names_its_own_owner(repo: Scratch, github: GitHub) -> None:
    """CODEOWNERS is read from the base."""
    repo.replace("agents/sums.py", "return str(", 'return "no" if int(left) > 15 else str(')
    repo.write(".github/CODEOWNERS", "* @mallory\n")
    repo.write(
        "baselines/waivers.yaml",
        "waivers:\n  - {suite: sums, metric: task_success_rate, floor: 0, reason: x, "
        "expires: 2026-12-31}\n",
    )
    env = repo.pull_request() | {"GITHUB_TOKEN": "token", "GITHUB_API_URL": github.url}
    github.approve("mallory", head(repo))
    assert 1 == repo.gate(env).code


def test_an_api_that_does_not_tell(repo: Scratch, github: GitHub, waived: dict[str, str]) -> None:
    """Where GitHub does not say who approved, nobody did."""
    github.faults = [(403, {}, {"message": "Resource not accessible by integration"})]
    result = repo.gate(waived)
    assert 1 == result.code
    assert any("GitHub does not say who approved it" in line for line in result.json["warnings"])
