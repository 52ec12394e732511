"""Modules say truly what they pass on, and stay small enough to read."""

import ast
from importlib import import_module

import pytest
from support.source import exported, imported_names, modules, tree

_LONGEST_FILE, _LONGEST_FUNCTION = 500, 75


def isort_style(name: str) -> tuple[int, str]:
    """Order constants before classes before functions, as ruff does (RUF022)."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


@pytest.mark.parametrize("name", [name for name in modules() if exported(name)])
def test_exports_are_true_and_sorted(name: str) -> None:
    """Every name of `__all__` is there, once and in order."""
    names = exported(name) or []
    module = import_module(name)
    assert [] == [missing for missing in names if not hasattr(module, missing)]
    assert sorted(set(names), key=isort_style) == names


def test_nothing_private_is_imported() -> None:
    """A name with an underscore stays where it is."""
    assert [] == [
        f"{module} takes {name} of {source}"
        for module in modules()
        for source, name in imported_names(module)
        if name.startswith("_") and name != "__version__"
    ]


def test_files_are_short() -> None:
    """A file far above 400 lines is split."""
    lengths = {name: len(path.read_text().splitlines()) for name, path in modules().items()}
    assert {} == {name: length for name, length in lengths.items() if length > _LONGEST_FILE}


def test_functions_are_short() -> None:
    """A function far above 50 lines is split."""
    long = {
        f"{name}.{node.name}": lines
        for name in modules()
        for node in ast.walk(tree(name))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or 0) - node.lineno + 1) > _LONGEST_FUNCTION
    }
    assert {} == long
