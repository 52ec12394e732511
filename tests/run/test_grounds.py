"""What each metric rests on."""

import pytest

from evalgate.run.engine import Seen
from evalgate.run.grounds import joined_grounds, with_grounds
from evalgate.schema.result import JudgeInfo, MetricValue, Report, RestsOn, SuiteInfo
from evalgate.schema.trace import Trace

SUITE = SuiteInfo(id="s", golden_digest="d", cases=1, selected=1, trials=1)


def value(source: str) -> MetricValue:
    """Make a metric that comes from somewhere."""
    data = {"value": 1, "unit": "ratio", "direction": "higher", "n": 1, "source": source}
    return MetricValue.model_validate(data)


def test_each_metric_says_what_it_rests_on() -> None:
    """By its source; what no trial had is left out."""
    sources = ("measured", "replayed", "judged", "simulated", "claimed", "recorded")
    metrics = {source: value(source) for source in sources}
    report = Report(
        verdict="pass", exit_code=0, suite=SUITE, metrics=metrics, judge=JudgeInfo(cached=2)
    )
    found = with_grounds(report, RestsOn(code="live", model="replayed")).rests_on
    assert found is not None
    assert "recorded" == found.judge
    assert {
        "measured": ("code", "model"),
        "replayed": ("recording",),
        "judged": ("code", "model", "judge"),
        "simulated": ("code", "model", "simulation"),
        "claimed": ("code", "model", "claims"),
        "recorded": ("recording",),
    } == found.metrics


def test_nobody_knows_what_an_old_report_rests_on() -> None:
    """It reads as before, and says nothing."""
    report = Report(verdict="pass", exit_code=0, suite=SUITE)
    assert with_grounds(report, None).rests_on is None
    assert (
        None is Report.model_validate({"verdict": "pass", "exit_code": 0, "suite": SUITE}).rests_on
    )


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [("replayed", "replayed", "replayed"), ("replayed", "live", "partly replayed")],
)
def test_parts_add_up(one: str, other: str, both: str) -> None:
    """Tools of both; one part that does not say makes the whole unknown."""
    first = RestsOn.model_validate({"code": "live", "model": one, "tools": {"mocked": ["b"]}})
    second = RestsOn.model_validate({"code": "live", "model": other, "tools": {"mocked": ["a"]}})
    found = joined_grounds([first, second])
    assert found is not None
    assert (both, {"mocked": ("a", "b")}) == (found.model, found.tools)
    assert joined_grounds([first, None]) is None


def test_a_call_that_a_replay_missed_is_not_live() -> None:
    """It was never made; a trial that was measured and is no replay made it."""
    trial = {"case_id": "a", "trial": 0, "steps": [{"kind": "llm_call", "model": "m"}]}
    seen = Seen()
    seen.add(Trace.model_validate({**trial, "status": "not_measured"}))
    assert not seen.live
    seen.add(Trace.model_validate({**trial, "status": "finished"}))
    assert seen.live
