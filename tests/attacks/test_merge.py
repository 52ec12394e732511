"""Shards are believed by the digest that their gate printed, and by nothing else."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from support.scratch import Scratch

from evalgate.commands.merge import _vouched
from evalgate.errors import NoEvidence
from evalgate.store.reports import read_reports

Change = Callable[[Path], object]


def shard(repo: Scratch, env: dict[str, str], number: int) -> tuple[Path, str]:
    """Run one of two shards; return its report and the digest that its gate printed."""
    path = repo.root.parent / f"shard-{number}.json"
    options = ("--shard", f"{number}/2", "--partial", "-q", "-f", "json", "-o", str(path))
    done = repo.evalgate("run", *options, env=env)
    (digest,) = re.findall(r"report digest: (sha256:[0-9a-f]{64})", done.err)
    return path, digest


def test_shards_of_a_change(repo: Scratch) -> None:
    """With all digests the merge judges; without, with a lost or an edited report it does not."""
    repo.write("README.md", "x")
    env = repo.pull_request()
    (one, first), (two, second) = (shard(repo, env, number) for number in (1, 2))

    def merge(*given: str) -> int:
        words = [word for digest in given for word in ("--digest", digest)]
        return repo.evalgate("merge", str(one), str(two), *words, "--baseline", env=env).code

    assert 0 == merge(first, second)
    assert 3 == merge()
    assert 3 == merge(first)
    document = json.loads(two.read_text())
    document["warnings"] = ["edited"]
    two.write_text(json.dumps(document))
    assert 3 == merge(first, second)


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
