"""Preset `tau2`: the rules by which tau2-bench judges gold actions.

Re-derived from its recorded verdicts: a gold action is done if any call, of the agent or of the
simulated user, has its name and agrees with it over the arguments that are compared. Those are
the arguments of the *call* where `compare_args` is null, so that a call may leave gold arguments
out; with `[]` the name is enough. One call may do several gold actions, order does not matter,
and further calls are free.
"""

from collections.abc import Sequence
from dataclasses import replace

from evalgate.matching.equality import equals
from evalgate.matching.result import MatchResult, Pair
from evalgate.matching.rules import Arguments, CompiledCall, compile_call, show
from evalgate.schema.golden import ExpectedCall
from evalgate.schema.trace import ToolCall


def compile_tau2(index: int, call: ExpectedCall) -> CompiledCall:
    """Prepare one gold action.

    Raises:
        ValueError: For argument rules, which the preset does not have.
    """
    if call.rules:
        message = (
            f"expected call {index} ({call.name!r}): preset 'tau2' has no rules for arguments, "
            f"but there are some for {sorted(call.rules)!r}; use `tool_match: superset`"
        )
        raise ValueError(message)
    if call.compare_args is not None:
        return compile_call(index, call)
    gold = call.arguments
    tests = {name: equals(value) for name, value in gold.items()}

    def accepts(arguments: Arguments) -> bool:
        return not isinstance(arguments, str) and all(
            name in tests and tests[name](value) for name, value in arguments.items()
        )

    def problems(arguments: Arguments) -> tuple[str, ...]:
        if isinstance(arguments, str):
            return (f"arguments could not be parsed: {show(arguments)}",)
        return tuple(
            f"{name} is {show(value)}, wanted {show(gold[name])}"
            if name in gold
            else f"{name} is not expected"
            for name, value in arguments.items()
            if name not in tests or not tests[name](value)
        )

    return replace(compile_call(index, call), accepts=accepts, problems=problems)


def match_tau2(
    calls: Sequence[CompiledCall],
    actual: Sequence[ToolCall],
    own: Sequence[int],
    *,
    extra_allowed: bool,
) -> MatchResult:
    """Look for each gold action among all calls; counts are in gold actions.

    Args:
        calls: The gold actions.
        actual: All calls of the trial, those of the user included.
        own: Places of the agent's calls in `actual`.
        extra_allowed: Whether calls that do no gold action are free.
    """
    pairs: list[Pair] = []
    name_pairs: list[Pair] = []
    missed = []
    for call in calls:
        named = [at for at, made in enumerate(actual) if made.name == call.name]
        right = [at for at in named if call.accepts(actual[at].arguments)]
        if right:
            pairs.append((call.index, right[0]))
        elif named and call.required:
            name_pairs.append((call.index, named[0]))
        elif call.required:
            missed.append(call.index)
    used = {at for _, at in (*pairs, *name_pairs)}
    extra = tuple(at for at in own if at not in used)
    return MatchResult(
        pairs=tuple(pairs),
        name_pairs=tuple(name_pairs),
        missed=tuple(missed),
        extra=extra,
        extra_allowed=extra_allowed,
        matches=not name_pairs and not missed and (extra_allowed or not extra),
        names_right=len(pairs) + len(name_pairs),
        wanted=len(pairs) + len(name_pairs) + len(missed),
    )
