"""The simulator against real clients: the same load gives the same numbers, to the last attempt.

The openai and LangGraph async clients run against the gateway's own ASGI app, in process and in
virtual time. What they make of its 429s must be what the simulator says that they make of them.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableSequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import httpx2
import openai
import pytest
from support.virtual_time import VirtualLoop, run_virtually

from evalgate.gateway.app import create_app
from evalgate.gateway.cassette_index import CassetteIndex
from evalgate.gateway.sessions import GatewaySettings, Sessions
from evalgate.quota.quota import Quota
from evalgate.stats.rng import seeded
from evalgate.stress.live.quota import LiveQuota, decided_again
from evalgate.stress.load.arrivals import parse_arrivals
from evalgate.stress.load.workload import from_arrivals
from evalgate.stress.simulation.faults import FaultProfile
from evalgate.stress.simulation.retry import POLICIES, Exponential, RetryPolicy, layers
from evalgate.stress.simulation.rules import dice
from evalgate.stress.simulation.simulate import Scenario, play
from examples.support_agent.agent import MODEL, SYSTEM
from examples.support_agent.shop import TOOLS

ROOT = Path(__file__).resolve().parents[3]
CASSETTES = ROOT / "examples" / "support_agent" / "cassettes"
GOLDEN = [
    json.loads(line)
    for line in (ROOT / "golden_sets" / "support.jsonl").read_text().splitlines()
    if line.strip()
]
CASES = [case for case in GOLDEN if isinstance(case["input"], str)]


@dataclass(frozen=True)
class Sent:
    """One call of a client: when it starts and which recorded request it is."""

    at: float
    case: dict[str, Any]


@dataclass(frozen=True)
class Made:
    """What became of all calls."""

    succeeded: int
    exhausted: int
    attempts: int
    throttled: int


Ask = Callable[[openai.AsyncOpenAI, dict[str, Any]], Awaitable[object]]


async def plainly(client: openai.AsyncOpenAI, case: dict[str, Any]) -> object:
    """Make the example agent's first request of a case."""
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": case["input"]}]
    return await client.chat.completions.create(
        model=MODEL,
        messages=messages,  # type: ignore[arg-type]  # plain data
        tools=TOOLS,  # type: ignore[arg-type]  # plain data
        temperature=0,
    )


def under_langgraph(attempts: int) -> Ask:
    """Make the same request in a node with LangGraph's retry policy, its chance turned off."""
    from langgraph.graph import START, StateGraph  # noqa: PLC0415  heavy
    from langgraph.types import RetryPolicy as NodePolicy  # noqa: PLC0415

    async def node(state: dict[str, Any]) -> dict[str, Any]:
        await plainly(state["client"], state["case"])
        return {"case": state["case"]}

    graph = StateGraph(dict)
    policy = NodePolicy(max_attempts=attempts, jitter=False)
    graph.add_node("ask", node, retry_policy=policy)  # type: ignore[type-var]
    graph.add_edge(START, "ask")
    compiled = graph.compile()

    async def ask(client: openai.AsyncOpenAI, case: dict[str, Any]) -> object:
        return await compiled.ainvoke({"client": client, "case": case})

    return ask


async def really(
    loop: VirtualLoop, quota: Quota, calls: list[Sent], retries: int, ask: Ask
) -> tuple[Made, LiveQuota]:
    """Let real clients make the calls against the gateway's app."""
    shelf = CassetteIndex(CASSETTES)
    sessions = Sessions(GatewaySettings(real_time=True), shelf, clock=loop.time)
    guard = LiveQuota(
        quota, FaultProfile(), loop.nanoseconds, seeded(0), lambda: datetime(2026, 1, 1, tzinfo=UTC)
    )
    app = create_app(sessions, admit=guard.admit)
    guard.begin()
    transport = httpx2.ASGITransport(app)
    outcomes = []

    async def one(number: int, sent: Sent) -> None:
        await asyncio.sleep(sent.at)
        session = sessions.open(sent.case["id"], number, recorded_trial=0)
        async with openai.AsyncOpenAI(
            base_url=session.base_url("http://gateway"),
            api_key="none",
            max_retries=retries,
            http_client=httpx2.AsyncClient(transport=transport),
        ) as client:
            try:
                await ask(client, sent.case)
                outcomes.append(True)
            except openai.RateLimitError:
                outcomes.append(False)

    await asyncio.gather(*(one(number, sent) for number, sent in enumerate(calls)))
    shelf.close()
    decisions = guard.decisions()
    refused = sum(not decision.admitted for decision in decisions)
    good = sum(outcomes)
    return Made(good, len(outcomes) - good, len(decisions), refused), guard


