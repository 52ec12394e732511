"""Tells evalgate's own files from those of other tools, without reading the latter whole."""

import json
from pathlib import Path
from typing import Any, Final

from evalgate.text.strict_json import MAX_BYTES

_START: Final = 4096


def is_own(path: Path) -> bool:
    """Say whether a file is evalgate's: a report, a baseline, a run, or a flat file of numbers."""
    if not path.is_file():
        return True  # a folder, the id of a run, or nothing: said elsewhere
    if path.suffix not in ("", ".json"):
        return path.suffix in (".yaml", ".yml")
    if path.stat().st_size > MAX_BYTES:
        return True
    with path.open("rb") as file:
        start = file.read(_START)
        if b'"schema"' in start and b'"evalgate.' in start:
            return True
        if not start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
            return not start.strip()
        try:
            data = json.loads(start + file.read())
        except (ValueError, RecursionError):
            return False
    flat = all(isinstance(v, int | float) and not isinstance(v, bool) for v in data.values())
    return flat or str(data.get("schema", "")).startswith("evalgate.") or _is_golden(data)


def _is_golden(data: dict[str, Any]) -> bool:
    return {"suites", "version"} <= data.keys() or {"id", "input"} <= data.keys()
