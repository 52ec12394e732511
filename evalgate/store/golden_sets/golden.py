"""Golden sets on disk: JSON lines, `evalgate.golden/1`, and the same cases in other formats."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from evalgate.schema.golden import Case
from evalgate.store.atomic import write_text
from evalgate.store.golden_sets.golden_set import GoldenSet, Rows, golden_set
from evalgate.store.lines import read_lines, validated

__all__ = ["GoldenSet", "case_to_json", "is_lines", "load_golden", "write_golden"]

_FIX: Final = "correct the lines listed and run `evalgate validate` again"
_FIX_ROWS: Final = "correct the rows listed, or write the golden set as JSONL"
_HUB: Final = "hub:"


def load_golden(path: Path) -> GoldenSet:
    """Read a golden set strictly; the ending of its name says how.

    An empty file is a golden set of no case: whether that is enough is judged where it is used.
    The same cases have the same digest in every format.

    Args:
        path: `.csv`, `.tsv`, `.yaml`, `.yml`, `.parquet` or `.arrow`; `hub:OWNER/NAME[:SPLIT]` for
            a set of the Hugging Face hub; anything else is JSONL in UTF-8, LF or CRLF, without a
            byte order mark.

    Raises:
        DataError: With every problem of the file (50 are listed): line, JSON pointer or column,
            what was found and what is allowed.
        MissingExtra: The extra `datasets` is needed and not installed.
    """
    hub = _hub_name(path)
    if hub is not None:
        return golden_set(path, _columns(hub, "hub"), fix=_FIX_ROWS)
    match path.suffix.lower():
        case ".csv" | ".tsv":
            from evalgate.store.golden_sets.csv_rows import read_csv  # noqa: PLC0415  # rarely used

            return golden_set(path, read_csv(path), fix=_FIX_ROWS)
        case ".yaml" | ".yml":
            from evalgate.store.golden_sets.yaml_rows import read_yaml  # noqa: PLC0415  # rarely used

            return golden_set(path, read_yaml(path), fix=_FIX)
        case ".parquet" | ".arrow" as suffix:
            return golden_set(path, _columns(str(path), suffix[1:]), fix=_FIX_ROWS)
        case _:
            rows = ((line.number, validated(line, Case)) for line in read_lines(path))
            return golden_set(path, rows, fix=_FIX)


def is_lines(path: Path) -> bool:
    """Whether a golden set is JSON lines, which cases can be appended to."""
    others = (".csv", ".tsv", ".yaml", ".yml", ".parquet", ".arrow")
    return _hub_name(path) is None and path.suffix.lower() not in others


def _hub_name(path: Path) -> str | None:
    """Return the name of a set of the hub, which a path carries behind its folder."""
    parts = path.parts
    at = next((i for i, part in enumerate(parts) if part.startswith(_HUB)), None)
    return None if at is None else "/".join(parts[at:]).removeprefix(_HUB)


def _columns(source: str, format_name: str) -> Rows:
    from evalgate.store.golden_sets.columns import read_columns  # noqa: PLC0415  # an extra

    return read_columns(source, format_name)


def write_golden(path: Path, cases: Iterable[Case]) -> None:
    """Write a golden set as JSONL, whole or not at all.

    Args:
        path: The file; it is replaced.
        cases: The cases, in the order they are written.

    Raises:
        InputError: The file cannot be written.
    """
    write_text(path, "".join(f"{case_to_json(case)}\n" for case in cases))


def case_to_json(case: Case) -> str:
    """Write a case as one line of JSON, defaults left out."""
    return case.model_dump_json(exclude_defaults=True)
