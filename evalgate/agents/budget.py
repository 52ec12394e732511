"""What a run has cost so far, held against its caps."""

from dataclasses import dataclass
from typing import Final

from evalgate.schema.config import Caps
from evalgate.schema.result import TrialResult
from evalgate.schema.score import Scored
from evalgate.schema.trace import Trace

__all__ = ["COST_SCORE", "Spent"]

COST_SCORE: Final = "cost_usd"
"""Name of the score that holds the cost of a trial."""


@dataclass(slots=True)
class Spent:
    """What the run has cost so far."""

    cost: float = 0.0
    tokens: int = 0
    dearest: float | None = None
    most_tokens: int | None = None
    seen: int = 0

    def add(self, trace: Trace, result: TrialResult) -> None:
        """Count a trial; what is unknown counts as the most that was seen, never as nothing."""
        self.seen += 1
        if trace.replayed:
            self.dearest, self.most_tokens = self.dearest or 0.0, self.most_tokens or 0
            return
        score = result.scores.get(COST_SCORE)
        cost = score.value if isinstance(score, Scored) else None
        if cost is not None:
            self.dearest = max(self.dearest or 0.0, cost)
        self.cost += cost if cost is not None else self.dearest or 0.0
        usage = result.usage
        known = usage.input_tokens is not None and usage.output_tokens is not None
        tokens = (usage.input_tokens or 0) + (usage.output_tokens or 0)
        if known:
            self.most_tokens = max(self.most_tokens or 0, tokens)
        self.tokens += tokens if known else max(tokens, self.most_tokens or 0)

    def exceeded(self, caps: Caps, wave: int) -> str | None:
        """Name the cap that is reached; `wave` trials without any evidence are enough of them."""
        blind = self.seen >= wave
        limit = caps.cost_usd
        if limit is not None and self.cost >= limit:
            return f"the cost cap of {limit:g} USD is reached"
        if limit is not None and blind and self.dearest is None:
            return f"the cost cap of {limit:g} USD cannot be held: no trial's cost is known"
        most = caps.tokens
        if most is not None and self.tokens >= most:
            return f"the cap of {most:,} tokens is reached"
        if most is not None and blind and self.most_tokens is None:
            return f"the cap of {most:,} tokens cannot be held: no trial's tokens are known"
        return None
