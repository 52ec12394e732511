"""Many questions in one call: the endpoint's format, its probabilities, its calibration."""

# ruff: noqa: ANN401  # fixtures come by name: test folders are no packages

import json
from pathlib import Path
from typing import Any

import pytest
from langchain_openai.decisions import OpenAIDecisions, Predicate, Score
from langchain_openai.decisions.types import Level
from pydantic import ValidationError

from evalgate.judges.base import JudgeError
from evalgate.judges.kinds.chat import Chat
from evalgate.judges.kinds.decision import Decided, Decision, decision_judge
from evalgate.schema.config import JudgeConfig
from evalgate.schema.judge import Evidence
from evalgate.schema.score import Broken, Scored

LEVELS = {n: f"meaning {n}" for n in range(1, 6)}
DECISION = Decision(
    (
        Decided("careful", "It looked the order up first.", {}),
        Decided("clear", "How clear is the answer?", LEVELS),
        Decided("polite", "The answer is polite.", {}),
    )
)
EVIDENCE = Evidence(
    question="Refund order 1",
    answer="Refunded.",
    conversation=({"role": "assistant", "tool_calls": [{"name": "refund", "args": {"id": 1}}]},),
)
USAGE = {
    "input_tokens": 90,
    "input_tokens_details": {"cached_tokens": 10, "cache_write_tokens": 0},
    "output_tokens": 3,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 93,
}


def shares(*given: float) -> list[dict[str, Any]]:
    """Write the shares of the levels."""
    return [{"label": str(n), "value": n, "probability": p} for n, p in enumerate(given, start=1)]


def answers(*given: dict[str, Any]) -> dict[str, Any]:
    """Write a response of the endpoint; shape: `openai/types/decision.py`."""
    return {"model": "gpt-6-luna", "answers": list(given), "usage": USAGE}


def whole() -> dict[str, Any]:
    """Answer all three questions."""
    clear = {"type": "score", "score": 4.1, "confidence": 0.5, "name": "clear"}
    return answers(
        {"type": "predicate", "name": "careful", "probability": 0.83},
        {**clear, "probabilities": shares(0.0, 0.1, 0.1, 0.4, 0.4)},
        {"type": "predicate", "name": "polite", "probability": 0.31},
    )


def make(chat: Chat) -> Any:
    """Make the judge over the endpoint of a chat."""
    return decision_judge(chat.http, "gpt-6-luna", DECISION, chat.meter, chat.sleep)


def test_all_questions_are_one_call_and_probabilities_are_kept(
    asker: Any, scripted_judge: Any, raw: Any
) -> None:
    """A statement from .5 on, levels by their mean, and the shares in the details."""
    server = scripted_judge(lambda *_: raw(body=whole()))
    judged = asker(make, server.base_url, EVIDENCE)
    assert {
        "careful": Scored(1.0),
        "careful_probability": Scored(0.83),
        "clear": Scored(4.1),
        "polite": Scored(0.0),
        "polite_probability": Scored(0.31),
    } == judged.scores
    assert "clear: 4.10 (2: 0.1, 3: 0.1, 4: 0.4, 5: 0.4)" == judged.details[1]
    assert ["/v1/decisions"] == server.paths
    assert (90, 3) == (asker.meter.input_tokens, asker.meter.output_tokens)
    assert "called {'name': 'refund'" in server.requests[0]["input"]


@pytest.mark.filterwarnings("ignore:The class `OpenAIDecisions` is in beta")
def test_the_request_is_that_of_a_real_client(asker: Any, scripted_judge: Any, raw: Any) -> None:
    """langchain-openai's client asks the same questions in the same words, and reads the reply."""
    server = scripted_judge(lambda *_: raw(body=whole()))
    asker(make, server.base_url, EVIDENCE)
    ours = server.requests[0]
    client = OpenAIDecisions(model="gpt-6-luna", base_url=server.base_url, api_key="k")
    levels = [Level(label=str(n), description=text) for n, text in LEVELS.items()]
    reply = client.invoke(
        {
            "input": ours["input"],
            "questions": {
                "careful": Predicate(instructions="It looked the order up first."),
                "clear": Score(instructions="How clear is the answer?", levels=levels),
                "polite": Predicate(instructions="The answer is polite."),
            },
        }
    )
    assert ours == server.requests[1]
    assert 0.83 == reply.predicates["careful"].probability


def test_a_declined_question_is_broken_and_the_others_stand(
    asker: Any, scripted_judge: Any, raw: Any
) -> None:
    """Declining is no evidence of anything."""
    reply = whole()
    reply["answers"][0] = {"type": "refusal", "name": "careful"}
    judged = asker(make, scripted_judge(lambda *_: raw(body=reply)).base_url, EVIDENCE)
    declined = Broken("the judge declined the question")
    assert (declined, declined) == (
        judged.scores["careful"],
        judged.scores["careful_probability"],
    )
    assert Scored(0.0) == judged.scores["polite"]


