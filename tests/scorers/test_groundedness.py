"""Tests of evalgate.scorers.groundedness."""

import pytest

from evalgate.schema.golden import Case
from evalgate.schema.score import Abstained, Scored
from evalgate.schema.trace import ToolCall, Trace
from evalgate.scorers.groundedness import SCORES, explain_groundedness, score_groundedness
from evalgate.scorers.settings import Settings

CONTEXT = "The Eiffel Tower in Paris was completed in 1889 and is 330 metres tall."
CASE = Case(id="c", input="How tall is it?", contexts=(CONTEXT,))


def trace(output: str, **fields: object) -> Trace:
    """Build a finished trial with an answer."""
    return Trace.model_validate({"case_id": "c", "output": output, **fields})


def test_a_copied_answer_is_grounded() -> None:
    """What the context says weighs nothing."""
    scores = score_groundedness(CASE, trace(CONTEXT), Settings())
    assert (Scored(1.0), Scored(0.0)) == tuple(scores[name] for name in SCORES)


def test_an_invented_answer_is_not_and_says_why() -> None:
    """Invented statements bring the score below one half, and are named."""
    invented = trace(
        "It was designed by Leonardo Fibonacci in Antwerp for the Olympic velodrome of 1732."
    )
    scores = score_groundedness(CASE, invented, Settings())
    score = scores["groundedness_lexical"]
    assert isinstance(score, Scored)
    assert score.value < 0.5
    assert "Fibonacci" in "".join(explain_groundedness(CASE, invented, scores))


@pytest.mark.parametrize("answer", ["", "Yes."])
def test_nothing_to_look_up_abstains(answer: str) -> None:
    """An empty answer is no evidence of grounding."""
    scores = score_groundedness(CASE, trace(answer), Settings())
    assert all(isinstance(scores[name], Abstained) for name in SCORES)


def test_without_contexts_the_scorer_abstains_unless_the_trace_counts() -> None:
    """Tool results count as contexts where the suite says so."""
    case = Case(id="c", input="?")
    seen = trace(CONTEXT, steps=[ToolCall(name="look", result=CONTEXT).model_dump()])
    by_case = score_groundedness(case, seen, Settings())["groundedness_lexical"]
    by_trace = score_groundedness(case, seen, Settings(groundedness="trace"))
    assert isinstance(by_case, Abstained)
    assert Scored(1.0) == by_trace["groundedness_lexical"]
    bare = score_groundedness(case, trace(CONTEXT), Settings(groundedness="trace"))
    nothing = Abstained("neither the case nor the trace has contexts")
    assert dict.fromkeys(SCORES, nothing) == bare


def test_a_failed_trial_scores_zero() -> None:
    """A crash must not vanish from the mean."""
    crashed = trace("", status="crashed", error="boom")
    assert Scored(0.0) == score_groundedness(CASE, crashed, Settings())["groundedness_lexical"]


def test_off_is_off() -> None:
    """A suite can do without."""
    scores = score_groundedness(CASE, trace(CONTEXT), Settings(groundedness="off"))
    assert isinstance(scores["groundedness_lexical"], Abstained)


def test_five_spans_are_named() -> None:
    """The sixth is counted; a score above one half is not explained, at it is."""
    case = Case(id="c", input="q", contexts=("bread",))
    far = " the" * 8

    def told(count: int) -> list[str]:
        words = ["quagga", "okapi", "zebu", "yapok", "dzho", "kudu"][:count]
        output = trace(f"{far} ".join(words))
        low = {SCORES[0]: Scored(0.5)}
        assert [] == [*explain_groundedness(case, output, {SCORES[0]: Scored(0.51)})]
        assert [] == [*explain_groundedness(case, output, {SCORES[0]: Abstained("a")})]
        return [*explain_groundedness(case, output, low)]

    five = "not in the contexts: 'quagga', 'okapi', 'zebu', 'yapok', 'dzho'"
    assert [five] == told(5)
    assert [f"{five} and 1 more"] == told(6)
    failed = trace("quagga", status="crashed")
    assert [] == [*explain_groundedness(case, failed, {SCORES[0]: Scored(0.0)})]
