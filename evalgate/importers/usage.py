"""Tokens of a model call as fields of a step, from any source's usage."""

from collections.abc import Mapping
from typing import Any

from evalgate.schema.base import Json
from evalgate.usage.parse import parse_usage

__all__ = ["usage_fields"]


def usage_fields(raw: Mapping[str, Json]) -> dict[str, Any]:
    """Return the fields of an `LlmCall` that a usage gives; none where it is empty."""
    if not raw:
        return {}
    usage = parse_usage(raw)
    return {
        "usage": usage,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cached_tokens": usage.cached_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "reasoning_tokens": usage.reasoning,
        "cost_usd": usage.billed_usd,
    }
