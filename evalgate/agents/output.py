"""What an agent may return beside a text. For users: `from evalgate.agents.output import Output`.

This module is imported by worker processes and keeps to the standard library.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from evalgate.agents.plain import NotPlain


@dataclass(frozen=True, slots=True)
class Output:
    """An answer and what happened on the way; a dict with the same keys does as well."""

    output: Any = None
    """The final answer: text or JSON."""
    steps: Sequence[Any] = ()
    """Steps in order, each an object with `kind` (`llm_call`, `tool_call`, `retrieval`,
    `guardrail`, `handoff`, `span`) and the fields of `evalgate.trace/1`; `start` and `end` are
    seconds since the agent was called."""
    final_state: Mapping[str, Any] | None = None
    """State of the world after the trial."""
    status: str | None = None
    """`limit`, `loop_limit`, `unfinished`, `timed_out` or `crashed` for an agent that knows that
    it did not get through; null: it finished."""
    error: str | None = None
    """Why it did not finish."""
    cost_usd: float | None = None
    """What the trial cost in USD; counts only with `trust_reported`."""
    scores: Sequence[Any] = ()
    """Scores the agent gives itself; count only with `trust_reported`."""
    feedback: Mapping[str, Any] | None = None
    """What a user said about the answer."""
    session_id: str | None = None
    user_id: str | None = None
    environment: str | None = None
    """Where it ran."""
    intent: str | None = None
    """What the user wanted."""
    channel: str | None = None
    """How the user came."""
    agent_name: str | None = None
    prompt_version: str | None = None
    tags: Sequence[str] = ()
    metadata: Mapping[str, Any] | None = None
    """Anything else."""


_KEYS: Final = frozenset(field.name for field in fields(Output))
_TELLING: Final = frozenset({"output", "steps", "final_state", "status"})
"""A dict with one of these keys is an `Output`; any other dict is itself the answer."""


def reply_fields(value: object, output_key: str | None = None) -> dict[str, Any]:
    """Turn what an agent returned into the fields of an `Output`.

    Args:
        value: A text, an `Output`, a mapping or other JSON data.
        output_key: Key of the answer in a mapping that is no `Output`.

    Raises:
        NotPlain: Nothing came back, or `output_key` is not in it.
    """
    if isinstance(value, str):
        return {"output": value}
    if value is None:
        raise NotPlain("the agent returned nothing; expected a text, JSON data or an Output")
    if isinstance(value, Output):
        given = {name: getattr(value, name) for name in _KEYS}
        return {name: item for name, item in given.items() if item is not None}
    dump = getattr(value, "model_dump", None)
    if callable(dump) and not isinstance(value, type):
        value = dump(mode="json")
    if not isinstance(value, Mapping):
        return {"output": value}
    if output_key is not None and output_key not in _KEYS:
        return _under_key(value, output_key)
    return dict(value) if _TELLING & value.keys() else {"output": value}


def _under_key(value: Mapping[str, Any], output_key: str) -> dict[str, Any]:
    if output_key not in value:
        found = ", ".join(sorted(map(str, value))[:10]) or "no key"
        raise NotPlain(f"the output has no key {output_key!r} (agent.output_key); it has {found}")
    rest = {key: item for key, item in value.items() if key in _KEYS}
    return {**rest, "output": value[output_key]}
