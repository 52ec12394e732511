"""Lets a change be judged by its base: policy, golden set and baseline as they are there.

What is judged (the agent, its recordings) is the working tree's; what judges (gates, limits, caps,
golden set, baseline, the user's scorers) is the base's. What the change would alter is listed.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from evalgate.errors import BaseUnknown, ConfigError, EvalgateError
from evalgate.schema.agent_line import PythonLine, RecordedLine
from evalgate.schema.config import SandboxConfig, SuiteConfig, TrustConfig
from evalgate.schema.verdict import Check
from evalgate.store.baseline import load_baseline
from evalgate.store.config import load_config
from evalgate.store.golden_sets.golden import load_golden, write_golden
from evalgate.store.revision import Revisions, open_revisions
from evalgate.store.waivers import load_waivers
from evalgate.suite.base_revision import Base, find_base, is_ci_with_base
from evalgate.suite.environment import Environment
from evalgate.suite.suite import Selection, Suite, find_suites
from evalgate.suite.trust import Trust
from evalgate.text.suggest import did_you_mean
from evalgate.trust.baseline_pull_request import judge_proposal, settled, waiver_checks
from evalgate.trust.evidence import refuse_linked, refuse_links
from evalgate.trust.import_guard import shadowed_check
from evalgate.trust.policy_diff import baseline_diff, config_diff, golden_diff
from evalgate.trust.waivers import counting_waivers

OFF: Final = "none"
"""Named instead of a revision, a run is judged by its own files."""

_AGENTS_OWN: Final = ("run", "input_key", "output_key", "env", "workers")
"""How the agent is reached: the change decides, as it decides what the agent does."""


@dataclass(frozen=True, slots=True)
class _Scene:
    """All that is known before a single suite is looked at."""

    base: Base
    revisions: Revisions
    files: Path
    """Folder with the files of the base."""
    root: Path
    """Folder of the configuration in the working tree."""
    base_root: Path
    """Its version of the base."""
    rules: TrustConfig
    """What the base lets a change bring along."""
    here: Mapping[str, Suite]
    """Suites of the working tree."""
    there: Mapping[str, Suite]
    """Suites of the base."""
    today: date
    policy_only: bool
    """Whether nothing but baselines and waivers changes."""


@contextmanager
def trusted_suites(
    selection: Selection, asked: str | None, environment: Environment
) -> Iterator[tuple[Suite, ...]]:
    """Resolve suites so that a change is judged by its base.

    Args:
        selection: The suites.
        asked: The revision to judge by, or `none`; null: found by itself in CI, elsewhere none.
        environment: The machine.

    Raises:
        BaseUnknown: There is a base, and it cannot be read.
        ConfigError: A file is not valid, or a suite is unknown.
    """
    wanted = asked is not None or is_ci_with_base(environment.environ)
    if asked == OFF or not wanted or selection.golden is not None:
        if asked not in (None, OFF):
            raise ConfigError("--trusted-ref needs a configuration, not --golden and --agent")
        yield find_suites(selection)
        return
    refuse_linked(selection.config)
    revisions = open_revisions(selection.config.absolute().parent)
    base = find_base(asked, revisions, environment.environ)
    with TemporaryDirectory(prefix="evalgate-base-") as folder:
        files = Path(folder).resolve() / "base"
        files.mkdir()
        revisions.export(base.commit, files)
        scene = _look(selection, base, revisions, files, environment)
        yield _all(scene, selection, environment)


def _look(
    selection: Selection, base: Base, revisions: Revisions, files: Path, environment: Environment
) -> _Scene:
    """Read both configurations."""
    every = replace(selection, names=())
    here = {suite.name: suite for suite in find_suites(every)} if selection.config.exists() else {}
    config = _at_base(selection.config, revisions.top, files)
    there: Mapping[str, Suite] = {}
    rules = TrustConfig()
    if config.exists():
        found = find_suites(replace(every, config=config))
        there = {suite.name: suite for suite in found}
        rules = load_config(config).config.trust
    elif not here:
        find_suites(every)  # says what is missing
    allowed = {_relative(suite.baseline, files) for suite in there.values()}
    allowed.add(_relative(config.parent / rules.waivers, files))
    changed = revisions.changed(base.commit)
    return _Scene(
        base=base,
        revisions=revisions,
        files=files,
        root=selection.config.parent,
        base_root=config.parent,
        rules=rules,
        here=here,
        there=there,
        today=environment.now().date(),
        policy_only=bool(changed) and changed <= allowed,
    )


def _at_base(path: Path, top: Path, files: Path) -> Path:
    full = path.absolute()
    full = full.parent.resolve() / full.name
    if not full.is_relative_to(top.resolve()):
        raise BaseUnknown(f"{path} is not in the repository {top}")
    return files / full.relative_to(top.resolve())


def _relative(path: Path, files: Path) -> str:
    return path.relative_to(files).as_posix() if path.is_relative_to(files) else str(path)


def _all(scene: _Scene, selection: Selection, environment: Environment) -> tuple[Suite, ...]:
    """Make the suites: those of the base first, then those that only the change has."""
    names = dict.fromkeys((*scene.there, *scene.here))
    for name in selection.names:
        if name not in names:
            message = f"{selection.config}: no suite {name!r}{did_you_mean(name, names)}"
            raise ConfigError(message, fix=f"--suite {'|'.join(names)}")
    waivers = counting_waivers(
        scene.base_root / scene.rules.waivers,
        scene.root / scene.rules.waivers,
        environment,
        _relative(scene.base_root / scene.rules.waivers, scene.files),
        scene.files,
    )
    trust = Trust(
        base=scene.base,
        top=scene.revisions.top,
        files=scene.files,
        today=scene.today,
        blocks=shadowed_check(scene.revisions.top),
        notes=(f"judged by {scene.base.name} ({scene.base.commit[:12]})", *waivers.notes),
        waivers=waivers.waivers,
        unsandboxed=scene.rules.unsandboxed,
        evidence_counts=scene.rules.trust_pr_evidence and not scene.base.fork,
    )
    return tuple(_suite(name, scene, trust) for name in selection.names or names)


def _suite(name: str, scene: _Scene, trust: Trust) -> Suite:
    here, there = scene.here.get(name), scene.there.get(name)
    if there is None:
        assert here is not None  # noqa: S101  # names come from the two
        return _unknown_to_base(here, scene, trust)
    if scene.policy_only:
        return _with_proposal(there, scene, trust)
    notes = _differences(there, here)
    config = _judging_config(there.config, None if here is None else here.config)
    config = config.model_copy(update={"golden": _golden(there, here, scene, name)})
    prefix = f"policy of {name}: " if len(scene.there) > 1 else "policy: "
    suite = replace(
        there,
        config=config,
        root=scene.root,
        base_root=there.root,
        runs=_moved(there.runs, there.root, scene.root),
        asked=there.asked if here is None else here.asked,
        source=there.source if here is None else here.source,
        trust=replace(trust, notes=(*trust.notes, *(f"{prefix}{line}" for line in notes))),
    )
    refuse_links(suite)
    return suite


def _judging_config(base: SuiteConfig, proposed: SuiteConfig | None) -> SuiteConfig:
    """Take the base's configuration, with the change's way to reach its agent."""
    agent = base.agent
    if proposed is not None and not _turns_recorded(base, proposed):
        own = proposed.agent.model_dump(include=set(_AGENTS_OWN), exclude_unset=True)
        reset: dict[str, object] = {
            name: type(agent).model_fields[name].get_default(call_default_factory=True)
            for name in _AGENTS_OWN
            if name in agent.model_fields_set and name not in own
        }
        agent = agent.model_copy(update={**reset, **own})
    if isinstance(agent.line, PythonLine):
        agent = agent.model_copy(update={"isolation": "process"})
    return base.model_copy(update={"agent": agent})


def _turns_recorded(base: SuiteConfig, proposed: SuiteConfig) -> bool:
    """Say whether the change puts a recording in the place of a running agent."""
    now, before = proposed.agent.line, base.agent.line
    return isinstance(now, RecordedLine) and not isinstance(before, RecordedLine)


def _differences(there: Suite, here: Suite | None) -> Sequence[str]:
    """List what the change would alter."""
    base = load_golden(there.golden)
    if here is None:
        return (f"removes the suite {there.name}; it ran anyway",)
    lines = [*config_diff(there.config, here.config)]
    if _turns_recorded(there.config, here.config):
        lines.append(f"agent.run: {there.config.agent.run!r} ran: a recording is no agent")
    if not here.golden.exists():
        lines.append(f"removes the golden set {here.config.golden}; the base's ran anyway")
    else:
        proposed = load_golden(here.golden)
        lines += [f"{there.config.golden}: {x}" for x in golden_diff(base.cases, proposed.cases)]
    return (*lines, *_baseline_lines(there, here))


def _golden(there: Suite, here: Suite | None, scene: _Scene, name: str) -> str:
    """Return the golden set to run: the base's, with the change's new cases as drafts."""
    base = load_golden(there.golden).cases
    proposed = load_golden(here.golden).cases if here is not None and here.golden.exists() else ()
    known = {case.id for case in base}
    added = [case for case in proposed if case.id not in known]
    if not added:
        return there.config.golden
    drafts = [case.model_copy(update={"status": "draft"}) for case in added]
    number = [*scene.there].index(name)
    path = scene.files.with_name(f"golden-{number}.jsonl")
    write_golden(path, (*base, *drafts))
    return str(path)


def _baseline_lines(there: Suite, here: Suite) -> Iterator[str]:
    path = here.baseline.relative_to(here.root).as_posix()
    try:
        old = load_baseline(there.baseline) if there.baseline.exists() else None
        new = load_baseline(here.baseline) if here.baseline.exists() else None
    except EvalgateError as error:
        yield f"{path}: {error.message}"
        return
    if old is None and new is not None:
        yield f"{path}: adds a baseline, which counts once it is on the base"
    elif new is None and old is not None:
        yield f"{path}: removes the baseline"
    elif old is not None and new is not None:
        yield from (f"{path}: {line}" for line in baseline_diff(old, new))


def _unknown_to_base(here: Suite, scene: _Scene, trust: Trust) -> Suite:
    """Judge a suite that the base does not have, by its own limits at most."""
    if not scene.rules.allow_new_suites:
        # Settled at once: nothing of it is imported, and no call of it is made.
        return replace(here, trust=settled(here, trust, (*trust.blocks, _bootstrap(here, scene))))
    # nobody the base trusts has opened anything for it
    known = [suite.config for suite in scene.there.values()]
    allowed = {name for config in known for name in config.agent.env_allow}
    closed = {
        "sandbox": SandboxConfig(),
        "env_allow": tuple(name for name in here.config.agent.env_allow if name in allowed),
    }
    agent = here.config.agent.model_copy(update=closed)
    if isinstance(agent.line, PythonLine):
        agent = agent.model_copy(update={"isolation": "process"})
    note = f"suite {here.name} is new: judged by its own limits, compared with nothing"
    named = {place for config in known for place in _key_places(config)}
    unnamed = tuple(place for place in _key_places(here.config) if place not in named)
    trust = replace(trust, new=True, notes=(*trust.notes, note), unnamed=unnamed)
    if here.config.hooks is not None:
        trust = replace(trust, notes=(*trust.notes, "its hooks did not run: the base has none"))
    config = here.config.model_copy(update={"agent": agent, "hooks": None})
    suite = replace(here, config=config, live_effects=(), trust=trust)
    refuse_links(suite)
    return suite


def _key_places(config: SuiteConfig) -> Iterator[str]:
    """Name where a suite sends keys: upstreams, and judges with the variable of their key."""
    upstream = {} if config.gateway is None else config.gateway.upstream
    yield from (f"upstream {target}: {url}" for target, url in upstream.items())
    for judge in config.judges.values():
        if judge.api_key_env is not None:
            yield f"judge at {judge.base_url} with {judge.api_key_env}"


def _bootstrap(here: Suite, scene: _Scene) -> Check:
    what = "no configuration" if not scene.there else f"no suite {here.name!r}"
    return Check(
        id="evidence.bootstrap",
        kind="evidence",
        outcome="inconclusive",
        reason=f"bootstrap: the base has {what} to judge by; nothing of it ran",
        fix="a maintainer merges the first configuration and baseline; later suites pass on "
        "their limits where the base says `trust: {allow_new_suites: true}`",
    )


def _with_proposal(there: Suite, scene: _Scene, trust: Trust) -> Suite:
    """Judge the proposed baseline of a suite, and the waivers, instead of the agent."""
    suite = replace(
        there,
        config=_judging_config(there.config, None),
        root=scene.root,
        base_root=there.root,
        runs=_moved(there.runs, there.root, scene.root),
        trust=trust,
    )
    before = load_waivers(scene.base_root / scene.rules.waivers)
    added = [w for w in load_waivers(scene.root / scene.rules.waivers) if w not in before]
    first = there.name == next(iter(scene.there))
    own = [w for w in added if w.suite == there.name or (first and w.suite not in scene.there)]
    checks = waiver_checks(own, scene.there, scene.today)
    path = _moved(there.baseline, there.root, scene.root)
    return replace(suite, trust=judge_proposal(suite, path, checks, trust, scene.revisions))


def _moved(path: Path, old_root: Path, new_root: Path) -> Path:
    return new_root / path.relative_to(old_root) if path.is_relative_to(old_root) else path
