"""Objectives and goals: pure arithmetic. May import the statistics below it."""
