"""What every test stands on: a clean environment, and the shared real data where it is there."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

_SCRUBBED = ("CI", "NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "TERM")
_SCRUBBED_PREFIXES = ("GITHUB_", "ACTIONS_", "RUNNER_", "GITLAB_", "EVALGATE_")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real data beside the repository, or skip."""
    folder = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"real data is not here: {folder} is no folder")
    return folder


@pytest.fixture(autouse=True)
def _clean_environment() -> Iterator[None]:
    """Run every test as on a laptop: no CI, no colour wishes, no tokens of a workflow."""
    before = dict(os.environ)
    for name in before:
        if name in _SCRUBBED or name.startswith(_SCRUBBED_PREFIXES):
            del os.environ[name]
    yield
    os.environ.clear()
    os.environ.update(before)
