"""Bytes that a model or an agent can send: each ends in a judged trial, and none stops the others.

One suite holds them all, so that a reply that takes the run down takes every case with it.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Cli

_DEEP = "[" * 400 + "]" * 400
_DEEPER = "[" * 20_000 + "]" * 20_000


def _call(arguments: str, name: str = "refund") -> str:
    """Write a tool call whose arguments are JSON as they are given."""
    function = f'{{"name": "{name}", "arguments": {arguments}}}'
    call = f'{{"id": "c1", "type": "function", "function": {function}}}'
    message = f'{{"role": "assistant", "content": null, "tool_calls": [{call}]}}'
    choice = f'{{"index": 0, "message": {message}, "finish_reason": "tool_calls"}}'
    return f'{{"model": "m", "choices": [{choice}]}}'


def _said(content: str, more: str = "") -> str:
    message = f'{{"role": "assistant", "content": {content}}}'
    choice = f'{{"index": 0, "message": {message}, "finish_reason": "stop"{more}}}'
    return f'{{"model": "m", "choices": [{choice}]}}'


REPLIES: dict[str, bytes] = {
    name: text.encode() if isinstance(text, str) else text
    for name, text in {
        "nan-in-arguments": _call('"{\\"a\\": NaN}"'),
        "nan-in-an-object": _call('{"a": NaN}'),
        "huge-in-an-object": _call('{"a": 1e999}'),
        "digits": _call('{"a": ' + "9" * 5000 + "}"),
        "deep-in-an-object": _call('{"a": ' + _DEEP + "}"),
        "surrogate-in-arguments": _call('"{\\"a\\": \\"\\\\ud800\\"}"'),
        "surrogate-in-an-object": _call('{"a": "\\ud800"}'),
        "surrogate-in-a-key": _call('{"\\udc00": 1}'),
        "surrogate-in-the-name": _call('"{}"', name="re\\ud800fund"),
        "surrogate-in-the-text": _said('"a\\ud800b"'),
        "zero-byte": _said('"a\\u0000b"'),
        "infinite-logprobs": _said('"x"', ', "logprobs": {"content": [{"logprob": -Infinity}]}'),
        "nan-usage": _said('"x"').replace('"m",', '"m", "usage": {"prompt_tokens": NaN},'),
        "deep-content": _said(_DEEP),
        "deeper-content": _said(_DEEPER),
        "no-utf-8": b'{"model": "m", "choices": [{"message": {"content": "\xff\xfe"}}]}',
        "no-json": b"<html>busy</html>",
        "a-list": b"[1, 2]",
        "a-number": b"NaN",
        "nothing": b"",
    }.items()
}

AGENT = """
import json
import urllib.error
import urllib.request


def _ask(context, messages):
    body = json.dumps({"model": "m", "messages": messages}).encode()
    request = urllib.request.Request(context.base_url + "/chat/completions", body)
    request.add_header("content-type", "application/json")
    with urllib.request.urlopen(request) as response:
        return response.read()


def answer(case, context):
    messages = [{"role": "user", "content": case.id}]
    try:
        messages.append(json.loads(_ask(context, messages))["choices"][0]["message"])
        for call in messages[-1].get("tool_calls") or ():
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": "ok"})
        _ask(context, messages)
    except (ValueError, KeyError, IndexError, TypeError, RecursionError, OSError):
        pass
    return {"output": "answered"}
