"""`evalgate compare` with results of other tools: the same rules, codes and reports."""

import json
import shutil
from pathlib import Path

import pytest
from support.cli import Cli
from support.foreign import write

FOREIGN = {
    "promptfoo/results.json": 3,
    "promptfoo/results.jsonl": 3,
    "promptfoo/results.csv": 3,
    "promptfoo/results.junit.xml": 3,
    "deepeval/latest_test_run.json": 0,
    "deepeval/test_run_sample.json": 0,
    "lm_eval/samples_capitals_mc.jsonl": 0,
    "lm_eval/samples_capitals_gen.jsonl": 0,
    "openai_evals/order-faq.log.jsonl": 0,
    "inspect/popularity.eval": 3,
    "inspect/log_streaming.eval": 0,
    "inspect/log_formats.eval": 0,
    "inspect/log_tool_call_error.json": 3,
    "inspect/security-guide.json": 0,
    "pytest/report.json": 3,
    "pytest/junit.xml": 3,
    "mlflow/eval_results_table.json": 0,
    "evalite/results.json": 3,
    "ragas/annotated_data.json": 0,
    "adk/support_v1.evalset_result.json": 0,
    "harbor_atif/nemo_relay_1.6.trajectory.json": 3,
}
"""Files and the code of each against itself: 3 where rows errored or are unscored."""


@pytest.mark.parametrize(("name", "code"), FOREIGN.items())
def test_a_file_against_itself(shared_data: Path, cli: Cli, name: str, code: int) -> None:
    """No change is a pass, but for what nobody scored."""
    path = shared_data / "foreign" / name
    assert code == cli("compare", "--baseline", path, "--current", path).code


def table(folder: Path, name: str, scores: str) -> Path:
    """Write a table: `1` passed, `0` failed, `-` unscored, `!` errored."""
    cells = {"1": "1,", "0": "0,", "-": ",", "!": ",boom"}
    lines = [f"c{i},{cells[mark]}" for i, mark in enumerate(scores)]
    return write(folder, name, "\n".join(["id,score,error", *lines, ""]))


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("1111111111", "1111111111", 0),
        ("1111111111", "1111111110", 1),
        ("1" * 40, "1" * 39 + "0", 0),
        ("1" * 40, "1" * 39 + "-", 0),
        ("1111111111", "111111111-", 3),
        ("111111111-", "1111111110", 3),
        ("1" * 20, "1" * 19 + "!", 1),
        ("1111111111", "111111111", 3),
        ("111111111", "1111111110", 3),
        ("1" * 40, "1" * 41, 0),
        ("1111111111", "----------", 3),
    ],
)
def test_the_verdict(tmp_path: Path, cli: Cli, old: str, new: str, code: int) -> None:
    """Unscored and missing rows are bounded: within the threshold they pass, else they do not."""
    files = table(tmp_path, "old.csv", old), table(tmp_path, "new.csv", new)
    assert code == cli("compare", "--baseline", files[0], "--current", files[1]).code


def test_the_report_says_what_was_assumed(tmp_path: Path, cli: Cli) -> None:
    """Format and columns are notes of the report."""
    path = table(tmp_path, "r.csv", "11")
    result = cli("compare", "--baseline", path, "--current", path, "-f", "json")
    assert any("read as table; columns: id 'id'" in w for w in result.json["warnings"])


def test_a_regression_in_promptfoo_is_named(shared_data: Path, tmp_path: Path, cli: Cli) -> None:
    """Three passes that fail now: the check fails and the cases stand as regressed."""
    source = shared_data / "foreign" / "promptfoo" / "results.json"
    data = json.loads(source.read_text(encoding="utf-8"))
    rows = [row for row in data["results"]["results"] if row["failureReason"] != 2]
    data["results"]["results"] = rows
    old = write(tmp_path, "old.json", data)
    for row in [row for row in rows if row["success"]][:3]:
        row |= {"success": False, "failureReason": 1, "score": 0}
    new = write(tmp_path, "new.json", data)
    result = cli("compare", "--baseline", old, "--current", new, "-f", "json")
    changes = [c["outcome"] for c in result.json["changes"]]
    assert (1, 3) == (result.code, changes.count("regressed"))


def test_a_format_is_forced(shared_data: Path, tmp_path: Path, cli: Cli) -> None:
    """`--from` reads as told; an unknown name lists the formats."""
    path = shared_data / "foreign" / "mlflow" / "eval_results_table.json"
    for name, code in (("mlflow", 0), ("mlfow", 2)):
        result = cli("compare", "--baseline", path, "--current", path, "--from", name)
        assert code == result.code
    assert "did you mean 'mlflow'" in result.err


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (("--baseline", "none.csv", "--current", "r.csv"), 3, "there is no such file"),
        (("--baseline", "r.csv", "--current", "none.csv"), 2, "none.csv"),
        (("--baseline", "r.csv", "--current", "own.json"), 2, "own.json is one"),
        (("--baseline", "r.csv", "--current", "r.csv", "--score", "x"), 2, "'x'"),
        (("--baseline", "r.csv", "--current", "r.csv", "--id", "x"), 2, "--id"),
        (("--baseline", "odd.json", "--current", "odd.json"), 2, "no format that is known"),
    ],
)
def test_slips(
    tmp_path: Path,
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
    part: str,
) -> None:
    """Each has its code and one message."""
    monkeypatch.chdir(tmp_path)
    table(tmp_path, "r.csv", "11")
    write(tmp_path, "own.json", {"task_success_rate": 1.0})
    write(tmp_path, "odd.json", {"hello": ["world"]})
    result = cli("compare", *arguments)
    assert code == result.code
    assert part in result.err
    assert "Traceback" not in result.err


def test_the_suffix_does_not_matter(shared_data: Path, tmp_path: Path, cli: Cli) -> None:
    """A format is found by what the file holds."""
    copied = tmp_path / "artifact"
    shutil.copy(shared_data / "foreign" / "inspect" / "log_streaming.eval", copied)
    assert 0 == cli("compare", "--baseline", copied, "--current", copied).code


def test_secrets_reach_no_report(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an answer, an id or an error of another tool gives away is hidden."""
    secret = "sk-proj-Zq81xW0vT4nB7mKc2RfY9uLe"  # made up
    monkeypatch.setenv("OPENAI_API_KEY", secret)
    text = f"id,score,error,output\na {secret},1,,{secret}\nb,0,401 {secret},\n"
    path = write(tmp_path, "r.csv", text)
    for name in ("json", "markdown", "junit", "terminal"):
        result = cli("compare", "--baseline", path, "--current", path, "-f", name)
        assert secret not in result.out + result.err


def test_a_fix_names_what_exists_for_another_tool(tmp_path: Path, cli: Cli) -> None:
    """Nobody who runs promptfoo has a run of evalgate to score again."""
    old, new = table(tmp_path, "old.csv", "1111"), table(tmp_path, "new.csv", "111-")
    result = cli("compare", "--baseline", old, "--current", new, "-f", "json")
    fixes = [check["fix"] for check in result.json["checks"] if check.get("fix")]
    assert ["run again what has no score, or name what gates: --score NAME"] == fixes
