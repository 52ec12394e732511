"""What `import evalgate` offers: evaluate a suite from Python, compare, load, write scorers.

Every function is synchronous and works inside a running event loop, as in a notebook.
"""

import asyncio
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from evalgate.agents.tooling import tool
from evalgate.commands.compare import CompareOptions, compare_stored
from evalgate.commands.details import find_place, named_reports
from evalgate.errors import BaselineMissing, ConfigError, DataError, NothingSelected
from evalgate.gate.reports import combine
from evalgate.importers.traces.capture import Capture
from evalgate.run.run import RunOptions, run_suites
from evalgate.schema.config import SuiteConfig
from evalgate.schema.golden import Case
from evalgate.schema.result import CaseResult, MetricValue, ReportSet
from evalgate.schema.result import Report as SuiteReport
from evalgate.schema.score import Abstained, Broken, Scored
from evalgate.schema.trace import Trace
from evalgate.schema.verdict import CaseChange, Check, Outcome
from evalgate.scorers.user import scorer
from evalgate.store.atomic import write_text
from evalgate.store.golden_sets.golden import load_golden as load_golden_set
from evalgate.store.golden_sets.golden_set import GoldenSet, duplicate_ids, expectation_problems
from evalgate.store.problems import problems_of
from evalgate.suite.environment import this_machine
from evalgate.suite.events import silent
from evalgate.suite.plan import Filters
from evalgate.suite.policy import Overrides
from evalgate.suite.suite import Given, Selection, find_suites
from evalgate.suite.suite import Suite as ConfiguredSuite

__all__ = [
    "Abstained",
    "Broken",
    "Case",
    "Report",
    "Scored",
    "Suite",
    "Trace",
    "capture",
    "compare",
    "evaluate",
    "load_golden",
    "load_report",
    "scorer",
    "tool",
]

Scorer = Callable[..., Any]
"""A function of a case and a trace; it may be asynchronous, and marked with `@scorer`."""

_Result = TypeVar("_Result")
_RUNS = Path(".evalgate/runs")
_CONFIG = Path("evalgate.yaml")
_IN_PYTHON = "<in Python>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A golden set, an agent and scorers, as Python objects.

    Example:
        >>> case = Case(id="sum", input="2+2", expected={"output": {"equals": "4"}})
        >>> suite = Suite(golden=[case], agent=lambda text: "4")
    """

    golden: Sequence[Case] | str | Path
    """The cases, or the path of a golden set."""
    agent: object
    """A function `(input)` or `(case, context)`, an object with `ainvoke` or `invoke`, or a text as
    in `evalgate.yaml`, e.g. `python:my_agent:answer`. A function runs in this process; one that is
    not asynchronous runs in threads."""
    scorers: Sequence[Scorer] | Mapping[str, Scorer] = ()
    """Functions of a case and a trace; each is a metric of its own name."""
    name: str = "suite"
    """Its name."""
    gate: Mapping[str, object] = field(default_factory=dict)
    """The policy, as under `gate:` in `evalgate.yaml`, e.g. `{"metrics": {"task_success_rate":
    {"min": 0.9}}}`."""
    trials: int = 1
    """Trials a case."""
    concurrency: int = 16
    """Trials at once."""
    timeout_s: float = 120.0
    """Seconds a trial may take."""
    root: str | Path = "."
    """Folder that paths are relative to; runs are kept in `.evalgate/runs` there."""


class Report:
    """What an evaluation says: its verdict, metrics, checks and cases."""

    __slots__ = ("_reports",)

    def __init__(self, reports: ReportSet) -> None:
        """Wrap the reports of one suite or several."""
        self._reports = reports

    @property
    def verdict(self) -> Outcome:
        """`pass`, `fail` or `inconclusive`."""
        return self._reports.verdict

    @property
    def exit_code(self) -> int:
        """What the command would exit with: 0 passed, 1 failed, 2 wrong input, 3 inconclusive."""
        return self._reports.exit_code

    @property
    def suites(self) -> dict[str, "Report"]:
        """The report of each suite, by name."""
        return {one.suite.id: Report(combine([one])) for one in self._reports.suites}

    @property
    def metrics(self) -> dict[str, MetricValue]:
        """Every metric that has evidence, by name; `value` is None where it is unknown."""
        return dict(self._only.metrics)

    @property
    def checks(self) -> tuple[Check, ...]:
        """All checks, worst first."""
        return self._only.checks

    @property
    def cases(self) -> tuple[CaseResult, ...]:
        """Every case with its trials; empty for a comparison of stored files."""
        return self._only.cases

    @property
    def changes(self) -> tuple[CaseChange, ...]:
        """What became of each case against the baseline, worst first."""
        return self._only.changes

    @property
    def failed(self) -> tuple[CaseResult, ...]:
        """Cases of which a trial did not finish, or was not a success."""
        from evalgate.output.cases.rows import is_failed  # noqa: PLC0415  # output is not imported

        return tuple(case for case in self._only.cases if any(map(is_failed, case.trials)))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader should know."""
        return self._only.warnings

    @property
    def _only(self) -> SuiteReport:
        if len(self._reports.suites) != 1:
            names = ", ".join(one.suite.id for one in self._reports.suites)
            raise ConfigError(
                f"this report is of {len(self._reports.suites)} suites: {names}",
                fix="take one: report.suites[name]",
            )
        return self._reports.suites[0]

    def to_markdown(self) -> str:
        """Return the report as GitHub shows it."""
        return self._rendered("markdown")

    def to_text(self) -> str:
        """Return the report as a terminal shows it."""
        return self._rendered("terminal")

    def to_json(self) -> str:
        """Return the report as JSON, `evalgate.report/1`, or `reports/1` of several suites."""
        return self._rendered("json")

    def save(self, path: str | Path) -> None:
        """Write the report as JSON, whole or not at all.

        Raises:
            InputError: The file cannot be written.
        """
        write_text(Path(path), self.to_json())

    def _rendered(self, form: str) -> str:
        from evalgate.output.style import Renderer, Style  # noqa: PLC0415  # rich is heavy
        from evalgate.registry import resolve  # noqa: PLC0415

        render: Renderer = resolve("renderers", form)
        return render(self._reports, Style())

    def _repr_markdown_(self) -> str:
        return self.to_markdown()

    def __repr__(self) -> str:
        """Say the verdict of each suite."""
        said = ", ".join(f"{one.suite.id}: {one.verdict}" for one in self._reports.suites)
        return f"<evalgate.Report {said}>"


