"""What one process knows of one run of pytest: open suites, what they gave, and the verdicts.

Every case of a suite is an item that passes when the case was measured, whatever its score. The
verdict is a last item of its own, made by the process that sees all results: under xdist the
controller, else the only one. So it is the same with and without workers.
"""

import shlex
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from evalgate.commands.measured import (
    Measured,
    in_parts,
    judge_measured,
    read_measured,
    shown_scores,
)
from evalgate.errors import EvalgateError, NoEvidence
from evalgate.gate.reports import combine
from evalgate.output.json import render as as_json
from evalgate.output.style import Style
from evalgate.output.terminal import render as as_text
from evalgate.output.view import gating_checks, headline
from evalgate.run.session import OpenSuite, open_session
from evalgate.schema.config import AgentConfig, SuiteConfig
from evalgate.schema.golden import Case
from evalgate.schema.result import Report
from evalgate.schema.trace import Trace
from evalgate.store.atomic import write_text
from evalgate.store.golden_sets.golden import load_golden
from evalgate.stress.organisation import ORGANISATION, Share, joint_reports
from evalgate.suite.environment import this_machine
from evalgate.suite.plan import Filters, make_plan
from evalgate.suite.suite import Selection, Suite, find_suites
from evalgate.text.escape import terminal

_Phase = Literal["setup", "call", "teardown"]


class SuiteNode(pytest.Collector):
    """A suite, between the session and its cases."""

    run: "Run"
    suite: Suite

    def collect(self) -> Iterator["CaseItem"]:
        """Make an item of each case."""
        for case in make_plan(self.suite, Filters()).cases:
            item: CaseItem = CaseItem.from_parent(self, name=case.id)
            item.run, item.suite = self.run, self.suite
            item.add_marker("evalgate")
            yield item


class CaseItem(pytest.Item):
    """A case of a suite; it is measured in the set-up, so that no evidence is an error."""

    run: "Run"
    suite: Suite

    def setup(self) -> None:
        """Run every trial of the case."""
        items = (item for item in self.session.items if isinstance(item, CaseItem))
        mates = [item.name for item in items if item.parent is self.parent]
        self.run.measure(self, self.suite, self.name, mates)

    def runtest(self) -> None:
        """Pass: the case was measured."""

    def reportinfo(self) -> tuple[Path, None, str]:
        """Name the case as pytest lists it."""
        return self.path, None, self.nodeid


