"""Configurations and data sets of other tools: one pure converter a file, to a suite of ours.

A converter is a function `(source, options) -> Converted`: the golden set, the part of the suite
that goes with it, and everything that has no counterpart, by name.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["CONVERTERS"]

CONVERTERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "braintrust": "evalgate.importers.suites.braintrust:convert",
        "deepeval": "evalgate.importers.suites.deepeval:convert",
        "langfuse-dataset": "evalgate.importers.suites.langfuse_dataset:convert",
        "langsmith": "evalgate.importers.suites.langsmith:convert",
        "openai-evals": "evalgate.importers.suites.openai_evals:convert",
        "promptfoo": "evalgate.importers.suites.promptfoo:convert",
        "rag": "evalgate.importers.suites.rag:convert",
        "ragas": "evalgate.importers.suites.ragas:convert",
    }
)
"""Name and `module:function` of every converter."""
