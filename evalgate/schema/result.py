"""What a run produces: trial results on disk, and the report, `evalgate.report/1`."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from evalgate.schema.base import Json, Model, NonNegative, Number, Tokens, Weight
from evalgate.schema.objectives import GoalState
from evalgate.schema.score import ScoreField
from evalgate.schema.status import TraceStatus
from evalgate.schema.tool_faults import FaultOutcome
from evalgate.schema.verdict import CaseChange, Check, Direction, Outcome

__all__ = [
    "BaselineRef",
    "CaseResult",
    "Ground",
    "JudgeInfo",
    "Manifest",
    "MetricValue",
    "Pricing",
    "Report",
    "ReportSet",
    "RestsOn",
    "Subject",
    "SuiteInfo",
    "TrialResult",
    "TrialUsage",
    "TrialUser",
    "Unit",
]

Unit = Literal["ratio", "count", "s", "min", "USD", "1-5", "tokens", "score"]
"""Unit of a metric."""


@dataclass(frozen=True, slots=True)
class TrialUsage:
    """Tokens of one trial; null is unknown."""

    input_tokens: int | None = None
    """All input tokens."""
    output_tokens: int | None = None
    """All output tokens."""
    cached_tokens: int | None = None
    """Input tokens from the provider's cache."""


@dataclass(frozen=True, slots=True)
class TrialUser:
    """The simulated user of one trial and what it spent; nothing of it is the agent's."""

    model: str
    """The model that played it."""
    calls: int
    """Calls of its model."""
    input_tokens: int | None = None
    """All its input tokens; null is unknown."""
    output_tokens: int | None = None
    """All its output tokens; null is unknown."""
    cost_usd: float | None = None
    """What its calls cost in USD; null is unknown."""
    broken: str | None = None
    """Where it left its script; null: nowhere that anybody saw."""


@dataclass(frozen=True, slots=True)
class TrialResult:
    """One scored trial, as it is written to `trials.jsonl`."""

    case_id: str
    """The case."""
    trial: int
    """Number of the trial, from 0."""
    status: TraceStatus
    """How it ended."""
    scores: dict[str, ScoreField]
    """One score for each name that applies."""
    error: str | None = None
    """Why it did not finish, or what a scorer raised."""
    usage: TrialUsage = field(default_factory=TrialUsage)
    """Tokens of all LLM calls."""
    calls: tuple[str, ...] = ()
    """Names of the agent's tool calls, in order."""
    output: str = ""
    """The first characters of the final answer, for the report."""
    details: tuple[str, ...] = ()
    """What a scorer found, in words: failed expectations, unsupported claims."""
    recording: str | None = None
    """Digest of the recording of its model calls; null: it was not recorded, or nobody knows."""
    model_calls: int | None = None
    """Requests that reached the gateway; null: there was none, or nobody counted."""
    user: Annotated[TrialUser | None, Field(exclude_if=lambda user: user is None)] = None
    """The simulated user; null, and not written: there was none."""


class CaseResult(Model):
    """All trials of one case."""

    id: str
    """The case."""
    digest: str
    """Digest of what the case asks."""
    tags: tuple[str, ...] = ()
    """Labels."""
    weight: Weight = 1.0
    """Weight in every mean."""
    cluster: str | None = None
    """Its cluster."""
    must_pass: bool = False
    """Whether its confirmed failure alone fails the gate."""
    zero_tolerance: bool = False
    """Whether a single failed trial does."""
    draft: bool = False
    """Whether it runs without gating."""
    expects_refusal: bool = False
    """Whether declining is right."""
    claimed: bool = False
    """Whether its success rests on what the agent says of itself: steps or a final state."""
    human_minutes: NonNegative | None = None
    """Minutes a person needs."""
    trials: tuple[TrialResult, ...] = ()
    """Its trials, by number."""


def _source(value: object) -> object:
    """Take what reports of 0.1 called the agent's own word by its name of now."""
    return "claimed" if value == "self_reported" else value


_Source = Annotated[
    Literal["measured", "recorded", "claimed", "judged", "simulated", "replayed"],
    BeforeValidator(_source),
]


