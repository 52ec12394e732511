"""Makes, shows and checks the committed baselines."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from evalgate.errors import ConfigError, EvalgateError, ExitCode
from evalgate.gate.baseline import baseline_of_report, objections
from evalgate.gate.judge import GateInputs
from evalgate.output.numbers import amount
from evalgate.run.run import RunOptions, run_plan
from evalgate.schema.baseline import Baseline, Provenance
from evalgate.store.baseline import load_baseline, save_baseline
from evalgate.store.git import read_state
from evalgate.store.golden_sets.golden import load_golden
from evalgate.stress.suite import check_stress
from evalgate.suite.environment import Environment
from evalgate.suite.events import Listener
from evalgate.suite.plan import Filters, make_plan
from evalgate.suite.policy import Overrides, suite_metrics, with_overrides
from evalgate.suite.suite import Suite
from evalgate.text.counts import number_of


@dataclass(frozen=True, slots=True)
class Update:
    """How baselines are replaced."""

    reason: str
    """Why; kept in the file."""
    trials: int | None = None
    """Fresh trials a case; null: the configuration's."""
    force: bool = False
    """Whether objections are overridden, and recorded in the file."""


@dataclass(frozen=True, slots=True)
class BaselineState:
    """Whether a baseline is usable."""

    text: str
    """What to tell."""
    exit_code: int
    """0 usable, 2 broken, 3 missing or of another golden set."""


def update_baselines(
    suites: Sequence[Suite], update: Update, environment: Environment, listen: Listener
) -> Iterator[str]:
    """Run fresh trials of each suite, replace its baseline, and say what was written.

    Raises:
        ConfigError: The result should not become a baseline, and `force` is not given.
    """
    # Read once: the first baseline that is written makes the tree dirty for the next.
    states = {suite.root: read_state(suite.root) for suite in suites}
    for suite in suites:
        overrides: dict[str, object] = {} if update.trials is None else {"trials": update.trials}
        chosen = with_overrides(suite, Overrides(overrides))
        plan = make_plan(chosen, Filters())
        check_stress(plan)
        inputs = GateInputs(today=environment.timestamp())
        report = asyncio.run(run_plan(plan, RunOptions(), inputs, environment, listen))
        state = states[suite.root]
        subject = report.subject.model_copy(
            update={"git_commit": state.commit, "dirty": state.dirty}
        )
        report = report.model_copy(update={"subject": subject})
        against = objections(report)
        if against and not update.force:
            raise ConfigError(
                f"suite {suite.name!r}: this should not become a baseline: {'; '.join(against)}",
                fix="mend it, or add --force (recorded in the file)",
            )
        baseline = baseline_of_report(
            report,
            plan.metrics,
            chosen.config.gate,
            Provenance(
                created=environment.timestamp(),
                ci_run=_ci_run(environment),
                reason=update.reason,
                forced=against,
            ),
            {name: environment.versions[name] for name in ("evalgate", "python")},
        )
        suite.baseline.parent.mkdir(parents=True, exist_ok=True)
        save_baseline(suite.baseline, baseline)
        yield f"wrote {suite.baseline}: {_summary(baseline)}"


def _ci_run(environment: Environment) -> str | None:
    """Link the CI run, where one makes the baseline."""
    found = {
        name: environment.environ.get(name, "")
        for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID", "CI_JOB_URL")
    }
    if found["GITHUB_RUN_ID"]:
        return "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}".format(
            **found
        )
    return found["CI_JOB_URL"] or None


def describe_baseline(suite: Suite) -> str:
    """Say what a baseline holds.

    Raises:
        BaselineMissing: There is none.
        DataError: It is broken.
    """
    baseline = load_baseline(suite.baseline, suite_metrics(suite))
    made = baseline.provenance
    commit = baseline.subject.git_commit or "an unknown commit"
    lines = [
        f"{suite.baseline}: {_summary(baseline)}",
        f"  made {made.created} at {commit}: {made.reason}",
        *(f"  forced: {rule}" for rule in made.forced),
    ]
    lines += [
        f"  {name:28} {amount(metric.mean, metric.unit)}"
        + (f"  (standard error {metric.se:.3g})" if metric.se is not None else "")
        for name, metric in baseline.metrics.items()
    ]
    return "\n".join(lines)


def check_baseline(suite: Suite) -> BaselineState:
    """Check that a baseline is there, whole, unedited and of today's golden set."""
    try:
        baseline = load_baseline(suite.baseline, suite_metrics(suite))
        golden = load_golden(suite.golden)
    except EvalgateError as error:
        return BaselineState(f"{suite.name}: {error}", error.exit_code)
    if baseline.suite.golden_digest != golden.digest:
        text = (
            f"{suite.baseline}: made of another version of {suite.golden}\n"
            f'  fix: evalgate baseline update {suite.asked} --trials 10 --reason "..."'
        )
        return BaselineState(text, ExitCode.INCONCLUSIVE)
    return BaselineState(f"{suite.baseline}: ok, {_summary(baseline)}", ExitCode.PASSED)


def _summary(baseline: Baseline) -> str:
    suite = baseline.suite
    success = baseline.metrics.get("task_success_rate")
    shown = "" if success is None else f", task_success_rate {success.mean:g}"
    return f"{number_of(suite.cases, 'case')} x {number_of(suite.trials, 'trial')}{shown}"
