"""Pure decisions: matching, metrics, statistics, comparison, gate."""
