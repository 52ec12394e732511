"""Agreement against scikit-learn and statsmodels, and what cannot be computed."""

import random
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalgate.stats.agreement import (
    Confusion,
    agreement,
    cohens_kappa,
    confusion,
    corrected_share,
    self_consistency,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from sklearn.metrics import accuracy_score, cohen_kappa_score, recall_score
    from statsmodels.stats.inter_rater import cohens_kappa as statsmodels_kappa

counts = st.builds(Confusion, *[st.integers(0, 60)] * 4)


@given(counts)
def test_kappa_and_interval_are_those_of_statsmodels(drawn: Confusion) -> None:
    """Kappa and its 95 % interval equal statsmodels' to 1e-9, wherever they are defined."""
    table = [[drawn.true_good, drawn.false_bad], [drawn.false_good, drawn.true_bad]]
    found = cohens_kappa(table)
    if found is None:
        assert drawn.n == 0 or drawn.n in (drawn.true_good, drawn.true_bad)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a variance of 0 that rounding makes negative
        peer = statsmodels_kappa(table)
    kappa, (low, high) = found
    assert peer.kappa == pytest.approx(kappa, abs=1e-9)
    if peer.var_kappa > 1e-15:
        assert max(peer.kappa_low, -1) == pytest.approx(low, abs=1e-9)
        assert min(peer.kappa_upp, 1) == pytest.approx(high, abs=1e-9)


def test_an_interval_of_kappa_ends_where_kappa_does() -> None:
    """A handful of answers says little, and nothing beyond -1 and 1."""
    for sign, table in ((1, [[2, 1], [1, 2]]), (-1, [[1, 2], [2, 1]])):
        found = cohens_kappa(table)
        assert found is not None
        kappa, (low, high) = found
        expected = sorted((sign * -0.4210571560507811, sign * 1.0))
        assert [sign / 3, *expected] == pytest.approx([kappa, low, high])


@pytest.mark.parametrize("seed", range(20))
def test_measures_are_those_of_scikit_learn(seed: int) -> None:
    """Accuracy, kappa, sensitivity and specificity of 200 labels equal scikit-learn's to 1e-9."""
    rng = random.Random(seed)  # noqa: S311  # labels, not secrets
    labels = [rng.random() < 0.7 for _ in range(200)]
    verdicts = [label if rng.random() < 0.85 else not label for label in labels]
    found = agreement(confusion(zip(labels, verdicts, strict=True)))
    assert accuracy_score(labels, verdicts) == pytest.approx(found.accuracy, abs=1e-9)
    assert cohen_kappa_score(labels, verdicts) == pytest.approx(found.kappa, abs=1e-9)
    assert recall_score(labels, verdicts) == pytest.approx(found.sensitivity, abs=1e-9)
    specificity = recall_score(labels, verdicts, pos_label=False)
    assert specificity == pytest.approx(found.specificity, abs=1e-9)


def test_five_levels_too() -> None:
    """A table of five classes equals statsmodels' kappa to 1e-9."""
    rng = random.Random(1)  # noqa: S311  # labels, not secrets
    table = [[rng.randrange(20) for _ in range(5)] for _ in range(5)]
    peer = statsmodels_kappa(table)
    found = cohens_kappa(table)
    assert found is not None
    assert peer.kappa == pytest.approx(found[0], abs=1e-9)
    assert (peer.kappa_low, peer.kappa_upp) == pytest.approx(found[1], abs=1e-9)


@pytest.mark.parametrize("drawn", [Confusion(0, 0, 0, 0), Confusion(30, 0, 0, 0)])
def test_one_class_has_no_kappa(drawn: Confusion) -> None:
    """Labels of one class, or none, are no evidence of agreement: not 0 and not 1."""
    found = agreement(drawn)
    assert (None, None) == (found.kappa, found.kappa_interval)
    assert found.specificity is None


def test_always_saying_good_is_worth_nothing() -> None:
    """A judge that passes everything has kappa 0, however many answers are good."""
    assert pytest.approx(0.0) == agreement(Confusion(95, 5, 0, 0)).kappa


def test_self_consistency_counts_agreeing_pairs() -> None:
    """Three verdicts that agree count 1, two to one counts one pair of three."""
    assert pytest.approx((1 + 1 / 3) / 2) == self_consistency(
        [(True, True, True), (True, True, False), (True,)]
    )
    assert self_consistency([(True,), ()]) is None


def test_correction_is_rogan_and_gladen() -> None:
    """Apparent .60, sensitivity .9, specificity .8: (.6 + .8 - 1) / .7 = .5714."""
    found = corrected_share(60, 100, Confusion(90, 20, 10, 80))
    assert found is not None
    assert pytest.approx(0.4 / 0.7) == found.share
    variance = 0.6 * 0.4 / 100 + (4 / 7) ** 2 * 0.09 / 100 + (3 / 7) ** 2 * 0.16 / 100
    half = 1.959963984540054 * variance**0.5 / 0.7
    assert pytest.approx((0.4 / 0.7 - half, 0.4 / 0.7 + half)) == found.interval


@given(counts, st.integers(0, 50), st.integers(0, 50))
def test_a_corrected_share_is_a_share(judge: Confusion, good: int, bad: int) -> None:
    """Whatever the judge, the correction lies in [0, 1] inside its interval, or is not given."""
    found = corrected_share(good, good + bad, judge)
    if found is not None:
        low, high = found.interval
        assert 0 <= low <= found.share <= high <= 1


def test_a_judge_no_better_than_chance_corrects_nothing() -> None:
    """Without a sensitivity and a specificity above chance there is no correction."""
    assert corrected_share(5, 10, Confusion(5, 5, 5, 5)) is None
    assert corrected_share(5, 10, Confusion(5, 0, 0, 0)) is None
    assert corrected_share(0, 0, Confusion(5, 0, 0, 5)) is None
