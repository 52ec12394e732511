"""promptfoo results in every shape it writes."""

from collections import Counter
from pathlib import Path

import pytest
from support.foreign import foreign, mean, rows, tokens, values, write

FILES = ["results.json", "results.jsonl", "results.csv", "results.junit.xml"]


@pytest.mark.parametrize("name", FILES)
def test_every_row_of_every_shape(shared_data: Path, name: str) -> None:
    """32 rows: 26 pass, 2 fail, 4 error (promptfoo's own stats), each under an id of its own."""
    file = foreign(shared_data / "foreign" / "promptfoo" / name)
    counts = Counter(values(file, "task_success"))
    assert {1.0: 26, 0.0: 2, None: 4} == counts
    assert (32, 4) == (
        len({row.case for row in rows(file)}),
        sum(row.error is not None for row in rows(file)),
    )


@pytest.mark.parametrize("name", ["results.json", "results.jsonl"])
def test_its_own_numbers(shared_data: Path, name: str) -> None:
    """Mean score .8107942 over all 32 rows, 2,684 tokens, $.005368: the file's prompts' sums."""
    file = foreign(shared_data / "foreign" / "promptfoo" / name)
    scored = [value or 0.0 for value in values(file, "score")]
    assert pytest.approx(0.8107942, abs=1e-7) == sum(scored) / 32
    assert (1412, 1272) == tokens(file)
    assert pytest.approx(0.005368) == sum(row.cost_usd or 0 for row in rows(file))
    assert (1.0, 0.5, 1.0) == tuple(mean(file, name) for name in ("policy", "howto", "safety"))


def test_a_weight_of_zero_only_informs(shared_data: Path) -> None:
    """`weight: 0` is promptfoo's word for informational."""
    file = foreign(shared_data / "foreign" / "promptfoo" / "results.json")
    assert ["info-only"] == [n for n, kind in file.results.kinds.items() if kind.informational]


def test_a_failure_with_an_error_text_is_no_error(shared_data: Path) -> None:
    """6 rows have an `error` text, 4 of them errors: `failureReason` decides."""
    file = foreign(shared_data / "foreign" / "promptfoo" / "results.jsonl")
    assert 4 == sum(row.error is not None for row in rows(file))


def row(**fields: object) -> dict[str, object]:
    """Make a row of a file with one prompt and provider."""
    base = {"promptIdx": 0, "testIdx": 0, "success": True, "score": 1, "failureReason": 0}
    return {**base, "vars": {"q": "a"}, "testCase": {"vars": {"q": "a"}}, **fields}


def test_repeats_are_trials_and_other_assertions_are_not(tmp_path: Path) -> None:
    """`--repeat 2` writes equal tests; a test that asserts something else is another case."""
    other = row(testIdx=2, testCase={"vars": {"q": "a"}, "assert": [{"type": "equals"}]})
    file = foreign(write(tmp_path, "r.jsonl", [row(), row(testIdx=1), other]))
    assert {'{"q": "a"}': 2, '{"q": "a"} (2)': 1} == Counter(r.case for r in rows(file))


def test_another_provider_keeps_the_ids(tmp_path: Path) -> None:
    """With one provider and prompt neither is part of the id: both may be what changed."""
    one = foreign(write(tmp_path, "a.jsonl", [row(provider={"id": "openai:a"})]))
    two = foreign(write(tmp_path, "b.jsonl", [row(provider={"id": "openai:b"})]))
    assert rows(one)[0].case == rows(two)[0].case


def test_an_older_table_marks_the_output(tmp_path: Path) -> None:
    """Without a column `Status`: `[PASS] (1.00) text`."""
    text = "q,[openai:a] one,[openai:b] one\nx,[PASS] (1.00) hi,[FAIL] (0.25) no\n"
    file = foreign(write(tmp_path, "old.csv", text))
    assert ("promptfoo", [1.0, 0.0], [1.0, 0.25]) == (
        file.format,
        values(file, "task_success"),
        values(file, "score"),
    )
