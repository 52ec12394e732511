"""Tests of evalgate.schema.result."""

from evalgate.schema.result import MetricValue


def test_an_agents_own_word_has_one_name() -> None:
    """Reports of 0.1 called it self-reported."""
    data = {"value": 1, "unit": "ratio", "direction": "higher", "n": 1}
    found = MetricValue.model_validate({**data, "source": "self_reported"})
    assert "claimed" == found.source
