"""Python tools: recorded, replayed, mocked and refused; the plain function outside a run."""

import asyncio
import inspect
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from gateway.tools.conftest import OpenTools

import evalgate
from evalgate.agents.agent_input import Context
from evalgate.agents.tooling import TOOLS_URL, ToolRefused, serving
from evalgate.gateway.sessions import Outcome, Session, Sessions
from evalgate.gateway.tools.python import SessionPort

CALLED: list[str] = []


@dataclass(frozen=True)
class Order:
    """An order of the shop."""

    id: str
    total: float


class NoSuchOrder(LookupError):
    """There is no such order."""


@evalgate.tool
def find_order(order_id: str, *, region: str = "eu") -> Order:
    """Look an order up."""
    CALLED.append(f"{order_id}/{region}")
    if order_id == "none":
        raise NoSuchOrder(order_id)
    return Order(order_id, 10.0 + len(CALLED))


@evalgate.tool(name="refund", ignore=("client",), effects=True)
async def refund_order(order_id: str, client: object) -> dict[str, object]:
    """Pay an order back."""
    await asyncio.sleep(0)
    CALLED.append(f"refund {order_id}")
    return {"refunded": order_id, "client": client is not None}


@pytest.fixture(autouse=True)
def _nothing_called() -> None:
    CALLED.clear()


@contextmanager
def trial(
    sessions: Sessions, case: str = "c", number: int = 0, *, state: object = None
) -> Iterator[list[Outcome]]:
    """Run a trial in this process; its outcome is appended at the end."""
    session, ended = sessions.open(case, number, state=state), []
    with serving(SessionPort(sessions, session.token)):
        yield ended
    ended.append(sessions.close(session, duration=0.5))


def test_outside_a_run_it_is_the_plain_function() -> None:
    """Nothing is asked, and signature, name and type stay."""
    assert Order("a", 11.0) == find_order("a")
    assert ["order_id", "region"] == list(inspect.signature(find_order).parameters)
    assert inspect.iscoroutinefunction(refund_order)
    assert "refund_order" == refund_order.__name__


def test_a_recorded_call_is_replayed_with_its_type_its_error_and_its_times(
    open_tools: OpenTools,
) -> None:
    """The function is not called again; equal calls have their own answers, in order."""
    sessions, _ = open_tools("record")

    def work() -> list[object]:
        first, second = find_order("a"), find_order("a", region="eu")
        with pytest.raises(NoSuchOrder) as failed:
            find_order("none")
        return [first, second, failed.value.args, asyncio.run(refund_order("a", object()))]

    with trial(sessions) as recorded:
        told = work()
    assert 4 == len(CALLED)
    sessions, _ = open_tools("replay")
    again: list[list[object]] = []
    outcomes = []
    for _ in range(2):
        with trial(sessions) as ended:
            again.append(work())
        outcomes += ended
    assert [told, told] == again
    assert 4 == len(CALLED)
    assert [Order("a", 11.0), Order("a", 12.0)] == told[:2]
    assert outcomes[0] == outcomes[1]
    assert [s.end for s in recorded[0].steps] == [s.end for s in outcomes[0].steps]
    assert ["find_order", "find_order", "find_order", "refund"] == [
        step.name for step in outcomes[0].steps
    ]
    assert {"replayed": ("find_order", "refund")} == outcomes[0].tools
    assert 0.5 == outcomes[0].duration


