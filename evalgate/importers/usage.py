"""Tokens of a model call as fields of a step, from any source's usage."""

from collections.abc import Mapping
from typing import Any

from evalgate.schema.base import Json
from evalgate.usage.parse import fields_of_usage, parse_usage


def usage_fields(raw: Mapping[str, Json]) -> dict[str, Any]:
    """Return the fields of an `LlmCall` that a usage gives; none where it is empty."""
    if not raw:
        return {}
    usage = parse_usage(raw)
    return {**fields_of_usage(usage), "cost_usd": usage.billed_usd}
