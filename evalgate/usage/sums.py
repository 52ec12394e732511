"""Sums of usages: of one stream, and of several calls."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from evalgate.schema.usage import INPUT_PARTS, OUTPUT_PARTS, Usage


def merge_usages(usages: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Merge the usages of one stream, each of which says how far the count has come.

    Returns:
        The last of each field that is neither null nor a zero over a number.
    """
    whole: dict[str, Any] = {}
    for usage in usages:
        for name, value in usage.items():
            old = whole.get(name)
            if isinstance(value, Mapping):
                whole[name] = merge_usages([old if isinstance(old, Mapping) else {}, value])
            elif not (value is None or (old and (value == 0 or value in ([], "")))):
                whole[name] = value
    return whole


def add_usages(usages: Iterable[Usage]) -> Usage:
    """Add up the usages of several calls; a part that none states stays unknown."""
    listed = tuple(usages)
    parts: dict[str, Any] = {}
    for name in (*INPUT_PARTS, *OUTPUT_PARTS):
        stated = [n for usage in listed if (n := getattr(usage, name)) is not None]
        missing = name in {"input", "output"} and len(stated) < len(listed)
        parts[name] = sum(stated) if stated and not missing else None
    tools: dict[str, int] = {}
    for usage in listed:
        for tool, times in usage.tool_uses.items():
            tools[tool] = tools.get(tool, 0) + times
    tiers = {usage.service_tier for usage in listed} - {None}
    bills = [usage.billed_usd for usage in listed]
    problems = tuple(dict.fromkeys(problem for usage in listed for problem in usage.problems))
    if len(tiers) > 1:
        problems = (*problems, f"service tiers differ: {', '.join(sorted(map(str, tiers)))}")
    return Usage(
        **parts,
        tool_uses=tools,
        service_tier=next(iter(tiers), None),
        billed_usd=None if not bills or None in bills else math.fsum(b or 0.0 for b in bills),
        problems=problems,
    )
