"""A change that edits what it is judged by is judged by the base all the same."""

import json
import re

import pytest
from support.scratch import AGENT, Scratch, jsonl, sums

pytestmark = pytest.mark.slow

WORSE = AGENT.replace("return str(", 'return "no idea" if int(left) > 15 else str(')


@pytest.fixture
def worse(repo: Scratch) -> Scratch:
    """Return a repository whose change makes the agent worse: 5 of 20 sums are lost."""
    repo.write("agents/sums.py", WORSE)
    return repo


def accept(repo: Scratch) -> None:
    """Write a waiver that accepts almost any agent."""
    written = repo.evalgate(
        *("accept", "--metric", "task_success_rate", "--floor", "0.1"),
        *("--reason", "please", "--expires", "30d"),
    )
    assert 0 == written.code, written.err


def told(report: dict[str, object], part: str) -> bool:
    """Say whether a warning of a report says something."""
    warnings = report["warnings"]
    assert isinstance(warnings, list)
    return any(part in line for line in warnings)


def gating_failures(report: dict[str, object]) -> list[str]:
    """Name the checks that fail and are not advisory."""
    checks = report["checks"]
    assert isinstance(checks, list)
    return [c["id"] for c in checks if c["outcome"] == "fail" and c["gate"] != "advisory"]


def test_an_edited_baseline(worse: Scratch) -> None:
    """The baseline of the change, made to fit the worse agent, is shown and not used."""
    worse.commit()
    made = worse.evalgate("baseline", "update", "--reason", "fits", "-q")
    assert 0 == made.code
    result = worse.gate(worse.pull_request())
    assert (1, "fail") == (result.code, result.json["verdict"])
    assert told(result.json, "task_success_rate: 1 -> 0.75")


def test_a_baseline_edited_alone(repo: Scratch) -> None:
    """Lower numbers in a pull request of their own are not what running the agent gives."""
    text = repo.read("baselines/sums.json")
    text = text.replace('"task_success": "1"', '"task_success": "0"', 5)
    text = re.sub(r'("task_success_rate": \{[^}]*"mean": )1\.0', r"\g<1>0.75", text)
    text = re.sub(r'"se": [0-9.e-]+, ', "", text)
    repo.write("baselines/sums.json", text)
    result = repo.gate(repo.pull_request())
    failed = gating_failures(result.json)
    assert (1, ["baseline.reproduced"]) == (result.code, failed)


@pytest.mark.parametrize(
    ("old", "new", "failing"),
    [
        ('"mean": 1.0', '"mean": 0.5', "baseline.integrity"),
        (r'"dirty": false', '"dirty": true', "baseline.commit"),
        (r'"git_commit": "[0-9a-f]{40}"', f'"git_commit": "{"0" * 40}"', "baseline.commit"),
        (r'"noise": "none"', '"noise": "trials"', "baseline.trials"),
        (r'"forced": \[\]', '"forced": ["dirty"]', "baseline.rules"),
    ],
)
def test_a_baseline_of_doubtful_origin(repo: Scratch, old: str, new: str, failing: str) -> None:
    """Integrity and provenance are checked, field by field."""
    text, count = re.subn(old, new, repo.read("baselines/sums.json"), count=1)
    assert 1 == count
    repo.write("baselines/sums.json", text)
    result = repo.gate(repo.pull_request())
    failed = gating_failures(result.json)
    assert (1, True) == (result.code, failing in failed)


def test_a_baseline_without_a_case(repo: Scratch) -> None:
    """A case that the baseline leaves out would be a new one from then on, and not compared."""
    text, count = re.subn(r'\n"sum-20": .*', "", repo.read("baselines/sums.json"))
    assert 1 == count
    repo.write("baselines/sums.json", text.replace('"cases": 20', '"cases": 19'))
    result = repo.gate(repo.pull_request())
    failed = gating_failures(result.json)
    assert (1, ["baseline.digests", "baseline.reproduced"]) == (result.code, failed)


def test_a_removed_baseline(repo: Scratch) -> None:
    """A pull request that only removes the baseline fails."""
    (repo.root / "baselines/sums.json").unlink()
    assert 1 == repo.gate(repo.pull_request()).code


def test_a_lowered_threshold(worse: Scratch) -> None:
    """The old threshold judges, and the proposed one is shown."""
    worse.write("evalgate.yaml", worse.read("evalgate.yaml") + "    gate: {threshold: 90%}\n")
    result = worse.gate(worse.pull_request())
    assert (1, True) == (result.code, told(result.json, "gate.threshold.value: 0.05 -> 0.9"))


@pytest.mark.parametrize(
    "metrics",
    [
        "{task_success_rate: advisory}",
        "{task_success_rate: {min_abs_change: 1.0}}",
        "{task_success_rate: {threshold: 100%}}",
    ],
)
def test_a_metric_marked_advisory(worse: Scratch, metrics: str) -> None:
    """How a metric gates is the base's word."""
    worse.write(
        "evalgate.yaml", worse.read("evalgate.yaml") + f"    gate: {{metrics: {metrics}}}\n"
    )
    result = worse.gate(worse.pull_request())
    assert (1, True) == (result.code, told(result.json, "gate.metrics.task_success_rate"))


