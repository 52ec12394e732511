"""`evalgate selftest`: shows that the gate of a suite stops what it is there to stop.

Faults are planted into a copy of the suite that answers from recorded trials, in a temporary
folder; the user's files are only read. A gate that was never seen to block is decoration.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from evalgate.commands.baseline import Update, update_baselines
from evalgate.commands.fault_injection import PLANTS, Plant, Recording
from evalgate.errors import EvalgateError, ExitCode, NoEvidence
from evalgate.metrics.judged import judge_scores
from evalgate.output.view import headline
from evalgate.run.run import RunOptions, run_suite
from evalgate.schema.config import SuiteConfig
from evalgate.schema.result import Manifest
from evalgate.store.atomic import write_text
from evalgate.store.golden_sets.golden import load_golden, write_golden
from evalgate.store.run_lines import iter_traces, iter_trials
from evalgate.store.runs import list_runs, read_manifest
from evalgate.stress.settings import with_options
from evalgate.suite.environment import Environment
from evalgate.suite.events import Listener, silent
from evalgate.suite.plan import Filters, Plan, make_plan
from evalgate.suite.policy import suite_metrics
from evalgate.suite.suite import Suite

CONTROL: Final = "nothing (control)"
_LEFT_OUT: Final = (
    *("golden", "agent", "baseline", "reference", "trials", "max_trials", "caps"),
    *("gateway", "judges", "verdicts", "stress"),
)
"""Fields of a suite that its copy has its own of, or none."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One fault, and what the gate made of it."""

    name: str
    """What was planted."""
    done: str
    """What that was, in words."""
    code: int | None
    """The exit code; null: it could not be planted."""
    said: str
    """The gate's first line."""
    wanted: tuple[int, ...] = (ExitCode.FAILED, ExitCode.INCONCLUSIVE)
    """Exit codes that stop it for the right reason."""

    @property
    def stopped(self) -> bool:
        """Whether the gate stopped it; a fault that could not be planted was not stopped."""
        return self.code in self.wanted


@dataclass(frozen=True, slots=True)
class SelfTest:
    """What came of all faults in one suite."""

    suite: str
    source: str
    """Where its trials come from, in words."""
    control: Attempt
    """The suite without a fault: it has to pass, or nothing is shown."""
    attempts: tuple[Attempt, ...]
    """One a fault."""
    left_out: tuple[str, ...] = ()
    """Gated metrics that only a judge gives, which judged no planted trial."""

    @property
    def exit_code(self) -> int:
        """0: every fault was stopped; 1: one was not; 3: the suite does not even pass as it is."""
        if self.control.code != 0:
            return 3
        return 0 if all(attempt.stopped for attempt in self.attempts) else 1


def selftest(suite: Suite, environment: Environment, listen: Listener) -> SelfTest:
    """Plant every fault into a copy of a suite, and judge each copy.

    The trials are those of the newest complete run of today's golden set; where there is none the
    suite is run once.

    Args:
        suite: The suite.
        environment: The machine.
        listen: Is told of the trials, where the suite has to be run.

    Raises:
        EvalgateError: The suite cannot be run.
    """
    with TemporaryDirectory(prefix="evalgate-selftest-") as name:
        folder = Path(name)
        source, run = _trials(suite, folder, environment, listen)
        given = Recording(load_golden(suite.golden).cases, tuple(iter_traces(run)))
        copy = _copy(suite, given, folder / "control", folder / "baseline.json")
        for _ in update_baselines([copy], Update("selftest", force=True), environment, silent):
            pass
        plan = make_plan(copy, Filters())
        control = _attempt(CONTROL, "", copy, environment)
        attempts = tuple(
            _planted(plant, plan, given, folder, environment) for plant in PLANTS.values()
        )
        edited = _edited(copy, folder, environment)
        stressed = _stressed(suite, copy, environment)
        left_out = tuple(sorted(_judged(suite) & suite.config.gate.metrics.keys()))
        return SelfTest(suite.name, source, control, (*attempts, edited, *stressed), left_out)


def _trials(
    suite: Suite, folder: Path, environment: Environment, listen: Listener
) -> tuple[str, Path]:
    """Find a complete run of a suite, or make one in a temporary folder."""
    golden = load_golden(suite.golden)
    for run in reversed(list_runs(suite.runs)):
        manifest = read_manifest(run)
        if _is_whole(manifest, run, suite, golden.digest, len(golden.cases)):
            return f"of run {run.name}", run
    runs = folder / "runs"
    run_suite(replace(suite, runs=runs), RunOptions(sandbox="on"), environment, listen)
    return "of a run made just now", list_runs(runs)[-1]


def _is_whole(manifest: Manifest, run: Path, suite: Suite, digest: str, cases: int) -> bool:
    same = (manifest.suite, manifest.golden_digest, manifest.agent) == (
        suite.name,
        digest,
        suite.config.agent.run,
    )
    if not same or manifest.selected is not None or manifest.finished is None:
        return False
    return sum(result.trial < manifest.trials for result in iter_trials(run)) == (
        cases * manifest.trials
    )


