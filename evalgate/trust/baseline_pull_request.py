"""Judges a pull request that changes nothing but baselines and waivers.

It is not compared with the old numbers. A new baseline must be whole, come from a clean commit of
the base branch, hold enough trials, and ask what the base's golden set asks; where the agent is
deterministic, running it now must give exactly its scores.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from evalgate.errors import EvalgateError
from evalgate.gate.baseline import MIN_TRIALS
from evalgate.gate.comparison import Comparison
from evalgate.gate.reports import filled
from evalgate.gate.verdict import verdict_of
from evalgate.gate.waivers import MOST_DAYS
from evalgate.metrics.metric import Metric
from evalgate.schema.agent_line import RecordedLine
from evalgate.schema.baseline import Baseline
from evalgate.schema.fingerprint import case_digest
from evalgate.schema.result import Report, SuiteInfo
from evalgate.schema.verdict import Check, Outcome
from evalgate.schema.waiver import Waiver
from evalgate.store.baseline import load_baseline
from evalgate.store.golden_sets.golden import GoldenSet, load_golden
from evalgate.store.plain import read_plain
from evalgate.store.revision import Revisions
from evalgate.suite.policy import suite_metrics
from evalgate.suite.suite import Suite
from evalgate.suite.trust import Proposal, Trust
from evalgate.text.counts import number_of
from evalgate.trust.evidence import is_plain_file

_TIMES: Final = ("s", "min")


def judge_proposal(
    suite: Suite, proposed: Path, checks: tuple[Check, ...], trust: Trust, revisions: Revisions
) -> Trust:
    """Return the trust that judges a proposed baseline, or that has settled it already.

    Args:
        suite: The suite as the base has it.
        proposed: The baseline as the change has it.
        checks: Checks of the change's waivers.
        trust: The base.
        revisions: The repository.

    Raises:
        DataError: The golden set is not readable.
    """
    if _same_bytes(proposed, suite.baseline):
        return settled(suite, trust, (_untouched(), *checks, *trust.blocks))
    if not is_plain_file(proposed):
        gone = not os.path.lexists(proposed)
        what = "removed" if gone else "no file, or lies behind a symbolic link"
        removed = _check("integrity", "fail", f"{proposed} is {what}: nothing can be compared")
        return settled(suite, trust, (removed, *checks, *trust.blocks))
    found = _proposal_checks(suite, proposed, trust, revisions)
    blocks = (*trust.blocks, *checks, *found)
    if found[0].outcome == "fail":
        return settled(suite, trust, blocks)
    return replace(trust, proposal=Proposal(proposed, _is_deterministic(suite)), blocks=blocks)


def _same_bytes(one: Path, other: Path) -> bool:
    """Say whether two files are one; a folder, a device or a link is the same as nothing."""
    there = [os.path.lexists(path) for path in (one, other)]
    if not any(there):
        return True
    return all(is_plain_file(path) for path in (one, other)) and (
        read_plain(one) == read_plain(other)
    )


def _untouched() -> Check:
    return _check(
        "untouched",
        "pass",
        "only baselines and waivers change, and none of this suite's baseline: nothing ran",
    )


def settled(suite: Suite, trust: Trust, checks: tuple[Check, ...]) -> Trust:
    """Return the trust that settles a suite without running anything."""
    verdict = verdict_of(checks, warnings=trust.notes)
    return replace(trust, settled=filled(_bare_report(suite), verdict))


def _proposal_checks(
    suite: Suite, proposed: Path, trust: Trust, revisions: Revisions
) -> tuple[Check, ...]:
    """Check integrity and provenance of a proposed baseline, and show old and new means.

    Args:
        suite: The suite as the base has it.
        proposed: The proposed file.
        trust: The base.
        revisions: The repository, for the commit it was made of.
    """
    metrics = suite_metrics(suite)
    try:
        new = load_baseline(proposed, metrics)
        golden = load_golden(suite.golden)
    except EvalgateError as error:
        return (_check("integrity", "fail", error.message, error.fix),)
    integrity = _check("integrity", "pass", "the proposed baseline is whole; its means hold")
    return (
        integrity,
        _commit(new, trust, revisions),
        _trials(new, suite),
        _digests(new, golden),
        _rules(new),
        *_old_and_new(suite.baseline, new, metrics),
    )


def _check(name: str, outcome: Outcome, reason: str, fix: str | None = None) -> Check:
    full = f"baseline.{name}"
    return Check(id=full, kind="evidence", outcome=outcome, reason=reason, fix=fix)


_AGAIN: Final = (
    "make it from a clean checkout of the base branch: evalgate baseline update --reason WHY"
)


def _commit(new: Baseline, trust: Trust, revisions: Revisions) -> Check:
    commit = new.subject.git_commit
    if commit is None:
        return _check("commit", "fail", "it does not say which commit it was made of", _AGAIN)
    if new.subject.dirty:
        return _check("commit", "fail", f"made of {commit[:12]} with uncommitted changes", _AGAIN)
    known = revisions.is_ancestor(commit, trust.base.commit)
    if known is None:
        reason = f"whether {commit[:12]} is on the base branch cannot be seen here"
        return _check("commit", "inconclusive", reason, "fetch the whole history: fetch-depth: 0")
    if not known:
        return _check("commit", "fail", f"made of {commit[:12]}, not of the base branch", _AGAIN)
    return _check("commit", "pass", f"made of {commit[:12]}, a commit of the base branch")


def _trials(new: Baseline, suite: Suite) -> Check:
    live = not isinstance(suite.config.agent.line, RecordedLine)
    count = new.suite.trials
    if live and new.suite.noise == "trials" and count < MIN_TRIALS:
        reason = f"{number_of(count, 'trial')} a case; a live agent takes at least {MIN_TRIALS}"
        fix = f'evalgate baseline update --trials {MIN_TRIALS} --reason "..."'
        return _check("trials", "fail", reason, fix)
    if new.suite.noise == "none" and not _is_deterministic(suite):
        reason = "it says its trials do not vary, and the suite of the base is a noisy one"
        return _check("trials", "fail", reason, _AGAIN)
    return _check("trials", "pass", f"{number_of(count, 'trial')} a case")


def _is_deterministic(suite: Suite) -> bool:
    """Say whether the suite's trials do not vary: in replay, or because it says so."""
    recorded = isinstance(suite.config.agent.line, RecordedLine)
    return suite.config.noise == "none" or (suite.config.gateway is not None and not recorded)


