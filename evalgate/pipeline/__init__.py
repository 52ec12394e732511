"""Run, compare, score, record, stress and merge, as functions."""
