"""How a trial ends."""

from collections.abc import Mapping
from typing import Final, Literal

TraceStatus = Literal[
    "finished",
    "crashed",
    "timed_out",
    "bad_output",
    "limit",
    "loop_limit",
    "unfinished",
    "not_measured",
]
"""How a trial ended.

`finished` is the only success. `crashed`, `timed_out`, `bad_output`, `limit`, `loop_limit` and
`unfinished` are failures of the agent and stay in every denominator. `not_measured` is a failure
of ours (a replay miss): the trial is no evidence at all.
"""

ENDED: Final[Mapping[TraceStatus, str]] = {
    "finished": "finished",
    "crashed": "crashed",
    "timed_out": "timed out",
    "bad_output": "gave no valid answer",
    "limit": "ran into a limit",
    "loop_limit": "called the model too often",
    "unfinished": "did not finish",
    "not_measured": "was not measured",
}
"""How a trial ended, in words."""
