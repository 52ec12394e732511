"""Calls that a model in prompt mode writes as Python: `[f(a=1), g.h(b='x')]`.

The rules are those of the leaderboard's own decoder; nothing is ever run.
"""

import ast
import re
from math import isfinite
from operator import add, floordiv, mod, mul, sub, truediv
from typing import Final

from evalgate.schema.base import Json

_LONGEST: Final = 100_000
_STARTS: Final = re.compile(r"[\[\s`]*(?:python\s+)?\[?\s*([A-Za-z_][\w.]*)\s*\(")
_SUMS: Final = {
    ast.Add: add,
    ast.Sub: sub,
    ast.Mult: mul,
    ast.Div: truediv,
    ast.FloorDiv: floordiv,
    ast.Mod: mod,
}


class _NotACallError(Exception):
    """Raised for what is no list of calls."""


def decoded(text: str) -> list[tuple[str, dict[str, Json]]] | None:
    """Read a text as calls with named arguments; null where it is none.

    As in the leaderboard's decoder, arguments without a name are left out.
    """
    stripped = text.strip("`\n ").removeprefix("python\n").strip()
    if not stripped or len(stripped) > _LONGEST:
        return None
    whole = stripped if stripped.startswith("[") else f"[{stripped}"
    whole = whole if whole.endswith("]") else f"{whole}]"
    try:
        tree = ast.parse(whole, mode="eval").body
        if not isinstance(tree, ast.List):
            return None
        return [_call(node) for node in tree.elts]
    except (
        _NotACallError,
        SyntaxError,
        ValueError,
        RecursionError,
        MemoryError,
        ArithmeticError,
        TypeError,
    ):
        return None


def looks_like_a_call(text: str, names: frozenset[str]) -> str | None:
    """Return the function that a text begins to call, where it could not be decoded."""
    match = _STARTS.match(text)
    return match[1] if match is not None and match[1] in names else None


def _call(node: ast.expr) -> tuple[str, dict[str, Json]]:
    if not isinstance(node, ast.Call):
        raise _NotACallError
    given = {word.arg: _value(word.value) for word in node.keywords if word.arg is not None}
    return _name(node.func), given


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_name(node.value)}.{node.attr}"
    if isinstance(node, ast.Name):
        return node.id
    raise _NotACallError


def _value(node: ast.expr) -> Json:
    match node:
        case ast.Constant(value):
            return _constant(value)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _number(0 - _operand(operand))
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _number(_operand(operand))
        case ast.List(elts) | ast.Tuple(elts):
            return [_value(item) for item in elts]
        case ast.Dict(keys, values):
            pairs = zip(keys, values, strict=True)
            return {str(_value(k)): _value(v) for k, v in pairs if k is not None}
        case ast.BinOp(left, op, right) if type(op) in _SUMS:
            return _number(_SUMS[type(op)](_operand(left), _operand(right)))
        case ast.Name(id=name):
            return name
        case ast.Call(keywords=[_, *_]):
            name, arguments = _call(node)
            return {name: arguments}
        case ast.Call() | ast.Subscript() | ast.Attribute():
            return ast.unparse(node)
        case _:
            raise _NotACallError


def _constant(value: object) -> Json:
    if value is Ellipsis:
        return "..."
    if isinstance(value, float | int) and not isinstance(value, bool):
        return _number(value)
    if value is None or isinstance(value, str | bool):
        return value
    raise _NotACallError


def _operand(node: ast.expr) -> float:
    value = _value(node)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _NotACallError
    return value


def _number(value: float) -> float:
    if not isfinite(value):
        raise _NotACallError
    return value
