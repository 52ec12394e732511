"""Per-case results of other tools: one pure reader a file, `(document, options) -> Results`.

`READERS` names them; the order is that of detection, from the particular to the general. A reader
takes what a document holds and says what it assumed; `join.py` makes of two results the two sides
of a comparison.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["READERS"]

READERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "promptfoo": "evalgate.importers.results.promptfoo",
        "deepeval": "evalgate.importers.results.deepeval",
        "inspect": "evalgate.importers.results.inspect",
        "lm-eval": "evalgate.importers.results.lm_eval",
        "openai-evals": "evalgate.importers.results.openai_evals",
        "mlflow": "evalgate.importers.results.mlflow",
        "evalite": "evalgate.importers.results.evalite",
        "ragas": "evalgate.importers.results.ragas",
        "pytest-json": "evalgate.importers.results.pytest_json",
        "adk": "evalgate.importers.results.adk",
        "atif": "evalgate.importers.results.atif",
        "langsmith": "evalgate.importers.results.langsmith",
        "langfuse": "evalgate.importers.results.langfuse",
        "braintrust": "evalgate.importers.results.braintrust",
        "junit": "evalgate.importers.results.junit",
        "table": "evalgate.importers.results.table",
    }
)
"""Format and module; each module has `detect(document)` and `read(document, options)`."""
