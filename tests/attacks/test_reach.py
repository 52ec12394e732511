"""An agent that reaches for what is not its own: refused one by one, each by its name."""

import json
import socket
from collections.abc import Iterator, Mapping

import pytest
from support.scratch import Scratch, copy_of, jsonl

pytestmark = pytest.mark.slow

AGENT = '''
import ctypes, os, signal, socket, subprocess, sys
from pathlib import Path
from tempfile import gettempdir


def above(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def guard():
    return os.getppid()


def gate():
    """Find the gate: guard and launcher are between."""
    return above(above(guard()))


def answer(case, context):
    exec(case.messages[-1]["content"], globals())
    return "reached"
'''

ATTACKS = {
    "baseline": "open('baselines/reach.json').read()",
    "golden set": "open('golden_sets/reach.jsonl').read()",
    "other suite's golden set": "open('golden_sets/sums.jsonl').read()",
    "verdicts": "open('cassettes/reach/verdicts/v.jsonl').read()",
    "waivers": "open('baselines/waivers.yaml').read()",
    "git": "open('.git/config').read()",
    "runs": "list(open(f) for f in Path('.evalgate/runs').rglob('*.json*'))[0].read()",
    "environment of the gate": "open(f'/proc/{gate()}/environ').read()",
    "environment of its guard": "open(f'/proc/{guard()}/environ').read()",
    "memory of its guard": "open(f'/proc/{guard()}/mem', 'rb').seek(0)",
    "files of the gate": "os.readlink(f'/proc/{gate()}/fd/1')",
    "root of the gate": "Path('/proc', str(gate()), 'root', 'etc', 'hostname').read_text()",
    "home": "open('HOME/secret').read()",
    "write to the checkout": "open('agents/sums.py', 'a').write('x')",
    "write beside it": "open('../stolen', 'w').write('x')",
    "move out of scratch": "open(gettempdir() + '/x', 'w').write('x'); "
    "os.rename(gettempdir() + '/x', 'agents/x')",
    "truncate": "os.truncate('agents/sums.py', 0)",
    "connect": "socket.create_connection(('127.0.0.1', PORT))",
    "connect by IPv6": "socket.create_connection(('::1', PORT))",
    "connect from a child": "subprocess.run([sys.executable, '-c', "
    "\"import socket; socket.create_connection(('127.0.0.1', PORT))\"], check=True)",
    "connect by Multipath TCP": "socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)"
    ".connect(('127.0.0.1', PORT))",
    "connect in the first packet": "socket.socket().sendto(b'x', 0x20000000, ('127.0.0.1', PORT))",
    "UDP": "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', PORT))",
    "UNIX socket": "socket.socket(socket.AF_UNIX).connect('HOME/socket')",
    "socket of the host": "socket.socket(socket.AF_VSOCK)",
    "listen": "socket.create_server(('127.0.0.1', 0))",
    "signal the gate": "os.kill(gate(), signal.SIGCONT)",
    "signal its guard": "os.kill(guard(), signal.SIGCONT)",
    "attach": "ctypes.CDLL(None, use_errno=True).ptrace(0x4206, guard(), 0, 0) and "
    "exec('raise PermissionError(1, \"not permitted\")')",
}

CONFIG = """\
suites:
  reach:
    golden: golden_sets/reach.jsonl
    agent: {run: "python:agents.reach:answer", workers: 1, env: {A: b}}
    gate: {metrics: {task_success_rate: {min: 1.0}}}
  sums:
    golden: golden_sets/sums.jsonl
    agent: {run: "python:agents.sums:answer", workers: 1}
"""

Said = Mapping[str, Mapping[str, str]]


def outcome(repo: Scratch, *more: str) -> tuple[int, Said]:
    """Run the suite; return the exit code and the traces."""
    done = repo.evalgate("run", "--suite", "reach", "-q", "--format", "json", *more)
    runs = sorted((repo.root / ".evalgate/runs").iterdir())
    text = (runs[-1] / "traces.jsonl").read_text(encoding="utf-8")
    traces = [json.loads(line) for line in text.splitlines()]
    return done.code, {trace["case_id"]: trace for trace in traces}


@pytest.fixture(scope="module")
def both(
    template: Scratch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[tuple[int, Said], tuple[int, Said]]]:
    """Run every attack without and with the sandbox."""
    repo = copy_of(template, tmp_path_factory.mktemp("reach") / "repo")
    home = tmp_path_factory.mktemp("home")
    (home / "secret").write_text("secret", encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        engine = socket.socket(socket.AF_UNIX)
        engine.bind(str(home / "socket"))
        engine.listen()
        six = socket.create_server(("::1", port), family=socket.AF_INET6)
        rows = [
            {
                "id": name,
                "input": code.replace("PORT", str(port)).replace("HOME", str(home)),
                "expected": {"output": {"equals": "reached"}},
            }
            for name, code in ATTACKS.items()
        ]
        repo.write("golden_sets/reach.jsonl", jsonl(rows))
        repo.write("evalgate.yaml", CONFIG)
        repo.write("agents/reach.py", AGENT)
        for name in ("baselines/reach.json", "cassettes/reach/verdicts/v.jsonl"):
            repo.write(name, "{}")
        repo.write("baselines/waivers.yaml", "waivers: []\n")
        first = outcome(repo, "--sandbox=off")
        repo.write("agents/reach.py", AGENT)
        repo.git("checkout", "-q", "agents/sums.py")
        yield first, outcome(repo, "--sandbox")
        six.close()
        engine.close()


def test_green_without(both: tuple[tuple[int, Said], tuple[int, Said]]) -> None:
    """Without the sandbox every attack reaches what it wants."""
    code, traces = both[0]
    missed = {name: t.get("error") for name, t in traces.items() if t.get("output") != "reached"}
    assert (0, {}) == (code, missed)


@pytest.mark.parametrize("name", ATTACKS)
def test_refused(both: tuple[tuple[int, Said], tuple[int, Said]], name: str) -> None:
    """Behind it each is refused, and the trial says what was."""
    code, traces = both[1]
    trace = traces[name]
    assert (1, "crashed") == (code, trace["status"]), trace
    words = ("Permission denied", "not permitted", "CalledProcessError")  # the last: of a child
    assert any(word in trace["error"] for word in words), trace


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("baseline", "closes"),
        ("write to the checkout", "write: ["),
        ("connect", "connect: ['127.0.0.1:"),
        ("home", "read: ["),
        ("UDP", "connect: [udp]"),
        ("UNIX socket", "connect: [unix]"),
        ("signal the gate", "keeps signals among the agent's own processes"),
        ("environment of its guard", "of another process"),
    ],
)
def test_refusals_explain_themselves(
    both: tuple[tuple[int, Said], tuple[int, Said]], name: str, told: str
) -> None:
    """A refusal names the path or port, and the line that would allow it, where one would."""
    assert told in both[1][1][name]["error"]
