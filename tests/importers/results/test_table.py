"""Any table of results."""

from pathlib import Path

import pytest
from support.foreign import foreign, rows, values, write

from evalgate.errors import DataError


def test_columns_are_guessed_and_said(tmp_path: Path) -> None:
    """Id, trial, scores, tokens, cost, time and the answer, each by its name."""
    text = (
        "case,trial,accuracy,passed,latency_s,cost_usd,input_tokens,output\n"
        "a,1,0.5,true,1.5,0.01,7,hi\n"
    )
    file = foreign(write(tmp_path, "r.csv", text))
    row = rows(file)[0]
    assert ("a", 1, 1.5, 0.01, 7, "hi") == (
        row.case,
        row.trial,
        row.seconds,
        row.cost_usd,
        row.usage.input_tokens,
        row.output,
    )
    assert ([0.5], [1.0]) == (values(file, "accuracy"), values(file, "task_success"))
    assert "columns: id 'case', trial 'trial', scores 'passed', 'accuracy'" in file.results.notes[0]


@pytest.mark.parametrize("cell", ["", "NaN", "n/a", "null", "inf", "oops"])
def test_what_is_no_number_is_unscored(tmp_path: Path, cell: str) -> None:
    """The row stays."""
    file = foreign(write(tmp_path, "r.csv", f"id,score\na,1\nb,{cell}\nc,0\n"))
    assert [1.0, None, 0.0] == values(file, "score")


def test_words_numbers_and_shares(tmp_path: Path) -> None:
    """`PASS`, `false`, `85%`."""
    file = foreign(write(tmp_path, "r.csv", "id,verdict,grade\na,PASS,85%\nb,false,10%\n"))
    assert ([1.0, 0.0], [0.85, 0.1]) == (values(file, "task_success"), values(file, "grade"))


def test_an_error_column_or_word_makes_a_row_errored(tmp_path: Path) -> None:
    """Its scores are broken, whatever the cells say."""
    text = "id,score,status,error\na,1,pass,\nb,1,error,\nc,1,pass,timeout\n"
    file = foreign(write(tmp_path, "r.csv", text))
    assert ([1.0, None, None], [None, "error", "timeout"]) == (
        values(file, "score"),
        [row.error for row in rows(file)],
    )


def test_a_long_table(tmp_path: Path) -> None:
    """One row a case and metric."""
    text = "id,metric,value\na,f1,0.5\na,exact,1\nb,f1,0.7\n"
    file = foreign(write(tmp_path, "r.csv", text))
    assert ([0.5, 0.7], [1.0, None]) == (values(file, "f1"), values(file, "exact"))


def test_json_lines_and_lists(tmp_path: Path) -> None:
    """The same rows in JSON; NaN is unscored; a byte order mark does no harm."""
    lines = '\ufeff{"id": 1, "score": 1}\n{"id": 2, "score": NaN}\n'
    one = foreign(write(tmp_path, "r.jsonl", lines))
    two = foreign(write(tmp_path, "r.json", [{"id": 1, "score": 1}, {"id": 2, "score": None}]))
    assert [[1.0, None]] * 2 == [values(one, "score"), values(two, "score")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "none that names the case"),
        ("id,b\n1,x\n", "none that holds scores"),
        ("id,score\n", "found no row"),
        ("id,score\na,1\nb\n", r"r\.csv:3: found 1 cells; expected 2"),
        ("id,score,score\na,1,1\n", "found 2 columns 'score'"),
        ('id,score\na,"1\n', "expected CSV"),
        ("id,trial,score\na,one,1\n", "line 2: column 'trial': found 'one'"),
        ("id,score\n,1\n", "line 2: found a row without an id"),
        ("id,metric,value\na,f,1\na,f,1\n", "line 3: found 'f' of case 'a' again; line 2"),
        (" \n", "empty file"),
    ],
)
def test_bad_tables_name_their_place(tmp_path: Path, text: str, message: str) -> None:
    """Each is one message."""
    with pytest.raises(DataError, match=message):
        foreign(write(tmp_path, "r.csv", text))


def test_a_column_that_is_not_there(tmp_path: Path) -> None:
    """The nearest name is offered."""
    with pytest.raises(DataError, match=r"--id names the column 'casse' .did you mean 'case'"):
        foreign(write(tmp_path, "r.csv", "case,score\na,1\n"), id="casse")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"id,score\nk\xe4se,1\n", r"r\.csv:2:2: found the byte 0xe4; expected UTF-8"),
        ("id,score\na,1\n".encode("utf-16"), "found UTF-16"),
    ],
)
def test_other_encodings(tmp_path: Path, raw: bytes, message: str) -> None:
    """Line and column of the byte, and how to convert."""
    (tmp_path / "r.csv").write_bytes(raw)
    with pytest.raises(DataError, match=message) as caught:
        foreign(tmp_path / "r.csv")
    assert "iconv" in str(caught.value.fix)


@pytest.mark.parametrize(
    ("rest", "found"),
    [('"b": "\\ud800"', "the lone surrogate"), ('"a": 1, "a": 2', "the key 'a' again")],
)
def test_nan_excuses_nothing_else(rest: str, found: str, tmp_path: Path) -> None:
    """A file with NaN in it is read as strictly as one without."""
    with pytest.raises(DataError, match=found):
        foreign(write(tmp_path, "r.json", f'[{{"id": "NaN", "score": NaN, {rest}}}]'))


def test_what_is_missing_is_said_to_be_missing(tmp_path: Path) -> None:
    """Nobody wrote `None`: the key is not there, or the file is of another kind."""
    held = '[{"id": "a", "trial": 1, "score": 1}, {"id": "a", "score": 1}]'
    with pytest.raises(DataError, match="/1: column 'trial': is missing or null; expected the num"):
        foreign(write(tmp_path, "r.json", held))
    with pytest.raises(DataError, match="/: found a file of another kind; expected promptfoo res"):
        foreign(write(tmp_path, "r.xml", "<testsuites/>"), "promptfoo")
