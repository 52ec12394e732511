"""An agent that says of itself what nobody saw."""

import json

import pytest
from support.scratch import Scratch, jsonl, sums

CALLS = '''
"""It looks sums up."""


def answer(case, context):
    left, right = case.messages[-1]["content"].split("+")
    call = {"kind": "tool_call", "name": "add", "arguments": {"left": int(left)}}
    model = {"kind": "llm_call", "model": "gpt-4o-mini", "input_tokens": 9, "output_tokens": 1}
    return {"output": str(int(left) + int(right)), "steps": [model, call]}
'''


def expecting_calls(repo: Scratch, agent: str) -> None:
    """Let main expect tool calls of an agent without a gateway, and make its baseline."""
    repo.git("checkout", "-q", "main")
    rows = [
        {
            **row,
            "expected": {**row["expected"], "tool_calls": [{"name": "add", "compare_args": []}]},
        }
        for row in sums()
    ]
    repo.write("golden_sets/sums.jsonl", jsonl(rows))
    repo.write("agents/sums.py", CALLS)
    repo.replace("evalgate.yaml", "workers: 1", agent)
    repo.commit("expect calls")
    made = repo.evalgate("baseline", "update", "--reason", "calls", "-q")
    assert 0 == made.code, made.err
    repo.commit("baseline")
    repo.git("checkout", "-q", "-B", "change")
    repo.write("agents/sums.py", CALLS.replace("gpt-4o-mini", "gpt-4.1-nano"))


def test_claimed_calls_are_no_reason_to_pass(repo: Scratch) -> None:
    """Nothing but the agent saw the calls that the cases expect: 3, marked in every report."""
    expecting_calls(repo, "workers: 1")
    env = repo.pull_request()
    result = repo.evalgate(
        *("run", "--baseline", "-q", "-f", "terminal", "-o", "r.txt", "-f", "json", "-o", "r.json"),
        *("-f", "markdown", "-o", "r.md", "-f", "html", "-o", "r.html"),
        env=env,
    )
    assert 3 == result.code
    report = json.loads(repo.read("r.json"))
    claimed = {name for name, metric in report["metrics"].items() if metric["source"] == "claimed"}
    wanted = {"task_success_rate", "tool_call_accuracy", "cost_per_interaction", "cache_hit_rate"}
    assert wanted <= claimed
    shown = [repo.read(f"r.{kind}") for kind in ("txt", "md", "html", "json")]
    assert [True] * 4 == ["claimed" in text for text in shown]
    assert [True] * 4 == ["reported: true" in text for text in shown]


def test_a_change_that_trusts_itself(repo: Scratch) -> None:
    """A change cannot say that its own agent's word counts."""
    expecting_calls(repo, "workers: 1")
    repo.replace("evalgate.yaml", "workers: 1", "workers: 1, trust_reported: true")
    assert 3 == repo.gate(repo.pull_request()).code


def test_the_base_may_trust_its_agent(repo: Scratch) -> None:
    """With `trust_reported: true` on the base claims gate, and are still marked."""
    expecting_calls(repo, "workers: 1, trust_reported: true")
    result = repo.gate(repo.pull_request())
    source = result.json["metrics"]["tool_call_accuracy"]["source"]
    assert (0, "claimed") == (result.code, source)


@pytest.mark.parametrize("gate", ["cached_token_share: standard", "cost_per_interaction: {max: 1}"])
def test_a_gate_on_claimed_tokens(repo: Scratch, gate: str) -> None:
    """Tokens and models that only the agent reports pass no gate that asks for them."""
    repo.git("checkout", "-q", "main")
    agent = CALLS.replace('"output_tokens": 1', '"output_tokens": 1, "cached_tokens": 4')
    repo.write("agents/sums.py", agent)
    repo.write("evalgate.yaml", repo.read("evalgate.yaml") + f"    gate: {{metrics: {{{gate}}}}}\n")
    repo.commit("gate tokens")
    assert 0 == repo.evalgate("baseline", "update", "--reason", "x", "-q").code
    repo.commit("baseline")
    repo.git("checkout", "-q", "-B", "change")
    repo.write("agents/sums.py", agent.replace("9,", "8,"))
    result = repo.gate(repo.pull_request())
    assert 3 == result.code
    metric = gate.partition(":")[0]
    reasons = {c["reason"] for c in result.json["checks"] if c["metric"] == metric}
    assert any(reason.startswith("claimed: ") for reason in reasons), reasons
