"""Preset `bfcl`: when the Berkeley function-calling leaderboard calls a call valid.

The rules of its checker for Python calls (simple, multiple, parallel), as its verdicts show them:

- as many calls as expected, in any order; names as they are (dots are not underscores);
- every parameter that the schema requires is given, none that the schema or the ground truth
  does not know, and one is left out only where `""` is among its allowed values;
- a value has the declared type, or else the type of the allowed values (the name of a variable
  where a number is declared). An integer will do for a float, a float never for an integer, a
  truth value only for a boolean. Elements of arrays have the declared type of elements;
- texts compare without letter case, blanks and `,./-_*^`, with `'` and `"` as one, also inside
  arrays and objects; everything else compares by value;
- an object has for each of its keys a value that the ground truth allows for the key, and keys
  are left out only where `""` is allowed; an array of objects has as many of them, in order;
- an empty array stands for one that is left out.

Two things differ on purpose: parallel calls are assigned optimally where the checker is greedy,
and a truth value is no number inside an object either. Neither changes a verdict on the
leaderboard's data.
"""

import re
from collections.abc import Callable, Sequence

from evalgate.matching.equality import Predicate, json_equal
from evalgate.matching.rules import (
    ArgumentCheck,
    CallCheck,
    CompiledCall,
    compile_checked,
    show,
)
from evalgate.schema.base import Json
from evalgate.schema.golden import Exact, ExpectedCall, OneOf

_OMITTED = ""
"""Among the allowed values it says that the parameter may be left out."""

_TYPES: dict[str, type] = {
    "string": str,
    "integer": int,
    "float": float,
    "boolean": bool,
    "array": list,
    "tuple": list,
    "dict": dict,
    "any": str,
    # JSON Schema's words for the same types.
    "number": float,
    "object": dict,
}

_NOISE = re.compile(r"[ ,./\-_*^]")


def compile_bfcl(index: int, call: ExpectedCall) -> CompiledCall:
    """Prepare one call of the ground truth.

    Raises:
        ValueError: Where the call has no usable schema or no allowed values for a parameter, or
            carries something that the checker does not know.
    """
    where = f"expected call {index} ({call.name!r}): preset 'bfcl'"
    if call.optional or call.compare_args is not None:
        unknown = "optional" if call.optional else "compare_args"
        message = f"{where} knows no `{unknown}`; remove it, or use `tool_match: any_order`"
        raise ValueError(message)
    properties, required = _schema(where, call)
    allowed = {
        name: _allowed(where, call, name) for name in dict.fromkeys((*call.arguments, *call.rules))
    }
    impossible = [name for name in required if name not in allowed]
    stray = [name for name in allowed if name not in properties]
    if impossible or stray:
        message = (
            f"{where}: required parameter {impossible[0]!r} has no allowed values"
            if impossible
            else f"{where}: values for {stray[0]!r}, but the schema has {sorted(properties)!r}"
        )
        raise ValueError(message)
    check = CallCheck(
        tuple(
            ArgumentCheck(
                name,
                _parameter(where, name, values, properties[name]),
                f"one of {show(values)}",
                may_be_absent=_OMITTED in values and name not in required,
            )
            for name, values in allowed.items()
        )
    )
    return compile_checked(index, call, check)


def variables(call: ExpectedCall) -> list[str]:
    """Return the parameters whose allowed values are of another type than the declared one.

    They are taken for names of variables, as the checker does: what is right for them is unclear.
    """
    properties = (call.parameters or {}).get("properties")
    schemas = properties if isinstance(properties, dict) else {}
    found = []
    for name, rule in call.rules.items():
        schema = schemas.get(name)
        word = schema.get("type") if isinstance(schema, dict) else None
        declared = _TYPES.get(word) if isinstance(word, str) else None
        usual = _first_type(rule.values) if isinstance(rule, OneOf) else None
        alike = declared is float and usual is int
        if None not in (declared, usual) and usual is not declared and not alike:
            found.append(name)
    return found


def _schema(where: str, call: ExpectedCall) -> tuple[dict[str, Json], list[Json]]:
    schema = call.parameters or {}
    properties, required = schema.get("properties"), schema.get("required", [])
    if not isinstance(properties, dict) or not isinstance(required, list):
        message = (
            f"{where} checks types and needs the tool's schema in `parameters`, with "
            f"`properties` and `required`; there is {show(call.parameters)}"
        )
        raise ValueError(message)  # noqa: TRY004  # the data is wrong, not the call
    return properties, required


