"""What a run takes from the machine, passed in so that nothing reaches for it."""

import os
import platform
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from evalgate.agents.clock import SYSTEM_CLOCK, Clock
from evalgate.suite.isolation import Walls, these_walls
from evalgate.version import VERSION


@dataclass(frozen=True, slots=True)
class Environment:
    """Environment, clock and versions."""

    environ: Mapping[str, str] = field(repr=False)
    clock: Clock = SYSTEM_CLOCK
    """Where the time comes from."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Versions of evalgate, Python and the platform."""
    walls: Callable[[], Walls] = these_walls
    """Asks what can keep an agent in; only where that is wanted."""

    def now(self) -> datetime:
        """Return the wall time with its zone."""
        return datetime.fromtimestamp(self.clock.wall(), UTC)

    def timestamp(self) -> str:
        """Return the wall time as RFC 3339, to the second."""
        return self.now().strftime("%Y-%m-%dT%H:%M:%SZ")


def this_machine() -> Environment:
    """Describe the machine this runs on."""
    versions = {
        "evalgate": VERSION,
        "python": platform.python_version(),
        "platform": sys.platform,
    }
    return Environment(dict(os.environ), SYSTEM_CLOCK, versions)
