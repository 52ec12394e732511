"""What a live run will take, told before it is made: calls, tokens, USD, minutes."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from evalgate.errors import DataError
from evalgate.pricing import PriceBook
from evalgate.schema.config import GatewayConfig
from evalgate.schema.result import Report
from evalgate.suite.plan import Plan

if TYPE_CHECKING:
    from evalgate.gateway.forecast import Forecast, PlannedCall


def forecast_cases(plan: Plan, case_ids: Collection[str]) -> "Forecast | None":
    """Forecast a live run of some cases from what is recorded.

    A case without a recording is taken for the average of those that have one.

    Args:
        plan: The suite and its cases.
        case_ids: Cases that need a live run.

    Returns:
        The forecast, or null where nothing is recorded to forecast from.
    """
    from evalgate.gateway.forecast import forecast  # noqa: PLC0415  # heavy
    from evalgate.suite.gateway_agent import live_price, quota_of  # noqa: PLC0415  # heavy

    config = plan.suite.config.gateway or GatewayConfig()
    recorded = dict(_recorded(plan))
    if not recorded:
        return None
    known = [call for name in case_ids for call in recorded.get(name, ())]
    average = _average(recorded.values())
    guessed = [
        replace(call, trial=(name, trial))
        for name in case_ids
        if name not in recorded
        for trial in range(plan.suite.config.trials)
        for call in average
    ]
    book = PriceBook(overrides=plan.suite.config.prices)
    quota = quota_of(config.limits)
    return forecast(
        [*known, *guessed],
        quota,
        lambda model, usage: live_price(book, model, usage),
        concurrency=plan.suite.config.concurrency,
    )


def record_hint(plan: Plan, report: Report) -> str | None:
    """Say what a live run of the trials that a replay missed takes, and how to start it."""
    missed = [
        case.id
        for case in report.cases
        if any(trial.status == "not_measured" for trial in case.trials)
    ]
    if plan.calls != "replay" or not missed:
        return None
    forecast = forecast_cases(plan, missed)
    told = "" if forecast is None else f"  ({forecast.sentence(len(report.cases))})"
    return f"evalgate run {plan.suite.asked} --record-missing{told}"


def _recorded(plan: Plan) -> "Iterable[tuple[str, tuple[PlannedCall, ...]]]":
    from evalgate.gateway.cassette_index import CassetteIndex  # noqa: PLC0415  # heavy
    from evalgate.gateway.forecast import planned_calls  # noqa: PLC0415  # heavy

    shelf = CassetteIndex(plan.suite.cassettes)
    for case in plan.golden.cases:
        cassette = shelf.cassette(case.id)
        if isinstance(cassette, DataError):
            continue
        calls = planned_calls(case.id, cassette)
        if calls:
            yield case.id, calls


def _average(
    recorded: "Iterable[tuple[PlannedCall, ...]]",
) -> "tuple[PlannedCall, ...]":
    """Take the calls of the case in the middle, by their number, for a typical case."""
    ordered = sorted(recorded, key=len)
    return ordered[len(ordered) // 2]
