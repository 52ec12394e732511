"""Writes a run's reports on its pull request; whatever GitHub says, the verdict stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from evalgate.errors import DataError
from evalgate.exporters.github import ApiRefused, Posted, post_comment
from evalgate.gate.reports import combine
from evalgate.output.comment import CommentScene, marker_of, render_comment
from evalgate.sending import is_http_url
from evalgate.store.reports import read_reports
from evalgate.suite.base_revision import read_event
from evalgate.suite.environment import Environment
from evalgate.trust.waivers import github_api, pull_number

_AUTHOR = "github-actions[bot]"
_RIGHTS = "the token needs `pull-requests: write`"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentOptions:
    """What to write, and where."""

    reports: tuple[Path, ...]
    """Report files, run folders or archives."""
    number: int | None = None
    """The pull request; null: as the event says."""
    workflow: str | None = None
    """Name of the workflow, for the marker; null: as the environment says."""
    suite: str = "all"
    """What the marker says beside the workflow: where several jobs comment, one name each."""
    author: str = _AUTHOR
    """Login that the token writes as."""
    link: str | None = None
    """Address of the full report; null: the workflow's run."""
    note: str | None = None
    """Something a reader must know first."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """No comment was written."""

    reason: str


def comment_text(options: CommentOptions, environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the marker and the whole comment.

    Raises:
        DataError: A report cannot be read.
    """
    stored = [found for path in options.reports for found in read_reports(path)]
    if not stored:
        raise DataError("there is no report to write about")
    reports = combine([one.report for one in stored])
    workflow = options.workflow or environ.get("GITHUB_WORKFLOW") or "local"
    marker = marker_of(workflow, options.suite)
    around = CommentScene(marker=marker, link=_link(options.link, environ), note=options.note)
    return marker, render_comment(reports, around)


def _link(given: str | None, environ: Mapping[str, str]) -> str | None:
    """Return an address that is one: it stands in the comment without a fence."""
    server, repository = environ.get("GITHUB_SERVER_URL"), environ.get("GITHUB_REPOSITORY")
    run = environ.get("GITHUB_RUN_ID")
    built = f"{server}/{repository}/actions/runs/{run}" if server and repository and run else None
    address = given or built
    if address is None:
        return None
    plain = not any(c in address for c in "()<>[]\\ \"'`\n\r\t")
    return address if plain and is_http_url(address) else None


def comment_on_pull(options: CommentOptions, environment: Environment) -> Posted | Skipped:
    """Write or edit the comment of a pull request.

    Returns:
        What was done; an API that refuses is a reason and no error.

    Raises:
        DataError: A report or the event cannot be read.
    """
    marker, body = comment_text(options, environment.environ)
    event = read_event(environment.environ)
    with github_api(environment) as api:
        if api is None:
            return Skipped("GITHUB_TOKEN and GITHUB_REPOSITORY are not set")
        try:
            number = options.number if options.number is not None else pull_number(event, api)
            if number is None:
                return Skipped("this run is about no pull request; --pr names one")
            return post_comment(api, number, marker, options.author, body)
        except ApiRefused as error:
            hint = f"; {_RIGHTS}" if error.status in (401, 403, 404) else ""
            return Skipped(f"GitHub refused: {error}{hint}")
