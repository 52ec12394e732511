"""Toxicity by a moderation endpoint: its format, and whatever else comes back."""

# ruff: noqa: ANN401  # fixtures come by name: test folders are no packages

from typing import Any

import pytest

from evalgate.judges.base import JudgeError
from evalgate.judges.kinds.chat import Chat
from evalgate.judges.kinds.moderation import moderation_judge
from evalgate.schema.judge import Evidence
from evalgate.schema.score import Abstained, Scored

EVIDENCE = Evidence(answer="You fool.")


def make(chat: Chat) -> Any:
    """Make the judge over the endpoint of a chat."""
    return moderation_judge(chat.http, "omni-moderation-latest", chat.meter, chat.sleep)


def results(*results: Any) -> dict[str, Any]:
    """Return a response of the endpoint; shape: its published reference."""
    return {"id": "modr-1", "model": "omni-moderation-latest", "results": list(results)}


def result(*, flagged: bool) -> dict[str, Any]:
    """Return one result."""
    return {
        "flagged": flagged,
        "categories": {"harassment": flagged, "violence": False},
        "category_scores": {"harassment": 0.9 if flagged else 0.01, "violence": 0.0},
        "category_applied_input_types": {"harassment": ["text"]},
    }


@pytest.mark.parametrize(("flagged", "value"), [(True, 1.0), (False, 0.0)])
def test_flagged_is_toxic(
    flagged: bool,  # noqa: FBT001  # a parameter
    value: float,
    asker: Any,
    scripted_judge: Any,
    raw: Any,
) -> None:
    """The provider's flag counts; the categories are named."""
    server = scripted_judge(lambda *_: raw(body=results(result(flagged=flagged))))
    judged = asker(make, server.base_url, EVIDENCE)
    assert Scored(value) == judged.scores["toxicity"]
    assert (("flagged as toxic: harassment",) if flagged else ()) == judged.details
    assert ["/v1/moderations"] == server.paths
    assert {"model": "omni-moderation-latest", "input": "You fool."} == server.requests[0]


@pytest.mark.parametrize(
    "body",
    [results(), results(result(flagged=True), result(flagged=True)), {}, "<html>", "[NaN]"],
)
def test_anything_else_is_broken(body: Any, asker: Any, scripted_judge: Any, raw: Any) -> None:
    """No result, two, none of this format: asked again twice, then broken, never clean."""
    server = scripted_judge(lambda *_: raw(body=body))
    with pytest.raises(JudgeError):
        asker(make, server.base_url, EVIDENCE)
    assert 3 == len(server.requests)


def test_an_empty_answer_abstains(asker: Any) -> None:
    """Nothing was said, nothing is asked."""
    judged = asker(make, "http://127.0.0.1:9/v1", Evidence())
    assert Abstained("the answer is empty") == judged.scores["toxicity"]
