"""Scoring one trial with all scorers."""

from collections.abc import Callable, Mapping
from typing import get_args

import pytest

from evalgate.metrics.registry import METRICS
from evalgate.metrics.stress import STRESS_METRICS
from evalgate.schema.config import Price
from evalgate.schema.golden import Case
from evalgate.schema.score import Abstained, Broken, Score, Scored
from evalgate.schema.status import TraceStatus
from evalgate.schema.trace import LlmCall, RecordedScore, ToolCall, Trace
from evalgate.scorers.base import Scorer
from evalgate.scorers.builtin import builtin_scorers, metric_sources, score_trial, scorer_versions
from evalgate.scorers.settings import Settings

MakeCase = Callable[..., Case]
MakeTrace = Callable[..., Trace]

JUDGED = {"faithfulness", "hallucination"}
"""Scores of judges, which are no built-in scorers."""


def own(name: str, function: Callable[[Case, Trace], object]) -> Scorer:
    """Make a scorer of a function that may break the contract."""

    def score(case: Case, trace: Trace) -> Mapping[str, Score]:
        return function(case, trace)  # type: ignore[return-value]  # the subject of the tests

    return Scorer(name=name, scores=(name,), version="1", config_digest="-", score=score)


def test_every_metric_has_a_score(make_case: MakeCase) -> None:
    """The built-in scorers return every score that a metric is made of, each once."""
    cases = [make_case({"user": {"model": "m", "goal": "g"}})]
    names = [name for scorer in builtin_scorers(Settings(), cases) for name in scorer.scores]

    assert len(names) == len(set(names))
    stress = {metric.score for metric in STRESS_METRICS.values()}
    assert {metric.score for metric in METRICS.values()} - JUDGED - stress == set(names)


@pytest.mark.parametrize(
    "status", get_args(TraceStatus.__value__ if hasattr(TraceStatus, "__value__") else TraceStatus)
)
def test_no_score_is_missing(make_case: MakeCase, make_trace: MakeTrace, status: str) -> None:
    """Whatever became of a trial, every score is there."""
    scorers = builtin_scorers(Settings())
    result = score_trial(scorers, make_case(), make_trace(status=status))

    assert set(scorer_versions(scorers)) == set(result.scores)


def test_result(make_case: MakeCase, busy_trace: Trace) -> None:
    """A result holds what the report says of a trial."""
    case = make_case(output={"contains": ["refund"]})
    result = score_trial(builtin_scorers(Settings()), case, busy_trace)

    assert ("c", 0, "finished", None) == (
        result.case_id,
        result.trial,
        result.status,
        result.error,
    )
    assert (("get_order",), "On its way.") == (result.calls, result.output)
    assert (2100, 200, 1000) == (
        result.usage.input_tokens,
        result.usage.output_tokens,
        result.usage.cached_tokens,
    )
    assert ("the output does not contain 'refund'",) == result.details


def test_prepared_cases_score_alike(make_case: MakeCase, busy_trace: Trace) -> None:
    """Compiling the cases first changes no result; a case that cannot be is broken either way."""
    rule = {"name": "get_order", "rules": {"x": {"rule": "ignore"}}}
    cases = (
        make_case(tool_calls=[{"name": "get_order", "arguments": {"id": "7"}}]),
        make_case(output={"json_schema": {"type": "object"}}),
        make_case(tool_calls=[rule]),
    )
    for case in cases:
        prepared = score_trial(builtin_scorers(Settings(), [case]), case, busy_trace)
        assert score_trial(builtin_scorers(Settings()), case, busy_trace) == prepared


def test_not_measured_is_no_evidence(make_case: MakeCase, make_trace: MakeTrace) -> None:
    """A trial that was not measured breaks every score, whatever it carries."""
    trace = make_trace(ToolCall(name="t"), status="not_measured", error="replay miss")
    result = score_trial(builtin_scorers(Settings()), make_case(tool_calls=[]), trace)

    assert {Broken("not measured: replay miss")} == set(result.scores.values())


