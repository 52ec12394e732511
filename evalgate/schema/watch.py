"""What is kept, watched and told: `history:`, `watch:`, `receivers:` and `alert_routes:`."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from evalgate.schema.base import Model, NonNegative, Ratio


class HistoryConfig(Model):
    """The history of runs and of production; a text stands for `url`."""

    url: Annotated[str, Field(min_length=1)] = ".evalgate/history.db"
    """A SQLite file relative to the configuration, `postgresql://...`, or `$NAME`: that variable
    of the environment holds it."""
    branches: Annotated[tuple[str, ...], Field(min_length=1)] = ("main", "master")
    """Branches whose runs make trends, objectives and change points."""


def _history(value: object) -> object:
    return {"url": value} if isinstance(value, str) else value


History = Annotated[
    HistoryConfig, BeforeValidator(_history, json_schema_input_type=str | HistoryConfig)
]
"""A history; a text stands for its `url`."""


class WatchLimits(Model):
    """Absolute limits over the last hour; null: no limit."""

    cost_per_hour: NonNegative | None = 100.0
    """USD an hour."""
    escalation_rate: Ratio | None = 0.10
    """Share of interactions handed over to a person."""
    tool_failure_rate: Ratio | None = 0.20
    """Share of the calls of one tool that fail."""
    guardrail_violation_rate: Ratio | None = 0.05
    """Share of interactions in which a guardrail blocked something or personal data leaked."""
    rate_limited_rate: Ratio | None = 0.05
    """Share of model calls that a rate limit refused."""


class WatchConfig(Model):
    """What `evalgate watch` looks at."""

    limits: WatchLimits = WatchLimits.model_construct()
    """Absolute limits."""
    min_events: Annotated[int, Field(ge=1)] = 20
    """Interactions or calls below which a rate is no evidence."""
    environment: str | None = None
    """Only interactions of this environment, e.g. `production`; null: all."""
    every_s: Annotated[int, Field(ge=1)] = 60
    """Seconds between two looks, without `--once`."""
    runbook: str | None = None
    """A link that every alert carries."""


class Receiver(Model):
    """One place that alerts are sent to; `$NAME` is read from the environment when it is used."""

    slack: str | None = None
    """URL of an incoming webhook of Slack."""
    pagerduty: str | None = None
    """Routing key of the Events API v2."""
    pagerduty_url: str = "https://events.pagerduty.com/v2/enqueue"
    """Where events go; the EU has an address of its own."""
    webhook: str | None = None
    """URL that is sent the alert as JSON."""
    secret: str | None = None
    """Key of the webhook's signature."""
    apprise: str | None = None
    """A URL of apprise, for any other service (extra `[notify]`)."""
    severity: Literal["medium", "high"] = "medium"
    """The lowest severity that is sent."""
    per_hour: Annotated[int, Field(ge=1)] = 20
    """Messages an hour; the rest waits for the next look."""

    @model_validator(mode="after")
    def _is_one_place(self) -> "Receiver":
        given = [n for n in ("slack", "pagerduty", "webhook", "apprise") if getattr(self, n)]
        if len(given) != 1:
            message = f"a receiver has one of slack, pagerduty, webhook, apprise; found {given}"
            raise ValueError(message)
        return self
