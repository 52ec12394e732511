"""Checks that there is evidence at all: no evidence is never a pass."""

from collections import Counter
from collections.abc import Iterator, Sequence

from evalgate.gate.comparability import SCORE_AGAIN, UNMEASURED, name_some
from evalgate.gate.comparison import Comparison
from evalgate.gate.facts import STOPPED, RunFacts
from evalgate.gate.rules import rule_of
from evalgate.schema.config_parts.gate import GateConfig
from evalgate.schema.score import Broken, Scored
from evalgate.schema.verdict import Check, CheckKind
from evalgate.stats.summary import CaseSummary, RunSummary
from evalgate.text.counts import number_of


def evidence_checks(
    comparison: Comparison, policy: GateConfig, facts: RunFacts
) -> tuple[Check, ...]:
    """Return an inconclusive check for each lack of evidence, or one that says there is none.

    Args:
        comparison: The candidate and its baseline.
        policy: Names metrics that must exist.
        facts: Caps and permissions of the run.
    """
    found = [
        *_about_policy(comparison, policy),
        *_about_trials(comparison.candidate, facts),
        *_about_run(comparison, facts),
        *_about_comparison(comparison, policy),
    ]
    if found:
        return tuple(found)
    side = comparison.candidate
    counted = "means only" if side.means_only else _counted(side.gating())
    return (Check(id="evidence", kind="evidence", outcome="pass", reason=counted),)


def _counted(cases: Sequence[CaseSummary]) -> str:
    trials = sum(len(case.numbers) for case in cases)
    return f"{number_of(len(cases), 'case')}, {number_of(trials, 'trial')}, every one measured"


def _lack(name: str, reason: str, fix: str | None, kind: CheckKind = "evidence") -> Check:
    full = name if kind == "comparison" else f"evidence.{name}"
    return Check(id=full, kind=kind, outcome="inconclusive", reason=reason, fix=fix)


def _about_policy(comparison: Comparison, policy: GateConfig) -> Iterator[Check]:
    for name, gate in policy.metrics.items():
        if name not in comparison.definitions and gate.gate != "advisory":
            yield _lack(
                name,
                f"the policy gates {name!r}, and there is no such metric",
                "`evalgate validate` names the nearest; docs/metrics.md lists all",
            )


def _about_trials(side: RunSummary, facts: RunFacts) -> Iterator[Check]:
    if side.means_only:
        return
    cases = side.gating()
    if not cases:
        yield _lack(
            "cases",
            "there is no case to judge: nothing was run, or every case is a draft",
            "write cases into the golden set, or draft them with `evalgate golden add "
            "--from latest --to FILE`, read them and take `status: draft` off",
        )
        return
    missed = [case.id for case in cases if "not_measured" in case.statuses]
    if missed:
        yield _lack(
            "replay",
            f"{number_of(len(missed), 'case has', 'cases have')} trials that were not measured"
            f"{' (replay miss)' if side.replayed else ''}: {name_some(tuple(missed))}"
            + (f"; each time: {facts.cause}" if facts.cause else ""),
            facts.record
            or ("record them: `evalgate run --record-missing`" if side.replayed else UNMEASURED),
        )
    counted = [count for case in cases for count in case.model_calls]
    whole = all(status == "finished" for case in cases for status in case.statuses)
    maybe = "" if whole else ", or broke off before it asked"
    if counted and not any(count is None or count for count in counted):
        yield _lack(
            "gateway",
            f"no model call of {number_of(len(counted), 'trial')} reached the gateway: the "
            f"agent asks its model elsewhere{maybe}, so this is no replay and nothing was recorded "
            "or metered",
            "let the agent's client use OPENAI_BASE_URL (or context.base_url; an HTTP agent: the "
            "X-Evalgate-Base-Url header), or take `gateway:` out of the suite if it asks no model",
        )
    short = [case.id for case in cases if len(case.numbers) < max(side.trials, 1)]
    if short:
        yield _lack(
            "trials",
            f"{number_of(len(short), 'case has', 'cases have')} "
            f"{f'fewer than {side.trials:,} trials' if side.trials > 1 else 'no trial'}: "
            f"{name_some(tuple(short))}",
            "finish the run with `evalgate run --resume`",
        )
    ends = Counter(status for case in cases for status in case.statuses)
    if ends and not missed and "finished" not in ends:
        told = ", ".join(f"{n} {status.replace('_', ' ')}" for status, n in ends.most_common())
        yield _lack(
            "finished",
            f"no trial finished ({told}), so nothing is known of what the agent can do",
            "`evalgate show --failed` shows how each trial ended",
        )
    if not any(_is_scored(case) for case in cases):
        yield _lack("scores", "no score was given in any trial", SCORE_AGAIN)


