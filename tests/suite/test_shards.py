"""Tests of the division of a golden set over machines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.errors import ConfigError
from evalgate.suite.shards import Shard, parse_shard, shard_of

SOURCE = {"refund-1": 4, "q1": 3, "q2": 4}


@given(st.text(), st.integers(1, 50))
def test_every_case_has_exactly_one_shard(case_id: str, count: int) -> None:
    """Shards of one division neither overlap nor leave a case out."""
    holding = [n for n in range(1, count + 1) if case_id in Shard(n, count)]
    assert [shard_of(case_id, count)] == holding


def test_a_case_stays_where_it_is() -> None:
    """Source: the 16th digit of `printf ID | sha256sum` (b, 2, 3), modulo 4, plus 1."""
    assert SOURCE == {name: shard_of(name, 4) for name in SOURCE}


def test_shards_are_about_equal() -> None:
    """Of 4,000 cases each of four shards gets 1,000, give or take four standard deviations."""
    sizes = [sum(f"case-{i}" in Shard(n, 4) for i in range(4_000)) for n in (1, 2, 3, 4)]
    assert all(abs(size - 1_000) < 4 * 27.4 for size in sizes)


def test_a_shard_is_read_as_it_is_written() -> None:
    """`2/4` is the second of four."""
    assert (Shard(2, 4), "2/4") == (parse_shard("2/4"), str(Shard(2, 4)))


@pytest.mark.parametrize("text", ["", "0/4", "5/4", "1/0", "1", "a/b", "-1/4", "1/4/2", "٢/٤"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    """Each slip names what was expected."""
    with pytest.raises(ConfigError, match="expected I/N"):
        parse_shard(text)


SLURM = {
    "SLURM_ARRAY_TASK_ID": "4",
    "SLURM_ARRAY_TASK_COUNT": "4",
    "SLURM_ARRAY_TASK_MIN": "2",
    "SLURM_ARRAY_TASK_MAX": "8",
    "SLURM_ARRAY_TASK_STEP": "2",
}


@pytest.mark.parametrize(
    ("text", "environ", "expected"),
    [
        ("auto", {"CI_NODE_INDEX": "2", "CI_NODE_TOTAL": "4"}, Shard(2, 4)),
        ("auto/4", {"CI_NODE_INDEX": "2", "CI_NODE_TOTAL": "4"}, Shard(2, 4)),
        ("auto/4", {"JOB_COMPLETION_INDEX": "0"}, Shard(1, 4)),
        ("auto", SLURM, Shard(2, 4)),
        ("auto/4", {"SLURM_ARRAY_TASK_ID": "3"}, Shard(3, 4)),
    ],
)
def test_a_machine_is_told_its_shard(text: str, environ: dict[str, str], expected: Shard) -> None:
    """GitLab counts from 1, Kubernetes from 0, an array of SLURM from anywhere in steps."""
    assert expected == parse_shard(text, environ)


@pytest.mark.parametrize(
    ("text", "environ", "said"),
    [
        ("auto", {}, "no variable tells which"),
        ("auto", {"JOB_COMPLETION_INDEX": "0"}, "nothing how many"),
        ("auto/3", {"CI_NODE_INDEX": "2", "CI_NODE_TOTAL": "4"}, "one of 4, not of 3"),
        ("auto/4", {"JOB_COMPLETION_INDEX": "4"}, "is no shard"),
        ("auto/4", {"JOB_COMPLETION_INDEX": "x"}, "expected a whole number"),
        ("auto/x", {"JOB_COMPLETION_INDEX": "0"}, "expected a whole number"),
        ("auto/4", {"JOB_COMPLETION_INDEX": "0", "CI_NODE_INDEX": "1"}, "are all set"),
        ("auto", {**SLURM, "SLURM_ARRAY_TASK_COUNT": "3"}, "in steps of 2"),
    ],
)
def test_a_machine_that_is_not_told_runs_nothing(
    text: str, environ: dict[str, str], said: str
) -> None:
    """Never the whole set, and never another machine's part."""
    with pytest.raises(ConfigError, match=said):
        parse_shard(text, environ)
