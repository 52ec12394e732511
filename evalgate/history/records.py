"""What the history keeps, as rows: runs, metric values, case outcomes, interactions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from math import fsum

from evalgate.errors import DataError
from evalgate.schema.canonical import digest
from evalgate.schema.result import CaseResult, MetricValue, Report, Subject
from evalgate.schema.score import Score, Scored
from evalgate.schema.trace import LlmCall, ToolCall, Trace


@dataclass(frozen=True, slots=True)
class Origin:
    """What a report does not say of its run."""

    run_id: str
    at: int
    """Time of the start, in seconds since 1970."""
    branch: str | None = None
    """Branch it ran on; null is unknown."""
    subject: Subject = field(default_factory=Subject)
    """Commit and state of the tree."""
    agent_digest: str | None = None
    """Fingerprint of the agent's files; null is unknown, and equals nothing."""


@dataclass(frozen=True, slots=True)
class RunRow:
    """A row of `runs`; null is unknown."""

    run_id: str
    suite: str
    at: int
    branch: str | None
    commit: str | None
    dirty: bool | None
    verdict: str
    exit_code: int
    partial: bool
    mode: str
    agent: str
    agent_digest: str | None
    model: str | None
    prompt_digest: str | None
    tools_digest: str | None
    sampling_digest: str | None
    golden_digest: str
    config_digest: str | None
    trials: int
    cases: int
    report_digest: str
    fingerprint: str | None
    """Over agent, model, prompt, tools and sampling; null where the agent is unknown."""


@dataclass(frozen=True, slots=True)
class MetricRow:
    """A row of `metric_values`."""

    run_id: str
    name: str
    value: float | None
    unit: str
    direction: str
    n: int
    unknown: int
    num: float | None
    """Good events, or the numerator of a ratio of counts."""
    den: int | None
    """Events, or the denominator."""
    se: float | None
    source: str
    definition: str | None
    """`version:config digest` of its scorer; values of two definitions are not compared."""


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A row of `case_outcomes`."""

    run_id: str
    case_id: str
    digest: str
    trials: int
    successes: float
    """Sum of `task_success` over the trials that have it."""
    unknown: int
    """Trials without a `task_success`."""
    errored: int
    """Trials that did not finish."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run with all its rows."""

    run: RunRow
    metrics: tuple[MetricRow, ...]
    cases: tuple[CaseRow, ...]


@dataclass(frozen=True, slots=True)
class Interaction:
    """One interaction of production; null is unknown, never zero."""

    id: str
    digest: str
    at: int | None
    day: str | None
    agent: str | None
    model: str | None
    prompt_version: str | None
    environment: str | None
    outcome: str
    success: float | None
    error: float | None
    escalation: float | None
    guardrail: float | None
    faithfulness: float | None
    cost_usd: float | None
    duration_s: float | None
    ttft_s: float | None
    llm_calls: int
    tool_calls: int
    tool_failures: int
    input_tokens: int | None
    output_tokens: int | None
    tools: Mapping[str, tuple[int, int]]
    """Calls and failures by tool."""
    causes: Mapping[str, int]
    """Failed model calls by root cause."""


def epoch(moment: str, where: str) -> int:
    """Read an RFC 3339 time as seconds since 1970.

    Raises:
        DataError: It is no time, or has no zone.
    """
    try:
        read = datetime.fromisoformat(moment)
    except ValueError:
        read = None
    if read is None or read.tzinfo is None:
        raise DataError(f"{where}: {moment!r} is no time; expected e.g. 2026-01-31T12:00:00Z")
    return int(read.timestamp())


def record_of(report: Report, origin: Origin) -> RunRecord:
    """Turn a report into rows."""
    subject, suite = report.subject, report.suite
    agent = origin.agent_digest
    seen = [agent, suite.agent, subject.model, subject.prompt_digest, subject.tools_digest]
    whole = [*seen, subject.sampling_digest, suite.mode]
    run = RunRow(
        run_id=origin.run_id,
        suite=suite.id,
        at=origin.at,
        branch=origin.branch,
        commit=origin.subject.git_commit,
        dirty=origin.subject.dirty,
        verdict=report.verdict,
        exit_code=report.exit_code,
        partial=report.partial or suite.selected != suite.cases,
        mode=suite.mode,
        agent=suite.agent,
        agent_digest=agent,
        model=subject.model,
        prompt_digest=subject.prompt_digest,
        tools_digest=subject.tools_digest,
        sampling_digest=subject.sampling_digest,
        golden_digest=suite.golden_digest,
        config_digest=suite.config_digest,
        trials=suite.trials,
        cases=suite.cases,
        report_digest=digest(report.model_dump(mode="json", by_alias=True)),
        fingerprint=None if agent is None else digest([*whole])[7:23],
    )
    cases = tuple(_case_row(origin.run_id, case) for case in report.cases if not case.draft)
    metrics = tuple(
        _metric_row(origin.run_id, name, metric, report, cases)
        for name, metric in report.metrics.items()
    )
    return RunRecord(run, metrics, cases)


def _case_row(run_id: str, case: CaseResult) -> CaseRow:
    scores = [trial.scores.get("task_success") for trial in case.trials]
    known = [score.value for score in scores if isinstance(score, Scored)]
    return CaseRow(
        run_id=run_id,
        case_id=case.id,
        digest=case.digest,
        trials=len(scores),
        successes=fsum(known),
        unknown=len(scores) - len(known),
        errored=sum(trial.status != "finished" for trial in case.trials),
    )


