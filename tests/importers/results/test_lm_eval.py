"""Samples and results of lm-evaluation-harness."""

from pathlib import Path

import pytest
from support.foreign import foreign, mean, rows, values, write

from evalgate.errors import DataError


def test_multiple_choice(shared_data: Path) -> None:
    """8 documents, acc .25, acc_norm .125 (results.json of the run)."""
    file = foreign(shared_data / "foreign" / "lm_eval" / "samples_capitals_mc.jsonl")
    assert (8, 0.25, 0.125) == (len(rows(file)), mean(file, "acc"), mean(file, "acc_norm"))


def test_one_metric_a_filter(shared_data: Path) -> None:
    """16 lines for 8 documents: 0.0 for both filters."""
    file = foreign(shared_data / "foreign" / "lm_eval" / "samples_capitals_gen.jsonl")
    names = ("exact_match,strict", "exact_match,first-word")
    assert (8, [[0.0] * 8] * 2) == (len(rows(file)), [values(file, name) for name in names])


def test_the_table_compares_tasks(shared_data: Path) -> None:
    """`results.json` has a value a task."""
    file = foreign(shared_data / "foreign" / "lm_eval" / "results.json")
    assert [0.25, None] == values(file, "acc")


def sample(**fields: object) -> dict[str, object]:
    """Make a line."""
    base = {"doc_id": 0, "filter": "none", "metrics": ["acc"], "resps": [], "acc": 1.0}
    return {**base, **fields}


def test_a_document_twice_is_an_error(tmp_path: Path) -> None:
    """Two tasks in one file would be trials of nothing."""
    with pytest.raises(DataError, match=r"line 2: found document '0' again .* line 1 has it"):
        foreign(write(tmp_path, "s.jsonl", [sample(), sample()]))


def test_nan_is_unscored(tmp_path: Path) -> None:
    """A value that Python writes as NaN is no number."""
    line = '{"doc_id": 0, "filter": "none", "metrics": ["acc"], "resps": [], "acc": NaN}\n'
    assert [None] == values(foreign(write(tmp_path, "s.jsonl", line)), "acc")


def test_perplexity_is_better_low(tmp_path: Path) -> None:
    """Its direction is known by name, and it has no bounds."""
    line = sample(metrics=["word_perplexity"], word_perplexity=12.5)
    kind = foreign(write(tmp_path, "s.jsonl", [line])).results.kinds["word_perplexity"]
    assert ("lower", None) == (kind.direction, kind.bounds)


def test_ingredients_of_a_metric_over_the_whole_set_only_inform(tmp_path: Path) -> None:
    """BLEU leaves a pair of texts a document."""
    line = sample(metrics=["acc", "bleu"], bleu=["a", "b"])
    kinds = foreign(write(tmp_path, "s.jsonl", [line])).results.kinds
    assert {"acc": False, "bleu": True} == {n: kind.informational for n, kind in kinds.items()}