@dataclass
class Run:
    """One process of one run of pytest."""

    config: pytest.Config
    """Its options."""
    travels: str
    """The user property in which results travel."""
    stack: ExitStack = field(default_factory=ExitStack)
    sessions: dict[tuple[str, str], OpenSuite] = field(default_factory=dict)
    outgoing: dict[str, str] = field(default_factory=dict)
    """What the next report of an item takes along, by the item's id."""
    measured: list[Measured] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    shares: list[Share] = field(default_factory=list)
    """What suites bring to the joint stress check."""
    troubles: list[str] = field(default_factory=list)

    def collect(self, session: pytest.Session) -> list[pytest.Item]:
        """Make items of the cases of every suite that is asked for.

        Raises:
            UsageError: The configuration or a golden set is not usable.
        """
        items: list[pytest.Item] = []
        try:
            for suite in self._configured():
                nodeid = f"{self._file()}::{suite.name}"
                node = SuiteNode.from_parent(session, name=suite.name, nodeid=nodeid)
                node.run, node.suite = self, suite
                items.extend(node.collect())
        except EvalgateError as error:
            raise pytest.UsageError(str(error)) from error
        return items

    def cases(self, golden: Path) -> tuple[Case, ...]:
        """Read the cases of a golden set.

        Raises:
            UsageError: It is not usable.
        """
        try:
            return load_golden(golden).cases
        except EvalgateError as error:
            raise pytest.UsageError(str(error)) from error

    def trace(
        self, item: pytest.Item, golden: Path, agent: str | None, case: Case, mates: Sequence[str]
    ) -> Trace:
        """Run a case of a golden set, and return the trace of its first trial."""
        suite = self._suite_of(golden, agent)
        self.measure(item, suite, case.id, mates)
        return self._session(suite).trace(case.id, 0)

    def measure(self, item: pytest.Item, suite: Suite, case_id: str, mates: Sequence[str]) -> None:
        """Run a case, and let what it gave travel with the item's report.

        Args:
            item: The item.
            suite: The suite.
            case_id: The case.
            mates: All cases this process will be asked for; without xdist they run at once.

        Raises:
            NoEvidence: A trial was not measured.
            EvalgateError: The agent cannot be run at all.
        """
        session = self._session(suite)
        if not hasattr(self.config, "workerinput"):
            session.ask(mates)
        results = session.results(case_id)
        own = None if suite.source is not None else str(suite.golden)
        self.outgoing[item.nodeid] = Measured(
            suite=suite.name,
            case_id=case_id,
            trials=session.trials,
            results=results,
            folder=str(session.folder.resolve()),
            golden=own,
            agent=None if own is None else suite.config.agent.run,
            judge=session.judge(),
        ).text()
        item.user_properties.extend(shown_scores(results[: session.trials]))
        for result in results:
            if result.status == "not_measured":
                raise NoEvidence(f"trial {result.trial} was not measured: {result.error}")

    def send_along(
        self, item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport
    ) -> None:
        """Put what was measured into the first report after it."""
        text = self.outgoing.pop(item.nodeid, None)
        if text is not None:
            report.user_properties.append((self.travels, text))
        if call.excinfo is not None and isinstance(call.excinfo.value, EvalgateError):
            report.longrepr = terminal(str(call.excinfo.value))

    def receive(self, texts: Sequence[str]) -> None:
        """Take up what reports brought along."""
        self.measured += [read_measured(text) for text in texts]

    def close(self) -> None:
        """End what still runs; trials that ended are on disk."""
        self.stack.close()
        self.sessions.clear()

    def conclude(self, session: pytest.Session) -> None:
        """Judge every suite, report the verdicts as items, and write the report."""
        asked = self.config.getoption("evalgate")
        suites = self._configured() if asked else ()
        for suite in suites:
            self._report_verdict(session, suite.name, self._judged(suite, asked=True))
        for joint in self._together(suites):
            self._report_verdict(session, ORGANISATION, joint)
        names = {suite.name for suite in suites}
        for name, golden, agent in dict.fromkeys(
            (m.suite, m.golden, m.agent) for m in self.measured
        ):
            if golden is not None:
                self._judged(self._suite_of(Path(golden), agent), asked=False)
            elif name not in names:
                self._judged(self._named(name), asked=False)
        output = self.config.getoption("evalgate_output")
        if output and self.reports:
            write_text(Path(output), as_json(combine(self.reports), Style()))

    def summarise(self, shown: pytest.TerminalReporter) -> None:
        """Show every report as `evalgate run` does, and what could not be judged."""
        if not self.reports and not self.troubles:
            return
        shown.write_sep("=", "evalgate")
        if self.reports:
            style = Style(color=bool(shown.hasmarkup))
            shown.write(as_text(combine(self.reports), style).rstrip("\n") + "\n")
        for trouble in self.troubles:
            shown.write_line(terminal(trouble))

    def _file(self) -> str:
        return Path(self.config.getoption("evalgate_config")).name

    def _path(self) -> Path:
        """Find the configuration; relative where it can be, as reports show it."""
        path = self.config.rootpath / str(self.config.getoption("evalgate_config"))
        here = Path.cwd()
        return path.relative_to(here) if path.is_relative_to(here) else path

    def _configured(self) -> tuple[Suite, ...]:
        """Find the suites that are asked for."""
        return find_suites(Selection(self._path(), tuple(self.config.getoption("evalgate_suite"))))

    def _named(self, name: str) -> Suite:
        (suite,) = find_suites(Selection(self._path(), (name,)))
        return suite

    def _suite_of(self, golden: Path, agent: str | None) -> Suite:
        """Find the configured suite of a golden set and an agent, or make one without policy."""
        named = self.config.getoption("evalgate_config") != "evalgate.yaml"
        for suite in find_suites(Selection(self._path())) if named or self._path().exists() else ():
            same = suite.golden.resolve() == golden.resolve()
            if same and agent in (None, suite.config.agent.run):
                return suite
        if agent is None:
            message = (
                f"{golden}: no suite of {self._file()} has this golden set; name the agent with "
                "@pytest.mark.golden(..., agent='python:my_agent:answer'), or override the fixture "
                "evalgate_agent"
            )
            raise pytest.UsageError(message)
        root = self.config.rootpath
        config = SuiteConfig(golden=str(golden.resolve()), agent=AgentConfig(run=agent))
        return Suite(name=golden.stem, config=config, root=root, runs=root / ".evalgate/runs")

    def _session(self, suite: Suite) -> OpenSuite:
        """Return the open session of a suite."""
        key = (suite.name, suite.config.agent.run)
        if key not in self.sessions:
            worker = getattr(self.config, "workerinput", {})
            name, share = worker.get("workerid", "main"), worker.get("workercount", 1)
            ragas = self.config.getoption("ragas")
            if ragas and not suite.config.judges:
                raise NoEvidence(
                    f"--ragas: suite {suite.name!r} has no judge to ask",
                    fix="judges: {faithful: {kind: ragas, model: gpt-4o-mini}} in evalgate.yaml",
                )
            plan = make_plan(in_parts(suite), Filters(), judge="auto" if ragas else "replay")
            opened = open_session(plan, this_machine(), str(name), share=int(share))
            self.sessions[key] = self.stack.enter_context(opened)
        return self.sessions[key]

    def _judged(self, suite: Suite, *, asked: bool) -> Report | str:
        """Judge a suite; a text says why it cannot be judged."""
        own = None if suite.source is not None else str(suite.golden)
        parts = [m for m in self.measured if (m.suite, m.golden) == (suite.name, own)]
        baseline = self.config.getoption("evalgate_baseline") if asked else None
        try:
            command = shlex.join(["pytest", *map(str, self.config.invocation_params.args)])
            report, share = judge_measured(suite, parts, baseline, this_machine(), command)
        except EvalgateError as error:
            self.troubles.append(f"{suite.name}: {error}")
            return str(error)
        self.reports.append(report)
        self.shares += [] if share is None else [share]
        return report

    def _together(self, suites: Sequence[Suite]) -> Sequence[Report | str]:
        """Hold suites that share one quota against it together."""
        try:
            joint = joint_reports(suites, self.shares)
        except EvalgateError as error:
            self.troubles.append(f"{ORGANISATION}: {error}")
            return [str(error)]
        self.reports += joint
        return joint

    def _report_verdict(self, session: pytest.Session, suite: str, judged: Report | str) -> None:
        """Report a verdict as an item: failed on fail, an error where it is inconclusive."""
        nodeid = f"{self._file()}::{suite}::verdict"
        location = (self._file(), None, nodeid)
        passed, failed = _phases(judged)
        session.testscollected += 1
        self.config.hook.pytest_runtest_logstart(nodeid=nodeid, location=location)
        phases: list[_Phase] = [*passed, *failed, "teardown"]
        for when in phases:
            report = pytest.TestReport(
                nodeid=nodeid,
                location=location,
                keywords={"evalgate": 1},
                outcome="failed" if when in failed else "passed",
                longrepr=_said(judged) if when in failed else None,
                when=when,
                user_properties=_properties(judged),
            )
            self.config.hook.pytest_runtest_logreport(report=report)
        self.config.hook.pytest_runtest_logfinish(nodeid=nodeid, location=location)


