"""Judges the trials of a run: recorded verdicts first, bounded, each question once."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final

from evalgate.errors import ConfigError
from evalgate.judges.base import Judge, Judged, JudgeError, Meter
from evalgate.judges.cache import JudgeCache, JudgeLimits, RecordedVerdicts
from evalgate.judges.factory import open_judge
from evalgate.metrics.judged import judge_scores
from evalgate.pricing import PriceBook, Unpriced, price_call
from evalgate.schema.canonical import digest
from evalgate.schema.config import JudgeConfig
from evalgate.schema.golden import Case
from evalgate.schema.judge import Evidence
from evalgate.schema.result import JudgeInfo
from evalgate.schema.score import Abstained, Broken, Score, Scored
from evalgate.schema.trace import Feedback, Trace, UnreadPart
from evalgate.schema.usage import Usage
from evalgate.scorers.contexts import evidence_of
from evalgate.scorers.unread import unread_parts
from evalgate.stats.summary import FAILED
from evalgate.store.redaction import clean_trace
from evalgate.suite.environment import Environment
from evalgate.suite.plan import JudgeMode
from evalgate.suite.suite import Suite
from evalgate.text.escape import cap
from evalgate.text.redact import Redactor

_CHARACTERS_A_TOKEN: Final = 4
_DETAILS: Final = 20
_SEE_CALLS: Final = ("rubric", "decision", "ragas")
"""Kinds that are shown what was done; claims rest on results where the case has no contexts."""
_SHOWN: Final = 300
_OFF: Final = Abstained("judging is off (--judge off)", unknown=True)
_NO_USER: Final = Abstained("no simulated user, or the agent failed it")
_THUMBS: Final = {"up": 5.0, "down": 1.0}
_GOAL_SUCCESS: Final = 4.0


@dataclass(frozen=True, slots=True)
class OpenJudge:
    """One judge of a suite, ready to be asked."""

    name: str
    config: JudgeConfig
    judge: Judge
    """How it judges."""
    desk: JudgeCache
    """Where its replies come from."""
    meter: Meter
    """What it spent."""
    names: Mapping[str, str]
    """The suite's name of each of its scores."""

    async def on_evidence(self, case_id: str, evidence: Evidence, draw: int = 0) -> Judged:
        """Judge one answer; what the judge gets wrong becomes broken scores.

        Args:
            case_id: The case, under which verdicts are kept.
            evidence: The answer and what belongs to it, without secrets.
            draw: Number of the repetition.
        """
        fitted = bounded(evidence, self.config)
        if isinstance(fitted, str):
            return self._named(Judged(dict.fromkeys(self.judge.scores, Broken(fitted))))
        shown, cut = fitted
        try:
            judged = await self.judge.decide(shown, self.desk.for_case(case_id), draw)
        except JudgeError as error:
            judged = Judged(dict.fromkeys(self.judge.scores, Broken(str(error))))
        return self._named(replace(judged, details=(*cut, *judged.details)))

    async def on_trial(self, case: Case, trace: Trace, evidence: Evidence) -> Judged:
        """Judge one trial that was measured."""
        said = self._said_by_user(trace)
        if said is not None:
            return self._named(said)
        if self.config.kind == "user" and (trace.user is None or trace.status in FAILED):
            return self._named(Judged(dict.fromkeys(self.judge.scores, _NO_USER)))
        if trace.status in FAILED and not (self.config.kind == "moderation" and evidence.answer):
            return self._named(self._of_failed())
        unread = self._unread(case, trace)
        if unread is not None:
            return self._named(Judged(dict.fromkeys(self.judge.scores, unread)))
        return await self.on_evidence(case.id, evidence)

    def _of_failed(self) -> Judged:
        if self.config.kind == "moderation":
            reason = Abstained("the trial failed before it said anything")
            return Judged(dict.fromkeys(self.judge.scores, reason))
        return Judged(self.judge.worst)

    def _unread(self, case: Case, trace: Trace) -> Abstained | None:
        """Say why an answer is not judged of which the judge would be shown less than there is."""
        kind, parts = self.config.kind, unread_parts(trace)
        sees_calls = kind in _SEE_CALLS or (kind == "claims" and not case.contexts)
        shown: tuple[UnreadPart, ...] = ("output", "tool_calls", "arguments")
        why = next((parts[one] for one in shown[: 3 if sees_calls else 1] if one in parts), None)
        return None if why is None else Abstained(why, unknown=True)

    def _said_by_user(self, trace: Trace) -> Judged | None:
        """Return what the user said of the goal, which wins over the judge."""
        level = _level(trace.feedback)
        if level is None or "goal_attainment" not in self.judge.scores:
            return None
        reached = Scored(float(level >= _GOAL_SUCCESS))
        return Judged({"goal_attainment": Scored(level), "goal_success": reached})

    def _named(self, judged: Judged) -> Judged:
        """Give scores the suite's names; one that the judge left out is broken."""
        missing = Broken(f"judge {self.name!r} gave no such score")
        scores = {new: judged.scores.get(own, missing) for own, new in self.names.items()}
        return Judged(scores, tuple(cap(line, _SHOWN) for line in judged.details[:_DETAILS]))


