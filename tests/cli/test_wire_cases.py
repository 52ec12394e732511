"""Replies of real providers that came out wrong, from the wire to the verdict.

The files lie beside the project (`shared/cases/wire`): each holds the requests of an agent and
what an upstream answers. They are served on loopback, recorded with `run --record` and replayed
with `run`, both through the command line.
"""

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Cli

CASES = Path(__file__).parents[3] / "shared" / "cases" / "wire"

AGENT = """\
import json
import urllib.error
import urllib.request

CALLS = json.loads(%r)


def answer(case, context):
    root = context.base_url.removesuffix("/v1")
    said = []
    for call in CALLS:
        request = urllib.request.Request(root + call["path"], json.dumps(call["body"]).encode())
        request.add_header("content-type", "application/json")
        request.add_header("authorization", "Bearer mine")
        if call["path"].endswith("/messages"):
            request.add_header("anthropic-version", "2023-06-01")
        try:
            with urllib.request.urlopen(request) as response:
                response.read()
                said.append(str(response.status))
        except urllib.error.HTTPError as error:
            said.append(str(error.code))
    return {"output": " ".join(said)}
"""


@dataclass(frozen=True)
class Right:
    """What must come of a case, recorded and replayed."""

    codes: tuple[int, int] = (0, 0)
    cost: float | None = None
    """USD; compared where `costs` is set, None: unknown."""
    costs: bool = False
    calls: tuple[tuple[str, str, Any], ...] | None = ()
    """Tool, who ran it, arguments; None: not looked at."""
    attempts: tuple[int, ...] = (1,)
    """HTTP requests of each call in the recording run."""
    seconds: float = 0.0
    """How long the recording waits at least."""
    paths: tuple[str, ...] | None = None
    """What the upstream was asked for."""


def _cost(usd: float | None, **more: Any) -> Right:  # noqa: ANN401  # fields of `Right`
    return Right(cost=usd, costs=True, **more)


def _agent_ran(name: str, arguments: object) -> tuple[str, str, object]:
    return (name, "agent", arguments)


_RED = (1, 1)
_REFUND = _agent_ran("refund", {"id": "7"})
_DEEP = '{"amount": ' + "[" * 400

# Each figure and its source: shared/cases/README.md.
RIGHT = {
    "a01_grok_reasoning": _cost(0.03315),
    "a02_gemini_thoughts": _cost(None),
    "a03_anthropic_1h": _cost(0.60045),
    "a05_flex": _cost(None),
    "a05b_priority": _cost(None),
    "a09_stream_function_call": Right(calls=(_agent_ran("get_order", {"order_id": "1"}),)),
    "a10_gemini_index0": Right(
        calls=tuple(_agent_ran("get_weather", {"city": city}) for city in ("Paris", "Rome"))
    ),
    "a11_no_index": Right(
        calls=(
            _agent_ran("get_weather", {"city": "Paris"}),
            _agent_ran("get_time", {"city": "Rome"}),
        )
    ),
    "a12_moonshot_cached": _cost(0.195),
    "a12b_deepseek_cached": _cost(0.0532),
    "a14_web_search": _cost(0.0345, calls=(("web_search", "provider", {"query": "x"}),)),
    "b01a_args_nan": Right(calls=(_agent_ran("refund", '{"amount": NaN}'),)),
    "b01b_args_inf": Right(calls=(_agent_ran("refund", '{"amount": -Infinity}'),)),
    "b01e_args_deep": Right(calls=(_agent_ran("refund", re.compile(re.escape(_DEEP) + ".*")),)),
    "b01k_args_hugefloat": Right(calls=(_agent_ran("refund", '{"amount": 1e999}'),)),
    "b03c_content_nan": Right(),
    "b09_resp_stream_empty_output": Right(calls=(_agent_ran("refund", {"amount": 1}),)),
    "b10_resp_mcp": Right(calls=(("lookup_order", "provider", {"id": "7"}),)),
    "b22_gemini_base": Right(paths=("/v1beta/openai/chat/completions",)),
    "b24_stream_empty_finish": Right(),
    "g01a_retry_date": Right(attempts=(2,), seconds=19.0),
    "g02_or_200err": Right(attempts=(2,)),
    "g02b_single_200err": Right((0, 3)),
    "g03b_single_sse_error": Right((0, 3)),
    "h01_green_mcp_responses": Right(_RED, calls=(("refund_order", "provider", {"id": "7"}),)),
    "h03_green_stream_legacy": Right(_RED, calls=(_REFUND,)),
    "h04_green_responses_empty": Right(_RED, calls=(_agent_ran("refund", {"amount": 1}),)),
    "m02b_no_finish_green": Right(_RED, calls=(_REFUND,)),
    "m03_compaction": _cost(0.0174),
    "q01_base": _cost(0.01815),
    "q01_cand": _cost(0.30315),
    "r06_env_replay": Right(calls=(_agent_ran("get", {"kind": "customer"}),)),
}


