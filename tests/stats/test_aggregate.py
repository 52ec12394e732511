"""Metrics over scores."""

import statistics
from collections.abc import Callable, Sequence
from math import inf, sqrt
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.metrics.registry import METRICS
from evalgate.schema.golden import Case
from evalgate.schema.result import CaseResult, MetricValue, TrialResult
from evalgate.schema.score import Abstained, Broken, Score, Scored
from evalgate.schema.status import TraceStatus
from evalgate.stats.aggregate import (
    case_results,
    metric_values,
    pass_at_k,
    pass_hat_k,
    quantile,
    total,
)

UNKNOWN = Abstained("no price", unknown=True)
ABSTAINED = Abstained("not judged")
BROKEN = Broken("judge down")

finite = st.floats(-1e6, 1e6, allow_nan=False)


def trial(
    number: int, scores: dict[str, Score], status: TraceStatus = "finished", case_id: str = "c"
) -> TrialResult:
    """Make a trial with these scores."""
    return TrialResult(case_id=case_id, trial=number, status=status, scores=scores)


def case(name: str, *scores: Score, score: str = "task_success", **fields: object) -> CaseResult:
    """Make a case with one trial a score."""
    trials = tuple(trial(n, {score: s}, case_id=name) for n, s in enumerate(scores))
    return CaseResult.model_validate({"id": name, "digest": "-", "trials": trials, **fields})


def ones(text: str) -> tuple[Scored, ...]:
    """Read a string of 0 and 1, one digit a trial."""
    return tuple(Scored(float(digit)) for digit in text)


def compute(cases: Sequence[CaseResult], name: str) -> MetricValue | None:
    """Compute one metric."""
    return metric_values(cases, {name: METRICS[name]}).get(name)


def test_pass_k_closed_forms() -> None:
    """c=7, n=10, k=3: pass^3 = 7/24, pass@3 = 119/120."""
    assert (7 / 24, 119 / 120) == (pass_hat_k(7, 10, 3), pass_at_k(7, 10, 3))


@given(st.integers(1, 40), st.data())
def test_pass_k_laws(n: int, data: st.DataObject) -> None:
    """pass^1 = pass@1 = c/n; with k, pass^k falls and pass@k rises."""
    c = data.draw(st.integers(0, n))
    hats = [pass_hat_k(c, n, k) for k in range(1, n + 1)]
    ats = [pass_at_k(c, n, k) for k in range(1, n + 1)]

    assert (c / n, c / n) == pytest.approx((hats[0], ats[0]))
    assert hats == sorted(hats, reverse=True)
    assert ats == sorted(ats)


@pytest.mark.parametrize("wrong", [(-1, 3, 1), (4, 3, 1), (1, 3, 0), (1, 3, 4)])
def test_pass_k_refuses(wrong: tuple[int, int, int]) -> None:
    """Counts that contradict each other have no pass^k."""
    with pytest.raises(ValueError, match="expected 0<=c<=n"):
        pass_hat_k(*wrong)
    with pytest.raises(ValueError, match="expected 0<=c<=n"):
        pass_at_k(*wrong)


@given(st.lists(finite, min_size=1, max_size=40), st.sampled_from([0, 0.25, 0.5, 0.95, 1]))
def test_quantile_is_type_7(values: list[float], share: float) -> None:
    """Quantiles equal numpy's `linear` method, which is type 7."""
    expected = float(np.quantile(values, share, method="linear"))

    assert expected == pytest.approx(quantile(sorted(values), share), abs=1e-6)


@given(st.lists(finite, min_size=2, max_size=40))
def test_quartiles_as_in_the_standard_library(values: list[float]) -> None:
    """Quartiles equal `statistics.quantiles(method="inclusive")`."""
    expected = statistics.quantiles(values, n=4, method="inclusive")

    assert expected == pytest.approx([quantile(sorted(values), q / 4) for q in (1, 2, 3)])


def test_mean_of_means() -> None:
    """Two cases count alike however many trials they have."""
    value = compute([case("a", *ones("1111")), case("b", *ones("0"))], "task_success_rate")

    assert value is not None
    assert (0.5, 2, 0, None) == (value.value, value.n, value.unknown, value.se)


def test_weights() -> None:
    """A case of weight 3 counts three times."""
    value = compute([case("a", *ones("1"), weight=3.0), case("b", *ones("0"))], "task_success_rate")

    assert value is not None
    assert value.value == 0.75


def test_standard_error_over_trials() -> None:
    """Var of the mean of case means = sum w^2 s^2/n / (sum w)^2; here s^2 = 1/3 and 0, n = 4."""
    value = compute([case("a", *ones("1010")), case("b", *ones("1111"))], "task_success_rate")

    assert value is not None
    assert value.se == pytest.approx(sqrt((1 / 3) / 4) / 2)


def test_graded_scores_are_never_rounded() -> None:
    """A graded success stays graded, and has no pass^k."""
    cases = [case("a", Scored(0.6), Scored(0.8))]
    value = compute(cases, "task_success_rate")

    assert value is not None
    assert value.value == pytest.approx(0.7)
    assert compute(cases, "pass_hat_1") is None


