"""Converting files of other tools in tests."""

from importlib import import_module
from pathlib import Path
from typing import Any

from evalgate.importers.suites import CONVERTERS
from evalgate.importers.suites.converted import Converted, ConvertOptions
from evalgate.importers.suites.read import read_suite_source


def convert(name: str, path: Path, **options: Any) -> Converted:  # noqa: ANN401  # as they are
    """Convert a file."""
    module, _, function = CONVERTERS[name].partition(":")
    source = read_suite_source(path)
    made: Converted = getattr(import_module(module), function)(source, ConvertOptions(**options))
    return made
