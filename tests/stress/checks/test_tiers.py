"""Business classes."""

from evalgate.stress.checks.tiers import TIERS


def test_the_limits_of_the_field() -> None:
    """Critical < .001, user_facing and compliance < .01, frontier <= .05, internal <= .10."""
    assert {
        "critical": (0.001, True),
        "user_facing": (0.01, True),
        "compliance": (0.01, True),
        "frontier": (0.05, False),
        "internal": (0.10, False),
        "pilot": (0.10, False),
    } == {name: (float(tier.limit), tier.strict) for name, tier in TIERS.items()}
    assert [tier.name for tier in TIERS.values() if not tier.gates] == ["pilot"]
