"""Making baselines: columns, drafts, policy fields, and the reasons not to make one."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from evalgate.gate.baseline import (
    Mismatch,
    baseline_of_report,
    column_problems,
    mean_mismatches,
    objections,
    summary_of_baseline,
)
from evalgate.metrics.registry import METRICS, user_metric
from evalgate.schema.baseline import Baseline, Column, Provenance
from evalgate.schema.config_parts.gate import GateConfig
from evalgate.schema.config_parts.scorer import ScorerConfig
from evalgate.schema.result import CaseResult, MetricValue, Report, Subject, TrialUsage
from evalgate.schema.score import Abstained, Broken, Score, Scored
from evalgate.stats.columns import decode_column, encode_column
from evalgate.stats.summary import RunSummary, summary_of_report

BuildCase = Callable[..., CaseResult]
BuildReport = Callable[..., Report]
ONE, ZERO, HALF = Scored(1.0), Scored(0.0), Scored(0.5)
SILENT, UNKNOWN, BROKEN = Abstained("a"), Abstained("u", unknown=True), Broken("b")


@pytest.mark.parametrize(
    ("scores", "trials", "column"),
    [
        ([ONE, ZERO, ONE], 3, "101"),
        ([ONE, ONE, ONE], 3, "1"),
        ([ONE, ONE, ONE], 2, "111"),
        ([HALF, ONE], 2, (0.5, 1.0)),
        ([HALF, HALF], 2, (0.5,)),
        ([Scored(0.123456), UNKNOWN], 2, (0.1235, "?")),
        ([ONE, SILENT, BROKEN, UNKNOWN], 4, "1-!?"),
        ([SILENT, SILENT], 2, None),
    ],
)
def test_columns(scores: list[Score], trials: int, column: Column | None) -> None:
    """One entry a trial, a single one where all agree, marks for what is missing."""
    assert column == encode_column(scores, trials)
    if column is not None:
        kinds = [type(score) for score in decode_column(column, len(scores)) or ()]
        assert [type(score) for score in scores] == kinds


def _make(report: Report, policy: dict[str, object] | None = None) -> Baseline:
    provenance = Provenance(created="2026-11-21T00:00:00Z", reason="test")
    config = GateConfig.model_validate(policy or {})
    return baseline_of_report(report, METRICS, config, provenance, {})


def _side(report: Report, policy: dict[str, object] | None = None) -> RunSummary:
    return summary_of_baseline(_make(report, policy), "baseline")


def test_scores_are_kept_for_metrics_that_gate(case: BuildCase, report: BuildReport) -> None:
    """Default gates, and what the configuration gates; the rest has no column."""
    made = report([case("a", {"task_success": [1.0], "escalation": [0.0]})])
    assert set(_side(made).cases["a"].columns) == {"task_success", "error"}
    policy = {"metrics": {"escalation_rate": "standard"}}
    assert set(_side(made, policy).cases["a"].columns) == {"task_success", "error", "escalation"}


def test_drafts_are_left_out(case: BuildCase, report: BuildReport) -> None:
    """A draft comes into the baseline when it is reviewed."""
    made = report(
        [case("a", {"task_success": [1.0]}), case("b", {"task_success": [0.0]}, draft=True)]
    )
    assert set(_make(made).cases) == {"a"}


def test_policy_and_statuses_survive(case: BuildCase, report: BuildReport) -> None:
    """Weight, cluster, must-pass, refusal, uneven trials and how trials ended."""
    fields = {
        "weight": 2.5,
        "cluster": "refunds",
        "must_pass": True,
        "zero_tolerance": True,
        "expects_refusal": True,
    }
    made = report(
        [
            case(
                "a",
                {"task_success": [1.0, 0.0, 1.0], "error": [0.0, 1.0, 0.0]},
                ["finished", "crashed", "finished"],
                **fields,
            ),
            case("b", {"task_success": [1.0, 1.0], "error": [0.0, 0.0]}),
        ]
    )
    before, after = summary_of_report(made).cases["a"], _side(made).cases["a"]
    assert before.statuses == after.statuses
    assert before.columns == after.columns
    assert {name: getattr(after, name) for name in fields} == fields
    assert "error" not in (_make(made).cases["a"].__pydantic_extra__ or {})


def test_a_score_named_like_a_field_keeps_its_name(case: BuildCase, report: BuildReport) -> None:
    """A user's scorer called `tokens` does not collide with the tokens of a case."""
    made = report([case("a", {"task_success": [1.0], "tokens": [0.5]})])
    metrics = {
        **METRICS,
        "tokens": user_metric("tokens", ScorerConfig(call="m:f", gate="standard")),
    }
    provenance = Provenance(created="2026-11-21T00:00:00Z", reason="test")
    baseline = baseline_of_report(made, metrics, GateConfig(), provenance, {})
    assert summary_of_baseline(baseline, "b").cases["a"].columns["tokens"] == (HALF,)


