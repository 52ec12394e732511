"""`evalgate slo` from the command line."""

from pathlib import Path

import pytest
from support.cli import Cli
from support.histories import interaction, record
from support.projects import CONFIG

from evalgate.history.store import add_interactions, add_run, open_history

AT = 1_780_000_000
"""2026-05-28T20:26:40Z."""
WHEN = ("--at", "2026-05-28T20:26:40Z")
SLO = "slo: [{name: success, metric: task_success_rate, objective: 95%}]\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder with an objective and 1,000 interactions of which 962 are good."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evalgate.yaml").write_text(CONFIG + "history: h.db\n" + SLO)
    rows = [interaction(n, AT - 10 * 86_400 + n, success=float(n >= 38)) for n in range(1000)]
    with open_history("sqlite:///h.db") as database:
        add_interactions(database, rows)
    return tmp_path


def configured(folder: Path, slo: str) -> None:
    """Replace the objectives."""
    (folder / "evalgate.yaml").write_text(CONFIG + "history: h.db\n" + slo)


def test_the_table(folder: Path, cli: Cli) -> None:
    """Metric, objective, current, budget and status, as worked out by hand."""
    done = cli("slo", *WHEN)
    assert 0 == done.code
    assert "success: MET: 24 % of the budget is left" in done.out
    assert "0.9620 [0.9483, 0.9722] of 1000" in done.out
    assert "36 h: 76 % spent, 24 % left" in done.out


def test_json(folder: Path, cli: Cli) -> None:
    """The same as data."""
    (state,) = cli("slo", *WHEN, "-f", "json").json
    assert (0.76, "met", 1000) == (state["consumed"], state["status"], state["counts"]["total"])


def test_fail_on(folder: Path, cli: Cli) -> None:
    """1 where the budget is spent; a month later there is nothing to go by, which is 3."""
    assert 0 == cli("slo", *WHEN, "--fail-on", "burning").code
    configured(folder, SLO.replace("95%", "97%"))
    assert 1 == cli("slo", *WHEN, "--fail-on", "exhausted").code
    later = ("--at", "2026-08-28T00:00:00Z")
    done = cli("slo", *later, "--fail-on", "exhausted")
    assert (3, True) == (done.code, "NOT ENOUGH DATA" in done.out)
    assert 0 == cli("slo", *later).code


def test_a_burning_objective(folder: Path, cli: Cli) -> None:
    """Every interaction of the last hour failed."""
    rows = [interaction(5000 + n, AT - 60 * n, success=0.0) for n in range(10)]
    with open_history("sqlite:///h.db") as database:
        add_interactions(database, rows)
    done = cli("slo", *WHEN, "--fail-on", "burning")
    assert (1, True) == (done.code, "success: BURNING: 20.0 times too fast over 1 h" in done.out)


def test_runs_of_main(folder: Path, cli: Cli) -> None:
    """Trials of runs on main are the events; a branch's are not."""
    configured(folder, SLO.replace("objective: 95%", "objective: 90%, source: runs"))
    with open_history("sqlite:///h.db") as database:
        for number in range(10):
            add_run(database, record(number, ((1, 1), (1, 1)), at=AT - 3600 * number))
        add_run(database, record(11, ((0, 0), (0, 0)), at=AT, branch="topic"))
    assert "1.0000 [0.9124, 1.0000] of 40" in cli("slo", *WHEN).out


def test_openslo(folder: Path, cli: Cli) -> None:
    """A file of objectives, named by the configuration or by an option."""
    text = """\
apiVersion: openslo/v1
kind: SLO
metadata: {name: from-file}
spec:
  indicator:
    metadata: {name: i}
    spec:
      ratioMetric:
        counter: true
        good: {metricSource: {type: evalgate, spec: {metric: task_success_rate}}}
        total: {metricSource: {type: evalgate, spec: {metric: task_success_rate}}}
  timeWindow: [{duration: 30d, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{target: 0.95}]
"""
    (folder / "o.yaml").write_text(text)
    assert "from-file: MET" in cli("slo", *WHEN, "--openslo", "o.yaml").out
    configured(folder, "slo: [o.yaml]\n")
    assert "from-file: MET" in cli("slo", *WHEN).out
    assert 2 == cli("slo", *WHEN, "--openslo", "o.yaml").code  # the name stands twice


@pytest.mark.parametrize(
    ("slo", "words"),
    [
        ("", "there is no objective"),
        (SLO.replace("task_success_rate", "task_sucess_rate"), "did you mean 'task_success_rate'"),
        (SLO.replace("task_success_rate", "cost_per_interaction"), "needs at_most or at_least"),
        (SLO.replace("95%", "95"), "slo"),
        (SLO.replace("95%", "100%"), "less than 1"),
        (SLO.replace("}", ", window: 30 days}"), "is no duration"),
        ("slo: [missing.yaml]\n", "missing.yaml: cannot be read"),
    ],
)
def test_bad_objectives_are_named(folder: Path, cli: Cli, slo: str, words: str) -> None:
    """With the value and what fits."""
    configured(folder, slo)
    done = cli("slo", *WHEN)
    assert (2, True) == (done.code, words in done.err), done.err
