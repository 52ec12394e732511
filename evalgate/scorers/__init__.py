"""Functions of a case and a trace that return scores; one file per KPI family.

May import stats, matching, pricing and below.
"""
