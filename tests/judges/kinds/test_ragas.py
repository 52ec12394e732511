"""Real Ragas with the real openai client against a scripted judge over HTTP."""

# ruff: noqa: ANN401  # fixtures come by name: test folders are no packages

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from evalgate.judges.base import Judged, Live, Meter, Question, Reply
from evalgate.judges.kinds.ragas import SAMPLING, Asked, ragas_judge
from evalgate.judges.kinds.ragas_live import Endpoint, RagasLive
from evalgate.schema.judge import Evidence
from evalgate.schema.score import Abstained, Broken, Scored

# Ragas leaves a file of its own open (its anonymous id), which shows when it is collected.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

EVIDENCE = Evidence(
    question="When do I get my money back?",
    answer="Refunds take 5 days. Shipping is refunded too.",
    contexts=("Refunds are paid within 5 days.", "Shipping is never refunded."),
    conversation=(
        {"role": "user", "content": "Refund order 1"},
        {"role": "assistant", "tool_calls": [{"name": "refund", "args": {"order": 1}}]},
        {"role": "tool", "content": "done"},
        {"role": "assistant", "content": "Refunded."},
    ),
    expected_calls=({"name": "refund", "args": {"order": 1}},),
)
ASKED = Asked("gpt-4o", "text-embedding-3-small", dict(SAMPLING))
STATEMENTS = ["Refunds take 5 days.", "Shipping is refunded."]


def given(request: dict[str, Any]) -> dict[str, Any]:
    """Return the input at the end of one of Ragas' prompts."""
    text = request["messages"][-1]["content"]
    data: dict[str, Any] = json.loads(text.rpartition("input: ")[2].rpartition("\nOutput:")[0])
    return data


def script(request: dict[str, Any], _number: int) -> Any:
    """Answer as a judge would: every metric's prompts are told apart by their inputs."""
    if "input" in request:
        return None
    data = given(request)
    if "statements" in data:
        verdicts = [
            {"statement": text, "reason": "r", "verdict": int("5 days" in text)}
            for text in data["statements"]
        ]
        return {"statements": verdicts}
    if "question" in data and "context" in data:
        return {"reason": "r", "verdict": int("5 days" in data["context"])}
    if "workflow" in data:
        return {"user_goal": "a refund", "end_state": "refunded"}
    if "desired_outcome" in data:
        return {"reason": "r", "verdict": "1"}
    if set(data) == {"response"}:
        return {"question": "When is it refunded?", "noncommittal": 0}
    return {"statements": STATEMENTS}


def embed(request: dict[str, Any], number: int, raw: Any) -> Any:
    """Answer embeddings too: equal vectors."""
    if "messages" in request:
        return script(request, number)
    texts = request["input"] if isinstance(request["input"], list) else [request["input"]]
    rows = [{"object": "embedding", "index": i, "embedding": [1.0, 0.0]} for i in range(len(texts))]
    usage = {"prompt_tokens": 3, "total_tokens": 3}
    return raw(body={"object": "list", "model": "e", "data": rows, "usage": usage})


def judge(
    url: str, *names: str, evidence: Evidence = EVIDENCE
) -> tuple[Judged, Meter, list[Reply]]:
    """Judge one answer by metrics of Ragas, and keep the replies."""
    meter, replies = Meter(), []

    async def ask(_question: Question, live: Live) -> Reply:
        replies.append(await live())
        return replies[-1]

    async def main() -> Judged:
        endpoint = Endpoint(url, "key", ASKED.model, ASKED.embedding_model, 5.0)
        async with RagasLive(endpoint, ASKED.sampling, meter) as live:
            return await ragas_judge(ASKED, names, live).decide(evidence, ask, 0)

    return asyncio.run(main()), meter, replies


def test_faithfulness(scripted_judge: Any) -> None:
    """Two calls, 1 of 2 statements supported, the other kept, tokens counted."""
    server = scripted_judge(script)
    judged, meter, _ = judge(server.base_url, "faithfulness")
    assert Scored(0.5, (1, 2)) == judged.scores["faithfulness"]
    assert Scored(0.5, (1, 2)) == judged.scores["hallucination"]
    assert ("unsupported: Shipping is refunded.",) == judged.details
    assert (2, 200, 40) == (meter.calls, meter.input_tokens, meter.output_tokens)
    assert {4096} == {request["max_tokens"] for request in server.requests}


def test_every_metric_goes_through_the_adapter(scripted_judge: Any, raw: Any) -> None:
    """Relevancy 1 (equal vectors), precision 1 (first of two), calls 1, goal 1."""
    server = scripted_judge(lambda request, number: embed(request, number, raw))
    names = ("answer_relevancy", "context_precision", "tool_call_accuracy", "goal_accuracy")
    judged, meter, _ = judge(server.base_url, *names)
    expected = {
        "answer_relevancy",
        "context_precision",
        "ragas_tool_call_accuracy",
        "goal_accuracy",
    }
    assert expected == set(judged.scores)
    for score in judged.scores.values():
        assert isinstance(score, Scored), judged.scores
        assert pytest.approx(1.0) == score.value
    assert len(server.requests) == meter.calls


