"""What an agent gets to see of a case: the question, never what is expected.

This module is imported by worker processes and keeps to the standard library.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")


@dataclass(frozen=True, slots=True)
class Context:
    """What an agent is told about one trial, beside the case."""

    trial: int = 0
    """Number of the trial, from 0."""
    timeout_s: float = 120.0
    """Seconds the trial may take."""
    base_url: str | None = None
    """Where to send calls to the model; null: wherever the agent sends them by itself."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Variables of this trial; an isolated agent finds them in its environment."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Further headers for an agent that is reached over HTTP."""
    urls: Mapping[str, str] = field(default_factory=dict)
    """Where to send calls to each HTTP service and MCP server of the gateway, by its name."""
    mcp_config: str | None = None
    """Path of an `mcp.json` that names the MCP servers; null: there are none."""

    def tool(self, function: Callable[_P, _R]) -> Callable[_P, _R]:
        """Return a function whose calls belong to this trial, as `evalgate.tool` marks it.

        For functions that are not the agent's own, and for threads that the agent starts itself.
        """
        from evalgate.agents.tooling import PORT, bind, tooled  # noqa: PLC0415  # where it is used

        return bind(tooled(function), PORT.get())


@dataclass(frozen=True, slots=True)
class AgentCase:
    """One question to the agent."""

    id: str
    input: str | list[dict[str, Any]]
    """The text; or the chat messages so far, where the case holds messages or a script."""
    messages: list[dict[str, Any]]
    """The same as chat messages in the OpenAI shape, oldest first."""
    contexts: tuple[str, ...] = ()
    """Texts the answer must be faithful to."""
    turn: int = 0
    """Number of the user's turn, from 0."""

    @property
    def text(self) -> str:
        """The last thing the user said."""
        for message in reversed(self.messages):
            if message.get("role") == "user":
                return _text_of(message.get("content"))
        return self.input if isinstance(self.input, str) else ""

    def to_json(self) -> dict[str, Any]:
        """Return the case as the JSON object that agents in other processes receive."""
        return {
            "id": self.id,
            "input": self.input,
            "messages": self.messages,
            "contexts": list(self.contexts),
            "turn": self.turn,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "AgentCase":
        """Read what `to_json` returned."""
        return cls(
            id=data["id"],
            input=data["input"],
            messages=data["messages"],
            contexts=tuple(data["contexts"]),
            turn=data["turn"],
        )


def _text_of(content: object) -> str:
    """Join the text parts of a message's content."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list | tuple):
        return ""
    parts = (part.get("text") for part in content if isinstance(part, Mapping))
    return "".join(part for part in parts if isinstance(part, str))
