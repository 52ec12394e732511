"""The `stress:` block of a suite: what is offered, to which limits, by which clients."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from evalgate.schema.base import Model, NonNegative, Positive
from evalgate.schema.tool_faults import StressFaults

__all__ = ["StressAdmission", "StressConfig", "StressMix", "StressQuota", "TierName"]

TierName = Literal["critical", "user_facing", "compliance", "frontier", "internal", "pilot"]
"""A business class: it sets how many calls may fail, see `docs/stress.md`."""

_Limit = Annotated[int, Field(ge=1, le=10**12)]
_Sessions = Annotated[int, Field(ge=1, le=10_000_000)]


class StressMix(Model):
    """Sessions of one kind; a number stands for `sessions`."""

    sessions: _Sessions
    """How many come."""
    tags: tuple[str, ...] = ()
    """Drawn in turn from cases with one of these tags."""
    cases: tuple[str, ...] = ()
    """Drawn in turn from these cases; without `tags` and `cases` from those tagged with the mix's
    name, and from every case where the name is `all`."""
    tier: TierName | None = None
    """Business class; its verdict is stated apart. `critical` sessions may use the reserve."""
    priority: Annotated[int, Field(ge=0, le=99)] | None = None
    """Place in the queue, lower first; null: `critical` 0, `user_facing` and `compliance` 1,
    no tier 1, all others 2."""


def _mix(value: object) -> object:
    return {"sessions": value} if isinstance(value, int) else value


class StressQuota(Model):
    """The limits of the account; a limit that is null does not exist."""

    rpm: _Limit | None = None
    """Requests a minute."""
    tpm: _Limit | None = None
    """Tokens a minute, input and output together."""
    input_tpm: _Limit | None = None
    """Input tokens a minute."""
    output_tpm: _Limit | None = None
    """Output tokens a minute."""
    max_concurrency: _Limit | None = None
    """Calls in flight at once."""
    burst: _Limit | None = None
    """Requests that a full bucket holds; null: as many as a minute's."""
    limiter: Literal["bucket", "fixed", "sliding", "sliding-counter"] | None = None
    """How requests and tokens are counted; null: as the profile's provider does."""
    charge: Literal["actual", "max", "sum", "anthropic"] | None = None
    """What a call costs when it is admitted; null: as the profile's provider charges."""
    count_rejected: bool = False
    """Whether a rejected attempt counts as a request, up to the limit."""
    hint: Literal["none", "seconds", "ms", "date"] | None = None
    """How a refusal tells the wait (`retry-after`); null: as the profile's provider does."""


class StressAdmission(Model):
    """Capacity control on our side: a queue before the provider."""

    reservation: Literal["conserving", "strict", "none"] = "conserving"
    """How a share is kept for `critical` sessions."""
    reserve: Annotated[int, Field(ge=0, le=99)] = 20
    """Percent of the quota that is kept."""
    backpressure: bool = True
    """Whether nothing is let through while the provider throttles."""
    dynamic: bool = False
    """Whether calls at once rise below 80 % of the quota in use and are cut at 90 %."""
    max_wait: NonNegative | None = None
    """Seconds a call waits at most; null: as long as it takes."""
    max_queue: Annotated[int, Field(ge=0, le=10**9)] | None = None
    """Calls that wait at most, one more is turned away; null: any number."""


def _admission(value: object) -> object:
    if value is False:
        return None
    return {} if value is True else value


def _faults(value: object) -> object:
    return {"models": value} if isinstance(value, str) else value


class StressConfig(Model):
    """A stress check of the suite: `evalgate run` makes it beside the golden set."""

    profile: str = "openai"
    """Whose way of counting, error bodies, headers and hints: `openai`, `anthropic`, `azure`,
    `litellm`, or `custom`, which is taken to send no hint."""
    quota: StressQuota = StressQuota.model_construct()
    """The limits of the account; those of the whole organisation where `organisation` says so."""
    organisation: bool | None = None
    """Whether these limits are the organisation's budget; null: not stated."""
    sessions: dict[
        str, Annotated[StressMix, BeforeValidator(_mix, json_schema_input_type=int | StressMix)]
    ] = Field(default_factory=dict)
    """Kinds of session and how many of each come; empty: every recorded session once."""
    arrivals: str = "burst"
    """When sessions come: `burst`, `poisson:RATE` a second, `ramp:SECONDS`, `users:N` at a time
    (a closed loop), or the path of a recorded arrival trace (CSV or JSONL)."""
    growth: Annotated[float, Field(gt=-1, le=1000)] = 0.0
    """Load that is added, e.g. 0.2."""
    retry: str = "openai"
    """Retry layers, innermost first, e.g. `openai+langgraph`; `none`, or `NAME:RETRIES`."""
    retry_budget: Annotated[int, Field(ge=0, le=1000)] | None = None
    """Retries for every hundred calls, over all sessions; null: no such cap."""
    admission: Annotated[
        StressAdmission | None,
        BeforeValidator(_admission, json_schema_input_type=bool | StressAdmission | None),
    ] = None
    """Capacity control; true: with its defaults, null: there is none."""
    faults: Annotated[
        StressFaults, BeforeValidator(_faults, json_schema_input_type=str | StressFaults)
    ] = StressFaults()
    """Errors that are no throttles, by profile, e.g. `datadog-2026`; or faults of models and of
    tools: see `docs/faults.md`."""
    limits: dict[str, float] = Field(default_factory=dict)
    """Limits by check; naming one lets it fail the run."""
    engine: Literal["simulate", "live"] = "simulate"
    """`simulate`: in virtual time. `live`: the agent itself over HTTP against the limits."""
    seconds: Positive = 60.0
    """Wall time a live check may take."""
    seed: Annotated[int, Field(ge=0, le=2**32)] = 0
    """Fixes arrivals, jitter and faults."""
    most_seeds: Annotated[int, Field(ge=1, le=1000)] = 128
    """Seeds that may be played until a claim has its evidence."""
    alert_routes: dict[str, str] | None = None
    """Where alerts go, by team; null: not stated."""

    @property
    def model_faults(self) -> str:
        """Profile of the model's errors."""
        return self.faults.models
