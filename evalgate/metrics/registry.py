"""The registry of metrics: what each is, and what it does in a gate by default.

`METRICS` is complete: a metric that is neither in it nor a `pass_hat_K` or `pass_at_K` of a
larger K is a user's scorer (`user_metric`). `docs/metrics.md` is generated from it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from evalgate.metrics.metric import Metric
from evalgate.metrics.stress import STRESS_METRICS
from evalgate.schema.config_parts.scorer import ScorerConfig

PASS_K_SHOWN = 10
"""pass^k and pass@k are reported up to this k; a larger one is computed where it is named."""

_SUCCESS = "task_success"
_LOWER_TOL = 0.02
"""Default `abs_tol` and `min_abs_change` of ratios of which less is better."""


def _higher(name: str, score: str, doc: str) -> Metric:
    """An advisory share in [0, 1] of which more is better."""
    return Metric(
        name=name, score=score, unit="ratio", direction="higher", gate="advisory", doc=doc
    )


def _lower(name: str, score: str, doc: str) -> Metric:
    """An advisory share in [0, 1] of which less is better."""
    return Metric(
        name=name,
        score=score,
        unit="ratio",
        direction="lower",
        gate="advisory",
        doc=doc,
        abs_tol=_LOWER_TOL,
        min_abs_change=_LOWER_TOL,
    )


def _count(name: str, score: str, doc: str) -> Metric:
    """An advisory count without an upper bound, of which less is better."""
    return Metric(
        name=name,
        score=score,
        unit="count",
        direction="lower",
        gate="advisory",
        doc=doc,
        bounds=None,
    )


def _quantiles(
    score: str, doc: str, *, min_abs_change: float | None = None
) -> tuple[Metric, Metric]:
    """The median and the 95th percentile of a time over finished trials."""
    median = Metric(
        name=f"{score}_p50",
        score=score,
        unit="s",
        direction="lower",
        gate="advisory",
        doc=doc,
        aggregate="p50",
        bounds=None,
        finished_only=True,
        min_abs_change=min_abs_change,
    )
    return median, replace(median, name=f"{score}_p95", aggregate="p95")


def pass_metric(kind: str, k: int) -> Metric:
    """Define pass^k (`kind="hat"`) or pass@k (`kind="at"`) of binary task success.

    Args:
        kind: `hat` or `at`.
        k: Trials, at least 1.
    """
    if kind == "hat":
        doc = f"Chance that {k} trials of a case, drawn without replacement, all succeed: "
        doc += "C(c,k)/C(n,k) of c successes in n trials; binary scores only."
    else:
        doc = f"Chance that of {k} trials of a case, drawn without replacement, one succeeds: "
        doc += "1 - C(n-c,k)/C(n,k) of c successes in n trials; binary scores only."
    return Metric(
        name=f"pass_{kind}_{k}",
        score=_SUCCESS,
        unit="ratio",
        direction="higher",
        gate="advisory",
        doc=doc,
        aggregate="pass_hat" if kind == "hat" else "pass_at",
        k=k,
    )


def _task() -> Iterable[Metric]:
    yield Metric(
        name="task_success_rate",
        score=_SUCCESS,
        unit="ratio",
        direction="higher",
        gate="standard",
        doc="AND over every expectation of the case (1 or 0); a recorded graded score stays "
        "graded and is never rounded.",
        binary=True,
    )
    for kind in ("hat", "at"):
        yield from (pass_metric(kind, k) for k in range(1, PASS_K_SHOWN + 1))
    yield Metric(
        name="goal_attainment",
        score="goal_attainment",
        unit="1-5",
        direction="higher",
        gate="advisory",
        doc="Feedback from 1 to 5: stars as given, thumbs up 5, thumbs down 1; else a recorded "
        "or judged score.",
        bounds=(1.0, 5.0),
    )
    yield replace(
        _higher(
            "goal_success_rate",
            "goal_success",
            "Whether goal attainment reached 4 of 5.",
        ),
        binary=True,
    )


def _tools() -> Iterable[Metric]:
    yield replace(
        _higher(
            "tool_call_accuracy",
            "tool_call_accuracy",
            "Correct calls, name and arguments, over calls made and expected ones missed.",
        ),
        gate="standard",
        where_known=True,
    )
    yield _higher(
        "tool_selection_accuracy",
        "tool_selection_accuracy",
        "Calls with a correct name over calls made, the common definition: a missed call does "
        "not count.",
    )
    yield _higher(
        "tool_call_precision", "tool_call_precision", "Correct calls over the calls judged."
    )
    yield _higher("tool_call_recall", "tool_call_recall", "Correct calls over calls expected.")
    yield _higher("tool_call_f1", "tool_call_f1", "Harmonic mean of precision and recall.")
    yield replace(
        _higher(
            "tool_calls_match_rate",
            "tool_calls_match",
            "Whether all calls of the case are right under its match mode.",
        ),
        binary=True,
    )
    yield _lower(
        "tool_failure_rate",
        "tool_failure",
        "Calls that failed (5xx, timeout, unparsable arguments, error result) over calls made.",
    )
    yield _count("tool_invocations", "tool_invocations", "Tool calls the agent made.")


def _grounding() -> Iterable[Metric]:
    yield replace(
        _higher(
            "faithfulness",
            "faithfulness",
            "Claims of the answer that its contexts support over all its claims.",
        ),
        gate="standard",
        where_known=True,
        complement="hallucination_rate",
    )
    yield replace(
        _lower(
            "hallucination_rate",
            "hallucination",
            "Claims of the answer that its contexts do not support over all its claims.",
        ),
        complement="faithfulness",
    )


def _lexical() -> Iterable[Metric]:
    yield _higher(
        "groundedness_lexical",
        "groundedness_lexical",
        "How little weighs what the answer says and the contexts do not, without a model: "
        "3 / (3 + unsupported weight).",
    )
    yield Metric(
        name="unsupported_weight",
        score="unsupported_weight",
        unit="score",
        direction="lower",
        gate="advisory",
        doc="Sum over the answer's claims of the weight of what the contexts do not hold, in "
        "uncommon words.",
        bounds=None,
        finished_only=True,
    )


def _safety() -> Iterable[Metric]:
    defined = {
        "guardrail_missed": (
            "guardrail_missed",
            "Nothing was blocked where the case expects a block.",
        ),
        "guardrail_false_block": (
            "guardrail_false_block",
            "Something was blocked where the case expects none.",
        ),
        "handoff_missed": (
            "handoff_missed",
            "No hand-over to a person where the case expects one.",
        ),
        "handoff_unneeded": (
            "handoff_unneeded",
            "A hand-over to a person where the case expects none.",
        ),
        "guardrail_violation_rate": (
            "guardrail_violation",
            "A guardrail blocked something, or the answer holds personal data not given to it.",
        ),
        "escalation_rate": ("escalation", "The agent handed over to a person."),
        "toxicity_incidence": ("toxicity", "A recorded toxicity score is at or above one half."),
    }
    for name, (score, doc) in defined.items():
        yield replace(_lower(name, score, doc), binary=True)


def _cost() -> Iterable[Metric]:
    yield Metric(
        name="cost_per_interaction",
        score="cost_usd",
        unit="USD",
        direction="lower",
        gate="standard",
        doc="The recorded cost, else the sum over LLM calls of tokens x price at the date of the "
        "call.",
        bounds=None,
        finished_only=True,
        where_known=True,
    )
    yield replace(
        _higher(
            "token_efficiency",
            "token_efficiency",
            "Output tokens of the last LLM call, reasoning aside, over all tokens.",
        ),
        finished_only=True,
    )
    yield replace(
        _higher(
            "cached_token_share",
            "cached_token_share",
            "Input tokens read from the provider's prompt cache over input tokens.",
        ),
        finished_only=True,
    )
    yield _higher(
        "cache_hit_rate",
        "cache_hit",
        "Hits of the semantic cache over LLM calls with a hit signal; unknown without one.",
    )


def _experience() -> Iterable[Metric]:
    yield from _quantiles(
        "own_time",
        "Time of the trial outside model calls: code, tools, waiting; measured in replay too.",
        min_abs_change=0.1,
    )
    yield from _quantiles(
        "completion_time",
        "End minus start of the trial; in a replay that gates it, own time plus recorded calls.",
    )
    yield from _quantiles("ttft", "First token minus request, of the trial's first LLM call.")
    for quartile in (1, 2, 3):
        yield Metric(
            name=f"task_length_q{quartile}",
            score=_SUCCESS,
            unit="min",
            direction="higher",
            gate="advisory",
            doc=f"Quartile {quartile} of the minutes a person needs for a case.",
            aggregate="quartile",
            k=quartile,
            bounds=None,
        )
    for quartile in (1, 2, 3, 4):
        yield Metric(
            name=f"task_success_rate_q{quartile}",
            score=_SUCCESS,
            unit="ratio",
            direction="higher",
            gate="advisory",
            doc=f"Task success over the cases of quartile {quartile} of the minutes a person "
            "needs, from short to long.",
            aggregate="by_quartile",
            k=quartile,
        )
    yield _count(
        "llm_calls_per_turn",
        "llm_calls_per_turn",
        "LLM calls between two user messages, the largest of the trial (loop length).",
    )
    yield _count(
        "tool_fan_out",
        "tool_fan_out",
        "Tool calls that follow one LLM call, the largest of the trial.",
    )


def _dialogue() -> Iterable[Metric]:
    yield replace(
        _higher(
            "user_goal_reached_rate",
            "user_goal_reached",
            "The simulated user ended the conversation because its goal was reached.",
        ),
        binary=True,
    )
    yield _count(
        "user_turns_to_goal",
        "user_turns_to_goal",
        "Messages of the simulated user until its goal was reached, the closing one aside; its "
        "`max_turns` where it was not.",
    )
    yield _count(
        "user_effort",
        "user_effort",
        "Words the simulated user had to say until its goal was reached, stop words aside.",
    )
    yield _higher(
        "turn_tool_accuracy",
        "turn_tool_accuracy",
        "Turns of a conversation with a simulated user whose tool calls are all expected ones, "
        "over turns with a call; expected calls that are missing count as one more turn.",
    )


def _reliability() -> Iterable[Metric]:
    # No `min_abs_change`: one more crash is one more crash, however large the golden set.
    yield replace(
        _lower(
            "error_rate", "error", "The trial crashed, timed out, gave bad output or hit a limit."
        ),
        gate="standard",
        abs_tol=0.0,
        min_abs_change=None,
        binary=True,
    )
    yield replace(
        _higher(
            "session_continuity_rate",
            "session_continuity",
            "Whether the session that was started was finished.",
        ),
        binary=True,
    )
    yield _lower(
        "retry_exhaustion_rate",
        "retry_exhaustion",
        "LLM calls that ended in an error that waiting cures over LLM calls with known attempts.",
    )


def _all() -> Iterable[Metric]:
    task = (_task, _tools, _grounding, _lexical, _safety)
    for family in (*task, _cost, _experience, _dialogue, _reliability):
        yield from family()


METRICS: Mapping[str, Metric] = MappingProxyType(
    {**{metric.name: metric for metric in _all()}, **STRESS_METRICS}
)
"""Every built-in metric by name, in the order of the documentation."""


def find_metric(name: str) -> Metric | None:
    """Look a built-in metric up, `pass_hat_K` and `pass_at_K` of any K included."""
    if name in METRICS:
        return METRICS[name]
    family, _, digits = name.rpartition("_")
    if family not in ("pass_hat", "pass_at") or not (digits.isascii() and digits.isdigit()):
        return None
    k = int(digits) if len(digits) <= 4 and not digits.startswith("0") else 0
    return pass_metric(family.removeprefix("pass_"), k) if k else None


def user_metric(name: str, config: ScorerConfig) -> Metric:
    """Define the metric of a user's scorer: it has the scorer's name."""
    bounds = {"ratio": (0.0, 1.0), "1-5": (1.0, 5.0)}.get(config.unit)
    lower_ratio = config.unit == "ratio" and config.direction == "lower"
    return Metric(
        name=name,
        score=name,
        unit=config.unit,
        direction=config.direction,
        gate=config.gate,
        doc=f"What {config.call} returns.",
        bounds=bounds,
        abs_tol=_LOWER_TOL if lower_ratio else None,
        min_abs_change=_LOWER_TOL if lower_ratio else None,
    )