def tokens_of(case: dict[str, Any]) -> tuple[int, int]:
    """Read the recorded tokens of a case's first call."""
    for line in (CASSETTES / f"{case['id']}.jsonl").read_text().splitlines():
        entry = json.loads(line)
        if entry.get("kind") == "call":
            usage = entry["response"]["body"]["usage"]
            return usage["prompt_tokens"], usage["completion_tokens"]
    raise AssertionError(case["id"])


class InOrder(Random):
    """Serves what comes at one moment as the virtual loop does: in the order in which it arose."""

    def shuffle(self, x: MutableSequence[Any]) -> None:
        """Leave the order."""


def simulated(quota: Quota, calls: list[Sent], stack: tuple[RetryPolicy, ...]) -> Made:
    """Let the simulator play the same calls."""
    rows = "".join(
        json.dumps({"t": sent.at, "input_tokens": i, "output_tokens": o}) + "\n"
        for sent in calls
        for i, o in [tokens_of(sent.case)]
    )
    arrivals = parse_arrivals(rows, "jsonl")
    scenario = Scenario(from_arrivals(arrivals), quota, stack, window_start=arrivals.origin)
    outcome = play(scenario, dice(0)._replace(ties=InOrder()))
    total = outcome.total
    return Made(total.succeeded, total.exhausted, total.attempts, total.throttled)


def both(
    quota: Quota, calls: list[Sent], stack: tuple[RetryPolicy, ...], ask: Ask = plainly
) -> tuple[Made, Made]:
    """Return what the simulator says and what the clients do."""
    retries = stack[0].retries if stack else 0
    made, guard = run_virtually(lambda loop: really(loop, quota, calls, retries, ask))
    first = [event.cause for event in guard.events if event.request is not None]
    assert first == decided_again(quota, guard.events, guard.began)
    return simulated(quota, calls, stack), made


def test_case_two_with_the_real_client() -> None:
    """180 calls at once, 60 RPM: 62 succeed, 118 exhausted, 419 attempts, 357 rejections.

    Source: specification, expected number 2.
    """
    quota = Quota(rpm=60, hint="ms", profile="openai")
    calls = [Sent(0.0, CASES[0])] * 180
    model, client = both(quota, calls, layers("openai"))
    assert Made(62, 118, 419, 357) == client == model


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "quota",
    [
        Quota(rpm=60, burst=3, profile="openai"),
        Quota(tpm=12_000, charge="max", settles=False, profile="openai"),
        Quota(rpm=90, tpm=20_000, profile="openai"),
        Quota(rpm=40, limiter="sliding", profile="openai"),
        Quota(rpm=10, window=10.0, limiter="fixed", profile="openai"),
    ],
    ids=["bucket", "tokens", "both", "sliding", "fixed"],
)
def test_random_loads_with_the_real_client(quota: Quota, seed: int) -> None:
    """Random arrivals and different requests: every count is the same, for every limiter."""
    chance = seeded(seed)
    # Odd microseconds: no two events share a moment, whose order would be the loop's own.
    moments = sorted(chance.sample(range(20_000_000), 60))
    calls = [Sent((2 * m + 1) / 2e6, chance.choice(CASES)) for m in moments]
    model, client = both(quota, calls, layers("openai"))
    assert model == client
    assert model.throttled > 0


def test_nested_layers_with_langgraph() -> None:
    """Openai under LangGraph's policy: up to 9 attempts a call, as the model says."""
    policy = replace(POLICIES["langgraph"], backoff=Exponential(0.5, 128.0))
    quota = Quota(rpm=6, burst=2, profile="openai", hint="ms")
    calls = [Sent(number / 8 + 1e-3, CASES[number % len(CASES)]) for number in range(24)]
    stack = (*layers("openai"), policy)
    model, client = both(quota, calls, stack, under_langgraph(3))
    assert model == client
    assert model.attempts > 3 * len(calls)
