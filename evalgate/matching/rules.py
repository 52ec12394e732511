"""Argument rules: an expected call becomes a test of a call's arguments."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isfinite
from typing import assert_never

from evalgate.matching.equality import Predicate, equals, json_equal
from evalgate.schema.base import Json
from evalgate.schema.golden import (
    ArgumentRule,
    CaseInsensitive,
    Exact,
    ExpectedCall,
    Ignore,
    KeysSubset,
    NumericRule,
    OneOf,
    RegexRule,
)
from evalgate.text.counts import percent_text

Arguments = dict[str, Json] | str
"""Arguments of an actual call; a text where they could not be parsed."""

_SHOWN = 160
"""Longest value, in characters, that is shown whole."""


@dataclass(frozen=True, slots=True)
class ArgumentCheck:
    """The test of one argument."""

    name: str
    accepts: Predicate
    """Whether a value is right."""
    wanted: str
    """What is right, in words."""
    may_be_absent: bool = False
    """Whether leaving the argument out is right."""


@dataclass(frozen=True, slots=True)
class CallCheck:
    """The test of a call's arguments."""

    arguments: tuple[ArgumentCheck, ...]
    """One test an argument."""
    closed: bool = True
    """Whether an argument without a test is wrong."""

    def accepts(self, arguments: Arguments) -> bool:
        """Return whether all arguments are right; those that could not be parsed never are."""
        if isinstance(arguments, str):
            return False
        found = 0
        for check in self.arguments:
            if check.name in arguments:
                found += 1
                if not check.accepts(arguments[check.name]):
                    return False
            elif not check.may_be_absent:
                return False
        return not self.closed or found == len(arguments)

    def problems(self, arguments: Arguments) -> tuple[str, ...]:
        """Return what is wrong, one line an argument; empty where nothing is."""
        if isinstance(arguments, str):
            return (f"arguments could not be parsed: {show(arguments)}",)
        lines = []
        for check in self.arguments:
            if check.name not in arguments:
                if not check.may_be_absent:
                    lines.append(f"{check.name} is missing, wanted {check.wanted}")
            elif not check.accepts(arguments[check.name]):
                lines.append(
                    f"{check.name} is {show(arguments[check.name])}, wanted {check.wanted}"
                )
        if self.closed:
            known = {check.name for check in self.arguments}
            lines += [f"{name} is not expected" for name in arguments if name not in known]
        return tuple(lines)

    def describe(self, name: str) -> str:
        """Return the call of tool `name` that is wanted, in words."""
        return f"{name}({', '.join(f'{part.name}={part.wanted}' for part in self.arguments)})"


@dataclass(frozen=True, slots=True)
class CompiledCall:
    """An expected call, ready to be compared with many actual ones."""

    index: int
    """Its place among all expected calls of the case."""
    name: str
    """The tool's name."""
    required: bool
    """Whether leaving it out is a miss."""
    accepts: Callable[[Arguments], bool]
    """Whether a call's arguments are right."""
    problems: Callable[[Arguments], tuple[str, ...]]
    """What is wrong with a call's arguments, in words."""
    describe: Callable[[], str]
    """The call in words."""


def compile_call(index: int, call: ExpectedCall) -> CompiledCall:
    """Prepare one expected call under the general rules.

    Raises:
        ValueError: For a rule that cannot be applied.
    """
    if call.rules or call.compare_args is not None:
        return compile_checked(index, call, _call_check(call))
    # Most calls are plain and most trials right: their words are found when somebody asks.
    return CompiledCall(
        index=index,
        name=call.name,
        required=not call.optional,
        accepts=equals(call.arguments),
        problems=lambda arguments: _call_check(call).problems(arguments),
        describe=lambda: _call_check(call).describe(call.name),
    )


def compile_checked(index: int, call: ExpectedCall, check: CallCheck) -> CompiledCall:
    """Prepare one expected call with the tests of its arguments."""
    return CompiledCall(
        index=index,
        name=call.name,
        required=not call.optional,
        accepts=check.accepts,
        problems=check.problems,
        describe=lambda: check.describe(call.name),
    )


def check_names(calls: Sequence[ExpectedCall]) -> None:
    """Refuse rules and comparisons of arguments that the expected calls do not have.

    Raises:
        ValueError: Naming the call, the argument, and the arguments there are.
    """
    if not any(call.rules or call.compare_args for call in calls):
        return
    known: dict[str, set[str]] = {}
    for call in calls:
        known.setdefault(call.name, set()).update(call.arguments, _properties(call) or ())
    for position, call in enumerate(calls):
        where = f"expected call {position} ({call.name!r})"
        _check_rules(where, call, known[call.name])
        _check_compare_args(where, call)


