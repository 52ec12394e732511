"""Two results as two sides: what one lacks is unknown there, never left out."""

from pathlib import Path

import pytest
from support.foreign import foreign, write

from evalgate.errors import ConfigError, DataError
from evalgate.importers.results.join import Chosen, Joined, join, parse_chosen
from evalgate.schema.result import Report
from evalgate.schema.score import Abstained, Score, Scored


def joined(folder: Path, old: str, new: str, *chosen: Chosen, **options: bool) -> Joined:
    """Join two tables."""
    one = foreign(write(folder, "old.csv", old))
    two = foreign(write(folder, "new.csv", new))
    return join(one, two, chosen, **options)


def score(report: Report, case: str, name: str, trial: int = 0) -> Score:
    """Return a score of a report."""
    (found,) = (c for c in report.cases if c.id == case)
    return found.trials[trial].scores[name]


def test_a_new_case_is_unknown_in_the_baseline(tmp_path: Path) -> None:
    """A row that was taken from the baseline cannot be told from a new case."""
    both = joined(tmp_path, "id,score\na,1\n", "id,score\na,1\nb,0\n")
    found = score(both.baseline, "b", "score")
    assert isinstance(found, Abstained)
    assert found.unknown
    assert any("1 case only in the candidate (b)" in note for note in both.notes)


def test_allow_new_leaves_it_out(tmp_path: Path) -> None:
    """On request it is only new."""
    both = joined(tmp_path, "id,score\na,1\n", "id,score\na,1\nb,0\n", allow_new=True)
    assert ["a"] == [case.id for case in both.baseline.cases]


def test_a_trial_less_is_unknown(tmp_path: Path) -> None:
    """Two trials here and three there: the third is not known here."""
    old = "id,trial,score\na,1,1\na,2,1\n"
    both = joined(tmp_path, old, old + "a,3,0\n")
    assert [(True, True), (True, True), (False, True)] == [_known(both, i) for i in range(3)]
    assert isinstance(score(both.baseline, "a", "score", 2), Abstained)
    assert 3 == len(both.baseline.cases[0].trials)


def _known(both: Joined, trial: int) -> tuple[bool, ...]:
    return tuple(
        isinstance(score(report, "a", "score", trial), Scored)
        for report in (both.baseline, both.candidate)
    )


@pytest.mark.parametrize(
    ("old", "new", "ends"),
    [
        ("id,score\na,1\n", "id,score\na,1\n", None),
        ("id,passed\na,true\n", "id,passed\na,true\n", None),
        ("id,metric,value,error\na,m,1,\n", "id,metric,value,error\na,m,1,\n", None),
        ("id,score,error\na,1,\n", "id,score,error\na,1,\n", [0.0, 0.0]),
        ("id,status\na,passed\n", "id,status\na,passed\n", [0.0, 0.0]),
        ("id,score\na,1\n", "id,score,error\na,1,\n", [None, 0.0]),
    ],
)
def test_a_file_that_tells_of_no_errors_measures_none(
    tmp_path: Path, old: str, new: str, ends: list[float | None] | None
) -> None:
    """Where nobody says how a row ended, an error rate of 0 would be no evidence and a pass."""
    both = joined(tmp_path, old, new)
    told = [
        report.cases[0].trials[0].scores.get("error") for report in (both.baseline, both.candidate)
    ]
    assert (ends or [None, None]) == [s.value if isinstance(s, Scored) else None for s in told]
    assert (ends is not None) == ("error_rate" in both.metrics)
    assert (ends is None) == any("error_rate is not measured" in note for note in both.notes)


def test_another_question_under_one_id(tmp_path: Path) -> None:
    """The baseline's score of another question says nothing."""
    both = joined(tmp_path, "id,question,score\na,x,1\n", "id,question,score\na,y,1\n")
    assert isinstance(score(both.baseline, "a", "score"), Abstained)
    assert any("asks something else" in note for note in both.notes)


def test_a_case_twice_names_both_places(tmp_path: Path) -> None:
    """Rows are trials only where the format says so."""
    with pytest.raises(DataError, match=r"old\.csv: line 3: found case 'a' again; line 2 has it"):
        joined(tmp_path, "id,score\na,1\na,0\n", "id,score\na,1\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("f1", Chosen("f1")),
        ("wer:lower", Chosen("wer", "lower")),
        ("grade:1..5", Chosen("grade", None, (1.0, 5.0))),
        ("a:b:lower:0..10", Chosen("a:b", "lower", (0.0, 10.0))),
    ],
)
def test_scores_are_chosen(text: str, expected: Chosen) -> None:
    """Name, direction and range; a colon may belong to the name."""
    assert expected == parse_chosen(text)


@pytest.mark.parametrize("text", ["f1:5..1", "f1:a..b"])
def test_no_range(text: str) -> None:
    """A range has two numbers in order."""
    with pytest.raises(ConfigError, match="found no range"):
        parse_chosen(text)


def test_chosen_scores_gate_and_others_inform(tmp_path: Path) -> None:
    """`--score` names what gates."""
    text = "id,score,grade\na,1,4\n"
    both = joined(tmp_path, text, text, Chosen("grade", None, (1.0, 5.0)))
    gates = {name: both.metrics[name].gate for name in ("score", "grade")}
    assert ({"score": "advisory", "grade": "standard"}, (1.0, 5.0)) == (
        gates,
        both.metrics["grade"].bounds,
    )


def test_a_score_without_direction_does_not_gate_alone(tmp_path: Path) -> None:
    """Beyond 0 to 1 and under an unknown name: to gate nothing would be a pass."""
    text = "id,zorks\na,17\n"
    with pytest.raises(ConfigError, match="no score of the two files says which way is better"):
        joined(tmp_path, text, text)


def test_an_unknown_score_names_what_there_is(tmp_path: Path) -> None:
    """With the nearest name."""
    with pytest.raises(DataError, match=r"--score names the column 'scor' .did you mean 'score'"):
        foreign(write(tmp_path, "x.csv", "id,score\na,1\n"), scores=("scor",))


def test_a_value_outside_its_range_lifts_the_range(tmp_path: Path) -> None:
    """No bound stands in for a missing score then."""
    text = "id,score\na,7\n"
    both = joined(tmp_path, text, text, Chosen("score", None, (0.0, 1.0)))
    assert (None, True) == (
        both.metrics["score"].bounds,
        any("outside 0 to 1" in note for note in both.notes),
    )


def test_a_candidate_cannot_make_a_score_silent(tmp_path: Path) -> None:
    """A weight of 0 in the candidate alone does not take the gate away."""
    row = {"promptIdx": 0, "testIdx": 0, "success": True, "score": 1, "vars": {"q": "a"}}
    row |= {"namedScores": {"tone": 1}, "gradingResult": {"namedScoreWeights": {"tone": 1}}}
    silent = {**row, "gradingResult": {"namedScoreWeights": {"tone": 0}}}
    old = foreign(write(tmp_path, "old.jsonl", [row]))
    new = foreign(write(tmp_path, "new.jsonl", [silent]))
    gates = [join(a, b).metrics["tone"].gate for a, b in ((old, new), (new, old), (new, new))]
    assert ["standard", "standard", "advisory"] == gates
