"""Tests of `evalgate run`: verdicts, exit codes, and every kind of bad input."""

import json
from pathlib import Path

import pytest
from support.cli import Cli

UPDATE = ("baseline", "update", "--reason", "first", "--force", "-q")


@pytest.fixture
def based(quiz: Path, cli: Cli) -> Path:
    """Give the project a baseline."""
    assert 0 == cli(*UPDATE).code
    return quiz


def test_an_unchanged_agent_passes(based: Path, cli: Cli) -> None:
    """A run compared with its own baseline shows exactly no change."""
    result = cli("run", "--baseline", "--format", "json")
    assert (0, "pass") == (result.code, result.json["verdict"])
    times = ("completion_time_p50", "completion_time_p95")
    checks = [check for check in result.json["checks"] if check["metric"] not in times]
    assert {0.0, None} >= {check["change"] for check in checks}


def test_a_planted_regression_fails(based: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """One case of four lost is a drop of 25 %: exit 1, the case named with a way to repeat it."""
    monkeypatch.setenv("AGENT_FORGETS", "sky")
    result = cli("run", "--baseline", "--format", "json")
    (worst,) = [change for change in result.json["changes"] if change["outcome"] == "regressed"]
    assert (1, "fail", "q4") == (result.code, result.json["verdict"], worst["id"])
    assert "evalgate run --suite quiz --case q4" == worst["reproduce"]


def test_a_crashing_agent_fails(based: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash stays in the denominator and is an error of its own."""
    monkeypatch.setenv("AGENT_CRASHES", "sky")
    result = cli("run", "--baseline", "--format", "json")
    metrics = result.json["metrics"]
    assert (1, 0.75, 0.25) == (
        result.code,
        metrics["task_success_rate"]["value"],
        metrics["error_rate"]["value"],
    )


def test_a_deleted_case_is_inconclusive(based: Path, cli: Cli) -> None:
    """Removing a hard case must not improve a score."""
    lines = (based / "golden.jsonl").read_text().splitlines(keepends=True)
    (based / "golden.jsonl").write_text("".join(lines[:-1]))
    assert 3 == cli("run", "--baseline").code


def test_a_broken_scorer_is_inconclusive(based: Path, cli: Cli) -> None:
    """A gated metric whose scorer raises has no evidence."""
    (based / "my_scorers.py").write_text("def kind(case, trace):\n    raise ValueError('x')\n")
    config = (based / "evalgate.yaml").read_text()
    config += "    scorers: {kindness: {call: 'my_scorers:kind', gate: standard}}\n"
    (based / "evalgate.yaml").write_text(config)
    result = cli("run", "--baseline", "--format", "json")
    assert 3 == result.code
    assert "kindness" in {c["metric"] for c in result.json["checks"] if c["outcome"] != "pass"}


def test_a_missing_baseline_says_how_to_make_one(quiz: Path, cli: Cli) -> None:
    """Without a baseline there is nothing to compare with, which is no pass."""
    result = cli("run", "--baseline")
    assert 3 == result.code
    assert "evalgate baseline update --suite quiz" in result.err


def test_a_report_serves_as_baseline_without_a_configuration(recorded: Path, cli: Cli) -> None:
    """What the message says to do works."""
    suite = ("run", "--golden", "golden.jsonl", "--agent", "recorded:traces.jsonl")
    missing = cli(*suite, "--baseline")
    assert 3 == missing.code
    assert "--output base.json, then --baseline base.json" in missing.err
    assert 3 == cli(*suite, "--output", "base.json").code
    assert 0 == cli(*suite, "--baseline", "base.json").code


def test_without_baseline_only_limits_are_checked(quiz: Path, cli: Cli) -> None:
    """No comparison is said, and a limit still fails."""
    assert "no comparison" in cli("run").out
    config = (quiz / "evalgate.yaml").read_text()
    limit = "cost_per_interaction: {max: 0.000001}"
    config = config.replace("error_rate: {max: 0.9}", limit)
    (quiz / "evalgate.yaml").write_text(config)
    assert 1 == cli("run").code


def test_a_selection_is_partial(based: Path, cli: Cli) -> None:
    """A selected case that passes is inconclusive, or a pass with `--partial`."""
    codes = [cli("run", "--baseline", "--case", "q1", *more).code for more in ((), ("--partial",))]
    assert [3, 0] == codes


def test_formats_and_outputs_pair_in_order(based: Path, cli: Cli) -> None:
    """Each output is written in its format; standard output still shows the report."""
    result = cli(
        "run", "-f", "json", "-o", "out/report.json", "-f", "junit", "-o", "out/report.xml"
    )
    assert "quiz: PASS" in result.out
    assert "pass" == json.loads((based / "out/report.json").read_text())["verdict"]
    assert (based / "out/report.xml").read_text().startswith("<?xml")


def test_standard_output_is_the_stored_report(based: Path, cli: Cli) -> None:
    """With `--format json` alone, standard output is the same document as `report.json`."""
    result = cli("run", "--format", "json")
    (stored,) = sorted((based / ".evalgate/runs").iterdir())[-1:]
    assert json.loads((stored / "report.json").read_text()) == result.json


def test_suites_without_a_configuration(quiz: Path, cli: Cli) -> None:
    """A golden set and an agent are enough to measure; without a limit nothing gates."""
    result = cli(
        "run", "--golden", "golden.jsonl", "--agent", "python:quiz_agent:answer", "-f", "json"
    )
    assert (3, 1.0) == (result.code, result.json["metrics"]["task_success_rate"]["value"])


def test_a_failed_suite_does_not_hide_another(quiz: Path, cli: Cli) -> None:
    """Two suites, one unusable: the other is reported, and 2 comes before everything."""
    config = (quiz / "evalgate.yaml").read_text()
    config += "  other: {golden: nowhere.jsonl, agent: 'python:quiz_agent:answer'}\n"
    (quiz / "evalgate.yaml").write_text(config)
    result = cli("run")
    assert 2 == result.code
    assert "quiz: PASS" in result.out
    assert "suite 'other'" in result.err


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (("--suite", "quix"), 2, "did you mean 'quiz'"),
        (("--case", "q9"), 2, "no case 'q9'"),
        (("--filter", "tag:none"), 3, "no case has the tag"),
        (("--format", "yaml"), 2, "no renderer 'yaml'"),
        (("--baseline", "evalgate.yaml"), 2, "is a configuration"),
        (("--baseline", "golden.jsonl"), 2, "golden set"),
        (("--baseline", "nowhere.json"), 3, "nowhere.json"),
        (("--golden", "golden.jsonl"), 2, "--agent is missing"),
        (("--golden", "golden.jsonl", "--agent", "python:nope:x"), 2, "nope"),
        (("--golden", "golden.jsonl", "--agent", "pyton:a:b"), 2, "did you mean"),
        (("--threshold", "abc"), 2, "threshold"),
        (("--max-trials", "3"), 2, "max_trials"),
        (("--trials", "0"), 2, "--trials"),
        (("--config", "none.yaml"), 2, "fix: check the path"),
        (("--nonsense",), 2, "--nonsense"),
        (("--resume", "nothing"), 2, "nothing"),
    ],
)
def test_wrong_options_are_named(
    based: Path, cli: Cli, arguments: tuple[str, ...], code: int, part: str
) -> None:
    """Each slip has its code, one clear message, and no traceback."""
    result = cli("run", *arguments)
    assert code == result.code
    assert part in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    ("text", "code", "part"),
    [
        ("", 3, "empty"),
        ('{"id": "a", "input": "x"', 2, "line 1, column 25"),
        ('{"id": "a", "input": "x", "expected": {"output": {"equals": NaN}}}\n', 2, "NaN"),
        ('\ufeff{"id": "a", "input": "x"}\n', 2, "byte order mark"),
        ('{"id": "a", "id": "b", "input": "x"}\n', 2, "'id'"),
        ('{"id": "a", "inptu": "x"}\n', 2, "did you mean 'input'"),
        ('{"id": "a", "input": "x"}\n{"id": "a", "input": "y"}\n', 2, "line 1"),
    ],
)
def test_bad_golden_sets_are_named(quiz: Path, cli: Cli, text: str, code: int, part: str) -> None:
    """Each broken file ends with its line and what was expected."""
    (quiz / "golden.jsonl").write_text(text, encoding="utf-8")
    result = cli("run")
    assert code == result.code
    assert part in result.err


def test_drafts_alone_are_no_pass(quiz: Path, cli: Cli) -> None:
    """A golden set of drafts gates nothing, which is inconclusive."""
    row = {"id": "d", "input": "sky", "expected": {"output": {"equals": "blue"}}, "status": "draft"}
    (quiz / "golden.jsonl").write_text(json.dumps(row) + "\n")
    assert 3 == cli("run").code


def test_an_edited_baseline_is_refused(based: Path, cli: Cli) -> None:
    """A mean that its scores do not give is named."""
    path = based / "baselines/quiz.json"
    path.write_text(path.read_text().replace('"mean": 1.0', '"mean": 0.5', 1))
    result = cli("run", "--baseline")
    assert 2 == result.code
    assert "edited by hand" in result.err


def test_secrets_reach_no_file(quiz: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that the agent says stands in no file of the run folder."""
    monkeypatch.setenv("SERVICE_API_KEY", "very-secret-value-123")
    agent = "async def leak(case, context):\n    return 'my key is very-secret-value-123'\n"
    (quiz / "leaky.py").write_text(agent)
    cli("run", "--golden", "golden.jsonl", "--agent", "python:leaky:leak")
    written = [p for p in (quiz / ".evalgate").rglob("*") if p.is_file()]
    assert any(b"redacted" in path.read_bytes() for path in written)
    assert not [path for path in written if b"very-secret-value-123" in path.read_bytes()]


def test_a_run_in_which_nothing_finished_is_no_pass(
    quiz: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a baseline too: four crashes say nothing of what the agent can do."""
    monkeypatch.setenv("AGENT_CRASHES", "2+2,capital of France,3*3,sky")
    config = (quiz / "evalgate.yaml").read_text()
    (quiz / "evalgate.yaml").write_text(config.replace("max: 0.9", "max: 1.0"))
    result = cli("run")
    assert 3 == result.code
    assert "no trial finished (4 crashed)" in " ".join(result.out.split())
