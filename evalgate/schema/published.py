"""The published JSON Schemas: one a file that people or other programs write or read.

They are generated from the models and kept in `evalgate/schema/json/`; a test fails when a file
and its model differ. A name ends in the version of its format.
"""

import json
from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel

from evalgate.schema.base import Json
from evalgate.schema.baseline import Baseline
from evalgate.schema.config import Config
from evalgate.schema.golden import Case
from evalgate.schema.result import Manifest, Report, ReportSet
from evalgate.schema.trace import Trace

__all__ = ["PUBLISHED", "schema_of", "schema_text"]

PUBLISHED: Final[Mapping[str, type[BaseModel]]] = {
    "baseline-1": Baseline,
    "config-1": Config,
    "golden-1": Case,
    "manifest-1": Manifest,
    "report-1": Report,
    "reports-1": ReportSet,
    "trace-1": Trace,
}
"""Name and model of each published schema; `golden` and `trace` describe one line."""

_HOME: Final = "https://raw.githubusercontent.com/evalgate/agent-evalgate/main/evalgate/schema/json"


def schema_of(name: str) -> dict[str, Json]:
    """Generate a schema from its model.

    Args:
        name: A name of `PUBLISHED`.

    Returns:
        A JSON Schema, draft 2020-12.

    Raises:
        KeyError: For a name that is not published.
    """
    schema = PUBLISHED[name].model_json_schema(by_alias=True)
    head: dict[str, Json] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{_HOME}/{name}.json",
    }
    return head | schema


def schema_text(name: str) -> str:
    """Write a schema as it stands in its file."""
    return json.dumps(schema_of(name), indent=2, ensure_ascii=False) + "\n"
