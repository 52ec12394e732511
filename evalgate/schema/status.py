"""How a trial ends."""

from typing import Literal

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
