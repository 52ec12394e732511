"""Shards are believed by the digest that their gate printed, and by nothing else."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from support.cli import Result
from support.scratch import AGENT, Scratch, jsonl, sums

from evalgate.commands.merge import _vouched
from evalgate.errors import NoEvidence
from evalgate.store.reports import read_reports
from evalgate.suite.shards import shard_of


@dataclass
class Shards:
    """Two shards of a change, and the digests that their gates printed."""

    repo: Scratch
    env: dict[str, str]
    reports: list[Path] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)

    def run(self) -> "Shards":
        """Run both."""
        for number in (1, 2):
            path = self.repo.root.parent / f"shard-{number}.json"
            options = ("--shard", f"{number}/2", "--partial", "-q", "-f", "json", "-o", str(path))
            done = self.repo.evalgate("run", *options, env=self.env)
            self.reports.append(path)
            self.digests += re.findall(r"report digest: (sha256:[0-9a-f]{64})", done.err)
        return self

    def merge(self, sources: Sequence[Path], digests: Sequence[str], *more: str) -> Result:
        """Merge reports, or their run folders."""
        given = [word for digest in digests for word in ("--digest", digest)]
        return self.repo.evalgate("merge", *map(str, sources), *given, *more, env=self.env)


def worse(repo: Scratch, lost: Sequence[str]) -> dict[str, str]:
    """Open a pull request whose agent loses cases."""
    numbers = [int(name.removeprefix("sum-")) for name in lost]
    wrong = f'return "no idea" if int(left) in {numbers} else str('
    repo.write("agents/sums.py", AGENT.replace("return str(", wrong))
    return repo.pull_request()


def forge(file: Path) -> None:
    """Turn all scores of task success in a file into those of a success."""
    text = file.read_text()
    assert '"task_success":0.0' in text
    file.write_text(text.replace('"task_success":0.0', '"task_success":1.0'))


def in_shard(number: int) -> list[str]:
    """Name the cases of a shard."""
    return [row["id"] for row in sums() if shard_of(row["id"], 2) == number]


def test_shards_of_a_change(repo: Scratch) -> None:
    """With all digests the merge judges."""
    repo.write("README.md", "x")
    shards = Shards(repo, repo.pull_request()).run()
    assert 0 == shards.merge(shards.reports, shards.digests, "--baseline").code


def test_reports_that_somebody_edited(repo: Scratch) -> None:
    """Neither without a digest nor with that of what its gate wrote is such a report believed."""
    shards = Shards(repo, worse(repo, ["sum-1", *in_shard(2)])).run()
    assert 1 == shards.merge(shards.reports, shards.digests, "--baseline").code
    for path in shards.reports:
        forge(path)
    assert [3, 3] == [
        shards.merge(shards.reports, digests, "--baseline").code for digests in ([], shards.digests)
    ]


def test_a_shard_that_is_left_out(repo: Scratch) -> None:
    """All that the agent has lost lies in a shard whose report nobody brings."""
    shards = Shards(repo, worse(repo, in_shard(2))).run()
    assert 1 == shards.merge(shards.reports, shards.digests, "--baseline").code
    assert 3 == shards.merge(shards.reports[:1], shards.digests, "--baseline").code


def test_fresh_trials_that_somebody_edited(repo: Scratch) -> None:
    """What a run folder says of a must-pass case beside its report is not believed."""
    repo.git("checkout", "-q", "main")
    repo.replace("evalgate.yaml", "    noise: none\n", "")
    rows = sums()
    repo.write("golden_sets/sums.jsonl", jsonl([rows[0] | {"must_pass": True}, *rows[1:]]))
    repo.commit()
    repo.git("checkout", "-q", "-B", "change")
    shards = Shards(repo, worse(repo, ["sum-1"])).run()
    folders = sorted((repo.root / ".evalgate/runs").glob("*-of-2"))
    forge(folders[shard_of("sum-1", 2) - 1] / "trials.jsonl")
    assert 1 == shards.merge(folders, shards.digests).code


def report(folder: Path) -> Path:
    """Write a report as small as one can be."""
    document = {"schema": "evalgate.report/1", "verdict": "pass", "exit_code": 0}
    suite = {"id": "s", "golden_digest": "x", "cases": 1, "selected": 1, "trials": 1}
    path = folder / "report.json"
    path.write_text(json.dumps(document | {"suite": suite}))
    return path


@pytest.mark.parametrize("wanted", [["0" * 64], ["own", "0" * 64]])
def test_a_report_without_its_digest(tmp_path: Path, wanted: list[str]) -> None:
    """A report that no gate printed, or a digest whose report is lost, refuses the merge."""
    found = read_reports(report(tmp_path))
    with pytest.raises(NoEvidence, match="digest"):
        _vouched(found, [found[0].digest if digest == "own" else digest for digest in wanted])


def test_what_lies_beside_a_report(tmp_path: Path) -> None:
    """Trials and traces of a run folder have no digest: they are not read."""
    (found,) = read_reports(report(tmp_path))
    (vouched,) = _vouched([replace(found, folder=tmp_path)], [f"sha256:{found.digest}"])
    assert (found.report, None) == (vouched.report, vouched.folder)
