"""The run folder beside its trials: the manifest, the report, and whether a run can go on."""

from fractions import Fraction
from pathlib import Path

from evalgate.errors import ConfigError
from evalgate.run.evaluate import TrialSet
from evalgate.schema.result import Manifest, Report, Subject
from evalgate.stats.pairing import exact_quantile
from evalgate.stats.rounding import round4
from evalgate.store.git import read_state
from evalgate.store.runs import (
    find_run,
    new_run_id,
    prune_runs,
    read_manifest,
    write_manifest,
    write_report,
)
from evalgate.suite.environment import Environment
from evalgate.suite.plan import Plan
from evalgate.suite.policy import config_digest


def new_manifest(plan: Plan, environment: Environment, command: str | None = None) -> Manifest:
    """Describe a new run of a plan, and the working tree it starts from."""
    suite = plan.suite
    state = read_state(suite.root, (suite.runs, suite.cassettes, suite.verdicts))
    return Manifest(
        run_id=new_run_id(environment.now(), _run_name(plan)),
        suite=suite.name,
        golden=str(suite.golden),
        golden_digest=plan.golden.digest,
        agent=suite.config.agent.run,
        trials=suite.config.trials,
        selected=tuple(case.id for case in plan.cases) if plan.partial else None,
        created=environment.timestamp(),
        subject=Subject(git_commit=state.commit, dirty=state.dirty),
        tree=state.tree,
        config_digest=config_digest(suite.config),
        environment=dict(environment.versions),
        command=command,
        config=None if suite.source is None else str(suite.source),
    )


def _run_name(plan: Plan) -> str:
    """Name a run after its suite; shards may start in the same millisecond."""
    part = "" if plan.shard is None else f"-{plan.shard.number}-of-{plan.shard.count}"
    return plan.suite.name + part


def keep_report(
    folder: Path,
    manifest: Manifest,
    report: Report,
    trials: TrialSet,
    plan: Plan,
    environment: Environment,
) -> None:
    """Write a report into its run folder, finish the manifest, and prune older runs.

    A run that a cap ended is not finished: it can be resumed.
    """
    write_report(folder, report)
    state = manifest.subject
    subject = trials.subject.model_copy(
        update={"git_commit": state.git_commit, "dirty": state.dirty}
    )
    done = {
        "finished": environment.timestamp() if trials.cap is None else None,
        "subject": subject,
        "measured": _measured(trials) or manifest.measured,
        "trials": trials.trials,  # settling and recorded agents bring their own number
    }
    write_manifest(folder, manifest.model_copy(update=done))
    prune_runs(plan.suite.runs, plan.suite.keep_runs, spare={folder})


def _measured(trials: TrialSet) -> dict[str, float]:
    found = {
        "own_time_p50": exact_quantile(trials.own_times, Fraction(1, 2)),
        "own_time_p95": exact_quantile(trials.own_times, Fraction(19, 20)),
    }
    return {name: round4(float(value)) for name, value in found.items() if value is not None}


def resumable_run(wanted: str, plan: Plan, environment: Environment) -> Path:
    """Find the run to go on with.

    Raises:
        DataError: There is no such run.
        ConfigError: It is finished, or it was of another agent, golden set, configuration, commit
            or working tree: its trials would be judged as this one's.
    """
    folder = find_run(plan.suite.runs, wanted)
    then, now = read_manifest(folder), new_manifest(plan, environment)
    for what, old, new in (
        ("suite", then.suite, now.suite),
        ("golden set", then.golden_digest, now.golden_digest),
        ("agent", then.agent, now.agent),
        ("commit", then.subject.git_commit, now.subject.git_commit),
        ("configuration", then.config_digest, now.config_digest),
    ):
        if old != new:
            raise _refused(folder, f"its {what} is {old!r}, now it is {new!r}")
    if then.finished is not None:
        raise _refused(
            folder,
            f"it finished at {then.finished}",
            f"`evalgate score {folder.name}` judges its trials again; or start a new run",
        )
    if then.tree is None or then.tree != now.tree:
        raise _refused(folder, "the working tree has changed since it was started")
    return folder


def _refused(folder: Path, why: str, fix: str = "start a new run without --resume") -> ConfigError:
    return ConfigError(f"{folder}: cannot be resumed: {why}", fix=fix)
