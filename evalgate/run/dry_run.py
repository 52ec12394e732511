"""`evalgate run --dry-run`: what a run would take, without a single live call."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from evalgate.errors import EvalgateError
from evalgate.run.forecast import forecast_cases
from evalgate.run.run import RunOptions, filters_of, run_suite
from evalgate.store.stored import stored_summary
from evalgate.suite.environment import Environment
from evalgate.suite.events import silent
from evalgate.suite.plan import Plan, make_plan
from evalgate.suite.policy import with_overrides
from evalgate.suite.suite import Suite
from evalgate.text.counts import number_of


def dry_run(
    suites: Sequence[Suite], options: RunOptions, environment: Environment
) -> Iterator[str]:
    """Yield a line a suite: live calls, tokens, USD and minutes that the run would take.

    What `--record-missing` would have to record is found by a replay, which is free.
    """
    for suite in suites:
        if suite.trust is not None and suite.trust.settled is not None:
            yield f"{suite.name}: nothing runs: {suite.trust.settled.checks[0].reason}"
            continue
        chosen = with_overrides(suite, options.overrides)
        plan = make_plan(
            chosen, filters_of(chosen, options, environment), options.calls, options.judge
        )
        yield f"{suite.name}: {_sentence(plan, options, environment)}"


def _sentence(plan: Plan, options: RunOptions, environment: Environment) -> str:
    if plan.mode == "recorded" or plan.calls == "replay":
        return "no live call: what is recorded is replayed"
    if plan.calls is None:
        return _from_baseline(plan)
    needed = [case.id for case in plan.cases]
    if plan.calls == "auto":
        needed = _missing(plan, options, environment)
    if not needed:
        return "no live call: everything is recorded"
    forecast = forecast_cases(plan, needed)
    if forecast is None:
        return (
            f"{number_of(len(needed), 'case needs', 'cases need')} a live run, and nothing is "
            "recorded to forecast it from"
        )
    tokens = " + ".join(
        f"{'an unknown number of' if count is None else f'{count:,}'} {kind}"
        for count, kind in (
            (forecast.input_tokens, "input"),
            (forecast.output_tokens, "output tokens"),
        )
    )
    unpriced = f" (no price for {', '.join(forecast.unpriced)})" if forecast.unpriced else ""
    told = forecast.sentence(len(plan.cases))
    return f"{told}; {number_of(forecast.calls, 'call')}, {tokens}{unpriced}"


def _missing(plan: Plan, options: RunOptions, environment: Environment) -> list[str]:
    replay = replace(options, calls="replay", baseline=None)
    report = run_suite(plan.suite, replay, environment, silent)
    return [
        case.id
        for case in report.cases
        if any(trial.status == "not_measured" for trial in case.trials)
    ]


def _from_baseline(plan: Plan) -> str:
    """Forecast an agent that calls its model itself from what the baseline cost."""
    trials = len(plan.cases) * plan.suite.config.trials
    try:
        side = stored_summary(plan.suite.baseline, plan.suite.runs, plan.metrics)
    except EvalgateError:
        return f"{number_of(trials, 'trial')}; there is no baseline to forecast their cost from"
    cost = side.values.get("cost_per_interaction")
    if cost is None:
        return f"{number_of(trials, 'trial')}; the baseline does not know what one costs"
    return f"{number_of(trials, 'trial')}: about {cost * trials:.2f} USD, as in the baseline"