def test_objections(case: BuildCase, report: BuildReport) -> None:
    """Too few trials of a live agent, a dirty tree, broken scores, failing must-pass cases."""
    good = report([case("a", {"task_success": [1.0] * 5})])
    assert objections(good) == ()
    bad = report(
        [case("a", {"task_success": [1.0, 0.0], "faithfulness": [BROKEN, 1.0]}, must_pass=True)]
    ).model_copy(update={"subject": Subject(dirty=True)})
    told = objections(bad)
    assert len(told) == 4
    for part in ("at least 5", "uncommitted", "broken", "must-pass case fails: a"):
        assert any(part in line for line in told)
    quiet = report([case("a", {"task_success": [1.0]})], noise="none")
    assert objections(quiet) == ()


def test_objections_of_a_replay_and_of_a_selection(case: BuildCase, report: BuildReport) -> None:
    """What was not measured, what was left out, and how many scores are broken."""
    one = case("a", {"task_success": [1.0, 1.0]}, ["finished", "not_measured"])
    part = report([one], mode="replay", selected=0)
    assert objections(part) == (
        "only a selection of the cases was run",
        "1 trial was not measured",
    )
    broken = {"task_success": [1.0] * 5, "x": [BROKEN] * 5, "y": [BROKEN, *[1.0] * 4]}
    drafts = case("b", {"task_success": [0.0]}, draft=True, must_pass=True)
    assert objections(report([case("a", broken), drafts])) == ("6 scores are broken",)
    four = report([case("a", {"task_success": [1.0] * 4})])
    assert objections(four) == ("4 trials a case; a live agent takes at least 5 (--trials 5)",)
    none = report([case("b", {"task_success": [1.0]}, draft=True)])
    assert objections(none)[0].startswith("0 trials a case")
    uneven = report(
        [case("a", {"task_success": [1.0] * 6}), case("b", {"task_success": [1.0] * 3})]
    )
    assert objections(uneven) == ("3 trials a case; a live agent takes at least 5 (--trials 5)",)


def _value(name: str, value: float | None, **fields: object) -> MetricValue:
    metric = METRICS[name]
    given = {"value": value, "unit": metric.unit, "direction": metric.direction, "n": 2, **fields}
    return MetricValue.model_validate(given)


def test_metrics_that_are_kept(case: BuildCase, report: BuildReport) -> None:
    """Recomputed where the scores are kept, rounded where not; n where it is not every case."""
    rows = [
        case("a", {"task_success": [1.0, 0.0], "escalation": [0.0, 0.0]}, weight=3.0),
        case("b", {"task_success": [1.0, 1.0], "escalation": [1.0, 1.0]}),
    ]
    values = {
        "task_success_rate": _value("task_success_rate", 0.9, se=0.123456, n=2),
        "escalation_rate": _value("escalation_rate", 1 / 3, n=1),
        "faithfulness": _value("faithfulness", None),
        "pass_hat_2": _value("pass_hat_2", 0.5),
        "task_length_q1": _value("task_length_q1", 2.0),
        "task_success_rate_q1": _value("task_success_rate_q1", 0.5),
        "no_such": _value("task_success_rate", 1.0),
    }
    made = _make(report(rows).model_copy(update={"metrics": values}))
    kept = {name: (m.mean, m.se, m.n) for name, m in made.metrics.items()}
    assert kept == {
        "task_success_rate": (0.625, 0.1235, None),
        "escalation_rate": (0.3333, None, 1),
        "task_length_q1": (2.0, None, None),
        "task_success_rate_q1": (0.5, None, None),
    }
    assert (made.suite.cases, made.suite.trials) == (2, 2)


def test_versions_of_what_is_kept(case: BuildCase, report: BuildReport) -> None:
    """Of scores that came into the baseline, and of scorers that are named otherwise."""
    made = report([case("a", {"task_success": [1.0]})]).model_copy(
        update={
            "metrics": {"task_success_rate": _value("task_success_rate", 1.0)},
            "scorers": {"mine": "1", "task_success": "2", "faithfulness": "3"},
        }
    )
    assert _make(made).scorers == {"mine": "1", "task_success": "2"}


def test_what_all_trials_share_is_written_once(case: BuildCase, report: BuildReport) -> None:
    """Tokens, calls and recordings; each trial's own where they differ or trials are uneven."""

    def entry(name: str, trials: int, **last: object) -> CaseResult:
        made = case(name, {"task_success": [1.0] * trials})
        same = {"usage": TrialUsage(1, 2, None), "calls": ("f",), "recording": "r"}
        ends = [replace(one, **same) for one in made.trials]
        ends[-1] = replace(ends[-1], **last)
        return made.model_copy(update={"trials": tuple(ends)})

    other = {"usage": TrialUsage(None, None, 3), "calls": (), "recording": None}
    bare = {"usage": TrialUsage(None, None, None), "calls": (), "recording": None}
    rows = [entry("same", 2), entry("other", 2, **other), entry("long", 3)]
    silent = entry("silent", 2)
    ends = tuple(replace(one, **bare) for one in silent.trials)
    made = _make(report([*rows, silent.model_copy(update={"trials": ends})]))
    one, calls, names = (1, 2, None), ("f",), "r"
    found = {name: (c.tokens, c.calls, c.recording) for name, c in made.cases.items()}
    assert found == {
        "same": ((one,), (calls,), (names,)),
        "other": ((one, (None, None, 3)), (calls, ()), (names, None)),
        "long": ((one,) * 3, (calls,) * 3, (names,) * 3),
        "silent": ((), (), ()),
    }
    side = summary_of_baseline(made, "b")
    assert side.cases["same"].calls == (calls, calls)
    assert side.cases["same"].usage == (TrialUsage(1, 2, None),) * 2
    assert [len(side.cases[name].numbers) for name in ("same", "long", "silent")] == [2, 3, 2]


