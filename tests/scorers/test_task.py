"""Task success."""

from collections.abc import Callable
from typing import Any

import pytest

from evalgate.schema.golden import Case
from evalgate.schema.score import Abstained, Broken, Score, Scored
from evalgate.schema.trace import GuardrailStep, Handoff, LlmCall, RecordedScore, ToolCall, Trace
from evalgate.scorers.settings import Settings
from evalgate.scorers.task import failed_expectations, prepare, score_task

MakeCase = Callable[..., Case]
MakeTrace = Callable[..., Trace]

RECORDED = Settings(evidence="recorded")
ORDER = ToolCall(name="get_order", arguments={"id": "7"})
WANTED = {"name": "get_order", "arguments": {"id": "7"}}


def success(case: Case, trace: Trace, settings: Settings = RECORDED) -> Score:
    """Score one trial."""
    return score_task(case, trace, settings)["task_success"]


EXPECTATIONS: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any], str]] = [
    (
        {"output": {"contains": ["refund"]}},
        {"output": "Your refund"},
        {"output": "No"},
        "does not contain 'refund'",
    ),
    (
        {"final_state": {"status": "open"}},
        {"final_state": {"status": "open", "n": 1}},
        {"final_state": {"status": "shut"}},
        "final state 'status' is 'shut', not 'open'",
    ),
    (
        {"final_state": {"status": "open"}},
        {"final_state": {"status": "open"}},
        {"final_state": {}},
        "has no 'status'",
    ),
    (
        {"final_state": {"status": "open"}},
        {"final_state": {"status": "open"}},
        {},
        "no final state is reported",
    ),
    (
        {"refusal": True},
        {"output": "I can't help with that."},
        {"output": "Sure!"},
        "did not decline",
    ),
    (
        {"refusal": False},
        {"output": "Sure!"},
        {"output": "I can't help with that."},
        "the agent declined",
    ),
    ({"handoff": True}, {"steps": [Handoff()]}, {}, "no hand-over"),
    ({"handoff": False}, {}, {"steps": [Handoff()]}, "a hand-over"),
    (
        {"guardrail": "block"},
        {"steps": [GuardrailStep(decision="block")]},
        {"steps": [GuardrailStep(decision="pass")]},
        "no guardrail blocked",
    ),
    (
        {"guardrail": "pass"},
        {"steps": [GuardrailStep(decision="pass")]},
        {"steps": [GuardrailStep(decision="block")]},
        "a guardrail blocked",
    ),
    ({"tool_calls": [WANTED]}, {"steps": [ORDER]}, {}, "get_order"),
    ({"tool_calls": []}, {}, {"steps": [ORDER]}, "get_order"),
]


@pytest.mark.parametrize(("expected", "good", "bad", "words"), EXPECTATIONS)
def test_each_expectation(
    make_case: MakeCase,
    make_trace: MakeTrace,
    expected: dict[str, Any],
    good: dict[str, Any],
    bad: dict[str, Any],
    words: str,
) -> None:
    """Each expectation passes what meets it, fails what does not, and says why."""
    case = make_case(**expected)

    assert (Scored(1.0), ()) == (
        success(case, make_trace(**good)),
        failed_expectations(case, make_trace(**good), RECORDED),
    )
    (problem,) = failed_expectations(case, make_trace(**bad), RECORDED)
    assert success(case, make_trace(**bad)) == Scored(0.0)
    assert words in problem


@pytest.mark.parametrize(("expected", "_good", "bad", "_words"), EXPECTATIONS)
def test_one_failure_is_enough(
    make_case: MakeCase,
    make_trace: MakeTrace,
    expected: dict[str, Any],
    _good: dict[str, Any],
    bad: dict[str, Any],
    _words: str,
) -> None:
    """AND: an expectation that fails is not outweighed by a recorded score of 1."""
    both = {**expected, "scores": ["reward"]}
    if "tool_calls" in expected:
        return  # the recorded score stands for these: see below
    trace = make_trace(**bad, scores=[RecordedScore(name="reward", value=1)])

    assert success(make_case(**both), trace) == Scored(0.0)


def test_recorded_score_stands_for_the_calls(make_case: MakeCase, make_trace: MakeTrace) -> None:
    """The source of a recorded score has judged the calls: they are left to the tool metrics."""
    case = make_case(tool_calls=[WANTED], scores=["reward"])
    trace = make_trace(scores=[RecordedScore(name="reward", value=1.0)])

    assert success(case, trace) == Scored(1.0)


@pytest.mark.parametrize(
    ("values", "expected"), [([0.37], 0.37), ([0.9, 0.4], 0.4), ([True], 1.0), ([0, 1], 0.0)]
)
def test_graded_stays_graded(
    make_case: MakeCase, make_trace: MakeTrace, values: list[float], expected: float
) -> None:
    """Graded scores are not rounded; the lowest of several counts."""
    names = [f"s{n}" for n in range(len(values))]
    recorded = [RecordedScore(name=n, value=v) for n, v in zip(names, values, strict=True)]

    assert success(make_case(scores=names), make_trace(scores=recorded)) == Scored(expected)


