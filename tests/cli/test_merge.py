"""Tests of `evalgate run --shard` and `evalgate merge`: nothing lost, nothing doubled."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from support.cli import Cli
from support.projects import write_project

from evalgate.output.json import render
from evalgate.output.style import Style
from evalgate.run.run import RunOptions, run_suites
from evalgate.suite.environment import this_machine
from evalgate.suite.events import silent
from evalgate.suite.plan import Filters
from evalgate.suite.shards import Shard
from evalgate.suite.suite import Selection, find_suites

COUNT = 4

Change = Callable[..., Any]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a recorded agent that gets one trial in seven wrong, and work beside it."""
    write_project(tmp_path, 20, 3, ok=lambda n, t: (n * 3 + t) % 7 != 0)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run every shard of such a project once."""
    folder = tmp_path_factory.mktemp("made")
    write_project(folder, 20, 3, ok=lambda n, t: (n * 3 + t) % 7 != 0)
    suites = find_suites(Selection(folder / "evalgate.yaml"))
    for n in range(1, COUNT + 1):
        options = RunOptions(filters=Filters(shard=Shard(n, COUNT)), partial=True)
        ran = run_suites(suites, options, this_machine(), silent)
        (folder / f"shard-{n}").mkdir()
        text = render(ran.reports, Style())
        (folder / f"shard-{n}/report.json").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def files(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Copy the project with its shards, work in it, and return the reports of the shards."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return sorted(tmp_path.glob("shard-*/report.json"))


def run_shards(cli: Cli, folder: Path, *more: str) -> list[Path]:
    """Run every shard and return their report files."""
    files = [folder / f"shard-{n}/report.json" for n in range(1, COUNT + 1)]
    for n, file in enumerate(files, 1):
        done = cli("run", "--shard", f"{n}/{COUNT}", "--partial", "-f", "json", "-o", file, *more)
        assert 0 == done.code, done.err
    return files


def runs(folder: Path) -> list[Path]:
    """Return the run folders, oldest first."""
    return sorted((folder / ".evalgate/runs").iterdir())


def test_four_shards_equal_one_run_byte_for_byte(project: Path, cli: Cli) -> None:
    """Merged from run folders, the whole report is that of one run; from reports, its metrics."""
    one = cli("run", "--format", "json")
    files = run_shards(cli, project)
    folders = runs(project)[-COUNT:]
    from_folders = cli("merge", *folders, "--format", "json")
    from_files = cli("merge", *files, "--format", "json")
    assert one.out == from_folders.out
    assert json.dumps(one.json["metrics"]) == json.dumps(from_files.json["metrics"])
    assert one.json["cases"] == from_files.json["cases"]


def test_merged_shards_are_gated(project: Path, cli: Cli) -> None:
    """The merge compares with the baseline, as one run does."""
    cli("baseline", "update", "--reason", "first", "--force", "-q")
    write_project(project, 20, 3, ok=lambda n, t: (n * 3 + t) % 5 != 0)
    one = cli("run", "--baseline", "--format", "json")
    run_shards(cli, project)
    merged = cli("merge", *runs(project)[-COUNT:], "--baseline", "--format", "json")
    assert (1, one.out) == (merged.code, merged.out)


def test_the_stress_check_is_made_over_all_shards(project: Path, cli: Cli) -> None:
    """A shard is no load; the merge replays every session, or says that there is none."""
    with (project / "evalgate.yaml").open("a") as config:
        config.write("    stress: {quota: {rpm: 100000}}\n")
    one = cli("run", "--format", "json", "-o", "one/report.json")
    files = run_shards(cli, project)
    merged = cli("merge", *runs(project)[-COUNT:], "--format", "json")
    assert json.loads((project / "one/report.json").read_text()) == merged.json
    assert merged.json["stress"]
    assert one.code == cli("merge", "one/report.json", "-o", "again.json").code
    without_traces = cli("merge", *files, "--format", "json")
    assert (3, None) == (without_traces.code, without_traces.json["stress"])


def test_a_shard_alone_is_inconclusive(project: Path, cli: Cli) -> None:
    """Without `--partial` a part of the golden set is no pass."""
    assert 3 == cli("run", "--shard", "1/4").code


def test_a_merged_run_can_be_scored_again(files: list[Path], cli: Cli) -> None:
    """The merged run folder holds every trial with its trace."""
    merged = cli("merge", *runs(Path())[-COUNT:], "--format", "json")
    assert merged.json["metrics"] == cli("score", "latest", "--format", "json").json["metrics"]


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda files: files[:3], "is missing"),
        (lambda files: [*files, files[0]], "is there twice"),
        (lambda files: [*files[:3], files[0]], "is there twice"),
    ],
)
def test_a_lost_or_doubled_shard_is_inconclusive(
    files: list[Path], cli: Cli, change: Change, part: str
) -> None:
    """Exit 3, the shard named, and nothing is judged."""
    result = cli("merge", *change(files))
    assert (3, "") == (result.code, result.out)
    assert part in result.err
    assert "name one run of each" in result.err


def test_a_doubled_shard_is_named_with_its_runs(files: list[Path], cli: Cli) -> None:
    """Who ran a shard again learns which two runs hold it."""
    result = cli("merge", *files, files[0])
    assert f"is there twice: {files[0]}, {files[0]}" in " ".join(result.err.split())


def edit(file: Path, change: Change) -> None:
    """Change a report in place."""
    data = json.loads(file.read_text())
    change(data)
    file.write_text(json.dumps(data))


def drop_trial(data: dict[str, Any]) -> None:
    """Lose one trial."""
    data["cases"][0]["trials"].pop()


def double_trial(data: dict[str, Any]) -> None:
    """Count one trial twice in place of another."""
    trials = data["cases"][0]["trials"]
    trials[1] = trials[0]


def borrow_trial(data: dict[str, Any]) -> None:
    """Put a trial under another case."""
    data["cases"][0]["trials"][0]["case_id"] = data["cases"][1]["id"]


def drop_case(data: dict[str, Any]) -> None:
    """Lose a case."""
    data["cases"].pop()


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (drop_trial, "has the trials [0, 1]"),
        (double_trial, "trials twice"),
        (borrow_trial, "a trial of another case"),
        (drop_case, "is missing"),
        (lambda d: d["suite"].update(golden_digest="sha256:0"), "golden set"),
        (lambda d: d["suite"].update(agent="recorded:other.jsonl"), "agent"),
        (lambda d: d["suite"].update(config_digest="sha256:0"), "configuration"),
        (lambda d: d["suite"].update(trials=1), "number of trials"),
        (lambda d: d["suite"].update(noise="none"), "noise"),
        (lambda d: d["suite"].update(mode="live"), "mode"),
        (lambda d: d["suite"].update(claimed=True), "who saw the calls"),
        (lambda d: d["suite"].update(id="../../etc"), "no suite"),
        (lambda d: d["suite"].update(shard="3/5"), "another division"),
        (lambda d: d["scorers"].update(task="0:0"), "scorers"),
        (lambda d: d["pricing"].update(digest="sha256:0"), "price table"),
        (lambda d: d["cases"][0].update(digest="0"), "asks something else"),
        (lambda d: d["cases"][0].update(id="../../etc/passwd"), "is not in"),
    ],
)
def test_a_shard_that_does_not_fit_is_inconclusive(
    files: list[Path], cli: Cli, change: Change, part: str
) -> None:
    """Whatever differs is named, and nothing is judged."""
    edit(files[1], change)
    result = cli("merge", *files)
    assert (3, "") == (result.code, result.out)
    assert part in result.err


@pytest.mark.parametrize("check", ["cap", "supplied", "isolation", "shadowed"])
def test_what_a_shard_was_held_to_still_holds(files: list[Path], cli: Cli, check: str) -> None:
    """No trial shows a cap or a missing wall: merged, compared or scored again, it is there."""
    assert 0 == cli("merge", *files).code
    held = {"id": f"evidence.{check}", "kind": "evidence", "outcome": "inconclusive", "reason": "x"}
    edit(files[1], lambda data: data["checks"].append(held))
    codes = [cli("merge", *files).code, cli("score", "latest").code]
    codes.append(cli("compare", "--baseline", files[1], "--current", files[1], "--partial").code)
    assert [3, 3, 3] == codes


def test_a_changed_golden_set_is_inconclusive(files: list[Path], cli: Cli) -> None:
    """Shards of an older golden set are not judged against today's."""
    text = Path("golden.jsonl").read_text().replace("answer 7", "answer seven")
    Path("golden.jsonl").write_text(text)
    result = cli("merge", *files)
    assert 3 == result.code
    assert "golden set" in result.err


