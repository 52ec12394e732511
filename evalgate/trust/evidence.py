"""Lists the recordings that a change supplies: what differs from its base."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from evalgate.errors import DataError
from evalgate.schema.agent_line import RecordedLine
from evalgate.schema.verdict import Check
from evalgate.store.plain import read_plain
from evalgate.store.revision import is_repository
from evalgate.suite.suite import Suite
from evalgate.suite.trust import Trust

SUPPLIED: Final = "evidence.supplied"
"""Id of the check that such recordings make inconclusive."""

_JOURNALS: Final = ".recording"
_SHOWN: Final = 10


def _places(suite: Suite, *, cassettes: bool = True) -> Iterator[Path]:
    """Yield where a suite's recordings lie: cassettes, verdicts of judges, recorded traces."""
    if suite.config.gateway is not None and cassettes:
        yield suite.cassettes
    if suite.config.judges:
        yield suite.verdicts
    match suite.config.agent.line:
        case RecordedLine(target) if target:
            yield suite.root / target


def refuse_links(suite: Suite) -> None:
    """Refuse recordings that are, or lie behind, symbolic links: they could come from anywhere.

    Raises:
        DataError: One is.
    """
    root = suite.root.absolute()
    for place in _places(suite):
        full = place.absolute()
        if not full.resolve().is_relative_to(root.resolve()):
            raise _escapes(place, full.resolve())
        steps = [full, *full.parents][: len(full.parts) - len(root.parts)]
        inside = full.rglob("*") if full.is_dir() else ()
        for path in (*steps, *inside):
            if path.is_symlink():
                raise _escapes(path, path.resolve())


def refuse_linked(config: Path) -> None:
    """Refuse a configuration whose folder is a link: the base would be asked for another file.

    Raises:
        DataError: A folder of the repository that it lies in is a symbolic link.
    """
    full = config.absolute()
    for step in full.parents:
        if step.is_symlink() and is_repository(step.parent):
            raise DataError(
                f"{config}: {step} is a symbolic link to {step.resolve()}, so the base's "
                "configuration could be another one",
                fix="commit the folder itself, or name the configuration by its own path",
            )


def is_plain_file(path: Path) -> bool:
    """Say whether a path is a regular file that no link of its last two steps leads to."""
    return path.is_file() and not path.is_symlink() and not path.parent.is_symlink()


def _escapes(path: Path, target: Path) -> DataError:
    return DataError(
        f"{path}: recordings may not be, or lie behind, a symbolic link, or outside of the "
        f"configuration's folder; this is {target}",
        fix="commit the files themselves",
    )


def supplied_evidence(suite: Suite, trust: Trust, *, cassettes: bool) -> tuple[str, ...]:
    """Name the recordings whose entries differ from the base's, sorted.

    Args:
        suite: The suite as it is run: its recordings are the change's.
        trust: Its base.
        cassettes: Whether cassettes are read; where all calls are live they are not.

    Returns:
        One line a file, with the number of entries that differ.
    """
    lines: list[str] = []
    for place in _places(suite, cassettes=cassettes):
        for path in _files(place):
            old, new = _entries(trust.on_base(path)), _entries(path)
            if old == new:
                continue
            differing = (new - old).total() or (old - new).total()
            shown = path.relative_to(suite.root).as_posix()
            kind = "a recording journal" if _JOURNALS in path.parts else "a new file"
            whole = kind if not old else f"{differing} of {new.total()} entries"
            lines.append(f"{shown}: {whole}")
    return tuple(sorted(lines))


def _files(place: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
    elif place.is_dir():
        for path in sorted(place.rglob("*")):
            # A journal that a change brings along is merged into its cassette before the run.
            if path.is_file() and (_JOURNALS not in path.parts or path.suffix == ".jsonl"):
                yield path


def _entries(path: Path) -> Counter[bytes]:
    try:
        return Counter(line for line in read_plain(path).splitlines() if line.strip())
    except OSError:
        return Counter()


def supplied_check(supplied: tuple[str, ...], trust: Trust) -> Check | None:
    """Return the check that recordings nobody vouches for make inconclusive."""
    if not supplied or trust.evidence_counts:
        return None
    why = (
        "a fork's recordings count once a trusted job has made them again"
        if trust.base.fork
        else "the base says `trust_pr_evidence: false`"
    )
    more = f" and {len(supplied) - _SHOWN} more" if len(supplied) > _SHOWN else ""
    return Check(
        id=SUPPLIED,
        kind="evidence",
        outcome="inconclusive",
        reason=f"supplied by this pull request: {'; '.join(supplied[:_SHOWN])}{more}; {why}",
        fix="have a maintainer run the recording job (docs/forks.md)",
    )
