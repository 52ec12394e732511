"""Errors that are not throttles, injected by rate: what providers do on a bad day."""

from dataclasses import dataclass
from difflib import get_close_matches
from random import Random

from evalgate.errors import ConfigError
from evalgate.stress.simulation.causes import Cause


@dataclass(frozen=True, slots=True)
class FaultProfile:
    """Chances for each attempt; independent of load."""

    name: str = "none"
    rates: tuple[tuple[Cause, float], ...] = ()
    """Chance of each failure; they add up to at most 1."""
    slow_rate: float = 0.0
    """Chance that the first token comes late; the attempt succeeds."""
    slow_seconds: float = 10.0
    """How late, in seconds."""
    timeout_seconds: float = 60.0
    """How long a client waits before it gives an attempt up."""

    def __post_init__(self) -> None:
        """Refuse rates that are no chances.

        Raises:
            ConfigError: A rate lies outside [0, 1], or they add up to more than 1.
        """
        rates = [*(rate for _, rate in self.rates), self.slow_rate]
        bad = [rate for rate in rates if not 0 <= rate <= 1]
        total = sum(rates)
        if bad or total > 1 + 1e-12:
            raise ConfigError(
                f"faults {self.name!r}: expected chances from 0 to 1 that add up to at most 1, "
                f"found {bad[0] if bad else total!r}"
            )


def from_base_rate(name: str, error_rate: float, throttle_share: float) -> FaultProfile:
    """Turn a published error rate into faults.

    Throttles are not injected, they come from the quota. The rest is split evenly over overloads,
    server errors and timeouts, as nothing is published about that split.

    Args:
        name: Name of the profile.
        error_rate: Share of calls that fail.
        throttle_share: Share of these that are rate limits.
    """
    each = error_rate * (1 - throttle_share) / 3
    causes: tuple[Cause, ...] = ("overloaded", "server_error", "timeout")
    return FaultProfile(name, tuple((cause, each) for cause in causes))


FAULTS: dict[str, FaultProfile] = {
    p.name: p
    for p in (
        FaultProfile(),
        # Datadog, State of AI Engineering 2026: February 5 % failed, 60 % of these on rate limits.
        from_base_rate("datadog-2026", 0.05, 0.60),
        from_base_rate("datadog-2026-02", 0.05, 0.60),
        # March: 2 % failed, about a third on rate limits.
        from_base_rate("datadog-2026-03", 0.02, 1 / 3),
        FaultProfile("slow-first-token", (), slow_rate=0.05),
        FaultProfile("cut-stream", (("cut_stream", 0.02),)),
        FaultProfile("overload", (("overloaded", 0.10),)),
    )
}
"""Profiles by name."""


def fault_profile(name: str) -> FaultProfile:
    """Return a profile by name.

    Raises:
        ConfigError: There is none of that name.
    """
    if name not in FAULTS:
        close = get_close_matches(name, FAULTS, n=1)
        fix = f"did you mean {close[0]}?" if close else f"one of: {', '.join(FAULTS)}"
        raise ConfigError(f"faults: expected a known profile, found {name!r}", fix=fix)
    return FAULTS[name]


def draw_fault(profile: FaultProfile, rng: Random) -> Cause | bool:
    """Draw what happens to one attempt.

    Args:
        profile: The chances.
        rng: Source of chance.

    Returns:
        The failure; True for a late first token; False when all is well.
    """
    mark = rng.random()
    for cause, rate in profile.rates:
        if mark < rate:
            return cause
        mark -= rate
    return mark < profile.slow_rate
