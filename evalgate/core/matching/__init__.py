"""Tool-call matching: actual calls against expected ones, optimal and without side effects."""

from evalgate.core.matching.divergence import first_divergence
from evalgate.core.matching.equality import json_equal
from evalgate.core.matching.modes import Matcher, compile_expected, match
from evalgate.core.matching.result import MatchResult

__all__ = [
    "MatchResult",
    "Matcher",
    "compile_expected",
    "first_divergence",
    "json_equal",
    "match",
]