def test_deleted_cases(worse: Scratch) -> None:
    """Cases that the change deletes run all the same."""
    worse.write("golden_sets/sums.jsonl", jsonl(sums(15)))
    result = worse.gate(worse.pull_request())
    assert (1, True) == (result.code, told(result.json, "deletes 5 cases"))


def test_weakened_cases(worse: Scratch) -> None:
    """Cases that ask for less are run as the base has them."""
    rows = [row | {"expected": {"output": {"regex": [".*"]}}} for row in sums()]
    worse.write("golden_sets/sums.jsonl", jsonl(rows))
    result = worse.gate(worse.pull_request())
    assert (1, True) == (result.code, told(result.json, "changes what is asked or expected"))


@pytest.mark.parametrize("what", [{"status": "draft"}, {"weight": 0.001}])
def test_cases_that_hardly_count(worse: Scratch, what: dict[str, object]) -> None:
    """What was reviewed on the base still gates, with the weight that it has there."""
    rows = sums()
    worse.write("golden_sets/sums.jsonl", jsonl([*rows[:15], *(row | what for row in rows[15:])]))
    result = worse.gate(worse.pull_request())
    assert (1, True) == (result.code, told(result.json, "changes how it counts"))


def test_easy_cases_added(repo: Scratch) -> None:
    """New cases run as drafts: a hundred easy ones do not lift a worse agent over a `min`."""
    repo.git("checkout", "-q", "main")
    limits = "    gate: {threshold: 90%, metrics: {task_success_rate: {min: 0.9}}}\n"
    repo.write("evalgate.yaml", repo.read("evalgate.yaml") + limits)
    repo.commit()
    repo.git("checkout", "-q", "-B", "change")
    repo.write("agents/sums.py", WORSE)
    easy = [
        {"id": f"easy-{n}", "input": "1+1", "expected": {"output": {"equals": "2"}}}
        for n in range(100)
    ]
    repo.write("golden_sets/sums.jsonl", jsonl([*sums(), *easy]))
    result = repo.gate(repo.pull_request())
    assert (1, True) == (result.code, told(result.json, "adds 100 cases"))
    assert ["task_success_rate.min"] == gating_failures(result.json)


def test_a_renamed_golden_set(worse: Scratch) -> None:
    """The base's golden set runs, whatever the change calls its own."""
    worse.git("mv", "golden_sets/sums.jsonl", "golden_sets/renamed.jsonl")
    worse.write("golden_sets/renamed.jsonl", jsonl(sums(3)))
    worse.replace("evalgate.yaml", "sums.jsonl", "renamed.jsonl")
    result = worse.gate(worse.pull_request())
    assert (1, True) == (result.code, told(result.json, "golden: 'golden_sets/sums.jsonl'"))


def test_a_removed_suite(worse: Scratch) -> None:
    """A suite that the change removes, for one with easy limits, runs all the same."""
    worse.replace("evalgate.yaml", "sums:\n", "other:\n")
    easy = "    gate: {metrics: {task_success_rate: {min: 0.1}}}\n"
    worse.write("evalgate.yaml", worse.read("evalgate.yaml") + easy)
    result = worse.gate(worse.pull_request())
    reports = result.json.get("suites", [result.json])
    codes = {report["suite"]["id"]: report["exit_code"] for report in reports}
    assert (1, {"sums": 1, "other": 0}) == (result.code, codes)


def test_a_removed_configuration(worse: Scratch) -> None:
    """Without a configuration in the change, the base's still holds."""
    (worse.root / "evalgate.yaml").unlink()
    assert 1 == worse.gate(worse.pull_request()).code


def test_a_waiver_of_its_own(worse: Scratch) -> None:
    """A waiver that the change brings along is shown and does not count."""
    accept(worse)
    result = worse.gate(worse.pull_request())
    assert (1, True) == (result.code, told(result.json, "proposed waiver, not counting"))


@pytest.mark.parametrize("days", ["2020-01-01", "9999-12-31"])
def test_a_waiver_out_of_time(worse: Scratch, days: str) -> None:
    """A waiver that has expired, or never would, does not count even on the base."""
    worse.commit()
    worse.git("checkout", "-q", "main")
    worse.write(
        "baselines/waivers.yaml",
        "waivers:\n  - {suite: sums, metric: task_success_rate, floor: 0.1, reason: x, "
        f"expires: {days}}}\n",
    )
    worse.commit()
    assert 1 == worse.gate(worse.pull_request()).code


def test_a_waiver_that_counts(worse: Scratch) -> None:
    """One of the base that is in time accepts what the change loses."""
    worse.commit()
    worse.git("checkout", "-q", "main")
    accept(worse)
    worse.commit()
    assert 0 == worse.gate(worse.pull_request()).code


