"""Which suites a command is about, and where their files are."""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from evalgate.errors import ConfigError
from evalgate.schema.config import AgentConfig, SuiteConfig
from evalgate.schema.golden import Case
from evalgate.schema.trace import Trace
from evalgate.store.config import load_config, select_suites
from evalgate.store.golden_sets.golden import GoldenSet
from evalgate.suite.isolation import Isolation
from evalgate.suite.trust import Trust

_RUNS = ".evalgate/runs"
_KEPT = 50


@dataclass(frozen=True, slots=True)
class Selection:
    """How a user names suites: by a configuration, or by a golden set and an agent."""

    config: Path = Path("evalgate.yaml")
    names: tuple[str, ...] = ()
    """Suites of the configuration; empty: all."""
    golden: Path | None = None
    """A golden set, without a configuration."""
    agent: str | None = None
    """An agent, without a configuration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a Python program hands over in place of files and names."""

    golden: GoldenSet | None = None
    agent: object = None
    """A function, or an object with `ainvoke` or `invoke`."""
    scorers: Mapping[str, Callable[[Case, Trace], object]] = field(default_factory=dict)
    """Functions of the user's scorers, by name."""


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite and the place its paths are relative to."""

    name: str
    config: SuiteConfig
    """What it is made of."""
    root: Path
    """The folder its paths are relative to."""
    runs: Path
    """The folder of its run folders."""
    keep_runs: int = _KEPT
    """Run folders that are kept; 0 keeps all."""
    asked: str = ""
    """The options that select this suite, for commands that reproduce a result."""
    source: Path | None = None
    """The configuration; null where there is none."""
    trust: Trust | None = None
    """What the base of a change says; null: the suite is judged by its own files."""
    base_root: Path | None = None
    """The base's version of `root`, for what a change may not decide; null: `root` itself."""
    given: Given | None = None
    """What a Python program handed over; null: everything is named by the configuration."""
    live_effects: tuple[str, ...] = ()
    """Tools with effects that may run live in CI."""

    isolation: Isolation | None = None
    """What keeps its agent in; null: nothing was asked for."""

    @property
    def policy_root(self) -> Path:
        """The folder that golden set, baseline, reference and scorers are read from."""
        return self.root if self.base_root is None else self.base_root

    @property
    def golden(self) -> Path:
        """Path of the golden set."""
        return self.policy_root / self.config.golden

    @property
    def cassettes(self) -> Path:
        """Folder of the cassettes."""
        gateway = self.config.gateway
        given = gateway.cassettes if gateway is not None else None
        return self.root / (given or f"cassettes/{self.name}")

    @property
    def verdicts(self) -> Path:
        """Folder of the recorded verdicts of its judges."""
        return self.root / (self.config.verdicts or f"cassettes/{self.name}/verdicts")

    @property
    def baseline(self) -> Path:
        """Path of the suite's own baseline."""
        return self.policy_root / (self.config.baseline or f"baselines/{self.name}.json")


def find_suites(selection: Selection) -> tuple[Suite, ...]:
    """Resolve what the user named.

    Raises:
        ConfigError: A file is missing or wrong, a suite is unknown, or only one of a golden set
            and an agent is given.
    """
    if (selection.golden is None) != (selection.agent is None):
        missing = "--agent" if selection.agent is None else "--golden"
        raise ConfigError(
            f"--golden and --agent go together; {missing} is missing",
            fix="evalgate run --golden golden.jsonl --agent python:my_agent:answer",
        )
    if selection.golden is not None and selection.agent is not None:
        return (_without_config(selection.golden, selection.agent),)
    loaded = load_config(selection.config)
    chosen = select_suites(loaded, selection.names)
    default = selection.config == Selection().config
    given = "" if default else f"--config {shlex.quote(str(selection.config))} "
    return tuple(
        Suite(
            name=name,
            config=config,
            root=loaded.root,
            runs=loaded.root / loaded.config.runs,
            keep_runs=loaded.config.keep_runs,
            asked=f"{given}--suite {shlex.quote(name)}",
            source=loaded.path,
            live_effects=loaded.config.trust.live_effects,
        )
        for name, config in chosen.items()
    )


def _without_config(golden: Path, agent: str) -> Suite:
    return Suite(
        name=golden.name.removesuffix(golden.suffix),
        config=SuiteConfig(golden=str(golden), agent=AgentConfig(run=agent)),
        root=Path(),
        runs=Path(_RUNS),
        asked=f"--golden {shlex.quote(str(golden))} --agent {shlex.quote(agent)}",
    )
