"""Tests for `evalgate.scorers.grounding`."""

import json
import time
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from evalgate.scorers.grounding import (
    THRESHOLD,
    Grounding,
    NoClaims,
    NoContexts,
    ground,
    prepare,
)

OWN = Path(__file__).parents[1] / "data" / "grounding" / "made_for_evalgate.jsonl"

KETTLE = (
    "The Alder kettle holds 1.7 liters and boils in four minutes. It was made in Leeds in 1994.",
    "It does not have a timer. The warranty lasts 24 months and covers the heating element.",
)


def _grounding(answer: str, contexts: tuple[str, ...] = KETTLE, question: str = "") -> Grounding:
    found = ground(answer, contexts, question)
    assert isinstance(found, Grounding)
    return found


def _unsupported(answer: str, contexts: tuple[str, ...] = KETTLE) -> list[str]:
    found = _grounding(answer, contexts)
    return [span for claim in found.claims for span in claim.unsupported]


@pytest.mark.parametrize("answer", ["", " \n\t", "...", "\x00\x01\x02", "Yes.", "It is."])
def test_nothing_to_look_up_is_no_claim(answer: str) -> None:
    """An answer that states nothing gives no score, good or bad."""
    assert NoClaims() == ground(answer, KETTLE)


@pytest.mark.parametrize("contexts", [[], [""], ["", "  \n"], ["\x00", "..."]])
def test_no_context_is_no_evidence(contexts: list[str]) -> None:
    """Without contexts nothing can be concluded, whatever the answer."""
    assert NoContexts() == ground("The kettle holds 1.7 liters.", contexts)
    assert NoContexts() == ground("", contexts)


def test_a_copied_sentence_is_grounded() -> None:
    """What stands in a context is supported in full."""
    found = _grounding("It was made in Leeds in 1994.")
    assert (1.0, 0.0, ()) == (found.score, found.unsupported_weight, found.claims[0].unsupported)
    assert found.score > 0.5


def test_what_is_unsupported_is_shown_as_written() -> None:
    """The words, numbers and names that the contexts lack are listed, and nothing else."""
    assert ["2003", "Sheffield"] == [
        *_unsupported("It was made in Leeds in 2003."),
        *_unsupported("It was made in Sheffield in 1994."),
    ]
    assert ["whistle and pours safely"] == _unsupported("The kettle has a whistle and pours safely")


def test_claims_point_into_the_answer() -> None:
    """Each claim has its offsets, its own score and its part of the sum."""
    answer = "It boils in four minutes. Its spout is dishwasher proof."
    found = _grounding(answer)
    first, second = found.claims
    assert ["It boils in four minutes.", "Its spout is dishwasher proof."] == [
        answer[claim.start : claim.end] for claim in found.claims
    ]
    assert first.score == 1.0
    assert second.score < 0.2


def test_the_weight_of_an_answer_is_the_sum_of_its_claims() -> None:
    """Two unsupported claims weigh as much as the two apart."""
    one, two = "Its spout is dishwasher proof.", "A whistle sings Vivaldi."
    assert _grounding(f"{one} {two}").unsupported_weight == pytest.approx(
        _grounding(one).unsupported_weight + _grounding(two).unsupported_weight
    )


def test_the_threshold_is_a_score_of_one_half() -> None:
    """Score and decision are one statement."""
    answer = "The Alder kettle glows turquoise, whistles Vivaldi, and was designed by Ingrid Moe."
    found = _grounding(answer)
    assert found.score == pytest.approx(THRESHOLD / (THRESHOLD + found.unsupported_weight))
    assert found.score < 0.5


@pytest.mark.parametrize(
    ("context", "answer"),
    [
        ("Open 8:0-17:30.", "Open 8 AM to 5:30 PM."),
        ("The fire destroyed 13,200 houses.", "The fire destroyed about 13,000 houses."),
        ("Sales were 4,200,000 euros.", "Sales were 4.2 million euros."),
        ("shipped: 2024-03-06", "It shipped on March 6."),
        ("There were twelve eggs.", "There were 12 eggs."),
        ("Boil the eggs in a saucepan.", "Eggs are boiled in saucepans."),
        ('{"OutdoorSeating": true, "state": "CA"}', "It has outdoor seating in California."),
    ],
)
def test_the_same_fact_in_other_words_weighs_little(context: str, answer: str) -> None:
    """Clocks, rounding, scales, dates, number words and inflection are recognised."""
    assert _grounding(answer, (context,)).unsupported_weight < 0.5


