"""The page of metrics is what the registry says."""

from pathlib import Path

from evalgate.metrics.registry import METRICS
from evalgate.output.metrics_doc import render_metrics_markdown

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_page_is_generated() -> None:
    """`docs/metrics.md` is the generator's output, byte for byte."""
    assert render_metrics_markdown() == PAGE.read_text(encoding="utf-8")


def test_every_metric_is_named() -> None:
    """No metric is missing from the page; pass^k and pass@k share a row."""
    page = render_metrics_markdown()

    assert [] == [
        name
        for name, metric in METRICS.items()
        if f"`{name}`" not in page and not (name.startswith("pass_") and metric.k > 1)
    ]
