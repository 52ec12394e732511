"""Worker processes: nothing an agent does to its process ends ours, hangs us or leaks into it."""

import asyncio
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from evalgate.agents.base import Agent, Context
from evalgate.agents.factory import open_agent
from evalgate.errors import AgentLoadError, ConfigError
from evalgate.schema.config import AgentConfig
from evalgate.schema.golden import Case
from evalgate.schema.trace import Trace

Ask = Callable[..., Trace]
Write = Callable[..., Path]
Gone = Callable[[int], bool]


def config(**more: object) -> AgentConfig:
    """Configure the function `answer` in a process of its own."""
    return AgentConfig.model_validate(
        {"run": "python:my_agent:answer", "isolation": "process", **more}
    )


def several(tmp_path: Path, asked: AgentConfig, *texts: str, timeout_s: float = 5.0) -> list[Trace]:
    """Ask one worker several questions, one after the other."""

    async def main() -> list[Trace]:
        async with open_agent(
            asked, root=tmp_path, concurrency=1, timeout_s=timeout_s, environ=os.environ
        ) as agent:
            return [
                await agent.run(Case(id=f"c{index}", input=text), Context(timeout_s=timeout_s))
                for index, text in enumerate(texts)
            ]

    return asyncio.run(main())


HANGS = {
    "python": "while True: pass",
    "sleep": "time.sleep(60)",
    "deaf": "signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)",
    "c": "sum(itertools.repeat(1))",
    "stopped": "os.kill(os.getpid(), signal.SIGSTOP)",
}


@pytest.mark.parametrize("hang", HANGS)
def test_hanging_agents_end(agent_file: Write, tmp_path: Path, hang: str, gone: Gone) -> None:
    """A hang of any kind ends at the timeout, the process with it, and the next trial runs."""
    agent_file(
        f"""
        import itertools, os, signal, time
        def answer(question):
            if question == "hang":
                open("pid", "w").write(str(os.getpid()))
                {HANGS[hang]}
            return "fine"
        """
    )
    hung, fine = several(tmp_path, config(), "hang", "go", timeout_s=0.4)
    assert (hung.status, fine.status, fine.output) == ("timed_out", "finished", "fine")
    assert "0.4 s" in (hung.error or "")
    assert gone(int((tmp_path / "pid").read_text(encoding="utf-8")))


@pytest.mark.parametrize("setsid", [False, True])
def test_children_end_too(agent_file: Write, tmp_path: Path, gone: Gone, *, setsid: bool) -> None:
    """The children of a hanging agent end with it, even those in a session of their own."""
    if setsid and not Path("/proc/self/environ").exists():
        pytest.skip("finding processes that left the group needs /proc")
    agent_file(
        f"""
        import subprocess, time
        def answer(question):
            child = subprocess.Popen(["sleep", "60"], start_new_session={setsid})
            open("pid", "w").write(str(child.pid))
            time.sleep(60)
        """
    )
    (hung,) = several(tmp_path, config(), "hang", timeout_s=0.5)
    assert hung.status == "timed_out"
    assert gone(int((tmp_path / "pid").read_text(encoding="utf-8")))


def test_children_end_when_the_pool_closes(agent_file: Write, tmp_path: Path, gone: Gone) -> None:
    """What an agent leaves running after an ordinary answer ends with its worker."""
    agent_file(
        """
        import subprocess
        def answer(question):
            return subprocess.Popen(["sleep", "60"]).pid
        """
    )
    (trace,) = several(tmp_path, config(), "go")
    assert isinstance(trace.output, int)
    assert gone(trace.output)


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ("sys.exit(0)", "crashed", "sys.exit(0)"),
        ("sys.exit(3)", "crashed", "sys.exit(3)"),
        ("os._exit(0)", "crashed", "exit code 0 before it answered"),
        ("os._exit(7)", "crashed", "exit code 7"),
        ("os.kill(os.getpid(), 9)", "crashed", "SIGKILL"),
        ("os.kill(0, 15)", "crashed", "SIGTERM"),
        ("ctypes.string_at(0)", "crashed", "SIGSEGV"),
        ("raise KeyboardInterrupt", "crashed", "KeyboardInterrupt"),
        ("print('last words', file=sys.stderr); os._exit(1)", "crashed", "last words"),
        ("os.write(CHANNEL, b'garbage' * 10); return 1", "bad_output", "garbage"),
        ("os.write(CHANNEL, b'O' + b'\\xff' * 8); return 1", "bad_output", "garbage"),
        ("os.close(CHANNEL); return 1", "crashed", ""),
        ("os.fork() or time.sleep(60); os._exit(0)", "crashed", "exit code 0"),
        ("print('x' * 10_000_000); return 'printed'", "finished", ""),
        ("x = []; x.append(x); return x", "bad_output", "ircular"),
        ("def f(): return f()\n            return f()", "crashed", "RecursionError"),
    ],
)
def test_what_agents_do_to_themselves(
    agent_file: Write, tmp_path: Path, body: str, status: str, reason: str
) -> None:
    """Whatever an agent does to its process is its own failed trial; the next one runs."""
    agent_file(
        f"""
        import ctypes, os, sys, time
        CHANNEL = int(sys.argv[-1])
        def answer(question):
            if question == "go":
                return "fine"
            {body}
        """
    )
    bad, fine = several(tmp_path, config(), "bad", "go")
    assert status == bad.status
    assert reason in (bad.error or "")
    assert ("finished", "fine") == (fine.status, fine.output)


