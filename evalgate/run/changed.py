"""`evalgate run --changed`: which cases a change touches, and so have to be run.

A case is touched when what it asks is new or different, when its cassette or its recorded verdicts
are, or when the agent is. The agent is every other file of the repository, unless `agent.paths`
says of what it is made: a file that is not known to be harmless is never taken for harmless.
"""

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from evalgate.errors import BaseUnknown, EvalgateError
from evalgate.schema.fingerprint import case_digest
from evalgate.schema.golden import Case
from evalgate.store.cassettes import cassette_path
from evalgate.store.config import load_config
from evalgate.store.git import git
from evalgate.store.golden_sets.golden import load_golden
from evalgate.store.revision import Revisions, open_revisions
from evalgate.store.verdicts import verdict_path
from evalgate.suite.base_revision import find_base, is_ci_with_base
from evalgate.suite.suite import Suite

_BASES: Final = ("origin/HEAD", "origin/main", "origin/master", "main", "master")


def touched_cases(suite: Suite, ref: str | None, environ: Mapping[str, str]) -> frozenset[str]:
    """Name the cases of a suite that the working tree touches, compared with a base.

    Args:
        suite: The suite.
        ref: The revision to compare with; null: the base that CI names, else where this branch
            left the main one.
        environ: The caller's environment.

    Returns:
        Ids of cases of today's golden set.

    Raises:
        BaseUnknown: There is no such revision, or no git.
        DataError: The golden set is not readable.
    """
    revisions = open_revisions(suite.root)
    commit = _base(revisions, ref, environ)
    cases = load_golden(suite.root / suite.config.golden).cases
    files = revisions.changed(commit) | _untracked(revisions)
    every = frozenset(case.id for case in cases)
    touched: set[str] = set()
    by_file = _by_file(suite, cases, revisions.top)
    harmless = _harmless(suite, revisions.top)
    for file in sorted(files):
        if file in by_file:
            touched.add(by_file[file])
        elif file == _relative(suite.root / suite.config.golden, revisions.top):
            touched |= _asking_anew(cases, file, commit, revisions)
        elif _is_agent(file, suite, revisions.top, harmless):
            return every
    return every & touched


def _base(revisions: Revisions, ref: str | None, environ: Mapping[str, str]) -> str:
    """Find the commit that a change starts from."""
    if ref is None and is_ci_with_base(environ):
        return find_base(None, revisions, environ).commit
    for name in (ref,) if ref else _BASES:
        commit = revisions.commit(name)
        if commit is not None:
            return revisions.merge_base("HEAD", commit) or commit
    tried = repr(ref) if ref else "a main branch (tried " + ", ".join(_BASES) + ")"
    raise BaseUnknown(
        f"there is no {tried} in {revisions.top} to compare with",
        fix="name one: --changed=origin/main; in a shallow clone fetch it first (fetch-depth: 0)",
    )


def _untracked(revisions: Revisions) -> frozenset[str]:
    found = git(revisions.top, "ls-files", "--others", "--exclude-standard", "-z")
    if found is None:
        raise BaseUnknown(f"git cannot list the new files of {revisions.top}")
    return frozenset(name for name in found.split("\0") if name)


def _relative(path: Path, top: Path) -> str | None:
    """Return a path as git writes it; null where it lies outside of the repository."""
    full, base = path.resolve(), top.resolve()
    return full.relative_to(base).as_posix() if full.is_relative_to(base) else None


def _by_file(suite: Suite, cases: Iterable[Case], top: Path) -> dict[str, str]:
    """Map cassettes and files of verdicts to their case."""
    found: dict[str, str] = {}
    for case in cases:
        for path in (
            cassette_path(suite.cassettes, case.id),
            verdict_path(suite.verdicts, case.id),
        ):
            name = _relative(path, top)
            if name is not None:
                found[name] = case.id
    return found


def _asking_anew(
    cases: Iterable[Case], file: str, commit: str, revisions: Revisions
) -> frozenset[str]:
    """Name cases that ask something else than at the base; all where that cannot be told."""
    before = git(revisions.top, "show", f"{commit}:{file}")
    digests: dict[str, str] = {}
    if before is not None:
        with TemporaryDirectory() as folder:
            path = Path(folder) / Path(file).name
            path.write_text(before, encoding="utf-8", newline="")
            try:
                digests = {case.id: case_digest(case) for case in load_golden(path).cases}
            except EvalgateError:
                digests = {}
    return frozenset(case.id for case in cases if digests.get(case.id) != case_digest(case))


def _harmless(suite: Suite, top: Path) -> frozenset[str]:
    """Name files and folders that no agent is made of: golden sets, baselines, recordings, runs."""
    suites = {suite.name: suite.config}
    if suite.source is not None:
        suites = dict(load_config(suite.source).config.suites)
    paths: list[Path] = [suite.runs]
    for name, config in suites.items():
        gateway = config.gateway
        cassettes = gateway.cassettes if gateway is not None else None
        paths += [
            suite.root / config.golden,
            suite.root / (config.baseline or f"baselines/{name}.json"),
            *([suite.root / config.reference] if config.reference else []),
        ]
        if name != suite.name:
            paths.append(suite.root / (cassettes or f"cassettes/{name}"))
    found = (_relative(path, top) for path in paths)
    return frozenset(one for one in found if one is not None)


def _is_agent(file: str, suite: Suite, top: Path, harmless: frozenset[str]) -> bool:
    """Say whether a changed file may change what the agent does, or how it is judged."""
    source = None if suite.source is None else _relative(suite.source, top)
    if file == source:
        return True
    folders = [str(folder) for folder in Path(file).parents]
    if file in harmless or not harmless.isdisjoint(folders):
        return False
    paths = suite.config.agent.paths
    if not paths:
        return True
    root = _relative(suite.root, top) or "."
    inside = Path(file).relative_to(root).as_posix() if root in (".", *folders) else f"../{file}"
    own = _relative(suite.cassettes, top)
    patterns = (*paths, *_scorer_files(suite))
    return own in folders or any(fnmatchcase(inside, pattern) for pattern in patterns)


def _scorer_files(suite: Suite) -> Iterator[str]:
    """Name the files of the user's scorers: with them, old scores say nothing of new ones."""
    for scorer in suite.config.scorers.values():
        module = scorer.call.partition(":")[0].replace(".", "/")
        yield f"{module}.py"
        yield f"{module}/*"