def test_pass_hat_up_to_the_fewest_trials() -> None:
    """pass^k is reported up to the case with the fewest trials."""
    cases = [case("a", *ones("110")), case("b", *ones("11"))]
    values = metric_values(cases, METRICS)

    assert values["pass_hat_2"].value == pytest.approx((1 / 3 + 1) / 2)
    assert "pass_hat_3" not in values


def test_pass_hat_shows_a_broken_trial() -> None:
    """A case with too few sound trials for k is missing from the value and is counted."""
    cases = [case("a", *ones("11")), case("b", Scored(1.0), BROKEN)]
    value = compute(cases, "pass_hat_2")

    assert value is not None
    assert (1.0, 1, 1) == (value.value, value.n, value.unknown)


def test_unknown_is_counted_and_never_zero() -> None:
    """Unknown and broken trials leave the mean alone and are counted; abstained ones are not."""
    value = compute([case("a", Scored(1.0), UNKNOWN, BROKEN, ABSTAINED)], "task_success_rate")

    assert value is not None
    assert (1.0, 1, 2) == (value.value, value.n, value.unknown)


def test_all_unknown_is_null() -> None:
    """A metric without a single known score is shown with the value null."""
    value = compute([case("a", UNKNOWN, BROKEN)], "task_success_rate")

    assert value is not None
    assert (None, 0, 2) == (value.value, value.n, value.unknown)


def test_all_abstained_is_left_out() -> None:
    """A metric that applies nowhere is no evidence of anything."""
    assert compute([case("a", ABSTAINED), case("b", ABSTAINED)], "task_success_rate") is None


def test_absent_score_is_unknown() -> None:
    """A trial that lacks a score the others have is counted as unknown."""
    cases = [case("a", *ones("1")), case("b", Scored(1.0), score="other")]
    value = compute(cases, "task_success_rate")

    assert value is not None
    assert (1, 1) == (value.n, value.unknown)


def test_nothing_at_all() -> None:
    """No case, no metric."""
    assert {} == metric_values([], METRICS)


def test_drafts_never_count() -> None:
    """A draft case changes no metric."""
    cases = [case("a", *ones("1"))]
    draft = case("d", *ones("0"), draft=True)

    assert metric_values(cases, METRICS) == metric_values([*cases, draft], METRICS)


def test_pooled_counts() -> None:
    """Counts are added up over all trials, beside the mean of means."""
    cases = [
        case("a", Scored(0.5, (1, 2)), score="tool_call_accuracy"),
        case("b", Scored(1.0, (8, 8)), score="tool_call_accuracy"),
    ]
    value = compute(cases, "tool_call_accuracy")

    assert value is not None
    assert (0.75, (9, 10)) == (value.value, value.pooled)


def test_pooled_needs_every_count() -> None:
    """One value without counts leaves the pooled ratio out."""
    cases = [
        case("a", Scored(0.5, (1, 2)), score="tool_call_accuracy"),
        case("b", Scored(1.0), score="tool_call_accuracy"),
    ]
    value = compute(cases, "tool_call_accuracy")

    assert value is not None
    assert value.pooled is None


def test_an_early_crash_is_not_cheap() -> None:
    """Cost is over finished trials; a failed one neither lowers nor unsettles it."""
    trials = (
        trial(0, {"cost_usd": Scored(0.10)}),
        trial(1, {"cost_usd": Scored(0.01)}, "crashed"),
        trial(2, {"cost_usd": UNKNOWN}, "timed_out"),
    )
    value = compute([CaseResult(id="c", digest="-", trials=trials)], "cost_per_interaction")

    assert value is not None
    assert (0.10, 0) == (value.value, value.unknown)


def test_a_trial_that_was_not_measured_is_missing() -> None:
    """A replay miss might have finished: it is counted as unknown in finished-only metrics."""
    trials = (
        trial(0, {"cost_usd": Scored(0.10)}),
        trial(1, {"cost_usd": BROKEN}, "not_measured"),
    )
    value = compute([CaseResult(id="c", digest="-", trials=trials)], "cost_per_interaction")

    assert value is not None
    assert (0.10, 1) == (value.value, value.unknown)


def test_quantiles_over_finished_trials() -> None:
    """The p50 and p95 of the times of finished trials."""
    trials = tuple(
        trial(n, {"completion_time": Scored(float(n))}, "finished" if n < 5 else "crashed")
        for n in range(7)
    )
    cases = [CaseResult(id="c", digest="-", trials=trials)]
    median, high = compute(cases, "completion_time_p50"), compute(cases, "completion_time_p95")

    assert median is not None
    assert high is not None
    assert (2.0, pytest.approx(3.8), 1) == (median.value, high.value, median.n)


