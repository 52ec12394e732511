"""Writes a first configuration, golden set and workflow, records, and runs what was written."""

import math
import re
import shlex
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from evalgate.commands.draft import draft_cases
from evalgate.commands.templates import CONFIG, GATED, GOALS, workflow
from evalgate.errors import AgentLoadError, ConfigError
from evalgate.run.run import RunOptions, run_suites
from evalgate.schema.agent_line import RecordedLine, parse_agent_line
from evalgate.schema.config import SuiteConfig
from evalgate.schema.golden import Case, Expected, OutputExpectation
from evalgate.schema.result import ReportSet
from evalgate.schema.trace import Handoff, LlmCall, ToolCall, Trace
from evalgate.store.atomic import write_bytes, write_text
from evalgate.store.golden_sets.golden import case_to_json, load_golden
from evalgate.store.run_lines import iter_traces
from evalgate.store.runs import list_runs
from evalgate.suite.environment import Environment
from evalgate.suite.events import Listener
from evalgate.suite.seen import Seen
from evalgate.suite.suite import Selection, Suite, find_suites
from evalgate.text.redact import Redactor

if TYPE_CHECKING:
    from evalgate.suite.plan import Calls

__all__ = ["QUESTION", "InitOptions", "Written", "check_new", "init_project", "workflow_of"]

QUESTION = "Hello! What can you help me with?"
_TRUST = "trust_reported: true  # steps and tokens are the agent's own word: no gateway sees them"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_VARIABLE = re.compile(r"[A-Za-z0-9_*]+")
_TIMEOUT_S = SuiteConfig.model_fields["timeout_s"].default


@dataclass(frozen=True, slots=True)
class InitOptions:
    """What to set up."""

    agent: str
    """The agent, as `run` of the configuration."""
    root: Path
    """Where to write."""
    golden: Path | None = None
    """An existing golden set; null: one is started with the question."""
    name: str = "main"
    """Name of the suite."""
    question: str = QUESTION
    """What the agent is asked where there is no golden set."""
    gateway: bool = False
    """Whether its model calls are recorded."""
    env_allow: tuple[str, ...] = ()
    """Variables of the caller that it may see."""
    timeout_s: float = 60.0
    """Seconds a trial may take."""
    force: bool = False
    """Whether existing files are replaced."""

    @property
    def config(self) -> Path:
        """The configuration."""
        return self.root / "evalgate.yaml"

    @property
    def golden_path(self) -> Path:
        """The golden set, relative to the configuration."""
        return self.golden or Path("golden_sets") / f"{self.name}.jsonl"


@dataclass(frozen=True, slots=True)
class Written:
    """What was done."""

    files: tuple[Path, ...]
    """Files written."""
    evidence: tuple[str, ...]
    """Metrics that gate."""
    reports: ReportSet
    """What the suite that was written gives."""


def check_new(options: InitOptions) -> None:
    """Refuse names that fit no file or variable, files that exist, traces without questions.

    Raises:
        ConfigError: One of these.
    """
    if not _NAME.fullmatch(options.name):
        raise ConfigError(
            f"--name {options.name!r}: expected letters, digits, '-', '_' and '.', at most 64",
            fix="--name support",
        )
    for variable in options.env_allow:
        if not _VARIABLE.fullmatch(variable):
            raise ConfigError(
                f"--env {variable!r}: expected the name of a variable, without a value",
                fix="--env SHOP_TOKEN",
            )
    line = parse_agent_line(options.agent)
    if options.golden is None and isinstance(line, RecordedLine):
        traces = shlex.quote(line.target or "traces.jsonl")
        draft = f"golden_sets/{options.name}.jsonl"
        raise ConfigError(
            "recorded traces answer no question that was not asked: --golden is missing",
            fix=f"evalgate golden add --from {traces} --to {draft}, then --golden {draft}",
        )
    new = [options.config, *([] if options.golden else [options.root / options.golden_path])]
    existing = [path for path in new if path.exists()]
    if existing and not options.force:
        raise ConfigError(
            f"{existing[0]} exists already", fix="evalgate init --force  (replaces it)"
        )
    if options.golden is not None and not load_golden(options.root / options.golden).cases:
        raise ConfigError(f"{options.golden}: holds no case to ask the agent")