class MetricValue(Model):
    """A metric over a whole report."""

    value: Number | None
    """The aggregate; null is unknown."""
    unit: Unit
    """Its unit."""
    direction: Direction
    """Which way is better."""
    n: Annotated[int, Field(ge=0)]
    """Cases with a value."""
    unknown: Annotated[int, Field(ge=0)] = 0
    """Trials whose value is unknown or whose scorer broke."""
    pooled: tuple[int, int] | None = None
    """Numerator and denominator over all trials, for ratios of counts."""
    source: _Source = "measured"
    """Where it comes from; `claimed`: the agent says so of itself."""
    se: NonNegative | None = None
    """Standard error over trials; null is unknown."""


class Subject(Model):
    """Fingerprints of what was judged."""

    git_commit: str | None = None
    """Commit of the working tree."""
    dirty: bool | None = None
    """Whether the tree had uncommitted changes."""
    model: str | None = None
    """Models that answered, sorted, with commas between."""
    prompt_digest: str | None = None
    """Digest over the system prompts."""
    tools_digest: str | None = None
    """Digest over the tool schemas."""
    sampling_digest: str | None = None
    """Digest over the sampling parameters."""


class JudgeInfo(Model):
    """The judge and what it cost."""

    model: str | None = None
    """The judge's model."""
    prompt_digest: str | None = None
    """Digest of its prompts."""
    calls: Tokens = 0
    """Calls made, cached ones not counted."""
    cached: Tokens = 0
    """Verdicts read from the cache."""
    input_tokens: Tokens = 0
    """Input tokens."""
    output_tokens: Tokens = 0
    """Output tokens."""
    cost_usd: NonNegative | None = None
    """Cost in USD; null is unknown."""


class Pricing(Model):
    """The price table."""

    source: str
    """Where prices come from."""
    version: str
    """Its version."""
    digest: str
    """Digest over it and the overrides."""


class SuiteInfo(Model):
    """What was run."""

    id: str
    """The suite's name."""
    golden_digest: str
    """Digest of the golden set."""
    cases: int
    """Cases in the golden set."""
    selected: int
    """Cases that were run."""
    trials: int
    """Trials a case (the smallest)."""
    agent: str = ""
    """The agent, as configured."""
    noise: Literal["trials", "none"] = "trials"
    """Whether trials vary."""
    mode: Literal["live", "replay", "recorded"] = "live"
    """Where the model's answers come from."""
    config_digest: str | None = None
    """Digest over the part of the configuration that bears on trials and scores."""
    isolation: str | None = None
    """What kept the agent's processes in: `landlock N` (its version), `bubblewrap`, `outside`
    (asked over HTTP, or recorded) or `none`; null: nothing was asked for."""
    claimed: bool = False
    """Whether steps, tokens, models and final states are the agent's own word: no gateway saw
    them."""
    trust_reported: bool = False
    """Whether what is claimed counts as evidence (`agent.trust_reported`)."""
    shard: str | None = None
    """Which of several equal parts of the golden set was run, e.g. `2/4`; null: no part."""


class BaselineRef(Model):
    """What the candidate was compared with."""

    source: str
    """File, run or revision."""
    golden_digest: str | None = None
    """Digest of its golden set."""
    trials: int | None = None
    """Trials a case (the smallest)."""
    created: str | None = None
    """RFC 3339 time it was made."""
    reason: str | None = None
    """Why it was made."""
    subject: Subject | None = None
    """What it was made of."""


Ground = Literal["code", "model", "tools", "judge", "simulation", "recording", "claims"]
"""What a metric may rest on. `recording`: a recorded trace, or the times of a recording; `claims`:
what an agent says of itself; `simulation`: recorded sessions played against limits."""


class RestsOn(Model):
    """What the metrics of a report rest on."""

    code: Literal["live", "recorded"]
    """Whether the agent ran, or its traces were brought."""
    model: Literal["live", "replayed", "partly replayed", "recorded"] | None = None
    """Where the model's answers came from; null: no call of a model was seen."""
    tools: dict[Literal["live", "replayed", "mocked", "refused", "missed"], tuple[str, ...]] = (
        Field(default_factory=dict)
    )
    """Tools that went through the gateway, by what became of their calls."""
    judge: Literal["live", "recorded"] | None = None
    """Where the verdicts of judges came from; null: there is no judge."""
    metrics: dict[str, tuple[Ground, ...]] = Field(default_factory=dict)
    """What each metric rests on."""


