"""Where the history is."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from evalgate.history.store import Database, location, open_history
from evalgate.schema.config import Config
from evalgate.schema.watch import HistoryConfig
from evalgate.store.config import load_config_if_any


@dataclass(frozen=True, slots=True)
class Place:
    """Where the history is, and which branches make its trends."""

    url: str
    config: HistoryConfig
    runs: Path
    """Folder of the run folders."""
    root: Path
    loaded: Config | None = None
    """The configuration; null where there is none."""


def history_of(path: Path, url: str | None, environ: Mapping[str, str]) -> Place:
    """Find the history: what the command line names, else the configuration, else the default.

    Raises:
        ConfigError: The configuration is not valid.
    """
    loaded = load_config_if_any(path)
    config = (None if loaded is None else loaded.config.history) or HistoryConfig()
    root = Path() if loaded is None else loaded.root
    runs = root / (".evalgate/runs" if loaded is None else loaded.config.runs)
    where = location(config.url, root, environ) if url is None else location(url, Path(), environ)
    return Place(where, config, runs, root, None if loaded is None else loaded.config)


@contextmanager
def opened(place: Place) -> Iterator[Database]:
    """Open the history of a place."""
    with open_history(place.url) as database:
        yield database
