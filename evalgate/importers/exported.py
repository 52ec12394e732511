"""Reads back what evalgate exported: fields that no convention has a name for.

They stand as JSON in the attributes `evalgate.step`, `evalgate.trace` and `evalgate.score`.
"""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import TypeAdapter

from evalgate.importers.observed import data_of
from evalgate.schema.base import Json
from evalgate.schema.trace import RecordedScore, Step

_STEP: Final[TypeAdapter[Any]] = TypeAdapter(Step)


def restored_step(step: Step, attributes: Mapping[str, Json]) -> Step:
    """Return the step that was exported; the step as it was read where it was not ours.

    Raises:
        ValidationError: The attribute is ours and holds no step.
    """
    given = data_of(attributes.get("evalgate.step"))
    if not isinstance(given, dict):
        return step
    kept: dict[str, Any] = {"start": step.start, "end": step.end}
    if given.get("kind") == step.kind and step.kind in ("llm_call", "tool_call", "retrieval"):
        kept = step.model_dump() | {"id": None, "parent_id": None, "metadata": {}}
        if step.kind != "tool_call":
            kept["name"] = None
    restored: Step = _STEP.validate_python(kept | given)
    return restored


def restored_trace(attributes: Mapping[str, Json]) -> dict[str, Any] | None:
    """Return the fields of the trial whose span this is; null where it is no such span."""
    given = data_of(attributes.get("evalgate.trace"))
    return dict(given) if isinstance(given, dict) else None


def restored_score(attributes: Mapping[str, Json]) -> RecordedScore | None:
    """Return the score that was exported; null where it was not ours."""
    given = data_of(attributes.get("evalgate.score"))
    return RecordedScore.model_validate(given) if isinstance(given, dict) else None
