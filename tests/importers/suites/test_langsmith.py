"""Datasets of LangSmith."""

from pathlib import Path

import pytest
from support.foreign import write
from support.suites import convert

from evalgate.schema.golden import Message


@pytest.mark.parametrize("name", ["web_qa_correct.dataset.json", "web_qa_incorrect.dataset.json"])
def test_a_real_dataset(shared_data: Path, name: str) -> None:
    """100 examples; outputs that are grades are no expected answers, and said."""
    made = convert("langsmith", shared_data / "foreign" / "langsmith" / name)
    assert 100 == len({case.id for case in made.cases})
    assert all(case.expected.output is None for case in made.cases)
    assert "output_correctness_score" in made.left_out[0]


def test_answers_messages_and_splits(tmp_path: Path) -> None:
    """Outputs in words are expected; messages stay messages; a split is a tag."""
    rows = [
        {
            "id": "e1",
            "inputs": {"messages": [{"role": "user", "content": "hi"}]},
            "outputs": {"answer": "hello"},
            "metadata": {"dataset_split": ["test"]},
        }
    ]
    (case,) = convert("langsmith", write(tmp_path, "d.jsonl", rows), expect="contains").cases
    output = case.expected.output
    assert output is not None
    assert ("e1", ("hello",), ("test",), (Message(role="user", content="hi"),)) == (
        case.id,
        output.contains,
        case.tags,
        case.input,
    )


def test_a_table(tmp_path: Path) -> None:
    """Columns `inputs.X` and `outputs.X`."""
    path = write(tmp_path, "d.csv", "inputs.question,outputs.answer\nwho?,me\n")
    (case,) = convert("langsmith", path, expect="equals").cases
    assert ("who?", "me") == (case.input, case.expected.output and case.expected.output.equals)