def _is_scored(case: CaseSummary) -> bool:
    return any(isinstance(score, Scored) for column in case.columns.values() for score in column)


def _about_run(comparison: Comparison, facts: RunFacts) -> Iterator[Check]:
    if facts.cap is not None:
        yield _lack(
            "cap",
            f"{STOPPED}{facts.cap}",
            "go on with `evalgate run --resume`, without what stopped it",
        )
    if facts.allow_partial:
        return
    baseline, left_out = comparison.baseline, comparison.sets.new
    if is_partial(comparison):
        yield _lack(
            "partial",
            "only a selection of the cases was judged",
            "run all cases (without --case, --filter, --changed or pytest -k), or pass --partial",
        )
    elif left_out and baseline is not None and baseline.selection:
        yield _lack(
            "partial",
            f"the baseline is a run of a selection: {number_of(len(left_out), 'case')} "
            f"({name_some(left_out)}) cannot be compared",
            "compare with a run of all cases, or pass --partial",
        )


def is_partial(comparison: Comparison) -> bool:
    """Say whether only a selection of the golden set was judged."""
    return comparison.candidate.selection or bool(comparison.sets.unselected)


def nothing_gates(checks: Sequence[Check], *, compared: bool) -> tuple[Check, ...]:
    """Object where no check could have failed: that there is evidence is no reason to pass.

    Args:
        checks: All checks of a verdict.
        compared: Whether there was a baseline.
    """
    gating = [check for check in checks if check.gate != "advisory"]
    if any(check.kind != "evidence" or check.outcome != "pass" for check in gating):
        return ()
    if compared:
        reason = "every metric is advisory"
        first = "gate a metric (gate: {metrics: {task_success_rate: standard}})"
    else:
        reason = "there was no baseline to compare with"
        first = (
            'evalgate baseline update --reason "first"  makes one of the agent as it is (a live '
            "one: with --trials 5), unless there is one; then: evalgate run --baseline"
        )
    return (
        _lack(
            "gates",
            f"nothing gates: {reason}, and there is no limit and no must-pass case",
            f"{first}; or set a limit (gate: {{metrics: {{task_success_rate: {{min: 0.9}}}}}}), or "
            "`must_pass: true` on a case",
        ),
    )


def _about_comparison(comparison: Comparison, policy: GateConfig) -> Iterator[Check]:
    if comparison.blocked is not None:
        yield _lack(
            "comparison",
            f"not comparable: {comparison.blocked.reason}",
            comparison.blocked.fix,
            comparison.blocked.kind if comparison.blocked.kind == "comparison" else "evidence",
        )
    elif comparison.baseline is None:
        yield from _broken_without_baseline(comparison, policy)
    elif not comparison.metrics:
        yield _lack(
            "metrics",
            "the two sides have no metric in common",
            "compare two reports of one suite: `evalgate compare --baseline OLD --current NEW`",
        )


def _broken_without_baseline(comparison: Comparison, policy: GateConfig) -> Iterator[Check]:
    """Without a comparison a broken score of a gated metric is still no evidence."""
    broken: dict[str, list[str]] = {}
    for case in comparison.candidate.gating():
        for name, column in case.columns.items():
            broken.setdefault(name, []).extend(
                case.id
                for score, status in zip(column, case.statuses, strict=True)
                if isinstance(score, Broken) and status != "not_measured"
            )
    for metric in comparison.definitions.values():
        ids = broken.get(metric.score, [])
        count = len(ids)
        if count and rule_of(metric, policy).gate != "advisory":
            yield _lack(
                metric.name,
                f"{number_of(count, 'score')} of {metric.name} broken: "
                f"{name_some(tuple(dict.fromkeys(ids)))}",
                SCORE_AGAIN,
            )
