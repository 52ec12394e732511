"""Results of Langfuse."""

from pathlib import Path

from support.foreign import foreign, rows, values, write


def test_results_of_run_experiment(tmp_path: Path) -> None:
    """Items with evaluations; a text is no number."""
    listed = [{"name": "correct", "value": True}, {"name": "tone", "value": "warm"}]
    item = {"item": {"id": "i1", "input": "x"}, "output": "y", "evaluations": listed}
    file = foreign(write(tmp_path, "r.json", {"item_results": [item]}))
    assert ("langfuse", ["i1"], [1.0], [None]) == (
        file.format,
        [row.case for row in rows(file)],
        values(file, "correct"),
        values(file, "tone"),
    )


def test_run_items_and_scores_side_by_side(tmp_path: Path) -> None:
    """Scores find their item by the trace; two that differ under one name are not understood."""
    data = {
        "datasetRunItems": [
            {"id": "1", "datasetItemId": "i1", "traceId": "t1"},
            {"id": "2", "datasetItemId": "i2", "traceId": "t2"},
        ],
        "scores": [
            {"traceId": "t1", "name": "ok", "value": 1},
            {"traceId": "t2", "name": "ok", "value": 1},
            {"traceId": "t2", "name": "ok", "value": 0},
        ],
    }
    file = foreign(write(tmp_path, "r.json", data))
    assert {"i1": 1.0, "i2": None} == dict(
        zip((row.case for row in rows(file)), values(file, "ok"), strict=True)
    )


def test_a_list_of_scores_is_paired_by_trace(tmp_path: Path) -> None:
    """One line a score; lines of a trace are one row, and the pairing is said."""
    text = "id,traceId,name,value\n1,t1,ok,1\n2,t1,len,5\n3,t2,ok,0\n"
    file = foreign(write(tmp_path, "scores.csv", text))
    assert ([1.0, 0.0], [5.0, None]) == (values(file, "ok"), values(file, "len"))
    assert "paired by trace id" in file.results.notes[0]


def test_traces_with_scores(tmp_path: Path) -> None:
    """Cost and latency come along; the dataset item of the metadata is the case."""
    trace = {
        "id": "t1",
        "input": "x",
        "latency": 1.5,
        "totalCost": 0.02,
        "metadata": {"dataset_item_id": "i1"},
        "scores": [{"name": "ok", "value": 1}],
        "observations": [],
    }
    row = rows(foreign(write(tmp_path, "traces.json", {"data": [trace]})))[0]
    assert ("i1", 1.5, 0.02) == (row.case, row.seconds, row.cost_usd)
