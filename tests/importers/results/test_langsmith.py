"""Results of LangSmith in the shapes its client and its page give."""

from pathlib import Path

from support.foreign import foreign, rows, tokens, values, write


def test_rows_of_evaluate(tmp_path: Path) -> None:
    """Run, example and evaluation results; an evaluator that failed is broken."""
    results = {
        "results": [
            {"key": "correct", "score": True},
            {"key": "tone", "score": None, "comment": "429", "extra": {"error": True}},
        ]
    }
    run = {"id": "r1", "outputs": {"a": 1}, "total_cost": 0.01, "prompt_tokens": 5}
    row = {"run": run, "example": {"id": "e1", "inputs": {"q": "x"}}, "evaluation_results": results}
    file = foreign(write(tmp_path, "r.jsonl", [row]))
    assert ("langsmith", ["e1"], [1.0], [None]) == (
        file.format,
        [r.case for r in rows(file)],
        values(file, "correct"),
        values(file, "tone"),
    )
    assert (0.01, (5, 0)) == (rows(file)[0].cost_usd, tokens(file))


def test_examples_with_runs(tmp_path: Path) -> None:
    """Repetitions are trials; an example that was not run is errored, not gone."""
    runs = [{"feedback_stats": {"correct": {"n": 1, "avg": v}}} for v in (1.0, 0.0)]
    data = [{"id": "e1", "inputs": {}, "runs": runs}, {"id": "e2", "inputs": {}, "runs": []}]
    file = foreign(write(tmp_path, "r.json", data))
    assert ["e1", "e1", "e2"] == [row.case for row in rows(file)]
    assert ([1.0, 0.0, None], True) == (
        values(file, "correct"),
        rows(file)[2].error is not None,
    )


def test_a_table_of_pandas(tmp_path: Path) -> None:
    """`inputs.X`, `feedback.X`, `error`, `execution_time`."""
    text = (
        "inputs.q,outputs.a,error,feedback.correct,execution_time,example_id\n"
        "x,y,,1.0,0.5,e1\n"
        "z,,boom,,0.1,e2\n"
    )
    file = foreign(write(tmp_path, "r.csv", text))
    assert ("langsmith", [1.0, None], [0.5, 0.1]) == (
        file.format,
        values(file, "correct"),
        [row.seconds for row in rows(file)],
    )
    assert [None, "boom"] == [row.error for row in rows(file)]
