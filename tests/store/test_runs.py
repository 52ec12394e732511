"""Run folders: what is on disk counts, torn lines do not, and nobody shares a folder."""

import asyncio
import resource
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from evalgate.errors import DataError, InputError
from evalgate.schema.result import Manifest, Report, SuiteInfo, TrialResult, TrialUsage
from evalgate.schema.score import Abstained, Broken, Scored
from evalgate.schema.trace import LlmCall, ToolCall, Trace
from evalgate.store.run_lines import iter_traces, iter_trials, torn_lines
from evalgate.store.run_writer import create_run, resume_run
from evalgate.store.runs import (
    find_run,
    latest_run,
    list_runs,
    new_run_id,
    prune_runs,
    read_manifest,
    write_manifest,
    write_report,
)


def manifest(run_id: str = "r1", suite: str = "s") -> Manifest:
    """Make a manifest."""
    return Manifest(
        run_id=run_id,
        suite=suite,
        golden="golden.jsonl",
        golden_digest="sha256:0",
        agent="python:a:b",
        trials=1,
        created="2026-01-01T00:00:00Z",
    )


def trial(case: str, number: int = 0) -> tuple[Trace, TrialResult]:
    """Make a trial that uses every kind of value."""
    trace = Trace(
        case_id=case,
        trial=number,
        output={"text": "ünïcode\u2028\n", "none": None},
        steps=(
            ToolCall(name="t", arguments={"a": None, "b": [1, 2.5]}, result={"x": None}),
            LlmCall(input_tokens=0, cost_usd=0.0),
        ),
    )
    result = TrialResult(
        case_id=case,
        trial=number,
        status="finished",
        scores={
            "a": Scored(1.0),
            "b": Scored(0.5, (1, 2)),
            "c": Abstained("why"),
            "d": Abstained("unknown price", unknown=True),
            "e": Broken("judge down"),
        },
        usage=TrialUsage(1, 2, None),
        calls=("t",),
    )
    return trace, result


def write(runs: Path, cases: list[str], run_id: str = "r1") -> Path:
    """Write a run of these cases."""

    async def main() -> Path:
        async with create_run(runs, manifest(run_id)) as writer:
            await asyncio.gather(*(writer.append(*trial(case)) for case in cases))
            return writer.folder

    return asyncio.run(main())


def test_round_trip(tmp_path: Path) -> None:
    """What was written is read back equal, nulls inside of data included."""
    folder = write(tmp_path / "runs", ["a", "b"])
    assert [trial("a"), trial("b")] == list(
        zip(iter_traces(folder), iter_trials(folder), strict=True)
    )
    assert manifest() == read_manifest(folder)


def test_one_compact_line_a_trial(tmp_path: Path) -> None:
    """A trial is one line of JSON, even with line separators in the text."""
    folder = write(tmp_path, ["a"])
    for name in ("trials.jsonl", "traces.jsonl"):
        assert 1 == (folder / name).read_bytes().count(b"\n")
    assert b'"a":1.0' in (folder / "trials.jsonl").read_bytes()


def test_safe_when_the_future_is_done(tmp_path: Path) -> None:
    """When append says so, the line is in the file, for another process to read."""

    async def main() -> None:
        async with create_run(tmp_path, manifest()) as writer:
            for index in range(5):
                await writer.append(*trial(f"c{index}"))
                lines = (writer.folder / "trials.jsonl").read_bytes().count(b"\n")
                assert index + 1 == lines

    asyncio.run(main())


@pytest.mark.parametrize("name", ["trials.jsonl", "traces.jsonl"])
@pytest.mark.parametrize("tail", [b'{"case_id":"z', b"\x00\x00", b"{"])
def test_torn_tail(tmp_path: Path, name: str, tail: bytes) -> None:
    """A torn last line is left out, named, and cut off when the run goes on."""
    folder = write(tmp_path, ["a", "b"])
    with (folder / name).open("ab") as file:
        file.write(tail)
    assert ["a", "b"] == [result.case_id for result in iter_trials(folder)]
    assert ["a", "b"] == [trace.case_id for trace in iter_traces(folder)]
    assert name in torn_lines(folder)[0]

    async def main() -> None:
        async with resume_run(folder) as writer:
            assert {("a", 0), ("b", 0)} == writer.done
            assert [f"cut off {len(tail)} bytes" in note for note in writer.notes] == [True]
            await writer.append(*trial("c"))

    asyncio.run(main())
    assert ["a", "b", "c"] == [trace.case_id for trace in iter_traces(folder)]
    assert () == torn_lines(folder)


