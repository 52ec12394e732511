"""Adds a run to the history when it has ended; a failure here changes no verdict."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from evalgate.errors import EvalgateError
from evalgate.store.config import load_config
from evalgate.store.runs import REPORT, list_runs, read_manifest
from evalgate.suite.environment import Environment
from evalgate.suite.suite import Suite


def remember(suites: Sequence[Suite], started: str, environment: Environment) -> list[str]:
    """Add the runs that ended since a time to the history, where one is configured.

    A change that is judged by its base is left out: its configuration may not say where to write.

    Returns:
        What went wrong, in words.
    """
    own = [suite for suite in suites if suite.source is not None and suite.trust is None]
    problems = []
    for source in dict.fromkeys(suite.source for suite in own):
        try:
            if source is not None and load_config(source).config.history is not None:
                _add(source, {suite.name for suite in own}, started, environment)
        except EvalgateError as error:
            problems.append(f"history: {error}")
        except Exception as error:  # noqa: BLE001  # the verdict stands, whatever happens here
            problems.append(f"history: {type(error).__name__}: {error}")
    return problems


def _add(source: Path, names: set[str], started: str, environment: Environment) -> None:
    from evalgate.commands.operations.history import Given, add_results  # noqa: PLC0415  # heavy
    from evalgate.commands.operations.place import history_of  # noqa: PLC0415

    place = history_of(source, None, environment.environ)
    ended = [str(folder) for folder in _ended(place.runs, names, started)]
    if ended:
        add_results(ended, Given(), place, environment)


def _ended(runs: Path, names: set[str], started: str) -> Iterator[Path]:
    """Yield the run folders of these suites that ended since a time, resumed ones included."""
    for folder in list_runs(runs):
        manifest = read_manifest(folder)
        late = (manifest.finished or "") >= started
        if late and manifest.suite in names and (folder / REPORT).is_file():
            yield folder
