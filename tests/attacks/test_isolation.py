"""An agent that attacks the gate from inside ends red, and speaks for nobody."""

import json
import re
import sys
from pathlib import Path

import pytest
from support.scratch import AGENT, Scratch

pytestmark = pytest.mark.slow


def attack(repo: Scratch, code: str, *, at_import: bool = False) -> None:
    """Let the agent do something and lose a quarter of its cases."""
    body = "".join(f"    {line}\n" for line in code.splitlines())
    call = "attack()\n" if at_import else ""
    worse = AGENT.replace("    left, right", "    attack()\n    left, right").replace(
        "return str(", 'return "no idea" if int(left) > 15 else str('
    )
    repo.write(
        "agents/sums.py", f"import os, signal, sys\n\n\ndef attack():\n{body}\n{call}{worse}"
    )


@pytest.mark.parametrize("code", ["os._exit(0)", "sys.exit(0)", "raise SystemExit", "quit()"])
def test_exit_0_from_inside(repo: Scratch, code: str) -> None:
    """An agent that ends its process failed its trial."""
    attack(repo, code)
    assert 1 == repo.gate(repo.pull_request()).code


@pytest.mark.parametrize("code", ["os._exit(0)", "sys.exit(0)"])
def test_exit_0_at_import(repo: Scratch, code: str) -> None:
    """An agent that ends while it is imported cannot be loaded: 2."""
    attack(repo, code, at_import=True)
    assert 2 == repo.gate(repo.pull_request()).code


GATE = """\
def above(pid):
    return int(open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[1])
gate = above(above(os.getppid()))  # guard and launcher are between
"""


@pytest.mark.parametrize(
    ("code", "ended"),
    [
        ("os.kill(gate, signal.SIGKILL)", -9),
        ("os.kill(gate, signal.SIGTERM)", -15),
        ("os.kill(gate, signal.SIGINT)", 130),
        ("os.killpg(os.getpgid(gate), signal.SIGKILL)", -9),
        ("os.kill(os.getppid(), signal.SIGKILL)", 1),
        ("os.kill(above(os.getppid()), signal.SIGKILL)", 1),
    ],
)
def test_killing_the_gate(repo: Scratch, code: str, ended: int) -> None:
    """A gate that was killed did not pass; behind the sandbox it cannot be."""
    once = "if 'ONCE' not in os.environ:\n    os.environ['ONCE'] = 'done'\n    "
    attack(repo, GATE + once + code)
    change = repo.pull_request()
    assert ended == repo.gate(change, "--sandbox=off").code
    assert 1 == repo.gate(change).code


COMMANDS = """\
text = "::set-output name=verdict::pass\\n ::add-mask::x\\n##[error]forged ::error::forged"
print(text, flush=True)
print(text, file=sys.stderr, flush=True)
raise RuntimeError(text)
"""


@pytest.mark.parametrize("form", ["terminal", "markdown", "json", "junit"])
def test_workflow_commands(repo: Scratch, form: str) -> None:
    """Nothing an agent prints or raises is a command in the workflow's log."""
    attack(repo, COMMANDS)
    env = repo.pull_request()
    result = repo.evalgate("run", "--baseline", "-f", form, env=env)
    lines = (result.out + result.err).splitlines()
    commands = [line for line in lines if line.lstrip().startswith("::") or "##[" in line]
    assert (1, []) == (result.code, commands)


def test_workflow_commands_at_import(repo: Scratch) -> None:
    """The message of an agent that cannot be loaded is no command either."""
    attack(repo, COMMANDS, at_import=True)
    result = repo.evalgate("run", "--baseline", env=repo.pull_request())
    lines = (result.out + result.err).splitlines()
    commands = [line for line in lines if line.lstrip().startswith("::") or "##[" in line]
    assert (2, []) == (result.code, commands)


def test_workflow_commands_of_one_suite_of_two(repo: Scratch) -> None:
    """The error of one suite beside another is no command either."""
    suite = "  broken: {golden: golden_sets/sums.jsonl, agent: 'python:agents.broken:answer'}\n"
    repo.write("evalgate.yaml", repo.read("evalgate.yaml") + suite)
    repo.write("agents/broken.py", "raise ValueError('\\n::error ::forged\\n##[error]forged')\n")
    result = repo.evalgate("run", "--baseline", env=repo.pull_request())
    lines = (result.out + result.err).splitlines()
    commands = [line for line in lines if line.lstrip().startswith("::") or "##[" in line]
    assert (2, []) == (result.code, commands)


