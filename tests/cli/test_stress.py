"""Tests of `evalgate stress` on arrivals and traces: expected numbers, bytes, bad input."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.cli import Cli
from support.projects import lines

AZURE = "traffic/AzureLLMInferenceTrace_code.csv"
FIELDS = {
    "engine",
    "sessions",
    "calls",
    "succeeded",
    "exhausted",
    "never_fits",
    "attempts",
    "throttled",
    "errors",
    "quota_utilisation",
    "completion_time_p50",
    "completion_time_p95",
    "limiter",
    "profile",
}


def played(cli: Cli, file: Path, *options: str) -> dict[str, Any]:
    """Return the `stress` object of a check of an arrivals file."""
    result = cli("stress", "--arrivals", file, "--format", "json", *options)
    assert result.code in (0, 1, 3), result.err
    stress: dict[str, Any] = result.json["stress"]
    return stress


def written(folder: Path, moments: list[float], **columns: int) -> Path:
    """Write an arrivals file in which all calls are alike."""
    file = folder / "arrivals.jsonl"
    file.write_text(lines({"time": moment, **columns} for moment in moments), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("options", "throttled"),
    [
        (("--rpm", "300"), 358),
        (("--rpm", "300", "--limiter", "fixed"), 1275),
        (("--rpm", "300", "--limiter", "sliding"), 1896),
        (("--rpm", "200"), 1681),
        (("--tpm", "300000"), 2043),
    ],
)
def test_the_real_trace(
    shared_data: Path, cli: Cli, options: tuple[str, ...], throttled: int
) -> None:
    """The counts of the Azure code trace; source: README of the data."""
    stress = played(cli, shared_data / AZURE, "--retry", "none", *options)
    assert (8819, throttled, throttled) == (
        stress["attempts"],
        stress["throttled"],
        stress["exhausted"],
    )
    assert stress.keys() >= FIELDS


def test_case_two(tmp_path: Path, cli: Cli) -> None:
    """180 calls at once, 60 RPM, exact waits, 2 retries; source: specification, number 2."""
    stress = played(cli, written(tmp_path, [0.0] * 180), "--rpm", "60", "--retry", "exact")
    names = ("succeeded", "exhausted", "attempts", "throttled")
    assert (62, 118, 419, 357) == tuple(stress[name] for name in names)


@pytest.mark.parametrize(("burst", "admitted"), [("60", 104), ("1", 45)])
def test_case_three(tmp_path: Path, cli: Cli, burst: str, admitted: int) -> None:
    """180 arrivals .25 s apart, 60 RPM, no retry; source: specification, number 3."""
    file = written(tmp_path, [number / 4 for number in range(180)])
    stress = played(cli, file, "--rpm", "60", "--burst", burst, "--retry", "none")
    assert admitted == stress["succeeded"]


ONCE = ("--retry", "none", "--most-seeds", "1")
"""More seeds of what comes at once would only add the counts up."""


@pytest.mark.parametrize(("limiter", "admitted"), [("fixed", 120), ("sliding", 60), ("bucket", 60)])
def test_case_four(tmp_path: Path, cli: Cli, limiter: str, admitted: int) -> None:
    """60 calls at 59.9 s and 60 at 60.1 s; source: specification, number 4.

    Times in plain seconds have a zero of their own, and there a fixed window starts.
    """
    file = written(tmp_path, [59.9] * 60 + [60.1] * 60)
    stress = played(cli, file, "--rpm", "60", "--limiter", limiter, *ONCE)
    assert admitted == stress["succeeded"]


@pytest.mark.parametrize(("charge", "admitted"), [("actual", 20), ("max", 7), ("sum", 6)])
def test_case_five(tmp_path: Path, cli: Cli, charge: str, admitted: int) -> None:
    """20 calls, 30,000 TPM, real cost 700, max_tokens 4000; source: specification, number 5."""
    file = written(tmp_path, [0.0] * 20, input_tokens=500, output_tokens=200, max_tokens=4000)
    stress = played(cli, file, "--tpm", "30000", "--charge", charge, *ONCE)
    assert admitted == stress["succeeded"]


def test_two_runs_give_the_same_bytes(tmp_path: Path, cli: Cli) -> None:
    """One seed fixes everything, faults and jitter included; another seed gives another run."""
    file = written(tmp_path, [number / 7 for number in range(300)])
    options = ("--rpm", "60", "--faults", "datadog-2026", "--format", "json")
    first, second = (cli("stress", "--arrivals", file, *options).out for _ in range(2))
    other = cli("stress", "--arrivals", file, *options, "--seed", "7").out
    assert first == second
    assert first != other


def test_a_call_that_never_fits(tmp_path: Path, cli: Cli) -> None:
    """A request larger than the whole limit is told apart from one that waiting cures."""
    file = written(tmp_path, [0.0], input_tokens=500, output_tokens=1)
    stress = played(cli, file, "--tpm", "100", "--retry", "openai")
    assert (1, 0) == (stress["never_fits"], stress["exhausted"])
    assert [{"cause": "never_fits", "team": "prompt", "calls": 1}] == stress["root_causes"]


def test_missing_tokens_pass_no_limit_on_tokens(tmp_path: Path, cli: Cli) -> None:
    """Calls without tokens are charged none: exit 3, and the report says which checks lack what."""
    result = cli("stress", "--arrivals", written(tmp_path, [0.0]), "--tpm", "100", "-f", "json")
    checks = {check["id"]: check["outcome"] for check in result.json["checks"]}
    assert (3, "inconclusive") == (result.code, checks["stress.rate_limit_error_rate"])
    assert "1 of 1 arrivals lack tokens" in " ".join(result.json["warnings"])


def test_concurrency_needs_durations(tmp_path: Path, cli: Cli) -> None:
    """An arrivals file does not tell how long calls take, so nothing is known of their overlap."""
    file = written(tmp_path, [0.0] * 50)
    result = cli("stress", "--arrivals", file, "--max-concurrency", "1", "-f", "json")
    assert (3, "inconclusive") == (result.code, result.json["verdict"])


def test_arrivals_tell_no_completion_time(tmp_path: Path, cli: Cli) -> None:
    """Of a call whose duration nobody knows only the waiting is known: no time, and never zero."""
    for times in ([0.0, 1.0], [0.0] * 90):
        file = written(tmp_path, times)
        result = cli("stress", "--arrivals", file, "--rpm", "60", "-f", "json").json
        for name in ("completion_time_p50", "completion_time_p95"):
            assert result["stress"][name] is None
            assert result["metrics"][f"stress_{name}"]["value"] is None


def test_unsorted_and_tied_arrivals(tmp_path: Path, cli: Cli) -> None:
    """They are sorted, and a reader is told."""
    file = written(tmp_path, [2.0, 0.0, 2.0])
    result = cli("stress", "--arrivals", file, "--rpm", "60", "-f", "json")
    said = " ".join(result.json["warnings"])
    assert 0 == result.code, "3 seeds of 100 calls settle 1 %"
    assert "not in order of time" in said
    assert "1 arrival shares the moment" in said


def test_a_baseline_holds_the_five_percent_rule(tmp_path: Path, cli: Cli) -> None:
    """A report is a baseline: fewer retries make goodput worse, and that fails."""
    file = written(tmp_path, [number / 3 for number in range(120)])
    options = ("stress", "--arrivals", file, "--rpm", "60", "--burst", "5")
    many = tmp_path / "many.json"
    cli(*options, "--retry", "exact:9", "-f", "json", "-o", many)
    same = cli(*options, "--retry", "exact:9", "--baseline", many, "-f", "json").json
    worse = cli(*options, "--retry", "exact:1", "--baseline", many, "-f", "json").json
    outcome = {c["id"]: c["outcome"] for c in worse["checks"]}
    changes = {c["change"] for c in same["checks"] if c["kind"] == "relative"}
    assert {0.0, None} >= changes
    assert "fail" == outcome["stress_goodput"]


def test_another_load_is_not_comparable(tmp_path: Path, cli: Cli) -> None:
    """Another quota is another scorer: exit 3, never a pass."""
    file = written(tmp_path, [float(number) for number in range(30)])
    base = tmp_path / "base.json"
    cli("stress", "--arrivals", file, "--rpm", "600", "-f", "json", "-o", base)
    result = cli("stress", "--arrivals", file, "--rpm", "900", "--baseline", base, "-f", "json")
    reasons = " ".join(c["reason"] for c in result.json["checks"])
    assert 3 == result.code
    assert "scorer 'stress' is another version" in reasons


def test_every_format_is_written(tmp_path: Path, cli: Cli) -> None:
    """Markdown, JUnit and a picture, like every other report."""
    file = written(tmp_path, [0.0] * 90)
    outputs = [tmp_path / name for name in ("out.md", "out.xml", "out.svg")]
    result = cli(
        *("stress", "--arrivals", file, "--rpm", "60", "--retry", "none"),
        *("-f", "markdown", "-o", outputs[0], "-f", "junit", "-o", outputs[1]),
        *("--plot", outputs[2]),
    )
    texts = [path.read_text(encoding="utf-8") for path in outputs]
    assert 1 == result.code
    for text, part in zip(texts, ("retries ran out | 30", "<failure", "<svg"), strict=True):
        assert part in text
    assert "P0 rate-limit alarm: not met" in result.out


TRACE = {
    "schema": "evalgate.trace/1",
    "case_id": "one",
    "status": "finished",
    "tags": ["info"],
    "duration": 2.0,
    "steps": [
        {"kind": "llm_call", "start": 0.0, "end": 1.0, "input_tokens": 100, "output_tokens": 10},
        {"kind": "llm_call", "start": 1.5, "end": 2.0, "input_tokens": 120, "output_tokens": 10},
    ],
}


def traces(folder: Path, **changes: object) -> Path:
    """Write one recorded session."""
    file = folder / "traces.jsonl"
    file.write_text(lines([{**TRACE, **changes}]), encoding="utf-8")
    return file


def test_traces_are_sessions(tmp_path: Path, cli: Cli) -> None:
    """30 sessions of two calls each at 60 RPM: all 60 fit into the bucket."""
    options = ("--rpm", "60", "--sessions", "info=30", "--tier", "info=critical", "-f", "json")
    report = cli("stress", "--traces", traces(tmp_path), *options).json
    stress = report["stress"]
    seeds = stress["seeds"]
    assert 60 * seeds >= 2995, "evidence of 0.1 %, as the order at once is drawn"
    assert (30 * seeds, 60 * seeds, 60 * seeds, 0) == tuple(
        stress[name] for name in ("sessions", "calls", "succeeded", "throttled")
    )
    assert {"critical": "pass"} == stress["tiers"]
    assert "pass" == report["verdict"]


def test_traces_without_times_settle_no_rate(tmp_path: Path, cli: Cli) -> None:
    """Inconclusive, and the way out is named."""
    calls = [{"kind": "llm_call", "input_tokens": 1, "output_tokens": 1}]
    result = cli("stress", "--traces", traces(tmp_path, steps=calls), "--rpm", "60", "-f", "json")
    fixes = {c["fix"] for c in result.json["checks"] if c["outcome"] == "inconclusive"}
    assert 3 == result.code
    assert "record traces with start and end of each call" in fixes


def test_crashed_sessions_are_no_evidence(tmp_path: Path, cli: Cli) -> None:
    """A session that crashed asks for less; that must not look like a smaller load."""
    file = traces(tmp_path, status="crashed")
    result = cli("stress", "--traces", file, "--rpm", "6000", "-f", "json")
    ids = [c["id"] for c in result.json["checks"] if c["outcome"] == "inconclusive"]
    assert (3, ["evidence.stress_sessions.all"]) == (result.code, ids)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--arrivals", "none.csv", "--rpm", "1"), "none.csv: cannot be read"),
        (("--arrivals", "a.jsonl"), "there is no limit"),
        (("--arrivals", "a.jsonl", "--rpm", "0"), "'--rpm': 0 is not in the range"),
        (("--arrivals", "a.jsonl", "--rpm", "9" * 13), "less than or equal to 1000000000000"),
        (("--arrivals", "a.jsonl", "--rpm", "1", "--sessions", "a=1"), "brings its own calls"),
        (("--arrivals", "a.jsonl", "--traces", "b"), "exclude each other"),
        (("--arrivals", "a.jsonl", "--rpm", "1", "--arrive", "burst"), "both say when"),
        (("--arrivals", "a.jsonl", "--rpm", "1", "--engine", "live"), "an arrivals file has none"),
        (("--arrivals", "a.jsonl", "--rpm", "1", "--retry", "opena"), "did you mean openai"),
        (("--arrivals", "a.jsonl", "--rpm", "1", "--profile", "azur"), "did you mean azure"),
        (("--arrivals", "a.jsonl", "--rpm", "1", "--faults", "datadog"), "datadog-2026"),
        (("--arrivals", "a.jsonl", "--rpm", "1", "--limit", "goodput"), "expected NAME=VALUE"),
        (("--arrivals", "a.jsonl", "--rpm", "1", "--limit", "good=1"), "'good' is no check"),
        (("--arrivals", "a.jsonl", "--rpm", "1", "--plot", "a.png"), "written as SVG"),
        (("--arrivals", "a.jsonl", "--rpm", "1", "--plot", ""), "written as SVG"),
        (("--arrivals", "a.jsonl", "--rpm", "1", "--baseline"), "there is no suite"),
        (("--arrivals", "a.jsonl", "--rpm", "1", "--no-queue", "--reserve", "9"), "turns it off"),
        (("--arrivals", "a.jsonl", "--rpm", "9", "--burst", "1", "--limiter", "fixed"), "burst"),
        (("--traces", "t.jsonl", "--rpm", "1", "--sessions", "x=1"), "no recorded session"),
        (("--traces", "t.jsonl", "--rpm", "1", "--arrive", "poison:1"), "did you mean"),
        (("--traces", "t.jsonl", "--rpm", "1", "--arrive", "poisson:x"), "expected a number"),
        (("--traces", "t.jsonl", "--rpm", "1", "--arrive", "poisson:0"), "from 1e-9"),
    ],
)
def test_bad_input(
    tmp_path: Path,
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    said: str,
) -> None:
    """Exit 2, and the message names what is wrong; never a traceback."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.jsonl").write_text(json.dumps({"t": 0}) + "\n", encoding="utf-8")
    traces(tmp_path).rename(tmp_path / "t.jsonl")
    result = cli("stress", *options)
    assert (2, True) == (result.code, said in result.err), result.err
