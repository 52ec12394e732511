"""Golden sets in other encodings and arrivals in milliseconds, from the command line.

The files lie beside the project (`shared/cases/golden`, `shared/cases/traffic`).
"""

import json
from pathlib import Path

import pytest
from support.cli import Cli


@pytest.fixture
def cases(shared_cases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder with the traces of three cases; return the folder of inputs."""
    monkeypatch.chdir(tmp_path)
    rows = [
        {"schema": "evalgate.trace/1", "case_id": case, "output": "ok"}
        for case in ("q1", "q2", "007")
    ]
    Path("t.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return shared_cases


@pytest.mark.parametrize("name", ["plain", "bom", "crlf", "utf16"])
def test_a_table_is_read_in_its_encoding(name: str, cases: Path, cli: Cli) -> None:
    """inspect_ai 5353: byte order mark, CRLF and UTF-16 are the same three cases."""
    suite = {
        "golden": str(cases / "golden" / f"{name}.csv"),
        "agent": "recorded:t.jsonl",
        "gate": {"metrics": {"task_success_rate": {"min": 0.9}}},
    }
    Path("evalgate.yaml").write_text(json.dumps({"suites": {"table": suite}}), encoding="utf-8")
    done = cli("run", "--format", "json")
    assert (0, 3) == (done.code, done.json["metrics"]["task_success_rate"]["n"])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gbk", "fix: iconv -f GBK -t UTF-8 gbk.csv > utf8-gbk.csv"),
        ("semi", "expected 4, parted by ';' as the header is"),
    ],
)
def test_a_table_that_is_none_is_refused(name: str, said: str, cases: Path, cli: Cli) -> None:
    """The encoding is named with the way out, and so is a header of another make."""
    golden = cases / "golden" / f"{name}.csv"
    done = cli("run", "--golden", golden, "--agent", "recorded:t.jsonl")
    assert (2, True) == (done.code, said in done.err), done.err


@pytest.mark.parametrize("name", ["ms.jsonl", "epoch_ms.jsonl"])
def test_arrivals_in_milliseconds(name: str, cases: Path, cli: Cli) -> None:
    """180 calls 250 ms apart against 60 a minute in a bucket of 60: 76 are refused."""
    load = ("--arrivals", cases / "traffic" / name, "--retry", "none")
    done = cli("stress", *load, "--rpm", "60", "--burst", "60", "--format", "json")
    (check,) = (c for c in done.json["checks"] if c["id"] == "stress.rate_limit_error_rate")
    assert (1, True) == (done.code, "76 of 180" in check["reason"]), check


def test_an_arrival_at_the_end_of_time(cases: Path, cli: Cli) -> None:
    """1e99 is refused with its line."""
    done = cli("stress", "--arrivals", cases / "traffic" / "big.csv", "--rpm", "60")
    assert (2, True) == (done.code, "big.csv:2: time: expected seconds" in done.err)
