"""Checks configuration, golden sets and baselines without running anything."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from evalgate.errors import EvalgateError
from evalgate.gate.rules import policy_problems
from evalgate.schema.agent_line import RecordedLine
from evalgate.schema.golden import Case
from evalgate.scorers.tools import compile_case
from evalgate.store.baseline import load_baseline
from evalgate.store.golden_sets.findings import check_golden
from evalgate.store.golden_sets.golden import GoldenSet, load_golden
from evalgate.suite.policy import suite_metrics
from evalgate.suite.suite import Suite
from evalgate.text.counts import number_of

_NEEDS_CALLS = frozenset(
    {
        "tool_call_accuracy",
        "tool_selection_accuracy",
        "tool_call_precision",
        "tool_call_recall",
        "tool_call_f1",
        "tool_calls_match_rate",
    }
)


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing a check found."""

    severity: Literal["error", "warning", "ok"]
    """`error`: unusable; `warning`: worth knowing; `ok`: what was checked."""
    where: str
    """File, with its line where there is one."""
    message: str
    """What was found."""
    fix: str | None = None


def validate_suites(suites: tuple[Suite, ...]) -> Iterator[Remark]:
    """Check every file the suites name; each problem is a remark, none stops the others."""
    for suite in suites:
        golden = yield from validate_golden(suite.golden)
        yield from _gates(suite, golden)
        yield from _recorded_file(suite)
        yield from _baseline(suite, golden)
    yield from _shared_baselines(suites)


def validate_golden(path: Path) -> Generator[Remark, None, GoldenSet | None]:
    """Check one golden set; the generator returns it where it can be read."""
    try:
        golden = load_golden(path)
    except EvalgateError as error:
        yield Remark("error", str(path), error.message, error.fix)
        return None
    remarks = [*_findings(path, golden)]
    for number, asked in zip(golden.lines, golden.cases, strict=True):
        remarks += _matching(path, number, asked)
    yield from remarks
    if all(remark.severity != "error" for remark in remarks):
        told = f"golden set of {number_of(len(golden.cases), 'case')}, {golden.digest}"
        yield Remark("ok", str(path), told)
    return golden


def _findings(path: Path, golden: GoldenSet) -> Iterator[Remark]:
    for finding in check_golden(golden):
        where = str(path) if finding.line is None else f"{path}:{finding.line}"
        case = f"case {finding.case_id!r} " if finding.case_id else ""
        yield Remark(finding.severity, where, case + finding.message, finding.fix)


def _matching(path: Path, line: int, case: Case) -> Iterator[Remark]:
    """Name a rule for tool calls that cannot be applied."""
    try:
        compile_case(case)
    except ValueError as error:
        yield Remark("error", f"{path}:{line}", f"case {case.id!r}: {error}")


def _gates(suite: Suite, golden: GoldenSet | None) -> Iterator[Remark]:
    """Name gates that nothing can ever reach, and pairs that say the same twice."""
    where = str(suite.source or suite.name)
    try:
        metrics = suite_metrics(suite)
    except EvalgateError as error:
        yield Remark("error", where, error.message, error.fix)
        return
    gates = suite.config.gate.metrics
    for name, gate in gates.items():
        if gate.gate != "advisory" and golden is not None:
            reason = _unreachable(name, golden.cases)
            if reason:
                fix = f"gate: metrics: {name}: advisory, or cases that {reason[1]}"
                yield Remark("warning", where, f"{suite.name}: {name} gates, but {reason[0]}", fix)
    for problem in policy_problems(suite.config.gate, metrics):
        yield Remark("error", where, f"{suite.name}: {problem}")


def _unreachable(name: str, cases: tuple[Case, ...]) -> tuple[str, str] | None:
    reviewed = [case for case in cases if case.status == "reviewed"]
    if name in _NEEDS_CALLS and all(case.expected.tool_calls is None for case in reviewed):
        return "no case has expected.tool_calls", "expect tool calls"
    for prefix in ("handoff", "guardrail"):
        if name in (f"{prefix}_missed", f"{prefix}_unneeded", f"{prefix}_false_block") and all(
            getattr(case.expected, prefix) is None for case in reviewed
        ):
            return f"no case has expected.{prefix}", f"say expected.{prefix}"
    return None


def _recorded_file(suite: Suite) -> Iterator[Remark]:
    match suite.config.agent.line:
        case RecordedLine(target) if not (suite.root / target).is_file():
            yield Remark("error", str(suite.root / target), f"{suite.name}: no such file of traces")


def _baseline(suite: Suite, golden: GoldenSet | None) -> Iterator[Remark]:
    path = suite.baseline
    update = f'evalgate baseline update {suite.asked} --trials 10 --reason "..."'
    if not path.exists():
        yield Remark("warning", str(path), f"{suite.name}: there is no baseline yet", update)
        return
    try:
        baseline = load_baseline(path)
    except EvalgateError as error:
        yield Remark("error", str(path), error.message, error.fix)
        return
    if golden is not None and baseline.suite.golden_digest != golden.digest:
        message = f"{suite.name}: made of another version of {suite.golden}"
        yield Remark("warning", str(path), message, update)
    else:
        yield Remark(
            "ok",
            str(path),
            f"baseline of {number_of(baseline.suite.trials, 'trial')}, {suite.name}",
        )


def _shared_baselines(suites: tuple[Suite, ...]) -> Iterator[Remark]:
    first: dict[Path, str] = {}
    for suite in suites:
        known = first.setdefault(suite.baseline.resolve(), suite.name)
        if known != suite.name:
            message = f"suites {known!r} and {suite.name!r} share one baseline file"
            yield Remark("error", str(suite.baseline), message, "baseline: baselines/OTHER.json")