def evaluate(
    what: Suite | str | Path = "evalgate.yaml",
    *,
    suites: Sequence[str] = (),
    cases: Sequence[str] = (),
    baseline: bool | str | Path | Report | None = None,
    threshold: float | str | None = None,
    record: bool = False,
) -> Report:
    """Run suites and judge them, as `evalgate run` does.

    Args:
        what: A suite, or the path of a configuration.
        suites: Suites of the configuration; empty: all.
        cases: Only these cases.
        baseline: True for the suite's own baseline, a path, or an earlier report; None compares
            with nothing.
        threshold: The relative drop that fails, e.g. 0.05 or "5%".
        record: Whether model calls are recorded anew; they cost money.

    Raises:
        ConfigError: Something cannot be used as it is given.
        DataError: A file is not readable.
        BaselineMissing: The baseline is not there.
        NothingSelected: There is no case.
    """
    names = _listed(suites)
    if isinstance(what, Suite):
        if set(names) - {what.name}:
            raise ConfigError(f"suites={list(names)}: the suite that is given is {what.name!r}")
        chosen: tuple[ConfiguredSuite, ...] = (_resolved(what),)
    else:
        chosen = find_suites(Selection(Path(what), names))
    with ExitStack() as stack:
        options = RunOptions(
            baseline=_named(baseline, stack),
            filters=Filters(cases=_listed(cases)),
            overrides=Overrides(threshold=None if threshold is None else str(threshold)),
            calls="record" if record else "replay",
            partial=bool(cases),
            command=None
            if isinstance(what, Suite)
            else f"evalgate.evaluate({str(what)!r}, suites={list(names)})",
        )
        ran = _outside_of_loops(lambda: run_suites(chosen, options, this_machine(), silent))
    if ran.errors:
        raise ran.errors[0][1]
    return Report(ran.reports)


def compare(
    baseline: Report | str | Path,
    candidate: Report | str | Path,
    *,
    threshold: float | str | None = None,
    mode: str | None = None,
) -> Report:
    """Compare two reports, baselines, run folders, or results of other tools.

    Args:
        baseline: What is compared against.
        candidate: What is judged.
        threshold: The relative drop that fails, e.g. 0.05.
        mode: `plain`, `confirmed` or `strict`.

    Raises:
        BaselineMissing: The baseline is not there.
        ConfigError: A side, the threshold or the mode cannot be used as it is given.
        DataError: A side is not readable.
    """
    with ExitStack() as stack:
        sides = [Path(_named(_side(side), stack) or "") for side in (baseline, candidate)]
        options = CompareOptions(
            baseline=sides[0],
            current=sides[1],
            threshold=None if threshold is None else str(threshold),
            mode=mode,
        )
        return Report(compare_stored(options, this_machine()))


def load_report(path: str | Path = "latest") -> Report:
    """Load a stored report.

    Args:
        path: A `report.json`, a run folder, the id of a run, or `latest`: that of every suite
            of the newest evaluation or command. Ids are those of the folder the program runs in.

    Raises:
        BaselineMissing: There is no such file.
        ConfigError: `evalgate.yaml` is there and not valid.
        DataError: It is no report.
    """
    try:
        return Report(named_reports(find_place(_CONFIG), (str(path),))[0])
    except DataError as error:
        if Path(path).exists():
            raise
        raise BaselineMissing(error.message, fix=error.fix) from error


def load_golden(path: str | Path) -> tuple[Case, ...]:
    """Load a golden set.

    Raises:
        DataError: With every problem of the file.
    """
    return load_golden_set(Path(path)).cases


def _listed(names: Sequence[str]) -> tuple[str, ...]:
    """Take a text for one name, not for its letters."""
    return (names,) if isinstance(names, str) else tuple(names)


