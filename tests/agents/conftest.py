"""Shared parts: cases, a way to open agents, a score, contexts without a gateway."""

import asyncio
import os
import textwrap
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from evalgate.agents.base import Context
from evalgate.agents.factory import open_agent
from evalgate.schema.config import AgentConfig
from evalgate.schema.golden import Case
from evalgate.schema.result import TrialResult
from evalgate.schema.score import Scored
from evalgate.schema.trace import Trace

Run = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture
def agent_file(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a Python module into the root folder."""

    def write(source: str, name: str = "my_agent.py") -> Path:
        path = tmp_path / name
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        return path

    return write


@pytest.fixture
def ask(tmp_path: Path) -> Callable[..., Trace]:
    """Return a function that runs one trial of an agent and returns its trace."""

    def ask_once(
        run: str | AgentConfig,
        case: Case | str = "hello",
        *,
        timeout_s: float = 10.0,
        context: Context | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Trace:
        config = AgentConfig(run=run) if isinstance(run, str) else run
        asked = Case(id="c1", input=case) if isinstance(case, str) else case

        async def main() -> Trace:
            async with open_agent(
                config,
                root=tmp_path,
                concurrency=2,
                timeout_s=timeout_s,
                environ=os.environ if environ is None else environ,
            ) as agent:
                return await agent.run(asked, context or Context(timeout_s=timeout_s))

        return asyncio.run(main())

    return ask_once


def plain_score(case: Case, trace: Trace) -> TrialResult:
    """Score 1 for an answer that holds the case's id."""
    right = trace.status == "finished" and case.id in str(trace.output)
    return TrialResult(
        case_id=case.id,
        trial=trace.trial,
        status=trace.status,
        scores={"task_success": Scored(float(right))},
        error=trace.error,
    )


@asynccontextmanager
async def plain_context(_case: Case, trial: int) -> AsyncIterator[Context]:
    """Return the context of a trial without a gateway."""
    yield Context(trial=trial, timeout_s=10.0)


@pytest.fixture
def score() -> Callable[[Case, Trace], TrialResult]:
    """Return the scoring function."""
    return plain_score


@pytest.fixture
def context_for() -> Callable[[Case, int], Any]:
    """Return the function that opens contexts."""
    return plain_context


def _is_gone(pid: int) -> bool:
    for _ in range(150):
        try:
            os.kill(pid, 0)
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
        except (ProcessLookupError, FileNotFoundError):
            return True
        if stat.rsplit(")", 1)[1].split()[0] == "Z":
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def gone() -> Callable[[int], bool]:
    """Return a function that tells whether a process is over; it waits a moment for that."""
    return _is_gone
