"""Logs of OpenAI Evals."""

from pathlib import Path

import pytest
from support.foreign import foreign, mean, rows, tokens, values, write


@pytest.mark.parametrize(
    ("name", "accuracy"), [("order-faq.log.jsonl", 0.6), ("order-faq-includes.log.jsonl", 1.0)]
)
def test_a_real_log(shared_data: Path, name: str, accuracy: float) -> None:
    """10 samples, 55 and 24 tokens, the accuracy of `final_report`."""
    file = foreign(shared_data / "foreign" / "openai_evals" / name)
    assert (10, accuracy, (55, 24)) == (
        len(rows(file)),
        mean(file, "task_success"),
        tokens(file),
    )


def event(kind: str, **data: object) -> dict[str, object]:
    """Make an event."""
    return {"run_id": "r", "event_id": 0, "sample_id": "s.1", "type": kind, "data": data}


def test_a_cut_log_says_so(tmp_path: Path) -> None:
    """Without `final_report` the log was cut off, and a sample without a verdict is unscored."""
    file = foreign(write(tmp_path, "log.jsonl", [event("sampling", prompt="x", sampled=["y"])]))
    assert ([None], True) == (values(file, "task_success"), "cut off" in file.results.notes[0])


def test_metrics_and_errors(tmp_path: Path) -> None:
    """Numbers of a `metrics` event are scores; an `error` breaks them."""
    events = [event("metrics", f1=0.5), event("error", error="429")]
    file = foreign(write(tmp_path, "log.jsonl", events))
    assert ("429", [None]) == (rows(file)[0].error, values(file, "f1"))


def test_two_verdicts_of_a_sample(tmp_path: Path) -> None:
    """Both right is right; one wrong is wrong."""
    events = [event("match", correct=True), event("match", correct=False)]
    assert [0.0] == values(foreign(write(tmp_path, "log.jsonl", events)), "task_success")


def test_two_evals_over_the_same_samples_are_paired(shared_data: Path) -> None:
    """The id of a sample starts with the eval's name; the rest is the case."""
    folder = shared_data / "foreign" / "openai_evals"
    files = [foreign(folder / f"order-faq{kind}.log.jsonl") for kind in ("", "-includes")]
    ids = [{row.case for row in rows(file)} for file in files]
    assert ids[0] == ids[1] == {f"test.{i}" for i in range(10)}
