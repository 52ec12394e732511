"""Has each trial judged right after it ended, while others run."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from evalgate.agents.base import Agent, Context
from evalgate.agents.conversation import BROKEN
from evalgate.judges.base import Judged
from evalgate.judges.judging import Judging
from evalgate.judges.kinds.user import LEFT
from evalgate.metrics.metric import Metric
from evalgate.schema.golden import Case
from evalgate.schema.result import JudgeInfo, TrialResult
from evalgate.schema.score import Broken
from evalgate.schema.trace import Trace
from evalgate.scorers.base import AsyncScorer
from evalgate.stats.aggregate import Source


@dataclass(frozen=True, slots=True)
class JudgedAgent:
    """An agent whose trials are judged; a judge's time is not the agent's."""

    inner: Agent
    judging: Judging
    scorers: tuple[AsyncScorer, ...] = ()
    """Scorers of the user that are awaited."""
    verdicts: dict[tuple[str, int], Judged] = field(default_factory=dict)
    """Verdicts that nobody has taken yet, by case and number of the trial."""

    @property
    def trials(self) -> int | None:
        """As many as the agent brings."""
        return self.inner.trials

    async def run(self, case: Case, context: Context) -> Trace:
        """Do one trial and have it judged."""
        trace = await self.inner.run(case, context)
        judged = await judged_scores(self.judging, self.scorers, case, trace)
        trace, verdict = held_to_script(trace, judged, self.judging.of_users)
        self.verdicts[case.id, context.trial] = verdict
        return trace

    async def close(self) -> None:
        """Close the agent."""
        await self.inner.close()

    def take(self, case: Case, trace: Trace) -> Judged:
        """Return the verdict on a trial, once."""
        return self.verdicts.pop((case.id, trace.trial))


async def judged_scores(
    judging: Judging, scorers: tuple[AsyncScorer, ...], case: Case, trace: Trace
) -> Judged:
    """Return all scores of a trial that have to be waited for."""
    judged = await judging.judge(case, trace)
    if not scorers:
        return judged
    found = await asyncio.gather(*(scorer.score(case, trace) for scorer in scorers))
    own = {scorer.name: score for scorer, score in zip(scorers, found, strict=True)}
    return replace(judged, scores={**judged.scores, **own})


def held_to_script(trace: Trace, judged: Judged, of_users: frozenset[str]) -> tuple[Trace, Judged]:
    """Leave a trial not measured whose simulated user left its script, or may have.

    Args:
        trace: The trial.
        judged: What judges say of it.
        of_users: Names of the scores that say whether the user kept to its script.
    """
    user, said = trace.user, [judged.scores[name] for name in sorted(of_users & {*judged.scores})]
    lost = next((score.error for score in said if isinstance(score, Broken)), None)
    broken = next((d for d in judged.details if d.startswith(LEFT)), None)
    if user is None or trace.status == "not_measured" or (broken is None and lost is None):
        return trace, judged
    if broken is not None:
        why = broken.removeprefix(LEFT)
        user, reason = user.model_copy(update={"broken": why}), f"{BROKEN}: {why}"
    else:
        reason = f"nobody knows whether the simulated user kept to its script: {lost}"
    held = {"status": "not_measured", "error": reason, "user": user}
    others = {name: Broken(f"not measured: {reason}") for name in {*judged.scores} - of_users}
    return trace.model_copy(update=held), replace(judged, scores={**judged.scores, **others})


def with_verdict(result: TrialResult, judged: Judged) -> TrialResult:
    """Add judged scores to a result."""
    if not judged.scores:
        return result
    return replace(
        result,
        scores={**result.scores, **judged.scores},
        details=(*result.details, *judged.details),
    )


@dataclass(frozen=True, slots=True)
class JudgedPart:
    """What judges add to a report."""

    versions: Mapping[str, str] = field(default_factory=dict)
    """`version:digest` of each judged score."""
    sources: Mapping[str, Source] = field(default_factory=dict)
    """The metrics that come from a judge."""
    info: JudgeInfo | None = None
    """The judges and what they cost."""


def judged_part(judging: Judging, metrics: Mapping[str, Metric]) -> JudgedPart:
    """Say what the judges of a run add to its report."""
    scores = set(judging.scores)
    sources: dict[str, Source] = {
        name: "judged" for name, metric in metrics.items() if metric.score in scores
    }
    return JudgedPart(judging.versions, sources, judging.info())
