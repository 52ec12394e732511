"""The claims judge: verdicts with evidence, over real HTTP; whatever a judge may do wrong."""

# ruff: noqa: ANN401, PLR0917  # fixtures come by name: test folders are no packages

import re
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from evalgate.judges.base import Judge, JudgeError
from evalgate.judges.kinds.chat import Chat
from evalgate.judges.kinds.claims import claims_judge, is_quoted
from evalgate.schema.judge import Evidence
from evalgate.schema.score import Abstained, Scored

make: Callable[[Chat], Judge] = partial(claims_judge, sampling={"temperature": 0})

GOOD = {
    "claims": [
        {"claim": "Refunds take 5 days.", "quote": "paid WITHIN  5 days", "supported": True},
        {"claim": "Shipping is refunded.", "quote": "", "supported": False},
    ]
}


def test_claims_are_counted_and_the_unsupported_shown(
    asker: Any, scripted_judge: Any, refund: Evidence
) -> None:
    """One call: 1 of 2 claims supported, both scores with counts, the other claim kept."""
    server = scripted_judge(lambda *_: GOOD)
    judged = asker(make, server.base_url, refund)
    assert Scored(0.5, (1, 2)) == judged.scores["faithfulness"]
    assert Scored(0.5, (1, 2)) == judged.scores["hallucination"]
    assert ("unsupported: Shipping is refunded.",) == judged.details
    assert (1, 100, 20) == (asker.meter.calls, asker.meter.input_tokens, asker.meter.output_tokens)
    assert ["/v1/chat/completions"] == server.paths
    assert ["Bearer key"] == server.keys
    assert "json_schema" == server.requests[0]["response_format"]["type"]


def test_a_quote_that_stands_nowhere_supports_nothing(
    asker: Any, scripted_judge: Any, refund: Evidence
) -> None:
    """A judge that says supported and invents the passage is not believed."""
    claim = {"claim": "Shipping is refunded.", "quote": "Shipping is always refunded."}
    server = scripted_judge(lambda *_: {"claims": [{**claim, "supported": True}]})
    judged = asker(make, server.base_url, refund)
    assert Scored(0.0, (0, 1)) == judged.scores["faithfulness"]
    assert "its quote stands in no context" in judged.details[0]


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ("refunds are PAID", True),
        ("Refunds ... 5 days", True),
        ("5 days \u2026 Refunds", False),  # the other way round
        ("Refunds ... never refunded", False),  # from two contexts
        ("efunds are paid", False),  # a cut word
        ("", False),
        (" ... ", False),
        ("within\n5\u00a0days", True),
        ("\u201cRefunds are paid within 5 days of the return.\u201d", True),
        ("15 days", False),
    ],
)
def test_quotes_are_looked_up(quote: str, found: bool, refund: Evidence) -> None:  # noqa: FBT001
    """Case, blanks and quotation marks do not matter; order, context and whole words do."""
    assert found is is_quoted(quote, refund.contexts)


def test_quotes_without_blanks_between_words() -> None:
    """Chinese sets no blanks: a passage may start and end anywhere."""
    assert is_quoted(
        "\u9000\u6b3e\u9700\u4e94\u5929", ["\u60a8\u7684\u9000\u6b3e\u9700\u4e94\u5929\u5230\u8d26"]
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"answer": "  "}, "the answer is empty"),
        ({"contexts": ()}, "there are no contexts to check the answer against"),
    ],
)
def test_nothing_to_judge_costs_nothing(
    change: dict[str, Any], reason: str, asker: Any, scripted_judge: Any, refund: Evidence
) -> None:
    """An empty answer or no contexts: abstained, and no call."""
    server = scripted_judge(lambda *_: GOOD)
    judged = asker(make, server.base_url, refund.model_copy(update=change))
    assert Abstained(reason) == judged.scores["faithfulness"]
    assert [] == server.requests


def test_no_claim_abstains(asker: Any, scripted_judge: Any, refund: Evidence) -> None:
    """An answer without a claim is neither faithful nor not."""
    server = scripted_judge(lambda *_: {"claims": []})
    judged = asker(make, server.base_url, refund)
    assert Abstained("the answer makes no claim") == judged.scores["hallucination"]


