"""The cost of a run by model, tool and case, and against the baseline's run."""

from dataclasses import replace
from fractions import Fraction

from support.pages import page_of

from evalgate.output.cases.costs import ANSWERING, costs_of
from evalgate.output.cases.details import RunDetails
from evalgate.output.cases.divergence import divergence_text
from evalgate.output.cases.rows import case_rows
from evalgate.schema.result import Report

MICRO = Fraction(1, 1_000_000)
NOW, BEFORE = Fraction(57, 2) * MICRO, 21 * MICRO
"""A trial: 150 (100) input tokens at 0.15 and 10 output tokens at 0.60 USD a million."""


def shop() -> tuple[Report, RunDetails]:
    """Return a report of two priced trials of one case, and one that was not measured."""
    reports, details = page_of(lambda text: text)
    return reports.suites[0], details


def test_every_table_adds_up_to_the_total() -> None:
    """By model, by tool and by case; what cannot be split is counted."""
    report, details = shop()
    costs = costs_of(report, details)
    assert (2 * NOW, 2, 1) == (costs.total, costs.trials, costs.left_out)
    for rows in (costs.models, costs.tools, costs.cases):
        assert costs.total == sum(row.cost for row in rows)
    assert [("look", 2), ("refund", 2)] == sorted((row.name, row.calls) for row in costs.tools)
    assert ANSWERING not in {row.name for row in costs.tools}


def test_the_difference_is_that_of_a_trial() -> None:
    """50 more input tokens are a longer prompt, and nothing else."""
    found = costs_of(*shop()).difference
    assert found is not None
    assert (BEFORE, NOW, 1) == (found.before, found.after, found.cases)
    assert {"prompt": NOW - BEFORE} == found.reasons


def test_a_cost_that_is_not_the_sum_of_its_calls_is_not_split() -> None:
    """Without traces, or with traces that another cost was scored on, nothing is claimed."""
    report, details = shop()
    assert 0 == costs_of(report, replace(details, traces={})).trials
    assert details.other is not None
    swapped = replace(details, traces=details.other.traces)
    assert (0, None) == (costs_of(report, swapped).trials, costs_of(report, swapped).difference)


def test_the_first_divergence_is_told_in_a_line() -> None:
    """The step, and what is different in it; nothing where a trace is missing."""
    report, details = shop()
    row = case_rows(report)[0]
    assert 'tool look(id=A2): arguments /id: "A1" -> "A2"' == divergence_text(row, details)
    assert None is divergence_text(row, replace(details, other=None))