@dataclass
class Upstream:
    """A provider that answers what it is told, in turn."""

    replies: list[dict[str, Any]]
    paths: list[str] = field(default_factory=list)
    origin: str = ""

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body of the next reply."""
        reply = self.replies.pop(0) if self.replies else {"status": 500, "json": {}}
        headers = {name: _dated(value) for name, value in reply.get("headers", {}).items()}
        if "sse" in reply:
            kind = {"content-type": "text/event-stream"}
            return 200, {**kind, **headers}, "".join(_events(reply)).encode()
        body = reply["text"] if "text" in reply else json.dumps(reply["json"])
        kind = {"content-type": "application/json"}
        return reply.get("status", 200), {**kind, **headers}, body.encode()


def _events(reply: dict[str, Any]) -> Iterator[str]:
    for event in reply["sse"]:
        name = f"event: {event['type']}\n" if reply.get("named") else ""
        yield f"{name}data: {event if isinstance(event, str) else json.dumps(event)}\n\n"


def _dated(value: str) -> str:
    later = re.fullmatch(r"\{date\+(\d+)\}", value)
    if later is None:
        return value
    return formatdate(time.time() + int(later[1]), usegmt=True)


@contextmanager
def serving(replies: list[dict[str, Any]]) -> Iterator[Upstream]:
    """Serve replies on loopback."""
    upstream = Upstream(list(replies))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            upstream.paths.append(self.path)
            status, headers, body = upstream.answer()
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        upstream.origin = f"http://127.0.0.1:{server.server_address[1]}"
        yield upstream
        server.shutdown()


def write_suite(folder: Path, case: dict[str, Any], origin: str) -> None:
    """Write the agent, the golden set and the suite of a case."""
    (folder / "case_agent.py").write_text(AGENT % json.dumps(case["calls"]), encoding="utf-8")
    expected = case.get("expected", {"output": {"contains": ["200"]}})
    row = {"id": "one", "input": "hi", "expected": expected}
    (folder / "golden.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    urls = {"openai": origin + case.get("prefix", "/v1"), "anthropic": origin}
    suite = {
        "golden": "golden.jsonl",
        "agent": {"run": "python:case_agent:answer", "isolation": "process", "workers": 1},
        "noise": "none",
        "gateway": {"upstream": urls},
        "gate": case.get("gate", {"metrics": {"error_rate": {"max": 0.9}}}),
        **case.get("suite", {}),
    }
    text = json.dumps({"version": 1, "suites": {"s": suite}})
    (folder / "evalgate.yaml").write_text(text, encoding="utf-8")


def traces(folder: Path) -> list[dict[str, Any]]:
    """Read the traces of each run, oldest first."""
    files = sorted((folder / ".evalgate" / "runs").glob("*/traces.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def _calls(trace: dict[str, Any]) -> list[tuple[str, str, Any]]:
    return [
        (step["name"], step.get("executor", "agent"), step["arguments"])
        for step in trace["steps"]
        if step["kind"] == "tool_call"
    ]


def _same(expected: tuple[tuple[str, str, Any], ...], found: list[tuple[str, str, Any]]) -> bool:
    return len(expected) == len(found) and all(
        one[:2] == other[:2]
        and (
            one[2].fullmatch(other[2]) is not None
            if isinstance(one[2], re.Pattern)
            else one[2] == other[2]
        )
        for one, other in zip(expected, found, strict=True)
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(RIGHT))
def test_a_reply_has_its_right_value(
    name: str, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit codes, cost, tool calls and attempts, when recorded and when replayed."""
    if not CASES.exists():
        pytest.skip("the folder shared/cases does not lie beside the project")
    case, right = json.loads((CASES / f"{name}.json").read_text()), RIGHT[name]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PARTITION_KEY", "customer")
    with serving(case["replies"]) as upstream:
        write_suite(tmp_path, case, upstream.origin)
        begun = time.monotonic()
        recorded = cli("run", "--record", "--format", "json")
        took = time.monotonic() - begun
        asked = list(upstream.paths)
    monkeypatch.delenv("PARTITION_KEY")
    replayed = cli("run", "--format", "json")

    assert right.codes == (recorded.code, replayed.code), recorded.out + recorded.err
    assert took >= right.seconds
    assert right.paths is None or right.paths == tuple(asked)
    live, again = traces(tmp_path)
    steps = [step for step in live["steps"] if step["kind"] == "llm_call"]
    assert right.attempts == tuple(len(step["attempts"]) for step in steps)
    assert right.calls is None or _same(right.calls, _calls(live)), _calls(live)
    if right.codes[1] == 3:
        assert "not_measured" == again["status"]
        return
    assert _calls(live) == _calls(again)
    if right.costs:
        assert [right.cost] * 2 == [_metric(run.json) for run in (recorded, replayed)]


def _metric(report: Any) -> float | None:  # noqa: ANN401  # a JSON document
    value = report["metrics"].get("cost_per_interaction", {}).get("value")
    return None if value is None else round(value, 9)


def test_every_case_has_a_right_value() -> None:
    """A file that is added needs its value here."""
    if not CASES.exists():
        pytest.skip("the folder shared/cases does not lie beside the project")
    assert {path.stem for path in CASES.glob("*.json")} == RIGHT.keys()


@pytest.mark.slow
def test_thinking_costs(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """20,000 reasoning tokens beside the completion, against 1,000, are a regression."""
    if not CASES.exists():
        pytest.skip("the folder shared/cases does not lie beside the project")
    monkeypatch.chdir(tmp_path)
    codes = []
    for name, command in (("q01_base", ("--record",)), ("q01_cand", ("--record", "--baseline"))):
        case = json.loads((CASES / f"{name}.json").read_text())
        with serving(case["replies"]) as upstream:
            write_suite(tmp_path, case, upstream.origin)
            codes.append(cli("run", *command).code)
        if name == "q01_base":
            codes.append(cli("baseline", "update", "--force", "--reason", "first").code)
    assert [0, 0, 1] == codes
