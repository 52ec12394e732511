"""Figures of runs and of the history, as Prometheus and CloudWatch get them."""

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.cli import Cli


def test_a_run_counts_with_its_own_scores(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the demo's 9 cases 7 pass and 2 crash: what its report says, its counters say too."""
    cli("demo", str(tmp_path / "demo"), "--no-open")
    monkeypatch.chdir(tmp_path / "demo")
    families = text_string_to_metric_families(cli("export", "openmetrics", "latest").out)
    samples = [sample for family in families for sample in family.samples]
    results = {
        sample.labels["result"]: sample.value
        for sample in samples
        if sample.name == "evalgate_interactions_total"
    }
    assert {"success": 7, "failure": 2, "unknown": 0} == results
    lines = cli("export", "cloudwatch", "latest").out.splitlines()
    assert 9 == sum('"task_success_rate": ' in line for line in lines)


def test_nothing_is_said_to_be_nothing(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty history is a note, and replaces no group of a pushgateway."""
    monkeypatch.chdir(tmp_path)
    for name in ("openmetrics", "cloudwatch"):
        done = cli("export", name)
        assert (0, "", True) == (done.code, done.out, "there is no interaction" in done.err)
    pushed = cli("export", "openmetrics", "--push", "http://127.0.0.1:9")
    assert (3, True) == (pushed.code, "not pushed: there is no interaction" in pushed.out)


def test_rules_that_are_not_written(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old rules stay, and are not said to be gone."""
    monkeypatch.chdir(tmp_path)
    old = tmp_path / "out/prometheus/rules.yml"
    old.parent.mkdir(parents=True)
    old.write_text("groups: []")
    assert f"{Path('out/prometheus/rules.yml')} is not written" in cli("boards", "--out", "out").out
    assert "groups: []" == old.read_text()
