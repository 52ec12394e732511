"""The runner: every verdict on its own case, caps, interruptions, and nothing reported early."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from evalgate.agents.base import Agent, Context
from evalgate.agents.runner import (
    Progress,
    RunOutcome,
    RunPlan,
    Sink,
    first_failure,
    run_trials,
)
from evalgate.errors import AgentLoadError, InputError
from evalgate.schema.config import Caps
from evalgate.schema.golden import Case
from evalgate.schema.result import TrialResult, TrialUsage
from evalgate.schema.score import Score, Scored
from evalgate.schema.trace import ToolCall, Trace
from evalgate.store.run_lines import iter_traces, iter_trials

Judge = Callable[[Case, Trace], TrialResult]
Open = Callable[[Case, int], Any]


@dataclass
class MemorySink:
    """Keeps trials in memory; each is on "disk" when the loop comes round."""

    kept: list[tuple[Trace, TrialResult]] = field(default_factory=list)
    fail_at: int | None = None
    held: "asyncio.Future[None] | None" = None

    def append(self, trace: Trace, result: TrialResult) -> "asyncio.Future[None]":
        """Keep a trial."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.fail_at is not None and len(self.kept) >= self.fail_at:
            done.set_exception(InputError("disk full"))
            return done
        self.kept.append((trace, result))
        if self.held is not None:
            self.held.add_done_callback(lambda _: done.set_result(None))
        else:
            done.set_result(None)
        return done


@dataclass
class Echo:
    """Answers with the case's own id after a random pause; counts what runs at once."""

    pause_s: float = 0.0
    trials: int | None = None
    running: int = 0
    most: int = 0
    asked: list[tuple[str, int]] = field(default_factory=list)
    rng: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311  # a pause

    async def run(self, case: Case, context: Context) -> Trace:
        """Answer."""
        self.asked.append((case.id, context.trial))
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(self.rng.random() * self.pause_s)
        finally:
            self.running -= 1
        call = ToolCall(name=f"tool-{case.id}", arguments={"trial": context.trial})
        return Trace(case_id=case.id, trial=context.trial, output=case.id, steps=(call,))

    async def close(self) -> None:
        """Do nothing."""


def cases(count: int) -> list[Case]:
    """Make cases with distinct ids."""
    return [Case(id=f"case-{index}", input=f"question {index}") for index in range(count)]


def run(
    agent: Agent,
    plan: RunPlan,
    sink: Sink,
    score: Judge,
    opened: Open,
    on_progress: Callable[[Progress], None] | None = None,
) -> RunOutcome:
    """Run a plan to its end."""
    return asyncio.run(
        run_trials(plan, agent, score=score, sink=sink, context_for=opened, on_progress=on_progress)
    )


def test_every_verdict_on_its_own_case(score: Judge, context_for: Open) -> None:
    """With 1,000 cases x 2 trials at concurrency 50, no answer or step lands on another case."""
    sink, agent = MemorySink(), Echo(0.004)
    seen: list[Progress] = []
    plan = RunPlan(cases(1000), range(2), 50)
    outcome = run(agent, plan, sink, score, context_for, on_progress=seen.append)
    assert (2000, True) == (outcome.finished, outcome.complete)
    assert 50 == agent.most
    wrong = [
        result.case_id
        for trace, result in sink.kept
        if not trace.case_id == result.case_id == trace.output
        or trace.trial != result.trial
        or [(f"tool-{result.case_id}", {"trial": result.trial})]
        != [(s.name, s.arguments) for s in trace.steps if isinstance(s, ToolCall)]
        or result.scores != {"task_success": Scored(1.0)}
    ]
    assert [] == wrong
    assert 2000 == len({(p.result.case_id, p.result.trial) for p in seen})


