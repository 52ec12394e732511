"""What an agent says of itself, and nobody saw, is no reason to pass."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from evalgate.gate.case_changes import TASK_SUCCESS
from evalgate.gate.comparability import name_some
from evalgate.gate.rules import rule_of
from evalgate.metrics.metric import Metric
from evalgate.schema.config_parts.gate import GateConfig
from evalgate.schema.verdict import Check
from evalgate.stats.summary import RunSummary

__all__ = ["unbelieved"]

_CLAIM: Final = "the agent says so of itself, and no gateway saw it"
_FIX: Final = (
    "gateway: {} in the suite, which sees the calls itself, or agent: {trust_reported: true} to "
    "count the agent's word"
)


def unbelieved(
    checks: Iterable[Check], side: RunSummary, metrics: Mapping[str, Metric], policy: GateConfig
) -> Iterator[Check]:
    """Take from checks that rest on claims the power to pass.

    What the configuration asks to gate, task success, and must-pass cases become inconclusive where
    they would pass; what fails on the agent's own word still fails. What gates by default only is
    advisory.

    Args:
        checks: The checks of a candidate.
        side: The candidate.
        metrics: Definitions of the suite's metrics.
        policy: The suite's policy.
    """
    cases = tuple(case.id for case in side.gating() if case.must_pass and case.claimed)
    for check in checks:
        if check.kind == "must_pass":
            own = check.id.removeprefix("must_pass.")
            yield _doubted(check, cases) if cases and own in ("must_pass", *cases) else check
        elif check.metric not in side.claimed or check.gate == "advisory":
            yield check
        elif check.kind == "limit" or _is_asked(metrics.get(check.metric), policy):
            yield _doubted(check)
        else:
            reason = f"{check.reason}; {_CLAIM}, so it does not gate"
            yield check.model_copy(update={"gate": "advisory", "reason": reason})


def _is_asked(metric: Metric | None, policy: GateConfig) -> bool:
    return metric is None or metric.score == TASK_SUCCESS or rule_of(metric, policy).explicit


def _doubted(check: Check, cases: tuple[str, ...] = ()) -> Check:
    if check.outcome != "pass":
        return check
    of = f" ({name_some(cases)})" if cases else ""
    reason = f"claimed: {check.reason}{of}; {_CLAIM}"
    return check.model_copy(update={"outcome": "inconclusive", "reason": reason, "fix": _FIX})