def test_another_file_of_waivers(worse: Scratch) -> None:
    """Which file of the base holds its waivers is the base's word: one of its examples does not."""
    worse.git("checkout", "-q", "main")
    accept(worse)
    (worse.root / "baselines/waivers.yaml").rename(worse.root / "baselines/example.yaml")
    worse.git("add", "baselines")
    worse.git("commit", "-q", "-m", "an example")
    worse.git("checkout", "-q", "-B", "change")
    worse.replace("evalgate.yaml", "allow_new_suites: true", "waivers: baselines/example.yaml")
    assert 1 == worse.gate(worse.pull_request()).code


@pytest.mark.parametrize("trust", ["", "trust: {allow_new_suites: true}\n"])
def test_a_new_suite_where_none_may_come(repo: Scratch, trust: str) -> None:
    """Where the base does not let suites in, a new one is no pass, whatever the change allows."""
    repo.git("checkout", "-q", "main")
    repo.replace("evalgate.yaml", "trust: {allow_new_suites: true}\n", "")
    repo.commit()
    repo.git("checkout", "-q", "-B", "change")
    suite = (
        "  twin: {golden: golden_sets/sums.jsonl, agent: 'python:agents.sums:answer', "
        "gate: {metrics: {task_success_rate: {min: 0.1}}}}\n"
    )
    repo.write("evalgate.yaml", trust + repo.read("evalgate.yaml") + suite)
    result = repo.gate(repo.pull_request())
    codes = {report["suite"]["id"]: report["exit_code"] for report in result.json["suites"]}
    assert (3, {"sums": 0, "twin": 3}) == (result.code, codes)


def test_a_new_suite_without_limits(repo: Scratch) -> None:
    """A new suite that states no limit has nothing to pass on."""
    suite = "  twin: {golden: golden_sets/sums.jsonl, agent: 'python:agents.sums:answer'}\n"
    repo.write("evalgate.yaml", repo.read("evalgate.yaml") + suite)
    result = repo.gate(repo.pull_request())
    codes = {report["suite"]["id"]: report["exit_code"] for report in result.json["suites"]}
    assert (3, {"sums": 0, "twin": 3}) == (result.code, codes)


def test_a_selection_of_the_cases(worse: Scratch) -> None:
    """Under a trusted base no case may be left out."""
    result = worse.gate(worse.pull_request(), "--partial", "--case", "sum-1")
    assert (2, True) == (result.code, "--partial is refused" in result.err)


def test_cases_that_the_base_has_lost(worse: Scratch) -> None:
    """A golden set of the base that is smaller than its baseline is not waved through."""
    worse.git("checkout", "-q", "main")
    worse.write("golden_sets/sums.jsonl", jsonl(sums(18)))
    worse.git("add", "golden_sets")
    worse.git("commit", "-q", "-m", "fewer")
    worse.git("checkout", "-q", "-B", "change")
    worse.replace("agents/sums.py", "> 15", "> 18")
    result = worse.gate(worse.pull_request(), "--allow-removed")
    assert (2, True) == (result.code, "--allow-removed is refused" in result.err)


def test_a_branch_checked_out_without_its_merge(worse: Scratch) -> None:
    """HEAD^1 of a branch is its author's own: the base is where the branch left main."""
    worse.write("evalgate.yaml", worse.read("evalgate.yaml") + "    gate: {threshold: 90%}\n")
    worse.commit("lower the threshold")
    worse.write("README.md", "Nothing to see.\n")
    head = worse.commit("innocent")
    result = worse.gate(worse.event(head))
    assert (1, True) == (result.code, told(result.json, "gate.threshold.value: 0.05 -> 0.9"))


def test_a_branch_whose_head_is_a_merge(worse: Scratch) -> None:
    """A head that is itself a merge commit is not taken for the one GitHub makes."""
    worse.write("evalgate.yaml", worse.read("evalgate.yaml") + "    gate: {threshold: 90%}\n")
    worse.commit()
    worse.git("checkout", "-q", "-b", "side", "main")
    worse.write("README.md", "x")
    side = worse.commit()
    worse.git("checkout", "-q", "change")
    worse.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    head = worse.git("rev-parse", "HEAD")
    assert side == worse.git("rev-parse", "HEAD^2")
    assert 1 == worse.gate(worse.event(head)).code


def test_a_recording_in_the_agents_place(worse: Scratch) -> None:
    """Traces that somebody wrote do not stand in for an agent that ran."""
    traces = [
        {"schema": "evalgate.trace/1", "case_id": row["id"], "trial": 0, "status": "finished"}
        | {"output": row["expected"]["output"]["equals"], "steps": []}
        for row in sums()
    ]
    worse.write("traces.jsonl", "".join(json.dumps(trace) + "\n" for trace in traces))
    worse.replace("evalgate.yaml", "python:agents.sums:answer", "recorded:traces.jsonl")
    result = worse.gate(worse.pull_request())
    assert (1, True) == (result.code, told(result.json, "a recording is no agent"))
