"""Decides: compares two run summaries and turns checks into one verdict. Pure.

May import stats, matching, metrics and below.
"""
