"""What production and main say now: one signal a figure, with its probable cause and its team."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from evalgate.alerts.signal import Alert, Signal
from evalgate.history.anomalies import (
    Anomaly,
    above_limit,
    missing_traffic,
    rate_finding,
    usual_hours,
    value_finding,
    worst,
)
from evalgate.history.hours import AgentHours, Hour
from evalgate.schema.watch import WatchConfig
from evalgate.stress.simulation.causes import CAUSES, RATE_LIMITS, TEAMS, Cause
from evalgate.text.counts import number_of, percent_text

HOURS: Final = 7 * 24 + 1
"""Hours looked at: the last one, and the same hour of the last 7 days."""

_ADVICE: Final[Mapping[str, str]] = {
    "capacity": "lower the load or ask for more quota; `evalgate capacity` says how much is needed",
    "billing": "see that the account is paid and its monthly limit not reached",
    "provider": "look at the provider's status page; switch to the fallback model",
    "platform": "look at the network, the timeouts and the keys",
    "prompt": "compare the prompt with the last good version, and roll it back if it is the cause",
    "safety": "read the blocked interactions; block the abuse or mend the rule that fires",
    "tools": "look at the tool's own errors; the agent cannot mend them",
    "agent": "replay failed interactions against the last good commit",
    "model": "compare with the model before; pin its version",
}
_TITLES: Final[Mapping[str, str]] = {
    "task_failure_rate": "tasks fail",
    "error_rate": "interactions end in an error",
    "escalation_rate": "interactions are handed to a person",
    "guardrail_violation_rate": "guardrails are violated",
    "tool_failure_rate": "calls of the tool {detail} fail",
    "rate_limited_rate": "model calls meet a rate limit",
    "cost_per_hour": "the agent costs more than usual",
    "completion_time": "interactions take longer than usual",
    "traffic": "there are no interactions",
}


@dataclass(frozen=True, slots=True)
class Scene:
    """One agent, what is watched, and when."""

    own: AgentHours
    config: WatchConfig
    now: int

    @property
    def agent(self) -> str:
        """The agent's name."""
        return self.own.agent or "(no agent named)"

    @property
    def last(self) -> Hour | None:
        """The last hour; null without interactions."""
        return self.own.hours.get(0)


def production_signals(
    agents: Mapping[str | None, AgentHours], config: WatchConfig, now: int
) -> tuple[Signal, ...]:
    """Return the signals of every agent that was seen in the last week."""
    scenes = [Scene(own, config, now) for own in agents.values()]
    return tuple(signal for scene in scenes for signal in _signals(scene))


def _signals(scene: Scene) -> Iterator[Signal]:
    yield _signal(scene, "traffic", _traffic(scene), "platform", _NO_TRAFFIC)
    for metric, finding in _rates(scene):
        yield _signal(scene, metric, finding, *_cause(scene, metric))
    for tool in sorted(scene.own.tools):
        why = f"the calls of {tool} fail, not those of the model"
        yield _signal(scene, "tool_failure_rate", _tool(scene, tool), "tools", why, tool)
    team, why = _limited_cause(scene)
    yield _signal(scene, "rate_limited_rate", _limited(scene), team, why)
    yield _signal(scene, "cost_per_hour", _cost(scene), *_cost_cause(scene))
    yield _signal(scene, "completion_time", _time(scene), *_cause(scene, "completion_time"))


_NO_TRAFFIC: Final = "nothing arrives: the agent is down, or its traces are not observed"


def _traffic(scene: Scene) -> Anomaly:
    counts = {ago: hour.interactions for ago, hour in scene.own.hours.items() if ago}
    same = [counts.get(ago, 0) for ago in range(24, HOURS, 24)]
    return missing_traffic(0 if scene.last is None else scene.last.interactions, same)


def _rates(scene: Scene) -> Iterator[tuple[str, Anomaly]]:
    limits = scene.config.limits
    for metric, known, bad, limit in (
        ("task_failure_rate", "success_known", "failures", None),
        ("error_rate", "error_known", "errors", None),
        ("escalation_rate", "escalation_known", "escalations", limits.escalation_rate),
        (
            "guardrail_violation_rate",
            "guardrail_known",
            "violations",
            limits.guardrail_violation_rate,
        ),
    ):
        pairs = {
            ago: (float(getattr(hour, bad)), int(getattr(hour, known)))
            for ago, hour in scene.own.hours.items()
        }
        yield metric, _rate(scene, pairs, limit)


def _rate(scene: Scene, pairs: Mapping[int, tuple[float, int]], limit: float | None) -> Anomaly:
    bad, events = pairs.get(0, (0.0, 0))
    fewest = scene.config.min_events
    with_events = {ago: pair for ago, pair in pairs.items() if ago and pair[1]}
    unusual = rate_finding(bad, events, usual_hours(with_events), fewest)
    value = bad / events if events else None
    return worst(unusual, above_limit(value, limit, evidence=events >= fewest))


def _tool(scene: Scene, tool: str) -> Anomaly:
    pairs = {ago: (float(bad), n) for ago, (bad, n) in scene.own.tools[tool].items()}
    return _rate(scene, pairs, scene.config.limits.tool_failure_rate)


def _limited(scene: Scene) -> Anomaly:
    pairs = {
        ago: (float(_limited_calls(scene, ago)), hour.llm_calls)
        for ago, hour in scene.own.hours.items()
    }
    return _rate(scene, pairs, scene.config.limits.rate_limited_rate)


