"""Answers for people: every range of the score is drawn, and the order tells nothing."""

from hypothesis import given
from hypothesis import strategies as st

from evalgate.judges.labelling import asked_about, draw_stratified, is_good

scored = st.lists(st.tuples(st.integers(), st.floats(0, 1)), max_size=60, unique_by=lambda i: i[0])


@given(scored, st.floats(0.01, 1), st.integers())
def test_a_draw_is_fixed_by_its_seed(
    items: list[tuple[int, float]], rate: float, seed: int
) -> None:
    """The same seed draws the same answers, each at most once, and only given ones."""
    drawn = draw_stratified(items, rate, seed)
    assert drawn == draw_stratified(items, rate, seed)
    assert len(drawn) == len(set(drawn))
    assert set(drawn) <= {item for item, _ in items}
    assert bool(drawn) is bool(items)


def test_rare_scores_are_drawn_too() -> None:
    """Of 98 good answers and 2 bad ones, a tenth holds a bad one."""
    items = [(n, 1.0) for n in range(98)] + [(98, 0.0), (99, 0.1)]
    drawn = draw_stratified(items, 0.1, 1)
    assert 11 == len(drawn)
    assert set(drawn) & {98, 99}


def test_what_is_good() -> None:
    """All claims supported; level 4; nothing flagged."""
    assert is_good(1.0, 1.0, lower_is_better=False)
    assert not is_good(0.99, 1.0, lower_is_better=False)
    assert is_good(0.0, 1.0, lower_is_better=True)
    assert "1-5" == asked_about("goal_attainment", "Reached?", levels=True).scale
    assert "yes_no" == asked_about("polite", "Is it polite?", levels=False).scale
