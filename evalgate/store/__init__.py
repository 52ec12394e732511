"""Run folders, baselines, golden files, configuration and git, with atomic writes."""