@pytest.mark.parametrize(
    ("context", "right", "wrong"),
    [
        ("Open 8:0-17:30.", "Open to 5:30 PM.", "Open to 7:30 PM."),
        ("It costs $1,100.", "It costs $1,100.", "It costs $1,900."),
        ("It does not have a timer.", "It does not have a timer.", "It has a timer."),
        ("It has a timer.", "It has a timer.", "It does not have a timer."),
        ('{"garage": false, "lot": true}', "It has a lot.", "It has a garage."),
        ('{"WiFi": null, "lot": true}', "It has a lot.", "It has WiFi."),
        ("Sales were 4 million.", "Sales were 4 million.", "Sales were 4 billion."),
    ],
)
def test_a_wrong_fact_weighs_more(context: str, right: str, wrong: str) -> None:
    """Numbers, denials, and fields that are false or null are told apart."""
    assert (
        _grounding(wrong, (context,)).unsupported_weight
        > _grounding(right, (context,)).unsupported_weight + 0.1
    )


def test_words_of_the_question_need_no_support() -> None:
    """An answer may repeat what it was asked."""
    answer = "The samovar holds 1.7 liters."
    question = "How much does the samovar hold?"
    assert _grounding(answer, question=question).unsupported_weight < _grounding(answer).score - 0.5


@pytest.mark.parametrize("pointer", ["According to passage 7, ", "As documents 3 and 7 say, "])
def test_pointing_at_a_passage_is_no_number(pointer: str) -> None:
    """The number of a passage states nothing about the world."""
    assert _grounding(f"{pointer}it was made in Leeds [9].").unsupported_weight < 0.2


def test_a_refusal_claims_next_to_nothing() -> None:
    """A refusal is grounded, and `checked_weight` tells how little was there to check."""
    found = _grounding("Unable to answer based on the given passages.")
    assert found.score > 0.5
    assert found.checked_weight < 1 < _grounding("It was made in Leeds.").checked_weight


def test_prepared_contexts_give_the_same_grounding() -> None:
    """Preparing is only a saving of time."""
    answer = "The Alder kettle holds 2 liters and sings."
    assert ground(answer, KETTLE) == ground(answer, prepare(KETTLE))
    assert NoContexts() == ground(answer, prepare([]))


_WORDS = (
    "kettle boils water not no never 12 1,200 4.2 million 8:0 5:30 pm Leeds York timer has made "
    "the of in autumn fall buy purchase buys passage false null medication medicine $ % don't only"
)
_WORD = st.sampled_from(_WORDS.split())
_SENTENCE = st.lists(_WORD, min_size=1, max_size=9).map(lambda words: " ".join(words) + ".")
_SENTENCES = st.lists(_SENTENCE, min_size=1, max_size=5)


@given(_SENTENCES, _SENTENCES, st.data())
def test_less_context_is_never_better(
    answer: list[str], contexts: list[str], data: st.DataObject
) -> None:
    """Law: removing a context sentence never raises a score or lowers the unsupported weight."""
    gone = data.draw(st.integers(0, len(contexts) - 1))
    for join in (False, True):
        fewer = contexts[:gone] + contexts[gone + 1 :]
        all_of_it = ground(" ".join(answer), [" ".join(contexts)] if join else contexts)
        less = ground(" ".join(answer), [" ".join(fewer)] if join else fewer)
        if isinstance(less, Grounding):
            assert isinstance(all_of_it, Grounding)
            assert less.unsupported_weight >= all_of_it.unsupported_weight
            assert less.score <= all_of_it.score
            assert all(
                one.score <= other.score
                for one, other in zip(less.claims, all_of_it.claims, strict=True)
            )


