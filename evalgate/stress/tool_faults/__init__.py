"""Faults of tools: a suite's own agent is played with them, and judged by rules."""
