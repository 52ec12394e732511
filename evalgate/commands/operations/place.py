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
    named: bool = False
    """Whether the command line names the history."""


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
    found = None if loaded is None else loaded.config
    return Place(where, config, runs, root, found, named=url is not None)


@contextmanager
def opened(place: Place, *, writes: bool = False) -> Iterator[Database]:
    """Open the history of a place.

    Args:
        place: Where it is.
        writes: Whether something is added: only then a file that somebody names is made.

    Raises:
        DataError: It cannot be opened, or is named, only read and not there.
    """
    with open_history(place.url, new=writes or not place.named) as database:
        yield database
