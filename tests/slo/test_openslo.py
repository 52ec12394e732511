"""OpenSLO v1 documents become objectives, or are refused with the place."""

from typing import Any

import pytest

from evalgate.errors import ConfigError
from evalgate.slo.openslo import objectives_of


def slo(**spec: Any) -> dict[str, Any]:  # noqa: ANN401
    """Make a document after the example of the specification."""
    source = {"metricSource": {"type": "evalgate", "spec": {"metric": "task_success_rate"}}}
    whole = {
        "indicator": {"metadata": {"name": "i"}, "spec": {"ratioMetric": {"good": source}}},
        "timeWindow": [{"duration": "4w", "isRolling": True}],
        "budgetingMethod": "Occurrences",
        "objectives": [{"displayName": "Success", "target": 0.95}],
        **spec,
    }
    return {"apiVersion": "openslo/v1", "kind": "SLO", "metadata": {"name": "s"}, "spec": whole}


def test_a_ratio() -> None:
    """Metric, target and window are read."""
    (found,) = objectives_of([slo()], "f")
    assert ("s", "task_success_rate", 0.95, 28 * 86_400) == (
        found.name,
        found.metric,
        found.objective,
        found.window,
    )


def test_a_threshold_by_reference_and_a_percentage() -> None:
    """An SLI of its own is found by its name; 99.5 % is .995 and no neighbour of it."""
    source = {"metricSource": {"type": "evalgate", "spec": {"metric": "cost_per_interaction"}}}
    sli = {
        "apiVersion": "openslo/v1",
        "kind": "SLI",
        "metadata": {"name": "cost"},
        "spec": {"thresholdMetric": source},
    }
    target = {"op": "lte", "value": 0.05, "targetPercent": 99.5}
    document = slo(indicatorRef="cost", objectives=[target])
    del document["spec"]["indicator"]
    (found,) = objectives_of([sli, document], "f")
    assert (0.995, 0.05) == (found.objective, found.at_most)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (slo(budgetingMethod="Timeslices"), "Timeslices"),
        (slo(timeWindow=[{"duration": "1M", "calendar": {}}]), "rolling"),
        (slo(timeWindow=[{"duration": "1M", "isRolling": True}]), "'1M' is no duration"),
        (slo(objectives=[]), "no objectives"),
        (slo(objectives=[{"target": 95}]), "less than 1"),
        (slo(indicatorRef="gone", indicator=None), "indicatorRef 'gone'"),
        ({**slo(), "apiVersion": "openslo/v2"}, "openslo/v2"),
        ({**slo(), "kind": "Service"}, "kind SLO"),
        ("text", "expected a mapping"),
    ],
)
def test_what_is_not_known_is_refused(document: Any, words: str) -> None:  # noqa: ANN401
    """Nothing is guessed."""
    with pytest.raises(ConfigError, match=words):
        objectives_of([document], "f")


def test_another_source_is_refused() -> None:
    """A query of Prometheus is not ours to run."""
    document = slo()
    ratio = document["spec"]["indicator"]["spec"]["ratioMetric"]
    ratio["good"]["metricSource"]["type"] = "Prometheus"
    with pytest.raises(ConfigError, match="'Prometheus'"):
        objectives_of([document], "f")
