"""Quotas are added up and cut without a unit that appears or is lost."""

import pytest

from evalgate.errors import ConfigError
from evalgate.quota.quota import Quota
from evalgate.quota.shares import organisation, split


def test_an_organisation_has_the_sum() -> None:
    """Each limit that every agent has; one that none has stays unlimited."""
    both = organisation([Quota(rpm=60, tpm=1000, burst=5), Quota(rpm=40, tpm=500, burst=1)])
    assert Quota(rpm=100, tpm=1500, burst=6) == both


def test_the_organisation_of_one_is_its_quota() -> None:
    """Nothing is added."""
    one = Quota(rpm=60, max_concurrency=3)
    assert one == organisation([one])


@pytest.mark.parametrize(
    ("quotas", "said"),
    [
        ([], "expected at least one quota"),
        ([Quota(rpm=60), Quota(tpm=60)], "rpm is set for 1 of 2"),
        ([Quota(rpm=60), Quota(rpm=60, limiter="fixed")], "differ in how they count"),
    ],
)
def test_what_cannot_be_added_is_refused(quotas: list[Quota], said: str) -> None:
    """An unknown share is no share of 0."""
    with pytest.raises(ConfigError, match=said):
        organisation(quotas)


def test_a_cut_keeps_the_whole() -> None:
    """30 % of 5 is 1, rounded down; the rest is 4; what is unlimited stays so on both sides."""
    share, rest = split(Quota(rpm=5, tpm=1000), 30)
    assert (Quota(rpm=1, tpm=300), Quota(rpm=4, tpm=700)) == (share, rest)
    share, rest = split(Quota(rpm=60, tpm=1001, burst=10), 20)
    assert (Quota(rpm=12, tpm=200, burst=2), Quota(rpm=48, tpm=801, burst=8)) == (share, rest)


@pytest.mark.parametrize("percent", [19, 100])
def test_a_cut_leaves_a_whole_unit_on_both_sides(percent: int) -> None:
    """19 % of 5 is less than one; 100 % leave nothing."""
    with pytest.raises(ConfigError, match="rpm 5 is no whole unit"):
        split(Quota(rpm=5), percent)
    assert 1 == split(Quota(rpm=5), 20)[0].rpm
