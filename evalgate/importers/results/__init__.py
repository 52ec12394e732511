"""Per-case results of other tools: one pure reader a file, `(document, options) -> Results`.

The registry names them in the order of detection, from the particular to the general. A reader
takes what a document holds and says what it assumed; `join.py` makes of two results the two sides
of a comparison.
"""
