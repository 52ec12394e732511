"""The gate: from a comparison and a policy to checks and a verdict, in one place.

Fail comes before inconclusive, inconclusive before pass. Advisory checks are shown and change
nothing. A failed check that a waiver accepts does not count.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from evalgate.errors import ExitCode
from evalgate.gate.checks.limits import limit_checks
from evalgate.gate.checks.must_pass import must_pass_checks
from evalgate.gate.checks.presence import evidence_checks, is_partial
from evalgate.gate.checks.relative import relative_checks
from evalgate.gate.comparability import gone, name_some
from evalgate.gate.comparison import Comparison
from evalgate.gate.facts import RunFacts
from evalgate.gate.false_alarms import any_false_alarm, caution
from evalgate.schema.config_parts.gate import GateConfig
from evalgate.schema.verdict import Check, Outcome, Verdict
from evalgate.stats.summary import RunSummary
from evalgate.text.counts import number_of

_NO_FACTS = RunFacts()
_EXIT: dict[Outcome, ExitCode] = {
    "pass": ExitCode.PASSED,
    "fail": ExitCode.FAILED,
    "inconclusive": ExitCode.INCONCLUSIVE,
}
_NO_COMPARISON = ("evidence.comparison", "evidence.metrics")
_OWN_LACKS = frozenset(
    {
        "comparison",
        *(f"evidence.{name}" for name in ("replay", "gateway", "cap", "partial", "trials")),
    }
)
_WORST_FIRST: tuple[Outcome, ...] = ("fail", "inconclusive", "pass")


def decide(comparison: Comparison, policy: GateConfig, facts: RunFacts = _NO_FACTS) -> Verdict:
    """Decide about a candidate."""
    relative, warnings = relative_checks(comparison, policy)
    checks = (
        *relative,
        *limit_checks(comparison, policy),
        *must_pass_checks(comparison.candidate, comparison.baseline, facts.fresh),
        *evidence_checks(comparison, policy, facts),
    )
    if _nothing_measured(comparison.candidate):
        # What else is inconclusive follows from the one cause, which is told once.
        checks = tuple(
            check for check in checks if check.outcome != "inconclusive" or check.id in _OWN_LACKS
        )
    return verdict_of(
        checks,
        warnings=(
            *_caution(checks, policy),
            *_notes(comparison),
            *_age(comparison, policy, facts),
            *warnings,
        ),
        partial=is_partial(comparison),
    )


def _nothing_measured(side: RunSummary) -> bool:
    statuses = {status for case in side.gating() for status in case.statuses}
    return statuses == {"not_measured"}


def verdict_of(
    checks: Sequence[Check], *, warnings: Iterable[str] = (), partial: bool = False
) -> Verdict:
    """Add checks up to a verdict.

    Args:
        checks: All checks, in any order.
        warnings: What a reader should know.
        partial: Whether only a selection of the cases was judged.

    Returns:
        The verdict, its checks sorted worst first; inconclusive without any gating check.
    """
    counting = {check.outcome for check in checks if _counts(check)}
    gating = [check for check in checks if check.gate != "advisory"]
    outcome: Outcome = "pass" if gating else "inconclusive"
    if "fail" in counting:
        outcome = "fail"
    elif "inconclusive" in counting:
        outcome = "inconclusive"
    return Verdict(
        outcome=outcome,
        exit_code=_EXIT[outcome],
        checks=tuple(sorted(checks, key=_rank)),
        warnings=tuple(dict.fromkeys(warnings)),
        partial=partial,
        false_alarm_rate=any_false_alarm(checks),
    )


def _counts(check: Check) -> bool:
    accepted = check.outcome == "fail" and check.accepted is not None
    return check.gate != "advisory" and not accepted


def _rank(check: Check) -> tuple[bool, int, bool]:
    """Put advisory checks last, and what explains other inconclusive checks before them."""
    explains = check.kind == "comparison" or check.id.startswith("evidence.")
    return check.gate == "advisory", _WORST_FIRST.index(check.outcome), not explains


def with_reference(verdict: Verdict, reference: Verdict) -> Verdict:
    """Add the checks against a second, pinned baseline, which catches a slow slide."""
    added = [
        check.model_copy(update={"id": f"reference.{check.id}"})
        for check in reference.checks
        if check.gate != "advisory"
        and (check.kind in ("relative", "comparison") or check.id in _NO_COMPARISON)
    ]
    return verdict_of((*verdict.checks, *added), warnings=verdict.warnings, partial=verdict.partial)


def _caution(checks: Sequence[Check], policy: GateConfig) -> Iterator[str]:
    """Warn of noise where the plain rule decides; the other modes ask statistics themselves."""
    said = caution(checks) if policy.mode == "plain" else None
    if said is not None:
        yield said


_LEFT_OUT = ("case that the baseline left out is", "cases that the baseline left out are")


def _notes(comparison: Comparison) -> Iterator[str]:
    """Say what a reader of the comparison should know of its two sides."""
    old, new, sets = comparison.baseline, comparison.candidate, comparison.sets
    drafts = sum(case.draft for case in new.cases.values())
    if drafts:
        yield f"{number_of(drafts, 'draft case ran and does', 'draft cases ran and do')} not gate"
    if old is None:
        yield "no comparison: only limits and must-pass cases were checked"
        return
    if old.means_only or new.means_only:
        yield "means only: without cases nothing is paired, and noise cannot be judged"
        return
    if sets.new:
        one, many = _LEFT_OUT if old.selection else ("new case is", "new cases are")
        yield (
            f"{number_of(len(sets.new), one, many)} outside the comparison: {name_some(sets.new)}"
        )
    if sets.changed:
        changed = name_some(sets.changed)
        yield (
            f"{number_of(len(sets.changed), 'case asks', 'cases ask')} something else than in "
            f"the baseline: {changed}"
        )
    if sets.removed:
        yield (
            f"{number_of(len(sets.removed), 'case is', 'cases are')} {gone(sets, new)}: "
            f"{name_some(sets.removed)}"
        )
    yield from _recording_notes(comparison)
    if new.noise == "none" and old.noise != "none" and not comparison.recordings.same:
        yield "the baseline comes from noisy trials and the candidate from deterministic ones"
    if old.suite is not None and new.suite is not None and old.suite != new.suite:
        yield f"the baseline is of suite {old.suite!r}, the candidate of {new.suite!r}"


def _recording_notes(comparison: Comparison) -> Iterator[str]:
    """Say which cases of a replay rest on other recordings than the baseline's."""
    if comparison.candidate.noise != "none":
        return
    found = comparison.recordings
    if found.anew:
        yield (
            f"{number_of(len(found.anew), 'case rests', 'cases rest')} on recordings made "
            f"after the baseline's: {name_some(found.anew)}: a new recording is a new sample of a "
            "noisy agent, so the statistics of trials apply to them"
        )
    if found.once:
        yield (
            f"{len(found.once)} of them have one trial on some side: one recorded trial says as "
            "little as one trial of a live agent; record more: `evalgate run --record --trials 5`"
        )
    if found.unknown:
        yield (
            "the baseline does not say which recordings "
            f"{number_of(len(found.unknown), 'case rests', 'cases rest')} on: a "
            "difference may come from the code or from a new recording, and is compared exactly; "
            "make a new baseline with `evalgate baseline update --reason WHY`"
        )


def _age(comparison: Comparison, policy: GateConfig, facts: RunFacts) -> Iterator[str]:
    """Say that a baseline is old, or of another model snapshot."""
    old = comparison.baseline
    if old is None:
        return
    again = "make a new one with `evalgate baseline update --reason WHY`"
    days = _days(old.created, facts.today)
    if days is not None and days > policy.stale_days:
        yield f"the baseline is {days} days old (limit {policy.stale_days}): {again}"
    models = old.subject.model, comparison.candidate.subject.model
    if None not in models and models[0] != models[1]:
        yield f"the baseline is of another model: {models[0]}, now {models[1]}"


def _days(created: str | None, today: str | None) -> int | None:
    if created is None or today is None:
        return None
    try:
        start, end = (datetime.fromisoformat(text) for text in (created, today))
    except ValueError:
        return None
    return (end.date() - start.date()).days
