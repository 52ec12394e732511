"""Statistics of paired trials: summaries, aggregates, intervals, tests. Pure.

May import metrics, text and schema.
"""
