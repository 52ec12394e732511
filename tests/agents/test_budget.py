"""What a run has cost, held against its caps."""

from evalgate.agents.budget import Spent, cost_of, tokens_of
from evalgate.schema.config import Caps
from evalgate.schema.result import TrialResult, TrialUsage, TrialUser
from evalgate.schema.score import Score, Scored
from evalgate.schema.trace import Trace


def spent(*trials: tuple[float | None, int | None], replayed: bool = False) -> Spent:
    """Count trials of these costs and tokens."""
    total = Spent()
    for cost, tokens in trials:
        scores: dict[str, Score] = {} if cost is None else {"cost_usd": Scored(cost)}
        usage = TrialUsage() if tokens is None else TrialUsage(tokens, 0)
        result = TrialResult("c", 0, "finished", scores, usage=usage)
        total.add(Trace(case_id="c", replayed=replayed), result)
    return total


def test_known_costs_add_up() -> None:
    """Known costs and tokens are summed."""
    total = spent((0.1, 10), (0.2, 20))
    assert (total.cost, total.tokens) == (0.1 + 0.2, 30)


def test_unknown_is_not_zero() -> None:
    """An unknown trial counts as the dearest and largest that was seen."""
    total = spent((0.1, 10), (0.3, 30), (None, None))
    assert (total.cost, total.tokens) == (0.1 + 0.3 + 0.3, 70)


def test_caps() -> None:
    """A cap is reached at its value, and named."""
    total = spent((0.1, 10), (0.2, 20))
    assert total.exceeded(Caps(), 1) is None
    assert total.exceeded(Caps(cost_usd=0.31), 1) is None
    assert "0.3 USD is reached" in (total.exceeded(Caps(cost_usd=0.3), 1) or "")
    assert "30 tokens is reached" in (total.exceeded(Caps(tokens=30), 1) or "")


def test_a_cap_that_cannot_be_held() -> None:
    """After as many trials as run at once without one known cost, the cap is given up."""
    caps = Caps(cost_usd=1.0)
    assert spent((None, 1)).exceeded(caps, 2) is None
    assert "no trial's cost is known" in (spent((None, 1), (None, 1)).exceeded(caps, 2) or "")
    assert spent((None, 1), (0.1, 1)).exceeded(caps, 2) is None


def test_replay_is_free() -> None:
    """Replayed trials spend nothing."""
    total = spent((0.5, 100), replayed=True)
    assert (total.cost, total.tokens, total.exceeded(Caps(cost_usd=0.1, tokens=1), 1)) == (
        0,
        0,
        None,
    )


def test_a_simulated_user_counts_against_the_caps() -> None:
    """Its money is real; where its cost or its tokens are unknown, so are the trial's."""
    scores: dict[str, Score] = {"cost_usd": Scored(0.5)}
    usage = TrialUsage(100, 10)
    users = (TrialUser("m", 2, 30, 3, 0.25), TrialUser("m", 2), TrialUser("m", 0), None)
    results = [TrialResult("c", 0, "finished", scores, usage=usage, user=user) for user in users]
    assert [0.75, None, 0.5, 0.5] == [cost_of(result) for result in results]
    assert [(143, True), (110, False), (110, True), (110, True)] == [*map(tokens_of, results)]
