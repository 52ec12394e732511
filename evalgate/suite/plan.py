"""Everything that is decided before the first trial: cases, scorers, metrics."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from evalgate.errors import ConfigError, DataError, NothingSelected
from evalgate.gate.rules import policy_problems, rule_of
from evalgate.metrics.metric import Metric
from evalgate.metrics.registry import METRICS
from evalgate.schema.agent_line import RecordedLine
from evalgate.schema.config_parts.gate import GateConfig
from evalgate.schema.config_parts.scorer import ScorerConfig
from evalgate.schema.golden import Case
from evalgate.schema.result import SuiteInfo
from evalgate.scorers.base import AsyncScorer, Scorer
from evalgate.scorers.builtin import builtin_scorers, scorer_versions
from evalgate.scorers.experience import TIMES
from evalgate.scorers.settings import Evidence, Settings
from evalgate.scorers.user import user_digest
from evalgate.store.golden_sets.golden import GoldenSet, load_golden
from evalgate.suite.own_scorers import given_scorers, scorer_configs
from evalgate.suite.policy import config_digest, suite_metrics
from evalgate.suite.shards import Shard
from evalgate.suite.suite import Suite
from evalgate.suite.tools import check_tools
from evalgate.text.counts import number_of
from evalgate.text.suggest import did_you_mean

__all__ = ["Calls", "Filters", "JudgeMode", "Plan", "make_plan"]

_ADD_GATEWAY: Final = """add to suites.{suite} in the configuration:
    gateway:
      upstream:
        openai: https://api.openai.com/v1"""

Mode = Literal["live", "replay", "recorded"]
Calls = Literal["record", "replay", "auto", "off"]
"""How the gateway treats model calls."""
JudgeMode = Literal["replay", "auto", "fresh", "off"]
"""`replay`: recorded verdicts only; `auto`: recorded, else asked and recorded; `fresh`: asked, and
nothing is read or recorded; `off`: nothing is judged."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which cases of a golden set are run."""

    tags: tuple[str, ...] = ()
    """Only cases with one of these tags."""
    cases: tuple[str, ...] = ()
    """Only these cases."""
    shard: Shard | None = None
    """Only cases of this shard; null: of all."""
    touched: frozenset[str] | None = None
    """Only cases that a change touches; null: no matter."""

    @property
    def any(self) -> bool:
        """Whether anything is left out."""
        return bool(self.tags or self.cases or self.shard) or self.touched is not None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run of a suite is made of."""

    suite: Suite
    """The suite."""
    golden: GoldenSet
    """Its golden set."""
    cases: tuple[Case, ...]
    """The selected cases."""
    digests: Mapping[str, str]
    """Digest of each selected case."""
    mode: Mode
    """Where the model's answers come from."""
    calls: Calls | None
    """How the gateway treats model calls; null: there is no gateway."""
    settings: Settings
    """What the scorers need to know."""
    scorers: tuple[Scorer, ...]
    """The scorers."""
    metrics: Mapping[str, Metric]
    """The metrics that are computed, by name."""
    judge: JudgeMode = "replay"
    """Where verdicts of judges come from."""
    shard: Shard | None = None
    """Which part of the golden set this is; null: no part of several."""
    async_scorers: tuple[AsyncScorer, ...] = ()
    """Scorers that a Python program handed over and that are awaited."""
    hosted: Mapping[str, ScorerConfig] = field(default_factory=dict)
    """The user's scorers, which have a process of their own, by name."""

    @property
    def scorer_versions(self) -> dict[str, str]:
        """`version:config digest` of each scorer, by name."""
        own = {s.name: f"{s.version}:{s.config_digest}" for s in self.async_scorers}
        own |= {name: f"{one.version}:{user_digest(one)}" for name, one in self.hosted.items()}
        return {**scorer_versions(self.scorers), **own}

    @property
    def partial(self) -> bool:
        """Whether some cases are not run."""
        return len(self.cases) < len(self.golden.cases)


