"""How often the gates together cry wolf, and when a report warns of it."""

from typing import Any

import pytest

from evalgate.gate.compare import compare
from evalgate.gate.false_alarms import CAUTION, any_false_alarm, caution
from evalgate.gate.verdict import decide
from evalgate.metrics.registry import METRICS
from evalgate.schema.config_parts.gate import GateConfig
from evalgate.schema.score import Scored
from evalgate.schema.verdict import Check, GateQuality
from evalgate.stats.summary import CaseSummary, RunSummary


def _check(rate: float | None, *, trials: tuple[int, int] = (10, 5), **fields: Any) -> Check:  # noqa: ANN401  # fields of a check
    return Check(
        id="x",
        kind="relative",
        outcome="pass",
        reason="",
        trials_baseline=trials[0],
        trials_candidate=trials[1],
        quality=GateQuality(false_alarm_rate=rate),
        **{"settled": False, "baseline": 0.8, "candidate": 0.7, **fields},
    )


def test_one_trial_a_case_is_warned_of() -> None:
    """On either side; the way out is on the side that has one."""
    now = caution([_check(0.05, trials=(10, 1)), _check(0.05, trials=(10, 1), settled=True)])
    assert now is not None
    assert now.startswith(
        "may be noise: 2 metrics of a noisy agent on 10 v 1 trials a case, 1 not settled: "
        "an unchanged agent fails in about 10 % of runs; `evalgate run --trials 5`"
    )
    then = caution([_check(None, trials=(1, 5))])
    assert then is not None
    assert (
        "an unchanged agent fails often; `evalgate baseline update --trials 10 --reason WHY`"
        in then
    )


@pytest.mark.parametrize(("rate", "warned"), [(0.09, False), (0.11, True)])
def test_many_false_alarms_are_warned_of(rate: float, warned: bool) -> None:  # noqa: FBT001  # a row
    """From a tenth of the runs on, whatever the trials."""
    assert warned == (caution([_check(rate)]) is not None)


@pytest.mark.parametrize(
    "fields",
    [
        {"settled": None},
        {"settled": True},
        {"gate": "advisory"},
        {"unit": "ratio", "baseline": 1.0, "candidate": 1.0},
        {"unit": "USD", "baseline": 0.02, "candidate": 0.02},
    ],
)
def test_what_is_exact_or_settled_is_no_noise(fields: dict[str, Any]) -> None:
    """Replay of the same recordings, a clear change, what gates nothing, and what never varied."""
    assert caution([_check(0.5, trials=(1, 1), **fields)]) is None


def test_a_rate_that_is_neither_nought_nor_whole_varies() -> None:
    """The same share of failures, in other cases perhaps."""
    assert caution([_check(None, trials=(1, 1), unit="ratio", candidate=0.8)]) is not None


def test_rates_of_independent_metrics_add_up() -> None:
    """1 - .9 x .8; unknown where one is."""
    assert pytest.approx(0.28) == any_false_alarm([_check(0.1), _check(0.2)])
    assert any_false_alarm([_check(0.1), _check(None)]) is None


@pytest.mark.parametrize(("mode", "warned"), [("plain", 1), ("confirmed", 0)])
def test_the_plain_verdict_says_it_first(mode: str, warned: int) -> None:
    """A mode that asks statistics needs no warning of them."""

    def side(failing: int) -> RunSummary:
        cases = {
            f"c{n}": CaseSummary(
                id=f"c{n}",
                digest="d",
                numbers=(0,),
                statuses=("finished",),
                columns={"task_success": (Scored(float(n % 5 != failing)),)},
            )
            for n in range(30)
        }
        return RunSummary(source="x", cases=cases, trials=1)

    policy = GateConfig.model_validate({"mode": mode})
    verdict = decide(compare(side(0), side(1), METRICS, policy), policy)
    assert warned == sum(text.startswith(CAUTION) for text in verdict.warnings)
    assert not warned or verdict.warnings[0].startswith(CAUTION)
