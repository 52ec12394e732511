"""Turns a validation error into lines a person can act on: where, what was found, what fits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from evalgate.text.suggest import did_you_mean

_FOUND_LIMIT = 120


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong at one place of a document."""

    pointer: str
    """JSON pointer (RFC 6901) into the document."""
    message: str
    """What was found and what is allowed."""


def pointer_of(location: Sequence[int | str]) -> str:
    """Write a location as a JSON pointer."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)


def problems_of(error: ValidationError, model: type[BaseModel], document: Any) -> list[Problem]:  # noqa: ANN401  # any JSON
    """List every problem of a document, one line each, in the order of the document.

    Union branches that pydantic names in a location are left out, so that each pointer can be
    followed in the document itself.
    """
    seen: dict[tuple[str, str], None] = {}
    for item in error.errors(include_url=False, include_context=False):
        location = _real_location(item["loc"], document)
        if item["type"] == "extra_forbidden":
            known = _known_keys(model, item["loc"][:-1])
            message = f"unknown key {location[-1]!r}{_allowed(str(location[-1]), known)}"
        elif item["type"] == "missing":
            message = f"{item['loc'][-1]!r} is missing"
        else:
            message = f"{item['msg'].removeprefix('Value error, ')}; found {_shown(item['input'])}"
        seen.setdefault((pointer_of(location), message))
    return [Problem(pointer, message) for pointer, message in seen]


def _real_location(location: Sequence[int | str], document: Any) -> list[int | str]:  # noqa: ANN401
    """Keep the parts of a pydantic location that exist in the document."""
    real: list[int | str] = []
    here = document
    for part in location:
        in_list = isinstance(here, list) and isinstance(part, int) and part < len(here)
        if in_list or (isinstance(here, Mapping) and part in here):
            here = here[part]
            real.append(part)
    return real


def _known_keys(model: type[BaseModel], location: Sequence[int | str]) -> list[str]:
    """Name the fields of the model a location leads to; empty where it cannot be followed."""
    here: set[type[BaseModel]] = {model}
    for part in location:
        step: set[type[BaseModel]] = set()
        for candidate in here:
            field = candidate.model_fields.get(str(part))
            if field is not None:
                step |= _models_in(field.annotation)
        here = step or here
    return sorted({field.alias or name for m in here for name, field in m.model_fields.items()})


def _models_in(annotation: Any) -> set[type[BaseModel]]:  # noqa: ANN401  # a type expression
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {annotation}
    found: set[type[BaseModel]] = set()
    for argument in get_args(annotation):
        found |= _models_in(argument)
    return found


def _allowed(word: str, known: Sequence[str]) -> str:
    return did_you_mean(word, known) or (f"; allowed: {', '.join(known)}" if known else "")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _FOUND_LIMIT else text[:_FOUND_LIMIT] + "..."


def first_problem(error: ValidationError) -> str:
    """Name the first field of a record that is wrong, and what was found there."""
    item = error.errors(include_url=False, include_context=False)[0]
    pointer = "".join(f"/{part}" for part in item["loc"])
    return f"{pointer or '/'}: {item['msg']} (found {item['input']!r:.80})"
