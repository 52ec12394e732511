"""Awkward checkouts: each says what it is, and none passes for want of a base."""

import json
import re
import sys
from pathlib import Path

import pytest
from support.scratch import Scratch, copy_of, make_repository


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Scratch:
    """Make the repository once."""
    return make_repository(Scratch(tmp_path_factory.mktemp("template") / "repo"))


@pytest.fixture
def repo(template: Scratch, tmp_path: Path) -> Scratch:
    """Return a copy of the repository, on a branch `change`."""
    scratch = copy_of(template, tmp_path / "repo")
    scratch.branch()
    return scratch


def test_plain_git(repo: Scratch) -> None:
    """`--trusted-ref` works without any CI."""
    repo.write("evalgate.yaml", repo.read("evalgate.yaml") + "    gate: {threshold: 90%}\n")
    repo.commit()
    result = repo.gate({}, "--trusted-ref", "main")
    assert 0 == result.code
    assert "policy: gate.threshold.value: 0.05 -> 0.9" in result.json["warnings"]


def test_none_is_a_way_out(repo: Scratch) -> None:
    """`--trusted-ref none` judges by the working tree, also in CI."""
    result = repo.gate(repo.pull_request(), "--trusted-ref", "none")
    assert (0, False) == (result.code, any("judged by" in w for w in result.json["warnings"]))


def test_a_base_without_evalgate(repo: Scratch) -> None:
    """The first pull request ever is bootstrap: 3, with a report."""
    repo.git("checkout", "-q", "main")
    repo.git("rm", "-rq", "evalgate.yaml", "baselines", "golden_sets")
    repo.commit("before evalgate")
    repo.git("checkout", "-q", "-B", "adopt")
    repo.git("checkout", "-q", "HEAD^", "--", "evalgate.yaml", "baselines", "golden_sets")
    result = repo.gate(repo.pull_request(branch="adopt"))
    ids = [check["id"] for check in result.json["checks"] if check["outcome"] == "inconclusive"]
    assert (3, ["evidence.bootstrap"]) == (result.code, ids)


def test_a_base_without_a_baseline(repo: Scratch) -> None:
    """A suite whose first baseline has not landed is bootstrap; a baseline of its own lands it."""
    repo.git("checkout", "-q", "main")
    repo.git("rm", "-q", "baselines/sums.json")
    repo.commit("no baseline")
    repo.git("checkout", "-q", "-B", "change")
    repo.write("README.md", "x")
    assert 3 == repo.gate(repo.pull_request()).code
    repo.git("checkout", "-q", "-B", "first", "main")
    assert 0 == repo.evalgate("baseline", "update", "--reason", "first", "-q").code
    assert 0 == repo.gate(repo.pull_request(branch="first")).code


def test_no_git_in_ci(repo: Scratch, tmp_path: Path) -> None:
    """In CI there must be a base: 3 without git."""
    env = repo.pull_request()
    (repo.root / ".git").rename(tmp_path / "git")
    result = repo.gate(env)
    assert (3, True) == (result.code, "the base revision cannot be read" in result.err)


def test_a_shallow_clone(repo: Scratch, tmp_path: Path) -> None:
    """Without the base in the clone: 3, and the depth to fetch."""
    repo.write("README.md", "x")
    env = repo.pull_request()
    target = tmp_path / "shallow"
    repo.git("clone", "-q", "--depth", "1", f"file://{repo.root}", str(target))
    result = Scratch(target).gate(env)
    assert (3, True) == (result.code, "fetch-depth: 2" in result.err)


def test_two_pull_requests_at_once(repo: Scratch, tmp_path: Path) -> None:
    """Each is judged by the main it is merged into, not by the other."""
    other = copy_of(repo, tmp_path / "other")
    repo.write("evalgate.yaml", repo.read("evalgate.yaml") + "    gate: {threshold: 90%}\n")
    first = repo.pull_request()
    other.replace("agents/sums.py", "return str(", 'return "no" if int(left) > 15 else str(')
    second = other.pull_request()
    assert (0, 1) == (repo.gate(first).code, other.gate(second).code)
    other.git("fetch", "-q", str(repo.root), "change:policy")
    other.land("policy")
    assert 0 == other.gate(other.event(other.merge_commit())).code