def _side(side: Report | str | Path) -> Report | str | Path:
    """Refuse what would stand for the folder that the program runs in.

    Raises:
        ConfigError: It is no side of a comparison.
    """
    if not isinstance(side, Report | str | Path) or side == "":
        raise ConfigError(f"nothing to compare: found {side!r}, expected a report or a path")
    return side


def _named(side: "bool | str | Path | Report | None", stack: ExitStack) -> str | None:
    """Name a side by a path; the empty text is a suite's own baseline."""
    if side is None or side is False:
        return None
    if side is True:
        return ""
    if isinstance(side, Report):
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        path = Path(folder, "report.json")
        Report(combine([side._only])).save(path)  # noqa: SLF001  # our own class
        return str(path)
    return str(side)


def _resolved(suite: Suite) -> ConfiguredSuite:
    """Bring a suite of objects into the form that everything else works with.

    Raises:
        ConfigError: A field is not usable, or two scorers have one name.
        DataError: A case is not usable.
        NothingSelected: There is no case.
    """
    in_python = not isinstance(suite.golden, str | Path)
    functions = _by_name(suite.scorers)
    root = Path(suite.root)
    data = {
        "golden": _IN_PYTHON if in_python else str(suite.golden),
        "agent": {"run": suite.agent if isinstance(suite.agent, str) else f"python:{_IN_PYTHON}"},
        "scorers": {name: _call(function) for name, function in functions.items()},
        "gate": dict(suite.gate) if isinstance(suite.gate, Mapping) else suite.gate,
        "trials": suite.trials,
        "concurrency": suite.concurrency,
        "timeout_s": suite.timeout_s,
    }
    try:
        config = SuiteConfig.model_validate(data)
    except ValidationError as error:
        first = problems_of(error, SuiteConfig, data)[0]
        place = first.pointer[1:].replace("/", ".")
        raise ConfigError(f"suite {suite.name!r}: {place}: {first.message}") from error
    given = Given(
        golden=None if isinstance(suite.golden, str | Path) else _golden(suite.golden),
        agent=None if isinstance(suite.agent, str) else suite.agent,
        scorers=functions,
    )
    return ConfiguredSuite(
        name=suite.name, config=config, root=root, runs=root / _RUNS, given=given
    )


def _call(function: Scorer) -> Any:  # noqa: ANN401  # a text stands for a scorer's block
    inner = function.func if isinstance(function, partial) else function
    return f"{getattr(inner, '__module__', '?')}:{getattr(inner, '__qualname__', '?')}"


def _by_name(scorers: Sequence[Scorer] | Mapping[str, Scorer]) -> dict[str, Scorer]:
    if isinstance(scorers, Mapping):
        return dict(scorers)
    if isinstance(scorers, str) or not isinstance(scorers, Iterable):
        raise ConfigError(
            f"scorers: found {scorers!r:.80}, expected a list of functions",
            fix="scorers=[my_scorer]",
        )
    found: dict[str, Scorer] = {}
    for function in scorers:
        inner = function.func if isinstance(function, partial) else function
        name = getattr(inner, "__name__", type(inner).__name__)
        if name in found:
            raise ConfigError(
                f"two scorers are named {name!r}", fix='scorers={"first": ..., "second": ...}'
            )
        found[name] = function
    return found


def _golden(cases: Sequence[Case]) -> GoldenSet:
    rows = tuple(cases) if isinstance(cases, Iterable) else (cases,)
    if not rows:
        raise NothingSelected(
            "the golden set in Python has no case, so nothing can be concluded",
            fix='golden=[Case(id="first", input="...")]',
        )
    for number, row in enumerate(rows, 1):
        if not isinstance(row, Case):
            raise DataError(
                f"case {number} of the golden set in Python: found {row!r:.80}, expected a Case",
                fix='golden=[Case(id="first", input="...")], or the path of a golden set',
            )
    numbered = list(enumerate(rows, 1))
    problems = [p for number, case in numbered for p in expectation_problems(number, case)]
    problems += duplicate_ids(numbered)
    if problems:
        first = problems[0]
        raise DataError(f"case {first.line} of the golden set in Python: {first.message}")
    lines = tuple(number for number, _ in numbered)
    return GoldenSet.of(Path(_IN_PYTHON), rows, lines)


def _in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _outside_of_loops(call: Callable[[], _Result]) -> _Result:
    """Call a function that starts an event loop; in a thread where one is running already."""
    if not _in_a_loop():
        return call()
    done: list[_Result] = []
    failed: list[BaseException] = []

    def work() -> None:
        try:
            done.append(call())
        except BaseException as error:  # noqa: BLE001  # raised again in the caller's thread
            failed.append(error)

    thread = threading.Thread(target=work, name="evalgate")
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return done[0]


def capture() -> Capture:
    """Return a span processor that collects an instrumented agent's steps, trial by trial.

    Add it to the tracer provider of the OpenTelemetry SDK; `capture.trial(case_id)` names what
    runs, and `capture.take()` returns the traces.
    """
    return Capture()
