"""evalgate: the pull-request gate for LLM agents.

The names below are loaded when they are first used, so that `import evalgate` costs nothing.
"""

from typing import TYPE_CHECKING, Any

from evalgate.version import VERSION

if TYPE_CHECKING:
    from evalgate.api import (
        Abstained,
        Broken,
        Case,
        Report,
        Scored,
        Suite,
        Trace,
        capture,
        compare,
        evaluate,
        load_golden,
        load_report,
        scorer,
        tool,
    )

__all__ = [
    "Abstained",
    "Broken",
    "Case",
    "Report",
    "Scored",
    "Suite",
    "Trace",
    "__version__",
    "capture",
    "compare",
    "evaluate",
    "load_golden",
    "load_report",
    "scorer",
    "tool",
]


__version__ = VERSION


def __getattr__(name: str) -> Any:  # noqa: ANN401  # any public name
    if name not in __all__:
        message = f"module 'evalgate' has no attribute {name!r}"
        raise AttributeError(message)
    if name == "tool":  # agents import it, who need nothing else of this
        from evalgate.agents.tooling import tool  # noqa: PLC0415

        return tool
    from evalgate import api  # noqa: PLC0415  # heavy

    return getattr(api, name)


def __dir__() -> list[str]:
    return __all__
