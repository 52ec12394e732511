"""The support agent under load: with and without capacity control, and with a careless client."""

from pathlib import Path
from typing import Any

import pytest
from support.cli import Cli
from support.example import copy_example, edit

CONTROL = ("-s", "uncontrolled", "-s", "controlled", "-f", "json")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a copy of the example."""
    monkeypatch.chdir(copy_example(tmp_path))
    return tmp_path


def test_a_queue_with_a_reserve_saves_the_critical_class(project: Path, cli: Cli) -> None:
    """100 info, 50 orders and 30 support at once: it fails as it is, and passes with control."""
    result = cli("stress", "-c", "examples/stress.yaml", *CONTROL)
    as_is, controlled = (suite["stress"] for suite in result.json["suites"])
    assert 1 == result.code
    assert [180, 180] == [found["sessions"] / found["seeds"] for found in (as_is, controlled)]
    assert ("fail", "pass") == (as_is["tiers"]["critical"], controlled["tiers"]["critical"])
    assert ["fail", "pass"] == [suite["verdict"] for suite in result.json["suites"]]
    support = controlled["groups"]["support"]
    assert support["calls"] == support["succeeded"]


def test_the_default_suite_shows_it_all_in_one_verdict(project: Path, cli: Cli) -> None:
    """Task success, tool calls, faithfulness, cost and the rate-limit replay."""
    ran = cli("run", "--baseline", "-q", "-f", "json")
    outcomes = {check["id"]: check["outcome"] for check in ran.json["checks"]}
    shown = (
        *("task_success_rate", "tool_call_accuracy", "faithfulness", "cost_per_interaction"),
        *("stress_rate_limit_error_rate", "stress.error_rate.user_facing"),
    )
    assert (0, dict.fromkeys(shown, "pass")) == (ran.code, {name: outcomes[name] for name in shown})
    assert 299 <= ran.json["stress"]["calls"], "evidence of 1 % without an error"


@pytest.mark.slow
def test_two_checks_of_a_suite_give_the_same_bytes(project: Path, cli: Cli) -> None:
    """The order in which trials end is chance, and leaves no trace."""
    first, second = (cli("stress", "-c", "examples/stress.yaml", *CONTROL).out for _ in range(2))
    assert first == second


STRESS = """\
    stress:
      quota: {rpm: 300, tpm: 200000}
      sessions:
        status: {sessions: 40, tier: user_facing}
        refund: {sessions: 30, tier: critical}
      retry: openai
"""


def without_stress(config: Path) -> str:
    """Take the default suite's own block out."""
    before = config.read_text().partition("    stress:")[0]
    config.write_text(before)
    return before


@pytest.mark.slow
def test_a_run_does_both_and_gives_one_verdict(project: Path, cli: Cli) -> None:
    """Stress figures go into the baseline, and the 5 % rule holds for them."""
    config = project / "evalgate.yaml"
    before = without_stress(config)
    assert 0 == cli("baseline", "update", "--reason", "no stress", "--force", "-q").code
    config.write_text(before + STRESS)
    missing = cli("run", "--baseline", "-q", "-f", "json")
    assert 0 == cli("baseline", "update", "--reason", "stress", "--force", "-q").code
    passed = cli("run", "--baseline", "-q", "-f", "json")
    edit(config, "sessions: 40, tier: user_facing", "sessions: 140, tier: user_facing")
    failed = cli("run", "--baseline", "-q", "-f", "json")
    ids = [check["id"] for check in missing.json["checks"] if check["outcome"] == "inconclusive"]
    assert ["evidence.stress_baseline"] == ids
    assert (3, 0, 1) == (missing.code, passed.code, failed.code), passed.out[-2000:]
    assert 1.0 == passed.json["metrics"]["stress_goodput"]["value"]
    assert "stress_goodput" in (project / "baselines/support.json").read_text()
    worst = {c["id"] for c in failed.json["checks"] if c["outcome"] == "fail"}
    assert "stress.error_rate.user_facing" in worst


@pytest.mark.slow
def test_a_block_that_was_taken_out_is_missed(project: Path, cli: Cli) -> None:
    """A baseline with stress figures and a run without: inconclusive, never a pass."""
    config = project / "evalgate.yaml"
    before = without_stress(config)
    config.write_text(before + STRESS)
    cli("baseline", "update", "--reason", "stress", "--force", "-q")
    config.write_text(before)
    result = cli("run", "--baseline", "-q", "-f", "json")
    ids = [check["id"] for check in result.json["checks"] if check["outcome"] == "inconclusive"]
    assert (3, ["evidence.stress_check"]) == (result.code, ids)


