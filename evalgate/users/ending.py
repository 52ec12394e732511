"""How a simulated user ends a conversation: by a word that is no part of what it says."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from evalgate.schema.golden import Case, Ending, SimulatedUser, UserPreset
from evalgate.schema.trace import Trace, UserMessage

OPENING: Final = "opening"
"""Name of the user's message that the case itself holds."""

STOPS: Final[Mapping[UserPreset, Mapping[str, Ending]]] = MappingProxyType(
    {
        "plain": MappingProxyType({"###STOP###": "reached", "###GIVE-UP###": "gave_up"}),
        "tau2": MappingProxyType(
            {
                "###STOP###": "reached",
                "###TRANSFER###": "transferred",
                "###OUT-OF-SCOPE###": "out_of_scope",
            }
        ),
    }
)
"""What a user says at the end, by preset. Those of tau2 are its `STOP`, `TRANSFER` and
`OUT_OF_SCOPE` tokens; it ends a conversation wherever the user's message holds one of them."""


def stops_of(user: SimulatedUser) -> Mapping[str, Ending]:
    """Return what a user says to end the conversation, and why it then does."""
    return STOPS[user.preset] if user.stop is None else user.stop


def ending_of(text: str, user: SimulatedUser) -> Ending | None:
    """Return why a message ends the conversation; null: it goes on.

    Of two stop words that both stand in it, the first of the rules counts.
    """
    return next((ending for stop, ending in stops_of(user).items() if stop in text), None)


def user_messages(trace: Trace) -> tuple[str, ...]:
    """Return what the user said in a trial, in order."""
    return tuple(step.content for step in trace.steps if isinstance(step, UserMessage))


def ending_of_trace(case: Case, trace: Trace) -> Ending | None:
    """Return why the user of a trial ended it; null: it did not, or the case has none."""
    if trace.user is not None:
        return trace.user.ending
    said = user_messages(trace)
    return None if case.user is None or not said else ending_of(said[-1], case.user)
