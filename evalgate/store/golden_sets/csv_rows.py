"""Golden sets as tables of text: CSV with commas, semicolons or tabs, in a named encoding."""

import codecs
import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from evalgate.errors import DataError
from evalgate.store.golden_sets.columns import case_of, check_columns
from evalgate.store.golden_sets.golden_set import Rows
from evalgate.store.lines import MAX_FILE_BYTES, MAX_LINE_BYTES, LineProblem
from evalgate.store.plain import read_plain

if TYPE_CHECKING:
    import _csv


_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_GUESSES: Final = ("gb18030", "shift_jis", "euc_kr", "big5", "cp1252")
_NAMES: Final = {"gb18030": "GBK"}


def read_csv(path: Path) -> Rows:
    """Yield the rows of a table with the line each begins in.

    The header names columns as `COLUMNS` has them; an empty cell is none. UTF-8 and UTF-16 are
    read, with a byte order mark or, for UTF-8, without.

    Raises:
        DataError: The file is missing, too large, of another encoding, or no table.
    """
    text = _decoded(path)
    # A table saved with CRLF has the same texts as one saved with LF.
    text = text.replace("\r\n", "\n")
    first = text.partition("\n")[0]
    csv.field_size_limit(MAX_LINE_BYTES)
    delimiter = _delimiter(first)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = check_columns(next(reader, []), str(path))
        for line, cells in _rows(reader):
            if len(cells) != len(names):
                found = (
                    f"found {len(cells)} cells; expected {len(names)}, parted by {delimiter!r} as "
                    "the header is"
                )
                yield line, (LineProblem(line, "", found),)
            else:
                yield line, case_of(line, {n: c or None for n, c in zip(names, cells, strict=True)})
    except csv.Error as error:
        message = f"{path}:{reader.line_num}: not CSV: {error}"
        raise DataError(message, fix='put texts with quotes in quotes: "say ""hi"""') from error


def _rows(reader: "_csv.Reader") -> Iterator[tuple[int, list[str]]]:
    """Yield rows that are not blank, with the line each begins in."""
    line = reader.line_num + 1
    for cells in reader:
        if cells:
            yield line, cells
        line = reader.line_num + 1


def _delimiter(header: str) -> str:
    """Return what parts the columns: the header's names hold none of the three."""
    return max((",", ";", "\t"), key=header.count)


def _decoded(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise DataError(f"{path}: {size:,} bytes; at most {MAX_FILE_BYTES:,} are read")
        raw = read_plain(path)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror or error}"
        raise DataError(message, fix="check the path") from error
    encoding = next((name for mark, name in _MARKS if raw.startswith(mark)), "utf-8")
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        guess = _guess(raw)
        name = _NAMES.get(guess, guess)
        raise DataError(
            f"{path}:{line}: found bytes that are no {encoding.upper()} ({name} would fit); "
            "expected UTF-8, or UTF-16 with a byte order mark",
            fix=f"iconv -f {name} -t UTF-8 {path.name} > utf8-{path.name}",
        ) from error


def _guess(raw: bytes) -> str:
    """Name the first of the common encodings in which all bytes are characters."""
    for name in _GUESSES:
        try:
            raw.decode(name)
        except UnicodeDecodeError:
            continue
        return name
    return "latin-1"
