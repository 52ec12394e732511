"""Files as something broke them: values replaced, removed, repeated or renamed, bytes damaged."""

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable
from copy import deepcopy
from hashlib import sha256
from random import Random
from typing import Any

import yaml

from evalgate.schema.base import Json

ODD: tuple[Json, ...] = (
    None, True, 0, -1, 1.5, 10**300, -(2**63), 1e308, float("nan"), float("inf"), "", "x", " ",
    "\ud800", "\x00", "\u202e", "y" * 201, "9" * 40, "1e999", "NaN", "-1", "2026-13-45",
    "2026-01-01T00:00:00Z", "../../etc/passwd", "[f(a=1)]", "{'a': 1}", '{"a": 1}', "{", "[" * 300,
    [], {}, ["x"], [[]], [None], {"": None}, {"a": 1}, {"type": "hologram"}, [{"role": "robot"}],
)  # fmt: skip
"""What no reader expects."""
_NAMES = ("id", "name", "type", "role", "content", "x", "", "error", "usage", "\ud800")
_FEW = 2
_MANY = 40
_BYTES = (
    b"\x00",
    b"\xff",
    b"\xef\xbb\xbf",
    b'"',
    b"{",
    b"[",
    b"\n",
    b",",
    b"NaN",
    b"\xf0\x9f",
    b"9" * 5000,
)


def small(data: Any) -> Any:  # noqa: ANN401  # any JSON
    """Cut long lists of rows, so that a file of megabytes is one of kilobytes."""
    if isinstance(data, list):
        return [small(item) for item in (data if len(data) < _MANY else data[:_FEW])]
    if isinstance(data, dict):
        rows = ("tasks", "simulations", "samples")
        return {
            key: [small(item) for item in value[:_FEW]]
            if key in rows and isinstance(value, list)
            else small(value)
            for key, value in data.items()
        }
    return data


def places(data: Json, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List every place of a document."""
    found = [path]
    if isinstance(data, dict):
        for key, value in data.items():
            found += places(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            found += places(value, (*path, index))
    return found


def mutated(data: Any, rng: Random, times: int) -> Json:  # noqa: ANN401  # any JSON
    """Replace, remove, repeat, swap or rename something, some times."""
    whole: Any = [deepcopy(data)]
    for _ in range(times):
        known = places(whole[0])
        path = rng.choice(known)
        parent: Any = whole
        for step in (0, *path)[:-1]:
            parent = parent[step]
        last = (0, *path)[-1]
        match rng.randrange(6):
            case 0 if isinstance(parent, dict):
                del parent[last]
            case 1 if isinstance(parent, list) and path:
                parent.insert(last, deepcopy(parent[last]))
            case 2 if isinstance(parent, dict):
                parent[rng.choice(_NAMES)] = parent[last]
            case 3:
                parent[last] = deepcopy(_at(whole[0], rng.choice(known)))
            case _:
                parent[last] = deepcopy(rng.choice(ODD))
    return whole[0]


def _at(data: Any, path: tuple[Any, ...]) -> Any:  # noqa: ANN401  # any JSON
    for step in path:
        data = data[step]
    return data


def damaged(raw: bytes, rng: Random, times: int) -> bytes:
    """Cut, flip, insert or repeat bytes, some times."""
    for _ in range(times):
        at = rng.randrange(len(raw) + 1)
        to = min(len(raw), at + rng.randrange(1, 60))
        match rng.randrange(5):
            case 0:
                raw = raw[:at]
            case 1:
                raw = raw[:at] + rng.choice(_BYTES) + raw[at:]
            case 2:
                raw = raw[:at] + raw[to:]
            case 3:
                raw = raw[:to] + raw[at:]
            case _:
                raw = raw[:at] + rng.randbytes(1) + raw[at + 1 :]
    return raw


def broken_file(raw: bytes, suffix: str, rng: Random) -> bytes:
    """Break a file as its kind can break; one time in five whatever it is."""
    times = rng.randrange(1, 7)
    change = _KINDS.get(suffix)
    if change is None or rng.randrange(5) == 0:
        return damaged(raw, rng, times)
    return change(raw, rng, times)


def _dumped(data: object) -> bytes:
    return json.dumps(data).encode()


def _json(raw: bytes, rng: Random, times: int) -> bytes:
    return _dumped(mutated(small(json.loads(raw)), rng, times))


def _lines(raw: bytes, rng: Random, times: int) -> bytes:
    lines = [line for line in raw.splitlines() if line.strip()]
    for _ in range(times):
        at = rng.randrange(len(lines))
        match rng.randrange(8):
            case 0:
                lines.insert(at, lines[at])
            case 1 if len(lines) > 1:
                del lines[at]
            case _:
                lines[at] = _line(lines[at], rng)
    return b"\n".join(lines) + b"\n"


def _line(line: bytes, rng: Random) -> bytes:
    """Change one line; one that a digest seals is sealed again."""
    try:
        data = mutated(json.loads(line), rng, 1)
    except ValueError:  # a line that was broken before
        return damaged(line, rng, 1)
    if b',"digest":"sha256:' not in line or not isinstance(data, dict):
        return _dumped(data)
    data.pop("digest", None)
    body = json.dumps(data, separators=(",", ":")).encode()[:-1]
    return body + b',"digest":"sha256:' + sha256(body).hexdigest().encode() + b'"}'


def _yaml(raw: bytes, rng: Random, times: int) -> bytes:
    documents = list(yaml.safe_load_all(raw))
    changed = [mutated(one, rng, times) for one in documents]
    texts = [json.dumps(one, default=str) for one in changed]
    bare = rng.randrange(2) and re.compile(r'"(2026-[^"]*|9{9,}|1e999|NaN)"|NaN|-?Infinity')
    if bare:  # what YAML takes for dates and numbers
        texts = [bare.sub(lambda found: found[1] or ".nan", text) for text in texts]
    return "\n---\n".join(texts).encode()


def _csv(raw: bytes, rng: Random, times: int) -> bytes:
    rows = list(csv.reader(io.StringIO(raw.decode("utf-8-sig", "replace"))))[:_MANY]
    rows = mutated(rows, rng, times) if rows else []
    out = io.StringIO()
    for row in rows if isinstance(rows, list) else [rows]:
        csv.writer(out).writerow(row if isinstance(row, list) else [row])
    return out.getvalue().encode("utf-8", "replace")


def _xml(raw: bytes, rng: Random, times: int) -> bytes:
    text = raw.decode()
    for _ in range(times):
        found = list(re.finditer(r'"[^"]*"|>[^<]*<|<[^<>]*>', text))
        one = rng.choice(found)
        odd = str(rng.choice(ODD)).replace("\ud800", "").replace("\x00", "")
        new = rng.choice((one[0] * 2, "", one[0][0] + odd + one[0][-1]))
        text = text[: one.start()] + new + text[one.end() :]
    return text.encode()


def _zip(raw: bytes, rng: Random, times: int) -> bytes:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    name = rng.choice(sorted(files))
    if name.endswith(".json"):
        files[name] = _json(files[name], rng, times)
    elif rng.randrange(2):
        del files[name]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for one, data in files.items():
            archive.writestr(one, data)
    return out.getvalue()


_KINDS: dict[str, Callable[[bytes, Random, int], bytes]] = {
    ".json": _json,
    ".jsonl": _lines,
    ".yaml": _yaml,
    ".csv": _csv,
    ".xml": _xml,
    ".eval": _zip,
    ".zip": _zip,
}