def _digests(new: Baseline, golden: GoldenSet) -> Check:
    asked = {case.id: case_digest(case) for case in golden.cases if case.status == "reviewed"}
    held = {name: case.digest for name, case in new.cases.items()}
    differing = sorted(
        name for name in asked.keys() | held.keys() if asked.get(name) != held.get(name)
    )
    if differing:
        shown = ", ".join(differing[:5])
        reason = (
            f"{number_of(len(differing), 'case differs', 'cases differ')} from the base's "
            f"golden set: {shown}"
        )
        return _check("digests", "fail", reason, _AGAIN)
    return _check("digests", "pass", f"all {len(asked)} cases are those of the golden set")


def _rules(new: Baseline) -> Check:
    forced = new.provenance.forced
    if forced:
        return _check("rules", "fail", f"it was forced: {'; '.join(forced)}", _AGAIN)
    return _check("rules", "pass", f"made {new.provenance.created}: {new.provenance.reason}")


def _old_and_new(old: Path, new: Baseline, metrics: Mapping[str, Metric]) -> Iterator[Check]:
    """Show what changes, without judging it."""
    before: Mapping[str, float] = {}
    if old.is_file():
        try:
            loaded = load_baseline(old, metrics)
        except EvalgateError:
            loaded = None
        before = {} if loaded is None else {n: m.mean for n, m in loaded.metrics.items()}
    for name, value in new.metrics.items():
        then = before.get(name)
        words = "no value before" if then is None else "unchanged"
        if then is not None and then != value.mean:
            words = f"{then:g} -> {value.mean:g}"
        yield Check(
            id=f"baseline.{name}",
            kind="comparison",
            gate="advisory",
            outcome="pass",
            metric=name,
            unit=value.unit,
            direction=value.direction,
            baseline=then,
            candidate=value.mean,
            reason=f"old and new baseline: {words}",
        )


def reproduction_check(
    proposal: Proposal, comparison: Comparison, checks: Iterable[Check]
) -> Check:
    """Say whether running the agent now gives the scores of the proposed baseline.

    Args:
        proposal: The proposed baseline.
        comparison: A fresh run, compared with it.
        checks: The checks of that comparison.
    """
    if not proposal.deterministic:
        reason = "trials vary, so its scores are the word of whoever made it: review who did"
        return _check("reproduced", "pass", reason).model_copy(update={"gate": "advisory"})
    if comparison.blocked is not None:
        return _check("reproduced", "inconclusive", comparison.blocked.reason)
    moved = sorted(
        check.id
        for check in checks
        if check.kind == "relative"
        and check.unit not in _TIMES
        and check.baseline != check.candidate
    )
    cases = [change.id for change in comparison.changes if change.outcome != "unchanged"]
    if moved or cases:
        what = ", ".join([*moved, *cases][:5])
        return _check("reproduced", "fail", f"running the agent now gives other scores: {what}")
    return _check("reproduced", "pass", "running the agent now gives exactly its scores")


def waiver_checks(
    waivers: Iterable[Waiver], suites: Mapping[str, Suite], today: date
) -> tuple[Check, ...]:
    """Check that proposed waivers are about something that is there, and end in time.

    Args:
        waivers: The proposed waivers of all suites.
        suites: The suites of the base.
        today: The day of the run.
    """
    return tuple(
        Check(
            id=f"waiver.{index}",
            kind="evidence",
            outcome="pass" if problem is None else "fail",
            reason=f"{waiver.suite}: {waiver}" + ("" if problem is None else f": {problem}"),
        )
        for index, waiver in enumerate(waivers, 1)
        for problem in (_waiver_problem(waiver, suites, today),)
    )


def _waiver_problem(waiver: Waiver, suites: Mapping[str, Suite], today: date) -> str | None:
    suite = suites.get(waiver.suite)
    if suite is None:
        return "there is no such suite"
    if waiver.expires < today:
        return "it has expired"
    if waiver.expires > today + timedelta(days=MOST_DAYS):
        return f"it expires more than {MOST_DAYS} days ahead"
    if waiver.metric is not None:
        return None if waiver.metric in suite_metrics(suite) else "there is no such metric"
    cases = {case.id for case in load_golden(suite.golden).cases}
    return None if waiver.case in cases else "there is no such case"


def _bare_report(suite: Suite) -> Report:
    golden = load_golden(suite.golden)
    return Report(
        verdict="inconclusive",
        exit_code=3,
        suite=SuiteInfo(
            id=suite.name,
            golden_digest=golden.digest,
            cases=len(golden.cases),
            selected=0,
            trials=0,
            agent=suite.config.agent.run,
            noise=suite.config.noise,
            mode="replay",
        ),
    )