def _metric_row(
    run_id: str, name: str, metric: MetricValue, report: Report, cases: tuple[CaseRow, ...]
) -> MetricRow:
    pooled: tuple[float, int] | None = metric.pooled
    if name == "task_success_rate" and cases:
        known = sum(case.trials - case.unknown for case in cases)
        pooled = fsum(case.successes for case in cases), known
    elif metric.unit == "ratio" and pooled is None and metric.value is not None:
        pooled = _binary_counts(name, report)
    return MetricRow(
        run_id=run_id,
        name=name,
        value=metric.value,
        unit=metric.unit,
        direction=metric.direction,
        n=metric.n,
        unknown=metric.unknown,
        num=None if pooled is None else pooled[0],
        den=None if pooled is None else pooled[1],
        se=metric.se,
        source=metric.source,
        definition=_definition(name, report),
    )


def _binary_counts(name: str, report: Report) -> tuple[float, int] | None:
    """Count the trials of a rate of yes and no; null for any other score."""
    score = name.removesuffix("_rate")
    values = [
        found.value
        for case in report.cases
        if not case.draft
        for trial in case.trials
        if isinstance(found := trial.scores.get(score), Scored)
    ]
    binary = bool(values) and all(value in (0.0, 1.0) for value in values)
    return (fsum(values), len(values)) if binary else None


_SCORE_OF = {
    "task_success_rate": "task_success",
    "cost_per_interaction": "cost_usd",
    "hallucination_rate": "hallucination",
    "toxicity_incidence": "toxicity",
}


def _definition(name: str, report: Report) -> str | None:
    """Find the version of the scorer of a metric, by the metric's name or its score's."""
    stem = name.removesuffix("_rate").removesuffix("_p50").removesuffix("_p95")
    tried: tuple[str, ...] = (_SCORE_OF.get(name, name), name, stem)
    if name.startswith(("pass_hat_", "pass_at_", "task_length_", "task_success_rate_q")):
        tried = ("task_success",)
    return next((report.scorers[key] for key in tried if key in report.scorers), None)


def interaction_of(
    trace: Trace, scores: Mapping[str, Score], causes: Mapping[str, int]
) -> Interaction:
    """Turn a trace of production into a row.

    Args:
        trace: The trace.
        scores: What the gate's own scorers say of it.
        causes: Its failed model calls by root cause.

    Raises:
        DataError: Its time is malformed.
    """
    at = None if trace.started_at is None else epoch(trace.started_at, trace.case_id)
    calls = [step for step in trace.steps if isinstance(step, LlmCall)]
    tools = [s for s in trace.steps if isinstance(s, ToolCall) and s.requestor == "assistant"]
    content = digest(trace.model_dump(mode="json", by_alias=True, exclude={"trial"}))
    identity = [trace.case_id, trace.session_id, trace.started_at]
    whole = digest(trace.model_dump(mode="json", by_alias=True))
    known_id = whole if trace.started_at is None else digest([*identity])
    models = sorted({call.model for call in calls if call.model})
    return Interaction(
        id=known_id.removeprefix("sha256:")[:32],
        digest=content.removeprefix("sha256:")[:32],
        at=at,
        day=None if trace.started_at is None else _day(trace.started_at),
        agent=_capped(trace.agent_name),
        model=_capped(",".join(models)) or None,
        prompt_version=_capped(trace.prompt_version),
        environment=_capped(trace.environment),
        outcome=trace.status,
        success=_value(scores, "task_success"),
        error=_value(scores, "error"),
        escalation=_value(scores, "escalation"),
        guardrail=_value(scores, "guardrail_violation"),
        faithfulness=_value(scores, "faithfulness"),
        cost_usd=_value(scores, "cost_usd"),
        duration_s=trace.duration,
        ttft_s=_value(scores, "ttft"),
        llm_calls=len(calls),
        tool_calls=len(tools),
        tool_failures=sum(step.error is not None for step in tools),
        input_tokens=_total([call.input_tokens for call in calls]),
        output_tokens=_total([call.output_tokens for call in calls]),
        tools=_by_tool(tools),
        causes=dict(causes),
    )


def _by_tool(steps: list[ToolCall]) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for step in steps:
        calls, failures = found.get(_name(step.name), (0, 0))
        found[_name(step.name)] = calls + 1, failures + (step.error is not None)
    return found


def _day(moment: str) -> str:
    return datetime.fromisoformat(moment).astimezone(UTC).date().isoformat()


def _value(scores: Mapping[str, Score], name: str) -> float | None:
    score = scores.get(name)
    return score.value if isinstance(score, Scored) else None


def _total(counts: list[int | None]) -> int | None:
    if not counts or any(count is None for count in counts):
        return None
    return sum(count for count in counts if count is not None)


_LONGEST = 200


def _capped(text: str | None) -> str | None:
    return None if text is None else _name(text)


def _name(text: str) -> str:
    """Bound a name that a trace brings along; a longer one keeps its identity by a digest."""
    clean = text.replace("\0", "\ufffd")
    if len(clean) <= _LONGEST:
        return clean
    return f"{clean[: _LONGEST - 17]}~{sha256(clean.encode('utf-8', 'replace')).hexdigest()[:16]}"