def _limited_calls(scene: Scene, ago: int) -> int:
    counts = scene.own.causes.get(ago, {})
    return sum(count for cause, count in counts.items() if cause in RATE_LIMITS)


def _limited_cause(scene: Scene) -> tuple[str, str]:
    counts = scene.own.causes.get(0, {})
    limits: list[Cause] = [cause for cause in CAUSES if cause in RATE_LIMITS and cause in counts]
    if not limits:
        return "capacity", "no rate limit was met"
    top = max(limits, key=lambda cause: counts[cause])
    return TEAMS[top], f"{counts[top]} of {_limited_calls(scene, 0)} are {top}"


def _cost(scene: Scene) -> Anomaly:
    hours = {ago: hour for ago, hour in scene.own.hours.items() if not hour.cost_unknown}
    usual = usual_hours({ago: hour.cost_usd for ago, hour in hours.items() if ago})
    last = scene.last
    if last is None:
        return value_finding(None, usual)
    unusual = value_finding(last.cost_usd, usual)
    if last.cost_unknown and unusual.severity is None:
        unusual = value_finding(None, usual)  # what is known is too much, or says nothing
    limit = scene.config.limits.cost_per_hour
    return worst(unusual, above_limit(last.cost_usd, limit, partial=bool(last.cost_unknown)))


def _cost_cause(scene: Scene) -> tuple[str, str]:
    last = scene.last
    before = usual_hours({ago: hour for ago, hour in scene.own.hours.items() if ago})
    changed = _changed(scene)
    if changed is not None:
        return changed
    if last is None or not last.interactions or not before:
        return "agent", "unknown"
    usual_each = sum(h.cost_usd for h in before) / sum(h.interactions for h in before)
    usual_count = sum(h.interactions for h in before) / len(before)
    each = last.cost_usd / last.interactions
    said = (
        f"{last.interactions} interactions at ${each:.4g} each, "
        f"usually {usual_count:.4g} at ${usual_each:.4g}"
    )
    more_each = each / usual_each if usual_each else 0.0
    more_count = last.interactions / usual_count
    return ("agent" if more_each >= more_count else "capacity"), said


def _time(scene: Scene) -> Anomaly:
    means = {
        ago: hour.duration_s / hour.duration_known
        for ago, hour in scene.own.hours.items()
        if hour.duration_known
    }
    usual = usual_hours({ago: mean for ago, mean in means.items() if ago})
    last = scene.last
    enough = last is not None and last.duration_known >= scene.config.min_events
    return value_finding(means.get(0) if enough else None, usual)


def _cause(scene: Scene, metric: str) -> tuple[str, str]:
    """Name the probable cause: what changed, else what fails most, else the metric's own team."""
    changed = _changed(scene)
    if changed is not None:
        return changed
    last = scene.last
    counts = scene.own.causes.get(0, {})
    errors = 0.0 if last is None else last.errors
    known: list[Cause] = [cause for cause in CAUSES if cause in counts]
    if metric in ("error_rate", "completion_time") and known:
        top = max(known, key=lambda cause: counts[cause])
        if 2 * counts[top] >= errors:
            return TEAMS[top], f"{counts[top]} model calls met {top}"
    said = "neither model nor prompt version changed"
    return ("safety" if metric == "guardrail_violation_rate" else "agent"), said


def _changed(scene: Scene) -> tuple[str, str] | None:
    """Return the prompt or model that is new in the last hour."""
    for team, what, sides in (
        ("prompt", "prompt version", scene.own.prompts),
        ("model", "model", scene.own.models),
    ):
        now, before = sides.get(True, frozenset()), sides.get(False, frozenset())
        new = sorted(now - before)
        if new and before:
            return team, f"new {what} {', '.join(new)} (before: {', '.join(sorted(before))})"
    return None


def _signal(
    scene: Scene, metric: str, finding: Anomaly, team: str, cause: str, detail: str = ""
) -> Signal:
    key = "/".join(part for part in (scene.own.agent or "", metric, detail) if part)
    if finding.severity is None:
        return Signal(key, "quiet" if finding.known else "unknown", finding.why)
    last = scene.last
    alert = Alert(
        key=key,
        title=f"{scene.agent}: {_TITLES[metric].format(detail=detail)}",
        severity=finding.severity,
        agent=scene.agent,
        metric=metric,
        current=f"{_amount(metric, finding.value)} in the last hour"
        + ("" if last is None else f" ({number_of(last.interactions, 'interaction')})"),
        usual=f"{_amount(metric, finding.usual)}; {finding.why}",
        since=moment_text(scene.now - 3_600),
        model=", ".join(sorted(scene.own.models.get(True, ()))) or "unknown",
        prompt=", ".join(sorted(scene.own.prompts.get(True, ()))) or "unknown",
        team=team,
        cause=cause,
        advice=_ADVICE[team],
        links=() if scene.config.runbook is None else (scene.config.runbook,),
    )
    return Signal(key, "firing", finding.why, alert)


def _amount(metric: str, value: float | None) -> str:
    if value is None:
        return "unknown"
    if metric == "cost_per_hour":
        return f"${value:.2f}"
    if metric in ("completion_time", "traffic"):
        return f"{value:.3g}" + (" s" if metric == "completion_time" else "")
    return percent_text(value)


def moment_text(at: int) -> str:
    """Write seconds since 1970 as RFC 3339."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
