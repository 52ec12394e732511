"""Which tools are called, replayed, mocked or refused: pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from evalgate.schema.config_parts.tool import ToolPolicy

Course = Literal["live", "replay", "auto", "mock", "refuse"]
"""`auto`: what is recorded is replayed, the rest is live."""


@dataclass(frozen=True, slots=True)
class ToolRules:
    """What is said of the tools of a suite."""

    policies: Mapping[str, ToolPolicy] = field(default_factory=dict)
    """By name of a tool, of a service or server, or of one tool of a server as `SERVER/TOOL`."""
    guarded: bool = False
    """Whether tools with effects may not run live, as in CI."""
    allowed: frozenset[str] = frozenset()
    """Tools with effects that may nevertheless."""

    def policy(self, name: str) -> ToolPolicy:
        """Return what is said of a tool; what is said of its server where nothing is."""
        found = self.policies.get(name) or self.policies.get(name.partition("/")[0])
        return found or ToolPolicy()

    def course(
        self,
        name: str,
        mode: Literal["record", "replay", "auto", "off"],
        *,
        effects: bool | None = None,
    ) -> Course:
        """Decide what becomes of a call.

        Args:
            name: The tool.
            mode: How the gateway treats calls.
            effects: What the tool says of itself; where the configuration says otherwise, either
                of them is enough to have effects.
        """
        policy = self.policy(name)
        if policy.mode == "refuse":
            return "refuse"
        if policy.mode == "mock" or policy.answers or policy.otherwise is not None:
            return "mock"
        if mode == "replay" and policy.mode != "live":
            return "replay"
        may = not self.guarded or not (effects or policy.effects) or self._is_allowed(name)
        if policy.mode == "live" or mode in ("record", "off"):
            return "live" if may else "refuse"
        return "auto" if may else "replay"

    def _is_allowed(self, name: str) -> bool:
        return name in self.allowed or name.partition("/")[0] in self.allowed
