"""Runs a suite: trials, scores, one report with its verdict.

May import trust, judges, stress, suite and below.
"""
