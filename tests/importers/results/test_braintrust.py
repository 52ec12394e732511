"""Experiments of Braintrust."""

from pathlib import Path

from support.foreign import foreign, rows, tokens, values, write


def event(**fields: object) -> dict[str, object]:
    """Make an event of an experiment."""
    base = {"id": "1", "root_span_id": "s", "span_id": "s", "input": "x", "scores": {"ok": 1}}
    return {**base, "metrics": {"start": 1.0, "end": 3.0, "prompt_tokens": 4}, **fields}


def test_events(tmp_path: Path) -> None:
    """Only roots are rows; equal inputs are trials; null is unscored; an error breaks."""
    listed = [
        event(),
        event(scores={"ok": None}),
        event(span_id="inner", scores={}),
        event(input="y", error="boom"),
    ]
    file = foreign(write(tmp_path, "e.json", {"events": listed}))
    assert ("braintrust", ["x", "x", "y"], [1.0, None, None]) == (
        file.format,
        [row.case for row in rows(file)],
        values(file, "ok"),
    )
    assert (2.0, (12, 0), "boom") == (rows(file)[0].seconds, tokens(file), rows(file)[2].error)
    assert "1 span inside" in file.results.notes[0]


def test_a_table(tmp_path: Path) -> None:
    """Columns `scores.NAME`; JSON in cells is read; the record of the dataset is the case."""
    text = 'input,dataset_record_id,scores.ok\n"{""q"": 1}",d1,0.5\n'
    file = foreign(write(tmp_path, "e.csv", text))
    assert ("braintrust", "d1", [0.5]) == (file.format, rows(file)[0].case, values(file, "ok"))


def test_scores_in_one_cell(tmp_path: Path) -> None:
    """A table may hold all scores as JSON."""
    file = foreign(write(tmp_path, "e.csv", 'input,scores\nx,"{""ok"": 0.5}"\n'))
    assert ("braintrust", [0.5]) == (file.format, values(file, "ok"))
