"""Arrival files: Azure's columns, JSONL, disorder, ties, gaps, and errors with line numbers."""

from pathlib import Path

import pytest

from evalgate.errors import DataError
from evalgate.quota.quota import Request
from evalgate.quota.units import SECOND
from evalgate.stress.load.arrivals import ArrivalsFormat, parse_arrivals


def test_the_real_trace(shared_data: Path) -> None:
    """8,819 calls over 3,435.9 s, in order, every one with tokens."""
    path = shared_data / "traffic" / "AzureLLMInferenceTrace_code.csv"
    arrivals = parse_arrivals(path.read_text(), "csv", path.name)
    assert (8819, True, 0) == (len(arrivals), arrivals.was_sorted, arrivals.missing_tokens)
    assert (0, 52_000_000) == (arrivals.times[0], arrivals.times[1])
    assert Request(4808, 10) == arrivals.request(0)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("time,input_tokens,output_tokens,max_tokens\n0.5,10,2,100\n1.25,20,3,\n", "csv"),
        (
            (
                '{"time": 0.5, "input_tokens": 10, "output_tokens": 2, "max_tokens": 100}\n'
                '\n{"time": 1.25, "input_tokens": 20, "output_tokens": 3}\n'
            ),
            "jsonl",
        ),
        (
            (
                "TIMESTAMP,ContextTokens,GeneratedTokens,max_tokens\n"
                "2026-01-01 00:00:00.5,10,2,100\n2026-01-01T00:00:01.25Z,20,3,\n"
            ),
            "csv",
        ),
    ],
)
def test_forms(text: str, form: ArrivalsFormat) -> None:
    """Seconds and dates, CSV and JSONL say the same."""
    arrivals = parse_arrivals(text, form)
    assert [0, 3 * SECOND // 4] == list(arrivals.times)
    assert [Request(10, 2, 100), Request(20, 3, None)] == [arrivals.request(i) for i in (0, 1)]


def test_disorder_is_sorted_and_told() -> None:
    """Unsorted rows are put in order of time with their tokens."""
    arrivals = parse_arrivals("time,input_tokens\n5,1\n3,2\n4,3\n", "csv")
    assert ([0, SECOND, 2 * SECOND], [2, 3, 1], False) == (
        list(arrivals.times),
        list(arrivals.inputs),
        arrivals.was_sorted,
    )


def test_ties_keep_the_order_of_the_file() -> None:
    """Equal moments stay as they were."""
    arrivals = parse_arrivals("time,input_tokens\n2,1\n1,2\n1,3\n1,4\n", "csv")
    assert ([2, 3, 4, 1], 2) == (list(arrivals.inputs), arrivals.ties)


def test_missing_tokens_are_unknown() -> None:
    """An empty cell is not a zero."""
    arrivals = parse_arrivals("time,input_tokens,output_tokens\n1,,\n2,0,0\n3,5,\n", "csv")
    assert 2 == arrivals.missing_tokens
    assert [None, 0, None] == [arrivals.request(i).output_tokens for i in range(3)]


def test_zones_count() -> None:
    """The same moment in two zones is one moment."""
    text = "time\n2026-01-01T01:00:00+01:00\n2025-12-31T19:00:00-05:00\n"
    assert [0, 0] == list(parse_arrivals(text, "csv").times)


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ("0 1 2", [0, SECOND, 2 * SECOND]),
        ("0 0.5 5000", [0, SECOND // 2, 5000 * SECOND]),
        ("0 250 44750", [0, SECOND // 4, 44_750 * SECOND // 1000]),
        ("1700000000 1700000090", [0, 90 * SECOND]),
        ("1700000000000 1700000000250", [0, SECOND // 4]),
        ("1700000000000000 1700000000250000", [0, SECOND // 4]),
        ("1700000000000000000 1700000000250000000", [0, SECOND // 4]),
    ],
)
def test_the_unit_is_read_from_the_span(times: str, expected: list[int]) -> None:
    """Seconds, milliseconds, and times since 1970 in four units."""
    text = "time\n" + "\n".join(times.split())
    assert expected == list(parse_arrivals(text, "csv").times)


def test_a_unit_that_may_be_two_is_refused_and_can_be_named() -> None:
    """2,000 whole numbers one apart: 2,000 s or 2 s."""
    rows = "\n".join(map(str, range(2000)))
    with pytest.raises(DataError) as caught:
        parse_arrivals(f"time\n{rows}", "csv")
    assert "may be seconds or milliseconds" in caught.value.message
    assert 1999 * SECOND == parse_arrivals(f"time_s\n{rows}", "csv").times[-1]
    assert 1_999_000_000 == parse_arrivals(f"time_ms\n{rows}", "csv").times[-1]


@pytest.mark.parametrize("name", ["ms.jsonl", "epoch_ms.jsonl"])
def test_traces_in_milliseconds(shared_data: Path, name: str) -> None:
    """cases/README.md: 180 arrivals 250 ms apart."""
    path = shared_data.parent / "cases" / "traffic" / name
    arrivals = parse_arrivals(path.read_text(), "jsonl", name)
    assert [n * SECOND // 4 for n in range(180)] == list(arrivals.times)


def test_lengths_are_tokens(shared_data: Path) -> None:
    """`input_length` and `output_length`."""
    path = shared_data.parent / "cases" / "traffic" / "ms.jsonl"
    assert Request(10, 5) == parse_arrivals(path.read_text(), "jsonl").request(0)


@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        ("time\n1e99\n", "csv", "a.csv:2: time: expected seconds"),
        ('{"time": 1e99}\n', "jsonl", "a.csv:1: time: expected seconds"),
        ('{"time": 1e1005}\n', "jsonl", "found '1e1005'"),
        ('{"time": 1e999999999}\n', "jsonl", "found '1e999999999'"),
        ('{"time": -1.5}\n', "jsonl", "found '-1.5'"),
        ("time_s\n1e15\n", "csv", "a.csv: time: expected at most"),
        ("time,time_ms\n1,2\n", "csv", "a.csv:1: two columns"),
        ("", "csv", "no arrivals"),
        ("time\n", "csv", "no arrivals"),
        ("when\n1\n", "csv", "a.csv:1: expected a column for the time"),
        ("time,time\n1,2\n", "csv", "a.csv:1: two columns"),
        ("time\n1\nsoon\n", "csv", "a.csv:3: time: expected seconds"),
        ("time\n1\n-5\n", "csv", "a.csv:3: time"),
        ("time\nnan\n", "csv", "a.csv:2: time"),
        ("time\n2026-02-30 00:00:00\n", "csv", "a.csv:2: time"),
        ("time\n2026-02-20 25:00:00\n", "csv", "a.csv:2: time"),
        ("time\n1\n2026-02-20 00:00:00\n", "csv", "a.csv:3: time: expected the kind of the lines"),
        ("time,input_tokens\n1,5\n2,x\n", "csv", "a.csv:3: input tokens"),
        ("time,input_tokens\n1,-5\n", "csv", "a.csv:2: input tokens"),
        ("time,input_tokens\n1\n", "csv", "a.csv:2: expected 2 cells, found 1"),
        ('time\n"1\n', "csv", "a.csv:2: not CSV"),
        ('{"time": 1}\n{"time": NaN}\n', "jsonl", "a.csv:2: not JSON"),
        ('{"time": 1}\n{"time"\n', "jsonl", "a.csv:2: not JSON"),
        ("[1]\n", "jsonl", "a.csv:1: expected an object"),
        ('{"time": true}\n', "jsonl", "a.csv:1: time"),
        ('{"time": 1, "input_tokens": 1.5}\n', "jsonl", "a.csv:1: input tokens"),
    ],
)
def test_errors_name_the_line(text: str, form: ArrivalsFormat, expected: str) -> None:
    """File, line and value, and what was expected."""
    with pytest.raises(DataError) as caught:
        parse_arrivals(text, form, "a.csv")
    assert expected in caught.value.message
