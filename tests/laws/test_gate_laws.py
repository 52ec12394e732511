"""The laws of the gate: evidence that goes missing never helps, order and spelling never matter."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from evalgate.gate.baseline import baseline_of_report, summary_of_baseline
from evalgate.gate.baseline_text import baseline_text
from evalgate.gate.compare import compare
from evalgate.gate.comparison import ByCase
from evalgate.gate.verdict import decide
from evalgate.metrics.registry import METRICS
from evalgate.schema.baseline import Baseline, Provenance
from evalgate.schema.config_parts.gate import GateConfig
from evalgate.schema.result import CaseResult, Report, SuiteInfo, TrialResult
from evalgate.schema.score import Abstained, Broken, Score, Scored
from evalgate.schema.status import TraceStatus
from evalgate.schema.verdict import Verdict
from evalgate.stats.summary import CaseSummary, RunSummary, summary_of_report
from evalgate.text.strict_json import loads

MISSING: list[Score] = [
    Abstained("nothing to score"),
    Abstained("no price", unknown=True),
    Broken("the judge is down"),
    Broken("replay miss: no verdict"),
]
STEADY: dict[str, Score] = {
    "task_success": Scored(1.0),
    "error": Scored(0.0),
    "faithfulness": Scored(0.8),
    "hallucination": Scored(0.2),
    "cost_usd": Scored(0.01),
    "completion_time": Scored(1.5),
}
FOCUS: dict[str, tuple[str, list[float]]] = {
    "task_success_rate": ("task_success", [0.0, 1.0]),
    "faithfulness": ("faithfulness", [0.0, 0.5, 2 / 3, 1.0]),
    "hallucination_rate": ("hallucination", [0.0, 0.25, 1 / 3, 1.0]),
    "error_rate": ("error", [0.0, 1.0]),
    "cost_per_interaction": ("cost_usd", [0.001, 0.001234567, 0.002, 0.01]),
    "completion_time_p95": ("completion_time", [1.0, 1.5, 9.123456]),
}
"""The metric an example is about: all other scores are the same on both sides."""

RULES = st.sampled_from(
    ["standard", "zero", {"gate": "standard", "threshold": "10pp"}, {"gate": "standard"}]
)


@dataclass(frozen=True)
class Environment:
    """Two reports of one suite, and its policy."""

    focus: str
    baseline: Report
    candidate: Report
    policy: GateConfig


@st.composite
def reports(draw: st.DrawFn, focus: str, cases: int, count: int, noise: str) -> Report:
    """Draw a report whose scores differ in the focus only; some are missing from the start."""
    name, values = FOCUS[focus]
    score: st.SearchStrategy[Score] = st.sampled_from(values).map(Scored)
    lossy = st.one_of(score, score, score, st.sampled_from(MISSING[:2]))
    chosen = draw(st.sampled_from([score, lossy]))
    crash = draw(st.booleans())
    rows = []
    for i in range(cases):
        trials = []
        for number in range(count):
            status: TraceStatus = "finished"
            if crash and draw(st.integers(0, 5)) == 0:
                status = "crashed"
            scores = {**STEADY, name: draw(chosen)}
            trials.append(TrialResult(f"case-{i}", number, status, scores))
        rows.append(
            CaseResult(
                id=f"case-{i}",
                digest=f"digest-{i}",
                weight=2.0 if i == 1 else 1.0,
                trials=tuple(trials),
            )
        )
    info = {"id": "s", "golden_digest": "g", "cases": cases, "selected": cases, "trials": count}
    suite = SuiteInfo.model_validate({**info, "noise": noise})
    return Report(verdict="pass", exit_code=0, suite=suite, cases=tuple(rows))


@st.composite
def worlds(draw: st.DrawFn) -> Environment:
    """Draw two sides and a policy that gates the metric in focus."""
    focus = draw(st.sampled_from(sorted(FOCUS)))
    cases, noise = draw(st.integers(1, 6)), draw(st.sampled_from(["trials", "none"]))
    gates: dict[str, object] = {focus: draw(RULES)}
    if focus == "hallucination_rate":
        gates["faithfulness"] = "advisory"
    if draw(st.booleans()):
        limit = {"max": 0.4} if METRICS[focus].direction == "lower" else {"min": 0.6}
        rule = gates[focus]
        gates[focus] = {**(rule if isinstance(rule, dict) else {"gate": rule}), **limit}
    mode = draw(st.sampled_from(["plain", "confirmed", "strict"]))
    counts = [draw(st.integers(1, 3)) for _ in range(2)]
    return Environment(
        focus,
        draw(reports(focus, cases, counts[0], noise)),
        draw(reports(focus, cases, counts[1], noise)),
        GateConfig.model_validate({"mode": mode, "metrics": gates}),
    )


def _judge(baseline: RunSummary, candidate: RunSummary, policy: GateConfig) -> Verdict:
    return decide(compare(baseline, candidate, METRICS, policy), policy)


def _known(case: CaseSummary, name: str) -> bool:
    return any(
        isinstance(score, Scored) and status == "finished"
        for score, status in zip(case.columns[name], case.statuses, strict=True)
    )


def _drop_case(side: RunSummary, case: CaseSummary, _: int, __: random.Random) -> RunSummary:
    return replace(side, cases={k: v for k, v in side.cases.items() if k != case.id})


def _with(side: RunSummary, case: CaseSummary) -> RunSummary:
    return replace(side, cases={**side.cases, case.id: case})


def _drop_trial(side: RunSummary, case: CaseSummary, place: int, _: random.Random) -> RunSummary:
    def cut(entries: tuple[object, ...]) -> tuple[object, ...]:
        return entries[:place] + entries[place + 1 :]

    return _with(
        side,
        replace(
            case,
            numbers=cut(case.numbers),
            statuses=cut(case.statuses),
            usage=cut(case.usage),
            calls=cut(case.calls),
            columns={name: cut(column) for name, column in case.columns.items()},
        ),
    )


def _drop_score(
    side: RunSummary, case: CaseSummary, place: int, chance: random.Random
) -> RunSummary:
    name = chance.choice(sorted(case.columns))
    column = list(case.columns[name])
    if isinstance(column[place], Scored):  # a missing score is no evidence to take away
        column[place] = chance.choice(MISSING)
    return _with(side, replace(case, columns={**case.columns, name: tuple(column)}))


def _lower_scores_go(side: RunSummary, focus: str, chance: random.Random) -> RunSummary:
    """Take away what speaks against the candidate: its worst scores, in one way."""
    metric = METRICS[focus]
    way = chance.choice(MISSING)
    values = [
        s.value for c in side.cases.values() for s in c.columns[metric.score] if type(s) is Scored
    ]
    worst = min(values, default=0.0) if metric.direction == "higher" else max(values, default=0.0)
    for case in side.cases.values():
        column = tuple(
            way if isinstance(s, Scored) and s.value == worst else s
            for s in case.columns[metric.score]
        )
        side = _with(side, replace(case, columns={**case.columns, metric.score: column}))
    return side


def _drop_column(side: RunSummary, case: CaseSummary, _: int, chance: random.Random) -> RunSummary:
    gone = chance.choice(sorted(case.columns))
    kept = {name: column for name, column in case.columns.items() if name != gone}
    return _with(side, replace(case, columns=kept))


def _not_measured(side: RunSummary, case: CaseSummary, place: int, _: random.Random) -> RunSummary:
    statuses = list(case.statuses)
    statuses[place] = "not_measured"
    return _with(side, replace(case, statuses=tuple(statuses)))


REMOVALS: list[Callable[[RunSummary, CaseSummary, int, random.Random], RunSummary]] = [
    _drop_case,
    _drop_trial,
    _drop_score,
    _drop_column,
    _not_measured,
]


@settings(max_examples=400)
@given(worlds(), st.lists(st.sampled_from(REMOVALS), max_size=3), st.randoms())
def test_less_evidence_never_turns_a_non_pass_into_a_pass(
    environment: Environment,
    removals: list[Callable[[RunSummary, CaseSummary, int, random.Random], RunSummary]],
    chance: random.Random,
) -> None:
    """Delete trials, cases and scores of the candidate as you like: it is never judged better.

    Metrics that gate only where they are known are the one agreed exception: where the baseline
    has no value at all, a candidate with none has no check. So the baseline has some here; and a
    limit knows only from the baseline that a case has something to score, so there it has all.
    """
    baseline, candidate = (
        summary_of_report(environment.baseline),
        summary_of_report(environment.candidate),
    )
    for name in STEADY:
        assume(any(_known(case, name) for case in baseline.cases.values()))
    if environment.policy.metrics[environment.focus].model_fields_set & {"min", "max"}:
        score = METRICS[environment.focus].score
        assume(all(_known(case, score) for case in baseline.cases.values()))
    before = _judge(baseline, candidate, environment.policy)
    if not removals:
        candidate = _lower_scores_go(candidate, environment.focus, chance)
    for remove in removals:
        left = [case for case in candidate.cases.values() if case.numbers and case.columns]
        if left:
            case = chance.choice(left)
            candidate = remove(candidate, case, chance.randrange(len(case.numbers)), chance)
    after = _judge(baseline, candidate, environment.policy)
    if before.outcome != "pass":
        assert after.outcome != "pass"


@settings(max_examples=100)
@given(worlds(), st.randoms())
def test_the_order_of_cases_does_not_matter(
    environment: Environment, chance: random.Random
) -> None:
    """Shuffled cases give the same verdict, to the last byte."""
    cases = list(environment.candidate.cases)
    chance.shuffle(cases)
    shuffled = environment.candidate.model_copy(update={"cases": tuple(cases)})
    baseline = summary_of_report(environment.baseline)
    expected = _judge(baseline, summary_of_report(environment.candidate), environment.policy)
    actual = _judge(baseline, summary_of_report(shuffled), environment.policy)
    assert expected.model_dump_json() == actual.model_dump_json()


def _baseline(report: Report, policy: GateConfig) -> Baseline:
    provenance = Provenance(created="2026-11-21T00:00:00Z", reason="law")
    return baseline_of_report(report, METRICS, policy, provenance, {})


@settings(max_examples=150)
@given(worlds())
def test_a_run_shows_no_change_against_its_own_baseline(environment: Environment) -> None:
    """Every compared metric changed by exactly 0, and no case moved."""
    report, policy = environment.candidate, environment.policy
    own = summary_of_baseline(_baseline(report, policy), "own")
    comparison = compare(own, summary_of_report(report), METRICS, policy)
    for compared in comparison.metrics:
        result = compared.result
        if isinstance(result, ByCase) and not result.paired.imputed:
            assert result.baseline == result.candidate
            assert result.ruling.outcome == "pass"
    assert not [c for c in comparison.changes if c.outcome in ("regressed", "improved")]


@settings(max_examples=150)
@given(worlds())
def test_a_baseline_survives_its_own_layout(environment: Environment) -> None:
    """Text to model to text: the same bytes; and a baseline judges like the report it is of."""
    baseline = _baseline(environment.baseline, environment.policy)
    text = baseline_text(baseline)
    again = Baseline.model_validate(loads(text, source="baseline"))
    assert text == baseline_text(again)
    candidate = summary_of_report(environment.candidate)
    by_report = _judge(summary_of_report(environment.baseline), candidate, environment.policy)
    by_baseline = _judge(summary_of_baseline(again, "this run"), candidate, environment.policy)
    gating = [
        [(c.id, c.outcome, c.change) for c in verdict.checks if c.gate != "advisory"]
        for verdict in (by_report, by_baseline)
    ]
    assert gating[0] == gating[1]