def _check_rules(where: str, call: ExpectedCall, known: set[str]) -> None:
    properties = _properties(call)
    for name, rule in call.rules.items():
        impossible = properties is not None and name not in properties
        # Every other rule says by itself what the argument must be; `ignore` says nothing, so
        # that a misspelt name would go unnoticed.
        vacuous = isinstance(rule, Ignore) and name not in known
        if impossible or vacuous:
            message = (
                f"{where}: a rule for argument {name!r}, which no expected call of this tool has "
                f"(there are {sorted(known)!r}); correct the name, or list the argument in "
                "`arguments` or in the tool's `parameters`"
            )
            raise ValueError(message)
        if call.compare_args is not None and name not in call.compare_args:
            message = (
                f"{where}: a rule for argument {name!r}, which `compare_args` "
                f"{list(call.compare_args)!r} leaves out; remove one of the two"
            )
            raise ValueError(message)


def _check_compare_args(where: str, call: ExpectedCall) -> None:
    for name in call.compare_args or ():
        if name not in call.arguments and name not in call.rules:
            message = (
                f"{where}: `compare_args` names {name!r}, but `arguments` has "
                f"{sorted(call.arguments)!r}; correct the name or give the argument"
            )
            raise ValueError(message)


def _properties(call: ExpectedCall) -> set[str] | None:
    """Return the names in the tool's schema; None where there is no schema that lists them."""
    properties = (call.parameters or {}).get("properties")
    return set(properties) if isinstance(properties, dict) else None


def _call_check(call: ExpectedCall) -> CallCheck:
    compared = call.compare_args
    names = dict.fromkeys((*call.arguments, *call.rules) if compared is None else compared)
    return CallCheck(tuple(_argument(call, name) for name in names), closed=compared is None)


def _argument(call: ExpectedCall, name: str) -> ArgumentCheck:
    rule: ArgumentRule = call.rules.get(name, Exact(rule="exact"))
    wanted = call.arguments.get(name)
    match rule:
        case Exact():
            return ArgumentCheck(name, equals(wanted), show(wanted))
        case Ignore():
            return ArgumentCheck(name, _anything, "anything", may_be_absent=True)
        case OneOf(values=values, or_absent=or_absent):
            tests = tuple(equals(value) for value in values)
            return ArgumentCheck(
                name,
                lambda value: any(test(value) for test in tests),
                f"one of {show(list(values))}",
                may_be_absent=or_absent,
            )
        case RegexRule(pattern=pattern):
            return ArgumentCheck(name, _regex(call, name, pattern), f"a text like {pattern!r}")
        case NumericRule():
            return _numeric(call, name, rule)
        case CaseInsensitive():
            return _case_insensitive(call, name)
        case KeysSubset():
            return _keys(call, name)
        case _:
            assert_never(rule)


def _anything(_: Json) -> bool:
    return True


def _unusable(call: ExpectedCall, name: str, rule: str, needs: str) -> ValueError:
    return ValueError(
        f"rule {rule!r} for argument {name!r} of call {call.name!r} needs {needs}, "
        f"but `arguments` has {show(call.arguments.get(name))}"
    )


def _regex(call: ExpectedCall, name: str, pattern: str) -> Predicate:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        message = (
            f"rule 'regex' for argument {name!r} of call {call.name!r}: "
            f"{pattern!r} is no regular expression: {error}"
        )
        raise ValueError(message) from error
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def _numeric(call: ExpectedCall, name: str, rule: NumericRule) -> ArgumentCheck:
    wanted = _number(call.arguments.get(name))
    if wanted is None:
        raise _unusable(call, name, rule.rule, "a number")
    tolerance = max(Fraction(repr(rule.abs_tol)), Fraction(repr(rule.rel_tol)) * abs(wanted))
    shown = (
        f"{show(call.arguments.get(name))} within {rule.abs_tol:g} or {percent_text(rule.rel_tol)}"
    )

    def accepts(value: Json) -> bool:
        number = _number(value)
        return number is not None and abs(number - wanted) <= tolerance

    return ArgumentCheck(name, accepts, shown)


def _number(value: Json) -> Fraction | None:
    """Read a number as the decimal it is written as, so that 1.05 lies within 0.05 of 1."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return Fraction(repr(value)) if isfinite(value) else None
    return Fraction(value) if isinstance(value, int) else None


def _case_insensitive(call: ExpectedCall, name: str) -> ArgumentCheck:
    wanted = call.arguments.get(name)
    if not isinstance(wanted, str):
        raise _unusable(call, name, "case_insensitive", "a text")
    folded = wanted.strip().casefold()
    return ArgumentCheck(
        name,
        lambda value: isinstance(value, str) and value.strip().casefold() == folded,
        f"{show(wanted)} in any letter case",
    )


def _keys(call: ExpectedCall, name: str) -> ArgumentCheck:
    wanted = call.arguments.get(name)
    if not isinstance(wanted, dict):
        raise _unusable(call, name, "keys", "an object")
    return ArgumentCheck(
        name,
        lambda value: (
            isinstance(value, dict)
            and all(key in value and json_equal(part, value[key]) for key, part in wanted.items())
        ),
        f"an object with {show(wanted)}",
    )


def show(value: object) -> str:
    """Return a value as JSON on one line, shortened where it is long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}... ({len(text)} characters)"
