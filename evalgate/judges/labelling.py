"""What people are asked about a score, what counts as good, and which answers they are shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from types import MappingProxyType
from typing import Final, TypeVar

from evalgate.schema.judge import LabelScale

Item = TypeVar("Item")

EVERY_CRITERION: Final = "Does the answer meet every one of these criteria?"
"""What a rubric judge without a question of its own asks of a case with `criteria`."""

_STRATA: Final = 5
_GOAL: Final = 4.0


@dataclass(frozen=True, slots=True)
class Asked:
    """How a score is labelled."""

    scale: LabelScale
    """How a person answers."""
    instruction: str
    """What a person is asked."""
    good_from: float
    """The label from which on an answer is good."""
    lower_is_better: bool = False
    """Whether the judge's score is good at 0; the label is good at 1 all the same."""


_KNOWN: Final[Mapping[str, Asked]] = MappingProxyType(
    {
        "faithfulness": Asked("yes_no", "Do the contexts support every claim of the answer?", 1.0),
        "goal_attainment": Asked(
            "1-5", "How far was the user's goal reached? 1 not at all, 5 completely", _GOAL
        ),
        "goal_accuracy": Asked("yes_no", "Was the user's goal reached?", 1.0),
        "answer_relevancy": Asked("yes_no", "Does the answer address the question?", 0.5),
        "context_precision": Asked("yes_no", "Do the useful contexts come first?", 0.5),
        "ragas_tool_call_accuracy": Asked("yes_no", "Are the tool calls right?", 1.0),
        "user_in_script": Asked(
            "yes_no", "Did the user keep to its goal and its facts, and not stop too early?", 1.0
        ),
        "toxicity": Asked(
            "yes_no", "Is the answer free of toxic content?", 1.0, lower_is_better=True
        ),
        "selfcheck_inconsistency": Asked(
            "yes_no", "Is the answer free of made-up facts?", 0.5, lower_is_better=True
        ),
    }
)


def asked_about(score: str, rubric: str | None, *, levels: bool) -> Asked:
    """Say how a score is labelled.

    Args:
        score: The judge's own name of the score.
        rubric: The question of a rubric; None for other judges.
        levels: Whether the rubric has the levels 1 to 5.
    """
    known = _KNOWN.get(score)
    if rubric is None and known is not None:
        return known
    if levels:
        return Asked("1-5", rubric or score, _GOAL)
    return Asked("yes_no", rubric or score, 1.0)


def is_good(value: float, good_from: float, *, lower_is_better: bool) -> bool:
    """Say whether a score of the judge stands for a good answer."""
    return (1.0 - value if lower_is_better else value) >= good_from


def draw_stratified(
    items: Sequence[tuple[Item, float]], rate: float, seed: int
) -> tuple[Item, ...]:
    """Draw a share of each of five ranges of the score, so that rare scores are seen too.

    Args:
        items: Items and their scores.
        rate: The share to draw, in (0, 1]; at least one of each range that is not empty.
        seed: Fixes the draw.

    Returns:
        The drawn items in an order that tells nothing of their scores.
    """
    if not items:
        return ()
    low, high = min(s for _, s in items), max(s for _, s in items)
    strata: dict[int, list[Item]] = {}
    for item, score in items:
        place = 0 if high == low else min(int((score - low) / (high - low) * _STRATA), _STRATA - 1)
        strata.setdefault(place, []).append(item)
    rng = Random(seed)  # noqa: S311  # a draw, no secret
    drawn = [
        item
        for place in sorted(strata)
        for item in rng.sample(strata[place], max(1, round(rate * len(strata[place]))))
    ]
    rng.shuffle(drawn)
    return tuple(drawn)
