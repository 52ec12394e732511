"""DeepEval test runs."""

from pathlib import Path

import pytest
from support.foreign import foreign, rows, values, write


def test_a_real_run(shared_data: Path) -> None:
    """1 case passed; GEval 1.0 (the file's testPassed and metricsScores)."""
    file = foreign(shared_data / "foreign" / "deepeval" / "latest_test_run.json")
    assert ([1.0], [1.0]) == (
        values(file, "task_success"),
        values(file, "AnswerCorrectness [GEval]"),
    )


def test_metrics_on_spans_are_kept_apart(shared_data: Path) -> None:
    """Faithfulness .45, .91 and .88, as `metricsScores` lists them; `evaluationCost` .0214."""
    file = foreign(shared_data / "foreign" / "deepeval" / "test_run_sample.json")
    scores = rows(file)[0].scores
    faithful = [values(file, n)[0] for n in scores if n.startswith("Faithfulness")]
    assert [0.45, 0.91, 0.88] == faithful
    assert ([0.0], [0.92]) == (values(file, "task_success"), values(file, "Answer Relevancy"))
    assert "judges cost $0.0214" in file.results.notes[0]


def metric(**fields: object) -> dict[str, object]:
    """Make a metric."""
    return {"name": "Bias", "threshold": 0.5, "success": True, "score": 0.1, **fields}


@pytest.mark.parametrize(
    ("given", "direction"),
    [
        (metric(), "lower"),
        (metric(score=0.9), "higher"),
        (metric(success=False), "higher"),
        (metric(score=None), "lower"),
        (metric(name="GEval", score=None), "higher"),
    ],
)
def test_the_verdict_says_which_way_is_better(
    tmp_path: Path, given: dict[str, object], direction: str
) -> None:
    """A success below the threshold means that less is better; the name decides without scores."""
    case = {"name": "a", "input": "a", "success": True, "metricsData": [given]}
    file = foreign(write(tmp_path, "r.json", {"testCases": [case]}))
    assert direction == file.results.kinds[str(given["name"])].direction


def test_a_failed_judge_is_broken_and_a_skipped_metric_unscored(tmp_path: Path) -> None:
    """Neither is a 0, nor gone."""
    listed = [metric(error="429"), metric(name="Other", skipped=True)]
    case = {"name": "a", "input": "a", "success": False, "metricsData": listed}
    file = foreign(write(tmp_path, "r.json", {"testRunData": {"testCases": [case]}}))
    assert ([None], [None]) == (values(file, "Bias"), values(file, "Other"))


def test_conversations(tmp_path: Path) -> None:
    """Multi-turn cases stand beside the others."""
    talk = {"name": "t", "scenario": "refund", "success": True, "metricsData": [metric()]}
    file = foreign(write(tmp_path, "r.json", {"conversationalTestCases": [talk]}))
    assert ["t / refund"] == [row.case for row in rows(file)]


def test_repeated_cases_are_trials(tmp_path: Path) -> None:
    """`test_case_N` only counts, so the input is the case; `--repeat` writes it twice."""
    cases = [
        {"name": f"test_case_{i}", "input": "a", "success": True, "metricsData": [metric()]}
        for i in range(2)
    ]
    file = foreign(write(tmp_path, "r.json", {"testCases": cases}))
    assert (["a", "a"], True) == ([row.case for row in rows(file)], file.results.repeats)