def test_no_statement_abstains(scripted_judge: Any) -> None:
    """Ragas gives NaN; that is neither a good answer nor a bad one."""
    judged, _, (reply,) = judge(
        scripted_judge(lambda *_: {"statements": []}).base_url, "faithfulness"
    )
    assert Abstained("Ragas found no statement in the answer") == judged.scores["faithfulness"]
    assert reply["value"] is None


def short(request: dict[str, Any], number: int) -> Any:
    """Give one verdict on two statements."""
    reply = script(request, number)
    return {"statements": reply["statements"][:1]} if "context" in given(request) else reply


def odd(request: dict[str, Any], number: int) -> Any:
    """Give a verdict of 7."""
    reply = script(request, number)
    if "context" in given(request):
        reply["statements"][0]["verdict"] = 7
    return reply


BAD: dict[str, tuple[Callable[[dict[str, Any], int], Any], str, int]] = {
    "prose": (lambda *_: "Looks fine.", "InstructorRetryException", 3),
    "half JSON": (lambda *_: '{"statements": ["a', "InstructorRetryException", 3),
    "the wrong number of verdicts": (short, "1 verdicts on 2 statements", 2),
    "a verdict of 7": (odd, "neither 0 nor 1", 2),
}


@pytest.mark.parametrize(("bad", "said", "calls"), BAD.values(), ids=BAD.keys())
def test_a_judge_that_misbehaves_breaks_the_score(
    bad: Callable[..., Any], said: str, calls: int, scripted_judge: Any
) -> None:
    """At most two retries of a reply; the score is broken, never NaN and never a guess."""
    judged, meter, _ = judge(scripted_judge(bad).base_url, "faithfulness")
    score = judged.scores["faithfulness"]
    assert isinstance(score, Broken)
    assert said in score.error
    assert calls == meter.calls


@pytest.mark.parametrize(("status", "calls"), [(401, 1), (500, 3)])
def test_http_errors_break_the_score(
    status: int, calls: int, scripted_judge: Any, raw: Any
) -> None:
    """A refused key is not asked again; a broken server at most twice."""
    headers = {"retry-after-ms": "1"}
    server = scripted_judge(lambda *_: raw(status, {"error": {"message": "x"}}, headers))
    judged, _, _ = judge(server.base_url, "faithfulness")
    assert isinstance(judged.scores["faithfulness"], Broken)
    assert calls == len(server.requests)


def test_one_metric_that_breaks_leaves_the_others(scripted_judge: Any) -> None:
    """Tool-call accuracy asks no model, so a dead one does not break it."""
    names = ("faithfulness", "tool_call_accuracy")
    judged, _, _ = judge(scripted_judge(lambda *_: "hm").base_url, *names)
    assert isinstance(judged.scores["faithfulness"], Broken)
    assert Scored(1.0) == judged.scores["ragas_tool_call_accuracy"]


def test_what_is_not_there_abstains(scripted_judge: Any) -> None:
    """Without contexts, answer or expected calls nothing is asked."""
    server = scripted_judge(script)
    empty = Evidence(question="q")
    judged, _, _ = judge(server.base_url, "faithfulness", "tool_call_accuracy", evidence=empty)
    assert {Abstained} == {type(score) for score in judged.scores.values()}
    assert [] == server.requests


PROBE = """
import os, sys
from evalgate.judges import factory
from evalgate.judges.kinds import ragas
assert "ragas" not in sys.modules and "openai" not in sys.modules, "imported too early"
from evalgate.judges.kinds.ragas_live import RAGAS_VERSION, import_ragas
import_ragas()
import ragas
assert ragas.__version__ == RAGAS_VERSION
assert os.environ["RAGAS_DO_NOT_TRACK"] == "true"
from ragas._analytics import do_not_track
assert do_not_track()
"""


def test_the_pinned_set_imports_only_when_asked_and_reports_nothing() -> None:
    """The pinned versions import together; nothing of Ragas is loaded before; tracking is off."""
    subprocess.run([sys.executable, "-W", "ignore", "-c", PROBE], check=True)


MISSING = """
import sys
from evalgate.errors import MissingExtra
from evalgate.judges.kinds.ragas_live import import_ragas
if sys.argv[1] == "absent":
    sys.path[:] = [p for p in sys.path if "site-packages" not in p]
else:
    sys.modules["langchain_community.chat_models.vertexai"] = None
try:
    import_ragas()
except MissingExtra as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("how", "said"), [("absent", "not installed"), ("broken", "cannot be imported")]
)
def test_a_missing_or_broken_ragas_is_one_line_and_the_command(how: str, said: str) -> None:
    """Not installed, or installed and not importable: the cause, and how to install it."""
    done = subprocess.run(
        [sys.executable, "-c", MISSING, how], check=True, capture_output=True, text=True
    )
    lines = done.stdout.splitlines()
    assert 2 == len(lines)
    assert said in lines[0]
    assert "pip install 'agent-evalgate[ragas]'" in lines[1]