def test_a_worker_is_reused(agent_file: Write, tmp_path: Path) -> None:
    """Trials share a worker, its import and its event loop; nothing is started for each."""
    agent_file(
        """
        import asyncio, os
        loops = set()
        async def answer(question):
            loops.add(asyncio.get_running_loop())
            return [os.getpid(), len(loops)]
        """
    )
    first, second = several(tmp_path, config(), "a", "b")
    assert first.output == second.output
    assert isinstance(first.output, list)
    assert first.output[0] != os.getpid()


def test_leftover_tasks_end_with_their_trial(agent_file: Write, tmp_path: Path) -> None:
    """A task that a trial leaves behind does not run into the next one."""
    agent_file(
        """
        import asyncio
        seen = []
        async def later(question):
            await asyncio.sleep(0.05)
            seen.append(question)
        async def answer(question):
            asyncio.ensure_future(later(question))
            if question == "b":
                await asyncio.sleep(0.2)
            return list(seen)
        """
    )
    _, second = several(tmp_path, config(), "a", "b")
    assert second.output == ["b"]


def test_many_at_once(agent_file: Write, tmp_path: Path) -> None:
    """200 trials on 4 workers: each answer belongs to its own case."""
    agent_file(
        """
        import os, random, time
        def answer(case, context):
            time.sleep(random.random() * 0.01)
            return [case.id, context.trial, os.getpid()]
        """
    )

    async def main() -> list[Trace]:
        async with open_agent(
            config(workers=4), root=tmp_path, concurrency=50, timeout_s=10, environ=os.environ
        ) as agent:
            return await asyncio.gather(*(one(agent, index) for index in range(200)))

    async def one(agent: Agent, index: int) -> Trace:
        return await agent.run(Case(id=f"c{index}", input="x"), Context(trial=index % 3))

    traces = asyncio.run(main())
    outputs = [trace.output for trace in traces]
    assert [[f"c{index}", index % 3] for index in range(200)] == [o[:2] for o in outputs]  # type: ignore[index]
    assert 2 <= len({o[2] for o in outputs}) <= 4  # type: ignore[index]


def test_environment_does_not_leak(agent_file: Write, ask: Ask) -> None:
    """An isolated agent sees basics, what is allowed and what is set, never the workflow's."""
    agent_file(
        """
        import os, subprocess
        def answer(case, context):
            return [dict(os.environ), subprocess.check_output(["env"], text=True)]
        """
    )
    workflow = dict.fromkeys(
        [
            "GITHUB_OUTPUT",
            "GITHUB_ENV",
            "GITHUB_PATH",
            "GITHUB_STEP_SUMMARY",
            "GITHUB_STATE",
            "GITHUB_TOKEN",
            "ACTIONS_RUNTIME_TOKEN",
            "ACTIONS_ID_TOKEN_REQUEST_URL",
        ],
        "planted",
    )
    trace = ask(
        config(env={"SET": "by config"}, env_allow=["ALLOWED", "MY_*"]),
        environ={
            **workflow,
            "PATH": os.environ["PATH"],
            "SECRET": "planted",
            "OPENAI_API_KEY": "planted",
            "ALLOWED": "yes",
            "MY_THING": "yes",
        },
        context=Context(env={"OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}),
    )
    assert isinstance(trace.output, list)
    seen = trace.output[0]
    assert isinstance(seen, dict)
    assert "planted" not in str(trace.output)
    expected = {
        "SET": "by config",
        "ALLOWED": "yes",
        "MY_THING": "yes",
        "OPENAI_BASE_URL": "http://127.0.0.1:1/v1",
    }
    assert expected == {name: seen.get(name) for name in expected}


def test_variables_of_a_trial_end_with_it(agent_file: Write, tmp_path: Path) -> None:
    """A variable of one trial is gone in the next."""
    agent_file("import os\ndef answer(x): return [os.environ.get('A'), os.environ.get('B')]\n")

    async def main() -> list[object]:
        async with open_agent(
            config(), root=tmp_path, concurrency=1, timeout_s=5, environ=os.environ
        ) as agent:
            case = Case(id="c", input="x")
            contexts = (Context(env={"A": "1"}), Context(env={"B": "2"}))
            return [(await agent.run(case, context)).output for context in contexts]

    assert [["1", None], [None, "2"]] == asyncio.run(main())


@pytest.mark.parametrize("where", ["env", "env_allow"])
def test_workflow_variables_are_refused(ask: Ask, where: str) -> None:
    """Handing over the workflow's variables is an error, not a silence."""
    value: object = {"GITHUB_TOKEN": "x"} if where == "env" else ["GITHUB_TOKEN"]
    with pytest.raises(ConfigError, match="GITHUB_TOKEN"):
        ask(config(**{where: value}))


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import os; os._exit(0)", "exit code 0 while it was imported"),
        ("import sys, os; print('why', file=sys.stderr); os._exit(1)", "why"),
        ("import sys, os; os.write(int(sys.argv[-1]), b'x' * 100)", "channel"),
    ],
)
def test_hostile_imports(agent_file: Write, ask: Ask, source: str, reason: str) -> None:
    """A module that ends its process when imported cannot be loaded; our process goes on."""
    agent_file(source)
    with pytest.raises(AgentLoadError, match=reason):
        ask(config())


