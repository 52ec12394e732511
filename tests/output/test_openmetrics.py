"""Tests of the OpenMetrics text; the oracle is the parser of prometheus_client."""

import shutil
import subprocess
from collections.abc import Iterable
from typing import Any

import pytest

from evalgate.output.openmetrics import render
from evalgate.output.style import Style
from evalgate.schema.result import MetricValue, Report, ReportSet


def parsed(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Read a text with the reference parser."""
    parser = pytest.importorskip("prometheus_client.parser")
    families: Iterable[Any] = parser.text_string_to_metric_families(text)
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_metrics_and_verdict(reports: ReportSet) -> None:
    """Each known metric is a sample; the verdict is a gauge a state; unknown is not zero."""
    samples = parsed(render(reports, Style()))
    suite = ("suite", "support")
    assert 0.855 == samples["evalgate_task_success_rate", (suite,)]
    assert 1 == samples["evalgate_run_verdict", (suite, ("verdict", "fail"))]
    assert 2 == samples["evalgate_run_cases", (suite,)]
    assert 2 == samples["evalgate_run_trials_run_total", (suite,)]
    assert not [name for name, _ in samples if "ttft" in name]


@pytest.mark.slow
def test_prometheus_own_linter_has_no_complaint(reports: ReportSet) -> None:
    """`promtool check metrics` of Debian's package prometheus reads it and finds nothing."""
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("promtool is not installed")
    done = subprocess.run(
        [tool, "check", "metrics"],
        input=render(reports, Style()),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (0, "") == (done.returncode, done.stdout + done.stderr)


def test_the_end_is_marked(reports: ReportSet) -> None:
    """The specification wants `# EOF` and a line break at the end."""
    assert render(reports, Style()).endswith("\n# EOF\n")


def test_several_suites_share_a_family(report: Report) -> None:
    """A metric of two suites is one family with two samples."""
    other = report.model_copy(update={"suite": report.suite.model_copy(update={"id": "b"})})
    text = render(ReportSet(verdict="fail", exit_code=1, suites=(report, other)), Style())
    assert 1 == text.count("# TYPE evalgate_task_success_rate ")
    assert {"support", "b"} == {dict(labels)["suite"] for _, labels in parsed(text)}


def test_hostile_names_are_escaped(report: Report) -> None:
    """Quotes, backslashes, line breaks and odd metric names stay inside their sample."""
    value = MetricValue(value=1.0, unit="ratio", direction="higher", n=1)
    name = 'x"} 1\n# EOF'
    hostile = report.model_copy(
        update={
            "suite": report.suite.model_copy(update={"id": 'a"\\\n# EOF'}),
            "metrics": {"a-b": value, "a_b": value, name: value},
        }
    )
    text = render(ReportSet(verdict="fail", exit_code=1, suites=(hostile,)), Style())
    labels = [dict(labels) for name, labels in parsed(text) if name == "evalgate_a_b"]
    assert [{"suite": 'a"\\\n# EOF', "metric": "a-b"}, {"suite": 'a"\\\n# EOF'}] == labels
    assert 1 == text.splitlines().count("# EOF")