def test_errors_are_written_where_statuses_do_not_say_them(
    case: BuildCase, report: BuildReport
) -> None:
    """A score that differs from what the status implies, and one that abstains throughout."""
    rows = [
        case("implied", {"error": [0.0, 1.0]}, ["finished", "crashed"]),
        case("differs", {"error": [1.0, 0.0]}, ["finished", "crashed"]),
        case("silent", {"error": [SILENT, SILENT]}, ["finished", "crashed"]),
        case("without", {"task_success": [1.0, 1.0]}),
    ]
    made = _make(report(rows))
    columns = {name: (c.__pydantic_extra__ or {}).get("error") for name, c in made.cases.items()}
    assert columns == {"implied": None, "differs": "10", "silent": "-", "without": None}
    assert made.cases["implied"].status == {"1": "crashed"}
    side = summary_of_baseline(made, "b")
    assert side.cases["implied"].columns["error"] == (ZERO, ONE)
    assert side.cases["without"].columns["error"] == (ZERO, ZERO)


def _with_cases(**cases: dict[str, object]) -> Baseline:
    suite = {"id": "s", "golden_digest": "d", "cases": 1, "trials": 2}
    provenance = {"created": "2026-11-21T00:00:00Z", "reason": "test"}
    data = {name: {"digest": "d", **case} for name, case in cases.items()}
    return Baseline.model_validate({"suite": suite, "provenance": provenance, "cases": data})


@pytest.mark.parametrize(
    ("case", "problem"),
    [
        ({"x": "10"}, None),
        ({"x": "1"}, None),
        ({"x": [0.5, 1.0]}, None),
        ({"x": "101", "y": "10"}, "'y' has 2 entries; expected 1 or 3"),
        ({"x": "12"}, "'x' is '12'; expected digits 0 and 1, or -, ? and !"),
        ({"x": "-?", "y": "!"}, None),
        ({"status": {"2": "crashed"}, "x": "10"}, "'x' has 2 entries; expected 1 or 3"),
        ({"status": {"1": "crashed"}, "x": "10"}, None),
        (
            {"status": {"one": "crashed"}},
            "status of trial 'one'; expected the number of a trial",
        ),
        (
            {"status": {"1234567": "crashed"}},
            "status of trial '1234567'; expected the number of a trial",
        ),
        ({"status": {"²": "crashed"}}, "status of trial '²'; expected the number of a trial"),
        ({"calls": [["f"]] * 3, "x": "10"}, "'x' has 2 entries; expected 1 or 3"),
        ({"tokens": [[1, 1, 1]] * 2, "x": "101"}, "'tokens' has 2 entries; expected 1 or 3"),
        ({"recording": ["r"] * 2, "x": "101"}, "'recording' has 2 entries; expected 1 or 3"),
        ({"calls": [["f"]] * 2, "x": "101"}, "'calls' has 2 entries; expected 1 or 3"),
        ({"calls": [["f"]], "tokens": [[1, 1, 1]], "recording": ["r"]}, None),
    ],
)
def test_lines_that_do_not_hold_together(case: dict[str, object], problem: str | None) -> None:
    """Lengths that differ, marks nobody writes, trials without a number."""
    expected = [] if problem is None else [("a", problem)]
    assert list(column_problems(_with_cases(a=case))) == expected


def test_a_trial_may_have_six_digits() -> None:
    """The longest number that is one; the next case is looked at after a broken one."""
    made = _with_cases(a={"status": {"x": "crashed"}}, b={"x": "2"})
    assert [name for name, _ in column_problems(made)] == ["a", "b"]
    assert list(column_problems(_with_cases(a={"status": {"123456": "crashed"}}))) == []


def test_means_that_do_not_follow(case: BuildCase, report: BuildReport) -> None:
    """Only of metrics whose scores are kept; a quartile is taken as it is."""
    side = _side(report([case("a", {"task_success": [1.0, 0.0]})]))
    given = {"task_success_rate": 0.6, "escalation_rate": 0.9, "task_success_rate_q1": 0.9}
    written = replace(side, values={**given, "no_such": 1.0})
    found = mean_mismatches(written, METRICS)
    assert found == (Mismatch("task_success_rate", 0.6, 0.5),)
    assert mean_mismatches(replace(side, values={"task_success_rate": 0.5}), METRICS) == ()