def test_trace_without_a_trial(tmp_path: Path) -> None:
    """A trace whose trial was not written any more does not count, and is cut off."""
    folder = write(tmp_path, ["a", "b"])
    trials = (folder / "trials.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "trials.jsonl").write_bytes(trials[0])
    assert ["a"] == [trace.case_id for trace in iter_traces(folder)]

    async def main() -> None:
        async with resume_run(folder) as writer:
            assert {("a", 0)} == writer.done
            await writer.append(*trial("b"))

    asyncio.run(main())
    assert ["a", "b"] == [trace.case_id for trace in iter_traces(folder)]


def test_edited_folder(tmp_path: Path) -> None:
    """Lines that are malformed, doubled or do not pair up are errors with file and line."""
    folder = write(tmp_path, ["a", "b"])
    path = folder / "trials.jsonl"
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + b"{}\n" + second)
    with pytest.raises(DataError, match=r"trials\.jsonl:2: "):
        list(iter_trials(folder))
    path.write_bytes(first + first)
    with pytest.raises(DataError, match=r"trials\.jsonl:2: case 'a', trial 0 stands on line 1"):
        list(iter_trials(folder))
    path.write_bytes(second + first)

    async def resume() -> None:
        async with resume_run(folder):
            pass

    with pytest.raises(DataError, match="do not hold the same trials"):
        asyncio.run(resume())


def test_two_writers(tmp_path: Path) -> None:
    """A folder that is written to cannot be resumed; a run of the same id gets another one."""

    async def main() -> None:
        async with create_run(tmp_path, manifest()) as writer:
            with pytest.raises(InputError, match="another run is writing there"):
                async with resume_run(writer.folder):
                    pass
            async with create_run(tmp_path, manifest()) as other:
                assert f"{writer.folder.name}-2" == other.folder.name
                assert other.folder.name == read_manifest(other.folder).run_id
        async with resume_run(writer.folder):
            pass

    asyncio.run(main())


