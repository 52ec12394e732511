"""Counters as prometheus_client reads them, against sums by hand."""

from prometheus_client.parser import text_string_to_metric_families

from evalgate.exporters.openmetrics import Counted, counters, counters_text, gauges_text

HOSTILE = 'pay"\\\n# TYPE x'
KNOWN = Counted("a", "m", "p", 1.0, 0.0, 1.0, 0.0, 0.75, 0.5, 10, 2, {HOSTILE: (3, 1)})
UNKNOWN = Counted(None, None, None, None, None, None, None, None, None, None, None, {})


def totals(family: str, label: str) -> dict[str, float]:
    """Add up the samples of a family by one label, as they are read."""
    text = counters_text(counters([KNOWN, KNOWN, UNKNOWN]))
    found: dict[str, float] = {}
    for one in text_string_to_metric_families(text):
        for sample in one.samples:
            if sample.name == family:
                key = sample.labels.get(label, "")
                found[key] = found.get(key, 0.0) + sample.value
    return found


def test_sums() -> None:
    """Two interactions that are known and one of which nothing is: unknown is not zero."""
    assert {"success": 2, "failure": 0, "unknown": 1} == totals(
        "evalgate_interactions_total", "result"
    )
    assert {"": 1.0} == totals("evalgate_cost_usd_total", "")
    assert {"yes": 2, "no": 1} == totals("evalgate_cost_known_total", "known")
    assert {"input": 20, "output": 4} == totals("evalgate_tokens_total", "type")
    assert {"ok": 4, "failed": 2} == totals("evalgate_tool_calls_total", "result")


def test_good_and_bad_are_the_known_events() -> None:
    """Each of the 5 rates has 2 known events and 1 unknown; 0.75 grounded is 0.25 bad."""
    found = totals("evalgate_events_total", "outcome")
    assert {"good": 2 + 2 + 0 + 2 + 1.5, "bad": 0 + 0 + 2 + 0 + 0.5, "unknown": 5} == found


def test_a_hostile_name_stays_a_label() -> None:
    """Quotes and line ends in the name of a tool make no line of their own."""
    (tool,) = totals("evalgate_tool_calls_total", "tool")
    assert HOSTILE == tool


def test_metrics_of_a_run_are_gauges() -> None:
    """One sample a metric, read back as it was; no family without a sample."""
    text = gauges_text([("support", "task_success_rate", "ratio", 0.93)])
    (family,) = text_string_to_metric_families(text)
    (sample,) = family.samples
    assert ("gauge", 0.93) == (family.type, sample.value)
    assert {"suite": "support", "metric": "task_success_rate", "unit": "ratio"} == sample.labels
    assert "" == gauges_text([])