def _copy(suite: Suite, given: Recording, folder: Path, baseline: Path) -> Suite:
    """Make a suite that has the policy of another and answers from recorded trials."""
    folder.mkdir(parents=True)
    write_golden(folder / "golden.jsonl", given.cases)
    lines = (trace.model_dump_json(by_alias=True, exclude_none=True) for trace in given.traces)
    write_text(folder / "traces.jsonl", "".join(f"{line}\n" for line in lines))
    data = suite.config.model_dump(exclude_unset=True)
    kept = {key: value for key, value in data.items() if key not in _LEFT_OUT}
    judged = _judged(suite)
    gate = dict(kept.get("gate", {}))
    metrics = {n: g for n, g in gate.get("metrics", {}).items() if n not in judged}
    replayed = suite.config.gateway is not None
    config = SuiteConfig.model_validate(
        {
            **kept,
            "golden": str(folder / "golden.jsonl"),
            "agent": {"run": f"recorded:{folder / 'traces.jsonl'}"},
            "baseline": str(baseline),
            "noise": "none" if replayed else suite.config.noise,
            "gate": {**gate, "metrics": metrics} if gate else {},
        }
    )
    return replace(suite, config=config, runs=folder / "runs", trust=None, base_root=None)


def _judged(suite: Suite) -> frozenset[str]:
    """Name the metrics that only a judge gives: planted trials were judged by nobody."""
    scores = {s for names in judge_scores(suite.config.judges).values() for s in names.values()}
    return frozenset(name for name, m in suite_metrics(suite).items() if m.score in scores)


def _planted(
    plant: Plant, plan: Plan, given: Recording, folder: Path, environment: Environment
) -> Attempt:
    planted = plant.make(plan, given)
    if planted is None:
        return Attempt(plant.name, "could not be planted", None, plant.impossible)
    worse, done = planted
    place = folder / plant.name.replace(" ", "-")
    copy = _copy(plan.suite, worse, place, plan.suite.baseline)
    return _attempt(plant.name, done, copy, environment)


def _edited(copy: Suite, folder: Path, environment: Environment) -> Attempt:
    """Lower a number of the baseline by hand."""
    text = copy.baseline.read_text(encoding="utf-8")
    edited = folder / "edited.json"
    name = next((line for line in text.splitlines() if '"mean": ' in line), None)
    if name is None:
        return Attempt("edited baseline", "could not be planted", None, "it has no metric")
    before, _, after = name.partition('"mean": ')
    number = after.partition(",")[0].partition("}")[0]
    lowered = before + '"mean": 0.0123' + after[len(number) :]
    write_text(edited, text.replace(name, lowered))
    suite = replace(copy, config=copy.config.model_copy(update={"baseline": str(edited)}))
    done = "a number of the baseline is edited by hand"
    return replace(_attempt("edited baseline", done, suite, environment), wanted=(ExitCode.INPUT,))


def _stressed(suite: Suite, copy: Suite, environment: Environment) -> tuple[Attempt, ...]:
    """Let a provider take one request a minute, where the suite has a stress check."""
    if suite.config.stress is None:
        return ()
    from evalgate.stress.suite import stress_suite  # noqa: PLC0415  # heavy

    done = "the provider takes one request a minute, and nobody retries"
    fields = {"quota": {"rpm": 1}, "retry": "none", "engine": "simulate", "most_seeds": 1}
    config = with_options(suite.config.stress, fields)
    hopeless = replace(copy, config=copy.config.model_copy(update={"stress": config}))
    try:
        report = stress_suite(hopeless, None, environment, silent)
    except EvalgateError as error:
        return (Attempt("stress", done, error.exit_code, error.message.splitlines()[0]),)
    return (Attempt("stress", done, report.exit_code, headline(report)),)


def _attempt(name: str, done: str, suite: Suite, environment: Environment) -> Attempt:
    """Judge a copy as `evalgate run --baseline` judges the suite."""
    try:
        report = run_suite(suite, RunOptions(baseline=""), environment, silent)
    except EvalgateError as error:
        kind = "no verdict" if isinstance(error, NoEvidence) else "refused"
        first = error.message.splitlines()[0].replace(f"{suite.baseline.parent}/", "")
        return Attempt(name, done, error.exit_code, f"{kind}: {first}")
    return Attempt(name, done, report.exit_code, headline(report))


def table(tested: SelfTest) -> Iterator[str]:
    """Write what came of a self-test, a line a fault."""
    yield f"{tested.suite}: faults planted into the trials {tested.source}"
    rows = [(tested.control, "passes" if tested.control.code == 0 else "does not pass")]
    rows += [(one, "stopped" if one.stopped else "NOT STOPPED") for one in tested.attempts]
    for attempt, word in rows:
        code = "-" if attempt.code is None else str(int(attempt.code))
        yield f"  {word:12} exit {code:3} {attempt.name}: {attempt.done or attempt.said}"
        if attempt.done:
            yield f"{'':23}{attempt.said}"
    if tested.left_out:
        yield f"  left out, since no judge is asked here: {', '.join(tested.left_out)}"
    match tested.exit_code:
        case 0:
            yield f"{tested.suite}: the gate stopped all {len(tested.attempts)} faults"
        case 1:
            missed = [one.name for one in tested.attempts if not one.stopped]
            yield f"{tested.suite}: the gate did NOT stop: {', '.join(missed)}"
        case _:
            yield f"{tested.suite}: it does not pass as it is, so nothing is shown"