def test_shared_state_of_an_agent_stays_out(
    agent_file: Callable[..., Path], tmp_path: Path, score: Judge, context_for: Open
) -> None:
    """An agent that reuses one list and one context variable for all trials mixes up no trial."""
    agent_file(
        """
        import asyncio, contextvars, random
        current = contextvars.ContextVar("current", default="none")
        steps = []
        async def answer(case, context):
            before = current.get()
            current.set(case.id)
            steps.clear()
            steps.append({"kind": "tool_call", "name": case.id, "arguments": {"a": [case.id]}})
            await asyncio.sleep(0.001)
            steps.clear()
            steps.append({"kind": "tool_call", "name": case.id, "arguments": {"a": [case.id]}})
            return {"output": f"{case.id} after {before}", "steps": steps}
        """,
        "shared_agent.py",
    )
    from evalgate.agents.factory import open_agent  # noqa: PLC0415
    from evalgate.schema.config import AgentConfig  # noqa: PLC0415

    sink = MemorySink()

    async def main() -> RunOutcome:
        config = AgentConfig(run="python:shared_agent:answer", isolation="none")
        async with open_agent(
            config, root=tmp_path, concurrency=50, timeout_s=5, environ={}
        ) as agent:
            plan = RunPlan(cases(500), range(1), 50)
            return await run_trials(plan, agent, score=score, sink=sink, context_for=context_for)

    assert asyncio.run(main()).complete
    for trace, result in sink.kept:
        assert f"{result.case_id} after none" == trace.output
        assert [result.case_id] == [step.name for step in trace.steps]


def test_an_agent_that_cancels_its_task(
    agent_file: Callable[..., Path], tmp_path: Path, score: Judge, context_for: Open
) -> None:
    """An agent that cancels the task it runs in fails its own trial and no other."""
    agent_file(
        """
        import asyncio
        async def answer(case, context):
            if case.id in ("case-3", "case-5"):
                asyncio.current_task().cancel()
                if case.id == "case-5":
                    return "done"
            await asyncio.sleep(0.001)
            return case.id
        """,
        "cancelling_agent.py",
    )
    from evalgate.agents.factory import open_agent  # noqa: PLC0415
    from evalgate.schema.config import AgentConfig  # noqa: PLC0415

    sink = MemorySink()

    async def main() -> RunOutcome:
        config = AgentConfig(run="python:cancelling_agent:answer", isolation="none")
        async with open_agent(
            config, root=tmp_path, concurrency=3, timeout_s=5, environ={}
        ) as agent:
            plan = RunPlan(cases(20), range(1), 3)
            return await run_trials(plan, agent, score=score, sink=sink, context_for=context_for)

    assert asyncio.run(main()).complete
    ended = {trace.case_id: trace.status for trace, _ in sink.kept}
    assert {"case-3", "case-5"} == {case for case, status in ended.items() if status == "crashed"}


def test_trials_go_round_by_round(score: Judge, context_for: Open) -> None:
    """All cases get a trial before any gets the next; done ones are left out."""
    agent = Echo()
    plan = RunPlan(cases(2), range(1, 3), 1, done={("case-0", 1)})
    outcome = run(agent, plan, MemorySink(), score, context_for)
    assert [("case-1", 1), ("case-0", 2), ("case-1", 2)] == agent.asked
    assert RunOutcome(4, 4) == outcome


def test_nothing_to_do(score: Judge, context_for: Open) -> None:
    """A run that is done already ends at once."""
    done = {("case-0", 0)}
    outcome = run(Echo(), RunPlan(cases(1), range(1), 5, done), MemorySink(), score, context_for)
    assert outcome.complete


def test_reported_only_when_on_disk(score: Judge, context_for: Open) -> None:
    """No trial is reported while the disk has not confirmed it."""
    seen: list[Progress] = []

    async def main() -> int:
        sink = MemorySink(held=asyncio.get_running_loop().create_future())
        running = asyncio.ensure_future(
            run_trials(
                RunPlan(cases(20), range(1), 5),
                Echo(),
                score=score,
                sink=sink,
                context_for=context_for,
                on_progress=seen.append,
            )
        )
        await asyncio.sleep(0.05)
        early = len(seen)
        assert 20 == len(sink.kept)
        assert sink.held is not None
        sink.held.set_result(None)
        await running
        return early

    assert 0 == asyncio.run(main())
    assert list(range(1, 21)) == [progress.finished for progress in seen]


def usage_score(cost: float | None, tokens: int | None) -> Judge:
    """Return a score that says what each trial used."""

    def score(case: Case, trace: Trace) -> TrialResult:
        scores: dict[str, Score] = {} if cost is None else {"cost_usd": Scored(cost)}
        return TrialResult(
            case_id=case.id,
            trial=trace.trial,
            status=trace.status,
            scores=scores,
            usage=TrialUsage(tokens, 0) if tokens is not None else TrialUsage(),
        )

    return score


