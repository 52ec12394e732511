"""Why a call failed, and who has to act on it: the one list that all of capacity speaks of."""

from typing import Literal, get_args

Cause = Literal[
    "throttled_requests",
    "throttled_tokens",
    "concurrency",
    "never_fits",
    "quota_exhausted",
    "queue_timeout",
    "queue_full",
    "overloaded",
    "server_error",
    "timeout",
    "cut_stream",
    "bad_request",
    "auth",
    "content_filter",
    "tool",
    "agent",
    "unknown",
]
"""What stopped a call.

`throttled_*` and `concurrency` are rejections that waiting cures; `never_fits` and
`quota_exhausted` look the same to a client and are not cured by waiting; `queue_timeout` and
`queue_full` are our own queue giving up; `cut_stream` is an answer that broke off; `unknown` is
kept apart on purpose.
"""

CAUSES: tuple[Cause, ...] = get_args(Cause)

RATE_LIMITS: frozenset[Cause] = frozenset(
    {
        "throttled_requests",
        "throttled_tokens",
        "concurrency",
        "never_fits",
        "quota_exhausted",
        "queue_timeout",
        "queue_full",
    }
)
"""The causes that are a want of capacity: more of it, or less load, makes them go away."""

Team = Literal["capacity", "billing", "provider", "platform", "prompt", "safety", "tools", "agent"]
"""Who acts: each cause goes to exactly one."""

TEAMS: dict[Cause, Team] = {
    "throttled_requests": "capacity",
    "throttled_tokens": "capacity",
    "concurrency": "capacity",
    "never_fits": "prompt",
    "quota_exhausted": "billing",
    "queue_timeout": "capacity",
    "queue_full": "capacity",
    "overloaded": "provider",
    "server_error": "provider",
    "timeout": "platform",
    "cut_stream": "platform",
    "bad_request": "agent",
    "auth": "platform",
    "content_filter": "safety",
    "tool": "tools",
    "agent": "agent",
    "unknown": "platform",
}
"""The owner of each cause; a request larger than the limit is cured by a smaller prompt."""