def init_project(
    options: InitOptions, seen: Seen, environment: Environment, listen: Listener
) -> Written:
    """Ask the agent, record its model calls, write the files, and run what was written.

    Where the agent fails, nothing is left behind, and what `force` replaced is put back.

    Raises:
        ConfigError: A file exists already, the name fits no file, or the agent failed.
        AgentLoadError: The agent cannot be loaded.
    """
    check_new(options)
    golden = options.root / options.golden_path
    workflow_path = options.root / ".github" / "workflows" / "evalgate.yml"
    paths = (options.config, golden, workflow_path)
    new = [path for path in paths if not path.exists()]
    replaced = {path: path.read_bytes() for path in paths if path.exists()}
    case = Case(id="first", input=options.question)
    try:
        _write(options.config, _config_text(options, (), claims=False))
        if options.golden is None:
            _write(golden, f"{case_to_json(case)}\n")
        suite, traces = _asked(options, environment, listen)
        evidence = tuple(_evidence(suite, traces))
        if options.golden is None:
            expects_text = options.gateway or not seen.sdks
            _write(golden, _first_case(case, traces, environment, expects_text=expects_text))
        claims = _claims(options, suite, evidence)
        _write(options.config, _config_text(options, evidence, claims=claims))
        if not workflow_path.exists() or options.force:
            _write(workflow_path, workflow_of(options.root))
    except BaseException:
        for path, old in replaced.items():
            if path.read_bytes() != old:
                write_bytes(path, old)
        for path in new:
            path.unlink(missing_ok=True)
            with suppress(OSError):  # not there, or somebody else's files are in it
                path.parent.rmdir()
        raise
    done = (options.config, *([] if options.golden else [golden]))
    files = (*done, *([workflow_path] if workflow_path in new or options.force else []))
    reports = run_suites(_suites(options), RunOptions(), environment, listen).reports
    return Written(files, evidence, reports)


def _asked(
    options: InitOptions, environment: Environment, listen: Listener
) -> tuple[Suite, tuple[Trace, ...]]:
    """Ask the agent every case once, recording its model calls."""
    (suite,) = _suites(options)
    config = suite.config.model_copy(update={"timeout_s": options.timeout_s})
    fresh = not suite.cassettes.exists()
    asked = replace(suite, config=config)
    calls: Calls = "record" if options.gateway else "replay"
    run_suites(
        (asked,), RunOptions(calls=calls), environment, listen
    )  # its verdict is the next run's
    traces = tuple(iter_traces(list_runs(suite.runs)[-1]))
    failed = [trace for trace in traces if trace.status != "finished"]
    error = None
    if failed and len(failed) == len(traces):
        error = _failure(failed[0], options, suite.runs)
    elif options.golden is None and _is_silent(traces[0]):
        error = AgentLoadError(
            f"the agent was asked {options.question!r} and answered nothing",
            fix="ask what it answers (--ask TEXT), or mend it; then the same command again",
        )
    if error is not None:
        if fresh:
            shutil.rmtree(suite.cassettes, ignore_errors=True)
        raise error
    return suite, traces


def _is_silent(trace: Trace) -> bool:
    """Say whether nothing was said and nothing done that a first case could expect."""
    acted = any(isinstance(step, ToolCall | Handoff) for step in trace.steps)
    return trace.output in (None, "") and not acted


