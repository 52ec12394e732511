"""Tools of a suite: what the configuration may say, and a run with all of them down."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.types import Receive, Scope, Send

from evalgate.errors import ConfigError
from evalgate.gateway.server import serve_in_thread
from evalgate.run.run import RunOptions, run_suites
from evalgate.schema.config import GatewayConfig, SuiteConfig
from evalgate.schema.result import ReportSet
from evalgate.suite.environment import Environment
from evalgate.suite.events import silent
from evalgate.suite.plan import Calls
from evalgate.suite.suite import Suite
from evalgate.suite.tools import check_tools, http_services

AGENT = '''
import os, urllib.request, json
import evalgate

@evalgate.tool
def price(item: str, *, currency: str = "EUR") -> float:
    """Look a price up."""
    with open(os.environ["PRICES"]) as file:
        return json.load(file)[item]

def answer(case, context):
    with urllib.request.urlopen(os.environ["SHOP_BASE_URL"] + "/stock/" + case.text) as response:
        left = json.load(response)["left"]
    assert context.urls["shop"] == os.environ["SHOP_BASE_URL"]
    said = f"{left} left at {price(case.text)}"
    body = {"model": "m", "messages": [{"role": "user", "content": said}]}
    url, kind = os.environ["OPENAI_BASE_URL"], {"content-type": "application/json"}
    asked = urllib.request.Request(url + "/chat/completions", json.dumps(body).encode(), kind)
    with urllib.request.urlopen(asked) as response:
        return json.load(response)["choices"][0]["message"]["content"]
'''


def suite_in(folder: Path, shop: str, **more: object) -> Suite:
    """Write a project whose agent calls a service, a Python tool and a model."""
    (folder / "shop_agent.py").write_text(AGENT)
    (folder / "prices.json").write_text('{"pen": 2.5}')
    case = {"id": "pen", "input": "pen", "expected": {"output": {"equals": "3 left at 2.5"}}}
    (folder / "golden.jsonl").write_text(json.dumps(case) + "\n")
    config = {
        "golden": "golden.jsonl",
        "agent": {
            "run": "python:shop_agent:answer",
            "env": {"PRICES": str(folder / "prices.json")},
        },
        "gateway": {"http": {"shop": shop}, "tools": more, "upstream": {"openai": f"{shop}/v1"}},
        "gate": {"metrics": {"task_success_rate": {"min": 1.0}}},
    }
    return Suite("shop", SuiteConfig.model_validate(config), folder, folder / "runs")


def run(suite: Suite, calls: Calls) -> ReportSet:
    """Run it as the command does."""
    environment = Environment({"PATH": "/usr/bin:/bin", "HOME": str(suite.root)})
    return run_suites([suite], RunOptions(calls=calls), environment, silent).reports


@pytest.fixture
def shop() -> Iterator[str]:
    """Run the shop."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        answer: dict[str, object] = {"left": 3 if scope["path"].endswith("/pen") else 0}
        if scope["path"] == "/v1/chat/completions":
            asked = json.loads((await receive())["body"])
            message = {"role": "assistant", "content": asked["messages"][-1]["content"]}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            answer = {"id": "1", "object": "chat.completion", "model": "m", "choices": [choice]}
        head = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    with serve_in_thread(app) as origin:
        yield origin


def test_a_run_with_all_tools_down_is_the_same_twice(tmp_path: Path, shop: str) -> None:
    """Recorded once; then neither service nor file is there, and verdict and bytes are the same."""
    recorded = run(suite_in(tmp_path, shop), "record")
    assert "pass" == recorded.verdict
    suite = suite_in(tmp_path, "http://127.0.0.1:9")
    (tmp_path / "prices.json").unlink()
    first, second = (run(suite, "replay") for _ in range(2))
    assert "pass" == first.verdict
    assert first == second
    grounds = first.suites[0].rests_on
    assert grounds is not None
    assert ("live", "replayed") == (grounds.code, grounds.model)
    assert {"replayed": ("price", "shop")} == grounds.tools
    assert ("code", "model", "tools") == grounds.metrics["task_success_rate"]
    assert ("recording",) == grounds.metrics["completion_time_p50"]
    assert {*first.suites[0].metrics} == {*grounds.metrics}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"/stock/" + case.text', '"/stock/" + case.text.upper()', "/stock/PEN"),
        ("{price(case.text)}", "{price(case.text, currency='USD')}", "USD"),
        ("{price(case.text)}", "2.5", "was not made: price"),
    ],
)
def test_a_changed_call_is_inconclusive_until_it_is_recorded(
    tmp_path: Path, shop: str, old: str, new: str, said: str
) -> None:
    """A changed argument of either way in, and a dropped call: exit 3 with the diff."""
    suite = suite_in(tmp_path, shop)
    run(suite, "record")
    agent = tmp_path / "shop_agent.py"
    agent.write_text(AGENT.replace(old, new))
    changed = run(suite, "replay")
    assert 3 == changed.exit_code
    assert said in (changed.suites[0].cases[0].trials[0].error or "")
    assert run(suite, "record").exit_code == (1 if "PEN" in said else 0), "recorded"


def test_a_mock_that_matches_twice_is_refused(tmp_path: Path) -> None:
    """The two answers are named; a difference in what they look at keeps them apart."""
    one: dict[str, object] = {"when": {"item": "pen"}, "result": 1}
    other: dict[str, object] = {"when": {"currency": "EUR"}, "result": 2}
    with pytest.raises(ConfigError, match="price: answers 1 and 2 fit the same call"):
        check_tools(suite_in(tmp_path, "http://s", price={"answers": [one, other]}))
    apart = {"when": {"item": "ink"}, "result": 2}
    check_tools(suite_in(tmp_path, "http://s", price={"answers": [one, apart]}))


def test_two_services_of_one_variable_are_refused(tmp_path: Path) -> None:
    """And so is one that would take the place of a model's."""
    suite = suite_in(tmp_path, "http://s")
    for names in ({"a-b": "http://s", "a_b": "http://t"}, {"openai": "http://s"}):
        gateway = GatewayConfig.model_validate({"http": names})
        config = suite.config.model_copy(update={"gateway": gateway})
        with pytest.raises(ConfigError, match="has the name of"):
            check_tools(replace(suite, config=config))


def test_credentials_come_from_the_caller(tmp_path: Path) -> None:
    """They are needed where something is live only."""
    tool = {"url": "http://s", "headers": {"authorization": "Bearer $SHOP"}}
    config = GatewayConfig.model_validate({"http": {"shop": tool}})
    assert {} == http_services(config, {}, live=False)["shop"].headers
    found = http_services(config, {"SHOP": "k"}, live=True)["shop"].headers
    assert {"authorization": "Bearer k"} == found
    with pytest.raises(ConfigError, match=r"gateway.http.shop.headers.authorization.*'SHOP'"):
        http_services(config, {}, live=True)