@pytest.mark.parametrize(
    ("recorded", "settings", "words"),
    [
        ([], RECORDED, "carries no score 'reward'"),
        ([RecordedScore(name="reward", value="good")], RECORDED, "no number"),
        ([RecordedScore(name="reward", value=1.01)], RECORDED, "outside 0 to 1"),
        ([RecordedScore(name="reward", value=-0.01)], RECORDED, "outside 0 to 1"),
        (
            [RecordedScore(name="reward", value=1), RecordedScore(name="reward", value=0)],
            RECORDED,
            "differ",
        ),
        ([RecordedScore(name="reward", value=1)], Settings(), "claim"),
    ],
)
def test_no_evidence_is_broken(
    make_case: MakeCase,
    make_trace: MakeTrace,
    recorded: list[RecordedScore],
    settings: Settings,
    words: str,
) -> None:
    """A recorded score that is missing, no number, contradicted or only claimed is no success."""
    found = success(make_case(scores=["reward"]), make_trace(scores=recorded), settings)

    assert isinstance(found, Broken)
    assert words in found.error


def test_each_of_several_scores_lies_in_the_range(
    make_case: MakeCase, make_trace: MakeTrace
) -> None:
    """A half beside one and a half is no half."""
    recorded = [RecordedScore(name=name, value=value) for name, value in (("a", 0.5), ("b", 1.5))]
    found = success(make_case(scores=["a", "b"]), make_trace(scores=recorded))
    assert isinstance(found, Broken)


def test_failure_outweighs_missing_evidence(make_case: MakeCase, make_trace: MakeTrace) -> None:
    """An expectation that fails decides, whatever could not be judged."""
    case = make_case(output={"contains": ["x"]}, scores=["reward"])

    assert success(case, make_trace()) == Scored(0.0)


def test_zero_outweighs_a_missing_score(make_case: MakeCase, make_trace: MakeTrace) -> None:
    """A recorded 0 decides, whether or not another score is there."""
    trace = make_trace(scores=[RecordedScore(name="reward", value=0)])

    assert success(make_case(scores=["missing", "reward"]), trace) == Scored(0.0)


def test_nothing_expected(make_case: MakeCase, make_trace: MakeTrace) -> None:
    """A case that expects nothing is no success and no failure."""
    assert isinstance(success(make_case(), make_trace()), Abstained)
    criteria = make_case(criteria=["It is short."])  # for a judge
    assert isinstance(success(criteria, make_trace()), Abstained)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("crashed", "crashed"),
        ("timed_out", "timed out"),
        ("bad_output", "gave no valid answer"),
        ("limit", "ran into a limit"),
        ("loop_limit", "called the model too often"),
        ("unfinished", "did not finish"),
    ],
)
def test_failed_trial(make_case: MakeCase, make_trace: MakeTrace, status: str, said: str) -> None:
    """A trial that did not finish is a failure, whatever it had said."""
    case = make_case(output={"contains": ["way"]})
    trace = make_trace(status=status, error="boom")
    (words,) = failed_expectations(case, trace, RECORDED)

    assert success(case, trace) == Scored(0.0)
    assert f"the trial {said}: boom" == words


def test_unusable_rule_is_broken(make_case: MakeCase, make_trace: MakeTrace) -> None:
    """A rule for an argument no call has is an error and no match."""
    rule = {"name": "get_order", "rules": {"oder_id": {"rule": "ignore"}}, "arguments": {"id": "7"}}

    assert isinstance(success(make_case(tool_calls=[rule]), make_trace(ORDER)), Broken)


def test_prepared_says_the_same(make_case: MakeCase, make_trace: MakeTrace) -> None:
    """What is compiled once for all trials changes no score."""
    case = make_case(output={"json_schema": {"type": "array"}}, tool_calls=[WANTED])
    for trace in (make_trace(ORDER, output="[]"), make_trace(output="[]"), make_trace(ORDER)):
        prepared = score_task(case, trace, RECORDED, prepared=prepare(case))
        assert score_task(case, trace, RECORDED) == prepared


def test_words_are_short(make_case: MakeCase, make_trace: MakeTrace) -> None:
    """A long value of the agent does not fill the report."""
    case = make_case(final_state={"a": 1})
    (words,) = failed_expectations(case, make_trace(final_state={"a": "x" * 9999}), RECORDED)

    assert len(words) < 400


def test_other_steps_are_no_calls(make_case: MakeCase, make_trace: MakeTrace) -> None:
    """What is said of tool calls is of tool calls alone."""
    case = make_case(tool_calls=[WANTED])
    assert () == failed_expectations(case, make_trace(LlmCall(), ORDER), RECORDED)
    (words,) = failed_expectations(case, make_trace(LlmCall()), RECORDED)
    assert words.startswith("tool calls: ")


def test_a_failed_trial_in_words(make_case: MakeCase, make_trace: MakeTrace) -> None:
    """How it ended, and the first line of why."""
    failed = make_trace(status="timed_out", error="after 5 s\nmore")
    assert ("the trial timed out: after 5 s",) == failed_expectations(make_case(), failed, RECORDED)
    silent = make_trace(status="crashed")
    assert ("the trial crashed",) == failed_expectations(make_case(), silent, RECORDED)


def test_low_grades_in_words(make_case: MakeCase, make_trace: MakeTrace) -> None:
    """Every recorded score below 1, or without a value, and not the tool calls beside them."""
    case = make_case(scores=["a", "b", "c"], tool_calls=[WANTED])
    trace = make_trace(
        scores=[RecordedScore(name="a", value=1), RecordedScore(name="b", value=0.5)]
    )
    assert (
        "the recorded score 'b' is 0.5",
        "the trace carries no score 'c'",
    ) == failed_expectations(case, trace, RECORDED)
