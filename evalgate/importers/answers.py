"""Messages in recorded data of any shape: what a model answered, and what it was given."""

from collections.abc import Iterator, Mapping
from typing import Final

from evalgate.importers.observed import data_of
from evalgate.importers.parts import read_message
from evalgate.schema.base import Json

_PART_TYPES: Final = frozenset(
    {
        *("tool_use", "tool_call", "tool-call", "function_call", "server_tool_use"),
        *("mcp_tool_use", "custom_tool_call", "mcp_call"),
    }
)
_ROLES: Final = frozenset({"assistant", "ai", "model", "aimessage", "aimessagechunk"})
_HOLDERS: Final = ("content", "parts", "tool_calls", "contents", "function_call", "refusal")
"""Fields of a message that hold what was said or called."""
_DEEPEST: Final = 20


def messages_in(data: Json, depth: int = 0) -> Iterator[Json]:
    """Yield what looks like an answer of a model in data of any shape; of a history, its end."""
    if isinstance(data, str):
        if data and depth == 0:
            yield data
    elif isinstance(data, list):
        yield from _latest(data, depth)
    elif isinstance(data, dict) and depth <= _DEEPEST:
        if _is_message(data) or _is_item(data) or _is_content(data):
            yield data
            return
        for value in data.values():
            if isinstance(value, dict | list):
                yield from messages_in(value, depth + 1)


def _latest(rows: list[Json], depth: int) -> Iterator[Json]:
    """Of a conversation, yield the answers after the last message of somebody else."""
    last = 0
    for index, row in enumerate(rows):
        if isinstance(row, dict) and _is_message(row) and not _is_answer(row):
            last = index + 1
    for row in rows[last:]:
        if isinstance(row, dict) and isinstance(row.get("type"), str) and "lc" not in row:
            yield row
        else:
            yield from messages_in(row, depth + 1)


def _is_message(data: Mapping[str, Json]) -> bool:
    named = data.get("role") or data.get("type")
    holds = any(key in data for key in _HOLDERS)
    return isinstance(named, str) and holds and read_message(dict(data)).role is not None


def _is_item(data: Mapping[str, Json]) -> bool:
    kind = data.get("type")
    if "toolCallId" in data and "toolName" in data:
        return True
    return isinstance(kind, str) and (kind in _PART_TYPES or kind.endswith("_call"))


def _is_answer(data: Mapping[str, Json]) -> bool:
    return str(data.get("role") or data.get("type")).lower() in _ROLES


def _is_content(data: Mapping[str, Json]) -> bool:
    """Whether it is a message without a role."""
    return isinstance(data.get("parts"), list) or (
        isinstance(data.get("tool_calls"), list) and bool(data["tool_calls"])
    )


def conversation_in(given: Json) -> list[Json]:
    """Return the messages of a request in data, oldest first; empty where there are none."""
    data = data_of(given)
    if isinstance(data, dict):
        found = next((data[k] for k in ("messages", "contents", "input") if data.get(k)), None)
        data = [data] if found is None and "role" in data else found
    rows = data if isinstance(data, list) else []
    return [row for row in rows if isinstance(row, dict)]