RETRIES = '''
async def complete(client: httpx2.AsyncClient, messages: list[dict[str, Any]]) -> dict[str, Any]:
    """Ask again and again."""
    for _ in range(OUTER):
        for _ in range(3):
            try:
                return await complete_once(client, messages)
            except httpx2.HTTPStatusError as error:
                last = error
                await asyncio.sleep(WAIT)
    raise last


async def complete_once(
'''
LIVE = ("stress", "--engine", "live", "--sessions", "policy=6", "--seconds", "20", "-q", "-f")


OBEDIENT = 'float(error.response.headers["retry-after-ms"]) / 1000'


def with_retries(project: Path, outer: int, wait: str) -> None:
    """Give the example agent one retry layer, or two."""
    agent = project / "examples/support_agent/agent.py"
    edit(agent, "import json\n", "import asyncio\nimport json\n")
    edit(agent, "\nasync def complete(", RETRIES.rstrip("\n"))
    edit(agent, "OUTER", str(outer))
    edit(agent, "WAIT", wait)


def checks_of(report: Any) -> dict[str, Any]:  # noqa: ANN401  any document
    """Return the checks by id."""
    return {check["id"]: check for check in report["checks"]}


def test_a_second_retry_layer_turns_the_gate_red(project: Path, cli: Cli) -> None:
    """Declared is one layer of 2 retries; a second one around it multiplies, and is named."""
    with_retries(project, 3, "0.02")
    result = cli(*LIVE, "json", "--retry", "exact", "--rpm", "60", "--burst", "3")
    report = result.json
    finding = checks_of(report)["stress.finding.layers_multiply"]
    assert (1, "fail") == (result.code, report["verdict"])
    assert "layer: undeclared layer above exact" in finding["reason"]
    assert "9 attempts at one call where `retry: exact` makes at most 3" in finding["reason"]
    assert "hint_ignored" in {f["kind"] for f in report["stress"]["findings"]}
    assert report["stress"]["decisions"] == report["stress"]["decisions_alike"]


def test_one_declared_layer_is_no_finding(project: Path, cli: Cli) -> None:
    """The same agent with the layer it declares: nothing multiplies."""
    with_retries(project, 1, OBEDIENT)
    report = cli(*LIVE, "json", "--retry", "exact", "--rpm", "3000", "--burst", "3").json
    stress = report["stress"]
    assert "layers_multiply" not in {finding["kind"] for finding in stress["findings"]}
    assert "pass" == checks_of(report)["stress.retry_limit"]["outcome"]
    assert {"exact"} == set(stress["retries_by_layer"])


def test_a_swallowed_429_turns_the_gate_red(project: Path, cli: Cli) -> None:
    """The agent apologises as if nothing had happened: counted at the server, and found."""
    agent = project / "examples/support_agent/agent.py"
    edit(
        agent,
        "            message = await complete(client, messages)\n",
        "            try:\n"
        "                message = await complete(client, messages)\n"
        "            except httpx2.HTTPStatusError:\n"
        '                return "Something went wrong, please try again later."\n',
    )
    result = cli(*LIVE, "json", "--retry", "none", "--rpm", "60", "--burst", "3")
    checks = checks_of(result.json)
    assert 1 == result.code
    assert "fail" == checks["stress.silent_failures"]["outcome"]
    assert "layer: the agent's own code" in checks["stress.finding.silent_failure"]["reason"]
    assert "'try again later'" in checks["stress.finding.silent_failure"]["reason"]


def test_an_agent_that_hangs_under_throttling_is_found(project: Path, cli: Cli) -> None:
    """It waits for ever: the check ends in its own time, and says so."""
    agent = project / "examples/support_agent/agent.py"
    edit(agent, "import json\n", "import asyncio\nimport json\n")
    edit(
        agent,
        "    response.raise_for_status()\n",
        "    if response.status_code == 429:\n"
        "        await asyncio.sleep(3600)\n"
        "    response.raise_for_status()\n",
    )
    live = [*LIVE, "json", "--retry", "none", "--rpm", "60", "--burst", "3"]
    live[live.index("20")] = "6"
    result = cli(*live)
    checks = checks_of(result.json)
    assert 1 == result.code
    assert "had not ended when 6 s were up" in checks["stress.finding.no_timeout"]["reason"]
