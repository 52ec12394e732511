"""Tool-call matching: actual calls against expected ones, optimal and without side effects.

May import metrics, text and schema.
"""

from evalgate.matching.divergence import first_divergence
from evalgate.matching.equality import json_equal
from evalgate.matching.modes import Matcher, compile_expected, match
from evalgate.matching.result import MatchResult

__all__ = [
    "MatchResult",
    "Matcher",
    "compile_expected",
    "first_divergence",
    "json_equal",
    "match",
]