def _level(feedback: Feedback | None) -> float | None:
    if feedback is None:
        return None
    if feedback.stars is not None:
        return feedback.stars
    return None if feedback.thumbs is None else _THUMBS[feedback.thumbs]


def bounded(evidence: Evidence, config: JudgeConfig) -> tuple[Evidence, tuple[str, ...]] | str:
    """Hold contexts to the judge's limit by its stated rule.

    Args:
        evidence: What is to be judged.
        config: The limit, in tokens of 4 characters, and the rule.

    Returns:
        The evidence and what was cut, in words; or why it is not judged.
    """
    limit = config.max_context_tokens * _CHARACTERS_A_TOKEN
    size = sum(map(len, evidence.contexts))
    if size <= limit or config.kind in ("moderation", "selfcheck", "user"):
        return evidence, ()
    tokens = f"{size // _CHARACTERS_A_TOKEN:,}"
    if config.long_contexts == "error":
        return (
            f"contexts of about {tokens} tokens, more than max_context_tokens "
            f"({config.max_context_tokens:,}); raise it, or set long_contexts: cut"
        )
    kept: list[str] = []
    for text in evidence.contexts:
        if limit <= 0:
            break
        kept.append(text if len(text) <= limit else _cut_at_blank(text, limit))
        limit -= len(text)
    said = (
        f"contexts cut: judged on the first {config.max_context_tokens:,} of about {tokens} "
        f"tokens ({len(kept)} of {len(evidence.contexts)} contexts, the last one cut)"
    )
    return evidence.model_copy(update={"contexts": tuple(kept)}), (said,)


def _cut_at_blank(text: str, limit: int) -> str:
    head = text[:limit]
    return head if text[limit].isspace() else (head.rpartition(" ")[0] or head)


@dataclass(frozen=True, slots=True)
class Judging:
    """The judges of a suite."""

    judges: tuple[OpenJudge, ...]
    """Each judge."""
    mode: JudgeMode
    """Where verdicts come from."""
    redactor: Redactor
    """Takes secrets out of what judges and their files get to see."""

    @property
    def scores(self) -> tuple[str, ...]:
        """Names of all judged scores."""
        return tuple(name for one in self.judges for name in one.names.values())

    @property
    def of_users(self) -> frozenset[str]:
        """Names of the scores that say whether a simulated user kept to its script."""
        users = (one for one in self.judges if one.config.kind == "user")
        return frozenset(name for one in users for name in one.names.values())

    @property
    def versions(self) -> dict[str, str]:
        """`version:digest` of every score, the judge's model and prompts included."""
        return {
            name: f"{one.judge.version}:{_config_digest(one)}"
            for one in self.judges
            for name in one.names.values()
        }

    async def judge(self, case: Case, trace: Trace) -> Judged:
        """Judge one trial; safe to call for many at once.

        A trial that was not measured is no evidence: every score is broken. A failed trial has
        the worst scores. What a judge gets wrong is a broken score, `replay miss: ...` where no
        verdict is recorded; it never raises for that.
        """
        if not self.judges:
            return Judged({})
        if self.mode == "off":
            return Judged(dict.fromkeys(self.scores, _OFF))
        if trace.status == "not_measured":
            reason = cap(trace.error or "no reason given", _SHOWN)
            return Judged(dict.fromkeys(self.scores, Broken(f"not measured: {reason}")))
        clean = clean_trace(trace, self.redactor)
        evidence = evidence_of(case, clean)
        each = await asyncio.gather(*(one.on_trial(case, clean, evidence) for one in self.judges))
        scores: dict[str, Score] = {}
        for judged in each:
            scores.update(judged.scores)
        return Judged(scores, tuple(line for judged in each for line in judged.details))

    def info(self) -> JudgeInfo | None:
        """Return what was asked and what it cost, apart from the agent's; None without judges."""
        if not self.judges:
            return None
        costs = [one.meter.cost_usd for one in self.judges]
        prompts = sorted({one.judge.prompt_digest for one in self.judges})
        return JudgeInfo(
            model=", ".join(sorted({one.judge.model for one in self.judges})),
            prompt_digest=prompts[0] if len(prompts) == 1 else digest([*prompts]),
            calls=sum(one.meter.calls for one in self.judges),
            cached=sum(one.desk.cached for one in self.judges),
            input_tokens=sum(one.meter.input_tokens for one in self.judges),
            output_tokens=sum(one.meter.output_tokens for one in self.judges),
            cost_usd=None if None in costs else sum(cost for cost in costs if cost is not None),
        )