def _phases(judged: Report | str) -> tuple[list[_Phase], list[_Phase]]:
    """Say which phases of a verdict's item pass, and which fail: a failed set-up is an error."""
    verdict = "inconclusive" if isinstance(judged, str) else judged.verdict
    match verdict:
        case "pass":
            return ["setup", "call"], []
        case "fail":
            return ["setup"], ["call"]
        case _:
            return [], ["setup"]


def _said(judged: Report | str) -> str:
    """Say why a verdict is no pass, check by check."""
    if isinstance(judged, str):
        return terminal(judged)
    lines = [headline(judged)]
    for check in gating_checks(judged):
        if check.outcome != "pass" and check.accepted is None:
            lines.append(f"{check.id}: {check.reason}")
            lines += [f"  fix: {check.fix}"] if check.fix else []
    return "\n".join(terminal(line) for line in lines)


def _properties(judged: Report | str) -> list[tuple[str, object]]:
    """Write the verdict and every metric as properties, for JUnit."""
    if isinstance(judged, str):
        return [("verdict", "inconclusive")]
    metrics = [
        (name, "unknown" if metric.value is None else repr(metric.value))
        for name, metric in judged.metrics.items()
    ]
    return [("verdict", judged.verdict), ("exit_code", str(judged.exit_code)), *metrics]
