"""Did you mean."""

from evalgate.text.suggest import did_you_mean


def test_a_near_name_is_offered() -> None:
    """Case and a slip of the finger do not matter; a far name is not offered."""
    assert " (did you mean 'must_pass'?)" == did_you_mean("Must_Pas", ["must_pass", "tags"])
    assert not did_you_mean("zzz", ["must_pass", "tags"])
