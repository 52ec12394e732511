"""What is told: one figure that is unusual, from what is known of it to who can act."""

from dataclasses import dataclass
from typing import Literal

State = Literal["firing", "quiet", "unknown"]
"""`unknown` neither starts an alert nor ends one."""

Action = Literal["trigger", "resolve"]

TEAMS = (
    *("capacity", "billing", "provider", "platform", "prompt", "safety", "tools", "agent"),
    "model",
)
"""Root causes that `alert_routes:` may name, beside `default`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Everything a receiver is told."""

    key: str
    """One key for trigger and resolve, the same over restarts."""
    title: str
    severity: Literal["medium", "high"]
    agent: str
    metric: str
    current: str
    """The value, with its unit."""
    usual: str
    """What it is held against."""
    since: str
    """RFC 3339 time from which on it is so."""
    model: str
    prompt: str
    team: str
    """Who can act: the root cause's."""
    cause: str
    """The probable cause, and what points to it."""
    advice: str
    """What to do first."""
    links: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Signal:
    """A figure that is watched, and what it says now."""

    key: str
    state: State
    why: str
    """The rule and its figures."""
    alert: Alert | None = None
    """What to tell; null unless it is firing."""
