"""Limits as data: what an account may use, how it is counted, and what one call is."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

from evalgate.errors import ConfigError
from evalgate.quota.units import nanoseconds

LimiterName = Literal["bucket", "fixed", "sliding", "sliding-counter"]
"""Token bucket with continuous refill, fixed window, sliding log, two weighted windows."""

Charge = Literal["actual", "max", "sum", "anthropic"]
"""What a call costs when it is admitted.

`actual`: input + output. `max`: the larger of max_tokens and the input (OpenAI). `sum`: input +
max_tokens (Azure). `anthropic`: input without cache reads, output as it is produced. Where
max_tokens is not known, `max` and `sum` charge the real cost.
"""

Hint = Literal["exact", "ms", "seconds", "date", "none"]
"""How the server tells the wait: exactly, in ms, in whole seconds, as a date, or not at all."""

DimensionName = Literal["requests", "tokens", "input_tokens", "output_tokens", "concurrency"]

_LARGEST = 10**12


class Request(NamedTuple):
    """What the quota model needs to know of one call, in tokens."""

    input_tokens: int = 0
    """All input, cache reads included."""
    output_tokens: int | None = None
    """The real output where it is known beforehand (replay, simulation)."""
    max_tokens: int | None = None
    """The output limit that was asked for."""
    cached_tokens: int = 0
    """Input read from the provider's prompt cache."""


class Dimension(NamedTuple):
    """One limit: `limit` units flow in every `window` nanoseconds, at most `room` at once."""

    name: DimensionName
    limit: int
    window: int
    room: int


@dataclass(frozen=True)
class Quota:
    """The limits of one account at one provider.

    Raises:
        ConfigError: A limit is not a whole number from 1 to 10^12, or fields contradict.
    """

    rpm: int | None = None
    """Requests a window; None: no such limit."""
    tpm: int | None = None
    """Tokens, input and output together, a window."""
    input_tpm: int | None = None
    """Input tokens a window."""
    output_tpm: int | None = None
    """Output tokens a window."""
    max_concurrency: int | None = None
    """Calls in flight at once."""
    burst: int | None = None
    """Requests that a full bucket holds; None: as many as a window's."""
    limiter: LimiterName = "bucket"
    """How requests and tokens are counted."""
    window: float = 60.0
    """Seconds the limits are for."""
    request_window: float | None = None
    """Seconds over which requests are checked where that is finer than `window` (Azure)."""
    charge: Charge = "actual"
    """What a call costs when it is admitted."""
    settles: bool = True
    """Whether the difference to the real cost is given back (or taken) when the call ends."""
    count_rejected: bool = False
    """Whether a rejected attempt counts as a request, up to the limit."""
    hint: Hint = "ms"
    """How the wait is told to the client."""
    profile: str = "custom"
    """Whose error bodies and headers are sent."""

    def __post_init__(self) -> None:
        """Refuse what cannot be a quota."""
        for name in ("rpm", "tpm", "input_tpm", "output_tpm", "max_concurrency", "burst"):
            _check_count(name, getattr(self, name))
        for name in ("window", "request_window"):
            _check_window(name, getattr(self, name))
        if self.burst is not None and (self.rpm is None or self.limiter != "bucket"):
            raise ConfigError(
                f"burst: {self.burst!r} is the size of a bucket of requests, but limiter is "
                f"{self.limiter!r} and rpm is {self.rpm!r}",
                fix="set rpm and limiter: bucket, or leave burst out",
            )
        if self.count_rejected and self.rpm is None:
            raise ConfigError(
                "count_rejected: true counts requests, but there is no rpm",
                fix="set rpm, or leave count_rejected out",
            )

    @cached_property
    def dimensions(self) -> tuple[Dimension, ...]:
        """The limits over time, in the order of every tuple of costs."""
        window = nanoseconds(self.window)
        found = [] if self.rpm is None else [self._requests(self.rpm, window)]
        tokens: tuple[tuple[DimensionName, int | None], ...] = (
            ("tokens", self.tpm),
            ("input_tokens", self.input_tpm),
            ("output_tokens", self.output_tpm),
        )
        found += [Dimension(name, n, window, n) for name, n in tokens if n is not None]
        return tuple(found)

    def _requests(self, rpm: int, window: int) -> Dimension:
        fine = window if self.request_window is None else nanoseconds(self.request_window)
        share = max(1, rpm * fine // window)
        if self.limiter == "bucket":
            return Dimension("requests", rpm, window, share if self.burst is None else self.burst)
        return Dimension("requests", share, fine, share)


def _check_count(name: str, value: object) -> None:
    if value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _LARGEST:
        raise ConfigError(
            f"{name}: expected a whole number from 1 to 10^12, found {value!r}",
            fix=f"give {name} the provider's limit, or leave it out for no limit",
        )


def _check_window(name: str, value: float | None) -> None:
    if value is not None and not 1e-3 <= value <= 366 * 86_400:
        raise ConfigError(
            f"{name}: expected seconds from 0.001 to a year, found {value!r}",
            fix=f"set {name}: 60 for limits a minute",
        )