def test_endpoints_of_workers(agent_file: Write, tmp_path: Path) -> None:
    """With slots, a client built at import keeps the worker's own URL, which is then switched."""
    agent_file(
        """
        import os
        URL = os.environ["OPENAI_BASE_URL"]
        def answer(case, context):
            return [URL, context.base_url]
        """
    )
    switched: list[tuple[int, int]] = []

    class Endpoints:
        def environment(self, slot: int) -> Mapping[str, str]:
            return {"OPENAI_BASE_URL": f"http://worker-{slot}"}

        def switch(self, slot: int, context: Context) -> Context:
            switched.append((slot, context.trial))
            return replace(context, base_url=f"http://worker-{slot}", env=self.environment(slot))

    async def main() -> list[object]:
        async with open_agent(
            AgentConfig(run="python:my_agent:answer", workers=2),
            root=tmp_path,
            concurrency=2,
            timeout_s=5,
            environ=os.environ,
            slots=Endpoints(),
        ) as agent:
            case = Case(id="c", input="x")
            asked = [agent.run(case, Context(trial=trial)) for trial in range(4)]
            return [trace.output for trace in await asyncio.gather(*asked)]

    outputs = asyncio.run(main())
    assert all(isinstance(o, list) and o[0] == o[1] for o in outputs)
    assert [0, 1, 2, 3] == sorted(trial for _, trial in switched)


def test_workers_end_with_a_killed_parent(agent_file: Write, tmp_path: Path, gone: Gone) -> None:
    """After `kill -9` of the runner, a hanging agent and its child are gone too."""
    agent_file(
        """
        import os, subprocess, time
        def answer(question):
            child = subprocess.Popen(["sleep", "60"])
            with open("new", "w") as file:
                file.write(f"{os.getpid()} {child.pid}")
            os.rename("new", "pids")
            time.sleep(60)
        """
    )
    program = """
        import asyncio, os, sys
        from pathlib import Path
        from evalgate.agents.base import Context
        from evalgate.agents.factory import open_agent
        from evalgate.schema.config import AgentConfig
        from evalgate.schema.golden import Case

        async def main():
            config = AgentConfig(run="python:my_agent:answer")
            async with open_agent(config, root=Path.cwd(), concurrency=1, timeout_s=60,
                                  environ=os.environ) as agent:
                await agent.run(Case(id="c", input="x"), Context())

        asyncio.run(main())
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], cwd=tmp_path) as parent:
        for _ in range(500):
            if (tmp_path / "pids").exists():
                break
            time.sleep(0.02)
        pids = [int(pid) for pid in (tmp_path / "pids").read_text(encoding="utf-8").split()]
        parent.kill()
    assert [True, True] == [gone(pid) for pid in pids]


def test_cancelled_trial_ends_its_process(agent_file: Write, tmp_path: Path, gone: Gone) -> None:
    """Ctrl-C in the middle of a trial ends the worker, and the pool still closes."""
    agent_file(
        """
        import os, time
        def answer(question):
            with open("new", "w") as file:
                file.write(str(os.getpid()))
            os.rename("new", "pid")
            time.sleep(60)
        """
    )

    async def main() -> None:
        async with open_agent(
            config(), root=tmp_path, concurrency=1, timeout_s=60, environ=os.environ
        ) as agent:
            running = asyncio.ensure_future(agent.run(Case(id="c", input="x"), Context()))
            while not (tmp_path / "pid").exists():  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running

    asyncio.run(main())
    assert gone(int((tmp_path / "pid").read_text(encoding="utf-8")))
