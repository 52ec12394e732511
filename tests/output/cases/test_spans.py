"""Where the claims of a judge stand in an answer."""

from hypothesis import given
from hypothesis import strategies as st

from evalgate.output.cases.spans import claim_spans

ANSWER = "Refunds take a day. You have 30 days to ask. Call us."


def found(*claims: str) -> list[str]:
    """Return the stretches that are found, each with the index of its claim."""
    return [f"{index} {ANSWER[start:end]}" for start, end, index in claim_spans(ANSWER, claims)]


def test_word_for_word() -> None:
    """A claim that stands in the answer is found where it stands, in the answer's order."""
    assert ["1 Refunds take a day.", "0 Call us."] == found("Call us.", "Refunds take a day.")


def test_in_other_words() -> None:
    """A claim that was worded anew is the sentence that holds most of its words."""
    assert ["0 You have 30 days to ask."] == found("The customer has 30 days to ask")


def test_nowhere_is_nowhere() -> None:
    """A claim of which the answer says little has no place; an empty one neither."""
    assert [] == found("Shipping is free in Europe", "")


@given(st.text("ab. \n", max_size=40), st.lists(st.text("ab. ", max_size=12), max_size=5))
def test_spans_lie_in_the_answer_and_apart(answer: str, claims: list[str]) -> None:
    """Whatever the texts: in bounds, in order, none over another, each claim at most once."""
    spans = claim_spans(answer, claims)
    ends = [0]
    for start, end, _ in spans:
        assert ends[-1] <= start < end <= len(answer)
        ends.append(end)
    assert len({index for *_, index in spans}) == len(spans)
