"""Golden sets in columns: Parquet, Arrow and hub sets, through the `datasets` extra.

Columns are read with explicit types, so that nothing is guessed: texts stay texts, and what has
structure (`expected`, `messages`, `user`, `contexts`, `tags`, `metadata`) is one JSON text a cell,
read as strictly as a line of a JSONL file.
"""

import json
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any, Final

from evalgate.errors import DataError, MissingExtra
from evalgate.schema.golden import Case
from evalgate.store.golden_sets.golden_set import Rows
from evalgate.store.lines import LineProblem, RawLine, validated
from evalgate.text.strict_json import Parsed, Problem, parse
from evalgate.text.suggest import did_you_mean

COLUMNS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "id": "string",
        "input": "string",
        "messages": "json",
        "user": "json",
        "expected": "json",
        "contexts": "json",
        "tags": "json",
        "must_pass": "bool",
        "zero_tolerance": "bool",
        "weight": "float64",
        "cluster": "string",
        "human_minutes": "float64",
        "status": "string",
        "metadata": "json",
    }
)
"""Every column and its type; `messages` is the JSON form of `input`: chat messages or a script."""

_Table = Iterable[Mapping[str, Any]]


def read_columns(source: str, format_name: str) -> Rows:
    """Yield the rows of a golden set in columns, from 1.

    Args:
        source: A file, or the name of a hub set.
        format_name: `parquet`, `arrow` or `hub`.

    Raises:
        MissingExtra: The extra `datasets` is not installed.
        DataError: It cannot be read, or has other columns.
    """
    for number, row in enumerate(_rows(source, format_name), start=1):
        yield number, case_of(number, row)


def case_of(number: int, row: Mapping[str, Any]) -> Case | tuple[LineProblem, ...]:
    """Put the cells of a row together as one case."""
    data: dict[str, object] = {}
    problems: list[LineProblem] = []
    for name, cell in row.items():
        if cell is None:
            continue
        match _value(name, cell):
            case Parsed(value):
                data["input" if name == "messages" else name] = value
            case Problem() as problem:
                problems.append(LineProblem(number, f"column {name!r}", str(problem)))
    if problems:
        return tuple(problems)
    return validated(RawLine(number, json.dumps(data).encode(), cut=False), Case)


def _value(name: str, cell: str | float) -> Parsed | Problem:
    """Read a cell; CSV has texts for everything."""
    kind = COLUMNS[name]
    if kind == "string" or not isinstance(cell, str):
        return Parsed(cell)
    if kind == "bool":
        truth = {"true": True, "false": False}.get(cell.lower())
        return Problem(1, 1, repr(cell), "true or false") if truth is None else Parsed(truth)
    read = parse(cell)
    if kind == "json" or (isinstance(read, Parsed) and isinstance(read.value, int | float)):
        return read
    return Problem(1, 1, repr(cell), "a number")


def _rows(source: str, format_name: str) -> list[Mapping[str, Any]]:
    try:
        datasets = import_module("datasets")  # heavy, and an extra
    except ImportError as error:
        raise MissingExtra(
            f"{source}: reading {format_name} needs the extra `datasets`, which is not installed",
            fix="pip install 'agent-evalgate[datasets]'",
        ) from error
    if format_name == "hub":
        return list(_hub(datasets, source))
    if not Path(source).is_file():
        raise DataError(f"{source} cannot be read: no such file", fix="check the path")
    with TemporaryDirectory(prefix="evalgate-") as cache:
        return list(_file(datasets, source, format_name, cache))


def _file(datasets: Any, source: str, format_name: str, cache: str) -> _Table:  # noqa: ANN401 - a module without types
    names = _header(source, format_name)
    features = _features(datasets, names, source)
    try:
        match format_name:
            case "parquet":
                table = datasets.Dataset.from_parquet(source, cache_dir=cache)
            case _:
                table = datasets.Dataset.from_file(source)
        return _rows_of(table.cast(features))
    except (OSError, ValueError, TypeError, datasets.exceptions.DatasetsError) as error:
        first = str(error.__cause__ or error).strip().splitlines()[0][:300]
        types = ", ".join(f"{name}: {kind}" for name, kind in COLUMNS.items())
        raise DataError(f"{source}: {first}; expected columns of these types: {types}") from error


def _hub(datasets: Any, source: str) -> _Table:  # noqa: ANN401 - a module without types
    name, _, split = source.partition(":")
    try:
        table = datasets.load_dataset(name, split=split or "test")
        return _rows_of(table.cast(_features(datasets, table.column_names, source)))
    except (OSError, ValueError, TypeError, datasets.exceptions.DatasetsError) as error:
        first = str(error).strip().splitlines()[0][:300]
        message = f"hub set {source!r} cannot be read: {first}"
        raise DataError(message, fix="check the name, the split and the network") from error


def _rows_of(table: Any) -> _Table:  # noqa: ANN401 - types of an extra
    rows: _Table = table
    return rows


def _header(source: str, format_name: str) -> list[str]:
    """Name the columns of a file, before any of them is read."""
    pa, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    try:
        if format_name == "parquet":
            return list(parquet.read_schema(source).names)
        with pa.memory_map(source) as file:
            return list(pa.ipc.open_stream(file).schema.names)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{source} is no {format_name} file: {str(error)[:200]}") from error


def check_columns(names: Iterable[str], source: str) -> list[str]:
    """Refuse columns that no case has, and a table without those each case needs.

    Raises:
        DataError: With the column.
    """
    listed = list(names)
    for name in listed:
        if name not in COLUMNS:
            raise DataError(
                f"{source}: found the column {name!r}{did_you_mean(name, COLUMNS)}; "
                f"expected {', '.join(COLUMNS)}",
                fix="rename the column, or put it into `metadata`",
            )
        if listed.count(name) > 1:
            raise DataError(f"{source}: found the column {name!r} twice; expected it once")
    if "id" not in listed or not {"input", "messages"} & set(listed):
        raise DataError(
            f"{source}: found the columns {listed!r}; expected `id` and `input` at least"
        )
    return listed


def _features(datasets: Any, names: Iterable[str], source: str) -> Any:  # noqa: ANN401 - types of an extra
    listed = check_columns(names, source)
    kinds = {"json": "string"}
    return datasets.Features(
        {name: datasets.Value(kinds.get(COLUMNS[name], COLUMNS[name])) for name in listed}
    )
