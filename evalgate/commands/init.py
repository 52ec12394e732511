"""Writes a first configuration, golden set and workflow, from one probe of the agent."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from evalgate.agents.base import Context
from evalgate.agents.factory import open_agent
from evalgate.commands.draft import draft_cases
from evalgate.commands.templates import CONFIG, GATED, GOALS, WORKFLOW
from evalgate.errors import ConfigError
from evalgate.schema.agent_line import RecordedLine, parse_agent_line
from evalgate.schema.config import AgentConfig
from evalgate.schema.golden import Case
from evalgate.schema.trace import LlmCall, ToolCall, Trace
from evalgate.store.atomic import write_text
from evalgate.store.golden_sets.golden import case_to_json, load_golden
from evalgate.text.redact import Redactor

__all__ = ["InitOptions", "Written", "init_project"]

_PROBE = "Hello! What can you help me with?"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class InitOptions:
    """What to set up."""

    agent: str
    """The agent, as `run` of the configuration."""
    root: Path
    """Where to write."""
    golden: Path | None = None
    """An existing golden set; null: one is started with the probe."""
    name: str = "main"
    """Name of the suite."""
    timeout_s: float = 60.0
    """Seconds the probe may take."""
    force: bool = False
    """Whether existing files are replaced."""


@dataclass(frozen=True, slots=True)
class Written:
    """What was done."""

    files: tuple[Path, ...]
    """Files written."""
    probe: Trace
    """What the agent did."""
    evidence: tuple[str, ...]
    """Metrics that gate."""


def init_project(options: InitOptions, environ: Mapping[str, str]) -> Written:
    """Probe the agent with one case and write the files.

    Raises:
        ConfigError: A file exists already, or the name fits no file.
        AgentLoadError: The agent cannot be loaded.
    """
    if not _NAME.fullmatch(options.name):
        raise ConfigError(
            f"--name {options.name!r}: expected letters, digits, '-', '_' and '.', at most 64",
            fix="--name support",
        )
    line = parse_agent_line(options.agent)
    if options.golden is None and isinstance(line, RecordedLine):
        traces, draft = line.target, f"golden_sets/{options.name}.jsonl"
        raise ConfigError(
            "recorded traces answer no question that was not asked: --golden is missing",
            fix=f"evalgate golden add --from {traces} --to {draft}, then --golden {draft}",
        )
    golden = options.golden or Path("golden_sets") / f"{options.name}.jsonl"
    config = options.root / "evalgate.yaml"
    workflow = options.root / ".github" / "workflows" / "evalgate.yml"
    new = [config, *([] if options.golden else [options.root / golden])]
    existing = [path for path in new if path.exists()]
    if existing and not options.force:
        raise ConfigError(
            f"{existing[0]} exists already", fix="evalgate init --force  (replaces it)"
        )
    case = _probe_case(options)
    trace = asyncio.run(_probe(options, case, environ))
    evidence = tuple(_evidence(case, trace))
    redactor = Redactor.build(environ)
    texts = {config: _config_text(options, golden, evidence)}
    if options.golden is None:
        drafts, _ = draft_cases([trace], {case.id: case}, redactor)
        texts[options.root / golden] = "".join(f"{case_to_json(d)}\n" for d in drafts or [case])
    if not workflow.exists() or options.force:
        texts[workflow] = WORKFLOW
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
    return Written(tuple(texts), trace, evidence)


def _probe_case(options: InitOptions) -> Case:
    if options.golden is None:
        return Case(id="probe", input=_PROBE, status="draft")
    cases = load_golden(options.root / options.golden).cases
    if not cases:
        raise ConfigError(f"{options.golden}: holds no case to probe the agent with")
    return cases[0]


async def _probe(options: InitOptions, case: Case, environ: Mapping[str, str]) -> Trace:
    async with open_agent(
        AgentConfig(run=options.agent),
        root=options.root,
        concurrency=1,
        timeout_s=options.timeout_s,
        environ=environ,
    ) as agent:
        return await agent.run(case, Context(timeout_s=options.timeout_s))


def _evidence(case: Case, trace: Trace) -> list[str]:
    """Name the gated metrics that one trial gives evidence for."""
    llm = [step for step in trace.steps if isinstance(step, LlmCall)]
    priced = any(step.input_tokens is not None and step.model for step in llm)
    expects = case.expected.tool_calls is not None
    called = any(isinstance(step, ToolCall) for step in trace.steps)
    found = {
        "task_success_rate": True,
        "error_rate": True,
        "tool_call_accuracy": expects or called,
        "cost_per_interaction": priced or trace.cost_usd is not None,
    }
    return [name for name, there in found.items() if there]


def _config_text(options: InitOptions, golden: Path, evidence: tuple[str, ...]) -> str:
    gated = [line for name, line in GATED.items() if name in evidence]
    goals = [text for name, text in GOALS.items() if name not in evidence]
    return CONFIG.format(
        name=options.name,
        golden=golden.as_posix(),
        agent=options.agent.replace("'", "''"),
        gated="\n".join(gated),
        goals="\n".join(goals),
    )
