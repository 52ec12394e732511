"""The built-in scorers, and the one place where a trial is scored."""

import json
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from types import MappingProxyType
from typing import Final

from evalgate.metrics.registry import METRICS
from evalgate.pricing import PriceBook, spelt_price
from evalgate.schema.golden import Case
from evalgate.schema.result import TrialResult
from evalgate.schema.score import Abstained, Broken, Score, Scored, is_countable
from evalgate.schema.trace import ToolCall, Trace, UnreadPart
from evalgate.scorers import (
    cost,
    dialogue,
    experience,
    groundedness,
    recorded,
    reliability,
    safety,
    task,
    tools,
)
from evalgate.scorers.base import Scorer
from evalgate.scorers.settings import YES, Settings, unknown
from evalgate.scorers.signals import output_text
from evalgate.scorers.unread import unread_parts
from evalgate.stats.aggregate import Source
from evalgate.text.escape import cap

__all__ = [
    "builtin_scorers",
    "counted",
    "metric_sources",
    "score_trial",
    "scorer_versions",
]

_OUTPUT_CHARACTERS: Final = 300
_ERROR_CHARACTERS: Final = 2_000
_DETAILS: Final = 20
_SHARED_SCORES: Final = 4_096
_UNPREPARED: Final = task.Prepared()
_DEFAULTS: Final = Settings()

_TIMES: Final = (*experience.TIMES, "ttft")
_GIVEN: Final = ("toxicity", "goal_attainment", "goal_success")
"""Scores that are made of what somebody else said of the trial."""
_STEPS: Final = (
    *cost.SCORES,
    *tools.SCORES,
    "own_time",
    "ttft",
    "retry_exhaustion",
    "llm_calls_per_turn",
    "tool_fan_out",
    "guardrail_missed",
    "guardrail_false_block",
    "guardrail_violation",
    "handoff_missed",
    "handoff_unneeded",
    "escalation",
)
"""Scores made of steps, which a live agent without the gateway reports about itself."""

_RESTS_ON: Final[Mapping[UnreadPart, tuple[str, ...]]] = MappingProxyType(
    {
        "tool_calls": (
            "tool_fan_out",
            "guardrail_missed",
            "guardrail_false_block",
            "guardrail_violation",
            "handoff_missed",
            "handoff_unneeded",
            "escalation",
        ),
        "arguments": (),
        "output": ("guardrail_violation", *groundedness.SCORES),
        "usage": (*cost.SCORES, "llm_calls_per_turn", "retry_exhaustion"),
    }
)
"""Scores that what nobody could read could change; the scorers of the task see to their own."""

_SEEN_IS_SEEN: Final = frozenset({"guardrail_violation", "escalation"})


def builtin_scorers(settings: Settings, cases: Iterable[Case] = ()) -> tuple[Scorer, ...]:
    """Make the built-in scorers of a suite.

    A score that the configuration takes from the trace (`recorded`) is taken from there and not
    computed.

    Args:
        settings: What the suite says about scoring.
        cases: The cases that will be scored: what depends on them alone is compiled once. Others
            are scored too, more slowly.
    """
    cases = tuple(cases)
    scorers: tuple[Scorer, ...] = (
        _task_scorer(settings, _prepared(cases)),
        _safety_scorer(settings),
        _experience_scorer(settings),
        Scorer(
            name="reliability",
            scores=reliability.SCORES,
            version=reliability.VERSION,
            config_digest=_digest(None),
            score=lambda case, trace: reliability.score_reliability(case, trace, settings),
        ),
        _cost_scorer(settings),
        Scorer(
            name="groundedness",
            scores=groundedness.SCORES,
            version=groundedness.VERSION,
            config_digest=_digest(settings.groundedness),
            score=lambda case, trace: groundedness.score_groundedness(case, trace, settings),
            explain=groundedness.explain_groundedness,
        ),
    )
    if any(case.user is not None for case in cases):
        scorers = (*scorers, _dialogue_scorer())
    # These two families read the mapping themselves: a limit turns the number into their score.
    mapped = tuple(n for n in settings.recorded if n not in ("toxicity", "goal_attainment"))
    kept = tuple(
        replace(scorer, scores=tuple(name for name in scorer.scores if name not in mapped))
        for scorer in scorers
    )
    return (*kept, _recorded_scorer(settings, mapped)) if mapped else kept


def _prepared(cases: Iterable[Case]) -> Mapping[str, task.Prepared]:
    """Compile every case; one that cannot be is left to scoring, which says what is wrong."""
    ready: dict[str, task.Prepared] = {}
    for case in cases:
        try:
            ready[case.id] = task.prepare(case)
        except ValueError:
            continue
    return MappingProxyType(ready)


def _sharing() -> Callable[[Score], Score]:
    """Return a function that gives equal scores as one object: most trials have the same few."""
    known: dict[Hashable, Score] = {}

    def shared(score: Score) -> Score:
        if isinstance(score, Scored):
            key: Hashable = (score.value, score.counts)
        elif isinstance(score, Abstained):
            key = (score.reason, score.unknown)
        else:
            return score
        if len(known) < _SHARED_SCORES:
            return known.setdefault(key, score)
        return known.get(key, score)

    return shared