def test_a_broken_golden_set_of_the_change(repo: Scratch) -> None:
    """A file that would break main is an error, though the base's is what ran."""
    repo.write("golden_sets/sums.jsonl", "{")
    assert 2 == repo.gate(repo.pull_request()).code


def test_without_a_configuration(repo: Scratch) -> None:
    """`--golden` and `--agent` have no base and nothing that gates; asking for one is an error."""
    arguments = ("--golden", "golden_sets/sums.jsonl", "--agent", "python:agents.sums:answer")
    plain = repo.evalgate("run", "-q", *arguments)
    asked = repo.evalgate("run", "-q", *arguments, "--trusted-ref", "main")
    assert (3, 2) == (plain.code, asked.code)


def test_shards_are_judged_by_the_base(repo: Scratch, tmp_path: Path) -> None:
    """Shards run under the base's policy, and merging them says what one run says."""
    repo.write("evalgate.yaml", repo.read("evalgate.yaml") + "    gate: {threshold: 90%}\n")
    repo.replace("agents/sums.py", "return str(", 'return "no" if int(left) > 15 else str(')
    env = repo.pull_request()
    files: list[str] = []
    digests: list[str] = []
    for number in (1, 2):
        files.append(str(tmp_path / f"{number}.json"))
        shard = ("--shard", f"{number}/2", "--partial", "-f", "json", "-o", files[-1])
        done = repo.evalgate("run", "-q", *shard, env=env)
        assert done.code in (0, 3)
        digests += ["--digest", *re.findall(r"report digest: (sha256:[0-9a-f]{64})", done.err)]
    merged = repo.evalgate("merge", *files, *digests, "--baseline", "-f", "json", env=env)
    whole = repo.gate(env)
    assert (1, 1) == (merged.code, whole.code)
    assert whole.json["metrics"]["task_success_rate"] == merged.json["metrics"]["task_success_rate"]


HOOK = """
import os, pathlib
pathlib.Path(os.environ["TMPDIR"], "ran").write_text("{0} " + os.environ.get("PLANTED", "clean"))
"""


def test_only_hooks_of_the_base_run(repo: Scratch, tmp_path: Path) -> None:
    """Neither a changed command nor a changed script, nor a variable of the changed agent."""
    repo.git("checkout", "-q", "main")
    repo.write("hook.py", HOOK.format("base"))
    line = f"    hooks: {{run: {{setup: {sys.executable} hook.py}}}}\n"
    repo.write("evalgate.yaml", repo.read("evalgate.yaml") + line)
    repo.commit("hooks")
    repo.git("checkout", "-q", "-B", "change")
    repo.write("hook.py", HOOK.format("change"))
    repo.write("other.py", HOOK.format("other"))
    repo.replace("evalgate.yaml", "hook.py", "other.py")
    repo.replace("evalgate.yaml", "workers: 1}", "workers: 1, env: {PLANTED: planted}}")
    result = repo.gate({**repo.pull_request(), "TMPDIR": str(tmp_path)})
    assert (0, "base clean") == (result.code, (tmp_path / "ran").read_text())
    assert any("policy: hooks.run.setup" in warning for warning in result.json["warnings"])


def test_hooks_of_a_suite_that_the_base_does_not_know_do_not_run(
    repo: Scratch, tmp_path: Path
) -> None:
    """Nobody whom the base trusts has looked at them."""
    repo.write("hook.py", HOOK.format("change"))
    new = repo.read("evalgate.yaml").partition("suites:\n")[2].replace("sums:", "more:", 1)
    line = f"    hooks: {{run: {{setup: {sys.executable} hook.py}}}}\n"
    repo.write("evalgate.yaml", repo.read("evalgate.yaml") + new + line)
    result = repo.gate({**repo.pull_request(), "TMPDIR": str(tmp_path)})
    assert not (tmp_path / "ran").exists()
    assert "its hooks did not run: the base has none" in json.dumps(result.json)
