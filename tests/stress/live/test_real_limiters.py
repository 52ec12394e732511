"""The simulator against limiters that others wrote: nginx, and a LiteLLM proxy, over HTTP.

80 sessions of 3 calls at once at 60 a minute, by the real openai client with its 2 retries.
"""

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx2
import openai
import pytest

from evalgate.quota.profiles import PROFILES, with_profile
from evalgate.quota.quota import Quota, Request
from evalgate.stress.load.workload import Call, Group, SessionPlan, Stage, Workload
from evalgate.stress.simulation.retry import layers
from evalgate.stress.simulation.simulate import Scenario, simulate

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SESSIONS, CALLS = 80, 3
KEY = "sk-evalgate-loopback-only"
LITELLM = os.environ.get("EVALGATE_LITELLM") or shutil.which("litellm") or ""
"""The command; it may live in an environment of its own."""

NGINX = """\
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  limit_req_zone $server_port zone=all:1m rate=60r/m;
  server {{ listen 127.0.0.1:{behind}; default_type application/json; return 200 '{answer}'; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      limit_req zone=all burst=59 nodelay; limit_req_status 429;
      proxy_pass http://127.0.0.1:{behind};
    }}
  }}
}}
"""
ANSWER = (
    '{"id":"x","object":"chat.completion","created":0,"model":"m","choices":[{"index":0,'
    '"finish_reason":"stop","message":{"role":"assistant","content":"hello"}}],'
    '"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}'
)
ROUTER = """\
model_list:
  - model_name: m
    litellm_params: {model: openai/gpt-4o-mini, api_key: none, mock_response: hello, rpm: 60}
router_settings:
  {routing_strategy: usage-based-routing-v2, num_retries: 0, disable_cooldowns: true}
litellm_settings: {num_retries: 0}
"""


class Seen(NamedTuple):
    """What came of all sessions."""

    calls: int
    failed: int
    admitted: int
    throttled: int


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def served(command: list[str], port: int, path: str, **variables: str) -> Iterator[str]:
    """Run a server until the end of the block."""
    environ = {**os.environ, **variables}
    with subprocess.Popen(
        command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            _wait(server, f"http://127.0.0.1:{port}{path}")
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()


def _wait(server: subprocess.Popen[bytes], url: str) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        assert server.poll() is None, f"{server.args!r} ended"
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2):  # noqa: S310  loopback
            return
        time.sleep(0.2)
    raise AssertionError(f"{url} did not answer")


async def played(url: str) -> Seen:
    """Let real clients make the calls, and count what the server said."""
    statuses: Counter[int] = Counter()
    calls = failed = 0

    async def note(response: httpx2.Response) -> None:
        statuses[response.status_code] += 1

    async with httpx2.AsyncClient(
        event_hooks={"response": [note]}, limits=httpx2.Limits(max_connections=200), timeout=60
    ) as http:
        client = openai.AsyncOpenAI(base_url=url, api_key=KEY, max_retries=2, http_client=http)

        async def session() -> None:
            nonlocal calls, failed
            for _ in range(CALLS):
                calls += 1
                try:
                    await client.chat.completions.create(
                        model="m", messages=[{"role": "user", "content": "hello"}]
                    )
                except openai.RateLimitError:
                    failed += 1
                    return

        await asyncio.gather(*(session() for _ in range(SESSIONS)))
    return Seen(calls, failed, statuses[200], statuses[429])


def predicted(quota: Quota) -> Seen:
    """Play the same in the simulator."""
    plan = SessionPlan(tuple(Stage((Call(Request()),)) for _ in range(CALLS)))
    workload = Workload((Group("a", (plan,), SESSIONS),))
    total = simulate(Scenario(workload, quota, layers("openai"))).total
    return Seen(total.calls, total.failed, total.succeeded, total.throttled)


def assert_near(expected: Seen, seen: Seen) -> None:
    """Within 5 % in every count."""
    assert list(expected) == pytest.approx(list(seen), rel=0.05), f"{expected} and {seen}"


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
def test_limit_req_of_nginx_is_a_bucket(tmp_path: Path) -> None:
    """`burst=59` holds 60 requests; nothing tells a client how long to wait."""
    port, behind = free_port(), free_port()
    file = tmp_path / "nginx.conf"
    file.write_text(NGINX.format(folder=tmp_path, port=port, behind=behind, answer=ANSWER))
    command = ["nginx", "-p", str(tmp_path), "-c", str(file)]
    with served(command, behind, "/") as _:
        seen = asyncio.run(played(f"http://127.0.0.1:{port}/v1"))
    expected = predicted(with_profile("custom", {"rpm": 60}))
    assert 240 > seen.calls
    assert_near(expected, seen)


@pytest.mark.skipif(not Path(LITELLM).is_file(), reason="litellm[proxy] is not installed")
def test_a_litellm_proxy_is_a_fixed_window_without_a_hint(tmp_path: Path) -> None:
    """Its window is the wall clock's minute; with hints as others send them nearly all would live.

    The router admits 59 of 60, as it refuses when its count *reaches* the limit.
    """
    port = free_port()
    file = tmp_path / "config.yaml"
    file.write_text(ROUTER)
    command = [LITELLM, "--config", str(file), "--host", "127.0.0.1", "--port", str(port)]
    path = "/health/liveliness"
    with served([*command, "--telemetry", "False"], port, path, LITELLM_MASTER_KEY=KEY) as url:
        into = time.time() % 60
        time.sleep(60.5 - into if into > 40 else 0)
        seen = asyncio.run(played(url))
    assert_near(predicted(with_profile("litellm", {"rpm": 60})), seen)
    hinted = predicted(with_profile("litellm", {"rpm": 60, "hint": "seconds"}))
    assert hinted.failed < seen.failed / 4
    assert "none" == PROFILES["litellm"].hint