def _task_scorer(settings: Settings, prepared: Mapping[str, task.Prepared]) -> Scorer:
    shared = _sharing()

    def score(case: Case, trace: Trace) -> Mapping[str, Score]:
        ready = prepared.get(case.id, _UNPREPARED)
        calls = tools.score_tools(case, trace, ready.matcher)
        calls = {name: shared(score) for name, score in calls.items()}
        return {**task.score_task(case, trace, settings, calls, ready), **calls}

    def explain(case: Case, trace: Trace, scores: Mapping[str, Score]) -> Iterable[str]:
        success = scores.get("task_success")
        if isinstance(success, Scored) and success.value < 1:
            ready = prepared.get(case.id, _UNPREPARED)
            return task.failed_expectations(case, trace, settings, ready)
        return ()

    return Scorer(
        name="task",
        scores=(*task.SCORES, *tools.SCORES),
        version=f"{task.VERSION}.{tools.VERSION}",
        config_digest=_digest(
            [settings.claims_count, sorted(settings.ignored_tools)]
            if settings.ignored_tools
            else settings.claims_count
        ),
        score=score,
        explain=explain,
    )


def _safety_scorer(settings: Settings) -> Scorer:
    def explain(case: Case, trace: Trace, scores: Mapping[str, Score]) -> Iterable[str]:
        if scores.get("guardrail_violation") != YES:
            return ()
        kinds = sorted({leak.kind for leak in safety.leaks(case, trace, settings)})
        # Never the value: the report travels further than the answer did.
        return (f"the answer holds what looks like: {', '.join(kinds)}",) if kinds else ()

    toxicity = settings.recorded.get("toxicity")
    config = [
        settings.claims_count,
        sorted(settings.pii_allow),
        settings.toxicity_from,
        toxicity,
    ]
    return Scorer(
        name="safety",
        scores=safety.SCORES,
        version=safety.VERSION,
        config_digest=_digest(config),
        score=lambda case, trace: safety.score_safety(case, trace, settings),
        explain=explain,
    )


def _experience_scorer(settings: Settings) -> Scorer:
    goal = settings.recorded.get("goal_attainment")
    config = [settings.claims_count, settings.goal_success, goal]
    config += ["times"] if settings.times_gate else []
    return Scorer(
        name="experience",
        scores=experience.SCORES,
        version=experience.VERSION,
        config_digest=_digest(config),
        score=lambda case, trace: experience.score_experience(case, trace, settings),
    )


def _cost_scorer(settings: Settings) -> Scorer:
    book = PriceBook(overrides=settings.prices)

    def explain(case: Case, trace: Trace, scores: Mapping[str, Score]) -> Iterable[str]:  # noqa: ARG001  # the shape of an explanation
        found = cost.cost_disagreement(trace, settings, book)
        return () if found is None else (found,)

    prices = {model: spelt_price(price) for model, price in settings.prices.items()}
    return Scorer(
        name="cost",
        scores=cost.SCORES,
        version=cost.VERSION,
        config_digest=_digest([settings.claims_count, prices]),
        score=lambda case, trace: cost.score_cost(case, trace, settings, book),
        explain=explain,
    )


def _dialogue_scorer() -> Scorer:
    return Scorer(
        name="dialogue",
        scores=dialogue.SCORES,
        version=dialogue.VERSION,
        config_digest=_digest(None),
        score=dialogue.score_dialogue,
    )


def _recorded_scorer(settings: Settings, mapped: tuple[str, ...]) -> Scorer:
    return Scorer(
        name="recorded",
        scores=mapped,
        version=recorded.VERSION,
        config_digest=_digest([settings.claims_count, dict(settings.recorded)]),
        score=lambda case, trace: recorded.score_recorded(case, trace, settings),
    )


