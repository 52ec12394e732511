"""Scores that a trace carries: who gave them decides whether they are evidence or a claim."""

from math import isfinite

from evalgate.metrics.registry import METRICS
from evalgate.schema.golden import Case
from evalgate.schema.score import Abstained, Score, Scored
from evalgate.schema.trace import Trace
from evalgate.scorers.settings import NO, YES, Settings, failed, unknown

VERSION = "1"
"""Changes when the definition changes."""

_CLAIMED = unknown(
    "recorded scores of a live agent are a claim about itself (agent.trust_reported: true counts "
    "them)"
)
_WORST = {
    metric.score: metric.bounds[0 if metric.direction == "higher" else 1]
    for metric in METRICS.values()
    if metric.bounds is not None and metric.aggregate == "mean"
}


def recorded_value(trace: Trace, name: str, settings: Settings) -> Score:
    """Take one recorded score: a number as it is, a truth value as 1 or 0.

    Unknown, and never a value, where the trace carries none of the name, several that differ, a
    label, or only the agent's own claim.
    """
    values = [score.value for score in trace.scores if score.name == name]
    if not values:
        return unknown(f"the trace carries no score {name!r}")
    if not settings.claims_count:
        return _CLAIMED
    value = values[0]
    if any(other != value for other in values[1:]):
        return unknown(f"the trace carries {len(values)} scores {name!r} that differ")
    if isinstance(value, bool):
        return YES if value else NO
    if isinstance(value, str) or not isfinite(value):
        return unknown(f"the recorded score {name!r} is {value!r}, which is no number")
    return Scored(value)


def score_recorded(case: Case, trace: Trace, settings: Settings) -> dict[str, Score]:  # noqa: ARG001  # the shape of a scorer
    """Take each score that the configuration maps to a recorded one (`recorded: {score: name}`).

    A failed trial has the worst value its metric allows; where that is unbounded, or for a score
    of the user, what is recorded counts.
    """
    return {
        score: Scored(_WORST[score])
        if failed(trace) and score in _WORST
        else _bounded(recorded_value(trace, name, settings), score)
        for score, name in settings.recorded.items()
    }


def _bounded(found: Score, score: str) -> Score:
    """Refuse a value outside its metric's range: one of 4 of 5 is no share."""
    limits = next((m.bounds for m in METRICS.values() if m.score == score), None)
    if isinstance(found, Scored) and limits and not limits[0] <= found.value <= limits[1]:
        low, high = limits
        return Abstained(
            f"the recorded value {found.value!r} is outside {low:g} to {high:g}", unknown=True
        )
    return found