def make_plan(
    suite: Suite, filters: Filters, calls: Calls = "replay", judge: JudgeMode = "replay"
) -> Plan:
    """Load and resolve everything a run of a suite needs.

    Args:
        suite: The suite.
        filters: Which cases are run.
        calls: How the gateway treats model calls, where the suite has one.
        judge: Where verdicts of judges come from.

    Raises:
        DataError: The golden set is not valid.
        ConfigError: A scorer cannot be loaded, a gate or a filter names nothing.
        NothingSelected: The golden set is empty, or the filters leave no case.
    """
    check_tools(suite)
    metrics = suite_metrics(suite)
    problems = policy_problems(suite.config.gate, metrics)
    if problems:
        raise ConfigError(
            "\n".join(f"suite {suite.name!r}: {problem}" for problem in problems),
            fix="evalgate validate",
        )
    given = None if suite.given is None else suite.given.golden
    golden = given or load_golden(suite.golden)
    _refuse_empty(golden)
    _refuse_criteria(golden, suite)
    cases = _select(golden, filters)
    mode, evidence = _mode(suite, calls)
    if evidence == "reported":
        _refuse_users(golden, cases, suite)
    settings = Settings(
        evidence=evidence,
        trust_reported=suite.config.agent.trust_reported,
        recorded=suite.config.recorded,
        prices=suite.config.prices,
        ignored_tools=frozenset(suite.config.tools.ignore),
        pii_allow=suite.config.pii_allow,
        groundedness=suite.config.groundedness,
        times_gate=_times_gate(suite.config.gate),
    )
    configs = scorer_configs(suite)
    own = tuple(given_scorers(suite, configs))
    given_names = {scorer.name for scorer in own}
    return Plan(
        suite=suite,
        golden=golden,
        cases=cases,
        digests={case.id: golden.digests[case.id] for case in cases},
        mode=mode,
        calls=None if evidence in ("recorded", "reported") else calls,
        settings=settings,
        scorers=(*builtin_scorers(settings, cases), *(s for s in own if isinstance(s, Scorer))),
        async_scorers=tuple(s for s in own if isinstance(s, AsyncScorer)),
        hosted={name: one for name, one in configs.items() if name not in given_names},
        metrics=metrics,
        judge=judge,
        shard=filters.shard,
    )


def suite_info(plan: Plan) -> SuiteInfo:
    """Say what is run, before it is: `trials` a case and `isolation` as they are asked for."""
    config, isolation = plan.suite.config, plan.suite.isolation
    return SuiteInfo(
        id=plan.suite.name,
        golden_digest=plan.golden.digest,
        cases=len(plan.golden.cases),
        selected=len(plan.cases),
        trials=config.trials,
        agent=config.agent.run,
        noise=config.noise,
        mode=plan.mode,
        config_digest=config_digest(config),
        shard=None if plan.shard is None else str(plan.shard),
        isolation=None if isolation is None else isolation.by,
        claimed=plan.settings.evidence == "reported",
        trust_reported=config.agent.trust_reported,
    )


def _refuse_empty(golden: GoldenSet) -> None:
    """Refuse a case whose expectation is written down and says nothing: every answer would pass."""
    for line, case in zip(golden.lines, golden.cases, strict=True):
        expected = case.expected
        if expected.model_fields_set and expected.says_nothing and case.status == "reviewed":
            raise DataError(
                f"{golden.path}:{line}: case {case.id!r} expects nothing "
                f"({expected.model_dump(mode='json', exclude_unset=True)!r:.120}), so whatever the "
                "agent does would be right",
                fix="say an output, tool calls, a final state or a decision, or mark the case "
                "`status: draft`",
            )


