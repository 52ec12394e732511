"""Runs a suite: trials, scores, one report with its verdict."""
