"""What scorers need to know beside a case and a trace, and the scores that all trials share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

from evalgate.schema.config import Price
from evalgate.schema.score import Abstained, Scored
from evalgate.schema.trace import Trace

Evidence = Literal["reported", "gateway", "recorded", "replayed"]
"""Where traces come from: the agent's own report, the gateway that saw its calls, a file of
traces, or a replay of recorded calls."""

YES: Final = Scored(1.0)
"""Yes, shared by all trials."""
NO: Final = Scored(0.0)
"""No, shared by all trials."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a suite says about scoring."""

    evidence: Evidence = "reported"
    """Where traces come from."""
    trust_reported: bool = False
    """Whether scores and costs that a live agent reports about itself count."""
    recorded: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Recorded scores to use, as score: name at the source."""
    prices: Mapping[str, Price] = field(default_factory=lambda: MappingProxyType({}))
    """Prices of the user, by model."""
    ignored_tools: frozenset[str] = frozenset()
    """Names of tools whose calls do not count."""
    pii_allow: tuple[str, ...] = ()
    """Addresses and numbers that are no leak."""
    groundedness: Literal["case", "trace", "off"] = "case"
    """Whose contexts `groundedness_lexical` looks at: the case's, or the trace's too."""
    goal_success: float = 4.0
    """Goal attainment, of 5, from which on a goal counts as reached."""
    times_gate: bool = False
    """Whether the policy gates `own_time_*` or `completion_time_*`: a replay then measures them."""
    toxicity_from: float = 0.5
    """Recorded toxicity, in [0, 1], from which on an answer counts as toxic."""

    @property
    def claims_count(self) -> bool:
        """Whether recorded scores and costs are evidence and not only a claim."""
        return self.evidence == "recorded" or self.trust_reported


def binary(*, holds: bool) -> Scored:
    """Return the shared score of a yes or a no."""
    return YES if holds else NO


def unknown(reason: str) -> Abstained:
    """Make the score of a quantity that exists and is not known; keep it as a constant."""
    return Abstained(reason, unknown=True)


def failed(trace: Trace) -> bool:
    """Return whether the trial was a failure of the agent."""
    return trace.status not in ("finished", "not_measured")
