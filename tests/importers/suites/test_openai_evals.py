"""Registry entries and samples of OpenAI Evals."""

import json
from pathlib import Path

import pytest
from support.foreign import write
from support.suites import convert

from evalgate.errors import DataError
from evalgate.schema.score import Scored
from evalgate.schema.trace import Trace
from evalgate.scorers.settings import Settings
from evalgate.scorers.task import score_task


@pytest.mark.parametrize(("name", "right"), [("order-faq", 6), ("order-faq-includes", 10)])
def test_the_verdict_is_that_of_evals(shared_data: Path, name: str, right: int) -> None:
    """The answers of the log against our expectations: 6 of 10 by Match, 10 by Includes."""
    folder = shared_data / "foreign" / "openai_evals"
    made = convert("openai-evals", folder / "order_faq.yaml")
    cases = {case.id: case for case in made.cases}
    passed = 0
    for line in (folder / f"{name}.log.jsonl").read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        if event.get("type") != "sampling":
            continue
        case = cases[f"{name}.{event['sample_id'].rpartition('.')[2]}"]
        output = event["data"]["sampled"][0]
        trace = Trace(case_id=case.id, status="finished", output=output)
        passed += score_task(case, trace, Settings())["task_success"] == Scored(1.0)
    assert (20, right) == (len(cases), passed)


def test_a_model_graded_eval_is_listed(tmp_path: Path) -> None:
    """Its samples become cases that expect nothing."""
    write(tmp_path, "s.jsonl", [{"input": "x", "ideal": "y"}])
    entry = {"class": "evals.elsuite.modelgraded.classify:ModelBasedClassify"}
    data = {"e.v1": {**entry, "args": {"samples_jsonl": "s.jsonl", "eval_type": "cot"}}}
    made = convert("openai-evals", write(tmp_path, "e.json", data))
    assert made.cases[0].expected.output is None
    assert ["ModelBasedClassify" in made.left_out[0], "eval_type" in made.left_out[1]] == [True] * 2


def test_samples_alone(tmp_path: Path) -> None:
    """`--expect` says what an ideal means; several are alternatives."""
    rows = [{"input": "x", "ideal": "y"}, {"input": "z", "ideal": ["a", "b"]}]
    one, two = convert("openai-evals", write(tmp_path, "s.jsonl", rows), expect="contains").cases
    assert one.expected.output is not None
    assert two.expected.output is not None
    assert (("y",), ("(?:a|b)",)) == (one.expected.output.contains, two.expected.output.regex)
    with pytest.raises(DataError, match="neither an eval with a `class`"):
        convert("openai-evals", write(tmp_path, "t.jsonl", [{"a": 1}]))


def test_samples_in_a_file_that_cannot_be(tmp_path: Path) -> None:
    """A name longer than any file's is one that is not there."""
    data = {
        "e.v1": {"class": "evals.elsuite.basic.match:Match", "args": {"samples_jsonl": "y" * 300}}
    }
    with pytest.raises(DataError, match="there is no such file"):
        convert("openai-evals", write(tmp_path, "e.json", data))
