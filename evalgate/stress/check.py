"""Simulates recorded sessions as a `stress:` block mixes them."""

from collections.abc import Sequence
from pathlib import Path

from evalgate.schema.stress import StressConfig
from evalgate.stress.checks.stress import stress
from evalgate.stress.load.workload import Recorded
from evalgate.stress.recorded_sessions import Tagged, loops_in, session_checks, workload_from
from evalgate.stress.report import StressPart, part_of
from evalgate.stress.settings import (
    arrivals_digest,
    law_of,
    policy_of,
    scenario_of,
    settings_version,
)


def stress_of_sessions(
    config: StressConfig, sessions: Sequence[Tagged], root: Path, arrivals: str = ""
) -> StressPart:
    """Simulate recorded sessions as a `stress:` block mixes them.

    Args:
        config: The block.
        sessions: Recorded sessions, in an order that does not hang on chance.
        root: The folder an arrival trace is relative to.
        arrivals: Digest of the arrival trace, where it is known already.

    Raises:
        ConfigError: A setting is not usable, or a kind of session has no recorded one.
        DataError: Sessions hold no LLM call, or the arrival trace is not readable.
    """
    law = law_of(config.arrivals, root)
    if isinstance(law, Recorded):
        arrivals = arrivals_digest(law.arrivals)
    scenario = scenario_of(config, workload_from(config, sessions, law))
    result = stress(
        scenario,
        policy_of(config, traces=True),
        loops_in(config, sessions),
        seed=config.seed,
        most_seeds=config.most_seeds,
    )
    return part_of(
        config,
        scenario,
        result,
        settings_version(config, arrivals),
        more=session_checks(config, sessions),
    )