def test_wrong_case(make_case: MakeCase, make_trace: MakeTrace) -> None:
    """A verdict never lands on another case."""
    with pytest.raises(ValueError, match="trace of case 'other' cannot be scored as case 'c'"):
        score_trial(builtin_scorers(Settings()), make_case(), make_trace(case_id="other"))


def fail(_case: Case, _trace: Trace) -> object:
    """Crash, as foreign code does."""
    return 1 / 0


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (fail, "ZeroDivisionError"),
        (lambda _c, _t: {}, "no score but None"),
        (lambda _c, _t: {"mine": 0.5}, "no score but 0.5"),
        (lambda _c, _t: {"mine": Scored(float("nan"))}, "nan"),
        (lambda _c, _t: {"mine": Scored("1")}, "'1'"),
        (lambda _c, _t: None, "TypeError"),
    ],
)
def test_contract(
    make_case: MakeCase,
    make_trace: MakeTrace,
    function: Callable[[Case, Trace], object],
    words: str,
) -> None:
    """A scorer that raises or breaks the contract is broken; the others go on."""
    scorers = (own("mine", function), own("other", lambda _c, _t: {"other": Scored(1.0)}))
    result = score_trial(scorers, make_case(), make_trace())
    broken = result.scores["mine"]

    assert isinstance(broken, Broken)
    assert words in broken.error
    assert result.scores["other"] == Scored(1.0)
    assert result.error == broken.error


def test_extra_names_are_dropped(make_case: MakeCase, make_trace: MakeTrace) -> None:
    """A scorer gives only the scores it declares."""
    scorer = own("mine", lambda _c, _t: {"mine": Scored(1.0), "error": Scored(0.0)})

    assert {"mine"} == set(score_trial([scorer], make_case(), make_trace()).scores)


def test_explanations_do_not_cost_scores(make_case: MakeCase, make_trace: MakeTrace) -> None:
    """What goes wrong in an explanation is said and changes no score."""

    def explain(_case: Case, _trace: Trace, _scores: Mapping[str, Score]) -> tuple[str, ...]:
        raise RuntimeError

    scorer = Scorer("mine", ("mine",), "1", "-", lambda _c, _t: {"mine": Scored(1.0)}, explain)
    result = score_trial([scorer], make_case(), make_trace())

    assert Scored(1.0) == result.scores["mine"]
    assert ("mine could not say why: RuntimeError: ",) == result.details


def test_an_explanation_is_twenty_lines_at_most(make_case: MakeCase, make_trace: MakeTrace) -> None:
    """A scorer that goes on and on does not fill the report."""

    def explain(_case: Case, _trace: Trace, _scores: Mapping[str, Score]) -> list[str]:
        return [str(number) for number in range(30)]

    scorer = Scorer("mine", ("mine",), "1", "-", lambda _c, _t: {"mine": Scored(1.0)}, explain)
    result = score_trial([scorer], make_case(), make_trace())

    assert tuple(map(str, range(20))) == result.details


def test_leak_is_named_and_not_repeated(make_case: MakeCase, make_trace: MakeTrace) -> None:
    """The report says what kind of data the answer holds, and not the data."""
    trace = make_trace(output="Her card is 4111 1111 1111 1111.")
    result = score_trial(builtin_scorers(Settings()), make_case(), trace)

    assert ("the answer holds what looks like: card number",) == result.details


def test_recorded_replaces_the_built_in(make_case: MakeCase, make_trace: MakeTrace) -> None:
    """A mapped score is taken from the trace, once."""
    settings = Settings(evidence="recorded", recorded={"tool_call_accuracy": "acc"})
    trace = make_trace(scores=[RecordedScore(name="acc", value=0.25)])
    scorers = builtin_scorers(settings)
    names = [name for scorer in scorers for name in scorer.scores]

    assert len(names) == len(set(names))
    result = score_trial(scorers, make_case(tool_calls=[]), trace, settings)
    assert Scored(0.25) == result.scores["tool_call_accuracy"]
    assert Scored(1.0) == result.scores["tool_calls_match"]