def test_lock_ends_with_its_process(tmp_path: Path) -> None:
    """The lock of a killed run is gone with it."""
    folder = write(tmp_path, ["a"])
    program = (
        "import fcntl, os, sys; fd = os.open(sys.argv[1], os.O_RDWR); "
        "fcntl.flock(fd, fcntl.LOCK_EX); print('held', flush=True); sys.stdin.read()"
    )

    async def resume() -> None:
        async with resume_run(folder):
            pass

    with subprocess.Popen(
        [sys.executable, "-c", program, str(folder / "lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(InputError, match="another run"):
            asyncio.run(resume())
        holder.kill()
        holder.wait()
    asyncio.run(resume())


def test_full_disk(tmp_path: Path) -> None:
    """A write that fails is an error with the way out; what was there before stays whole."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    import signal  # noqa: PLC0415

    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    async def main() -> Path:
        async with create_run(tmp_path, manifest()) as writer:
            await writer.append(*trial("a"))
            size = (writer.folder / "traces.jsonl").stat().st_size
            resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, hard))
            try:
                with pytest.raises(InputError, match="cannot be written"):
                    await writer.append(*trial("b" * 190))
                with pytest.raises(InputError, match="cannot be written"):
                    await writer.append(*trial("c"))
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            return writer.folder

    try:
        folder = asyncio.run(main())
    finally:
        signal.signal(signal.SIGXFSZ, before)
    assert ["a"] == [trace.case_id for trace in iter_traces(folder)]
    assert ["a"] == [result.case_id for result in iter_trials(folder)]
    assert () == torn_lines(folder)


def test_unwritable_folder(tmp_path: Path) -> None:
    """A place where no folder can be made is an error."""
    (tmp_path / "runs").write_text("a file", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be made"):
        write(tmp_path / "runs", [])


def test_ids_sort_by_time() -> None:
    """Ids sort by time, and hostile suite names make no path."""
    first = new_run_id(datetime(2026, 1, 2, 3, 4, 5, 6000, UTC), "../a b/ü")
    later = new_run_id(datetime(2026, 1, 2, 3, 4, 5, 7000, UTC), "a")
    assert "20260102T030405.006Z--a-b--" == first
    assert first < later


def test_finding_runs(tmp_path: Path) -> None:
    """A run is found by id, start of an id, path or `latest`; what is not there is named."""
    for run_id in ("2026a", "2026b"):
        write(tmp_path, [], run_id)
    write_manifest(tmp_path / "2026b", manifest("2026b", suite="other"))
    (tmp_path / "no-run").mkdir()
    assert ["2026a", "2026b"] == [folder.name for folder in list_runs(tmp_path)]
    assert tmp_path / "2026a" == find_run(tmp_path, "2026a")
    assert tmp_path / "2026b" == find_run(tmp_path, "latest")
    assert tmp_path / "2026b" == find_run(Path("nowhere"), str(tmp_path / "2026b"))
    assert tmp_path / "2026a" == latest_run(tmp_path, "s")
    assert latest_run(tmp_path / "nowhere") is None
    with pytest.raises(DataError, match="fits 2 runs"):
        find_run(tmp_path, "2026")
    with pytest.raises(DataError, match="did you mean '2026a'"):
        find_run(tmp_path, "2026aa")


def test_pruning(tmp_path: Path) -> None:
    """Only the oldest run folders go; other folders and spared runs stay."""
    for run_id in ("r1", "r2", "r3", "r4"):
        write(tmp_path, ["a"], run_id)
    (tmp_path / "a-notes").mkdir()
    assert () == prune_runs(tmp_path, 0)
    gone = prune_runs(tmp_path, 2, spare=(tmp_path / "r1",))
    assert (tmp_path / "r2",) == gone
    assert ["a-notes", "r1", "r3", "r4"] == sorted(path.name for path in tmp_path.iterdir())


def test_report(tmp_path: Path) -> None:
    """A report is written as a whole, and read back equal."""
    folder = write(tmp_path, [])
    report = Report(
        verdict="pass",
        exit_code=0,
        suite=SuiteInfo(id="s", golden_digest="d", cases=0, selected=0, trials=1),
    )
    path = write_report(folder, report)
    assert report == Report.model_validate_json(path.read_bytes())
    assert ["lock", "manifest.json", "report.json", "traces.jsonl", "trials.jsonl"] == sorted(
        path.name for path in folder.iterdir()
    )


def test_no_run_folder(tmp_path: Path) -> None:
    """A folder without a manifest, or with a foreign one, is an error that says so."""
    with pytest.raises(DataError, match="is no run folder"):
        read_manifest(tmp_path)
    (tmp_path / "manifest.json").write_text('{"schema": "evalgate.manifest/2"}', encoding="utf-8")
    with pytest.raises(DataError, match="/schema"):
        read_manifest(tmp_path)


def forged(case: str) -> bytes:
    """Make the line of another trace."""
    return Trace(case_id=case, trial=0, output="forged").model_dump_json().encode() + b"\n"


REWRITES = {
    "a line": lambda lines: [forged("a"), *lines[1:]],
    "a byte": lambda lines: [lines[0].replace(b"text", b"texx"), *lines[1:]],
    "order": lambda lines: lines[::-1],
    "one less": lambda lines: lines[:-1],
    "one more": lambda lines: [*lines, lines[0]],
    "nothing": lambda _: [],
}


@pytest.mark.parametrize("how", REWRITES)
@pytest.mark.parametrize("resumed", [False, True])
def test_rewritten_traces_are_not_believed(tmp_path: Path, how: str, *, resumed: bool) -> None:
    """The writer knows what it wrote; a file that holds anything else ends the run."""

    async def main() -> None:
        if resumed:
            async with create_run(tmp_path, manifest()) as writer:
                await writer.append(*trial("a"))
        new = () if resumed else ("a",)
        opened = resume_run(tmp_path / "r1") if resumed else create_run(tmp_path, manifest())
        async with opened as writer:
            await asyncio.gather(*(writer.append(*trial(case)) for case in (*new, "b")))
            assert ["a", "b"] == [trace.case_id for trace in writer.traces()]
            assert ["b"] == [trace.case_id for trace in writer.traces({("b", 0)})]
            path = writer.folder / "traces.jsonl"
            lines = path.read_bytes().splitlines(keepends=True)
            path.write_bytes(b"".join(REWRITES[how](lines)))
            with pytest.raises(DataError, match="not what this run wrote"):
                list(writer.traces())

    asyncio.run(main())