def _refuse_criteria(golden: GoldenSet, suite: Suite) -> None:
    """Refuse criteria that no judge asks about, and a judge that finds none to ask about."""
    asking = [n for n, j in suite.config.judges.items() if j.kind == "rubric" and not j.rubric]
    held = [
        case.id for case in golden.cases if case.expected.criteria and case.status == "reviewed"
    ]
    if held and not asking:
        raise ConfigError(
            f"{golden.path}: case {held[0]!r} has criteria, and no judge of suite {suite.name!r} "
            "asks whether they are met",
            fix="judges: {criteria: {kind: rubric, model: MODEL, metrics: [criteria_met]}}",
        )
    if asking and not any(case.expected.criteria for case in golden.cases):
        raise ConfigError(
            f"{golden.path}: judge {asking[0]!r} has no rubric, and no case has criteria",
            fix=f"judges: {{{asking[0]}: {{rubric: QUESTION}}}}, or `criteria` in `expected`",
        )


def _refuse_users(golden: GoldenSet, cases: Iterable[Case], suite: Suite) -> None:
    """Refuse simulated users that nobody can play: their model is asked through the gateway."""
    for case in cases:
        if case.user is not None:
            raise ConfigError(
                f"{golden.path}: case {case.id!r} has a simulated user (model "
                f"{case.user.model!r}), and suite {suite.name!r} has no gateway to ask it through",
                fix=_ADD_GATEWAY.format(suite=suite.name),
            )


def _times_gate(policy: GateConfig) -> bool:
    """Say whether a time that a replay can measure gates."""
    rules = [rule_of(METRICS[f"{s}_{q}"], policy) for s in TIMES for q in ("p50", "p95")]
    return any(
        rule.gate != "advisory" or (rule.minimum, rule.maximum) != (None, None) for rule in rules
    )


def _mode(suite: Suite, calls: Calls) -> tuple[Mode, Evidence]:
    """Say where the model's answers come from, and who saw the calls."""
    if isinstance(suite.config.agent.line, RecordedLine):
        return "recorded", "recorded"
    if suite.config.gateway is None:
        _refuse_to_record(suite, calls)
        return "live", "reported"
    return ("replay", "replayed") if calls == "replay" else ("live", "gateway")


def _refuse_to_record(suite: Suite, calls: Calls) -> None:
    """Recording nothing in silence would let a replay look like evidence."""
    if calls in {"record", "auto"}:
        raise ConfigError(
            f"suite {suite.name!r} has no gateway, so none of its model calls can be recorded",
            fix=_ADD_GATEWAY.format(suite=suite.name),
        )


def _select(golden: GoldenSet, filters: Filters) -> tuple[Case, ...]:
    known = [case.id for case in golden.cases]
    for wanted in filters.cases:
        if wanted not in known:
            raise ConfigError(f"{golden.path}: no case {wanted!r}{did_you_mean(wanted, known)}")
    if not golden.cases:
        raise NothingSelected(
            f"{golden.path}: the golden set is empty, so nothing can be concluded",
            fix="evalgate golden add --from latest --to " + str(golden.path),
        )
    chosen = tuple(case for case in golden.cases if _fits(case, filters))
    if not chosen:
        _refuse_no_part(golden, filters)
        tags = sorted({tag for case in golden.cases for tag in case.tags})
        raise NothingSelected(
            f"{golden.path}: no case has the tag {' or '.join(map(repr, filters.tags))}",
            fix=f"--filter tag:NAME with one of {', '.join(tags[:20]) or '(no tags at all)'}",
        )
    return chosen


def _refuse_no_part(golden: GoldenSet, filters: Filters) -> None:
    """Say why a shard, or a change, leaves no case."""
    if filters.touched is not None and not filters.touched:
        raise NothingSelected(
            f"{golden.path}: nothing to run: the change touches neither the agent, nor a case, "
            "nor a cassette",
            fix="run without --changed to judge every case",
        )
    if filters.shard is not None:
        raise NothingSelected(
            f"{golden.path}: no case falls to shard {filters.shard} "
            f"({number_of(len(golden.cases), 'case')})",
            fix="use fewer shards",
        )


def _fits(case: Case, filters: Filters) -> bool:
    by_tag = not filters.tags or any(tag in case.tags for tag in filters.tags)
    by_part = filters.shard is None or case.id in filters.shard
    by_change = filters.touched is None or case.id in filters.touched
    return by_tag and by_part and by_change and (not filters.cases or case.id in filters.cases)
