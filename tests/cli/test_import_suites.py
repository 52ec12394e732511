"""`evalgate import` of configurations and data sets: files that the next command takes."""

from pathlib import Path

import pytest
from support.cli import Cli
from support.foreign import write

FILES = {
    "promptfoo": "promptfoo/promptfooconfig.yaml",
    "deepeval": "deepeval/goldens.csv",
    "langsmith": "langsmith/web_qa_correct.dataset.json",
    "braintrust": "braintrust/coqa_factuality.dataset.json",
    "ragas": "ragas/annotated_data.json",
    "openai-evals": "openai_evals/order_faq.yaml",
    "rag": "ragas/hf_doc_qa_eval.csv",
}


@pytest.mark.parametrize("name", FILES)
def test_what_is_written_is_valid(
    shared_data: Path, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """`evalgate validate` finds the golden set and the suite in order."""
    monkeypatch.chdir(tmp_path)
    path = shared_data / "foreign" / FILES[name]
    files = ("--golden", "golden.jsonl", "--config", "evalgate.yaml")
    assert 0 == cli("import", name, path, *files).code
    result = cli("validate")
    assert (0, True, "") == (result.code, "golden.jsonl: ok" in result.out, result.err)


def test_cases_that_expect_nothing_are_drafts(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody could be wrong in them, so they do not gate."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "r.jsonl", [{"question": "a"}, {"question": "b", "contexts": ["c"]}])
    result = cli("import", "rag", "r.jsonl", "--golden", "g.jsonl")
    assert "1 case expects nothing" in result.err
    drafts = ["draft" in line for line in (tmp_path / "g.jsonl").read_text().splitlines()]
    assert [True, False] == drafts


def test_faithfulness_without_an_expected_answer(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers and contexts of the file give the deterministic grounding without a key."""
    monkeypatch.chdir(tmp_path)
    rows = [
        {"question": "When?", "answer": "Refunds take 30 days.", "contexts": ["Refunds: 30 days."]}
    ]
    write(tmp_path, "rows.jsonl", rows)
    files = ("--golden", "golden.jsonl", "--traces", "traces.jsonl", "--config", "evalgate.yaml")
    assert 0 == cli("import", "rag", "rows.jsonl", *files).code
    arguments = ("--golden", "golden.jsonl", "--agent", "recorded:traces.jsonl", "-f", "json")
    metrics = cli("run", *arguments).json["metrics"]
    assert 0.99 < metrics["groundedness_lexical"]["value"] <= 1


def test_slips(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nowhere to write, a configuration that is there, a column without a name."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "r.jsonl", [{"question": "q"}])
    write(tmp_path, "evalgate.yaml", "version: 1\n")
    golden = ("--golden", "g.jsonl")
    slips = {
        "nothing would be written": (),
        "exists already": (*golden, "--config", "evalgate.yaml"),
        "ROLE=NAME": (*golden, "--column", "question"),
    }
    for message, arguments in slips.items():
        result = cli("import", "rag", "r.jsonl", *arguments)
        assert (2, True) == (result.code, message in result.err)
    assert "version: 1\n" == (tmp_path / "evalgate.yaml").read_text(encoding="utf-8")
