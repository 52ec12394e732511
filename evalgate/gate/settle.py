"""Settling: whether one more trial of every case is needed.

Start with one trial a case; while a gated metric is unsettled and trials are left, run one more
trial of *every* case (running only the failures again would bias the result); then the plain rule
judges all trials.
"""

from collections.abc import Iterable

from evalgate.gate.comparison import ByCase, Comparison
from evalgate.gate.rules import rule_of
from evalgate.metrics.registry import METRICS
from evalgate.schema.config import SuiteConfig
from evalgate.stats.quality import never_settles


def unsettled(comparison: Comparison) -> tuple[str, ...]:
    """Name the gated metrics of which noise over trials still decides the outcome."""
    return tuple(_unsettled(comparison))


def _unsettled(comparison: Comparison) -> Iterable[str]:
    for compared in comparison.metrics:
        result = compared.result
        if compared.rule.gate == "advisory" or not isinstance(result, ByCase):
            continue
        if result.uncertainty is not None and not result.uncertainty.settled:
            yield compared.metric.name


def needs_more_trials(comparison: Comparison, max_trials: int) -> bool:
    """Say whether one more trial of every case should be run.

    Args:
        comparison: The comparison over all trials so far.
        max_trials: The most trials a case may get.
    """
    if not comparison.noisy or comparison.blocked is not None:
        return False
    done = max((len(case.numbers) for case in comparison.candidate.gating()), default=0)
    return 0 < done < max_trials and bool(unsettled(comparison))


def cannot_settle(suite: SuiteConfig, cases: int, baseline_trials: int) -> str | None:
    """Say why a configuration that asks for settled results can never have one, or nothing.

    Args:
        suite: The suite.
        cases: Cases that gate in its golden set.
        baseline_trials: Trials a case in its baseline.
    """
    asks = suite.max_trials is not None or suite.gate.mode == "strict"
    if not asks or suite.noise == "none":
        return None
    rule = rule_of(METRICS["task_success_rate"], suite.gate)
    if rule.gate != "standard" or rule.unit != "relative":
        return None
    return never_settles(cases, suite.max_trials or suite.trials, baseline_trials, rule.tau)