def _failure(trace: Trace, options: InitOptions, runs: Path) -> AgentLoadError:
    names = "" if options.env_allow else "  (--env NAME passes a variable that it needs)"
    return AgentLoadError(
        f"the agent was asked {options.question!r} and {trace.status}: {trace.error or 'no reason'}"
        if options.golden is None
        else f"the agent failed in every case, in {trace.case_id!r} it {trace.status}: "
        f"{trace.error or 'no reason'}",
        fix=f"mend that, then the same command again; only its run was kept, in {runs}{names}",
    )


def _suites(options: InitOptions) -> tuple[Suite, ...]:
    return find_suites(Selection(options.config, (options.name,)))


def _first_case(
    case: Case, traces: Iterable[Trace], environment: Environment, *, expects_text: bool
) -> str:
    """Word what the agent answered as a case; a model that is not recorded may word it anew."""
    drafts, _ = draft_cases(traces, {case.id: case}, Redactor.build(environment.environ))
    (draft,) = drafts
    expected = draft.expected
    if not expects_text:
        something = OutputExpectation(regex=(r"\S",))
        expected = Expected(output=something, tool_calls=expected.tool_calls)
    given = {"id": "first", "status": "reviewed", "expected": expected}
    return f"{case_to_json(draft.model_copy(update=given))}\n"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)


def _evidence(suite: Suite, traces: Iterable[Trace]) -> list[str]:
    """Name the gated metrics that the trials give evidence for."""
    steps = [step for trace in traces for step in trace.steps]
    llm = [step for step in steps if isinstance(step, LlmCall)]
    priced = any(step.input_tokens is not None and step.model for step in llm)
    expects = any(case.expected.tool_calls is not None for case in load_golden(suite.golden).cases)
    called = any(isinstance(step, ToolCall) for step in steps)
    found = {
        "task_success_rate": True,
        "error_rate": True,
        "tool_call_accuracy": expects or called,
        "cost_per_interaction": priced or any(trace.cost_usd is not None for trace in traces),
    }
    return [name for name, there in found.items() if there]


def _claims(options: InitOptions, suite: Suite, evidence: Iterable[str]) -> bool:
    """Say whether what gates is the agent's own word."""
    if options.gateway or isinstance(parse_agent_line(options.agent), RecordedLine):
        return False
    expects = any(case.expected.rests_on_steps for case in load_golden(suite.golden).cases)
    return expects or not {"tool_call_accuracy", "cost_per_interaction"}.isdisjoint(evidence)


def _config_text(options: InitOptions, evidence: tuple[str, ...], *, claims: bool) -> str:
    gated = [line for name, line in GATED.items() if name in (evidence or ("task_success_rate",))]
    goals = [text for name, text in GOALS.items() if name not in evidence]
    env = ", ".join(map(_yaml, options.env_allow))
    longer = options.timeout_s > _TIMEOUT_S
    return CONFIG.format(
        name=_yaml(options.name),
        golden=_yaml(options.golden_path.as_posix()),
        agent=options.agent.replace("'", "''"),
        trust=f"\n      {_TRUST}" if claims else "",
        env=f"\n      env_allow: [{env}]  # variables that it may see" if env else "",
        timeout=f"timeout_s: {_yaml(options.timeout_s)}" if longer else "# timeout_s: 120",
        gateway="gateway: {}          # model calls are recorded once, then replayed without a key"
        if options.gateway
        else "# gateway: {}        # record the agent's model calls, replay them without a key",
        gated="\n".join(gated),
        goals="\n".join(goals),
    )


def _yaml(value: str | float) -> str:
    """Write a value as YAML; a text in quotes where it would be a number, a date, a comment."""
    return yaml.safe_dump(value, allow_unicode=True, width=math.inf).splitlines()[0]


def workflow_of(root: Path) -> str:
    """Write the workflow of a project, which installs what the agent needs."""
    if (root / "requirements.txt").is_file():
        return workflow("pip install -r requirements.txt")
    if (root / "pyproject.toml").is_file():
        return workflow("pip install -e .")
    return workflow(None)
