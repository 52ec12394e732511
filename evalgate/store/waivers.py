"""Reads and writes `baselines/waivers.yaml`."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from evalgate.errors import ConfigError
from evalgate.schema.waiver import Waiver, Waivers
from evalgate.store.atomic import write_text
from evalgate.store.plain import read_plain
from evalgate.store.strict_yaml import parse_yaml

_MAX_BYTES: Final = 1_000_000
_HEAD: Final = """\
# Failures that are accepted for a while; `evalgate accept` writes this file.
# yaml-language-server: $schema=https://raw.githubusercontent.com/OWNER/agent-evalgate/main/evalgate/schema/json/waivers-1.json
version: 1
"""


def load_waivers(path: Path) -> tuple[Waiver, ...]:
    """Read a file of waivers; one that is not there holds none.

    Raises:
        ConfigError: It cannot be read, or is not valid; every problem with its line.
    """
    try:
        data = read_plain(path)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    if len(data) > _MAX_BYTES:
        raise ConfigError(f"{path}: {len(data)} bytes, more than {_MAX_BYTES} allowed")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 at byte {error.start}") from error
    expected = "a mapping with `waivers:`"
    return parse_yaml(text, Waivers, source=str(path), expected=expected).waivers


def save_waivers(path: Path, waivers: Iterable[Waiver]) -> None:
    """Replace a file of waivers, sorted by suite and what they are about.

    Raises:
        InputError: The file cannot be written; the old one is untouched.
    """
    ordered = sorted(waivers, key=lambda waiver: (waiver.suite, waiver.about))
    entries = "".join(_entry(waiver) for waiver in ordered)
    write_text(path, _HEAD + (f"waivers:\n{entries}" if entries else "waivers: []\n"))


def _entry(waiver: Waiver) -> str:
    """Write one waiver; JSON texts are YAML texts."""
    fields = waiver.model_dump(mode="json", exclude_none=True)
    lines = (
        f"{name}: {value if name == 'expires' else json.dumps(value, ensure_ascii=False)}\n"
        for name, value in fields.items()
    )
    return "  - " + "    ".join(lines)
