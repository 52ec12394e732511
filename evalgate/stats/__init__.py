"""Statistics of paired trials: summaries, aggregates, intervals, tests. Pure."""
