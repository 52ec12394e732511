"""YAML from people: the safe kind, no duplicate keys, no bombs, each problem with its line."""

from collections.abc import Hashable
from math import isfinite
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from evalgate.errors import ConfigError
from evalgate.store.problems import problems_of
from evalgate.text.tame_json import tame

_ModelT = TypeVar("_ModelT", bound=BaseModel)
_MAX_DEPTH = 50
_MAX_PLACES = 100_000
_TAGS = frozenset(
    f"tag:yaml.org,2002:{kind}"
    for kind in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp")
)


def parse_yaml(text: str, model: type[_ModelT], *, source: str, expected: str) -> _ModelT:
    """Validate the text of a YAML file against a model.

    Args:
        text: YAML of the safe kind.
        model: What it holds.
        source: How to name the text in errors.
        expected: What it holds, in words.

    Raises:
        ConfigError: The text is no YAML or does not fit; every problem with its line.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        lines: dict[str, int] = {}
        data = None if node is None else _construct(node, "", lines, source)
    except yaml.YAMLError as error:
        message = f"{source}{_yaml_line(error)}: not YAML: {_yaml_problem(error)}"
        raise ConfigError(message) from error
    except RecursionError as error:
        raise ConfigError(f"{source}: nested deeper than {_MAX_DEPTH} levels") from error
    if not isinstance(data, dict):
        found = "nothing" if data is None else repr(data)[:80]
        raise ConfigError(f"{source}:1: found {found}, expected {expected}")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        rows = [
            f"{source}:{_line(problem.pointer, lines)}: "
            f"{_dotted(problem.pointer)}: {problem.message}"
            for problem in problems_of(error, model, data)
        ]
        raise ConfigError("\n".join(rows), fix="evalgate validate  (after each edit)") from error


def parse_documents(text: str, *, source: str) -> list[Any]:
    """Read every document of a YAML file as plain data.

    Raises:
        ConfigError: The text is no YAML of the safe kind.
    """
    try:
        nodes = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
        return [_construct(node, "", {}, source) for node in nodes if node is not None]
    except yaml.YAMLError as error:
        message = f"{source}{_yaml_line(error)}: not YAML: {_yaml_problem(error)}"
        raise ConfigError(message) from error
    except RecursionError as error:
        raise ConfigError(f"{source}: nested deeper than {_MAX_DEPTH} levels") from error


def _construct(node: yaml.Node, pointer: str, lines: dict[str, int], source: str) -> Any:  # noqa: ANN401  # any YAML
    """Build plain data from a node, noting the line of each place; refuses duplicate keys."""
    if pointer.count("/") > _MAX_DEPTH:
        raise RecursionError
    lines[pointer] = node.start_mark.line + 1
    if node.tag not in _TAGS:
        line = node.start_mark.line + 1
        raise ConfigError(f"{source}:{line}: not YAML of the safe kind: tag {node.tag!r}")
    if len(lines) > _MAX_PLACES:
        raise ConfigError(f"{source}: more than {_MAX_PLACES} entries once aliases are expanded")
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, pointer, lines, source)
    if isinstance(node, yaml.SequenceNode):
        return [
            _construct(item, f"{pointer}/{index}", lines, source)
            for index, item in enumerate(node.value)
        ]
    return _scalar(node, f"{source}:{lines[pointer]}: {_dotted(pointer)}")


def _scalar(node: yaml.Node, where: str) -> Any:  # noqa: ANN401  # any YAML
    """Build a single value; one that no file of ours can hold is refused."""
    try:
        value = yaml.SafeLoader("").construct_object(node, deep=True)
    except (ValueError, OverflowError) as error:  # 2026-13-45, or thousands of digits
        raise _no_value(node, where, "a date or a number that exists") from error
    if isinstance(value, float) and not isfinite(value):
        raise _no_value(node, where, "a finite number")
    if tame(value) != value:
        raise _no_value(node, where, "whole characters, not half of a surrogate pair")
    return value


def _no_value(node: yaml.Node, where: str, expected: str) -> ConfigError:
    return ConfigError(f"{where}: found {str(node.value)[:80]!r}; expected {expected}")


def _dotted(pointer: str) -> str:
    return pointer.lstrip("/").replace("/", ".") or "(top)"


def _mapping(
    node: yaml.MappingNode, pointer: str, lines: dict[str, int], source: str
) -> dict[Hashable, Any]:
    result: dict[Hashable, Any] = {}
    for key_node, value_node in node.value:
        key = _construct(key_node, pointer + "/", {}, source)
        line = key_node.start_mark.line + 1
        if not isinstance(key, str):
            raise ConfigError(f"{source}:{line}: key {key!r} is no text; put it in quotes")
        if key in result:
            raise ConfigError(f"{source}:{line}: key {key!r} stands twice in one mapping")
        below = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
        result[key] = _construct(value_node, below, lines, source)
        lines[below] = line
    return result


def _line(pointer: str, lines: dict[str, int]) -> int:
    """Return the line of a place, or of the nearest place above it."""
    while pointer and pointer not in lines:
        pointer = pointer.rpartition("/")[0]
    return lines.get(pointer, 1)


def _yaml_line(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return "" if mark is None else f":{mark.line + 1}:{mark.column + 1}"


def _yaml_problem(error: yaml.YAMLError) -> str:
    return str(getattr(error, "problem", None) or error).replace("\n", " ")