def test_annotations_are_only_ours(repo: Scratch) -> None:
    """The annotations that evalgate writes hold no command of the agent's."""
    attack(repo, COMMANDS)
    result = repo.evalgate("run", "--baseline", "-f", "github", env=repo.pull_request())
    starts = {re.match(r"::(\w+)", line).group(1) for line in result.out.splitlines()}  # type: ignore[union-attr]  # a line that is none fails here
    assert (1, True) == (result.code, {"error", "notice", "warning"} >= starts)


def test_writing_the_files_of_the_workflow(repo: Scratch, tmp_path: Path) -> None:
    """The agent sees no variable of the workflow, whatever its configuration asks for."""
    attack(
        repo,
        "for name in sorted(os.environ):\n"
        "    if name.startswith(('GITHUB_', 'ACTIONS_', 'RUNNER_')):\n"
        "        open(os.environ[name], 'a').write('verdict=pass\\n')",
    )
    names = ("OUTPUT", "ENV", "PATH", "STEP_SUMMARY", "STATE")
    files = {f"GITHUB_{name}": str(tmp_path / name) for name in names}
    for path in files.values():
        Path(path).touch()
    env = repo.pull_request() | files | {"GITHUB_TOKEN": "secret", "ACTIONS_RUNTIME_TOKEN": "x"}
    assert 1 == repo.gate(env).code
    assert [""] * len(names) == [Path(path).read_text() for path in files.values()]


def test_asking_for_the_files_of_the_workflow(repo: Scratch) -> None:
    """A change cannot let its agent see more of the environment."""
    attack(repo, "assert 'GITHUB_TOKEN' not in os.environ and 'DEPLOY_KEY' not in os.environ")
    repo.replace("evalgate.yaml", "workers: 1", "workers: 1, env_allow: ['*'], isolation: none")
    env = repo.pull_request() | {"GITHUB_TOKEN": "secret", "DEPLOY_KEY": "secret"}
    result = repo.gate(env)
    assert (1, 0.25) == (result.code, 1 - result.json["metrics"]["task_success_rate"]["value"])


def test_naming_a_variable_of_the_workflow(repo: Scratch) -> None:
    """An agent's own `env` may not set the workflow's variables: 2."""
    repo.replace("evalgate.yaml", "workers: 1", "workers: 1, env: {GITHUB_OUTPUT: out}")
    assert 2 == repo.gate(repo.pull_request()).code


def test_a_score_in_the_agents_own_output(repo: Scratch) -> None:
    """A claimed score counts for nothing, whatever the change's configuration says."""
    claims = AGENT.replace(
        "    return str(int(left) + int(right))",
        '    return {"output": "no idea", "scores": {"task_success": 1.0, "correct": 1.0}, '
        '"cost_usd": 0.0, "status": "finished"}',
    )
    repo.write("agents/sums.py", claims)
    repo.replace("evalgate.yaml", "workers: 1", "workers: 1, trust_reported: true")
    repo.write(
        "evalgate.yaml", repo.read("evalgate.yaml") + "    recorded: {task_success: task_success}\n"
    )
    assert 1 == repo.gate(repo.pull_request()).code


FORGE = """\
import glob, tempfile
for pattern in ('.evalgate/runs/*/*', tempfile.gettempdir() + '/evalgate-base-*/base/*/*.json*'):
    for path in glob.glob(pattern):
        text = open(path).read().replace('"fail"', '"pass"').replace('"outcome":"1', '"x":"1')
        open(path, 'w').write(text if 'base' not in path else '')
"""


def test_forging_files_while_it_runs(repo: Scratch, tmp_path: Path) -> None:
    """What judges was read before the first agent ran; what one wrote on disk is not read again."""
    repo.git("checkout", "-q", "main")
    second = repo.read("evalgate.yaml").partition("suites:\n")[2].replace("  sums:", "  again:")
    repo.write("evalgate.yaml", repo.read("evalgate.yaml") + second)
    repo.write("baselines/again.json", repo.read("baselines/sums.json"))
    repo.commit()
    repo.git("checkout", "-q", "-B", "change")
    attack(repo, FORGE)
    (tmp_path / "own").mkdir()
    result = repo.gate(repo.pull_request() | {"TMPDIR": str(tmp_path / "own")})
    verdicts = [report["verdict"] for report in result.json["suites"]]
    assert (1, ["fail", "fail"]) == (result.code, verdicts)