def test_a_suite_without_shards_is_inconclusive(files: list[Path], cli: Cli) -> None:
    """A second suite of the configuration must be there too."""
    config = Path("evalgate.yaml").read_text()
    config += "  other: {golden: golden.jsonl, agent: 'recorded:traces.jsonl'}\n"
    Path("evalgate.yaml").write_text(config)
    merged = cli("merge", *files)
    assert 3 == merged.code
    assert "no shard of suite 'other'" in merged.err
    assert 0 == cli("merge", *files, "--suite", "quiz").code


def test_a_killed_shard_says_how_to_go_on(files: list[Path], cli: Cli) -> None:
    """A run folder without a report is named with the way to finish it."""
    folders = runs(Path())[-COUNT:]
    (folders[2] / "report.json").unlink()
    result = cli("merge", *folders)
    assert 2 == result.code
    assert f"--resume {folders[2].name}" in result.err


def test_a_shard_may_be_empty(project: Path, cli: Cli) -> None:
    """With more shards than cases some have none; the others are the whole."""
    write_project(project, 2, 1)
    codes = [
        cli("run", "--shard", f"{n}/9", "--partial", "-f", "json", "-o", f"s{n}/report.json").code
        for n in range(1, 10)
    ]
    assert [0, 0] == sorted(codes)[:2]
    assert {3} == set(sorted(codes)[2:])
    assert 0 == cli("merge", *sorted(project.glob("s*/report.json"))).code


