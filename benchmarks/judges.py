"""What faithfulness costs: Ragas itself, Ragas through the adapter, the claims judge; one run.

    python benchmarks/judges.py [--cases N] [--rounds N]

A scripted judge answers at once over real HTTP from a process of its own, 16 cases at a time. The
rows take turns in one process, `--rounds` times each, and the smallest CPU time counts, so that
what else the machine does falls on all of them alike. A case has 276 tokens of contexts and 49 of
answer (4 characters a token). Times to import are those of a process of their own.
"""

# ruff: noqa: E402  # Ragas is told not to report its use before it is imported

import argparse
import asyncio
import gc
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.request import urlopen

os.environ["RAGAS_DO_NOT_TRACK"] = "true"
warnings.simplefilter("ignore")

from openai import AsyncOpenAI
from ragas.llms import llm_factory
from ragas.metrics.collections import Faithfulness

from evalgate.judges.base import Judge, Live, Meter, Question, Reply
from evalgate.judges.factory import open_judge
from evalgate.schema.config import JudgeConfig
from evalgate.schema.judge import Evidence
from evalgate.schema.score import Scored

CONCURRENCY = 16
MODEL = "gpt-4o-mini"
LINE = "{:<28} {:>7} {:>11} {:>8} {:>8} {:>8}"
IMPORTS = {
    "Ragas": "import openai, ragas.llms, ragas.metrics.collections",
    "claims judge": "import evalgate.judges.kinds.claims, httpx2",
}

CONTEXTS = tuple(
    f"Refunds of order type {kind} are paid within {days} days of the return. " * 5
    for kind, days in (("A", 5), ("B", 9), ("C", 14))
)
ANSWER = "Refunds of order type A are paid within 5 days of the return. " * 3


def reply_to(request: dict[str, Any]) -> dict[str, object]:
    """Answer Ragas' two prompts and the claims prompt."""
    text = request["messages"][-1]["content"]
    statements = ["Refunds of order type A are paid.", "They are paid within 5 days of the return."]
    if request["response_format"]["type"] == "json_schema":
        quote = "Refunds of order type A are paid within 5 days"
        return {"claims": [{"claim": s, "quote": quote, "supported": True} for s in statements]}
    given = text.rpartition("input: ")[2]
    if '"statements"' in given:
        rows = [{"statement": s, "reason": "It says so.", "verdict": 1} for s in statements]
        return {"statements": rows}
    return {"statements": statements}


async def serve() -> None:
    """Serve on a free port, print it, count calls and prompt characters at GET /."""
    calls = characters = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls, characters
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                if head.startswith(b"get"):
                    body = json.dumps([calls, characters]).encode()
                    calls = characters = 0
                else:
                    size = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
                    request = json.loads(await reader.readexactly(size))
                    calls += 1
                    characters += sum(len(m["content"]) for m in request["messages"])
                    body = completion(reply_to(request))
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: "
                    + str(len(body)).encode()
                    + b"\r\n\r\n"
                    + body
                )
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, limit=1 << 22)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def completion(content: object) -> bytes:
    """Wrap a reply as a chat completion."""
    message = {"role": "assistant", "content": json.dumps(content)}
    return json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": MODEL,
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 962, "completion_tokens": 60, "total_tokens": 1022},
        }
    ).encode()


Case = Callable[[int], Awaitable[float]]


async def measured(cases: int, one: Case) -> dict[str, float]:
    """Run the cases and return CPU and wall milliseconds a case."""
    places = asyncio.Semaphore(CONCURRENCY)

    async def bounded(number: int) -> float:
        async with places:
            return await one(number)

    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    scores = await asyncio.gather(*map(bounded, range(cases)))
    used = time.process_time() - cpu, time.perf_counter() - wall
    assert scores == [1.0] * cases
    return {"cpu": used[0] * 1000 / cases, "wall": used[1] * 1000 / cases}


def ragas_itself(url: str) -> Case:
    """Score with Ragas as its documentation says."""
    client = AsyncOpenAI(base_url=url, api_key="k")
    metric = Faithfulness(llm=llm_factory(MODEL, client=client))

    async def one(number: int) -> float:
        found = await metric.ascore(
            user_input=f"When, {number}?", response=ANSWER, retrieved_contexts=list(CONTEXTS)
        )
        return float(found.value)

    return one


def with_judge(judge: Judge, known: dict[str, Reply] | None) -> Case:
    """Score with a judge: its questions and their keys, asked or, where known, not."""

    async def ask(question: Question, live: Live) -> Reply:
        key = question.key
        if known is None:
            return await live()
        if key not in known:
            known[key] = await live()
        return known[key]

    async def one(number: int) -> float:
        evidence = Evidence(question=f"When, {number}?", answer=ANSWER, contexts=CONTEXTS)
        score = (await judge.decide(evidence, ask, 0)).scores["faithfulness"]
        assert isinstance(score, Scored), score
        return score.value

    return one


def config(kind: str, url: str) -> JudgeConfig:
    """Configure a judge."""
    return JudgeConfig.model_validate({"kind": kind, "model": MODEL, "base_url": url})


async def rows(url: str, cases: int, rounds: int) -> dict[str, dict[str, float]]:
    """Measure every row in turn and keep its best round."""
    async with (
        open_judge(config("ragas", url), "k", Meter(), live=True) as ragas,
        open_judge(config("claims", url), "k", Meter(), live=True) as claims,
    ):
        work = {
            "Ragas itself": ragas_itself(url),
            "Ragas through the adapter": with_judge(ragas, None),
            "claims judge": with_judge(claims, None),
            "claims judge, recorded": with_judge(claims, {}),
        }
        for one in work.values():  # connections, caches, and the verdicts that are recorded
            await measured(cases, one)
        found: dict[str, list[dict[str, float]]] = {row: [] for row in work}
        for _ in range(rounds):
            for row, one in work.items():
                counted(url)
                used = await measured(cases, one)
                calls, characters = counted(url)
                counts = {"calls": calls / cases, "characters": characters / cases}
                found[row].append({**used, **counts})
    return {row: min(each, key=lambda r: r["cpu"]) for row, each in found.items()}


def counted(url: str) -> tuple[int, int]:
    """Read and reset the server's counts."""
    with urlopen(url) as response:  # noqa: S310  # our own server
        calls, characters = json.load(response)
    return calls, characters


def imported(statement: str) -> float:
    """Return the seconds an import takes in a process of its own."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-W", "ignore", "-c", statement], check=True)
    took = time.perf_counter() - started
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", ""], check=True)
    return took - (time.perf_counter() - started)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve())
        return
    command = [sys.executable, __file__, "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        url = f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
        try:
            found = asyncio.run(rows(url, options.cases, options.rounds))
        finally:
            server.terminate()
    print(LINE.format("", "calls", "characters", "CPU ms", "x Ragas", "wall ms"))
    base = found["Ragas itself"]["cpu"]
    for row, best in found.items():
        calls, characters = f"{best['calls']:.2f}", f"{best['characters']:.0f}"
        times = f"{best['cpu']:.3f}", f"{best['cpu'] / base:.3f}", f"{best['wall']:.2f}"
        print(LINE.format(row, calls, characters, *times))
    for name, statement in IMPORTS.items():
        print(f"import of {name}: {imported(statement):.2f} s")


if __name__ == "__main__":
    main()
