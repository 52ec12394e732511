"""Configurations and data sets of other tools: one pure converter a file, to a suite of ours.

A converter is a function `(source, options) -> Converted`: the golden set, the part of the suite
that goes with it, and everything that has no counterpart, by name.
"""
