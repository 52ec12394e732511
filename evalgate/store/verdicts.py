"""Files of verdicts: what judges replied, kept beside the cassettes and read by people.

One file a case, `DIR/CASE.jsonl`: a header, the judged texts, the verdicts, each sorted, so that
equal content has equal bytes and a diff shows what changed. Every line but the header ends in a
digest over its bytes: an edited verdict is told from a recorded one. A file is replaced as a
whole, under a lock, after what others wrote in the meantime was read again.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from evalgate.errors import DataError
from evalgate.schema.base import Json
from evalgate.schema.judge import VERDICTS, TextEntry, VerdictEntry, VerdictHeader
from evalgate.store.atomic import write_bytes
from evalgate.store.lines import read_lines
from evalgate.store.sealed import SealBroken, case_file, hidden_folder, locked, seal, unseal

_LOCKS = ".locks"
_Line = TextEntry | VerdictEntry
_LINE: TypeAdapter[_Line] = TypeAdapter(_Line)
_FIX = "judge again with `evalgate run --judge auto`, or restore the file from git"


@dataclass(frozen=True, slots=True)
class StoredVerdict:
    """A recorded reply and what it was a reply to."""

    case_id: str
    entry: VerdictEntry
    """The line of the file."""
    inputs: Mapping[str, Json]
    """What was judged, whole."""


def verdict_path(directory: Path, case_id: str) -> Path:
    """Return where the verdicts of a case lie; two cases never share a file."""
    return case_file(directory, case_id)


def verdict_files(directory: Path) -> tuple[Path, ...]:
    """Return the files of a folder, by name; none where there is no folder."""
    return tuple(sorted(directory.glob("*.jsonl"))) if directory.is_dir() else ()


def _shortened(
    entry: VerdictEntry, inputs: Mapping[str, Json]
) -> tuple[VerdictEntry, Iterator[str]]:
    """Replace the contexts of an entry by their digests.

    Args:
        entry: The entry; its `inputs` are not used.
        inputs: What was judged, whole.

    Returns:
        The entry as it is written, and the texts it names.
    """
    contexts = inputs.get("contexts")
    texts = (
        [text for text in contexts if isinstance(text, str)] if isinstance(contexts, list) else []
    )
    short: dict[str, Json] = dict(inputs)
    if contexts is not None:
        short["contexts"] = [_digest(text) for text in texts]
    return entry.model_copy(update={"inputs": short}), iter(texts)


def _digest(text: str) -> str:
    return f"sha256:{sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def read_verdicts(path: Path) -> tuple[StoredVerdict, ...]:
    """Read one file strictly.

    Raises:
        DataError: The file cannot be read, is of a newer version, or a line was edited, torn,
            or names a text that is not there; with file and line.
    """
    header, lines = _read(path)
    texts = {line.id: line.text for line in lines if isinstance(line, TextEntry)}
    return tuple(
        StoredVerdict(header.case_id, line, _whole(line, texts, path))
        for line in lines
        if isinstance(line, VerdictEntry)
    )


def _whole(entry: VerdictEntry, texts: Mapping[str, str], path: Path) -> dict[str, Json]:
    contexts = entry.inputs.get("contexts")
    if not isinstance(contexts, list):
        return entry.inputs
    missing = [name for name in contexts if not isinstance(name, str) or name not in texts]
    if missing:
        raise DataError(
            f"{path}: verdict {entry.key[:19]} names a text {str(missing[0])[:19]!r} that is not "
            "in the file",
            fix=_FIX,
        )
    return {**entry.inputs, "contexts": [texts[str(name)] for name in contexts]}


def _read(path: Path) -> tuple[VerdictHeader, list[_Line]]:
    lines = read_lines(path)
    first = next(lines, None)
    header = _header(b"" if first is None else first.raw, path)
    return header, [_line(line.raw, path, line.number) for line in lines]


def _header(line: bytes, path: Path) -> VerdictHeader:
    try:
        return VerdictHeader.model_validate_json(line)
    except ValidationError as error:
        found = re.match(rb'\{"schema": ?"evalgate\.verdicts/(\d{1,9})"', line)
        if found and int(found[1]) > int(VERDICTS.rpartition("/")[2]):
            raise DataError(
                f"{path}:1: format evalgate.verdicts/{found[1].decode()} is newer than this "
                f"version of evalgate reads ({VERDICTS})",
                fix="update evalgate",
            ) from error
        shown = line[:60].decode(errors="replace")
        raise DataError(
            f"{path}:1: expected the header of a file of verdicts ({VERDICTS}), found {shown!r}",
            fix=_FIX,
        ) from error


def _line(line: bytes, path: Path, number: int) -> _Line:
    try:
        body = unseal(line)
    except SealBroken as problem:
        raise DataError(f"{path}:{number}: the line {problem}", fix=_FIX) from None
    try:
        return _LINE.validate_json(body)
    except ValidationError as error:
        item = error.errors()[0]
        where = "/".join(str(part) for part in item["loc"])
        raise DataError(
            f"{path}:{number}: {where}: {item['msg']}, found {item['input']!r:.80}", fix=_FIX
        ) from error


def add_verdicts(
    directory: Path, case_id: str, verdicts: Iterable[tuple[VerdictEntry, Mapping[str, Json]]]
) -> Path:
    """Add verdicts to the file of a case; one with a key that is there replaces it.

    Args:
        directory: Folder of the verdicts; made if need be.
        case_id: The case.
        verdicts: Entries and what was judged, whole.

    Returns:
        The file.

    Raises:
        DataError: The file that is there cannot be read.
        InputError: It cannot be written; the old one stands.
    """
    path = verdict_path(directory, case_id)
    with _locked(directory, path.stem):
        lines = _read(path)[1] if path.exists() else []
        texts = {line.id: line for line in lines if isinstance(line, TextEntry)}
        kept = {line.key: line for line in lines if isinstance(line, VerdictEntry)}
        for entry, inputs in verdicts:
            short, named = _shortened(entry, inputs)
            kept[entry.key] = short
            for text in named:
                texts[_digest(text)] = TextEntry(id=_digest(text), text=text)
        write_bytes(path, _encoded(case_id, texts, kept))
    return path


def _encoded(
    case_id: str, texts: Mapping[str, TextEntry], kept: Mapping[str, VerdictEntry]
) -> bytes:
    header = VerdictHeader(case_id=case_id).model_dump_json(by_alias=True).encode() + b"\n"
    ordered = sorted(kept.values(), key=lambda e: (e.judge, e.prompt_digest, e.key))
    lines: list[_Line] = [*(texts[name] for name in sorted(texts)), *ordered]
    return header + b"".join(map(_encode, lines))


def _encode(line: _Line) -> bytes:
    data = line.model_dump_json(exclude_defaults=True)
    body = f'{{"kind":"{line.kind}",{data[1:-1]}'.encode("utf-8", "surrogatepass")
    return seal(body)


@contextmanager
def _locked(directory: Path, name: str) -> Iterator[None]:
    try:
        lock = hidden_folder(directory, _LOCKS) / f"{name}.lock"
    except OSError as error:
        raise DataError(f"{directory}: verdicts cannot be kept here: {error.strerror}") from error
    with locked(lock):
        yield