def without(number: int) -> dict[str, Any]:
    """Leave an answer out."""
    reply = whole()
    del reply["answers"][number]
    return reply


def with_answer(number: int, **fields: Any) -> dict[str, Any]:
    """Change an answer."""
    reply = whole()
    reply["answers"][number] |= fields
    return reply


@pytest.mark.parametrize(
    "body",
    [
        {},
        "<html>",
        without(2),
        with_answer(0, probability=1.2),
        with_answer(0, probability="0.8"),
        with_answer(0, name="polite"),
        with_answer(0, type="score", probabilities=shares(0.2, 0.2, 0.2, 0.2, 0.2)),
        with_answer(1, probabilities=shares(0.5, 0.5)),
        with_answer(1, probabilities=shares(0.9, 0.9, 0.0, 0.0, 0.0)),
        with_answer(1, probabilities=shares(0.5, 0.5, 0.0, 0.0, 0.0)[:1] * 5),
        '{"answers": [{"type": "predicate", "probability": NaN}]}',
    ],
)
def test_anything_else_is_broken(body: Any, asker: Any, scripted_judge: Any, raw: Any) -> None:
    """Asked again twice, then broken, never a score."""
    server = scripted_judge(lambda *_: raw(body=body))
    with pytest.raises(JudgeError, match="no decision"):
        asker(make, server.base_url, EVIDENCE)
    assert 3 == len(server.requests)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({}, "needs questions"),
        ({"questions": {"a": "b"}, "metrics": ["a"]}, "leave them out"),
        ({"questions": {"a": {"asks": "b", "levels": {1: "x"}}}}, "1, 2, 3, 4 and 5"),
        ({"questions": {"a": "b", "a_probability": "c"}}, "_probability"),
        ({"questions": {"a": "b"}, "sampling": {"temperature": 1}}, "no sampling"),
        ({"questions": {"a": ""}}, "at least 1 character"),
    ],
)
def test_what_is_no_decision_is_refused(fields: dict[str, Any], why: str) -> None:
    """The configuration says what is missing."""
    with pytest.raises(ValidationError, match=why):
        JudgeConfig.model_validate({"kind": "decision", "model": "m", **fields})
    with pytest.raises(ValidationError, match="questions are for kind: decision"):
        JudgeConfig.model_validate({"kind": "claims", "model": "m", "questions": {"a": "b"}})


CONFIG = """
suites:
  support:
    golden: golden.jsonl
    agent: "recorded:traces.jsonl"
    judges:
      course:
        kind: decision
        model: gpt-6-luna
        base_url: {url}
        api_key_env: null
        questions:
          careful: It looked the order up first.
          clear: {{asks: "How clear is the answer?", levels: {levels}}}
"""


def test_it_is_calibrated_like_every_other(
    cli: Any,
    scripted_judge: Any,
    raw: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One call judges both; each question has a calibration of its own, and kappa says how good."""

    def reply(request: dict[str, Any], _number: int) -> Any:
        good = "LOOKED" in request["input"]
        said = {"type": "score", "score": 0, "confidence": 1.0}
        levels = shares(*((0, 0, 0, 0.2, 0.8) if good else (0.9, 0.1, 0, 0, 0)))
        likely = {"type": "predicate", "probability": 0.9 if good else 0.2}
        return raw(body=answers(likely, {**said, "probabilities": levels}))

    server = scripted_judge(reply)
    monkeypatch.chdir(tmp_path)
    levels = json.dumps({str(n): text for n, text in LEVELS.items()})
    Path("evalgate.yaml").write_text(CONFIG.format(url=server.base_url, levels=levels))
    Path("golden.jsonl").write_text(
        "".join(json.dumps({"id": f"c{n}", "input": "x"}) + "\n" for n in range(24))
    )
    scales = {"careful": ("yes_no", (1.0, 0.0)), "clear": ("1-5", (5.0, 1.0))}
    for metric, (scale, labels) in scales.items():
        header = {"schema": "evalgate.labels/1", "metric": metric, "scale": scale}
        rows: list[dict[str, Any]] = [header]
        rows += [
            {
                "id": f"i{n}",
                "case_id": f"c{n}",
                "evidence": {"question": "x", "answer": f"LOOKED {n}" if n % 3 else f"paid {n}"},
                # a person disagrees with the judge on the last two
                "label": labels[(n % 3 == 0) != (n >= 22)],
            }
            for n in range(24)
        ]
        Path("labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        done = cli("judge", "calibrate", "labels.jsonl", "--mode", "auto")
        assert 0 == done.code, done.err
    assert 24 == len(server.requests), "the second calibration reads what the first one asked"
    saved = json.loads(Path("baselines/support.calibration.json").read_text())
    records = saved["judges"]["course"]
    assert {"careful": [14, 2, 0, 8], "clear": [14, 2, 0, 8]} == {
        name: record["confusion"] for name, record in records.items()
    }
