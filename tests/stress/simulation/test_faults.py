"""Injected errors."""

from random import Random

import pytest

from evalgate.errors import ConfigError
from evalgate.stress.simulation.faults import (
    FAULTS,
    FaultProfile,
    draw_fault,
    fault_profile,
    from_base_rate,
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("datadog-2026", 0.05 * 0.4),
        ("datadog-2026-02", 0.05 * 0.4),
        ("datadog-2026-03", 0.02 * 2 / 3),
    ],
)
def test_datadog_leaves_the_throttles_to_the_quota(name: str, expected: float) -> None:
    """Spec: February 5 % of which 60 % on rate limits, March 2 % and a third; the rest injected."""
    assert expected == pytest.approx(sum(rate for _, rate in FAULTS[name].rates))


def test_what_is_not_a_rate_limit_is_split_over_three_causes() -> None:
    """A tenth of the calls fail, a quarter of these on rate limits: 2.5 % of each other cause."""
    rates = from_base_rate("x", 0.1, 0.25).rates
    assert [("overloaded", 0.025), ("server_error", 0.025), ("timeout", 0.025)] == [
        (cause, pytest.approx(rate)) for cause, rate in rates
    ]


def test_draws_follow_the_rates() -> None:
    """Shares of 40,000 draws, within five standard errors."""
    profile = FaultProfile("x", (("overloaded", 0.2), ("timeout", 0.1)), slow_rate=0.3)
    rng = Random(5)  # noqa: S311  a seeded law
    found: list[object] = [draw_fault(profile, rng) for _ in range(40_000)]
    for value, share in (("overloaded", 0.2), ("timeout", 0.1), (True, 0.3), (False, 0.4)):
        assert abs(found.count(value) / 40_000 - share) < 5 * 0.5 / 200


@pytest.mark.parametrize(
    "rates", [(("timeout", 1.5),), (("timeout", -0.1),), (("timeout", 0.6), ("overloaded", 0.6))]
)
def test_rates_are_chances(rates: tuple[tuple[str, float], ...]) -> None:
    """Outside [0, 1], or more than 1 together, is refused."""
    with pytest.raises(ConfigError):
        FaultProfile("x", rates)  # type: ignore[arg-type]  # literal


def test_unknown_profiles_are_named() -> None:
    """With the nearest known one."""
    with pytest.raises(ConfigError) as caught:
        fault_profile("datadog-206")
    assert "datadog-2026" in str(caught.value.fix)


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("datadog-2062", "did you mean datadog-2026?"),
        ("x", f"one of: {', '.join(FAULTS)}"),
    ],
)
def test_an_unknown_profile_names_the_nearest_or_all(name: str, fix: str) -> None:
    """What was asked for, and a way out."""
    with pytest.raises(ConfigError) as refused:
        fault_profile(name)
    assert fix == refused.value.fix
