"""Modes: how the actual calls of a trial relate to the expected ones of its case."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, assert_never

from evalgate.matching.assignment import align, assign
from evalgate.matching.bfcl import compile_bfcl
from evalgate.matching.result import MatchResult, Pair
from evalgate.matching.rules import CompiledCall, check_names, compile_call
from evalgate.matching.tau2 import compile_tau2, match_tau2
from evalgate.schema.golden import ExpectedCall, MatchMode, MatchPreset
from evalgate.schema.trace import ToolCall

_AGENT = "assistant"
_UNORDERED = frozenset({"any_order", "subset", "superset"})


@dataclass(frozen=True, slots=True)
class Matcher:
    """The expected calls of one case, prepared for the calls of many trials."""

    kind: MatchMode | Literal["tau2"]
    """The mode that decides; a preset stands for one."""
    calls: tuple[CompiledCall, ...]
    """The expected calls that are compared."""
    forbids_all: bool
    """Whether nothing at all is expected, so that no call may be made."""
    whole: MatchResult
    """The result for a trial whose calls agree one by one, in order."""

    def match(self, actual: Sequence[ToolCall]) -> MatchResult:
        """Match the calls of one trial; neither side is changed."""
        calls = self.calls
        if len(actual) == len(calls):
            either = self.kind == "tau2"
            for wanted, made in zip(calls, actual, strict=True):
                if (
                    made.name != wanted.name
                    or not (either or made.requestor == _AGENT)
                    or not wanted.accepts(made.arguments)
                ):
                    break
            else:
                return self.whole
            if self.kind in _UNORDERED:
                return self._reordered(actual) or self._search(actual)
        return self._search(actual)

    def _reordered(self, actual: Sequence[ToolCall]) -> MatchResult | None:
        """Pair each call with the first that is right; None where that leaves one over.

        Whatever pairs all calls is optimal, so that the search can be spared.
        """
        free = list(range(len(actual)))
        pairs = []
        for wanted in self.calls:
            for at in free:
                made = actual[at]
                if (
                    made.name == wanted.name
                    and made.requestor == _AGENT
                    and wanted.accepts(made.arguments)
                ):
                    pairs.append((wanted.index, at))
                    free.remove(at)
                    break
            else:
                return None
        return replace(self.whole, pairs=tuple(pairs))

    def _search(self, actual: Sequence[ToolCall]) -> MatchResult:
        own = [at for at, call in enumerate(actual) if call.requestor == _AGENT]
        if self.kind == "tau2":
            return match_tau2(self.calls, actual, own, extra_allowed=not self.forbids_all)
        made = [actual[at] for at in own]
        if self.kind in {"exact", "in_order"}:
            pairs, name_pairs = _in_order(self.calls, made, optional_names=self.kind == "exact")
        else:
            pairs, name_pairs = _unordered(self.calls, made, optional_names=self.kind != "superset")
        names_right = len(pairs) + len(name_pairs)
        if self.kind == "exact":
            names_right = _common_names(self.calls, made)
        return self._result(own, pairs, name_pairs, names_right)

    def _result(
        self, own: Sequence[int], pairs: list[Pair], name_pairs: list[Pair], names_right: int
    ) -> MatchResult:
        right = {expected for expected, _ in pairs}
        tried = right | {expected for expected, _ in name_pairs}
        used = {made for _, made in (*pairs, *name_pairs)}
        required = [at for at, call in enumerate(self.calls) if call.required]
        return MatchResult(
            pairs=tuple((self.calls[expected].index, own[made]) for expected, made in pairs),
            name_pairs=tuple(
                (self.calls[expected].index, own[made]) for expected, made in name_pairs
            ),
            missed=tuple(self.calls[at].index for at in required if at not in tried),
            extra=tuple(at for made, at in enumerate(own) if made not in used),
            extra_allowed=_allows_extra(self.kind) and not self.forbids_all,
            matches=self._matches(
                all_required=right.issuperset(required), all_made=len(pairs) == len(own)
            ),
            names_right=names_right,
            wanted=len(right.union(required)),
        )

    def _matches(self, *, all_required: bool, all_made: bool) -> bool:
        if self.forbids_all:
            return all_made
        match self.kind:
            case "exact" | "any_order":
                return all_required and all_made
            case "in_order" | "superset" | "tau2":
                return all_required
            case "subset":
                return all_made
            case _:
                assert_never(self.kind)


def compile_expected(expected: Sequence[ExpectedCall], mode: MatchMode | MatchPreset) -> Matcher:
    """Prepare the expected calls of a case for matching under a mode or preset.

    Calls the user should make are left out, except under `tau2`, whose checker takes the calls
    of both sides. The result holds references to `expected` and keeps nothing else.

    Raises:
        ValueError: For a rule that cannot be applied: for an argument that no call has, of a kind
            the preset does not know, or without the value or the schema it needs.
    """
    kind, compile_one = _reading(mode)
    own = [
        (at, call) for at, call in enumerate(expected) if kind == "tau2" or call.requestor == _AGENT
    ]
    check_names([call for _, call in own])
    calls = tuple(compile_one(at, call) for at, call in own)
    whole = MatchResult(
        pairs=tuple((call.index, at) for at, call in enumerate(calls)),
        name_pairs=(),
        missed=(),
        extra=(),
        extra_allowed=_allows_extra(kind) and bool(expected),
        matches=True,
        names_right=len(calls),
        wanted=len(calls),
    )
    return Matcher(kind=kind, calls=calls, forbids_all=not expected, whole=whole)


def match(
    expected: Sequence[ExpectedCall],
    actual: Sequence[ToolCall],
    mode: MatchMode | MatchPreset,
) -> MatchResult:
    """Match actual with expected calls; see `compile_expected` for reuse over trials.

    Raises:
        ValueError: As `compile_expected`.
    """
    return compile_expected(expected, mode).match(actual)


_CompileOne = Callable[[int, ExpectedCall], CompiledCall]


def _reading(mode: MatchMode | MatchPreset) -> tuple[MatchMode | Literal["tau2"], _CompileOne]:
    match mode:
        case "strict":
            return "exact", _compile_strict
        case "bfcl":
            return "any_order", compile_bfcl
        case "tau2":
            return "tau2", compile_tau2
        case _:
            return mode, compile_call


def _compile_strict(index: int, call: ExpectedCall) -> CompiledCall:
    softened = [
        name
        for name, used in (
            ("rules", any(rule.rule != "exact" for rule in call.rules.values())),
            ("compare_args", call.compare_args is not None),
            ("optional", call.optional),
        )
        if used
    ]
    if softened:
        message = (
            f"expected call {index} ({call.name!r}): preset 'strict' compares every call and "
            f"every argument exactly, which `{softened[0]}` contradicts; use `tool_match: exact`"
        )
        raise ValueError(message)
    return compile_call(index, call)


def _allows_extra(kind: MatchMode | Literal["tau2"]) -> bool:
    return kind in {"in_order", "superset", "tau2"}


def _unordered(
    calls: Sequence[CompiledCall], made: Sequence[ToolCall], *, optional_names: bool
) -> tuple[list[Pair], list[Pair]]:
    """Pair calls without regard to order: as many right ones as possible, then by name."""
    by_name: dict[str, list[int]] = {}
    for at, call in enumerate(made):
        by_name.setdefault(call.name, []).append(at)
    edges = [
        [at for at in by_name.get(call.name, ()) if call.accepts(made[at].arguments)]
        for call in calls
    ]
    partners = assign(edges, len(made), [call.required for call in calls])
    pairs = [(at, partner) for at, partner in enumerate(partners) if partner is not None]
    used = {partner for _, partner in pairs}
    left = {name: [at for at in places if at not in used] for name, places in by_name.items()}
    open_calls = [at for at, partner in enumerate(partners) if partner is None]
    candidates = [at for at in open_calls if calls[at].required]
    if optional_names:
        candidates += [at for at in open_calls if not calls[at].required]
    name_pairs = [
        (at, left[calls[at].name].pop(0)) for at in candidates if left.get(calls[at].name)
    ]
    return pairs, sorted(name_pairs)


def _in_order(
    calls: Sequence[CompiledCall], made: Sequence[ToolCall], *, optional_names: bool
) -> tuple[list[Pair], list[Pair]]:
    """Pair calls without crossing: required right ones first, then right ones, then names."""
    base = min(len(calls), len(made)) + 1
    right: set[Pair] = set()

    def weight(expected: int, at: int) -> int:
        call, actual = calls[expected], made[at]
        if call.name != actual.name:
            return 0
        if call.accepts(actual.arguments):
            right.add((expected, at))
            return base**3 + base**2 if call.required else base**2
        if call.required:
            return base
        return 1 if optional_names else 0

    aligned = align(len(calls), len(made), weight)
    return (
        [pair for pair in aligned if pair in right],
        [pair for pair in aligned if pair not in right],
    )


def _common_names(calls: Sequence[CompiledCall], made: Sequence[ToolCall]) -> int:
    return len(
        align(
            len(calls),
            len(made),
            lambda expected, at: int(calls[expected].name == made[at].name),
        )
    )
