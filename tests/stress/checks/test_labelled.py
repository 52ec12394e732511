"""The classifier against each profile's own responses."""

import pytest

from evalgate.quota.profiles import PROFILES
from evalgate.stress.checks.labelled import labelled_responses, own_accuracy


@pytest.mark.parametrize("profile", PROFILES)
def test_every_response_is_classed_right(profile: str) -> None:
    """Throttles on requests and tokens, an empty purse, overload, server error, bad request."""
    found = own_accuracy(profile)
    assert (1.0, ()) == (found.share, found.wrong)
    assert 6 <= found.total == len(list(labelled_responses(profile)))
