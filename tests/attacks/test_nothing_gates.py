"""A verdict that no check could have changed is none."""

import pytest
from support.scratch import Scratch

from evalgate.gate.checks.presence import nothing_gates
from evalgate.schema.verdict import Check

EVIDENCE = Check(id="evidence", kind="evidence", outcome="pass", reason="20 cases")
ADVISORY = Check(id="x", kind="relative", gate="advisory", outcome="fail", reason="worse")
LIMIT = Check(id="x.min", kind="limit", outcome="pass", reason="1; it must be at least 0.9")
LACK = Check(id="evidence.cap", kind="evidence", outcome="inconclusive", reason="a cap")


@pytest.mark.parametrize(
    ("checks", "objects"),
    [
        ((), True),
        ((EVIDENCE,), True),
        ((EVIDENCE, ADVISORY), True),
        ((EVIDENCE, LIMIT), False),
        ((LACK,), False),
    ],
)
def test_that_there_is_evidence_is_no_gate(checks: tuple[Check, ...], *, objects: bool) -> None:
    """Only a check that could have failed is a reason to pass."""
    assert objects == bool(nothing_gates(checks, compared=True))


def test_a_policy_under_which_nothing_can_fail(repo: Scratch) -> None:
    """Where the base makes every metric advisory, a worse agent is inconclusive, not a pass."""
    repo.git("checkout", "-q", "main")
    advisory = "task_success_rate: advisory, error_rate: advisory"
    repo.write(
        "evalgate.yaml", repo.read("evalgate.yaml") + f"    gate: {{metrics: {{{advisory}}}}}\n"
    )
    repo.commit()
    repo.git("checkout", "-q", "-B", "change")
    old, new = "return str(", 'return "no idea" if int(left) > 15 else str('
    repo.replace("agents/sums.py", old, new)
    env = repo.pull_request()
    result = repo.gate(env)
    assert (3, True) == (result.code, "nothing gates" in result.out)
    assert 3 == repo.evalgate("run", "-q", env=env).code
