"""Pairs: both orders, ties, and a judge that prefers a place."""

# ruff: noqa: ANN401  # fixtures come by name: test folders are no packages

from functools import partial
from typing import Any

import pytest

from evalgate.judges.base import JudgeError
from evalgate.judges.kinds.pairwise import Pair, pairwise_judge
from evalgate.schema.judge import Evidence
from evalgate.schema.score import Abstained, Scored

EVIDENCE = Evidence(question="Refund?", answer="Refunded.", reference="Order 1 is refunded.")
MAKE = partial(pairwise_judge, sampling={}, pair=Pair("better", "Which helps more?"))


def _first_answer(request: Any) -> str:
    """Return what stands first in a prompt."""
    prompt = request["messages"][1]["content"]
    return prompt.split("<<<FIRST ANSWER")[1].split("\n")[1]


@pytest.mark.parametrize(
    ("verdicts", "better", "inconsistency"),
    [
        (("first", "second"), 1.0, 0.0),
        (("second", "first"), 0.0, 0.0),
        (("tie", "tie"), 0.5, 0.0),
        (("first", "first"), 0.5, 1.0),
        (("second", "second"), 0.5, 1.0),
        (("first", "tie"), 0.5, 1.0),
    ],
)
def test_both_orders(
    verdicts: tuple[str, str], better: float, inconsistency: float, asker: Any, scripted_judge: Any
) -> None:
    """Only what the judge says in both orders counts; else it is a tie and an inconsistency."""
    said = iter(verdicts)
    server = scripted_judge(lambda *_: {"reason": "r", "verdict": next(said)})
    judged = asker(MAKE, server.base_url, EVIDENCE)
    expected = {"better": Scored(better), "better_inconsistency": Scored(inconsistency)}
    assert expected == judged.scores
    assert bool(inconsistency) == bool(judged.details)
    assert ["Refunded.", "Order 1 is refunded."] == [_first_answer(r) for r in server.requests]


def test_nothing_to_compare_with(asker: Any, scripted_judge: Any) -> None:
    """Without an expected answer nothing is asked, and the score abstains."""
    server = scripted_judge(lambda *_: {"reason": "r", "verdict": "first"})
    alone = EVIDENCE.model_copy(update={"reference": None})
    judged = asker(MAKE, server.base_url, alone)
    assert {Abstained} == {type(score) for score in judged.scores.values()}
    assert [] == server.requests


def test_one_order_is_no_verdict(asker: Any, scripted_judge: Any) -> None:
    """An order that cannot be had breaks the score."""
    server = scripted_judge(lambda _, n: {"reason": "r", "verdict": "first"} if n < 2 else "hm")
    with pytest.raises(JudgeError):
        asker(MAKE, server.base_url, EVIDENCE)
