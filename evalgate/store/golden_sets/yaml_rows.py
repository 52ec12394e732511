"""Golden sets in YAML: a list of cases, or a document a case."""

import json
from pathlib import Path

from evalgate.errors import ConfigError, DataError
from evalgate.schema.golden import Case
from evalgate.store.golden_sets.golden_set import Rows
from evalgate.store.lines import MAX_LINE_BYTES, LineProblem, RawLine, validated
from evalgate.store.plain import read_plain
from evalgate.store.strict_yaml import parse_documents


def read_yaml(path: Path) -> Rows:
    """Yield the cases of a file, numbered from 1.

    Raises:
        DataError: The file is missing, too large, no UTF-8, or no YAML of the safe kind.
    """
    try:
        raw = read_plain(path)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror or error}"
        raise DataError(message, fix="check the path") from error
    if len(raw) > MAX_LINE_BYTES:
        found = f"{len(raw):,} bytes; at most {MAX_LINE_BYTES:,} of YAML are read"
        raise DataError(f"{path}: {found}", fix="write the golden set as JSONL")
    try:
        documents = parse_documents(raw.decode("utf-8-sig"), source=str(path))
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise DataError(f"{path}:{line}: found bytes that are no UTF-8; expected UTF-8") from error
    except ConfigError as error:
        raise DataError(error.message, fix=error.fix) from error
    whole = documents[0] if len(documents) == 1 else documents
    for number, row in enumerate(whole if isinstance(whole, list) else [whole], start=1):
        yield number, _case(number, row)


def _case(number: int, row: object) -> Case | tuple[LineProblem, ...]:
    try:
        raw = json.dumps(row, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        found = f"found {error}; expected text, numbers, lists and mappings (put dates in quotes)"
        return (LineProblem(number, "", found),)
    return validated(RawLine(number, raw, cut=False), Case)
