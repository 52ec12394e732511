"""Converting files of other tools in tests."""

from pathlib import Path
from typing import Any

from evalgate.importers.suites.converted import Converted, ConvertOptions
from evalgate.importers.suites.read import read_suite_source
from evalgate.registry import resolve


def convert(name: str, path: Path, **options: Any) -> Converted:  # noqa: ANN401  # as they are
    """Convert a file."""
    source = read_suite_source(path)
    made: Converted = resolve("converters", name)(source, ConvertOptions(**options))
    return made