@given(_SENTENCES, st.data())
def test_a_copy_scores_one(contexts: list[str], data: st.DataObject) -> None:
    """Law: a sentence copied from a context has nothing unsupported."""
    copied = data.draw(st.sampled_from(contexts))
    found = ground(copied, [" ".join(contexts)])
    assume(isinstance(found, Grounding))
    assert isinstance(found, Grounding)
    assert (1.0, 0.0) == (found.score, found.unsupported_weight)


@given(_SENTENCES, _SENTENCES.filter(lambda found: len(found) < 4))
def test_order_of_contexts_does_not_matter(answer: list[str], contexts: list[str]) -> None:
    """Law: contexts are a set, and the same input gives the same output."""
    expected = ground(" ".join(answer), contexts)
    assert all(
        expected == ground(" ".join(answer), order) for order in permutations(contexts)
    )  # fmt: skip


@given(st.text(max_size=300), st.lists(st.text(max_size=200), max_size=3), st.text(max_size=50))
def test_any_text_is_answered(answer: str, contexts: list[str], question: str) -> None:
    """Law: no text breaks the scorer, and every figure stays in its range."""
    found = ground(answer, contexts, question)
    if isinstance(found, Grounding):
        assert 0 < found.score <= 1
        assert found.unsupported_weight >= 0
        assert found.checked_weight > 0
        for claim in found.claims:
            assert answer[claim.start : claim.end] == claim.text
            assert 0 <= claim.score <= 1
            assert all(span in claim.text for span in claim.unsupported)


