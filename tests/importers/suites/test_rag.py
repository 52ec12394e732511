"""Rows of question, answer, contexts and ground truth."""

import json
from pathlib import Path

import pytest
from support.foreign import write
from support.suites import convert

from evalgate.errors import DataError, MissingExtra


def test_a_real_table(shared_data: Path) -> None:
    """66 rows, 65 of whose questions end with a break; the empty column is no column."""
    made = convert("rag", shared_data / "foreign" / "ragas" / "hf_doc_qa_eval.csv")
    assert 66 == len({case.id for case in made.cases})
    assert not any("\n" in str(case.input) for case in made.cases)
    assert "ground_truth 'expected_answer'" in made.notes[0]


ROW = {"question": "q", "answer": "a", "contexts": ["c1", "c2"]}


@pytest.mark.parametrize("kind", ["csv", "jsonl", "json", "parquet"])
def test_every_kind_of_file(tmp_path: Path, kind: str) -> None:
    """The same case from each; contexts without an expected answer give faithfulness."""
    path = tmp_path / f"rows.{kind}"
    if kind == "csv":
        cell = json.dumps(ROW["contexts"]).replace('"', '""')
        write(tmp_path, "rows.csv", f'question,answer,contexts\nq,a,"{cell}"\n')
    elif kind == "parquet":
        arrow = pytest.importorskip("pyarrow")
        pytest.importorskip("pyarrow.parquet").write_table(arrow.Table.from_pylist([ROW]), path)
    else:
        write(tmp_path, path.name, [ROW])
    made = convert("rag", path)
    assert [("q", "q", ("c1", "c2"))] == [(c.id, c.input, c.contexts) for c in made.cases]
    assert (["a"], "claims") == (
        [trace.output for trace in made.traces],
        made.suite["judges"]["reader"]["kind"],  # type: ignore[call-overload, index]
    )


def test_columns_are_named(tmp_path: Path) -> None:
    """By `--column ROLE=NAME`; a wrong one offers the nearest."""
    path = write(tmp_path, "r.csv", "frage,belege\nq,a|b\n")
    columns = {"question": "frage", "contexts": "belege"}
    assert ("a", "b") == convert("rag", path, columns=columns).cases[0].contexts
    with pytest.raises(DataError, match=r"'fragen' is not there .did you mean 'frage'"):
        convert("rag", path, columns={"question": "fragen"})
    with pytest.raises(DataError, match="none that holds the question"):
        convert("rag", path)


def test_passages_and_conversations(tmp_path: Path) -> None:
    """Passages may be objects with a text; Ragas writes a conversation as typed messages."""
    talk = [{"type": "human", "content": "hi"}, {"type": "ai", "content": "yes?"}]
    rows = [{"user_input": talk, "retrieved_contexts": [{"page_content": "p"}]}]
    (case,) = convert("rag", write(tmp_path, "r.jsonl", rows)).cases
    assert ("p",) == case.contexts
    assert ["user", "assistant"] == [message.role for message in case.input]  # type: ignore[union-attr]


def test_a_hub_set_needs_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is no file is one of the hub; what fails is said."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises((DataError, MissingExtra), match="nobody/nothing"):
        convert("rag", Path("nobody/nothing"))