@pytest.mark.parametrize(
    ("caps", "cost", "tokens", "finished", "reason"),
    [
        (Caps(cost_usd=0.05), 0.01, None, range(5, 9), "0.05 USD is reached"),
        (Caps(tokens=500), None, 100, range(5, 9), "500 tokens is reached"),
        (Caps(cost_usd=0.05), None, 100, range(4, 9), "no trial's cost is known"),
        (Caps(tokens=500), 0.01, None, range(4, 9), "no trial's tokens are known"),
        (Caps(seconds=0.15), 0.01, 100, range(1, 350), "0.15 s is reached"),
    ],
)
def test_caps(
    context_for: Open,
    caps: Caps,
    cost: float | None,
    tokens: int | None,
    finished: range,
    reason: str,
) -> None:
    """A cap ends the run, keeps what is done, and says why; unknown cost does not slip under it."""
    sink = MemorySink()
    plan = RunPlan(cases(400), range(1), 4, caps=caps)
    outcome = run(Echo(0.01), plan, sink, usage_score(cost, tokens), context_for)
    assert "cap" == outcome.stopped
    assert reason in (outcome.reason or "")
    assert outcome.finished in finished
    assert outcome.finished == len(sink.kept)
    assert not outcome.complete


def test_unknown_counts_as_the_dearest(context_for: Open) -> None:
    """A trial of unknown cost is charged like the dearest known one."""
    costs = iter([0.02] + [None] * 100)

    def score(case: Case, trace: Trace) -> TrialResult:
        return usage_score(next(costs), None)(case, trace)

    plan = RunPlan(cases(50), range(1), 1, caps=Caps(cost_usd=0.06))
    assert 3 == run(Echo(), plan, MemorySink(), score, context_for).finished


def test_fail_fast(context_for: Open) -> None:
    """`first_failure` ends the run at the first trial that did not succeed."""

    def score(case: Case, trace: Trace) -> TrialResult:
        value = 0.0 if case.id == "case-3" else 1.0
        return TrialResult(case.id, trace.trial, "finished", {"task_success": Scored(value)})

    plan = RunPlan(cases(50), range(1), 1, stop_on=first_failure)
    outcome = run(Echo(), plan, MemorySink(), score, context_for)
    assert RunOutcome(50, 4, "asked", "case 'case-3', trial 0 failed") == outcome


def test_full_disk_ends_the_run(score: Judge, context_for: Open) -> None:
    """A sink that cannot write ends the run with its own error, and cancels the agents."""
    agent = Echo(0.01)
    with pytest.raises(InputError, match="disk full"):
        run(agent, RunPlan(cases(1000), range(1), 5), MemorySink(fail_at=7), score, context_for)
    assert len(agent.asked) < 50
    assert 0 == agent.running


def test_a_useless_agent_ends_the_run(score: Judge, context_for: Open) -> None:
    """An AgentLoadError of one trial ends the run; what was finished is kept."""

    class Broken(Echo):
        async def run(self, case: Case, context: Context) -> Trace:
            if case.id == "case-5":
                raise AgentLoadError("gone")
            return await super().run(case, context)

    sink = MemorySink()
    with pytest.raises(AgentLoadError, match="gone"):
        run(Broken(), RunPlan(cases(50), range(1), 1), sink, score, context_for)
    assert 5 == len(sink.kept)


def test_a_trace_of_another_case(score: Judge, context_for: Open) -> None:
    """A plugin that answers with a trace of another case is found out."""

    class Mixed(Echo):
        async def run(self, case: Case, context: Context) -> Trace:
            del case
            return Trace(case_id="case-0", trial=context.trial)

    with pytest.raises(InputError, match="with a trace of case 'case-0'"):
        run(Mixed(), RunPlan(cases(2), range(1), 1), MemorySink(), score, context_for)


def test_cancelled_run_keeps_what_is_finished(score: Judge, context_for: Open) -> None:
    """Ctrl-C cancels the agents, and everything that was finished is reported and kept."""
    seen: list[Progress] = []
    sink, agent = MemorySink(), Echo(0.02)

    async def main() -> None:
        running = asyncio.ensure_future(
            run_trials(
                RunPlan(cases(10_000), range(1), 5),
                agent,
                score=score,
                sink=sink,
                context_for=context_for,
                on_progress=seen.append,
            )
        )
        await asyncio.sleep(0.1)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(main())
    assert 0 == agent.running
    assert 0 < len(seen) == len(sink.kept) < 1000