def test_a_worker_process_asks_over_its_sessions_url(
    open_tools: OpenTools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same calls through the environment, from threads too."""
    sessions, origin = open_tools("record")
    session = sessions.open("c")
    monkeypatch.setenv(TOOLS_URL, session.environment(origin, {})[TOOLS_URL])
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(find_order, ["a", "b"]))
    assert {"live": ("find_order",)} == sessions.close(session, duration=0.1).tools
    sessions, origin = open_tools("replay")
    session = sessions.open("c")
    monkeypatch.setenv(TOOLS_URL, session.environment(origin, {})[TOOLS_URL])
    assert found == [find_order("a"), find_order("b")]
    assert 2 == len(CALLED)
    assert sessions.close(session).unmade is None


def test_a_changed_argument_is_a_miss_with_the_nearest_call_and_a_diff(
    open_tools: OpenTools,
) -> None:
    """The trial is not measured, whatever the agent makes of the error."""
    sessions, _ = open_tools("record")
    with trial(sessions):
        find_order("a")
    sessions, _ = open_tools("replay")
    with (
        trial(sessions) as ended,
        pytest.raises(ToolRefused, match="other arguments"),
    ):
        find_order("a", region="us")
    outcome = ended[0]
    assert "not_measured" == outcome.status
    assert "called with other arguments than recorded" in (outcome.error or "")
    assert "eu" in (outcome.error or "")
    assert "us" in (outcome.error or "")


def test_a_dropped_call_is_named(open_tools: OpenTools) -> None:
    """A replay that leaves a recorded call out is no evidence of the same work."""
    sessions, _ = open_tools("record")
    with trial(sessions):
        find_order("a")
        find_order("b")
    sessions, _ = open_tools("replay")
    with trial(sessions) as ended:
        find_order("a")
    assert "1 recorded tool call was not made: find_order" in (ended[0].unmade or "")
    assert "'b'" in (ended[0].unmade or "")


def test_a_secret_is_taken_out_and_the_call_is_still_found(
    open_tools: OpenTools, tmp_path: Path
) -> None:
    """The key is of the call as it was made; a call with another secret is another call."""
    secrets = {"SHOP_TOKEN": "zq8Jx0vK31mN7pQ2"}
    sessions, _ = open_tools("record", environ=secrets)
    with trial(sessions):
        find_order("a", region=secrets["SHOP_TOKEN"])
    text = "".join(p.read_text() for p in (tmp_path / "cassettes").glob("*.jsonl"))
    assert "zq8Jx0vK31mN7pQ2" not in text
    assert "[redacted:SHOP_TOKEN]" in text
    sessions, _ = open_tools("replay", environ=secrets)
    with trial(sessions):
        assert "a" == find_order("a", region=secrets["SHOP_TOKEN"]).id
    assert 1 == len(CALLED)
    with trial(sessions) as ended, pytest.raises(ToolRefused):
        find_order("a", region="zq8Jx0vK31mN7pQ3")
    assert "not_measured" == ended[0].status


def test_modes_by_name(open_tools: OpenTools) -> None:
    """`live` calls the tool in a replay, `refuse` never does, ignored arguments do not count."""
    refuse, live = {"mode": "refuse"}, {"mode": "live"}
    sessions, _ = open_tools("replay", find_order=live, refund=refuse)
    with trial(sessions) as ended:
        assert Order("a", 11.0) == find_order("a")
        with pytest.raises(ToolRefused, match="may not run here: gateway"):
            asyncio.run(refund_order("a", None))
    assert {"live": ("find_order",), "refused": ("refund",)} == ended[0].tools
    assert ended[0].status is None
    assert 1 == len(ended[0].problems)
    sessions, _ = open_tools("record", find_order={"ignore": ["/region"]})
    with trial(sessions):
        find_order("a", region="eu")
    sessions, _ = open_tools("replay", find_order={"ignore": ["/region"]})
    with trial(sessions):
        assert "a" == find_order("a", region="us").id


def test_tools_with_effects_are_not_recorded_in_ci(open_tools: OpenTools) -> None:
    """What the tool says of itself is enough."""
    sessions, _ = open_tools("record", guarded=True)
    with trial(sessions) as ended:
        find_order("a")
        with pytest.raises(ToolRefused, match="it has effects"):
            asyncio.run(refund_order("a", None))
    assert ["a/eu"] == CALLED
    assert {"live": ("find_order",), "refused": ("refund",)} == ended[0].tools


def test_a_mock_answers_and_keeps_a_state(open_tools: OpenTools) -> None:
    """Answers read and change the state of their trial; it is the trace's final state."""
    answers = [
        {
            "when": {"order_id": "A1"},
            "state": {"/orders/A1/status": "paid"},
            "template": "refunded {order_id}: {/orders/A1/total}",
            "set": {"/orders/A1/status": "refunded", "/last": "{order_id}"},
        },
        {
            "when": {"order_id": "A1"},
            "state": {"/orders/A1/status": "refunded"},
            "error": "{order_id} was refunded before",
        },
    ]
    sessions, _ = open_tools("replay", refund={"answers": answers})
    state = {"orders": {"A1": {"status": "paid", "total": 7}}}
    with trial(sessions, state=state) as ended:
        assert "refunded A1: 7" == asyncio.run(refund_order("A1", None))
        with pytest.raises(RuntimeError, match="A1 was refunded before"):
            asyncio.run(refund_order("A1", None))
        with pytest.raises(ToolRefused, match="no declared answer fits the call"):
            asyncio.run(refund_order("B2", None))
    wanted = {"orders": {"A1": {"status": "refunded", "total": 7}}, "last": "A1"}
    assert wanted == ended[0].final_state
    assert "paid" == state["orders"]["A1"]["status"]
    assert [] == CALLED
    assert "B2" in ended[0].problems[0]


def test_what_is_no_json_is_said(open_tools: OpenTools) -> None:
    """A result that cannot be given back is not recorded, and the run goes on."""

    @evalgate.tool
    def connect() -> object:
        return object()

    sessions, _ = open_tools("record")
    with trial(sessions) as ended:
        assert connect() is not None
        with pytest.raises(TypeError, match=r"ignore=\(\.\.\.\)"):
            find_order(object())
    assert "tool 'connect': its result was not recorded: object" in ended[0].problems[0]


def test_a_thread_that_does_not_know_its_trial_calls_nothing(open_tools: OpenTools) -> None:
    """Silence would be a live call in a replay; `context.tool` carries the trial along."""
    sessions, _ = open_tools("record")
    with trial(sessions) as ended, ThreadPoolExecutor(1) as pool:
        with pytest.raises(ToolRefused, match="does not know its trial"):
            pool.submit(find_order, "a").result()
        assert [] == CALLED
        assert "b" == pool.submit(Context().tool(find_order), "b").result().id
    assert {"live": ("find_order",)} == ended[0].tools


def test_two_hundred_sessions_keep_to_themselves(open_tools: OpenTools) -> None:
    """Each trial has its own occurrence, state and answers."""
    policy = {
        "otherwise": {"template": "{order_id} {/n}", "set": {"/last": "{order_id}"}},
    }
    sessions, _ = open_tools("replay", refund=policy)

    async def one(number: int) -> None:
        session: Session = sessions.open("c", number, state={"n": number})
        with serving(SessionPort(sessions, session.token)):
            for turn in range(3):
                await asyncio.sleep(0)
                assert f"o{turn} {number}" == await refund_order(f"o{turn}", None)
        assert {"n": number, "last": "o2"} == sessions.close(session).final_state

    async def all_of_them() -> None:
        await asyncio.gather(*(one(number) for number in range(200)))

    asyncio.run(all_of_them())


@evalgate.tool
def find_all(*order_ids: str) -> list[str]:
    """Look orders up by the tool for one."""
    return [find_order(name).id for name in order_ids]


def test_what_a_replayed_tool_would_have_called_is_not_missed(open_tools: OpenTools) -> None:
    """Its recorded answer holds for what its function did; run live it must do the same again."""
    sessions, _ = open_tools("record")
    with trial(sessions):
        assert ["a", "b"] == find_all("a", "b")
        find_order("c")
    sessions, _ = open_tools("replay")
    with trial(sessions) as ended:
        assert ["a", "b"] == find_all("a", "b")
    assert "1 recorded tool call was not made: find_order" in (ended[0].unmade or "")
    assert "'c'" in (ended[0].unmade or "")
    sessions, _ = open_tools("replay", find_all={"mode": "live"})
    with trial(sessions) as ended:
        find_order("c")
    assert "2 recorded tool calls" in (ended[0].unmade or "")


@evalgate.tool
def ask_again(order_id: str) -> str:
    """Ask the agent itself, which asks this tool."""
    return ask_again(order_id)


def test_a_tool_that_calls_itself_without_end_is_an_error_of_the_agent(
    open_tools: OpenTools,
) -> None:
    """The run goes on, and the next trial is whole."""
    sessions, _ = open_tools("record")
    with trial(sessions) as ended, pytest.raises(RecursionError):
        ask_again("a")
    with trial(sessions, "d") as after:
        assert "b" == find_order("b").id
    assert ended[0].steps
    assert (None, ()) == (after[0].status, after[0].problems)


def test_old_cassettes_are_read_as_before(open_tools: OpenTools, tmp_path: Path) -> None:
    """Lines of tools stand behind those of models and end at the trial's line."""
    sessions, _ = open_tools("record")
    with trial(sessions):
        find_order("a")
    lines = next((tmp_path / "cassettes").glob("*.jsonl")).read_text().splitlines()
    assert ["tool", "trial"] == [json.loads(line)["kind"] for line in lines[1:]]
