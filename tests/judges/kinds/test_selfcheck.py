"""SelfCheckGPT's prompt variant: samples, one comparison, the published score."""

# ruff: noqa: ANN401  # fixtures come by name: test folders are no packages

from functools import partial
from typing import Any

import pytest

from evalgate.judges.base import JudgeError
from evalgate.judges.kinds.selfcheck import selfcheck_judge
from evalgate.schema.judge import Evidence
from evalgate.schema.score import Abstained, Scored

EVIDENCE = Evidence(
    question="Who wrote it?",
    answer="Ann wrote it. It came out in 1900.",
    conversation=(
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Who wrote it?"},
        {"role": "assistant", "content": "Ann wrote it. It came out in 1900."},
    ),
)
make = partial(selfcheck_judge, sampling={"temperature": 0}, samples=3, sample_model="agent-model")


def script(table: Any) -> Any:
    """Draw samples, then answer the comparison."""

    def reply(request: dict[str, Any], number: int) -> Any:
        return table if "response_format" in request else f"Ann, sample {number}"

    return reply


def test_the_mean_over_sentences_and_samples(asker: Any, scripted_judge: Any) -> None:
    """Yes 0, unclear .5, no 1: (0 + 0 + .5)/3 and (1 + 1 + .5)/3 give .5; 3 samples, 1 call."""
    table = {"sentences": [["yes", "yes", "unclear"], ["no", "no", "unclear"]]}
    server = scripted_judge(script(table))
    judged = asker(make, server.base_url, EVIDENCE)
    assert Scored(pytest.approx(0.5)) == judged.scores["selfcheck_inconsistency"]
    assert ("said otherwise when asked again: It came out in 1900.",) == judged.details
    *samples, last = server.requests
    assert [("agent-model", 1)] * 3 == [(r["model"], r["temperature"]) for r in samples]
    assert ["system", "user"] == [message["role"] for message in samples[0]["messages"]]
    assert "judge-1" == last["model"]


@pytest.mark.parametrize(
    "table",
    [[["yes", "yes", "yes"]], [["yes"], ["no"]], [["yes"] * 3, ["no"] * 4], [["maybe"] * 3] * 2],
)
def test_the_wrong_number_of_verdicts(table: Any, asker: Any, scripted_judge: Any) -> None:
    """A table that does not fit sentences and samples is asked for again, then broken."""
    server = scripted_judge(script({"sentences": table}))
    with pytest.raises(JudgeError, match="another form"):
        asker(make, server.base_url, EVIDENCE)
    assert 3 + 3 == len(server.requests)


@pytest.mark.parametrize(
    "change", [{"answer": ""}, {"conversation": ({"role": "user", "content": "a"},) * 2}]
)
def test_what_cannot_be_asked_again_abstains(
    change: dict[str, Any], asker: Any, scripted_judge: Any
) -> None:
    """No sentence, or a script of several turns: nothing is asked."""
    server = scripted_judge(script({}))
    judged = asker(make, server.base_url, EVIDENCE.model_copy(update=change))
    assert isinstance(judged.scores["selfcheck_inconsistency"], Abstained)
    assert [] == server.requests