class Report(Model):
    """All that one run of one suite says; holds no clock, no id and no host."""

    schema_: Literal["evalgate.report/1"] = Field(default="evalgate.report/1", alias="schema")
    """The format's version."""
    verdict: Outcome
    """What the checks add up to."""
    exit_code: int
    """The exit code the verdict stands for."""
    partial: bool = False
    """Whether only a selection of the cases was judged."""
    suite: SuiteInfo
    """What was run."""
    subject: Subject = Subject.model_construct()
    """Fingerprints of what was judged."""
    changed: tuple[str, ...] = ()
    """Which fingerprints differ from the baseline's, in words."""
    judge: JudgeInfo | None = None
    """The judge, where one was asked."""
    scorers: dict[str, str] = Field(default_factory=dict)
    """`version:config digest` of each scorer, by name."""
    pricing: Pricing | None = None
    """The price table."""
    baseline: BaselineRef | None = None
    """What it was compared with; null: no comparison."""
    checks: tuple[Check, ...] = ()
    """All checks, worst first."""
    warnings: tuple[str, ...] = ()
    """What a reader should know."""
    metrics: dict[str, MetricValue] = Field(default_factory=dict)
    """Every metric that has evidence."""
    rests_on: RestsOn | None = None
    """What each metric rests on: live code, a replayed model, replayed or mocked tools; null:
    nobody knows."""
    stress: dict[str, Json] | None = None
    """Outcome of the stress check, where one was made."""
    faults: FaultOutcome | None = None
    """What became of faults of tools, where they were played."""
    goals: tuple[GoalState, ...] = ()
    """Goals of the suite and where its metrics are today."""
    changes: tuple[CaseChange, ...] = ()
    """What became of each case, worst first; empty without a comparison."""
    cases: tuple[CaseResult, ...] = ()
    """Every case and its trials."""


class ReportSet(Model):
    """Several suites in one run."""

    schema_: Literal["evalgate.reports/1"] = Field(default="evalgate.reports/1", alias="schema")
    """The format's version."""
    verdict: Outcome
    """The whole: 2 before 1 before 3 before 0."""
    exit_code: int
    """The exit code of the whole."""
    suites: tuple[Report, ...]
    """One report a suite."""


class Manifest(Model):
    """What is known of a run beside its report: clock, id and host."""

    schema_: Literal["evalgate.manifest/1"] = Field(default="evalgate.manifest/1", alias="schema")
    """The format's version."""
    run_id: str
    """The run's id, which is its folder's name."""
    suite: str
    """The suite's name."""
    golden: str
    """Path of the golden set."""
    golden_digest: str
    """Its digest."""
    agent: str
    """The agent, as configured."""
    trials: int
    """Trials a case that were asked for."""
    selected: tuple[str, ...] | None = None
    """Ids of the selected cases; null: all."""
    created: str
    """RFC 3339 time of the start."""
    finished: str | None = None
    """RFC 3339 time of the end; null: the run was cut off."""
    subject: Subject = Subject.model_construct()
    """Commit and state of the tree at the start, and what the traces were made with."""
    tree: str | None = None
    """Digest of what differed from the commit at the start; null: nobody knows."""
    config_digest: str | None = None
    """Digest over the part of the configuration that bears on trials and scores."""
    scorers: dict[str, str] = Field(default_factory=dict)
    """`version:config digest` of each scorer, by name."""
    environment: dict[str, str] = Field(default_factory=dict)
    """Versions of evalgate, Python and the platform."""
    measured: dict[str, Number] = Field(default_factory=dict)
    """Times outside model calls of trials behind the gateway, in seconds: `own_time_p50` and
    `own_time_p95`. A report holds them only where the policy gates times."""
    command: str | None = None
    """The command line."""
    config: str | None = None
    """Path of the configuration."""
