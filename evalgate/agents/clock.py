"""Where the time comes from."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final


@dataclass(frozen=True, slots=True)
class Clock:
    """Where the time comes from."""

    now: Callable[[], float]
    """Seconds that only grow, from any start."""
    wall: Callable[[], float]
    """Seconds since 1970."""

    def timestamp(self) -> str:
        """Return the wall time as RFC 3339 with milliseconds."""
        moment = datetime.fromtimestamp(self.wall(), UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


SYSTEM_CLOCK: Final = Clock(time.monotonic, time.time)
"""The clock of the machine."""
