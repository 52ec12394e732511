"""What a run has cost so far, held against its caps."""

from dataclasses import dataclass
from typing import Final

from evalgate.schema.config import Caps
from evalgate.schema.result import TrialResult
from evalgate.schema.score import Scored
from evalgate.schema.trace import Trace

COST_SCORE: Final = "cost_usd"
"""Name of the score that holds the cost of a trial."""


def cost_of(result: TrialResult) -> float | None:
    """Return what a trial cost in USD, its simulated user included; null where that is unknown."""
    score, user = result.scores.get(COST_SCORE), result.user
    cost = score.value if isinstance(score, Scored) else None
    if user is None or not user.calls:
        return cost
    return None if cost is None or user.cost_usd is None else cost + user.cost_usd


def tokens_of(result: TrialResult) -> tuple[int, bool]:
    """Return the known tokens of a trial, those of its user included, and whether they are all."""
    usage, user = result.usage, result.user
    counts = [usage.input_tokens, usage.output_tokens]
    if user is not None and user.calls:
        counts += [user.input_tokens, user.output_tokens]
    return sum(count or 0 for count in counts), None not in counts


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
        cost = cost_of(result)
        if cost is not None:
            self.dearest = max(self.dearest or 0.0, cost)
        self.cost += cost if cost is not None else self.dearest or 0.0
        tokens, known = tokens_of(result)
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
