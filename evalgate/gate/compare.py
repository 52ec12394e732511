"""Comparing a candidate with its baseline: which cases, which metrics, what they say.

Pure: two sides, the definitions and the policy in, a comparison out. What it means for the
verdict is decided in `evalgate.gate.verdict`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import chain

from evalgate.gate.case_changes import SUCCESS, TASK_SUCCESS, case_changes
from evalgate.gate.comparability import (
    SCORE_AGAIN,
    case_sets,
    differing_scorer,
    miss_of,
    set_problem,
)
from evalgate.gate.comparison import (
    ByCase,
    ByValue,
    CaseSets,
    CompareOptions,
    Comparison,
    MetricComparison,
    NoComparison,
)
from evalgate.gate.noise import uncertainty
from evalgate.gate.recordings import Recordings, sort_recordings
from evalgate.gate.rules import Rule, apply_rule, rule_of
from evalgate.metrics.metric import QUANTILES, Metric
from evalgate.schema.config_parts.gate import GateConfig
from evalgate.schema.score import Broken, Score, Scored
from evalgate.schema.verdict import CaseChange
from evalgate.stats.pairing import (
    Paired,
    Row,
    exact_value,
    filled_rows,
    pair_cases,
)
from evalgate.stats.rounding import exact
from evalgate.stats.summary import FAILED, CaseSummary, RunSummary
from evalgate.text.counts import number_of

_PASS = ("pass_hat", "pass_at")
_DEFAULT_OPTIONS = CompareOptions()

_GUESSED = "A number of a flat file whose direction nobody gave."


@dataclass(frozen=True, slots=True)
class _Scene:
    """All that the comparison of one metric looks at."""

    baseline: RunSummary
    candidate: RunSummary
    common: Sequence[tuple[CaseSummary, CaseSummary]]
    sets: CaseSets
    sampled: frozenset[str]
    """Cases whose trials vary between the two sides; the others are compared exactly."""
    by_number: frozenset[str]
    """Cases whose trials are paired by their number."""
    fewest: int
    """Smallest number of trials of a common case on either side."""
    pairings: dict[tuple[object, ...], Paired] = field(default_factory=dict)
    """Pairings made so far: many metrics are made of one score."""

    seen: dict[tuple[type[Score], str], tuple[bool, ...]] = field(default_factory=dict)
    """Kinds of scores that were looked for so far, and which sides hold them."""

    def paired(self, metric: Metric) -> Paired:
        """Pair the scores of a metric, once for all metrics that pair alike."""
        quantile = metric.aggregate in QUANTILES
        alike = (metric.score, metric.finished_only or quantile, metric.bounds, metric.direction)
        made = self.pairings.get(alike)
        if made is None:
            pairs = pair_cases(metric, self.common, by_number=self.by_number)
            made = self.pairings[alike] = pairs
        return replace(made, metric=metric)

    def holds(self, kind: type[Score], name: str) -> tuple[bool, ...]:
        """Say whether the baseline and the candidate hold a kind of score under a name."""
        if (kind, name) not in self.seen:
            self.seen[kind, name] = tuple(
                kind in map(type, chain.from_iterable(c.columns.get(name, ()) for c in cases))
                for cases in zip(*self.common, strict=True)
            )
        return self.seen[kind, name]

    def kept(self, metric: Metric) -> bool:
        """Say whether the baseline holds the scores of a metric, and not just its value."""
        if metric.aggregate in ("quartile", "by_quartile"):
            return False
        return any(metric.score in old.columns for old, _ in self.common)

    @property
    def flat(self) -> bool:
        """Whether a side holds means only."""
        return self.baseline.means_only or self.candidate.means_only


def compare(
    baseline: RunSummary | None,
    candidate: RunSummary,
    metrics: Mapping[str, Metric],
    policy: GateConfig,
    options: CompareOptions = _DEFAULT_OPTIONS,
) -> Comparison:
    """Compare a candidate with its baseline, metric by metric and case by case.

    Args:
        baseline: What it is compared with; null: no comparison was asked for.
        candidate: The side under judgement.
        metrics: All metrics of the suite by name, in the order of reports.
        policy: The suite's policy.
        options: What may be assumed.
    """
    noisy = candidate.noise != "none"
    sets = case_sets(baseline, candidate, options)
    blocked = None if baseline is None else set_problem(baseline, candidate, sets, options)
    compared: tuple[MetricComparison, ...] = ()
    changes: tuple[CaseChange, ...] = ()
    recordings = Recordings()
    if baseline is not None and blocked is None:
        common = [(baseline.cases[name], candidate.cases[name]) for name in sets.common]
        recordings = sort_recordings(common)
        scene = _scene(baseline, candidate, common, sets, recordings)
        found = (
            _compare_metric(metric, scene, policy, options)
            for metric in _definitions(baseline, candidate, metrics).values()
        )
        compared = tuple(one for one in found if one is not None)
        changes = _changes(scene, compared)
    elif baseline is not None:
        changes = case_changes(sets, (), candidate, {})
    return Comparison(
        candidate,
        baseline,
        noisy,
        sets,
        blocked,
        compared,
        changes,
        definitions=metrics,
        recordings=recordings,
    )


def _scene(
    baseline: RunSummary,
    candidate: RunSummary,
    common: Sequence[tuple[CaseSummary, CaseSummary]],
    sets: CaseSets,
    recordings: Recordings,
) -> _Scene:
    fewest = min((min(len(a.numbers), len(b.numbers)) for a, b in common), default=0)
    every, same, anew = map(frozenset, (sets.common, recordings.same, recordings.anew))
    sampled = every - same if candidate.noise != "none" else anew
    both = baseline.noise == candidate.noise == "none"
    by_number = every - anew if both else same
    return _Scene(baseline, candidate, common, sets, sampled, by_number, fewest)


def _changes(scene: _Scene, compared: Sequence[MetricComparison]) -> tuple[CaseChange, ...]:
    """Sort the cases by their success and by the scores that gate; a flat side has none."""
    if scene.flat:
        return ()
    decides = {c.metric.score: c.metric for c in compared if c.rule.gate != "advisory"}
    means = {score: m for score, m in decides.items() if m.aggregate == "mean"}
    paired = {
        metric.score: scene.paired(metric)
        for metric in {TASK_SUCCESS: SUCCESS, **means}.values()
        if scene.kept(metric)
    }
    return case_changes(scene.sets, scene.common, scene.candidate, paired)


def _definitions(
    baseline: RunSummary, candidate: RunSummary, metrics: Mapping[str, Metric]
) -> Mapping[str, Metric]:
    """Add the names of flat files that nobody defined; more is taken for better, and said so."""
    if not (baseline.means_only or candidate.means_only):
        return metrics
    stray = sorted((baseline.values.keys() | candidate.values.keys()) - metrics.keys())
    return {
        **metrics,
        **{
            name: Metric(
                name=name,
                score=name,
                unit="score",
                direction="higher",
                gate="standard",
                doc=_GUESSED,
                bounds=None,
            )
            for name in stray
        },
    }


def _compare_metric(
    metric: Metric, scene: _Scene, policy: GateConfig, options: CompareOptions
) -> MetricComparison | None:
    flat_side = scene.baseline if scene.baseline.means_only else scene.candidate
    rule = rule_of(metric, policy, gate_all=scene.flat and metric.name in flat_side.values)
    result = _result(metric, rule, scene)
    if result is not None:
        differs = differing_scorer(metric, scene.baseline, scene.candidate, options)
        result = result if differs is None else differs
    if result is None or (rule.gate == "advisory" and isinstance(result, NoComparison)):
        return None
    return MetricComparison(metric, rule, result, guessed_direction=metric.doc == _GUESSED)


def _result(metric: Metric, rule: Rule, scene: _Scene) -> ByCase | ByValue | NoComparison | None:
    if rule.gate == "advisory" and metric.k > scene.fewest and metric.aggregate in _PASS:
        return None
    has = metric.name in scene.baseline.values, metric.name in scene.candidate.values
    # What only informs is compared by its value, where both values are over the same cases.
    if rule.gate == "advisory" and not any(has):
        return None
    if rule.gate == "advisory" and all(has) and not _uneven(scene.sets):
        return _by_value(metric, rule, scene)
    if not scene.kept(metric):
        return _by_value(metric, rule, scene) if all(has) else _lacking(metric, rule, scene, has)
    scored = scene.holds(Scored, metric.score)
    if not any(scored) or (rule.gate == "advisory" and not all(scored)):
        return _lacking(metric, rule, scene, (False, False))
    paired = scene.paired(metric)
    if not (paired.seen0 and paired.seen1):
        return _lacking(metric, rule, scene, (paired.seen0, paired.seen1))
    return _by_case(metric, rule, paired, scene)


def _lacking(
    metric: Metric, rule: Rule, scene: _Scene, has: tuple[bool, bool]
) -> NoComparison | None:
    """Say which evidence is lacking; null where its absence on both sides is no surprise."""
    if rule.gate == "advisory":
        return None
    if any(has):
        if scene.flat and not has[0] and not rule.explicit:
            return None
        side = scene.candidate if has[0] else scene.baseline
        reason = f"{side.source} has no value of {metric.name}"
        broken = not scene.flat and scene.holds(Broken, metric.score)[has[0]]
        if broken and scene.paired(metric).missed:
            missed, fix = miss_of(scene.candidate, metric.name)
            return NoComparison("evidence", f"{reason}: {missed}", fix)
        reason += ": its scores are broken" if broken else ""
        fix = _evidence_fix(metric, broken=broken, lost=has[0], flat=scene.flat)
        return NoComparison("evidence", reason, fix)
    fails = not scene.flat and any(scene.holds(Broken, metric.score))
    lost = scene.paired(metric).broken if fails else 0
    if lost:
        return NoComparison(
            "evidence",
            f"{number_of(lost, 'score is', 'scores are')} broken, and none is left on either side",
            SCORE_AGAIN,
        )
    if rule.explicit or not (metric.where_known or scene.flat):
        fix = _evidence_fix(metric, lost=True)
        return NoComparison("evidence", "no value on either side", fix)
    return None


def _evidence_fix(
    metric: Metric, *, broken: bool = False, lost: bool = False, flat: bool = False
) -> str:
    """Say what brings evidence; a baseline is none for what only this run has lost."""
    advisory = f"set `{metric.name}: advisory` under `gate: metrics:`"
    if flat:
        return f"give files that have it, or {advisory}"
    if metric.unit == "USD":
        return (
            "give the model's price under `prices:` in evalgate.yaml and run `evalgate score RUN`, "
            f"or {advisory}"
        )
    if broken:
        return SCORE_AGAIN
    if lost:
        return f"see what {metric.name} needs in docs/metrics.md, or {advisory}"
    return f"make a new baseline with `evalgate baseline update --reason WHY`, or {advisory}"


def _uneven(sets: CaseSets) -> bool:
    return bool(sets.changed or sets.removed or sets.new or sets.unselected)


def _by_value(metric: Metric, rule: Rule, scene: _Scene) -> ByValue | NoComparison:
    if rule.gate != "advisory" and _uneven(scene.sets) and not scene.flat:
        return NoComparison(
            "comparison",
            "the baseline keeps only its mean, and the two sides do not have the same cases",
            "make a new baseline with `evalgate baseline update --reason WHY`: it keeps the scores "
            "of every metric that gates",
        )
    old = exact(scene.baseline.values[metric.name])
    new = exact(scene.candidate.values[metric.name])
    return ByValue(old, new, apply_rule(rule, old, new))


def _by_case(metric: Metric, rule: Rule, paired: Paired, scene: _Scene) -> ByCase | NoComparison:
    rows = filled_rows(paired, "worst")
    worst = _values(metric, rows)
    best = _values(metric, filled_rows(paired, "best")) if paired.imputed else worst
    if worst is None or best is None:
        return NoComparison("evidence", "no case is scored on both sides", _evidence_fix(metric))
    timed = metric.name in scene.candidate.timed
    varying = frozenset(row.id for row in rows if timed or row.id in scene.sampled)
    judged = rule.gate != "advisory" and varying and not _certain(metric, rule, rows, varying)
    return ByCase(
        paired=paired,
        baseline=worst[0],
        candidate=worst[1],
        ruling=apply_rule(rule, *worst),
        at_best=(*best, apply_rule(rule, *best)),
        uncertainty=uncertainty(metric, rule, rows, worst[0], varying) if judged else None,
        trials=(
            min(len(row.baseline) for row in rows),
            min(len(row.candidate) for row in rows),
        ),
        n_cases=len(rows),
        more_failures=metric.finished_only and _more_failures(scene.common),
        noise_from="trials"
        if scene.candidate.noise != "none"
        else "clock"
        if timed
        else "recordings",
    )


def _certain(metric: Metric, rule: Rule, rows: Sequence[Row], varying: frozenset[str]) -> bool:
    """Say whether the cases that are compared exactly fail the rule on their own."""
    if len(varying) == len(rows):
        return False
    still = [row._replace(candidate=row.baseline) if row.id in varying else row for row in rows]
    values = _values(metric, still)
    return values is not None and apply_rule(rule, *values).outcome == "fail"


def _values(metric: Metric, rows: Sequence[Row]) -> tuple[Fraction, Fraction] | None:
    old = exact_value(metric, [(row.weight, row.baseline) for row in rows])
    new = exact_value(metric, [(row.weight, row.candidate) for row in rows])
    return None if old is None or new is None else (old, new)


def _more_failures(common: Sequence[tuple[CaseSummary, CaseSummary]]) -> bool:
    """Say whether a larger share of the candidate's trials failed."""
    failed = [0, 0]
    total = [0, 0]
    for pair in common:
        for side, case in enumerate(pair):
            failed[side] += sum(status in FAILED for status in case.statuses)
            total[side] += sum(status != "not_measured" for status in case.statuses)
    return failed[1] * total[0] > failed[0] * total[1]
