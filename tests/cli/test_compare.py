"""Tests of `evalgate compare`: two stored results in, a verdict out."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from support.cli import Cli

UPDATE = ("baseline", "update", "--reason", "first", "--force", "-q")


@pytest.fixture
def dropped(recorded: Path, cli: Cli, forget: Callable[[int], None]) -> Path:
    """Make a baseline, then a run in which one case of four got worse."""
    assert 0 == cli(*UPDATE).code
    forget(3)
    assert 0 == cli("run", "--format", "json", "--output", "now.json", "-q").code
    return recorded


def flat(folder: Path, name: str, **metrics: float) -> str:
    """Write a flat file of numbers."""
    (folder / name).write_text(json.dumps(metrics), encoding="utf-8")
    return name


@pytest.mark.parametrize("current", ["latest", ".evalgate/runs/latest", "now.json"])
def test_every_stored_form_can_be_compared(dropped: Path, cli: Cli, current: str) -> None:
    """A baseline against the newest run, by name or by path, and against a report."""
    result = cli("compare", "--baseline", "baselines/quiz.json", "--current", current, "-f", "json")
    changes = {change["id"]: change["outcome"] for change in result.json["changes"]}
    assert (1, "fail", "regressed") == (result.code, result.json["verdict"], changes["q4"])


@pytest.mark.parametrize("current", ["latest", "now.json", "baselines/quiz.json"])
@pytest.mark.parametrize("form", ["terminal", "markdown", "html", "junit", "github", "gitlab"])
def test_a_case_of_both_sides_is_not_missing(
    dropped: Path, cli: Cli, current: str, form: str
) -> None:
    """Every case is on both sides, whatever the files hold of it, and no page says otherwise."""
    del dropped
    for baseline in ("baselines/quiz.json", current):
        said = cli("compare", "--baseline", baseline, "--current", current, "-f", form).out
        assert re.search(r"not run now|\d missing|outcome: missing", said) is None


def test_a_failure_says_why(dropped: Path, cli: Cli) -> None:
    """A comparison that fails gives the reason that the run gave; its JSON holds no cases."""
    sides = ("compare", "--baseline", "baselines/quiz.json", "--current", "now.json")
    result = cli(*sides, "-o", "x.json")
    assert (1, []) == (result.code, json.loads((dropped / "x.json").read_text())["cases"])
    said = cli(*sides).out
    assert "the output is not 'answer 4'" in said
    assert "answered: no idea" in said


@pytest.mark.parametrize(
    ("current", "warned"), [("baselines/quiz.json", True), ("now.json", False), ("latest", False)]
)
def test_a_baseline_as_the_candidate_is_told(
    dropped: Path, cli: Cli, current: str, *, warned: bool
) -> None:
    """It holds scores alone: what else its run was judged by is not known."""
    del dropped
    sides = ("compare", "--baseline", "baselines/quiz.json", "--current", current)
    assert warned == ("the candidate is a baseline" in " ".join(cli(*sides).out.split()))


def test_a_run_folder_is_a_side(dropped: Path, cli: Cli) -> None:
    """Run folders stand on either side; the same on both shows no change."""
    first, last = sorted((dropped / ".evalgate" / "runs").iterdir())
    codes = [cli("compare", "--baseline", first, "--current", run).code for run in (first, last)]
    assert [0, 1] == codes


@pytest.mark.parametrize(
    ("before", "now", "threshold", "code"),
    [
        (0.9, 0.855, "0.05", 1),  # the boundary belongs to the failures (specs: the plain rule)
        (0.9, 0.8551, "0.05", 0),
        (0.9, 0.855, "5pp", 0),
        (0.9, 0.85, "5pp", 1),
        (0.9, 0.8, "20%", 0),
    ],
)
def test_flat_files_are_compared_by_value(
    recorded: Path, cli: Cli, before: float, now: float, threshold: str, code: int
) -> None:
    """`{metric: number}` files are means only, and the report says so."""
    base = flat(recorded, "base.json", task_success_rate=before)
    current = flat(recorded, "current.json", task_success_rate=now)
    result = cli("compare", "--baseline", base, "--current", current, "--threshold", threshold)
    assert code == result.code
    assert "means only" in result.out


@pytest.mark.parametrize("value", [1e300, -1e101])
def test_a_value_that_no_mean_is_made_of_is_refused(recorded: Path, cli: Cli, value: float) -> None:
    """A number that overflows sums is an error of the file, on either side."""
    base = flat(recorded, "base.json", task_success_rate=0.9)
    huge = flat(recorded, "huge.json", task_success_rate=value)
    for sides in ((base, huge), (huge, base)):
        result = cli("compare", "--baseline", sides[0], "--current", sides[1])
        assert 2 == result.code
        assert "expected a number up to 1e100" in result.err


def test_a_metric_that_is_gone_is_no_pass(recorded: Path, cli: Cli) -> None:
    """A gated metric that only the baseline has cannot be judged."""
    base = flat(recorded, "base.json", task_success_rate=0.9, tool_call_accuracy=0.9)
    current = flat(recorded, "current.json", task_success_rate=0.9)
    assert 3 == cli("compare", "--baseline", base, "--current", current).code


def test_the_policy_of_a_suite_counts(recorded: Path, cli: Cli) -> None:
    """`--suite` takes thresholds and gates of the configuration."""
    config = (recorded / "evalgate.yaml").read_text()
    config = config.replace("metrics: {error_rate: {max: 0.9}}", "threshold: 50%")
    (recorded / "evalgate.yaml").write_text(config)
    base = flat(recorded, "base.json", task_success_rate=0.9)
    current = flat(recorded, "current.json", task_success_rate=0.7)
    sides = ("compare", "--baseline", base, "--current", current)
    assert [1, 0] == [cli(*sides).code, cli(*sides, "--suite", "quiz").code]


def test_nothing_is_run(dropped: Path, cli: Cli) -> None:
    """Comparing makes no run folder and needs no traces."""
    (dropped / "traces.jsonl").unlink()
    before = sorted((dropped / ".evalgate" / "runs").iterdir())
    cli("compare", "--baseline", "baselines/quiz.json", "--current", "latest")
    assert before == sorted((dropped / ".evalgate" / "runs").iterdir())


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (("--baseline", "nowhere.json", "--current", "now.json"), 3, "nowhere.json"),
        (("--baseline", "now.json", "--current", "nowhere.json"), 2, "--current 'nowhere.json'"),
        (("--baseline", "evalgate.yaml", "--current", "now.json"), 2, "is a configuration"),
        (("--baseline", "golden.jsonl", "--current", "now.json"), 2, "golden set"),
        (("--baseline", "nan.json", "--current", "now.json"), 2, "NaN"),
        (("--baseline", "half.json", "--current", "now.json"), 2, "half.json"),
        (("--baseline", "now.json", "--current", "now.json", "--suite", "quix"), 2, "'quiz'"),
        (("--baseline", "now.json", "--current", "now.json", "--threshold", "x"), 2, "threshold"),
        (("--baseline", "now.json"), 2, "--current"),
    ],
)
def test_wrong_sides_are_named(
    dropped: Path, cli: Cli, arguments: tuple[str, ...], code: int, part: str
) -> None:
    """Each slip has its code and one clear message."""
    (dropped / "nan.json").write_text('{"task_success_rate": NaN}')
    text = (dropped / "baselines" / "quiz.json").read_text()
    (dropped / "half.json").write_text(text[: len(text) // 2])
    result = cli("compare", *arguments)
    assert code == result.code
    assert part in result.err
    assert "Traceback" not in result.err


def test_results_of_another_tool_are_told_no_commands_of_ours(recorded: Path, cli: Cli) -> None:
    """Their cases cannot be run or shown here, and there is no baseline to make."""
    for name, first, passed in (("a", 0, "true"), ("b", 5, "false")):
        rows = "".join(f"c{i},{passed}\n" for i in range(first, first + 9))
        (recorded / f"{name}.csv").write_text(f"id,passed\n{rows}")
    sides = ("compare", "--baseline", "a.csv", "--current", "b.csv", "--allow-removed")
    for form in ("terminal", "markdown", "github", "gitlab", "junit"):
        said = cli(*sides, "-f", form).out
        assert re.search(r"evalgate (run|show|score|baseline) ", said) is None
    assert "fix: run the tool on the same cases\n" in cli(*sides).out


@pytest.mark.parametrize("current", ["latest", "numbers.json"])
def test_numbers_have_no_cases(dropped: Path, cli: Cli, current: str) -> None:
    """A flat side misses no case, ran none, and is compared with none that is new."""
    flat(dropped, "numbers.json", task_success_rate=0.5, error_rate=0.0)
    baseline = "numbers.json" if current == "latest" else "baselines/quiz.json"
    sides = ("compare", "--baseline", baseline, "--current", current)
    assert [] == cli(*sides, "-f", "json").json["changes"]
    said = cli(*sides).out
    assert re.search(r"\d (missing|new)|0 cases|got worse", said) is None
    counters = cli(*sides, "-f", "openmetrics").out
    assert re.search(r"evalgate_run_(cases|trials|trials_run_total){.*} 0", counters) is None


def test_a_report_is_shown_as_it_says_of_itself(dropped: Path, cli: Cli) -> None:
    """Where its numbers come from, how it was run and what it holds: nothing is made up anew."""
    stored = json.loads((dropped / "now.json").read_text())
    shown = cli(
        "compare", "--baseline", "baselines/quiz.json", "--current", "now.json", "-f", "json"
    ).json
    for part in ("suite", "subject", "judge", "scorers", "pricing", "metrics", "rests_on"):
        assert stored[part] == shown[part]
    assert "recorded" in {metric["source"] for metric in shown["metrics"].values()}


def test_reports_of_several_suites_are_named(dropped: Path, cli: Cli) -> None:
    """They are no baseline that somebody forgot to name."""
    both = {"schema": "evalgate.reports/1", "verdict": "pass", "exit_code": 0, "suites": []}
    (dropped / "both.json").write_text(json.dumps(both))
    result = cli("compare", "--baseline", "now.json", "--current", "both.json")
    assert (2, True) == (result.code, "holds the reports of several suites" in result.err)


def test_a_number_that_one_file_lacks_is_asked_for(dropped: Path, cli: Cli) -> None:
    """No baseline of ours would bring it."""
    one = flat(dropped, "one.json", task_success_rate=1.0, mine=1.0)
    other = flat(dropped, "other.json", task_success_rate=1.0)
    said = cli("compare", "--baseline", one, "--current", other).out
    assert "fix: give files that have it, or set `mine: advisory`" in said