def test_a_shard_does_not_settle(project: Path, cli: Cli) -> None:
    """Whether more trials are needed shows over all cases only."""
    cli("baseline", "update", "--reason", "first", "--force", "-q")
    result = cli("run", "--shard", "1/2", "--trials", "1", "--max-trials", "3", "--baseline")
    assert 2 == result.code
    assert "evalgate merge" in result.err


def test_a_wrong_shard_is_named(project: Path, cli: Cli) -> None:
    """The slip is a usage error."""
    assert 2 == cli("run", "--shard", "5/4").code


def archive(path: Path, files: dict[str, Path]) -> Path:
    """Zip files under given names."""
    with ZipFile(path, "w") as made:
        for name, file in files.items():
            made.writestr(name, file.read_bytes())
    return path


def test_artifacts_are_read_as_they_are_downloaded(files: list[Path], cli: Cli) -> None:
    """A zip of all shards, or the folder it unpacks to, is as good as the files."""
    names = {f"shard-{n}/report.json": file for n, file in enumerate(files, 1)}
    assert 0 == cli("merge", archive(Path("all.zip"), names)).code
    downloads = Path("downloads")
    for n, file in enumerate(files, 1):
        shutil.copytree(file.parent, downloads / f"shard-{n}")
    assert 0 == cli("merge", downloads).code


@pytest.mark.parametrize(
    "name",
    ["../report.json", "/report.json", "a/../../report.json", "..\\report.json", "c:/r.json"],
)
def test_hostile_names_in_an_artifact_are_refused(files: list[Path], cli: Cli, name: str) -> None:
    """Nothing of an archive is read that names a place outside of it."""
    result = cli("merge", archive(Path("bad.zip"), {name: files[0]}), *files[1:])
    assert 2 == result.code
    assert "leads out of it" in result.err


def test_links_out_of_an_artifact_are_refused(files: list[Path], cli: Cli) -> None:
    """A link to a file elsewhere is not followed, and none of its text is shown."""
    secret = Path("secret.txt")
    secret.write_text("very secret")
    hostile = Path("artifact")
    hostile.mkdir()
    (hostile / "report.json").symlink_to(secret.resolve())
    result = cli("merge", hostile)
    assert (2, False) == (result.code, "very secret" in result.err)
    assert "leads out" in result.err


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "expected"),
        ("{}", "schema None"),
        ('{"schema": "evalgate.report/9"}', "evalgate.report/9"),
        ('{"schema": "evalgate.report/1"}', "is missing"),
        ("[" * 5000, "expected"),
    ],
)
def test_malformed_reports_are_named(project: Path, cli: Cli, text: str, part: str) -> None:
    """Each broken file ends with what was expected."""
    (project / "broken.json").write_text(text)
    result = cli("merge", "broken.json")
    assert 2 == result.code
    assert part in result.err


def test_a_broken_archive_is_named(project: Path, cli: Cli) -> None:
    """A zip that is none is an input error."""
    (project / "broken.zip").write_text("PK nonsense")
    assert 2 == cli("merge", "broken.zip").code


FLAKY = """
async def answer(case, context):
    return "right" if context.trial or case.id == "a" else "wrong"
"""


def test_fresh_trials_of_must_pass_cases_count(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure that fresh trials did not confirm passes, from run folders and from reports."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flaky.py").write_text(FLAKY)
    rows = [
        {"id": i, "input": "x", "must_pass": True, "expected": {"output": {"equals": "right"}}}
        for i in ("a", "b", "c", "d", "e")
    ]
    (tmp_path / "golden.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "evalgate.yaml").write_text(
        "suites: {flaky: {golden: golden.jsonl, agent: 'python:flaky:answer'}}\n"
    )
    reports = [f"{n}.json" for n in (1, 2)]
    for n, file in enumerate(reports, 1):
        cli("run", "--shard", f"{n}/2", "--partial", "-o", file)
    merged = [
        cli("merge", *runs(tmp_path)[-2:], "-f", "json"),
        cli("merge", *reports, "-f", "json"),
    ]
    assert [0, 0] == [result.code for result in merged]
    ids = {c["id"] for c in merged[0].json["checks"] if c["kind"] == "must_pass"}
    assert ids == {c["id"] for c in merged[1].json["checks"] if c["kind"] == "must_pass"}
    assert len(ids) > 1