def _digest(config: object) -> str:
    """Return 12 hex digits over a scorer's configuration."""
    text = json.dumps(config, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()[:12]


def scorer_versions(scorers: Iterable[Scorer]) -> dict[str, str]:
    """Return `version:config digest` of every score, for reports and baselines."""
    return {
        name: f"{scorer.version}:{scorer.config_digest}"
        for scorer in scorers
        for name in scorer.scores
    }


def metric_sources(settings: Settings, cases: Iterable[Case] = ()) -> dict[str, Source]:
    """Say of every metric that is not simply measured where it comes from.

    Args:
        settings: Where traces come from, and which scores are recorded.
        cases: The cases; where one names recorded scores that stand for success, success is
            recorded, and where one expects steps that only the agent saw, it is claimed.
    """
    cases = tuple(cases)
    claimed: Source = "recorded" if settings.evidence == "recorded" else "claimed"
    scores: dict[str, Source] = dict.fromkeys((*_GIVEN, *settings.recorded), claimed)
    if any(case.expected.scores for case in cases):
        scores["task_success"] = claimed
    match settings.evidence:
        case "reported":
            scores |= dict.fromkeys(_STEPS, "claimed")
            if settings.groundedness == "trace":
                scores |= dict.fromkeys(groundedness.SCORES, "claimed")
            if any(case.expected.rests_on_steps for case in cases if case.status == "reviewed"):
                scores["task_success"] = "claimed"
        case "recorded":
            scores |= dict.fromkeys((*cost.SCORES, *_TIMES), "recorded")
        case "replayed":
            # Where times gate, a replay measures what the code takes.
            measured = experience.TIMES if settings.times_gate else ("own_time",)
            scores |= {name: "replayed" for name in _TIMES if name not in measured}
        case "gateway":
            pass
    return {
        name: scores[metric.score]
        for name, metric in METRICS.items()
        if metric.score in scores and metric.aggregate != "quartile"
    }


def score_trial(
    scorers: Sequence[Scorer], case: Case, trace: Trace, settings: Settings = _DEFAULTS
) -> TrialResult:
    """Score one trial.

    What a scorer raises, leaves out or gets wrong becomes a broken score of its names, never a
    missing one. A trial that was not measured is no evidence: every score is broken.

    Args:
        scorers: The scorers; no two return the same name.
        case: The case.
        trace: Its trial.
        settings: What the suite says about scoring.

    Raises:
        ValueError: If the trace is of another case.
    """
    if trace.case_id != case.id:
        message = f"a trace of case {trace.case_id!r} cannot be scored as case {case.id!r}"
        raise ValueError(message)
    scores: dict[str, Score] = {}
    details: list[str] = []
    trace = counted(trace, settings.ignored_tools)
    if trace.status == "not_measured":
        reason = Broken(f"not measured: {cap(trace.error or 'no reason given', _ERROR_CHARACTERS)}")
        scores = dict.fromkeys((name for scorer in scorers for name in scorer.scores), reason)
    else:
        for scorer in scorers:
            own = _scores(scorer, case, trace)
            scores.update(own)
            if scorer.explain is not None:
                details += _details(scorer, case, trace, own)
        for part, why in unread_parts(trace).items():
            touched = [name for name in _RESTS_ON[part] if _could_change(name, scores.get(name))]
            scores.update(dict.fromkeys(touched, unknown(why)))
    return TrialResult(
        case_id=case.id,
        trial=trace.trial,
        status=trace.status,
        scores=scores,
        error=_error(trace, scores),
        usage=cost.trial_usage(trace, settings),
        calls=tuple(
            step.name
            for step in trace.steps
            if isinstance(step, ToolCall) and step.requestor == "assistant"
        ),
        output=output_text(trace.output)[:_OUTPUT_CHARACTERS],
        details=tuple(details),
        recording=trace.recording,
        model_calls=trace.model_calls,
        user=cost.trial_user(trace, settings),
    )


def counted(trace: Trace, ignored: frozenset[str]) -> Trace:
    """Leave out the calls of tools that are none to a person.

    Args:
        trace: A trial.
        ignored: Names of such tools.
    """
    if not ignored:
        return trace
    steps = tuple(s for s in trace.steps if not (isinstance(s, ToolCall) and s.name in ignored))
    return trace if len(steps) == len(trace.steps) else trace.model_copy(update={"steps": steps})


def _could_change(name: str, score: Score | None) -> bool:
    """Whether more evidence could change a score: what was seen to happen stays so."""
    return isinstance(score, Scored) and not (name in _SEEN_IS_SEEN and score == YES)


def _scores(scorer: Scorer, case: Case, trace: Trace) -> dict[str, Score]:
    try:
        found = dict(scorer.score(case, trace))
    except Exception as error:  # noqa: BLE001  # a scorer is foreign code: any failure is its own
        broken = Broken(f"{scorer.name}: {_words(error)}")
        return dict.fromkeys(scorer.scores, broken)
    own: dict[str, Score] = {}
    for name in scorer.scores:
        score = found.get(name)
        kind = type(score)
        if kind is Abstained or kind is Broken or (kind is Scored and _finite(score)):
            own[name] = found[name]
        else:
            own[name] = Broken(f"{scorer.name} gave {name!r} no score but {cap(repr(score), 100)}")
    return own


def _finite(score: object) -> bool:
    """Return whether a value is a number that can be averaged."""
    return (
        isinstance(score, Scored)
        and isinstance(score.value, (float, int))
        and is_countable(score.value)
    )


def _details(
    scorer: Scorer, case: Case, trace: Trace, scores: Mapping[str, Score]
) -> Iterator[str]:
    if scorer.explain is None:
        return
    try:
        yield from tuple(scorer.explain(case, trace, scores))[:_DETAILS]
    except Exception as error:  # noqa: BLE001  # words must not cost the scores they are about
        yield f"{scorer.name} could not say why: {_words(error)}"


def _words(error: Exception) -> str:
    return cap(f"{type(error).__name__}: {error}", _ERROR_CHARACTERS)


def _error(trace: Trace, scores: Mapping[str, Score]) -> str | None:
    """Say why the trial did not finish, else what broke first."""
    if trace.error is not None:
        return cap(trace.error, _ERROR_CHARACTERS)
    for score in scores.values():
        if isinstance(score, Broken):
            return score.error
    return None
