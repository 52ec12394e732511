"""Files that are none, folders that somebody holds, and what a killed write leaves behind."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from support.cli import Cli
from support.projects import write_project
from support.scratch import Scratch

from evalgate.errors import EvalgateError
from evalgate.store.atomic import TEMPORARY, write_text
from evalgate.store.baseline import load_baseline
from evalgate.store.cassettes import read_cassette
from evalgate.store.config import load_config
from evalgate.store.golden_sets.golden import load_golden
from evalgate.store.reports import read_reports
from evalgate.store.runs import LOCK, MANIFEST, prune_runs
from evalgate.store.waivers import load_waivers

READERS: dict[str, Callable[[Path], object]] = {
    "baseline": load_baseline,
    "cassette": read_cassette,
    "config": load_config,
    "golden": load_golden,
    "report": lambda path: list(read_reports(path)),
    "waivers": load_waivers,
}


@pytest.fixture
def little_memory() -> Iterator[None]:
    """Leave the process so much memory that reading without end ends."""
    kept = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (1 << 30, kept[1]))
    yield
    resource.setrlimit(resource.RLIMIT_DATA, kept)


@pytest.mark.timeout(10)
@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("what", ["device", "pipe"])
def test_a_link_to_what_has_no_end(tmp_path: Path, reader: str, what: str) -> None:
    """An endless device and a pipe that nobody writes to are refused at once."""
    path = tmp_path / "file.json"
    if what == "device":
        path.symlink_to("/dev/zero")
    else:
        os.mkfifo(tmp_path / "pipe")
        path.symlink_to("pipe")
    with pytest.raises(EvalgateError) as caught:
        READERS[reader](path)
    assert 2 == caught.value.exit_code


@pytest.mark.parametrize("reader", sorted(set(READERS) - {"report"}))
def test_a_path_with_a_nul(reader: str) -> None:
    """A name that no file can have is an error of the input, not of evalgate."""
    try:
        READERS[reader](Path("a\0b.jsonl"))
    except EvalgateError as error:
        assert 2 == error.exit_code  # noqa: PT017  # one reader takes a missing file for an empty one


@pytest.mark.parametrize("weight", ["1e308", "1e999", "0", "-1", "null"])
def test_a_weight_that_no_mean_can_hold(tmp_path: Path, weight: str) -> None:
    """It is refused with its line."""
    path = tmp_path / "golden.jsonl"
    path.write_text(f'{{"id": "a", "input": "x", "weight": {weight}}}\n')
    with pytest.raises(EvalgateError, match=r"line 1") as caught:
        load_golden(path)
    assert 2 == caught.value.exit_code


def test_a_damaged_archive(tmp_path: Path) -> None:
    """Any byte of an artifact may be wrong: it is read, or refused with its name."""
    whole = tmp_path / "whole.zip"
    with ZipFile(whole, "w", ZIP_DEFLATED) as archive:
        archive.writestr("report.json", "{}" * 400)
    data = whole.read_bytes()
    path = tmp_path / "artifact.zip"
    for place in range(0, len(data), 2):
        path.write_bytes(data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :])
        with pytest.raises(EvalgateError, match=r"artifact\.zip") as caught:
            read_reports(path)
        assert 2 == caught.value.exit_code


def run_folder(runs: Path, name: str) -> Path:
    """Make a folder that counts as a run."""
    folder = runs / name
    folder.mkdir(parents=True)
    (folder / MANIFEST).write_text("{}")
    (folder / LOCK).write_text("")
    return folder


def test_a_run_that_writes_is_not_pruned(tmp_path: Path) -> None:
    """A folder whose lock another process holds stays, however old it is."""
    old, held, new = (run_folder(tmp_path, name) for name in ("1", "2", "3"))
    code = (
        "import fcntl, sys\nf = open(sys.argv[1]); fcntl.flock(f, 2); print(1, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(held / LOCK)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert (old,) == prune_runs(tmp_path, 1)
        assert [held, new] == sorted(tmp_path.iterdir())
        holder.kill()
    assert (held,) == prune_runs(tmp_path, 1)


def test_what_a_killed_write_leaves(repo: Scratch) -> None:
    """Git ignores it, and the next write to the folder takes it away."""
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom evalgate.store import atomic\n"
        "os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        "atomic.write_text(Path(sys.argv[1]), 'x')"
    )
    target = repo.root / "baselines" / "new.json"
    assert -9 == repo.start("-c", code, str(target)).returncode
    left = target.parent / TEMPORARY
    assert "" == repo.git("status", "--porcelain")
    assert 2 == len(list(left.iterdir()))
    write_text(target, "y")
    assert ("y", False) == (target.read_text(), left.exists())


@pytest.mark.parametrize("score", ["1.7e308", "-1.7e308", "10**400", "1e101"])
def test_scores_that_no_sum_can_hold(tmp_path: Path, cli: Cli, score: str) -> None:
    """Each is a broken score that says so, and a gate on them is inconclusive: 3."""
    write_project(tmp_path, 3, 2)
    (tmp_path / "own_of_sums.py").write_text(f"def big(case, trace):\n    return {score}\n")
    gate = "error_rate: {max: 0.9}, own: {min: 0, gate: standard}"
    config = (tmp_path / "evalgate.yaml").read_text().replace("error_rate: {max: 0.9}", gate)
    config += "    scorers: {own: {call: 'own_of_sums:big', unit: score}}\n"
    (tmp_path / "evalgate.yaml").write_text(config)
    result = cli("run", "--config", str(tmp_path / "evalgate.yaml"), "--format", "json")
    assert 3 == result.code
    (first, *_) = result.json["cases"]
    assert "own" in result.json["checks"][0]["id"]
    assert "broken" in first["trials"][0]["scores"]["own"]


@pytest.mark.parametrize(
    ("place", "number"),
    [
        (("cases", 0, "weight"), 1e308),
        (("cases", 0, "weight"), -1.0),
        (("cases", 0, "trials", 0, "scores", "task_success"), 1e308),
        (("metrics", "task_success_rate", "value"), 1.7e308),
    ],
)
def test_a_report_of_huge_numbers(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch, place: tuple[Any, ...], number: float
) -> None:
    """It is refused by name, on either side: 2."""
    monkeypatch.chdir(write_project(tmp_path, 3, 2))
    report = cli("run", "--format", "json").json
    (tmp_path / "good.json").write_text(json.dumps(report))
    *path, last = place
    part = report
    for key in path:
        part = part[key]
    part[last] = number
    (tmp_path / "huge.json").write_text(json.dumps(report))
    for sides in (("good.json", "huge.json"), ("huge.json", "good.json")):
        result = cli("compare", "--baseline", sides[0], "--current", sides[1])
        assert (2, True) == (result.code, "huge.json" in result.err), result.err


def test_a_change_from_almost_nothing(tmp_path: Path, cli: Cli) -> None:
    """A baseline of the smallest double gives a change that can be written down."""
    (tmp_path / "then.json").write_text('{"task_success_rate": 5e-324, "error_rate": 5e-324}')
    (tmp_path / "now.json").write_text('{"task_success_rate": 1.0, "error_rate": 1.0}')
    sides = ("--baseline", str(tmp_path / "then.json"), "--current", str(tmp_path / "now.json"))
    result = cli("compare", *sides, "--format", "json")
    assert 1 == result.code
    assert {-1e100, 1e100} == {check["change"] for check in result.json["checks"][:2]}


@pytest.mark.parametrize(
    "day", ["2026-13-45", "0000-00-00", "9999-99-99T25:61:61Z", "[]", "{a: 1}", "1e308", "-1"]
)
@pytest.mark.parametrize("field", ["since", "by"])
def test_a_day_that_is_none(tmp_path: Path, cli: Cli, day: str, field: str) -> None:
    """A goal's day that no calendar has is refused with file, line and field: 2."""
    write_project(tmp_path, 1, 1)
    goal = {"baseline": "0.5", "target": "0.9", "since": "2026-01-01", "by": "2027-01-01"}
    goal[field] = day
    shown = ", ".join(f"{key}: {value}" for key, value in goal.items())
    with (tmp_path / "evalgate.yaml").open("a") as file:
        file.write(f"    goals: {{task_success_rate: {{{shown}}}}}\n")
    result = cli("validate", "--config", str(tmp_path / "evalgate.yaml"))
    assert 2 == result.code
    said = result.out + result.err
    assert "evalgate.yaml:6: " in said
    assert field in said or repr(day) in said


@pytest.mark.parametrize("name", ["[a, b]", "{a: b}", "[[]]", "? {x: y}"])
@pytest.mark.parametrize("block", ["suites", "waivers", "metrics"])
def test_names_that_are_none(tmp_path: Path, cli: Cli, name: str, block: str) -> None:
    """A list or an object where YAML wants a name is refused with its place: 2."""
    write_project(tmp_path, 1, 1)
    texts = {
        "suites": f"suites:\n  {name}: {{golden: golden.jsonl, agent: 'recorded:traces.jsonl'}}\n",
        "waivers": f"trust: {{{name}: 1}}\n",
        "metrics": f"    gates: {{metrics: {{{name}: standard}}}}\n",
    }
    path = tmp_path / "evalgate.yaml"
    path.write_text(path.read_text() + texts[block] if block != "suites" else texts[block])
    result = cli("validate", "--config", str(path))
    assert (2, True) == (result.code, "evalgate.yaml:" in result.out + result.err)