BAD = {
    "prose": "Both claims look fine to me.",
    "html": "<html>busy</html>",
    "half JSON": '{"claims": [{"claim": "a", "quo',
    "a missing verdict": {"claims": [{"claim": "a", "quote": "b"}]},
    "a verdict as text": {"claims": [{"claim": "a", "quote": "b", "supported": "yes"}]},
    "NaN": '{"claims": NaN}',
    "another shape": {"score": 5},
    "a list": [1],
    "nothing": "",
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_a_bad_reply_is_asked_for_twice_more_then_broken(
    bad: Any, asker: Any, scripted_judge: Any, refund: Evidence
) -> None:
    """Three attempts in all, whatever the replies say, all of them paid; then a JudgeError."""
    server = scripted_judge(lambda *_: bad)
    with pytest.raises(JudgeError, match=r"\(3 attempts\)"):
        asker(make, server.base_url, refund)
    assert (3, 3) == (len(server.requests), asker.meter.calls)


def test_bad_once_then_good(asker: Any, scripted_judge: Any, refund: Evidence) -> None:
    """The second reply counts, also when it is fenced as Markdown; both were paid."""
    good = '```json\n{"claims": []}\n```'
    server = scripted_judge(lambda _, number: "hm" if number == 1 else good)
    judged = asker(make, server.base_url, refund)
    assert Abstained("the answer makes no claim") == judged.scores["faithfulness"]
    assert 2 == asker.meter.calls


def message(**fields: Any) -> dict[str, Any]:
    """Return a completion whose message has some fields."""
    finish = fields.pop("finish_reason", "stop")
    return {"choices": [{"message": fields, "finish_reason": finish}], "usage": {}}


@pytest.mark.parametrize(
    ("body", "attempts", "said"),
    [
        (message(content=None, refusal="I will not"), 3, "refused: 'I will not'"),
        (message(content='{"claims"', finish_reason="length"), 1, "raise max_tokens"),
        (message(content="", finish_reason="content_filter"), 3, "content filter"),
        ({"choices": []}, 3, "holds no message"),
        ("<html>502</html>", 3, "no JSON object"),
        ('{"choices": [', 3, "no JSON object"),
        ('{"choices": NaN}', 3, "no JSON object"),
    ],
)
def test_envelopes_without_a_verdict(
    body: Any, attempts: int, said: str, asker: Any, scripted_judge: Any, raw: Any, refund: Evidence
) -> None:
    """A refusal, a cut reply, a broken response: asked again where that may help, then broken."""
    server = scripted_judge(lambda *_: raw(body=body))
    with pytest.raises(JudgeError, match=re.escape(said)):
        asker(make, server.base_url, refund)
    assert attempts == len(server.requests)


QUOTA = {"error": {"message": "no credit", "code": "insufficient_quota"}}


@pytest.mark.parametrize(
    ("status", "body", "headers", "attempts"),
    [
        (500, {}, {}, 3),
        (503, "<html>down</html>", {}, 3),
        (529, {}, {}, 3),
        (401, {"error": {"message": "bad key"}}, {}, 1),
        (404, {"error": {"message": "no such model"}}, {}, 1),
        (400, {"error": {"message": "json_schema is not supported"}}, {}, 1),
        (429, QUOTA, {}, 1),
        (429, {}, {"retry-after": "600"}, 1),
        (429, {}, {"retry-after-ms": "1500"}, 3),
        (429, {}, {"retry-after": "soon"}, 3),
    ],
)
def test_http_errors(
    status: int,
    body: Any,
    headers: dict[str, str],
    attempts: int,
    asker: Any,
    scripted_judge: Any,
    raw: Any,
    refund: Evidence,
) -> None:
    """What waiting cures is asked again at most twice, the rest breaks at once."""
    server = scripted_judge(lambda *_: raw(status, body, headers))
    with pytest.raises(JudgeError, match=f"HTTP {status}"):
        asker(make, server.base_url, refund)
    assert attempts == len(server.requests)
    hint = 1.5 if "retry-after-ms" in headers else 0.0
    assert all(hint < wait < hint + 3 for wait in asker.waits)


def test_throttled_once(asker: Any, scripted_judge: Any, raw: Any, refund: Evidence) -> None:
    """After a 429 the hint is waited for, and the verdict comes."""
    server = scripted_judge(lambda _, n: raw(429, {}, {"retry-after": "7"}) if n == 1 else GOOD)
    judged = asker(make, server.base_url, refund)
    assert Scored(0.5, (1, 2)) == judged.scores["faithfulness"]
    assert 7 < asker.waits[0] < 8


def test_a_slow_judge_times_out(
    asker: Any, scripted_judge: Any, raw: Any, refund: Evidence
) -> None:
    """An attempt that takes longer than the limit is given up and made again, twice."""
    server = scripted_judge(lambda *_: raw(delay=0.3))
    with pytest.raises(JudgeError, match=r"no answer within 0\.05 s \(3 attempts\)"):
        asker(make, server.base_url, refund, timeout_s=0.05)


def test_a_judge_that_is_down(asker: Any, refund: Evidence) -> None:
    """Nobody listens: broken, with the reason."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        with pytest.raises(JudgeError, match=r"cannot be reached .*\(3 attempts\)"):
            asker(make, url, refund)


def test_the_prompt_is_at_most_half_of_ragas(
    asker: Any, scripted_judge: Any, refund: Evidence
) -> None:
    """On 276 tokens of context and 49 of answer: at most half of Ragas' 8,350 characters.

    Source of 8,350: two prompts of Ragas 0.4.3 on such a case, measured. Ours counts the schema.
    """
    server = scripted_judge(lambda *_: {"claims": []})
    long = refund.model_copy(update={"contexts": ("word " * 220,), "answer": "word " * 40})
    asker(make, server.base_url, long)
    request = server.requests[0]
    characters = sum(len(message["content"]) for message in request["messages"])
    assert characters + len(str(request["response_format"])) <= 8350 // 2
