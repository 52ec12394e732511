"""The published JSON Schemas: one a file that people or other programs write or read.

They are generated from the models and kept in `evalgate/schema/json/`; a test fails when a file
and its model differ. A name ends in the version of its format.
"""

import ast
import inspect
import json
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from itertools import pairwise
from typing import Any, Final, get_args, get_type_hints

from pydantic import BaseModel

from evalgate.schema.base import Json
from evalgate.schema.baseline import Baseline
from evalgate.schema.config import Config
from evalgate.schema.golden import Case
from evalgate.schema.result import Manifest, Report, ReportSet
from evalgate.schema.trace import Trace
from evalgate.schema.waiver import Waivers
from evalgate.version import REPOSITORY

PUBLISHED: Final[Mapping[str, type[BaseModel]]] = {
    "baseline-1": Baseline,
    "config-1": Config,
    "golden-1": Case,
    "manifest-1": Manifest,
    "report-1": Report,
    "reports-1": ReportSet,
    "trace-1": Trace,
    "waivers-1": Waivers,
}
"""Name and model of each published schema; `golden` and `trace` describe one line."""

_HOME: Final = f"https://raw.githubusercontent.com/{REPOSITORY}/main/evalgate/schema/json"


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
    _describe(schema, PUBLISHED[name])
    head: dict[str, Json] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{_HOME}/{name}.json",
    }
    return head | schema


def _describe(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Take the docstrings below the fields into the schema.

    pydantic can do so when a class is made, which reads every source file at every start.
    """
    places = {model.__name__: schema, **schema.get("$defs", {})}
    for cls in _classes_in(model, set()):
        properties = places.get(cls.__name__, {}).get("properties", {})
        for name, text in _docstrings(cls):
            alias = name.removesuffix("_") if name not in properties else name
            if alias in properties:
                properties[alias].setdefault("description", text)


def _classes_in(annotation: object, seen: set[type]) -> set[type]:
    """Collect the models and dataclasses a type is made of."""
    if isinstance(annotation, type) and annotation not in seen and _has_fields(annotation):
        seen.add(annotation)
        for hint in get_type_hints(annotation, include_extras=True).values():
            _classes_in(hint, seen)
    for argument in get_args(annotation):
        _classes_in(argument, seen)
    return seen


def _has_fields(cls: type) -> bool:
    return issubclass(cls, BaseModel) or is_dataclass(cls)


def _docstrings(cls: type) -> Iterator[tuple[str, str]]:
    """Yield each field of a class, inherited ones included, with the text below it."""
    for base in reversed(cls.__mro__):
        if not base.__module__.startswith("evalgate."):
            continue
        (tree,) = ast.parse(inspect.getsource(base)).body
        body = tree.body if isinstance(tree, ast.ClassDef) else []
        for field, below in pairwise(body):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                match below:
                    case ast.Expr(value=ast.Constant(value=str() as text)):
                        yield field.target.id, inspect.cleandoc(text)


def schema_text(name: str) -> str:
    """Write a schema as it stands in its file."""
    return json.dumps(schema_of(name), indent=2, ensure_ascii=False) + "\n"
