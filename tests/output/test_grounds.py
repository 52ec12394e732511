"""The line on what the metrics of a report rest on."""

from evalgate.output.grounds import grounds_line
from evalgate.schema.result import Report, RestsOn, SuiteInfo

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
    report = Report(verdict="pass", exit_code=0, suite=SUITE, rests_on=grounds)
    assert (
        "code live; model replayed; tools mocked: pay, refund; tools replayed: shop; verdicts "
        "recorded; 1 metric on the recording alone"
    ) == grounds_line(report)


def test_a_report_that_does_not_say_has_no_line() -> None:
    """An old one."""
    assert "" == grounds_line(Report(verdict="pass", exit_code=0, suite=SUITE))
