"""A judge that reads what no rule sees: whether a simulated user kept to its script."""

# ruff: noqa: ANN401  # fixtures come by name: test folders are no packages

from functools import partial
from typing import Any

import pytest

from evalgate.judges.base import Judged
from evalgate.judges.judged_agent import held_to_script
from evalgate.judges.kinds.user import LEFT, user_judge
from evalgate.schema.judge import Evidence
from evalgate.schema.score import Abstained, Broken, Score, Scored
from evalgate.schema.trace import Trace, TraceUser

SAID: tuple[dict[str, Any], ...] = (
    {"role": "user", "content": "I want my money back."},
    {"role": "assistant", "tool_calls": [{"name": "refund", "args": {"id": 1}}]},
    {"role": "tool", "content": "done"},
    {"role": "assistant", "content": "It is paid back."},
    {"role": "user", "content": "And a voucher, please."},
)
EVIDENCE = Evidence(script="Your goal: get your money back", conversation=SAID)
MAKE = partial(user_judge, sampling={})


@pytest.mark.parametrize(
    ("verdict", "score", "details"),
    [
        ("kept", 1.0, ()),
        ("invented_goal", 0.0, (f"{LEFT}invented goal: a voucher",)),
        ("invented_fact", 0.0, (f"{LEFT}invented fact: a voucher",)),
        ("stopped_early", 0.0, (f"{LEFT}stopped early: a voucher",)),
    ],
)
def test_a_user_is_held_to_its_script(
    verdict: str, score: float, details: tuple[str, ...], asker: Any, scripted_judge: Any
) -> None:
    """The judge sees the script and every turn of both, each in its fence."""
    server = scripted_judge(lambda *_: {"reason": "a voucher", "verdict": verdict})
    judged = asker(MAKE, server.base_url, EVIDENCE)
    assert Judged({"user_in_script": Scored(score)}, details) == judged
    (request,) = server.requests
    shown = request["messages"][1]["content"]
    for part in ("<<<SCRIPT", "get your money back", "<<<TURN 4 ASSISTANT", "And a voucher"):
        assert part in shown, part


def test_without_a_user_nothing_is_asked(asker: Any, scripted_judge: Any) -> None:
    """An answer to one question has no script to keep to."""
    server = scripted_judge(lambda *_: {"reason": "r", "verdict": "kept"})
    judged = asker(MAKE, server.base_url, Evidence(question="q", answer="a"))
    assert Abstained is type(judged.scores["user_in_script"])
    assert [] == server.requests


TRACE = Trace(case_id="c", output="x", user=TraceUser(model="m", ending="reached"))


def held(
    score: Score, *details: str, trace: Trace = TRACE
) -> tuple[str, str | None, type[Score] | None]:
    """Return the trial's status, where its user left the script, and the other judge's score."""
    judged = Judged({"polite": Scored(1.0), "user_in_script": score}, details)
    found, left = held_to_script(trace, judged, frozenset({"user_in_script"}))
    broken = None if found.user is None else found.user.broken
    assert score == left.scores["user_in_script"]
    return found.status, broken, type(left.scores["polite"])


def test_what_becomes_of_the_trial() -> None:
    """Out of its script, or nobody knows: not measured, and no other judge has a say."""
    assert ("finished", None, Scored) == held(Scored(1.0))
    assert ("not_measured", "asked more", Broken) == held(Scored(0.0), f"{LEFT}asked more")
    assert ("not_measured", None, Broken) == held(Broken("replay miss"))
    assert ("finished", None, Scored) == held(Abstained("the agent failed"))
    alone = Trace(case_id="c", output="x")
    assert ("finished", None, Scored) == held(Broken("replay miss"), trace=alone)