def test_recorded_cost_is_explained(make_case: MakeCase, make_trace: MakeTrace) -> None:
    """A recorded cost that tokens and price do not give is said in the details."""
    settings = Settings(evidence="recorded", prices={"m": Price(input=10, output=30)})
    trace = make_trace(LlmCall(model="m", input_tokens=1200, output_tokens=80), cost_usd=0.036)
    result = score_trial(builtin_scorers(settings), make_case(), trace, settings)

    assert Scored(0.036) == result.scores["cost_usd"]
    assert ("the recorded cost is 0.036 USD, tokens x price is 0.0144 USD",) == result.details


def test_versions_follow_the_configuration() -> None:
    """A changed setting changes the digest of the scores it bears on, and no other."""
    plain = scorer_versions(builtin_scorers(Settings()))
    priced = scorer_versions(builtin_scorers(Settings(prices={"m": Price(input=1, output=1)})))
    allowed = scorer_versions(builtin_scorers(Settings(pii_allow=("a@b.example",))))

    assert {"cost_usd", "token_efficiency", "cached_token_share", "cache_hit"} == {
        name for name in plain if plain[name] != priced[name]
    }
    assert "guardrail_violation" in {name for name in plain if plain[name] != allowed[name]}
    assert plain["task_success"] == allowed["task_success"]


def test_versions_do_not_follow_the_order_of_keys() -> None:
    """The same configuration, written in another order, stays comparable."""
    one, other = (
        scorer_versions(builtin_scorers(Settings(recorded=dict(pairs))))
        for pairs in ((("a", "x"), ("b", "y")), (("b", "y"), ("a", "x")))
    )
    assert one == other


def test_sources(make_case: MakeCase) -> None:
    """Steps of a live agent are its own report; costs and times of recordings are recorded."""
    live = metric_sources(Settings())
    gateway = metric_sources(Settings(evidence="gateway"))
    recorded = metric_sources(Settings(evidence="recorded"), [make_case(scores=["reward"])])
    replayed = metric_sources(Settings(evidence="replayed"))

    assert ("claimed", "claimed") == (
        live["tool_call_accuracy"],
        live["cost_per_interaction"],
    )
    assert not {"completion_time_p95", "task_success_rate", "error_rate"} & set(live)
    assert "cost_per_interaction" not in gateway
    assert ("recorded", "recorded", "recorded") == (
        recorded["task_success_rate"],
        recorded["cost_per_interaction"],
        recorded["completion_time_p50"],
    )
    assert ("replayed", "replayed") == (replayed["ttft_p95"], replayed["completion_time_p50"])
    assert not {name for name in replayed if name.startswith("own_time")}
    timed = metric_sources(Settings(evidence="replayed", times_gate=True))
    assert "completion_time_p50" not in timed


def test_reasons_are_shared(make_case: MakeCase, make_trace: MakeTrace) -> None:
    """Scores that most trials have alike are one object, so that 30,000 trials stay small."""
    scorers = builtin_scorers(Settings())
    first, second = (
        score_trial(scorers, make_case(tool_calls=[]), make_trace(trial=n)).scores for n in (0, 1)
    )
    assert [] == [
        name
        for name, score in first.items()
        if isinstance(score, Scored | Abstained) and score is not second[name]
    ]


@pytest.mark.parametrize(
    ("settings", "scores"),
    [
        (Settings(ignored_tools=frozenset({"t"})), ("task_success", "tool_call_accuracy")),
        (Settings(trust_reported=True), ("task_success", "own_time", "guardrail_violation")),
        (Settings(times_gate=True), ("own_time", "completion_time")),
        (Settings(goal_success=3.0), ("goal_success",)),
        (Settings(toxicity_from=0.4), ("toxicity",)),
        (Settings(recorded={"toxicity": "t"}), ("guardrail_violation",)),
        (Settings(recorded={"goal_attainment": "g"}), ("goal_success",)),
    ],
)
def test_every_setting_is_part_of_a_version(settings: Settings, scores: tuple[str, ...]) -> None:
    """What bears on a score makes its versions differ."""
    plain = scorer_versions(builtin_scorers(Settings()))
    changed = scorer_versions(builtin_scorers(settings))
    assert {name for name in scores if plain[name] == changed[name]} == set()