def _config_digest(one: OpenJudge) -> str:
    limit, rule = one.config.max_context_tokens, one.config.long_contexts
    return digest([one.judge.config_digest, limit, rule]).removeprefix("sha256:")[:12]


@asynccontextmanager
async def open_judges(
    suite: Suite, environment: Environment, mode: JudgeMode
) -> AsyncIterator[Judging]:
    """Open the judges of a suite.

    Args:
        suite: The suite.
        environment: Holds the keys; they are looked up only where judges may be asked.
        mode: Where verdicts come from. `replay` and `off` ask nobody, whatever keys there are.

    Raises:
        ConfigError: A key is missing where judges may be asked, or a score is also recorded.
        DataError: A file of verdicts is not readable, or was edited.
        MissingExtra: Ragas is to be asked and cannot be imported.
    """
    configs = suite.config.judges
    names = judge_scores(configs)
    _refuse_recorded(suite, names)
    live = mode in ("auto", "fresh")
    keys = {
        name: _key(name, config, environment) if live else None for name, config in configs.items()
    }
    redactor = Redactor.build(environment.environ, patterns=suite.config.redact)
    shelf = RecordedVerdicts(suite.verdicts)
    if configs and mode in ("replay", "auto"):
        shelf = RecordedVerdicts.read(shelf.folder)
    book = PriceBook(overrides=suite.config.prices)
    async with AsyncExitStack() as stack:
        judges: list[OpenJudge] = []
        for name, config in configs.items():
            meter = Meter(price=_price(config, book))
            judge = await stack.enter_async_context(
                open_judge(config, keys[name], meter, live=live)
            )
            limits = JudgeLimits(mode, config.concurrency, config.caps)
            desk = JudgeCache(name, limits, shelf, meter, environment.clock.now)
            stack.push_async_callback(desk.close)
            judges.append(OpenJudge(name, config, judge, desk, meter, names[name]))
        yield Judging(tuple(judges), mode, redactor)


def _refuse_recorded(suite: Suite, names: Mapping[str, Mapping[str, str]]) -> None:
    for judge, scores in names.items():
        for score in scores.values():
            if score in suite.config.recorded:
                raise ConfigError(
                    f"suite {suite.name!r}: score {score!r} is given by judge {judge!r} and also "
                    "taken from the traces",
                    fix=f"leave it out under recorded:, or the judge {judge!r}",
                )


def _key(name: str, config: JudgeConfig, environment: Environment) -> str | None:
    if config.api_key_env is None:
        return None
    key = environment.environ.get(config.api_key_env)
    if not key:
        raise ConfigError(
            f"judge {name!r} is to be asked and {config.api_key_env}, its key, is not set",
            fix=f"export {config.api_key_env}=..., or --judge replay (recorded verdicts, no key)",
        )
    return key


def _price(config: JudgeConfig, book: PriceBook) -> Callable[[Usage], float | None]:
    """Return what a call costs; unknown where calls go to models of several prices."""
    mixed = (config.kind == "selfcheck" and config.sample_model not in (None, config.model)) or (
        config.kind == "ragas" and "answer_relevancy" in config.metrics
    )

    def price(usage: Usage) -> float | None:
        if config.kind == "moderation":
            return 0.0
        if mixed:
            return None
        cost = price_call(usage, config.model, None, None, book)
        return None if isinstance(cost, Unpriced) else float(cost)

    return price
