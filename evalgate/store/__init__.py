"""Run folders, baselines, golden files, configuration and git, with atomic writes.

May import gate, stats and below.
"""
