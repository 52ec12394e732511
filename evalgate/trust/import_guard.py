"""Notices when the gate itself runs code of the change it judges."""

import sys
from pathlib import Path

from evalgate.schema.verdict import Check

SHADOWED = "evidence.shadowed"


def foreign_modules(top: Path) -> tuple[str, ...]:
    """Name the modules of this process that come from a working tree, sorted.

    Code that was already running when this is asked could lie about it; it is a check against
    accidents and clumsy attempts, and `docs/security.md` says what keeps the others out.

    Args:
        top: Folder of the working tree; what is installed in an environment inside it is not of
            it.
    """
    inside = top.resolve()
    installed = {Path(prefix).resolve() for prefix in (sys.prefix, sys.base_prefix)}
    found = []
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not isinstance(file, str):
            continue
        path = Path(file).resolve()
        if path.is_relative_to(inside) and not any(path.is_relative_to(p) for p in installed):
            found.append(name)
    return tuple(sorted(found))


def shadowed_check(top: Path) -> tuple[Check, ...]:
    """Object to a gate that runs code of the change as its own; nothing where it does not."""
    modules = foreign_modules(top)
    if not modules:
        return ()
    more = f" and {len(modules) - 5} more" if len(modules) > 5 else ""
    return (
        Check(
            id=SHADOWED,
            kind="evidence",
            outcome="inconclusive",
            reason=f"the gate itself runs code of the working tree: {', '.join(modules[:5])}{more}",
            fix="install evalgate outside of the checkout and run `python -I -m evalgate`",
        ),
    )