SHADOW = 'import os\nopen("shadowed", "a").write(__name__ + "\\n")\nos._exit(0)\n'


SHADOWING = (
    "evalgate/__init__.py evalgate.py click.py pydantic/__init__.py yaml.py sitecustomize.py "
    "usercustomize.py conftest.py json.py"
)


@pytest.mark.parametrize("path", SHADOWING.split())
def test_shadowing_the_package(repo: Scratch, path: str) -> None:
    """Files of the change are not imported by the gate, neither by `-I -m` nor by the script."""
    attack(repo, "pass")
    repo.write(path, SHADOW)
    env = repo.pull_request() | {"PYTHONPATH": str(repo.root)}
    result = repo.gate(env)
    # The agent's own worker may import them: they are part of the agent, which then fails.
    assert result.code in (1, 2)


def test_shadowing_the_script(repo: Scratch) -> None:
    """The console script does not look into the folder it is started in."""
    attack(repo, "pass")
    repo.write("evalgate/__init__.py", SHADOW)
    repo.write("click.py", SHADOW)
    env = repo.pull_request()
    done = repo.start(
        str(repo.python.parent / "evalgate"), "run", "--baseline", "-q", "-f", "json", env=env
    )
    assert (1, False) == (done.returncode, (repo.root / "shadowed").exists())


def test_code_of_the_change_inside_the_gate(repo: Scratch) -> None:
    """Where the gate was started so that it runs such code, it says so and does not pass."""
    repo.write("sitecustomize.py", "HARMLESS = True\n")
    env = repo.pull_request() | {"PYTHONPATH": str(repo.root)}
    done = repo.start("-m", "evalgate", "run", "--baseline", "-q", "-f", "json", env=env)
    (said,) = [c for c in json.loads(done.stdout)["checks"] if c["id"] == "evidence.shadowed"]
    assert (3, True) == (done.returncode, "sitecustomize" in said["reason"])


def test_a_scorer_of_the_change(repo: Scratch) -> None:
    """The user's scorers are code that judges: the base's run."""
    repo.git("checkout", "-q", "main")
    scorer = "def kind(case, trace):\n    return float('idea' not in str(trace.output))\n"
    repo.write("judging/kindness.py", scorer)
    suite = "    scorers: {kindness: {call: 'judging.kindness:kind', gate: standard}}\n"
    repo.write("evalgate.yaml", repo.read("evalgate.yaml") + suite)
    repo.commit()
    made = repo.evalgate("baseline", "update", "--reason", "kindness", "-q")
    assert 0 == made.code
    repo.commit()
    repo.git("checkout", "-q", "-B", "change")
    repo.write("judging/kindness.py", "def kind(case, trace):\n    return 1.0\n")
    attack(repo, "pass")
    result = repo.gate(repo.pull_request())
    assert (1, 0.75) == (result.code, result.json["metrics"]["kindness"]["value"])


def test_eating_all_memory(repo: Scratch) -> None:
    """With a limit of the base an agent that takes too much fails its trials, and nothing else."""
    repo.git("checkout", "-q", "main")
    repo.replace("evalgate.yaml", "workers: 1", "workers: 1, max_memory_bytes: 300000000")
    repo.commit()
    repo.git("checkout", "-q", "-B", "change")
    attack(repo, "hoard = bytearray(2_000_000_000)")
    repo.replace("evalgate.yaml", "max_memory_bytes: 300000000", "max_memory_bytes: 30000000000")
    result = repo.gate(repo.pull_request())
    assert (1, 1.0) == (result.code, result.json["metrics"]["error_rate"]["value"])


def test_gaining_rights(repo: Scratch) -> None:
    """An agent's processes gain nothing by set-user-id programs, so not by `sudo`."""
    if sys.platform != "linux":
        pytest.skip("asked of the Linux kernel only")
    repo.write(
        "agents/sums.py",
        AGENT.replace(
            "    left, right",
            "    status = open('/proc/self/status').read()\n"
            "    assert 'NoNewPrivs:\\t1' in status\n    left, right",
        ),
    )
    assert 0 == repo.gate(repo.pull_request()).code
