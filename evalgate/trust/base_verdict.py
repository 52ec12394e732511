"""Adds to a verdict what the base of a change says: waivers, evidence, bootstrap, proposals."""

from collections.abc import Iterator
from dataclasses import replace

from evalgate.gate.judge import Judged, judge
from evalgate.gate.verdict import verdict_of
from evalgate.gate.waivers import accept, current, without_cases
from evalgate.schema.verdict import Check, Verdict
from evalgate.stats.summary import RunSummary
from evalgate.suite.plan import Plan
from evalgate.suite.trust import Trust
from evalgate.trust.baseline_pull_request import reproduction_check
from evalgate.trust.evidence import supplied_check, supplied_evidence
from evalgate.trust.import_guard import shadowed_check

_ALL_LIVE = ("record", "off")


def supplied_before(plan: Plan) -> tuple[str, ...]:
    """List the recordings that a change supplies, before the agent can touch them."""
    if plan.suite.trust is None:
        return ()
    return supplied_evidence(plan.suite, plan.suite.trust, cassettes=plan.calls not in _ALL_LIVE)


def judged_by_base(judged: Judged, plan: Plan, trust: Trust) -> Verdict:
    """Return the verdict under the rules of the base.

    Args:
        judged: The verdict of the checks alone, and what it came from.
        plan: What was run.
        trust: The base.
    """
    standing = current(trust.waivers, plan.suite.name, trust.today)
    accepted = accept(
        judged.verdict,
        judged.candidate,
        standing.counting,
        lambda cases: _without(cases, judged, plan),
    )
    supplied = _supplied(judged, plan, trust)
    added = [*trust.blocks, *_added(accepted, judged, plan, supplied)]
    notes = [f"supplied by this pull request: {line}" for line in supplied]
    return verdict_of(
        (*accepted.checks, *added),
        warnings=(*trust.notes, *standing.notes, *notes, *accepted.warnings),
        partial=accepted.partial,
    )


def _supplied(judged: Judged, plan: Plan, trust: Trust) -> tuple[str, ...]:
    """List recordings again after a replay: the agent could have written some."""
    if plan.calls in (*_ALL_LIVE, "auto"):
        return judged.inputs.supplied
    after = supplied_evidence(plan.suite, trust, cassettes=True)
    return tuple(dict.fromkeys((*judged.inputs.supplied, *after)))


def _added(
    verdict: Verdict, judged: Judged, plan: Plan, supplied: tuple[str, ...]
) -> Iterator[Check]:
    trust = plan.suite.trust
    if trust is None:
        return
    check = supplied_check(supplied, trust)
    if check is not None:
        yield check
    known = {block.id for block in trust.blocks}
    yield from (check for check in shadowed_check(trust.top) if check.id not in known)
    if trust.new and not any(c.kind == "limit" and c.gate != "advisory" for c in verdict.checks):
        yield _lack(
            "limits",
            "a suite that the base does not have passes on its own limits, and it has none",
            "gate: {metrics: {task_success_rate: {min: 0.9}}}",
        )
    if judged.inputs.missing is not None and not trust.new:
        yield _lack(
            "bootstrap",
            f"bootstrap: the base has no baseline to judge by ({judged.inputs.missing})",
            "merge a first baseline in a pull request of its own: "
            "evalgate baseline update --reason WHY",
        )
    if trust.proposal is not None:
        yield reproduction_check(trust.proposal, judged.comparison, verdict.checks)


def _lack(name: str, reason: str, fix: str) -> Check:
    full = f"evidence.{name}"
    return Check(id=full, kind="evidence", outcome="inconclusive", reason=reason, fix=fix)


def _without(cases: frozenset[str], judged: Judged, plan: Plan) -> Verdict:
    """Decide again with some cases left out on all sides."""
    ids, inputs = judged.options.golden_ids, judged.inputs

    def left(side: RunSummary | None) -> RunSummary | None:
        return None if side is None else without_cases(side, cases)

    return judge(
        without_cases(judged.candidate, cases),
        replace(inputs, baseline=left(inputs.baseline), reference=left(inputs.reference)),
        plan.suite.config.gate,
        plan.metrics,
        facts=judged.facts,
        options=replace(judged.options, golden_ids=None if ids is None else ids - cases),
    ).verdict
