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
    ours = re.compile(r"::(error|notice|warning) (file=[^,:]*,line=\d+,)?title=evalgate sums")
    foreign = [line for line in result.out.splitlines() if not ours.match(line)]
    assert (1, []) == (result.code, foreign)


def test_writing_the_files_of_the_workflow(repo: Scratch) -> None:
    """The agent sees no variable of the workflow, so it writes no line for its later steps."""
    attack(
        repo,
        "for name in sorted(os.environ):\n"
        "    if name.startswith(('GITHUB_', 'ACTIONS_', 'RUNNER_')):\n"
        "        open(os.environ[name], 'a').write('forged=yes\\n')",
    )
    # The runner of these tests objects to what is left in the files of later steps.
    assert 1 == repo.gate(repo.pull_request()).code


@pytest.mark.parametrize("secret", ["GITHUB_TOKEN", "DEPLOY_KEY"])
def test_asking_for_more_of_the_environment(repo: Scratch, secret: str) -> None:
    """A change cannot let its agent see more of the environment, so as to know where it runs."""
    known = f"if {secret!r} not in os.environ:\n        return 'no idea'\n    left, right"
    repo.write("agents/sums.py", "import os\n" + AGENT.replace("left, right", known))
    repo.replace("evalgate.yaml", "workers: 1", "workers: 1, env_allow: ['*'], isolation: none")
    env = repo.pull_request() | {secret: "secret"}
    assert 1 == repo.gate(env).code


def test_naming_a_variable_of_the_workflow(repo: Scratch) -> None:
    """An agent's own `env` may not set the workflow's variables: 2."""
    repo.replace("evalgate.yaml", "workers: 1", "workers: 1, env: {GITHUB_OUTPUT: out}")
    assert 2 == repo.gate(repo.pull_request()).code


def test_a_score_in_the_agents_own_output(repo: Scratch) -> None:
    """A claimed score counts for nothing, whatever the change's configuration says."""
    claims = AGENT.replace(
        "    return str(int(left) + int(right))",
        '    said = {"name": "task_success", "value": 1.0}\n'
        '    return {"output": "no idea", "scores": [said], "cost_usd": 0.0, "status": "finished"}',
    )
    repo.write("agents/sums.py", claims)
    repo.replace("evalgate.yaml", "workers: 1", "workers: 1, trust_reported: true")
    repo.write(
        "evalgate.yaml", repo.read("evalgate.yaml") + "    recorded: {task_success: task_success}\n"
    )
    assert 1 == repo.gate(repo.pull_request()).code


FORGE = """\
import glob
for path in glob.glob('.evalgate/runs/*/*'):
    text = open(path).read().replace('"fail"', '"pass"').replace('"outcome":"1', '"x":"1')
    open(path, 'w').write(text)
for path in glob.glob('TEMPORARY/evalgate-base-*/base/baselines/again.json'):
    open(path, 'w').write(open('agents/forged.json').read())
"""


def test_forging_files_while_it_runs(repo: Scratch, tmp_path: Path) -> None:
    """What judges was read before the first agent ran; what one wrote on disk is not read again."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    repo.git("checkout", "-q", "main")
    second = repo.read("evalgate.yaml").partition("suites:\n")[2].replace("  sums:", "  again:")
    second = second.replace("agents.sums", "agents.again")
    repo.write("evalgate.yaml", repo.read("evalgate.yaml") + second)
    repo.write("agents/again.py", AGENT)
    repo.write("baselines/again.json", repo.read("baselines/sums.json"))
    repo.commit()
    repo.git("checkout", "-q", "-B", "change")
    repo.write("agents/again.py", AGENT.replace("return str(", 'return "no idea" or str('))
    repo.commit()
    made = repo.evalgate("baseline", "update", "--suite", "again", "--reason", "worse", "-q")
    assert 0 == made.code, made.err
    repo.write("agents/forged.json", repo.read("baselines/again.json"))
    repo.git("checkout", "-q", "--", "baselines")
    forge = "".join(f"        {line}\n" for line in FORGE.splitlines())
    forge = forge.replace("TEMPORARY", str(temporary))
    repo.write(
        "agents/sums.py",
        "from contextlib import suppress\n"
        + AGENT.replace("    left,", f"    with suppress(OSError):\n{forge}    left,"),
    )
    result = repo.gate(repo.pull_request() | {"TMPDIR": str(temporary)})
    verdicts = [report["verdict"] for report in result.json["suites"]]
    assert (1, ["pass", "fail"]) == (result.code, verdicts)


SHADOW = 'import os\nopen("shadowed", "a").write(__name__ + "\\n")\nos._exit(0)\n'


SHADOWING = [
    *("evalgate/__init__.py", "evalgate.py", "click.py", "pydantic/__init__.py", "yaml.py"),
    *("sitecustomize.py", "json.py"),
]


@pytest.mark.parametrize("path", SHADOWING)
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
    checks = json.loads(done.stdout)["checks"]
    said = [check["reason"] for check in checks if check["id"] == "evidence.shadowed"]
    assert (3, True) == (done.returncode, "sitecustomize" in "".join(said))


def test_a_scorer_of_the_change(repo: Scratch) -> None:
    """The user's scorers are code that judges: the base's run."""
    repo.git("checkout", "-q", "main")
    scorer = "def kind(case, trace):\n    return float('idea' not in str(trace.output))\n"
    repo.write("judging/kindness.py", scorer)
    suite = "    scorers: {kindness: {call: 'judging.kindness:kind', gate: standard}}\n"
    suite += "    gate: {metrics: {task_success_rate: advisory}}\n"
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
    hoard = "hoard = bytearray(2_000_000_000)\n    left, right"
    repo.write("agents/sums.py", AGENT.replace("left, right", hoard))
    repo.replace("evalgate.yaml", "max_memory_bytes: 300000000", "max_memory_bytes: 30000000000")
    result = repo.gate(repo.pull_request())
    assert (1, 1.0) == (result.code, result.json["metrics"]["error_rate"]["value"])


def test_gaining_rights(repo: Scratch) -> None:
    """An agent's processes gain nothing by set-user-id programs, so not by `sudo`."""
    if sys.platform != "linux":
        pytest.skip("asked of the Linux kernel only")
    asked = "status = open('/proc/self/status').read()\n    assert 'NoNewPrivs:\\t0' in status\n"
    repo.write("agents/sums.py", AGENT.replace("    left, right", f"    {asked}    left, right"))
    assert 1 == repo.gate(repo.pull_request()).code