def test_task_length_quartiles() -> None:
    """Quartiles of `human_minutes`, and success within them."""
    cases = [
        case(f"c{n}", *ones("1" if n < 4 else "0"), human_minutes=float(n)) for n in range(1, 6)
    ]
    values = metric_values(cases, METRICS)

    assert [2.0, 3.0, 4.0] == [values[f"task_length_q{q}"].value for q in (1, 2, 3)]
    assert [1.0, 1.0, 0.0, 0.0] == [values[f"task_success_rate_q{q}"].value for q in (1, 2, 3, 4)]
    assert "task_length_q1" not in metric_values([case("c", *ones("1"))], METRICS)


def test_sources() -> None:
    """A metric says where it comes from."""
    cases = [case("a", *ones("1"))]
    values = metric_values(cases, METRICS, {"task_success_rate": "recorded"})

    assert ("recorded", "measured") == (
        values["task_success_rate"].source,
        values["pass_hat_1"].source,
    )


kinds = st.one_of(
    st.floats(0, 1).map(Scored),
    st.sampled_from([UNKNOWN, ABSTAINED, BROKEN, Scored(0.0), Scored(1.0)]),
)


@given(st.lists(st.lists(kinds, max_size=4), max_size=8), st.randoms(use_true_random=False))
def test_order_does_not_matter(rows: list[list[Score]], rng: Random) -> None:
    """Shuffled cases and trials give the same metrics, bit for bit."""
    cases = [case(f"c{n}", *row, weight=n + 0.1) for n, row in enumerate(rows)]
    mixed = [
        CaseResult.model_validate({**dict(c), "trials": tuple(rng.sample(c.trials, len(c.trials)))})
        for c in rng.sample(cases, len(cases))
    ]
    assert metric_values(cases, METRICS) == metric_values(mixed, METRICS)


@given(st.lists(st.lists(kinds, min_size=1, max_size=4), min_size=1, max_size=6))
def test_breaking_a_score_is_seen(rows: list[list[Score]]) -> None:
    """Whatever is broken, `unknown` counts one more, or one that was unknown already."""
    cases = [case(f"c{n}", *row) for n, row in enumerate(rows)]
    hurt = [case("c0", BROKEN, *rows[0][1:]), *cases[1:]]
    before, after = compute(cases, "task_success_rate"), compute(hurt, "task_success_rate")
    lost = isinstance(rows[0][0], Broken) or rows[0][0] == UNKNOWN

    assert after is not None
    assert after.unknown == (before.unknown if before else 0) + (not lost)


def test_total_counts_failed_trials() -> None:
    """What a run cost includes the trials that failed; unknown ones are counted."""
    trials = (
        trial(0, {"cost_usd": Scored(0.10)}),
        trial(1, {"cost_usd": Scored(0.05)}, "crashed"),
        trial(2, {"cost_usd": UNKNOWN}),
        trial(3, {}),
    )
    spent, missing = total([CaseResult(id="c", digest="-", trials=trials)], "cost_usd")

    assert (pytest.approx(0.15), 2) == (spent, missing)


@pytest.fixture
def golden() -> Callable[..., Case]:
    """Return a maker of cases of a golden set."""

    def make(name: str, **fields: object) -> Case:
        return Case.model_validate({"id": name, "input": "hi", **fields})

    return make


def test_case_results(golden: Callable[..., Case]) -> None:
    """Trials go under their cases by number, with what the case says of itself."""
    cases = [
        golden("b", weight=2.0, status="draft", human_minutes=3.0),
        golden("a", expected={"refusal": True}, must_pass=True, cluster="x", tags=["t"]),
    ]
    trials = [trial(1, {}, case_id="a"), trial(0, {}, case_id="a")]
    second, first = case_results(cases, {"a": "d1", "b": "d2"}, trials)

    assert ("b", True, 2.0, 3.0, ()) == (
        second.id,
        second.draft,
        second.weight,
        second.human_minutes,
        second.trials,
    )
    assert [0, 1] == [t.trial for t in first.trials]
    assert (True, True, "x", ("t",), "d1") == (
        first.expects_refusal,
        first.must_pass,
        first.cluster,
        first.tags,
        first.digest,
    )


def test_trial_of_no_case(golden: Callable[..., Case]) -> None:
    """A trial of no case is an error and is not dropped."""
    with pytest.raises(KeyError):
        case_results([golden("a")], {"a": "d"}, [trial(0, {}, case_id="z")])


def test_infinite_weight_is_refused() -> None:
    """Weights are finite where they enter, so that means are."""
    with pytest.raises(ValueError, match="finite"):
        case("a", *ones("1"), weight=inf)


def test_the_standard_error_of_weighted_cases() -> None:
    """Errors of cases add up by the squares of their weights."""
    cases = [case("a", *ones("10"), weight=3.0), case("b", *ones("1001"))]
    value = compute(cases, "task_success_rate")
    assert value is not None
    errors = [statistics.variance([1, 0]) / 2, statistics.variance([1, 0, 0, 1]) / 4]
    assert value.se == pytest.approx(sqrt(9 * errors[0] + errors[1]) / 4)
