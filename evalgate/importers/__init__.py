"""One file per format that is read.

An importer is a pure function `(data, options) -> Imported`: `data` is what `sources.read_source`
read, `options` are texts by name. `IMPORTERS` says where each lives; nothing is loaded before it
is asked for.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["IMPORTERS"]

IMPORTERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "adk": "evalgate.importers.traces.adk:import_adk",
        "bfcl": "evalgate.importers.traces.bfcl:import_bfcl",
        "chat": "evalgate.importers.traces.chat:import_chat",
        "inspect": "evalgate.importers.traces.inspect:import_inspect",
        "langfuse": "evalgate.importers.traces.langfuse:import_langfuse",
        "otel": "evalgate.importers.traces.otel:import_otel",
        "tau-bench": "evalgate.importers.traces.tau_bench:import_tau_bench",
        "tau2": "evalgate.importers.traces.tau2:import_tau2",
    }
)
"""Format and `module:function` of every importer that is built in."""
