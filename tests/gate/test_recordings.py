"""A new recording is a new sample: noise applies to it, and to nothing else."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from evalgate.gate.compare import compare
from evalgate.gate.recordings import Recordings, sort_recordings
from evalgate.gate.verdict import decide
from evalgate.metrics.registry import METRICS
from evalgate.schema.config_parts.gate import GateConfig
from evalgate.schema.score import Scored
from evalgate.schema.verdict import Check, Verdict
from evalgate.stats.rng import seeded
from evalgate.stats.summary import CaseSummary, RunSummary

Trials = Sequence[int]


def _case(name: str, passes: Trials, recording: str | None) -> CaseSummary:
    return CaseSummary(
        id=name,
        digest="d",
        numbers=tuple(range(len(passes))),
        statuses=("finished",) * len(passes),
        columns={
            "task_success": tuple(Scored(float(one)) for one in passes),
            "error": (Scored(0.0),) * len(passes),
        },
        recordings=(recording,) * len(passes),
    )


def _side(rows: Sequence[Trials], recordings: Sequence[str | None]) -> RunSummary:
    cases = [
        _case(f"c{n:02}", passes, recording)
        for n, (passes, recording) in enumerate(zip(rows, recordings, strict=True))
    ]
    return RunSummary(source="x", cases={case.id: case for case in cases}, noise="none", trials=1)


def _verdict(old: RunSummary, new: RunSummary, mode: str = "plain") -> tuple[Verdict, Check]:
    policy = GateConfig.model_validate({"mode": mode, "metrics": {"error_rate": "advisory"}})
    verdict = decide(compare(old, new, METRICS, policy), policy)
    return verdict, next(c for c in verdict.checks if c.metric == "task_success_rate")


def test_cases_are_sorted_by_what_they_rest_on() -> None:
    """Equal digests of the shared trials, other ones, one unknown in the baseline, no gateway."""
    pairs = [
        (_case("same", (1, 1), "a"), _case("same", (1,), "a")),
        (_case("anew", (1, 1), "a"), _case("anew", (1, 1), "b")),
        (_case("once", (1, 1), "a"), _case("once", (1,), "b")),
        (_case("unknown", (1,), None), _case("unknown", (1,), "b")),
        (_case("no gateway", (1,), "a"), _case("no gateway", (1,), None)),
    ]
    half = replace(_case("half", (1, 1), None), recordings=(None, "a"))
    part = replace(_case("part", (1, 1), None), recordings=("a", "b"))
    pairs += [(half, _case("half", (1, 1), "a")), (part, _case("part", (1, 1), "a"))]
    expected = Recordings(("same",), ("anew", "once", "part"), ("unknown", "half"), ("once",))
    assert expected == sort_recordings(pairs)


@pytest.mark.parametrize(
    ("now", "noise", "words"),
    [
        ("a", False, ""),
        ("b", True, "20 cases rest on recordings made after the baseline's: c00, c01"),
        (None, False, ""),
    ],
)
def test_statistics_apply_to_new_recordings_only(
    now: str | None, *, noise: bool, words: str
) -> None:
    """One of twenty is lost: exact with the same recording, a matter of chance with another."""
    old = _side([(1,)] * 20, ["a"] * 20)
    new = _side([(1,)] * 19 + [(0,)], [now] * 20)
    verdict, check = _verdict(old, new)
    assert "fail" == verdict.outcome
    shown = (check.settled is not None, check.p_value is not None, check.interval_90 is not None)
    assert (noise,) * 3 == shown
    assert words in " ".join(verdict.warnings)
    assert noise == any("one recorded trial says as little" in w for w in verdict.warnings)


def test_a_baseline_that_names_no_recording_softens_nothing() -> None:
    """Old baselines are compared exactly, and the reader is told what that leaves open."""
    old = _side([(1,)] * 20, [None] * 20)
    new = _side([(1,)] * 19 + [(0,)], ["b"] * 20)
    verdict, check = _verdict(old, new, "confirmed")
    assert ("fail", None) == (verdict.outcome, check.settled)
    assert "does not say which recordings 20 cases rest on" in " ".join(verdict.warnings)


def test_what_fails_on_the_same_recordings_is_never_put_down_to_chance() -> None:
    """Two of twenty are lost on their old recordings; ten others were recorded anew."""
    old = _side([(1,)] * 20, ["a"] * 20)
    new = _side([(0,)] * 2 + [(1,)] * 18, ["a"] * 10 + ["b"] * 10)
    verdict, check = _verdict(old, new, "confirmed")
    assert ("fail", None) == (verdict.outcome, check.settled)
    moved = _side([(1,)] * 18 + [(0,)] * 2, ["a"] * 10 + ["b"] * 10)
    verdict, check = _verdict(old, moved, "confirmed")
    assert ("pass", False) == (verdict.outcome, check.settled)
    assert check.p_value == pytest.approx(1 / 4)  # McNemar over the ten: both losses, 1/2 each


def test_exact_cases_narrow_the_interval_as_their_share_grows() -> None:
    """The variance comes from the cases recorded anew, spread over the mean of all."""
    rows = [(1,) if n % 4 else (0,) for n in range(10)]
    back = [(1,) if n % 3 else (0,) for n in range(10)]
    widths = []
    for exact in (0, 30):
        old = _side([*rows, *[(1,)] * exact], ["a"] * (10 + exact))
        new = _side([*back, *[(1,)] * exact], ["b"] * 10 + ["a"] * exact)
        interval = _verdict(old, new)[1].interval_90
        assert interval is not None
        assert interval.low is not None
        assert interval.high is not None
        widths.append(interval.high - interval.low)
    assert widths[1] < widths[0] / 2


PAIRS = 200
CASES = 50


def test_an_agent_recorded_twice_fails_no_more_often_than_is_printed() -> None:
    """200 pairs of recordings of one noisy scripted model, 5 trials at 5: A/A."""
    draw = seeded(20261128)
    rates = [draw.choice((1.0, 0.95, 0.9, 0.7, 0.5)) for _ in range(CASES)]

    def recorded(name: str) -> RunSummary:
        rows = [[int(draw.random() < rate) for _ in range(5)] for rate in rates]
        return _side(rows, [name] * CASES)

    failed, printed = 0, []
    for number in range(PAIRS):
        verdict, check = _verdict(recorded("a"), recorded(f"b{number}"))
        failed += verdict.outcome == "fail"
        assert check.interval_90 is not None
        assert check.p_value is not None
        assert check.settled is not None
        assert check.quality is not None
        assert check.quality.false_alarm_rate is not None
        printed.append(check.quality.false_alarm_rate)
    said = sum(printed) / PAIRS
    spread = (said * (1 - said) / PAIRS) ** 0.5
    assert failed / PAIRS <= said + 2 * spread, (failed, said)
