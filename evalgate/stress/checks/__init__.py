"""Judges what a stress check saw: statements, tiers, findings, root causes. Pure."""
