"""The pytest plugin: suites as test items, golden sets as parameters.

Only pytest is imported here until evalgate is asked for: by `--evalgate`, or by a test that is
marked `golden`. All else is in `evalgate.pytest_run`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

    from evalgate.pytest_run import Run
    from evalgate.schema.golden import Case
    from evalgate.schema.trace import Trace


TRAVELS = "evalgate_measured"
"""The user property in which results travel from the process that measured them."""

_RUN = pytest.StashKey["Run"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options; all but `--ragas` are prefixed."""
    group = parser.getgroup("evalgate", "evalgate: golden sets, suites and their verdicts")
    add = group.addoption
    add("--evalgate", action="store_true", help="Run the suites of evalgate.yaml as test items.")
    add("--evalgate-config", metavar="FILE", default="evalgate.yaml", help="The configuration.")
    add(
        "--evalgate-suite",
        metavar="NAME",
        action="append",
        default=[],
        help="Only this suite; may be repeated.",
    )
    add(
        "--evalgate-baseline",
        metavar="FILE",
        nargs="?",
        const="",
        help="Compare with FILE (--evalgate-baseline=FILE), or with each suite's own baseline.",
    )
    add("--evalgate-output", metavar="FILE", help="Write the report as JSON, for compare.")
    add("--ragas", action="store_true", help="Ask the judges of the suites (needs their keys).")


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers."""
    config.addinivalue_line(
        "markers", "golden(path, agent=None): run the test once for each case of a golden set"
    )
    config.addinivalue_line("markers", "evalgate: a case of a suite, run by --evalgate")


def _run(config: pytest.Config) -> Run:
    """Return what knows of suites in this process, and import it where nobody has."""
    if _RUN not in config.stash:
        from evalgate.pytest_run import Run  # noqa: PLC0415  # heavy

        config.stash[_RUN] = Run(config, TRAVELS)
    return config.stash[_RUN]


def pytest_sessionstart(session: pytest.Session) -> None:
    """Remove the report of an earlier run: it must not pass for this one's."""
    config = session.config
    if hasattr(config, "workerinput"):
        return
    for name in ("suite", "baseline"):
        if config.getoption(f"evalgate_{name}") not in (None, []) and not config.option.evalgate:
            message = f"--evalgate-{name} does nothing without --evalgate"
            raise pytest.UsageError(message)
    output = config.getoption("evalgate_output")
    if output:
        try:
            Path(output).parent.mkdir(parents=True, exist_ok=True)
            Path(output).unlink(missing_ok=True)
        except OSError as error:
            message = f"--evalgate-output {output}: cannot be written: {error.strerror}"
            raise pytest.UsageError(message) from error


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Add the cases of every suite before other plugins choose among the items."""
    if session.config.getoption("evalgate"):
        items.extend(_run(session.config).collect(session))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrise tests that are marked with a golden set."""
    marker = metafunc.definition.get_closest_marker("golden")
    if marker is None:
        return
    if "evalgate_case" not in metafunc.fixturenames:
        message = f"{metafunc.definition.nodeid}: marked golden, and takes no evalgate_case"
        raise pytest.UsageError(message)
    cases = _run(metafunc.config).cases(_golden_path(marker, metafunc.definition))
    metafunc.parametrize("evalgate_case", cases, ids=[case.id for case in cases])


def _golden_path(marker: pytest.Mark, node: pytest.Item) -> Path:
    """Find a golden set: beside the test's file, else in the root folder."""
    if len(marker.args) != 1 or marker.kwargs.keys() - {"agent"}:
        message = f"{node.nodeid}: @pytest.mark.golden takes the path of one golden set, and agent="
        raise pytest.UsageError(message)
    beside = node.path.parent / str(marker.args[0])
    return beside if beside.exists() else node.config.rootpath / str(marker.args[0])


@pytest.fixture
def evalgate_case() -> Case:
    """Give the case of a test that is marked `golden`."""
    message = "evalgate_case needs @pytest.mark.golden('golden.jsonl')"
    raise pytest.UsageError(message)


@pytest.fixture
def evalgate_agent(request: pytest.FixtureRequest) -> str | None:
    """Name the agent of a golden test, as `python:MODULE:NAME`; override it to name another.

    `agent=` of the marker; null: the agent of the configured suite that has this golden set.
    """
    marker = request.node.get_closest_marker("golden")
    return marker.kwargs.get("agent") if marker else None


@pytest.fixture
def evalgate_trace(
    request: pytest.FixtureRequest, evalgate_case: Case, evalgate_agent: str | None
) -> Trace:
    """Run the agent on the case, and give the trace of its first trial, however it ended."""
    marker = request.node.get_closest_marker("golden")
    if marker is None:
        message = "evalgate_trace needs @pytest.mark.golden('golden.jsonl')"
        raise pytest.UsageError(message)
    mates = [_case_of(item) for item in request.session.items if _is_mate(item, marker)]
    golden = _golden_path(marker, request.node)
    return _run(request.config).trace(request.node, golden, evalgate_agent, evalgate_case, mates)


def _is_mate(item: pytest.Item, marker: pytest.Mark) -> bool:
    """Whether an item has its case run together with those of a marker."""
    fixtures = getattr(item, "fixturenames", ())
    return item.get_closest_marker("golden") == marker and "evalgate_trace" in fixtures


def _case_of(item: pytest.Item) -> str:
    name: str = item.callspec.params["evalgate_case"].id  # type: ignore[attr-defined]
    return name


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Send along what was measured; show our errors without a traceback."""
    report = yield
    if _RUN in item.config.stash:
        item.config.stash[_RUN].send_along(item, call, report)
    return report


class _Arrivals:
    """Takes up what reports bring along, in the process where all of them arrive."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        brought = [str(value) for name, value in report.user_properties if name == TRAVELS]
        if brought:
            _run(self.config).receive(brought)
            kept = [pair for pair in report.user_properties if pair[0] != TRAVELS]
            report.user_properties[:] = kept


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """End what still runs; where all reports have arrived, judge the suites."""
    config = session.config
    is_worker = hasattr(config, "workerinput")
    if not is_worker:
        config.pluginmanager.register(_Arrivals(config))
    if config.option.collectonly:
        return (yield)
    wanted = config.getoption("evalgate") and not is_worker
    try:
        result = yield
    except BaseException as error:
        if _RUN in config.stash:
            config.stash[_RUN].close()
        if wanted and isinstance(error, session.Failed | session.Interrupted):
            _run(config).conclude(session)
        raise
    if _RUN in config.stash:
        config.stash[_RUN].close()
    if wanted or (_RUN in config.stash and not is_worker):
        _run(config).conclude(session)
    return result


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show the verdicts."""
    config = terminalreporter.config
    if _RUN in config.stash:
        config.stash[_RUN].summarise(terminalreporter)