@pytest.mark.parametrize(
    "unit", ["kettle ", "a", "1", "no: null, ", "!", "\u202e", "aaaab ", "A. "]
)
def test_huge_texts_take_linear_time(unit: str) -> None:
    """Half a million characters on both sides are weighed within seconds."""
    text = unit * (500_000 // len(unit))
    begun = time.process_time()
    ground(text + " Leeds.", [text, *KETTLE])
    assert time.process_time() - begun < 20


def _auroc(rows: list[tuple[float, bool]]) -> float:
    bad = [weight for weight, hallucinated in rows if hallucinated]
    good = [weight for weight, hallucinated in rows if not hallucinated]
    won = sum((high > low) + (high == low) / 2 for high in bad for low in good)
    return won / (len(bad) * len(good))


def test_quality_on_the_answers_kept_for_reporting() -> None:
    """The figures of docs/grounding.md hold: `python benchmarks/grounding.py` prints them."""
    rows: list[tuple[float, bool, str]] = []
    for line in OWN.read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        if case["part"] != "held_out":
            continue
        for answer in case["answers"]:
            found = ground(answer["text"], case["contexts"], case["question"])
            assert isinstance(found, Grounding)
            rows.append((found.unsupported_weight, answer["hallucinated"], answer["kind"]))
    added = {"baseless", "extra_step", "long"}
    assert _auroc([(weight, bad) for weight, bad, _ in rows]) >= 0.77
    assert _auroc([(w, bad) for w, bad, kind in rows if not bad or kind in added]) >= 0.98


def test_quality_on_halueval(shared_data: Path) -> None:
    """HaluEval QA, 200 short answers: label 1 is hallucinated."""
    items = json.loads((shared_data / "grounding" / "halueval_qa_200.json").read_text())
    rows = []
    for item in items:
        found = ground(item["response"], item["documents"], item["query"])
        weight = found.unsupported_weight if isinstance(found, Grounding) else 0.0
        rows.append((weight, item["label"] == 1))
    assert len(rows) == 200
    assert _auroc(rows) >= 0.98


def _weight(answer: str, context: str, question: str = "") -> tuple[float, float]:
    """Return unsupported and looked-up weight of one claim."""
    found = _grounding(answer, (context,), question)
    return pytest.approx(found.unsupported_weight), pytest.approx(found.checked_weight)


@pytest.mark.parametrize(
    ("answer", "checked"),
    [
        ("quagga", 1.0),
        ("the shipped", 0.35),
        ("the carpet", 0.65),
        ("the house", 0.15),
        ("quagga okapi", 3.05),  # 1 + 1, the run 1, the pair .05
        ("quagga shipped", 1.35 + 0.35 + 0.05 * 0.35),
        ("the quagga Okapi", 3.45),  # a name weighs 1.4
        ("the Parcel house", 1.4 + 0.15 + 0.15 + 0.05 * 0.15),
        ("47", 2.0),
        ("7", 1.25),
        ("seven", 0.5),
        ("the q", 0.3),
        ("passage 7", 0.05 + 0.05 * 0.05),
        ("passage the 7", 0.05 + 0.05 * 0.05),
        ("the quagga 7", 3.3),
        ("quagga [7] okapi", 3.1),
        ("quagga (7) zebu", 1 + 1.25 + 1 + 2 * 1.0 + 2 * 0.05),
    ],
)
def test_what_is_lacking_throughout_weighs_all_of_it(answer: str, checked: float) -> None:
    """Words by how uncommon they are, names, numbers, runs and pairs; pointers weigh nothing."""
    assert _weight(answer, "a bread") == (checked, checked)


@pytest.mark.parametrize(
    ("answer", "context", "lacking"),
    [
        ("gazelle", "gazelles", 0.0),
        ("quaggabo", "quaggat", 0.2),  # eight letters, of which five agree
        ("quaggabox", "quaggat", 1.0),  # nine are too long for a family
        ("quaggab", "quaggatox", 1.0),
        ("quaggab", "quaggato", 0.2),
        ("quagg", "quaggat", 0.2),
        ("okap", "okapta", 1.0),  # four are too short
        ("not okapi", "an okapi.", 0.5),
        ("okapi", "no okapi.", 0.5),
        ("not quaggab", "quaggat", 0.5),
        ("47", "about 46.9 and 47", 0.0),
        ("47", "not 47", 0.0),
        ("4000", "about 4012", 0.2),
        ("47", "about 48", 1.0),
    ],
)
def test_how_much_of_a_word_is_lacking(answer: str, context: str, lacking: float) -> None:
    """All, half where it is denied, a fifth of a family or a rounded number, nothing if there."""
    found = _grounding(answer, (context,))
    assert found.claims[0].score == pytest.approx(1 - lacking)
    share = lacking**0.75
    wanted = lacking * (2.0 if answer.isdigit() else share)
    assert found.unsupported_weight == pytest.approx(wanted)


def test_words_weigh_more_where_a_claim_lacks_much() -> None:
    """A copied neighbour divides: lacking 1.05 of 3.05, times that share to the power of .75."""
    share = 1.05 / 3.05
    assert _weight("quagga okapi", "a quagga") == (1.05 * share**0.75, 3.05)
    assert _weight("quagga okapi", "a bread", "which quagga") == (1.05 * share**0.75, 3.05)
    assert _weight("quagga okapi", "quagga. okapi") == (0.05 * (0.05 / 3.05) ** 0.75, 3.05)
    assert _weight("quagga okapi", "quagga okapi")[0] == 0.0
    assert _weight("quagga the okapi", "quagga okapi")[0] == 0.0


def test_unsupported_words_close_together_are_one_span() -> None:
    """Up to 24 characters lie between; an initial, of no more than its weight, is not shown."""

    def spans(gap: int) -> list[str]:
        return _unsupported(f"quagga {'the ' * gap}okapi", ("bread",))

    assert len(spans(5)) == 1  # 22 characters
    assert len(spans(6)) == 2  # 26 characters
    assert spans(6) == ["quagga", "okapi"]
    assert _unsupported("quagga q", ("bread",)) == ["quagga"]
    exactly = "quagga the the the the the a okapi"
    assert exactly.index("okapi") - len("quagga") == 23
    assert _unsupported(exactly, ("bread",)) == [exactly]
    longer = exactly.replace(" a ", " an ")
    assert _unsupported(longer, ("bread",)) == [longer]
    assert len(_unsupported(longer.replace(" an ", " any "), ("bread",))) == 2
