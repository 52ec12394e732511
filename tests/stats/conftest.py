"""Builders of small reports and of their summaries."""

from support.summaries import case, report, side

__all__ = ["case", "report", "side"]
