"""What `validate` says of a golden set that can be read: cases that cannot do what they should."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from evalgate.schema.canonical import canonical_bytes
from evalgate.schema.fingerprint import case_digest
from evalgate.schema.golden import Case, ExpectedCall
from evalgate.store.golden_sets.golden import GoldenSet


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or that its author should know."""

    severity: Literal["error", "warning"]
    """Whether it makes the golden set unusable."""
    message: str
    """What was found and why it matters."""
    fix: str
    line: int | None = None
    """Line of the file; null: the whole file."""
    case_id: str | None = None
    """The case; null: the whole file."""


def check_golden(golden: GoldenSet) -> tuple[Finding, ...]:
    """List what is wrong in a golden set beyond its form.

    A case without any expectation is an error: it would pass whatever the agent does. Duplicates,
    keys without effect and a set of nothing but drafts are warnings.

    Returns:
        Errors first, then warnings, each in the order of the file.
    """
    findings = [*_of_the_file(golden), *_duplicates(golden)]
    for line, case in zip(golden.lines, golden.cases, strict=True):
        findings += _of_a_case(line, case)
    return tuple(sorted(findings, key=lambda each: (each.severity, each.line or 0)))


def _of_the_file(golden: GoldenSet) -> Iterator[Finding]:
    if not golden.cases:
        yield Finding(
            "warning", "the golden set is empty: a run of it is inconclusive", "add cases"
        )
    elif all(case.status == "draft" for case in golden.cases):
        message = "every case is a draft: drafts run and are shown, but nothing gates"
        yield Finding("warning", message, "review cases and take `status: draft` off them")


def _duplicates(golden: GoldenSet) -> Iterator[Finding]:
    same: defaultdict[bytes, list[tuple[int, Case]]] = defaultdict(list)
    for line, case in zip(golden.lines, golden.cases, strict=True):
        asked = case.model_dump(include={"input", "user", "contexts"}, exclude_defaults=True)
        same[canonical_bytes(asked)].append((line, case))
    for (first_line, first), *others in same.values():
        for line, case in others:
            message, what = f"has the input of case {first.id!r} (line {first_line})", "question"
            if case_digest(case) == case_digest(first):
                message, what = f"{message} and expects the same", "case"
            fix = f"remove one of them, or ask something else: the same {what} counts twice"
            yield Finding("warning", message, fix, line, case.id)


def _of_a_case(line: int, case: Case) -> Iterator[Finding]:
    expected = case.expected
    # Contexts are an expectation too: the answer has to be faithful to them. Drafts never gate.
    if expected.says_nothing and not (case.contexts or case.status == "draft"):
        fix = "add `expected` with an output, tool calls, a final state or a decision"
        message = "expects nothing, so whatever the agent does would be right"
        yield Finding("error", message, fix, line, case.id)
    if expected.tool_calls is None and "tool_match" in expected.model_fields_set:
        message = "`tool_match` has no effect without `tool_calls`"
        yield Finding("warning", message, "add `tool_calls` or remove it", line, case.id)
    for index, call in enumerate(expected.tool_calls or ()):
        for message, fix in _of_a_call(call, expected.tool_match):
            where = f"tool call {index + 1} ({call.name!r}): {message}"
            yield Finding("warning", where, fix, line, case.id)


def _of_a_call(call: ExpectedCall, tool_match: str) -> Iterator[tuple[str, str]]:
    known = {*call.arguments, *call.rules}
    for name in sorted(set(call.compare_args or ()) - known):
        yield f"`compare_args` names {name!r}, which it does not expect", "name an argument it has"
    if call.compare_args is not None:
        for name in sorted(set(call.rules) - set(call.compare_args)):
            yield f"the rule for {name!r} has no effect", "add it to `compare_args`, or remove it"
    if call.parameters is not None and tool_match != "bfcl":
        yield "`parameters` has no effect without `tool_match: bfcl`", "remove it"
