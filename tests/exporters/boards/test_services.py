"""Boards and rules in a real Prometheus, Alertmanager and pushgateway (Debian)."""

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from support.receivers import receivers

from evalgate.commands.operations.export import Outside
from evalgate.commands.operations.figures import push
from evalgate.exporters.boards.grafana import dashboards, expressions
from evalgate.exporters.boards.rules import rule_groups, sli
from evalgate.exporters.openmetrics import Counted, counters, counters_text
from evalgate.schema.objectives import Objective

pytestmark = [pytest.mark.slow, pytest.mark.services]

OBJECTIVES = tuple(
    Objective(name=f"o-{metric}", metric=metric, objective="95%")
    for metric in ("task_success_rate", "escalation_rate", "tool_failure_rate")
)


def rows(many: int) -> list[Counted]:
    """Make interactions of which every second one fails: ten times the budget of 5 %."""
    return [
        Counted("support", "m1", "production", float(n % 2), 0.0, float(n % 2), 0.0, 0.9, 0.02,
                100, 20, {"pay": (2, n % 2), 'odd"\\\nname': (1, 0)})
        for n in range(many)
    ]  # fmt: skip


def program(name: str) -> str:
    """Find a program, or skip."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed: apt-get install {name}")
    return found


def port() -> int:
    """Return a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def running(*command: str, ready: str) -> Iterator[None]:
    """Run a server for as long as the block lasts."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait(lambda: httpx2.get(ready).status_code == 200)
        yield
    finally:
        process.terminate()
        process.wait(20)


def wait(what: Callable[[], Any], seconds: float = 90.0) -> Any:  # noqa: ANN401
    """Wait until something holds, and return it."""
    ends = time.monotonic() + seconds
    while True:
        try:
            if found := what():
                return found
        except httpx2.HTTPError:
            pass
        assert time.monotonic() < ends, "waited in vain"
        time.sleep(0.5)


@contextmanager
def exported() -> Iterator[str]:
    """Serve counters that grow at each scrape."""
    seen = [40]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen[0] += 20
            body = counters_text(counters(rows(seen[0]))).encode()
            self.send_response(200)
            self.send_header("content-type", "text/plain; version=0.0.4")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_promtool_finds_nothing_to_say() -> None:
    """Counters are clean, and the rules are valid."""
    text = counters_text(counters(rows(3)))
    done = subprocess.run(
        [program("promtool"), "check", "metrics"], input=text, text=True, capture_output=True,
        check=False,
    )  # fmt: skip
    assert (0, "") == (done.returncode, done.stdout + done.stderr)


def test_a_pushgateway_holds_one_group_of_a_branch(tmp_path: Path) -> None:
    """A second push replaces the first; a branch with a slash stays itself."""
    at = port()
    url = f"http://127.0.0.1:{at}"
    command = (program("prometheus-pushgateway"), f"--web.listen-address=127.0.0.1:{at}")
    group = {"repository": "acme/agent", "suite": "support", "branch": "feature/x"}
    with running(*command, ready=f"{url}/-/ready"), httpx2.Client() as client:
        outside = Outside(client, time.sleep, 0, tmp_path)
        for many in (2, 4):
            assert None is push(url, counters_text(counters(rows(many))), group, outside).error
        data = client.get(f"{url}/api/v1/metrics").json()["data"]
    (only,) = data
    assert {"job": "evalgate", **group} == only["labels"]
    samples = only["evalgate_interactions_total"]["metrics"]
    assert 4.0 == sum(float(one["value"]) for one in samples)


def test_every_expression_has_data_and_a_rule_reaches_a_webhook(tmp_path: Path) -> None:
    """Half of the events are bad: the page fires and arrives; every query of a board answers."""
    at, am = port(), port()
    url = f"http://127.0.0.1:{at}"
    with ExitStack() as stack:
        inbox = stack.enter_context(receivers())
        target = stack.enter_context(exported())
        (tmp_path / "am.yml").write_text(yaml.safe_dump({
            "route": {"receiver": "hook", "group_wait": "1s", "group_by": ["sloth_slo"]},
            "receivers": [{"name": "hook", "webhook_configs": [{"url": f"{inbox.url}/am"}]}],
        }))  # fmt: skip
        groups = rule_groups(OBJECTIVES, {}, every="1s")
        (tmp_path / "rules.yml").write_text(yaml.safe_dump(groups))
        subprocess.run([program("promtool"), "check", "rules", tmp_path / "rules.yml"], check=True)
        (tmp_path / "prometheus.yml").write_text(yaml.safe_dump({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules.yml"],
            "alerting": {"alertmanagers": [
                {"static_configs": [{"targets": [f"127.0.0.1:{am}"]}]}]},
            "scrape_configs": [
                {"job_name": "evalgate", "static_configs": [{"targets": [target]}]}],
        }))  # fmt: skip
        stack.enter_context(running(
            program("prometheus-alertmanager"), f"--config.file={tmp_path}/am.yml",
            f"--storage.path={tmp_path}/am", f"--web.listen-address=127.0.0.1:{am}",
            "--cluster.listen-address=", ready=f"http://127.0.0.1:{am}/-/ready",
        ))  # fmt: skip
        stack.enter_context(running(
            program("prometheus"), f"--config.file={tmp_path}/prometheus.yml",
            f"--storage.tsdb.path={tmp_path}/tsdb", f"--web.listen-address=127.0.0.1:{at}",
            ready=f"{url}/-/ready",
        ))  # fmt: skip

        def value(expr: str) -> list[Any]:
            reply = httpx2.get(f"{url}/api/v1/query", params={"query": expr}).json()
            assert "success" == reply["status"], (expr, reply)
            return [one for one in reply["data"]["result"] if one["value"][1] != "NaN"]

        for board in dashboards().values():
            for expr in expressions(board):
                asked = expr.replace("$__rate_interval", "1m").replace("$agent", ".*")
                asked = asked.replace("$__range", "4s")
                assert wait(lambda asked=asked: value(asked)), expr
        for one in OBJECTIVES:
            (found,) = wait(lambda one=one: value(sli(one, "5m")))
            share = {"tool_failure_rate": 1 / 6}.get(one.metric, 0.5)
            assert pytest.approx(share, abs=0.05) == float(found["value"][1])
        for name in ("ratio_rate30d", "ratio_rate5m", "ratio_rate3d"):
            assert 3 == len(wait(lambda name=name: value(f"slo:sli_error:{name}")))
        assert 0.05 == pytest.approx(float(value("slo:error_budget:ratio")[0]["value"][1]))
        told = wait(lambda: [a for body in inbox.at("/am") for a in body["alerts"]])
    assert {"page", "ticket"} & {alert["labels"]["sloth_severity"] for alert in told}
    assert all(alert["labels"]["sloth_service"] == "evalgate" for alert in told)
    assert json.dumps(told)
