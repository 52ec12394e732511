"""What each judged metric costs per 1,000 cases: the table of `docs/judges.md`.

    python benchmarks/judge_costs.py [MODEL]

One case (276 tokens of contexts, 49 of answer, one tool call) is judged by every kind, over HTTP,
by a scripted judge with replies of usual length. Tokens are characters over 4; the schema of a
structured reply counts as prompt. USD by the price table.
"""

import asyncio
import json
import os
import sys
import warnings
from dataclasses import dataclass
from typing import Any

os.environ["RAGAS_DO_NOT_TRACK"] = "true"
warnings.simplefilter("ignore")

from judges import ANSWER, CONTEXTS  # noqa: E402  # after the switch above

from evalgate.judges.base import Live, Meter, Question, Reply  # noqa: E402
from evalgate.judges.factory import open_judge  # noqa: E402
from evalgate.pricing import PriceBook, Usage, price_call  # noqa: E402
from evalgate.schema.config import JudgeConfig  # noqa: E402
from evalgate.schema.judge import Evidence  # noqa: E402

EVIDENCE = Evidence(
    question="When are refunds of order type A paid?",
    answer=ANSWER,
    contexts=CONTEXTS,
    conversation=(
        {"role": "user", "content": "When are refunds of order type A paid?"},
        {"role": "assistant", "tool_calls": [{"name": "policy", "args": {"type": "A"}}]},
        {"role": "tool", "content": CONTEXTS[0]},
        {"role": "assistant", "content": ANSWER},
    ),
    expected_calls=({"name": "policy", "args": {"type": "A"}},),
)
LEVELS = {
    1: "The goal was missed, or the answer harms it.",
    2: "Little of the goal was reached.",
    3: "Half of the goal was reached.",
    4: "The goal was reached with a flaw.",
    5: "The goal was reached in full.",
}
GOAL: dict[str, Any] = {"kind": "rubric", "rubric": "How far was the user's goal reached?"}
KINDS: dict[str, dict[str, Any]] = {
    "faithfulness, claims": {"kind": "claims"},
    "faithfulness, Ragas": {"kind": "ragas"},
    "answer_relevancy, Ragas": {"kind": "ragas", "metrics": ["answer_relevancy"]},
    "context_precision, Ragas": {"kind": "ragas", "metrics": ["context_precision"]},
    "goal_accuracy, Ragas": {"kind": "ragas", "metrics": ["goal_accuracy"]},
    "ragas_tool_call_accuracy": {"kind": "ragas", "metrics": ["tool_call_accuracy"]},
    "goal_attainment, 1 vote": {**GOAL, "levels": LEVELS},
    "goal_attainment, 3 votes": {**GOAL, "levels": LEVELS, "votes": 3},
    "a yes/no rubric": {"kind": "rubric", "rubric": "Is it polite?", "metrics": ["polite"]},
    "selfcheck_inconsistency": {"kind": "selfcheck"},
    "toxicity_incidence": {"kind": "moderation"},
}
REASON = "The answer states what the first context says, with the same number of days."
SENTENCE = "Refunds of order type A are paid within 5 days of the return."


@dataclass
class Count:
    """What one case took."""

    calls: int = 0
    prompt: int = 0
    reply: int = 0


def reply_to(request: dict[str, Any]) -> object:
    """Answer any judge with a reply of usual length."""
    form = request.get("response_format", {})
    text = request["messages"][-1]["content"]
    match form.get("json_schema", {}).get("name"):
        case "claims":
            claim = {"claim": SENTENCE, "quote": SENTENCE, "supported": True}
            return {"claims": [claim] * 3}
        case "grade" if "level" in json.dumps(form):
            return {"reason": REASON, "level": 5}
        case "grade":
            return {"reason": REASON, "verdict": "yes"}
        case "comparison":
            return {"sentences": [["yes"] * 3] * 3}
    if not form:
        return ANSWER
    return ragas_reply_to(json.loads(text.rpartition("input: ")[2].rpartition("\nOutput:")[0]))


def ragas_reply_to(given: dict[str, Any]) -> object:
    """Answer one of Ragas' prompts, told by its input."""
    if "statements" in given:
        row = {"statement": SENTENCE, "reason": REASON, "verdict": 1}
        return {"statements": [row] * 3}
    if "context" in given:
        return {"reason": REASON, "verdict": 1}
    if "workflow" in given:
        return {"user_goal": SENTENCE, "end_state": SENTENCE}
    if "desired_outcome" in given:
        return {"reason": REASON, "verdict": "1"}
    if set(given) == {"response"}:
        return {"question": SENTENCE, "noncommittal": 0}
    return {"statements": [SENTENCE] * 3}


def response_to(request: dict[str, Any], count: Count) -> dict[str, object]:
    """Answer chat, embeddings and moderation, and count."""
    if "messages" not in request:
        count.calls += 1
        texts = request["input"] if isinstance(request["input"], list) else [request["input"]]
        count.prompt += sum(map(len, texts))
        if "moderation" in request["model"]:
            return {"results": [{"flagged": False, "categories": {}}]}
        rows = [
            {"object": "embedding", "index": n, "embedding": [1.0, 0.0]} for n in range(len(texts))
        ]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        return {"object": "list", "model": "e", "data": rows, "usage": usage}
    content = reply_to(request)
    said = content if isinstance(content, str) else json.dumps(content)
    count.calls += 1
    count.prompt += sum(len(message["content"]) for message in request["messages"])
    count.prompt += len(json.dumps(request.get("response_format", "")))
    count.reply += len(said)
    message = {"role": "assistant", "content": said}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }


async def main(model: str) -> None:
    """Print the table."""
    count = Count()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                size = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
                request = json.loads(await reader.readexactly(size))
                body = json.dumps(response_to(request, count)).encode()
                start = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: "
                writer.write(start + str(len(body)).encode() + b"\r\n\r\n" + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, limit=1 << 22)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    book = PriceBook()

    async def ask(_question: Question, live: Live) -> Reply:
        return await live()

    print(f"| judged metric | calls | prompt tokens | reply tokens | USD per 1,000, {model} |")
    print("|---|---:|---:|---:|---:|")
    for name, fields in KINDS.items():
        used = "omni-moderation-latest" if fields["kind"] == "moderation" else model
        config = JudgeConfig.model_validate({"model": used, "base_url": url, **fields})
        async with open_judge(config, "k", Meter(), live=True) as judge:
            before = count.calls, count.prompt, count.reply
            await judge.decide(EVIDENCE, ask, 0)
        calls = count.calls - before[0]
        tokens = (count.prompt - before[1]) // 4, (count.reply - before[2]) // 4
        price = price_call(Usage(*tokens), used, None, None, book)
        free = fields["kind"] == "moderation" or not calls
        usd = "0" if free else "unknown" if price is None else f"{float(price) * 1000:.3f}"
        print(f"| {name} | {calls} | {tokens[0]:,} | {tokens[1]:,} | {usd} |")
    server.close()
    await asyncio.sleep(0.1)  # connections that the clients closed


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "gpt-4o-mini"))