def _allowed(where: str, call: ExpectedCall, name: str) -> list[Json]:
    rule = call.rules.get(name, Exact(rule="exact"))
    if isinstance(rule, OneOf):
        values = list(rule.values)
        return [*values, _OMITTED] if rule.or_absent and _OMITTED not in values else values
    if isinstance(rule, Exact):
        return [call.arguments[name]]
    message = (
        f"{where} knows the rules 'one_of' and 'exact', not {rule.rule!r} for {name!r}; "
        "use `tool_match: any_order`"
    )
    raise ValueError(message)


def _type(where: str, name: str, schema: Json) -> type:
    word = schema.get("type") if isinstance(schema, dict) else None
    if not isinstance(word, str) or word not in _TYPES:
        message = f"{where}: type {word!r} of {name!r} is none of {sorted(_TYPES)!r}"
        raise ValueError(message)
    return _TYPES[word]


def _parameter(where: str, name: str, values: list[Json], schema: Json) -> Predicate:
    """Return the test of one parameter."""
    declared = _type(where, name, schema)
    items = schema.get("items") if isinstance(schema, dict) else None
    element = _type(where, name, items) if declared is list else None
    usual = _first_type(values)
    fits = _of_type(declared, element, values)
    compare = _comparison(declared, element, values)

    def accepts(value: Json) -> bool:
        kind = float if declared is float and type(value) is int else type(value)
        if usual in {None, declared} and kind is declared:
            return fits(value) and compare(value)
        # Allowed values of another type than the declared one name a variable.
        typed = kind is usual or (kind is declared and fits(value))
        return typed and any(json_equal(value, allowed) for allowed in values)

    return accepts


def _first_type(values: Sequence[Json]) -> type | None:
    return next((type(value) for value in values if value != _OMITTED), None)


def _of_type(declared: type, element: type | None, values: Sequence[Json]) -> Predicate:
    """Return the type test for values of the declared type: of arrays, that of the elements."""
    if declared is not list:
        return lambda _: True
    usual = [_first_type(value) if isinstance(value, list) else None for value in values]
    free = any(not isinstance(value, list) for value in values)

    def fits(value: Json) -> bool:
        return free or any(
            all(type(part) in {element, other} for part in _elements(value)) for other in usual
        )

    return fits


def _elements(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _comparison(declared: type, element: type | None, values: Sequence[Json]) -> Predicate:
    if declared is dict:
        return _any_of([_object(value) for value in values if isinstance(value, dict)])
    if declared is list and element is dict:
        return _any_of([_objects(value) for value in values])
    if declared is str or declared is list:
        standard = [[] if declared is list and v == _OMITTED else _standard(v) for v in values]
        return lambda value: any(json_equal(_standard(value), allowed) for allowed in standard)
    return lambda value: any(json_equal(value, allowed) for allowed in values)


def _any_of(tests: Sequence[Callable[[Json], bool]]) -> Predicate:
    return lambda value: any(test(value) for test in tests)


def _standard(value: Json) -> Json:
    """Return a text, or the texts of an array, in the form in which texts are compared."""
    if isinstance(value, str):
        return _NOISE.sub("", value).lower().replace("'", '"')
    if isinstance(value, list):
        return [_standard(part) if isinstance(part, str) else part for part in value]
    return value


def _object(allowed: dict[str, Json]) -> Predicate:
    """Return the test of an object against allowed values by key."""
    choices = {key: _elements(values) for key, values in allowed.items()}
    standard = {
        key: [_standard(v) if isinstance(v, str) else v for v in values]
        for key, values in choices.items()
    }
    needed = {key for key, values in choices.items() if _OMITTED not in values}

    def accepts(value: Json) -> bool:
        return (
            isinstance(value, dict)
            and needed <= value.keys()
            and all(
                key in standard
                and any(
                    json_equal(_standard(part) if isinstance(part, str) else part, choice)
                    for choice in standard[key]
                )
                for key, part in value.items()
            )
        )

    return accepts


def _objects(allowed: Json) -> Predicate:
    """Return the test of an array of objects; a left-out one is as good as an empty one."""
    tests = [_object(part) for part in _elements(allowed) if isinstance(part, dict)]
    return lambda value: (
        isinstance(value, list)
        and len(value) == len(tests)
        and all(test(part) for test, part in zip(tests, value, strict=True))
    )
