"""How sessions with faults of tools are played."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class FaultPlay:
    """What a user may ask of sessions with faults."""

    record: bool = False
    """Whether the model is asked what is not recorded, and its answers are recorded."""
    minimise: bool = False
    """Whether failing sets of faults are shrunk."""


REPLAYED: Final = FaultPlay()
"""No model is asked."""