"""


@contextmanager
def _upstream() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked: Any = json.loads(self.rfile.read(int(self.headers["content-length"])))
            first = len(asked["messages"]) == 1
            body = REPLIES[asked["messages"][0]["content"]] if first else _said('"done"').encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        server.shutdown()


def _traces(folder: Path) -> list[dict[str, dict[str, Any]]]:
    """Read the traces of each run, oldest first, by case."""
    files = sorted((folder / ".evalgate" / "runs").glob("*/traces.jsonl"))
    return [
        {trace["case_id"]: trace for trace in map(json.loads, file.read_text().splitlines())}
        for file in files
    ]


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a suite with a case for each reply, and work in it."""
    (tmp_path / "hostile_agent.py").write_text(AGENT, encoding="utf-8")
    expected = {"output": {"contains": ["answered"]}}
    rows = [json.dumps({"id": name, "input": "x", "expected": expected}) for name in REPLIES]
    (tmp_path / "golden.jsonl").write_text("\n".join(rows), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _configure(folder: Path, url: str) -> None:
    agent = {"run": "python:hostile_agent:answer", "isolation": "process", "workers": 2}
    gateway = {"upstream": {"openai": url}}
    suite = {"golden": "golden.jsonl", "agent": agent, "noise": "none", "gateway": gateway}
    text = json.dumps({"version": 1, "suites": {"s": suite}})
    (folder / "evalgate.yaml").write_text(text, encoding="utf-8")


def test_any_bytes_of_a_model_end_in_a_judged_trial(suite: Path, cli: Cli) -> None:
    """Recording and replay judge every case; the recordings load, and replay what was sent."""
    with _upstream() as url:
        _configure(suite, url)
        recorded = cli("run", "--record")
    replayed = cli("run")

    assert {0, 3} >= {recorded.code, replayed.code}, recorded.err + replayed.err
    live, again = _traces(suite)
    assert REPLIES.keys() == live.keys() == again.keys()
    assert {"finished"} == {trace["status"] for trace in live.values()}
    lost = {name for name, trace in again.items() if trace["status"] != "finished"}
    assert {
        "no-json",
        "no-utf-8",
        "nothing",
        "deeper-content",
    } >= lost  # outages, which are not recorded
    for name in REPLIES.keys() - lost:
        assert _calls(live[name]) == _calls(again[name]), name
    named = {name for name in REPLIES if any(t == "tool_call" for t, _, _ in _calls(live[name]))}
    assert 9 == len(named), named


def _calls(trace: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    return [
        (step["kind"], step.get("name"), step.get("arguments"))
        for step in trace["steps"]
        if step["kind"] in {"tool_call", "unread"}
    ]


RAISED = {
    "group": 'raise ExceptionGroup("many", [ValueError("inner one"), KeyError("inner two")])',
    "base-group": 'raise BaseExceptionGroup("many", [ValueError("inner one"), SystemExit(0)])',
    "base": 'raise BaseException("inner one")',
    "surrogate": 'raise ValueError("inner one \\ud800")',
    "no-message": "raise Speechless",
    "nan": 'return {"output": float("nan")}',
    "half": 'return {"output": "\\ud800"}',
    "deep": "return nested(400)",
}

CRASHING = """
class Speechless(Exception):
    def __str__(self):
        raise RuntimeError("no message")


def nested(levels):
    value = []
    for _ in range(levels):
        value = [value]
    return value


async def answer(case, context):
"""


@pytest.mark.parametrize("isolation", ["process", "none"])
def test_whatever_an_agent_raises_is_its_failure(
    isolation: str, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every case is judged; the causes inside a group of exceptions are what the report shows."""
    code = CRASHING + "".join(f"    if case.id == {n!r}:\n        {c}\n" for n, c in RAISED.items())
    module = f"crashing_{isolation}"
    (tmp_path / f"{module}.py").write_text(code + '    return "fine"\n', encoding="utf-8")
    names = [*RAISED, "good"]
    expected = {"output": {"contains": ["fine"]}}
    rows = [json.dumps({"id": name, "input": "x", "expected": expected}) for name in names]
    (tmp_path / "golden.jsonl").write_text("\n".join(rows), encoding="utf-8")
    agent = {"run": f"python:{module}:answer", "isolation": isolation}
    suite = {"golden": "golden.jsonl", "agent": agent, "noise": "none"}
    suite["gate"] = {"metrics": {"task_success_rate": {"min": 0.9}}}
    (tmp_path / "evalgate.yaml").write_text(json.dumps({"version": 1, "suites": {"s": suite}}))
    monkeypatch.chdir(tmp_path)

    assert 1 == cli("run").code
    (traces,) = _traces(tmp_path)
    assert {*names} == traces.keys()
    assert {"good"} == {name for name in names if traces[name]["status"] == "finished"}
    shown = {name for name in names if "inner one" in (traces[name].get("error", ""))}
    assert {"group", "base-group", "base", "surrogate"} == shown
    assert "inner two" in traces["group"]["error"]
