"""Tests of `evalgate capacity`."""

from pathlib import Path

import pytest
from support.cli import Cli
from support.projects import lines


def test_reserve_is_peak_times_growth(tmp_path: Path, cli: Cli) -> None:
    """100,000 tokens in the busiest minute and 20 % growth are 120,000; source: the issue."""
    rows = [{"t": 30.0 * n, "input_tokens": 50_000, "output_tokens": 0} for n in range(4)]
    file = tmp_path / "calls.jsonl"
    file.write_text(lines(rows), encoding="utf-8")
    plan = cli("capacity", "--arrivals", file, "--growth", "0.2", "-f", "json").json
    tokens = next(r for r in plan["organisation"] if r["dimension"] == "tokens")
    assert (100_000, 120_000, None) == (tokens["peak"], tokens["reserve"], tokens["headroom"])
    assert plan["limits_stated"] is False


def session(name: str) -> dict[str, object]:
    """Make a session of one call of a second."""
    call = {"kind": "llm_call", "start": 0.0, "end": 1.0, "input_tokens": 100, "output_tokens": 10}
    return {"schema": "evalgate.trace/1", "case_id": name, "duration": 1.0, "steps": [call]}


@pytest.mark.slow
def test_several_agents_share_one_quota(tmp_path: Path, cli: Cli) -> None:
    """Each agent by itself, and the organisation: bursts at one moment add up."""
    files = [tmp_path / name for name in ("a.jsonl", "b.jsonl")]
    for file in files:
        file.write_text(lines([session("one")]), encoding="utf-8")
    plan = cli(
        *("capacity", "--traces", files[0], "--traces", files[1], "--rpm", "60"),
        *("--sessions", "all=50", "-f", "json", "-q"),
    ).json
    (whole,) = plan["organisation"]
    assert [("a.jsonl", 50), ("b.jsonl", 50)] == [
        (a["name"], a["sessions"]) for a in plan["agents"]
    ]
    assert [50, 50] == [agent["reserve"][0]["peak"] for agent in plan["agents"]]
    assert (100, -40 / 60) == (whole["peak"], whole["headroom"])


def test_what_a_quota_holds(tmp_path: Path, cli: Cli) -> None:
    """60 lone calls at once fit into a bucket of 60, to the search's 3 %; the picture is drawn."""
    file, plot = tmp_path / "a.jsonl", tmp_path / "plan.svg"
    file.write_text(lines([session("one")]), encoding="utf-8")
    options = ("--rpm", "60", "--retry", "none", "--sessions", "all=100", "--tier", "all=critical")
    result = cli("capacity", "--traces", file, *options, "--plot", plot, "-f", "json")
    (tier,) = result.json["tiers"]
    assert 58 <= tier["largest_sessions"] <= 60
    assert 100 <= tier["needs"]["rpm"] <= 103
    assert "queue and reservation" in {lever["name"] for lever in result.json["levers"]}
    assert plot.read_text(encoding="utf-8").startswith("<svg")


@pytest.mark.slow
def test_people_get_tables(tmp_path: Path, cli: Cli) -> None:
    """The same plan as text and as Markdown."""
    file = tmp_path / "a.jsonl"
    file.write_text(lines([session("one")]), encoding="utf-8")
    options = ("capacity", "--traces", file, "--rpm", "60", "--sessions", "all=10")
    assert "organisation: requests" in cli(*options).out
    assert "| organisation: requests | 10 | 10 | 60 |" in cli(*options, "-f", "markdown").out


def test_a_trace_of_arrivals_cannot_be_scaled(tmp_path: Path, cli: Cli) -> None:
    """There is no curve to draw, and that is said."""
    file = tmp_path / "calls.csv"
    file.write_text("t\n0\n1\n", encoding="utf-8")
    result = cli("capacity", "--arrivals", file, "--plot", tmp_path / "a.svg")
    assert (2, True) == (result.code, "cannot be scaled" in result.err)
