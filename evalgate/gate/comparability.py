"""Whether two sides, and one metric on them, can be compared at all."""

from fractions import Fraction

from evalgate.gate.comparison import CaseSets, CompareOptions, NoComparison
from evalgate.metrics.metric import Metric
from evalgate.stats.summary import JudgeId, RunSummary
from evalgate.text.counts import number_of, percent_text

MIN_COMMON = Fraction(9, 10)
"""Smallest share of the baseline's cases that must still ask the same."""

SCORE_AGAIN = "`evalgate show --failed` shows the errors; `evalgate score RUN` judges it again"
"""What cures a score that is missing or broken."""

_SHOWN = 5


UNMEASURED = "`evalgate show --failed` shows why; run these cases again, or bring their traces"
"""What cures a trial that was not measured, where no replay missed it."""


def miss_of(side: RunSummary, metric: str) -> tuple[str, str]:
    """Say how scores of a metric came to be not measured, and what helps: `(replay miss)`."""
    if metric in side.judged:
        return "not measured (replay miss)", "evalgate run --judge auto"
    if side.replayed:
        return "not measured (replay miss)", "evalgate run --record-missing"
    return "not measured", UNMEASURED


def name_some(ids: tuple[str, ...]) -> str:
    """Name the first few cases and count the rest."""
    shown = ", ".join(ids[:_SHOWN])
    return shown if len(ids) <= _SHOWN else f"{shown} and {len(ids) - _SHOWN} more"


def case_sets(
    baseline: RunSummary | None, candidate: RunSummary, options: CompareOptions
) -> CaseSets:
    """Sort the cases of both sides into those that can be compared and those that cannot.

    Args:
        baseline: The baseline; null: every case is new.
        candidate: The candidate.
        options: Which ids the candidate's golden set has.
    """
    now = {case.id: case for case in candidate.gating()}
    before = {} if baseline is None else {case.id: case for case in baseline.gating()}
    both = sorted(now.keys() & before.keys())
    gone = sorted(before.keys() - now.keys())
    removed = [name for name in gone if _is_removed(name, candidate, options)]
    skipped = (options.golden_ids or frozenset()) - candidate.cases.keys()
    return CaseSets(
        common=tuple(name for name in both if now[name].digest == before[name].digest),
        changed=tuple(name for name in both if now[name].digest != before[name].digest),
        removed=tuple(removed),
        new=tuple(sorted(now.keys() - before.keys())),
        unselected=tuple(sorted((set(gone) - set(removed)) | skipped)),
    )


def _is_removed(name: str, candidate: RunSummary, options: CompareOptions) -> bool:
    if name in candidate.cases:
        return True  # turned into a draft: it would no longer gate
    if options.golden_ids is not None:
        return name not in options.golden_ids
    return not candidate.selection


def gone(sets: CaseSets, candidate: RunSummary) -> str:
    """Say what became of cases that no longer gate."""
    drafts = [name for name in sets.removed if name in candidate.cases]
    if len(drafts) == len(sets.removed):
        return "a draft now" if len(drafts) == 1 else "drafts now"
    return "gone from the golden set" + (", or a draft now" if drafts else "")


def set_problem(
    baseline: RunSummary, candidate: RunSummary, sets: CaseSets, options: CompareOptions
) -> NoComparison | None:
    """Say why nothing of the two sides can be compared.

    Args:
        baseline: The baseline.
        candidate: The candidate.
        sets: Their cases, sorted.
        options: Whether removed cases may be left out.
    """
    if baseline.means_only or candidate.means_only:
        return None
    update = (
        "make a new baseline in a pull request of its own: `evalgate baseline update --reason WHY`"
    )
    if not sets.common:
        return NoComparison(
            "comparison",
            f"{baseline.source} is a baseline of another golden set: none of its "
            f"{len(baseline.gating())} cases asks the same now",
            update,
        )
    if sets.removed and not options.allow_removed:
        return NoComparison(
            "comparison",
            f"{number_of(len(sets.removed), 'case is', 'cases are')} {gone(sets, candidate)} "
            f"({name_some(sets.removed)}): leaving out a hard case must not improve a score",
            f"put back what is gone, pass --allow-removed, or {update}",
        )
    wanted = len(sets.common) + len(sets.changed) + len(sets.removed)
    if Fraction(len(sets.common), wanted) < MIN_COMMON:
        return NoComparison(
            "comparison",
            f"only {len(sets.common)} of {wanted} cases of the baseline still ask the same; "
            f"a comparison takes {percent_text(float(MIN_COMMON))}",
            update,
        )
    return None


def differing_scorer(
    metric: Metric, baseline: RunSummary, candidate: RunSummary, options: CompareOptions
) -> NoComparison | None:
    """Say what measured a metric differently on the two sides: scorer, judge or price table."""
    rescore = (
        "score the baseline's stored run again with `evalgate score RUN`, or make a new baseline "
        "with `evalgate baseline update --reason WHY`"
    )
    for name in _scorers_of(metric, baseline, candidate, options):
        old, new = baseline.scorers.get(name), candidate.scorers.get(name)
        if old is not None and new is not None and old != new:
            return NoComparison(
                "comparison", f"scorer {name!r} is another version ({old}, now {new})", rescore
            )
    judge = _differing_judge(metric, baseline, candidate)
    if judge is not None:
        return NoComparison("comparison", judge, rescore)
    tables = baseline.pricing, candidate.pricing
    if metric.unit == "USD" and metric.name not in candidate.recorded and None not in tables:
        old_table, new_table = tables
        if old_table is not None and new_table is not None and old_table.digest != new_table.digest:
            reason = f"the price table is another ({old_table.version}, now {new_table.version})"
            return NoComparison("comparison", reason, rescore)
    return None


def _scorers_of(
    metric: Metric, baseline: RunSummary, candidate: RunSummary, options: CompareOptions
) -> tuple[str, ...]:
    """Name the scorer of a metric; every scorer where it is not known which one it is."""
    owner = options.scorer_of.get(metric.score)
    if owner is not None:
        return (owner,)
    known = baseline.scorers.keys() | candidate.scorers.keys()
    for name in (metric.score, metric.name):
        if name in known:
            return (name,)
    return tuple(sorted(known))


def _differing_judge(metric: Metric, baseline: RunSummary, candidate: RunSummary) -> str | None:
    judged = metric.name in (baseline.judged | candidate.judged)
    if not judged or baseline.judge is None or candidate.judge is None:
        return None
    if baseline.judge == candidate.judge:
        return None
    old, new = _judge_name(baseline.judge), _judge_name(candidate.judge)
    return f"the judge is another ({old}, now {new})"


def _judge_name(judge: JudgeId) -> str:
    return f"{judge.model or 'unknown model'}, prompts {(judge.prompt_digest or 'unknown')[:19]}"
