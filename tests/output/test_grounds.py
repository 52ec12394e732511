"""The line on what the metrics of a report rest on."""

from evalgate.output.grounds import grounds_line
from evalgate.schema.result import MetricValue, Report, RestsOn, SuiteInfo

SUITE = SuiteInfo(id="s", golden_digest="d", cases=1, selected=1, trials=1)


def test_the_line_names_what_was_live_and_what_was_not() -> None:
    """Code, model, tools, verdicts, and how many metrics hang on something else."""
    grounds = RestsOn(
        code="live",
        model="replayed",
        tools={"replayed": ("shop",), "mocked": ("pay", "refund")},
        judge="recorded",
        metrics={"task_success_rate": ("code",), "completion_time_p50": ("recording",)},
    )
    value = MetricValue(value=1.0, unit="s", direction="lower", n=1)
    metrics = dict.fromkeys(grounds.metrics, value)
    report = Report(verdict="pass", exit_code=0, suite=SUITE, rests_on=grounds, metrics=metrics)
    assert (
        "code live; model replayed; tools mocked: pay, refund; tools replayed: shop; verdicts "
        "recorded; 1 metric on the recording alone"
    ) == grounds_line(report)


def test_a_report_that_does_not_say_has_no_line() -> None:
    """An old one."""
    assert "" == grounds_line(Report(verdict="pass", exit_code=0, suite=SUITE))


def test_a_metric_without_a_value_rests_on_nothing() -> None:
    """What is unknown is counted with no ground: the line above says that it is unknown."""
    names = ("completion_time_p50", "ttft_p50")
    value = MetricValue(value=1.0, unit="s", direction="lower", n=1)
    metrics = {names[0]: value, names[1]: value.model_copy(update={"value": None})}
    grounds = RestsOn(code="live", metrics=dict.fromkeys(names, ("recording",)))
    report = Report(verdict="pass", exit_code=0, suite=SUITE, rests_on=grounds, metrics=metrics)
    assert "code live; 1 metric on the recording alone" == grounds_line(report)
