"""The first divergence of a trial from what its case expects, in words for a report."""

from collections.abc import Sequence

from evalgate.matching.modes import compile_expected
from evalgate.matching.result import MatchResult
from evalgate.matching.rules import CompiledCall, show
from evalgate.schema.golden import ExpectedCall, MatchMode, MatchPreset
from evalgate.schema.trace import ToolCall

_Found = tuple[int, int, str]
"""Place among the actual calls, rank at that place, words."""

_MISSED, _WRONG = 0, 1


def first_divergence(
    expected: Sequence[ExpectedCall],
    actual: Sequence[ToolCall],
    mode: MatchMode | MatchPreset,
) -> str | None:
    """Say where a trial first leaves what is expected; None where it does not.

    First is the earliest actual call that is wrong; an expected call that was left out stands
    where the next expected one was made, or at the end. The text quotes the agent and is as
    hostile as what the agent said: escape it where it is printed.

    Raises:
        ValueError: As `compile_expected`.
    """
    matcher = compile_expected(expected, mode)
    result = matcher.match(actual)
    if result.matches:
        return None
    calls = {call.index: call for call in matcher.calls}
    found: list[_Found] = [
        *_wrong_arguments(result, calls, actual),
        *_extra(result, actual),
        *_missed(result, calls, len(actual)),
    ]
    if mode == "subset":
        found = [one for one in found if one[1] != _MISSED]
    return min(found)[2]


def _wrong_arguments(
    result: MatchResult, calls: dict[int, CompiledCall], actual: Sequence[ToolCall]
) -> list[_Found]:
    return [
        (
            at,
            _WRONG,
            f"call {at + 1}, {actual[at].name}: "
            + "; ".join(calls[index].problems(actual[at].arguments)),
        )
        for index, at in result.name_pairs
    ]


def _extra(result: MatchResult, actual: Sequence[ToolCall]) -> list[_Found]:
    if result.extra_allowed:
        return []
    return [
        (at, _WRONG, f"call {at + 1}, {_shown(actual[at])}: not expected") for at in result.extra
    ]


def _missed(result: MatchResult, calls: dict[int, CompiledCall], end: int) -> list[_Found]:
    made = sorted((*result.pairs, *result.name_pairs))
    return [
        (
            next((at for other, at in made if other > index), end),
            _MISSED,
            f"missed: {calls[index].describe()}",
        )
        for index in result.missed
    ]


def _shown(call: ToolCall) -> str:
    if isinstance(call.arguments, str):
        return f"{call.name}({show(call.arguments)})"
    return f"{call.name}({', '.join(f'{k}={show(v)}' for k, v in call.arguments.items())})"
