"""What of a trial nobody could read: it is not nothing, so what it could change is not measured."""

from collections.abc import Iterable

from evalgate.schema.trace import Trace, Unread, UnreadPart
from evalgate.text.escape import cap

_NAMED = 3


def unread_parts(trace: Trace) -> dict[UnreadPart, str]:
    """Say of each part of a trial that holds items nobody could read why it is not measured."""
    items = [step for step in trace.steps if type(step) is Unread]
    if not items:
        return {}
    parts = dict.fromkeys(part for item in items for part in item.parts)
    return {part: _reason(item.type for item in items if part in item.parts) for part in parts}


def _reason(types: Iterable[str]) -> str:
    names = list(dict.fromkeys(types))
    named = ", ".join(repr(cap(name, 60)) for name in names[:_NAMED])
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"not measured: the trace holds what is not understood or not recorded: {named}{more}"