def test_contexts_are_closed(score: Judge) -> None:
    """The context of every trial is opened once and closed, crashes included."""
    opened: list[str] = []
    closed: list[str] = []

    @asynccontextmanager
    async def context_for(case: Case, trial: int) -> AsyncIterator[Context]:
        opened.append(case.id)
        try:
            yield Context(trial=trial)
        finally:
            closed.append(case.id)

    run(Echo(), RunPlan(cases(10), range(1), 3), MemorySink(), score, context_for)
    assert sorted(opened) == sorted(closed)


CHILD = """
    import asyncio, sys
    from contextlib import asynccontextmanager
    from pathlib import Path
    from evalgate.agents.base import Agent, Context
    from evalgate.agents.factory import open_agent
    from evalgate.agents.runner import RunPlan, run_trials
    from evalgate.schema.config import AgentConfig
    from evalgate.schema.golden import Case
    from evalgate.schema.result import Manifest, TrialResult
    from evalgate.schema.score import Score, Scored
    from evalgate.store.run_writer import create_run, resume_run

    root = Path(sys.argv[1])

    @asynccontextmanager
    async def context_for(case, trial):
        yield Context(trial=trial)

    def score(case, trace):
        return TrialResult(case.id, trace.trial, trace.status, {"task_success": Scored(1.0)})

    async def main():
        folder = root / "runs" / "r1"
        manifest = Manifest(run_id="r1", suite="s", golden="g", golden_digest="d",
                            agent="a", trials=1, created="2026-01-01T00:00:00Z")
        opened = resume_run(folder) if folder.exists() else create_run(root / "runs", manifest)
        config = AgentConfig(run="python:logged_agent:answer", isolation="none")
        async with (
            open_agent(config, root=root, concurrency=8, timeout_s=5, environ={}) as agent,
            opened as writer,
        ):
            cases = [Case(id=f"c{i}", input="x") for i in range(150)]
            plan = RunPlan(cases, range(1), 8, done=writer.done)
            say = lambda p: print(p.result.case_id, flush=True)
            await run_trials(plan, agent, score=score, sink=writer, context_for=context_for,
                             on_progress=say)

    asyncio.run(main())
"""


def test_kill_and_resume(agent_file: Callable[..., Path], tmp_path: Path) -> None:
    """After `kill -9`, a resumed run runs nothing again that was reported, and loses nothing."""
    agent_file(
        """
        import asyncio
        async def answer(case):
            await asyncio.sleep(0.01)
            with open("calls.log", "a") as log:
                log.write(case.id + "\\n")
            return case.id
        """,
        "logged_agent.py",
    )
    program = [sys.executable, "-c", textwrap.dedent(CHILD), str(tmp_path)]
    reported: list[str] = []
    with subprocess.Popen(program, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        for line in first.stdout:
            reported.append(line.strip())
            if len(reported) == 40:
                os.kill(first.pid, signal.SIGKILL)
                break
        reported += [line.strip() for line in first.stdout if line.endswith("\n")]
    folder = tmp_path / "runs" / "r1"
    on_disk = {result.case_id for result in iter_trials(folder)}
    assert set(reported) <= on_disk
    assert 40 <= len(on_disk) < 150
    with (folder / "trials.jsonl").open("ab") as file:
        file.write(b'{"case_id": "torn')
    before = (tmp_path / "calls.log").read_text(encoding="utf-8").split()
    subprocess.run(program, cwd=tmp_path, check=True, capture_output=True)
    again = (tmp_path / "calls.log").read_text(encoding="utf-8").split()[len(before) :]
    assert set() == on_disk & set(again)
    wanted = sorted(f"c{index}" for index in range(150))
    assert wanted == sorted(result.case_id for result in iter_trials(folder))
    assert wanted == sorted(trace.case_id for trace in iter_traces(folder))


def test_few_tasks_for_many_trials(score: Judge, context_for: Open) -> None:
    """30,000 trials are never 30,000 tasks."""
    most = 0

    class Watched(Echo):
        async def run(self, case: Case, context: Context) -> Trace:
            nonlocal most
            if len(self.asked) % 1000 == 0:
                most = max(most, len(asyncio.all_tasks()))
            return await super().run(case, context)

    started = time.process_time()
    plan = RunPlan(cases(3000), range(2), 50)
    run(Watched(), plan, MemorySink(), score, context_for)
    assert most < 60
    assert time.process_time() - started < 20
